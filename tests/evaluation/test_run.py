"""Scores mean what they say: known changes of real photos order as they must, and nothing else moves a number."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from flags import SIDE, ChangedPhotos, evaluation_of
from PIL import Image, ImageFilter

from semsynth.data.folder import DatasetFolder
from semsynth.data.sample import Sample
from semsynth.errors import SemsynthError
from semsynth.evaluation.pictures import FolderPictures, Picture
from semsynth.evaluation.record import ReportRecord
from semsynth.images import save_png


def scores(result: ReportRecord) -> dict[str, float]:
    """Every number of a result."""
    found: dict[str, float] = {}

    def collect(prefix: str, value: object) -> None:
        if isinstance(value, dict):
            for key, one in value.items():
                collect(f"{prefix}.{key}", one)
        elif isinstance(value, list):
            for number, one in enumerate(value):
                collect(f"{prefix}.{number}", one)
        elif isinstance(value, float):
            found[prefix] = value

    values = result.model_dump(mode="json", exclude={"seconds", "protocol", "versions", "created"})
    collect("", values)
    return found


def shuffled(sample: Sample, data: DatasetFolder) -> Picture:
    image = data[(data.names.index(sample.name) + 7) % len(data)].image
    assert image is not None
    return image


def blurred(sample: Sample) -> Picture:
    return np.asarray(Image.fromarray(sample.image).filter(ImageFilter.GaussianBlur(3)))


def noisy(sample: Sample) -> Picture:
    rng = np.random.default_rng(int(sample.name))
    return np.clip(sample.image + rng.normal(0, 90, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8)


def jpeg(quality: int) -> Callable[[Sample], Picture]:
    def compressed(sample: Sample) -> Picture:
        data = io.BytesIO()
        Image.fromarray(sample.image).save(data, "JPEG", quality=quality, subsampling=0)
        return np.asarray(Image.open(data).convert("RGB"))

    return compressed


def value(result: ReportRecord, distance: str = "frechet_distance") -> float:
    assert result.distances is not None
    found = getattr(result.distances, distance).value
    assert found is not None
    return float(found)


def test_real_photos_against_themselves(flags: Path, tmp_path: Path) -> None:
    result = evaluation_of(flags).run(tmp_path)
    assert result.segmentation == result.oracle
    assert 0.7 < (result.segmentation.mean_iou.value or 0) < 1
    assert value(result) == pytest.approx(0, abs=1e-9)
    assert value(result, "kernel_distance") == pytest.approx(0, abs=1e-12)
    assert [value(result, name) for name in ("precision", "recall", "coverage")] == [1, 1, 1]


def test_shuffled_photos_keep_the_set_and_lose_the_layouts(flags: Path, tmp_path: Path) -> None:
    data = DatasetFolder(flags, "val")
    result = evaluation_of(flags, ChangedPhotos(lambda sample: shuffled(sample, data))).run(tmp_path)
    assert result.oracle is not None
    assert result.segmentation.mean_iou.value < result.oracle.mean_iou.value / 2
    assert value(result) == pytest.approx(0, abs=1e-9)  # of the sets alone nothing has changed: why both are reported


def test_photos_shuffled_inside_raise_the_distance_and_destroy_the_layouts(flags: Path, tmp_path: Path) -> None:
    def inside(sample: Sample) -> Picture:
        assert sample.image is not None
        pixels = sample.image.reshape(-1, 3)
        return np.random.default_rng(int(sample.name)).permutation(pixels).reshape(sample.image.shape)

    result = evaluation_of(flags, ChangedPhotos(inside)).run(tmp_path)
    assert result.oracle is not None
    assert result.distances is not None
    for score in (result.distances.frechet_distance, result.distances.kernel_distance):
        assert score.interval is not None
        assert score.interval[0] > 0
    assert result.segmentation.mean_iou.value < result.oracle.mean_iou.value / 2


def test_photos_of_fewer_layouts_raise_the_distance(flags: Path, tmp_path: Path) -> None:
    data = DatasetFolder(flags, "val")
    repeated = ChangedPhotos(lambda sample: data[data.names.index(sample.name) % 4].image)
    assert value(evaluation_of(flags, repeated).run(tmp_path)) > 0.01


def test_worse_photos_score_worse(flags: Path, tmp_path: Path) -> None:
    changes = {"fine": jpeg(95), "coarse": jpeg(3), "blurred": blurred, "noisy": noisy}
    results = {name: evaluation_of(flags, ChangedPhotos(f, name)).run(tmp_path / name) for name, f in changes.items()}
    distance = {name: value(result) for name, result in results.items()}
    iou = {name: result.segmentation.mean_iou.value or 0 for name, result in results.items()}
    assert 0 < distance["fine"] < distance["coarse"]
    assert distance["fine"] < min(distance["blurred"], distance["noisy"]) / 2
    assert iou["fine"] > max(iou["blurred"], iou["noisy"])  # coarse JPEG takes noise away, which helps to see colours
    kernel = {name: value(result, "kernel_distance") for name, result in results.items()}
    assert kernel["fine"] < min(kernel["blurred"], kernel["noisy"])


def test_batch_size_workers_and_order_change_no_score(flags: Path, tmp_path: Path) -> None:
    source = ChangedPhotos(blurred)
    expected = scores(evaluation_of(flags, source, batch_size=1).run(tmp_path / "1"))
    assert len(expected) > 60
    for name, batch_size, workers in (("3", 3, 0), ("8", 8, 3)):
        found = scores(evaluation_of(flags, source, batch_size=batch_size).run(tmp_path / name, workers))
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)
    backwards = evaluation_of(flags, source, indices=range(23, -1, -1)).run(tmp_path / "backwards")
    forwards = evaluation_of(flags, source).run(tmp_path / "forwards")
    for part in ("segmentation", "oracle"):
        for name in ("mean_iou", "pixel_accuracy", "mean_accuracy"):
            one, other = (getattr(getattr(result, part), name).value for result in (backwards, forwards))
            assert one == pytest.approx(other, abs=1e-6)
    for name in ("frechet_distance", "kernel_distance", "precision", "recall", "density", "coverage"):
        assert value(backwards, name) == pytest.approx(value(forwards, name), rel=1e-6, abs=1e-6)


def test_interrupted_and_resumed_is_uninterrupted(flags: Path, tmp_path: Path) -> None:
    class Interrupted(ChangedPhotos):
        def pictures(self, samples: list[Sample], number: int) -> list[Picture]:  # type: ignore[override]
            if "017" in [sample.name for sample in samples]:
                raise KeyboardInterrupt
            return super().pictures(samples, number)

    whole = evaluation_of(flags, ChangedPhotos(blurred)).run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        evaluation_of(flags, Interrupted(blurred)).run(tmp_path / "cut")
    seen: list[int] = []
    resumed = evaluation_of(flags, ChangedPhotos(blurred)).run(
        tmp_path / "cut", progress=lambda done, _: seen.append(done)
    )
    assert seen == [16, 24]
    assert scores(resumed) == scores(whole)
    with pytest.raises(SemsynthError, match="evaluation of other pictures"):
        evaluation_of(flags, ChangedPhotos(blurred, "others")).run(tmp_path / "cut")


def test_diversity_is_zero_for_equal_samples_and_that_of_the_photos_for_different_layouts(
    flags: Path, tmp_path: Path
) -> None:
    data = DatasetFolder(flags, "val")

    class Other(ChangedPhotos):
        def pictures(self, samples: list[Sample], number: int) -> list[Picture]:  # type: ignore[override]
            moved = [data[(data.names.index(one.name) + number) % len(data)] for one in samples]
            return [one.image for one in moved if one.image is not None]

    same = evaluation_of(flags, samples=2).run(tmp_path / "same").styles
    different = evaluation_of(flags, Other(None), samples=2).run(tmp_path / "different").styles
    assert same is not None
    assert different is not None
    assert same.diversity.value == pytest.approx(0, abs=1e-12)
    assert same.mean_iou[0] == same.mean_iou[1]
    assert different.diversity.value == pytest.approx(different.photos.value, rel=0.1)
    assert different.mean_iou[1] < different.mean_iou[0] / 2


def test_the_oracle_is_the_score_of_the_photos_as_a_folder(flags: Path, tmp_path: Path) -> None:
    names = DatasetFolder(flags, "val").names
    folder = FolderPictures(flags / "val" / "images", names, names, (SIDE, SIDE))
    result = evaluation_of(flags, folder).run(tmp_path / "report")
    assert result.segmentation == result.oracle
    for name in names:
        save_png(tmp_path / "grey" / f"{name}.png", np.full((SIDE, SIDE, 3), 128, np.uint8))
    grey = evaluation_of(flags, FolderPictures(tmp_path / "grey", names, names, None)).run(tmp_path / "of grey")
    assert grey.oracle == result.oracle
    assert (grey.segmentation.mean_iou.value or 0) < 0.3
