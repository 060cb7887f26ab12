"""What the documents tell people to type exists; the README's Python example runs."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from semsynth.cli.main import app

REPOSITORY = Path(__file__).resolve().parent.parent
DOCUMENTS = [REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md")] + sorted(REPOSITORY.glob("docs/**/*.md"))
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


@pytest.mark.parametrize("arguments", lines_of("semsynth"), ids=" ".join)
def test_commands_and_options_exist(arguments: tuple[str, ...]) -> None:
    command = typer.main.get_command(app)
    remaining = [part for part in arguments if part != "..."]
    name = "semsynth"
    # The parsers themselves say whether they know a word: an unknown one raises.
    context = command.make_context(name, remaining, resilient_parsing=True)
    while hasattr(command, "resolve_command"):
        words = [*context._protected_args, *context.args]
        name, command, remaining = command.resolve_command(context, words)
        context = command.make_context(name, remaining, parent=context, resilient_parsing=True)
    assert not context.args, f"not understood: {context.args}"


def test_documents_show_commands() -> None:
    commands = {arguments[0] for arguments in lines_of("semsynth")}
    assert commands == {
        "synthesize",
        "remake",
        "edit",
        "train",
        "compare",
        "doctor",
        "data",
        "convert",
        "styles",
        "study",
        "studio",
        "render",
        "evaluate",
        "segmenter",
        "label",
        "export",
        "push",
    }


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
        "facade_0.png",
        "facade_1.png",
        "facade_2.png",
        "facade_again.png",
    ]
