from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import semsynth
from semsynth.cli.main import app
from semsynth.errors import SemsynthError

HEAVY = {"torch", "numpy", "PIL", "scipy", "lightning_fabric", "lightning", "transformers", "fastapi", "tensorboard"}
COMMANDS = (
    *("demo", "synthesize", "edit", "train", "compare", "doctor", "data", "convert", "studio", "render"),
    *("evaluate", "segmenter", "label", "study", "bank"),
)
RUN = "from semsynth.cli.main import main; main()"


def loaded_by(code: str) -> set[str]:
    """Top-level packages in a fresh interpreter after ``code``."""
    report = f"{code}\nimport json, sys; print(json.dumps([name.partition('.')[0] for name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", report], check=True, capture_output=True, text=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def semsynth_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", RUN, *arguments], capture_output=True, text=True)


@pytest.mark.parametrize("code", ["import semsynth", "import semsynth.cli.main"])
def test_nothing_heavy_is_imported_before_it_is_needed(code: str) -> None:
    assert not loaded_by(code) & HEAVY


def test_help_of_every_command_imports_nothing_heavy() -> None:
    code = (
        "from typer.testing import CliRunner\nfrom semsynth.cli.main import app\n"
        f"for name in {COMMANDS}: assert CliRunner().invoke(app, [name, '--help']).exit_code == 0, name"
    )
    assert not loaded_by(code) & HEAVY


def test_every_command_is_there() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    assert all(name in result.output for name in COMMANDS)


def test_version() -> None:
    done = semsynth_command("--version")
    assert (done.returncode, done.stdout) == (0, f"semsynth {semsynth.__version__}\n")


@pytest.mark.parametrize("arguments", [["--no-such-option"], ["no-such-command"], ["train"], ["synthesize"]])
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    done = semsynth_command(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_users_mistake_is_one_line_on_stderr(tmp_path: Path) -> None:
    done = semsynth_command("data", "check", str(tmp_path / "nowhere"))
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"error: there is no dataset folder {tmp_path / 'nowhere'}")


def test_an_error_stays_on_one_line_whatever_it_quotes(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(version: bool = False) -> None:
        raise SemsynthError("a\nb.png: wrong  ids: 7,\x1b[2J 8")

    broken = typer.Typer(cls=app.info.cls)
    broken.command("fail")(fail)
    broken.command("other")(lambda: None)
    result = CliRunner().invoke(broken, ["fail"])
    assert result.exit_code == 2
    assert result.stderr == "error: a\\nb.png: wrong ids: 7,\\x1b[2J 8\n"


@pytest.mark.parametrize("words", [["make"], ["group", "make"], ["group", "inner", "make"]])
def test_arguments_that_the_library_names_become_the_commands_options(words: list[str]) -> None:
    message = "`out_dir=a b` is no `size` for `format=x`: leave out `count` and `MODEL`, see `semsynth` or "
    message += "`nothing=3`; `vgg=False` and `boxes=False` go together, `boxes` does not"

    def make(
        model: str = typer.Argument(""),
        out_dir: str = "",
        size: str = "",
        file_format: str = typer.Option("", "--format"),
        count: int = typer.Option(1, "--frames"),
        no_vgg: bool = typer.Option(False, "--no-vgg"),
        boxes: bool = typer.Option(True, "--boxes/--no-boxes"),
    ) -> None:
        raise SemsynthError(message)

    root, group, inner = typer.Typer(cls=app.info.cls), typer.Typer(), typer.Typer()
    for one in (root, group, inner):
        one.command("make")(make)
        one.command("other")(lambda: None)
    group.add_typer(inner, name="inner")
    root.add_typer(group, name="group")
    result = CliRunner().invoke(root, [*words, "--size", "make", "--frames", "2"])
    assert result.exit_code == 2
    assert result.stderr == (
        "error: --out-dir a b is no --size for --format x: leave out --frames and `MODEL`, see `semsynth` or "
        "`nothing=3`; --no-vgg and --no-boxes go together, --boxes does not\n"
    )


def test_other_errors_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("a defect")

    broken = typer.Typer(cls=app.info.cls)
    broken.command("fail")(fail)
    broken.command("other")(lambda: None)
    result = CliRunner().invoke(broken, ["fail"])
    assert isinstance(result.exception, RuntimeError)


@pytest.mark.parametrize(("given", "expected"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_wait_without_spinning_unless_told_otherwise(given: str | None, expected: str) -> None:
    code = "import os, typer\nfrom semsynth.cli.main import app, main\n"
    code += "@app.command()\ndef policy(): typer.echo(os.environ['OMP_WAIT_POLICY'])\nmain()"
    environment = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
    environment |= {"OMP_WAIT_POLICY": given} if given else {}
    done = subprocess.run([sys.executable, "-c", code, "policy"], capture_output=True, text=True, env=environment)
    assert done.stdout == f"{expected}\n"


def test_ctrl_c_exits_with_130() -> None:
    code = (
        "import time, typer\nfrom semsynth.cli.main import app, main\n"
        "@app.command()\ndef wait():\n    print('ready', flush=True); time.sleep(60)\nmain()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "wait"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in errors
