"""Photos of a SIMS model: pieces by seed and by region, their sources, and files that it is exported to."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sims_models import write_model
from toy_bank import SIDE

import semsynth
from semsynth.bank.building import build_bank
from semsynth.bank.memory import MemoryBank
from semsynth.bank.segments import SegmentRules
from semsynth.bank.settings import CanvasSettings
from semsynth.checkpoint import load_model
from semsynth.data.toy import TOY_CLASSES
from semsynth.errors import SemsynthError
from semsynth.exporting import SUFFIXES, ExportFormat, export_model
from semsynth.layout import Layout
from semsynth.studio.describe import describe
from semsynth.studio.served import serve
from semsynth.studio.uploads import Limits
from semsynth.synthesizer.frames import render_frames
from semsynth.synthesizer.photo_files import synthesize_files


@pytest.fixture
def model(scene_bank: MemoryBank, tmp_path: Path) -> Path:
    return write_model(
        tmp_path / "model", CanvasSettings(bank=str(scene_bank.folder), sha256=scene_bank.checksum, elision=0.02)
    )


@pytest.fixture
def layout(scenes: Path) -> Path:
    """A validation layout."""
    return next(iter(sorted((scenes / "val/labels").iterdir())))


def difference(one: object, other: object) -> float:
    first, second = (np.asarray(photo).astype(float) for photo in (one, other))
    return float(np.abs(first - second).max())


def test_seeds_take_other_pieces(model: Path, layout: Path) -> None:
    synthesizer = semsynth.load(model, "cpu", "float32")
    best = synthesizer(layout)
    assert best.size == (SIDE, SIDE)
    assert difference(best, synthesizer(layout, seed=0)) == 0
    assert difference(best, synthesizer(layout, seed=2)) > 5
    first, second = synthesizer.variations(layout, 2)
    assert difference(first, best) == 0
    assert difference(second, best) > 5


def test_regions_choose_among_their_best_pieces(model: Path, layout: Path) -> None:
    synthesizer = semsynth.load(model, "cpu", "float32")
    labels = synthesizer.conditions.open_layout(layout).labels
    region = int(np.bincount(labels.ravel()).argmax())
    photos = synthesizer.style_choices(layout, region)
    assert len(photos) > 1
    assert difference(photos[0], synthesizer(layout)) == 0
    assert difference(photos[1], synthesizer(layout, object_styles={region: 1})) == 0
    assert difference(photos[0], photos[1]) > 5


def test_pictures_of_many_layouts_have_the_best_pieces(model: Path) -> None:
    synthesizer = semsynth.load(model, "cpu", "float32")
    assert [synthesizer.picture_seed(0, name, number) for name, number in (("a", 0), ("b", 0), ("b", 1))] == [0, 0, 1]
    counts = np.unique(synthesizer._styles.bank.class_ids, return_counts=True)
    assert synthesizer.style_modes == {a: min(b, 10) for a, b in zip(*(one.tolist() for one in counts), strict=True)}


def test_the_studio_shows_pieces_as_modes(model: Path) -> None:
    described = describe(serve(str(model), "cpu", "float32"), Limits())
    assert described.abilities.styles
    assert described.abilities.object_styles
    assert max(one.modes for one in described.classes.classes) > 1


def test_bulk_synthesis_by_a_worker_process(model: Path, layout: Path, tmp_path: Path) -> None:
    done = semsynth.synthesize_folder(layout.parent, tmp_path / "out", model, device="cpu", precision="float32")
    assert (done.made, done.failed) == (2, 0)
    with Image.open(tmp_path / "out/train/images" / layout.name) as made:
        assert difference(made, semsynth.load(model, "cpu", "float32")(layout)) <= 1


def test_frames_of_one_seed(model: Path, layout: Path, tmp_path: Path) -> None:
    done = render_frames(layout.parent, tmp_path / "out", model, seed=2, device="cpu", precision="float32")
    assert (done.made, done.kept) == (2, 0)
    with Image.open(tmp_path / "out" / layout.name) as made:
        assert difference(made, semsynth.load(model, "cpu", "float32")(layout, seed=2)) <= 1


def test_sources_are_the_photos_of_which_pixels_are_seen(model: Path, layout: Path, scenes: Path) -> None:
    synthesizer = semsynth.load(model, "cpu", "float32")
    own = synthesizer.conditions.open(scenes / "train/labels/toy_00002.png")
    assert [photo.name for photo in synthesizer.sources(own, synthesizer.style())] == ["toy_00002"]
    names = {photo.name for photo in synthesizer.sources(synthesizer.conditions.open(layout), synthesizer.style())}
    assert len(names) > 1
    assert names <= {path.stem for path in (scenes / "train/images").iterdir()}


def test_files_with_their_sources(model: Path, layout: Path, tmp_path: Path) -> None:
    synthesize_files(layout, tmp_path / "out", model, count=2, sources=tmp_path / "sources.json", device="cpu")
    listed = json.loads((tmp_path / "sources.json").read_text())
    assert list(listed) == [f"{layout.stem}_seed{seed}.png" for seed in range(2)]
    assert all(set(one) == {"name", "source", "licence"} for photos in listed.values() for one in photos)


def test_as_published_the_network_reads_the_shapes_of_the_pieces(
    scene_bank: MemoryBank, layout: Path, tmp_path: Path
) -> None:
    named = CanvasSettings(bank=str(scene_bank.folder), elision=0)
    photos = [
        semsynth.load(write_model(tmp_path / str(faithful), named.model_copy(update={"faithful": faithful})), "cpu")(
            layout
        )
        for faithful in (True, False)
    ]
    assert difference(*photos) > 5


def test_a_model_may_hold_its_bank(scene_bank: MemoryBank, layout: Path, tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", CanvasSettings(bank=str(tmp_path / "gone"), sha256=scene_bank.checksum))
    with pytest.raises(
        SemsynthError,
        match=r"the memory bank .*gone is missing: restore it, or copy it to .*model/bank with",
    ):
        semsynth.load(folder, "cpu")
    shutil.copytree(scene_bank.folder, folder / "bank")
    assert semsynth.load(folder, "cpu")(layout).size == (SIDE, SIDE)


def test_what_cannot_be_asked_for(model: Path, layout: Path) -> None:
    synthesizer = semsynth.load(model, "cpu", "float32")
    with pytest.raises(SemsynthError, match="give a seed instead of a style"):
        synthesizer(layout, style=np.zeros((SIDE, SIDE, 3), np.uint8))
    with pytest.raises(SemsynthError, match="region 3: a piece is a number from 0, the best one, to 9"):
        synthesizer.style(object_styles={3: 10})
    with pytest.raises(SemsynthError, match="the layout has no class 250"):
        synthesizer.check_style(synthesizer.conditions.open(layout), synthesizer.style(object_styles={250: 1}))


def test_classes_without_a_piece_are_told(scenes: Path, layout: Path, tmp_path: Path) -> None:
    rules = SegmentRules(working_height=SIDE, working_width=SIDE, minimal_share=0.3)
    few = build_bank(scenes, tmp_path / "few", rules=rules, workers=1)
    folder = write_model(tmp_path / "model", CanvasSettings(bank=str(few.folder)))
    synthesizer = semsynth.load(folder, "cpu", "float32")
    opened = synthesizer.conditions.open(layout)
    with pytest.warns(UserWarning, match="the bank has no piece of .*sun.*: the network makes them alone"):
        synthesizer.check_style(opened, synthesizer.style())
    assert synthesizer(layout).size == (SIDE, SIDE)
    nothing = Layout(np.full((SIDE, SIDE), 1, np.uint16), TOY_CLASSES)
    assert synthesizer.sources(nothing, synthesizer.style()) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", SUFFIXES)
def test_exported_files_read_the_canvas(model: Path, layout: Path, kind: ExportFormat, tmp_path: Path) -> None:
    out = tmp_path / f"model{SUFFIXES[kind]}"
    record = export_model(load_model(model), out, kind, dynamic_size=True)
    assert [(one.name, one.shape) for one in record.graph.inputs] == [
        ("labels", ("N", "H", "W")),
        ("canvas", ("N", 4, "H", "W")),
    ]
    size = (2 * SIDE, 2 * SIDE)
    assert (
        difference(
            semsynth.load(out, "cpu")(layout, size=size), semsynth.load(model, "cpu", "float32")(layout, size=size)
        )
        <= 1
    )


@pytest.mark.slow
@pytest.mark.parametrize("doublings", [1, 2])
def test_larger_networks_are_exported_too(scene_bank: MemoryBank, doublings: int, tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", CanvasSettings(bank=str(scene_bank.folder)), doublings)
    for kind, suffix in SUFFIXES.items():
        assert (
            export_model(load_model(folder), tmp_path / f"model{suffix}", kind, dynamic_size=True).graph.step
            == 64 << doublings
        )
