"""What the documents tell people to type exists; the README's Python example runs."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
import typer.main

from semsynth.cli.main import app

REPOSITORY = Path(__file__).resolve().parent.parent
DOCUMENTS = [REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md")] + sorted(REPOSITORY.glob("docs/**/*.md"))
UsageError = typer.BadParameter.__bases__[0]  # Click's, or that of the Click within Typer
COMMAND = typer.main.get_command(app)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(language: str | None = None) -> Iterator[tuple[Path, str]]:
    for document in DOCUMENTS:
        for name, text in FENCE.findall(document.read_text("utf-8")):
            if language in (None, name):
                yield document, text


def lines_of(program: str) -> list[tuple[str, ...]]:
    found = []
    for _, text in blocks():
        for line in text.replace("\\\n", " ").splitlines():
            if line.startswith(f"{program} "):
                found.append(tuple(shlex.split(line, comments=True)[1:]))
    return sorted(set(found))


def check(arguments: Sequence[str]) -> tuple[str, ...]:
    """The command that ``semsynth ARGUMENTS`` calls, by its words.

    Raises:
        UsageError: an unknown command or option, an option without its value, or a value of the wrong type.
    """
    command, words, remaining = COMMAND, [], [part for part in arguments if part != "..."]
    while True:
        context = command.context_class(command)  # no parsing that forgives
        values, rest, _ = command.make_parser(context).parse_args(list(remaining))
        for parameter in command.get_params(context):
            if values.get(parameter.name) is not None and not parameter.is_eager:
                convert = getattr(parameter, "type_cast_value", parameter.process_value)  # older Typer: Click's own
                convert(context, values[parameter.name])
        if not hasattr(command, "resolve_command"):
            assert not rest, f"not understood: {rest}"
            return tuple(words)
        if not rest:  # "semsynth --version", or the name of a group
            return tuple(words)
        name, command, remaining = command.resolve_command(context, rest)
        words.append(str(name))


@pytest.mark.parametrize("arguments", lines_of("semsynth"), ids=" ".join)
def test_commands_and_options_exist(arguments: tuple[str, ...]) -> None:
    check(arguments)


@pytest.mark.parametrize(
    "line",
    [
        "synthesise MAP.png",
        "synthesize MAP.png --out photos --no-such-option",
        "synthesize MAP.png --out",
        "synthesize MAP.png --out photos --count many",
        "synthesize MAP.png --out photos --count 0",
        "synthesize MAP.png --out photos --precision half",
        "data no-such-command",
        "doctor nonsense",
    ],
)
def test_a_wrong_line_would_be_noticed(line: str) -> None:
    with pytest.raises((UsageError, AssertionError)):
        check(shlex.split(line))


def leaves(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command that does something."""
    if not hasattr(command, "list_commands"):
        yield words
        return
    context = command.context_class(command)
    for name in command.list_commands(context):
        yield from leaves(command.get_command(context, name), (*words, name))


def test_documents_show_every_command() -> None:
    commands = set(leaves(COMMAND))
    shown = {check(arguments) for arguments in lines_of("semsynth")}
    assert commands - shown == set()


@pytest.mark.parametrize("arguments", lines_of("make"), ids=" ".join)
def test_make_targets_exist(arguments: tuple[str, ...]) -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    targets = [argument for argument in arguments if "=" not in argument]  # others set variables
    assert all(re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE) for target in targets)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text("utf-8"))
    local = [link for link in links if not link.startswith("http")]
    missing = [link for link in local if not (document.parent / link).exists()]
    assert not missing


def test_every_page_is_in_the_navigation() -> None:
    navigation = (REPOSITORY / "mkdocs.yml").read_text()
    pages = {path.relative_to(REPOSITORY / "docs").as_posix() for path in REPOSITORY.glob("docs/**/*.md")}
    assert sorted(re.findall(r": ([\w/-]+\.md)$", navigation, re.MULTILINE)) == sorted(pages)


@pytest.mark.parametrize(("document", "code"), list(blocks("python")), ids=lambda value: getattr(value, "name", "code"))
def test_python_examples_compile(document: Path, code: str) -> None:
    compile(code, str(document), "exec")


def test_the_readme_example_runs(tmp_path: Path) -> None:
    (code,) = (text for document, text in blocks("python") if document.name == "README.md")
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "facade.png",
        "facade_0.png",
        "facade_1.png",
        "facade_2.png",
        "facade_again.png",
    ]


@pytest.mark.slow
def test_the_python_page_runs_from_top_to_bottom(tmp_path: Path) -> None:
    blocks_of_page = [text for document, text in blocks("python") if document.name == "python.md"]
    code = "\n".join(blocks_of_page)
    shorter = {"400": "2", "500": "3", "520": "4", "200": "2", "50": "1"}  # otherwise as it stands
    code = re.sub(r'\b(steps"?[:=] ?)(\d+)', lambda found: found[1] + shorter[found[2]], code)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "there is no key 'wdth'" in done.stdout
    for made in ("runs/toy/model", "report/report.html", "runs/compared/index.html", "toy.pt2", "made/manifest.jsonl"):
        assert (tmp_path / made).exists(), made
