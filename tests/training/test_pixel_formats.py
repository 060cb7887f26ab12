"""Photographs that are not 8-bit RGB, from the files of a dataset to the files that a model makes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_settings import TINY

import semsynth
from semsynth.data.check import check_dataset
from semsynth.data.shards.sharding import shard_folder
from semsynth.data.toy import write_toy
from semsynth.errors import SemsynthError
from semsynth.images import decode_image
from semsynth.pixel_format import FILE, PixelFormat
from semsynth.training.records import new_record

FORMATS = [PixelFormat(channels=1, bits=16), PixelFormat(channels=5, bits=16), PixelFormat(channels=1, bits=8)]


def dataset(root: Path, format: PixelFormat) -> Path:
    """Toy scenes whose photos are of another format."""
    write_toy(root, 6, size=72)
    for path in [*root.glob("*/images/*.png"), *root.glob("*/images/*.jpg")]:
        pixels = decode_image(path)[..., [channel % 3 for channel in range(format.channels)]]
        path.unlink()
        format.write(path.with_suffix(format.suffix), pixels if format.bits == 8 else pixels.astype(np.uint16) * 257)
    (root / FILE).write_text(format.model_dump_json())
    return root


def settings(*more: str) -> dict[str, object]:
    return {"preset": "default", "overrides": (*TINY, *more)}


def test_what_fits_no_format_is_said_before_training(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", FORMATS[1])
    assert not check_dataset(data).problems
    config = new_record("spade", data, **settings()).config
    assert config["generator"]["pixels"] == {"channels": 5, "bits": 16, "range": None}
    assert config["discriminator"]["picture_channels"] == 5
    with pytest.raises(SemsynthError, match=r"5 channels of 16 bits .* reads 3 channels: set loss.perceptual=0"):
        new_record("spade", data, **settings("loss.perceptual=10"))
    with pytest.raises(SemsynthError, match="a style encoder reads 8-bit RGB: set encoder=null"):
        new_record("spade", data, preset="small", perceptual=False)
    with pytest.raises(SemsynthError, match="this system makes 8-bit RGB: train spade"):
        new_record("oasis", data, preset="small")
    with pytest.raises(SemsynthError, match="shards hold 8-bit RGB: train on the folder"):
        shard_folder(data, tmp_path / "shards")
    (data / FILE).write_text('{"channels": 4, "bits": 16}')
    assert "says 4 channels of 16 bits" in check_dataset(data).problems[0]


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS, ids=str)
def test_training_and_synthesis_keep_the_format(tmp_path: Path, format: PixelFormat) -> None:
    data = dataset(tmp_path / "data", format)
    semsynth.train("spade", data, tmp_path / "run", perceptual=False, device="cpu", **settings())
    preview = decode_image(next((tmp_path / "run/samples").iterdir()))
    assert preview.std() > 10
    made = semsynth.synthesize_files(
        data / "val/labels", tmp_path / "made", tmp_path / "run/model", instances=data / "val/instances",
        contact_sheet=True, size=(64, 64),
    )  # fmt: skip
    assert made.photos[0].suffix == format.suffix
    pixels = format.read(made.photos[0])
    assert (pixels.shape, pixels.dtype.itemsize) == ((64, 64, format.channels), format.bits // 8)
    assert format.bits == 8 or (pixels % 257).any()  # there were no 8 bits in between
    assert made.contact_sheet is not None
    model = semsynth.load(tmp_path / "run/model")
    layout = next(iter(sorted((data / "val/labels").iterdir())))
    picture = model(semsynth.Layout.open(layout, model.classes, data / "val/instances" / layout.name), size=(64, 64))
    assert isinstance(picture, Image.Image)
    assert picture.mode == "RGB"


@pytest.mark.slow
def test_another_declaration_is_other_data(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", FORMATS[0])
    semsynth.train("spade", data, tmp_path / "run", perceptual=False, device="cpu", **settings())
    shutil.copytree(data, tmp_path / "copy")
    (tmp_path / "copy" / FILE).write_text('{"channels": 1, "bits": 16, "range": [0, 4095]}')
    with pytest.raises(SemsynthError, match="some of its photos or label maps are others"):
        semsynth.resume(tmp_path / "run", data=tmp_path / "copy", overrides=("training.steps=5",), device="cpu")
