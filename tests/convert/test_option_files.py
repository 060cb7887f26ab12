"""Official options in every form in which people have them."""

from __future__ import annotations

import argparse
import pickle
from pathlib import Path
from typing import Any

import pytest

from semsynth.convert.option_files import option_value, read_option_file
from semsynth.errors import SemsynthError

LINES = "---- Options\n  crop_size: 64 \t[default: 256]\n   dataset_mode: ade20k   \t[default: coco]\n use_vae: False\n"
WANTED = {"crop_size": 64, "dataset_mode": "ade20k", "use_vae": False}


@pytest.mark.parametrize(
    "data",
    [
        LINES.encode(),
        LINES.replace("\t", "        ").encode(),
        LINES.encode("utf-16"),
        LINES.encode("utf-16-le"),
        LINES.encode("utf-8-sig"),
        LINES.replace("\n", "\r\n").encode(),
        b'{"crop_size": "64", "dataset_mode": "ade20k", "use_vae": "False", "name": null}',
        b'{"opt": {"crop_size": 64, "dataset_mode": "ade20k", "use_vae": false}}',
        pickle.dumps(argparse.Namespace(**WANTED), 2),
        pickle.dumps(WANTED, 4),
    ],
    ids=["opt.txt", "console", "utf-16", "utf-16 unmarked", "utf-8 marked", "crlf", "json", "nested", "pkl", "dict"],
)
def test_the_same_options_in_every_form(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "opt").write_bytes(data)
    assert read_option_file(tmp_path / "opt") == WANTED


class _Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("code ran",)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"10,100", "holds no options: expected lines such as 'ngf: 64'"),
        (b"python test.py --netG local --ngf 32", "holds no options"),
        (b"", "holds no options"),
        (b"[1]", "holds no options"),
        (b"{", "JSON"),
        (b"[" * 100_000, "JSON"),
        (pickle.dumps(_Harmful(), 2), "cannot be read safely .*names .*print"),
        (b"\x80\x02", "cannot be read safely"),
        (b"a: 1\n" * 300_000, "bytes"),
    ],
    ids=["iterations", "command", "empty", "list", "open", "deep", "code", "cut", "large"],
)
def test_files_without_usable_options(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes, message: str
) -> None:
    (tmp_path / "opt").write_bytes(data)
    with pytest.raises(SemsynthError, match=message) as caught:
        read_option_file(tmp_path / "opt")
    assert "\n" not in str(caught.value)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("text", "value"), [("6", 6), ("-1", -1), ("2.0", 2.0), ("1e-4", 1e-4), ("None", None), ("more", "more"), ("", "")]
)
def test_texts_become_numbers_and_words(text: str, value: Any) -> None:
    assert option_value(text) == value
