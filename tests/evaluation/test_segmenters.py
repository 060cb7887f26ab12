from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from flags import CLASSES, ColorSegmenter, draw, save_network
from torch import nn

from semsynth.classes import VOID, builtin
from semsynth.errors import SemsynthError
from semsynth.evaluation.segmenters import labelling
from semsynth.evaluation.segmenters.augmentation import Augmentation
from semsynth.evaluation.segmenters.folder import SegmenterFolder, SegmenterRecord, continue_training
from semsynth.evaluation.segmenters.hugging_face import HuggingFaceSegmenter, load_segmenter
from semsynth.evaluation.segmenters.labelling import label_images
from semsynth.evaluation.segmenters.mappings import OutputMapping, find_mapping, mapping_of, ready_mappings
from semsynth.evaluation.segmenters.photos import label_photo
from semsynth.evaluation.segmenters.training import SegmenterSettings, Validation
from semsynth.layout import Layout

SMALL = {"hidden_sizes": (4, 8, 8, 8), "depths": (1, 1, 1, 1), "heads": (1, 1, 1, 1), "decoder_size": 8}
SETTINGS = SegmenterSettings(
    **SMALL,  # type: ignore[arg-type]
    augmentation=Augmentation(crop_size=32),
    steps=12,
    batch_size=3,
    warmup=2,
    validate_every=4,
    precision="float32",
)


# Labels -----------------------------------------------------------------------------------------------------------


def test_labels_and_confidence_are_those_of_a_softmax_of_upsampled_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = torch.randn(2, 5, 6, 7)

    class Fixed(ColorSegmenter):
        def logits(self, images: torch.Tensor) -> torch.Tensor:
            return scores

    expected = nn.functional.interpolate(scores, size=(13, 15), mode="bilinear").softmax(1).max(1)
    for limit in (2**27, 2 * 13 * 15):  # at once, and two classes at a time
        monkeypatch.setattr(labelling, "_MAX_VALUES", limit)
        found = label_images(Fixed(), torch.zeros(2, 3, 13, 15))
        assert torch.equal(found.index, expected.indices)
        assert torch.allclose(found.confidence, expected.values, atol=1e-6)


def test_a_photo_is_labelled_at_its_size_and_unsure_pixels_are_void() -> None:
    layout, photo = draw(4)
    found = label_photo(ColorSegmenter(), photo)
    known = layout.labels != VOID
    assert (found.labels == layout.labels)[known].mean() > 0.9
    assert not (found.labels == VOID).any()
    unsure = label_photo(ColorSegmenter(), photo, confidence=0.95)
    assert 0 < (unsure.labels == VOID).mean() < 1
    kept = unsure.labels != VOID
    assert (unsure.labels[kept] == found.labels[kept]).all()
    assert label_photo(ColorSegmenter(), photo.repeat(3, 0), long_side=32).size == (96, 32)


# Mappings ---------------------------------------------------------------------------------------------------------


def test_ready_mappings_count_as_the_published_models_do() -> None:
    counts = {name: len(mapping.outputs) for name, mapping in ready_mappings().items()}
    assert counts == {"cityscapes_19": 19, "ade20k": 150, "coco_stuff": 182, "coco_stuff_171": 171}
    coco = ready_mappings()["coco_stuff_171"]
    assert coco.outputs[:13] == (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13)  # no street sign
    assert coco.outputs[-1] == 181
    assert ready_mappings()["ade20k"].outputs[0] == 1


def test_a_mapping_is_found_by_the_networks_own_names(tmp_path: Path) -> None:
    names = {i: item.name for i, item in enumerate(builtin("cityscapes_19").classes)}
    assert find_mapping(None, tmp_path, names).class_set == "cityscapes_19"
    with pytest.raises(SemsynthError, match="has no mapping"):
        find_mapping(None, tmp_path, {i: f"LABEL_{i}" for i in range(19)})
    assert find_mapping("cityscapes_19", tmp_path, {i: f"LABEL_{i}" for i in range(19)}).class_set == "cityscapes_19"
    with pytest.raises(SemsynthError, match="20 outputs, its mapping cityscapes_19 19"):
        find_mapping("cityscapes_19", tmp_path, dict.fromkeys(range(20), ""))


