"""``semsynth bank``."""

import json
import shutil
from pathlib import Path

import pytest
from command_line import invoke, refused
from drawn_banks import write_dataset
from typer.testing import CliRunner

from semsynth.bank.memory import MemoryBank
from semsynth.cli.main import app

SETTINGS = ("--size", "40x24", "--thin", "pole", "--minimal-share", "0.005", "--workers", "1")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data"), photos=9)


@pytest.fixture(scope="module")
def bank(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bank") / "bank"
    code, output = invoke("bank", "build", "--data", data, "--out", out, *SETTINGS, "--licence", "CC0")
    assert code == 0, output
    assert f"{out}: {len(MemoryBank.open(out))} segments of 9 photos" in output
    return out


def test_build_takes_the_settings(bank: Path) -> None:
    rules = MemoryBank.open(bank).rules
    assert (rules.size, rules.thin, rules.minimal_share) == ((24, 40), {12}, 0.005)


def test_info_lists_classes_from_back_to_front_and_licences(bank: Path) -> None:
    code, output = invoke("bank", "info", bank)
    assert code == 0
    opened = MemoryBank.open(bank)
    names = {10: "ground", 11: "house", 12: "pole"}
    places = [output.index(names[class_id]) for class_id in opened.order]
    assert places == sorted(places)
    assert "9 photos: source not stated; licence CC0" in output
    assert opened.checksum in output


def test_check_exits_with_1_if_something_differs(bank: Path, data: Path, tmp_path: Path) -> None:
    code, output = invoke("bank", "check", bank)
    assert (code, "no problems" in output) == (0, True)
    changed = Path(shutil.copytree(data, tmp_path / "data"))
    shutil.copyfile(changed / "train" / "images" / "1.png", changed / "train" / "images" / "2.png")
    code, output = invoke("bank", "check", bank, "--data", changed)
    assert code == 1
    assert "1 photo is changed (2)" in output


def test_credits_of_single_photos(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "credits.json"
    path.write_text(json.dumps({"3": {"source": "https://example.org/3", "licence": "CC BY 4.0"}}))
    code, output = invoke("bank", "build", "--data", data, "--out", tmp_path / "bank", *SETTINGS, "--credits", path)
    assert code == 0, output
    _, output = invoke("bank", "info", tmp_path / "bank")
    assert "8 photos: source not stated; licence not stated" in output
    assert "1 photo: source https://example.org/3; licence CC BY 4.0" in output


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (("--thin", "lamp"), ("has no class 'lamp'",)),
        (("--size", "9000x9000"), ("working_height",)),
        (("--split", "val"), ("has no split 'val'", "train")),
        (("--credits", "no.json", "--licence", "CC0"), ("leave out --source and --licence",)),
        (("--credits", "no.json"), ("cannot read no.json",)),
        (("--minimal-share", "0.99"), ("no segment has more than 99.00% of a picture",)),
    ],
)
def test_wrong_options_are_one_line(
    data: Path, tmp_path: Path, options: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    arguments = ["bank", "build", "--data", data, "--out", tmp_path / "bank", "--workers", 1, *options]
    refused(CliRunner().invoke(app, list(map(str, arguments))), *parts)


def test_a_bank_that_is_none_is_one_line(tmp_path: Path) -> None:
    for command in ("info", "check"):
        refused(CliRunner().invoke(app, ["bank", command, str(tmp_path)]), "is not a memory bank", "bank.json")


def test_data_that_moved_is_a_note(data: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(data, tmp_path / "data"))
    invoke("bank", "build", "--data", copy, "--out", tmp_path / "bank", *SETTINGS)
    copy.rename(tmp_path / "moved")
    result = CliRunner().invoke(app, ["bank", "check", str(tmp_path / "bank")])
    assert result.exit_code == 0
    assert f"note: the photos are no longer at {copy} and were not compared" in result.stderr
