"""Bulk synthesis by models of other kinds: collections, pictures as conditions, noise of regions, one photo's style."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from bulk_jobs import job_of, tasks_of
from PIL import Image
from tiny_models import CLASSES, save_tiny_oasis

from semsynth.bulk.engine import in_this_process
from semsynth.bulk.job import make_job
from semsynth.bulk.remake import find_line, remake
from semsynth.bulk.run import run_job
from semsynth.bulk.sources import open_layouts
from semsynth.checkpoint import Card, GeneratorModel, Pix2PixHDModel, save_model
from semsynth.classes import NO_CLASSES
from semsynth.data.condition_folder import ConditionFolder
from semsynth.data.facades import draw_facade
from semsynth.data.folder import CLASSES_FILE, DatasetFolder
from semsynth.data.transforms import Pipeline
from semsynth.errors import SemsynthError
from semsynth.images import decode_image, save_png
from semsynth.layout import LayoutEncoding
from semsynth.models.crn import CRNGeneratorConfig
from semsynth.models.pix2pixhd import Pix2PixHDGeneratorConfig
from semsynth.styles.seeds import picture_seed
from semsynth.synthesizer import load


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def test_collections(tmp_path: Path) -> None:
    encoding = LayoutEncoding(num_classes=CLASSES.num_classes, void="after")
    config = GeneratorModel(generator=CRNGeneratorConfig(encoding=encoding, refinements=3, width_scale=0.004, count=3))
    save_model(tmp_path / "crn", config, CLASSES, config.build(), Card(name="collections"))
    draw_facade(0, 32).save(tmp_path / "maps/a.png")
    with pytest.raises(SemsynthError, match="makes 3 photos of a layout at once, not 2"):
        make_job(tmp_path / "crn", count=2)
    job, synthesizer = make_job(tmp_path / "crn", count=3)
    run_job(job, tasks_of(tmp_path / "maps", job.numbers), CLASSES, tmp_path / "out", in_this_process)
    for number, photo in enumerate(synthesizer.variations(tmp_path / "maps/a.png", 3)):
        assert np.array_equal(decode_image(tmp_path / f"out/train/images/a_{number}.png"), np.asarray(photo))
        line = find_line(tmp_path / "out", f"a_{number}")
        assert line.seed is None
        assert remake(line).equal
    one = job_of(tmp_path / "crn")
    run_job(one, tasks_of(tmp_path / "maps"), CLASSES, tmp_path / "one", in_this_process)
    first = (tmp_path / "out/train/images/a_0.png").read_bytes()
    assert (tmp_path / "one/train/images/a.png").read_bytes() == first


def test_pictures_as_conditions(tmp_path: Path) -> None:
    encoding = LayoutEncoding(num_classes=NO_CLASSES.num_classes, void="none")
    config = Pix2PixHDModel(
        generator=Pix2PixHDGeneratorConfig(encoding=encoding, image_channels=3, width=4, downsamplings=1, blocks=1),
        data=Pipeline(mode="fixed", crop_size=32),
    )
    save_model(tmp_path / "model", config, NO_CLASSES, config.build(), Card(name="edges"))
    rng = np.random.default_rng(0)
    pictures = {"even": (32, 32), "odd": (33, 32)}
    for name, size in pictures.items():
        save_png(tmp_path / f"edges/val/conditions/{name}.png", rng.integers(0, 255, (*size, 3), np.uint8))
    job = job_of(tmp_path / "model")
    layouts = open_layouts(tmp_path / "edges", pictures=True, instances=None)
    assert layouts.classes == NO_CLASSES
    summary = run_job(job, list(layouts.tasks((0,), False)), None, tmp_path / "out", in_this_process)
    assert (summary.made, summary.first_error) == (2, "")
    made = ConditionFolder(tmp_path / "out", "val")
    synthesizer = load(tmp_path / "model", "cpu", "float32")
    for sample in (made[0], made[1]):
        assert sample.image is not None
        assert np.array_equal(sample.image, np.asarray(synthesizer(sample.picture)))
        assert remake(find_line(tmp_path / "out", sample.name)).equal
    assert not (tmp_path / "out" / CLASSES_FILE).exists()


def test_region_seeds_and_what_the_manifest_keeps_of_them(tmp_path: Path) -> None:
    model = save_tiny_oasis(tmp_path / "model")
    draw_facade(0, 64).save(tmp_path / "maps/a.png")
    regions = {"door": 7, 1: 9}
    job, synthesizer = make_job(model, seed=5, region_seeds=regions)
    run_job(job, tasks_of(tmp_path / "maps"), CLASSES, tmp_path / "out", in_this_process)
    seed = picture_seed(5, "a", 0)
    expected = synthesizer(tmp_path / "maps/a.png", seed=seed, region_seeds=regions)
    made = DatasetFolder(tmp_path / "out", "train")[0].image
    assert made is not None
    assert np.array_equal(made, np.asarray(expected))
    assert not np.array_equal(made, np.asarray(synthesizer(tmp_path / "maps/a.png", seed=seed)))
    line = find_line(tmp_path / "out", "a")
    assert line.region_seeds == (("door", 7), (1, 9))
    assert remake(line).equal


def test_the_style_of_one_photo(model: Path, dataset: Path, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    save_png(photo, np.full((40, 40, 3), (200, 90, 40), np.uint8))
    job, synthesizer = make_job(str(model), style=photo)
    tasks = tasks_of(dataset)[:2]
    run_job(job, tasks, CLASSES, tmp_path / "out", in_this_process)
    for task in tasks:
        expected = np.asarray(synthesizer(task.layout.path, style=photo))
        assert np.array_equal(decode_image(tmp_path / f"out/train/images/{task.name}.png"), expected)
    assert remake(find_line(tmp_path / "out", "front_01")).equal
    save_png(photo, np.zeros((40, 40, 3), np.uint8))
    with pytest.raises(SemsynthError, match=r"photo\.png has changed since"):
        run_job(job, tasks_of(dataset), CLASSES, tmp_path / "out", in_this_process)
    with pytest.raises(SemsynthError, match="leave out `count`"):
        make_job(str(model), style=photo, count=2)


def test_a_name_that_cannot_fit_is_a_failure_of_its_layout_alone(model: Path, tmp_path: Path) -> None:
    for name in ("a" * 251, "b"):
        draw_facade(0, 32).save(tmp_path / f"maps/{name}.png")
    job = job_of(model, count=2)
    tasks = tasks_of(tmp_path / "maps", job.numbers)
    for made, kept in ((2, 0), (0, 2)):
        summary = run_job(job, tasks, CLASSES, tmp_path / "out", in_this_process)
        assert (summary.made, summary.kept, summary.failed) == (made, kept, 1)
        assert "name is too long for the file system" in summary.first_error
    assert sorted(path.name for path in (tmp_path / "out/train/images").iterdir()) == ["b_0.png", "b_1.png"]


def test_label_maps_of_other_formats_keep_their_own_suffix(model: Path, tmp_path: Path) -> None:
    draw_facade(0, 32).save(tmp_path / "maps/a.png")
    with Image.open(tmp_path / "maps/a.png") as image:
        image.save(tmp_path / "maps/a.TIFF")
    (tmp_path / "maps/a.png").unlink()
    run_job(job_of(model), tasks_of(tmp_path / "maps"), CLASSES, tmp_path / "out", in_this_process)
    assert (tmp_path / "out/train/labels/a.tif").samefile(tmp_path / "maps/a.TIFF")
    assert len(DatasetFolder(tmp_path / "out", "train")) == 1