def test_outputs_must_be_classes(tmp_path: Path) -> None:
    values = mapping_of(CLASSES).model_dump(mode="json") | {"outputs": [3, 4, 5, 99]}
    (tmp_path / "segmenter.json").write_text(json.dumps(values))
    with pytest.raises(SemsynthError, match=r"segmenter\.json.*99"):
        find_mapping(None, tmp_path, dict.fromkeys(range(4), ""))


def test_several_outputs_may_mean_one_class_and_some_none(tmp_path: Path) -> None:
    save_network(tmp_path / "net", list("abcdef"))
    values = mapping_of(CLASSES, (3, 4, None, 3, 5, 6)).model_dump(mode="json")
    (tmp_path / "mapping.json").write_text(json.dumps(values))
    segmenter = load_segmenter(tmp_path / "net", str(tmp_path / "mapping.json"), "cpu")
    images = torch.rand(1, 3, 32, 32)
    raw = segmenter.network(pixel_values=segmenter._prepared(images)).logits
    expected = torch.stack([torch.maximum(raw[:, 0], raw[:, 3]), raw[:, 1], raw[:, 4], raw[:, 5]], 1)
    assert torch.allclose(segmenter.logits(images), expected)
    assert [item.name for item in segmenter.classes.classes] == ["red", "green", "blue", "rare"]


# Folders ----------------------------------------------------------------------------------------------------------


def test_a_folder_of_transformers_with_its_own_normalisation(tmp_path: Path) -> None:
    names = [item.name for item in builtin("cityscapes_19").classes]
    stated = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.25, 0.25], "do_normalize": True}
    folder = save_network(tmp_path / "net", names, preprocessor_config=stated)
    segmenter = load_segmenter(folder, device="cpu")
    assert segmenter._prepared(torch.ones(1, 3, 1, 1)).flatten().tolist() == pytest.approx([2, 2, 2])
    assert [one.shape[1] for one in segmenter.maps(torch.zeros(1, 3, 64, 64))] == [4, 8, 8, 8]
    other = load_segmenter(save_network(tmp_path / "other", names), device="cpu")
    assert other.fingerprint != segmenter.fingerprint
    assert load_segmenter(folder, device="cpu").fingerprint == segmenter.fingerprint


def test_what_is_no_segmenter_is_said_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match="there is no segmenter 'nothing'"):
        load_segmenter("nothing")
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(SemsynthError, match="'bert' network, which does not label pixels"):
        load_segmenter(tmp_path / "bert")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{}")
    with pytest.raises(SemsynthError, match="is no network's"):
        load_segmenter(tmp_path / "broken")
    folder = save_network(tmp_path / "net", [item.name for item in builtin("cityscapes_19").classes])
    (folder / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(SemsynthError, match="cannot be read"):
        load_segmenter(folder)


# Training ---------------------------------------------------------------------------------------------------------


def train(
    data: Path, out: Path, stop_after: int | None = None, settings: SegmenterSettings = SETTINGS
) -> list[Validation]:
    lines: list[Validation] = []
    steps = [0]

    def stopped() -> bool:
        steps[0] += 1
        return steps[0] == stop_after

    record = SegmenterRecord(data=str(data), settings=settings)
    complete = continue_training(SegmenterFolder(out), record, "cpu", stopped=stopped, note=lines.append)
    assert complete == (stop_after is None)
    return lines


def tensors(state: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = torch.load(state, weights_only=True)["network"]
    return found


def test_training_learns_and_its_folder_loads(flags: Path, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"steps": 60, "validate_every": 30, "lr": 5e-3})
    lines = train(flags, tmp_path / "seg", settings=settings)
    assert lines[-1].loss < lines[0].loss
    segmenter = load_segmenter(tmp_path / "seg", device="cpu")
    assert segmenter.classes.classes == CLASSES.classes
    assert segmenter.card.data.startswith(f"{flags.name}: 12 photos of split train")
    best = max(line.mean_iou for line in lines)
    assert segmenter.card.scores["mean IoU, val at 32x32"] == best
    (tmp_path / "seg" / "model.safetensors").write_bytes(b"other")
    with pytest.raises(SemsynthError, match="damaged or belongs to another segmenter"):
        load_segmenter(tmp_path / "seg")


@pytest.mark.parametrize("after", [5, 8])
def test_interrupted_and_resumed_is_uninterrupted_to_the_bit(flags: Path, tmp_path: Path, after: int) -> None:
    train(flags, tmp_path / "whole")
    train(flags, tmp_path / "cut", stop_after=after)
    train(flags, tmp_path / "cut")
    whole, cut = (tensors(tmp_path / name / "training" / "state.pt") for name in ("whole", "cut"))
    assert whole.keys() == cut.keys()
    assert all(torch.equal(whole[key], cut[key]) for key in whole)
    logs = [(tmp_path / name / "training" / "log.jsonl").read_text().splitlines() for name in ("whole", "cut")]
    ious = [[json.loads(line)["mean_iou"] for line in log] for log in logs]
    assert ious[0] == ious[1]
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "cut")]
    assert weights[0] == weights[1]


def test_training_ends_where_nothing_gets_better(flags: Path, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"steps": 400, "validate_every": 1, "patience": 2, "lr": 1e-9})
    assert len(train(flags, tmp_path / "seg", settings=settings)) < 40


def test_a_damaged_state_and_a_used_folder_are_named(flags: Path, tmp_path: Path) -> None:
    folder = SegmenterFolder(tmp_path)
    (tmp_path / "training").mkdir()
    folder.state.write_bytes(b"nothing")
    with pytest.raises(SemsynthError, match=r"state\.pt is damaged"):
        folder.load_state()
    with pytest.raises(SemsynthError, match="not an empty folder"):
        folder.check_unused()
    with pytest.raises(SemsynthError, match=r"settings\.json is missing"):
        folder.open()


def test_augmentation_keeps_photo_and_layout_together() -> None:
    import random

    from semsynth.data.sample import Sample

    layout, _ = draw(1)
    image = np.repeat(layout.classes.index_of_id[layout.labels][..., None], 3, 2).astype(np.uint8) * 40
    settings = Augmentation(crop_size=32, color=0)
    for seed in range(8):
        view = settings.apply(Sample("a", layout, image), random.Random(seed))
        assert view.size == (32, 32)
        index = CLASSES.index_of_id[view.layout.labels]
        inside = (np.abs(view.image[..., 0].astype(int) - 40 * index) < 15).mean()
        assert inside > 0.75  # bicubic borders differ, nothing else


def test_labels_of_the_command_are_files(flags: Path, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from semsynth.cli.main import app

    train(flags, tmp_path / "seg", settings=SETTINGS.model_copy(update={"steps": 4}))
    arguments = ["label", str(flags / "val" / "images"), "--segmenter", str(tmp_path / "seg"), "--device", "cpu"]
    done = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "maps")])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("24 label maps")
    again = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "maps")])
    assert again.stdout.startswith("0 label maps")
    assert Layout.open(tmp_path / "maps" / "003.png", CLASSES).size == (32, 32)
    refused = CliRunner().invoke(app, [*arguments, "--out", str(flags / "val" / "images")])
    assert refused.exit_code == 2
    assert "would be replaced by its label map" in refused.stderr
    shutil.rmtree(tmp_path / "seg" / "training")
    assert isinstance(load_segmenter(tmp_path / "seg"), HuggingFaceSegmenter)
    assert OutputMapping.model_validate_json((tmp_path / "seg" / "segmenter.json").read_text()).class_set == "flags"
