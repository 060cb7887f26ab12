"""What an evaluation is made of, from the words of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from backbone_weights import efficientnet_state, save_mobilenet
from flags import CLASSES
from safetensors.torch import save_file

from semsynth.classes import ClassSet
from semsynth.errors import SemsynthError
from semsynth.evaluation.choices import find_features, find_segmenter
from semsynth.evaluation.segmenters.hugging_face import bundled_segmenter_for
from semsynth.models.vgg import VGG16, VGG19


def test_features_run_on_the_device_that_is_there() -> None:
    features = find_features("random", None, device="auto")
    assert features is not None
    assert torch.isfinite(features.vectors(torch.zeros(1, 3, 64, 64))).all()


def test_a_file_tells_which_network_it_holds(tmp_path: Path) -> None:
    assert find_features(str(save_mobilenet(tmp_path)), None).name == "mobilenet_v1"
    save_file(efficientnet_state(), tmp_path / "a.safetensors")
    assert find_features(str(tmp_path / "a.safetensors"), None).name == "efficientnet_lite0"
    note = {"input": "RGB 0..1"}
    save_file(VGG16([2] * 13).state_dict(), tmp_path / "b.safetensors", note)
    assert find_features(str(tmp_path / "b.safetensors"), None).name == "vgg16"
    save_file(VGG19([2] * 16).state_dict(), tmp_path / "c.safetensors", note)
    with pytest.raises(SemsynthError, match=r"c\.safetensors holds none of the networks"):
        find_features(str(tmp_path / "c.safetensors"), None)


def test_what_cannot_be_had_is_one_line(tmp_path: Path) -> None:
    for name, weights, match in (
        ("stlpips_alex", None, "`feature_weights`"),
        ("mobilenet_v1", tmp_path / "absent.safetensors", "cannot read"),
        ("vgg16", save_mobilenet(tmp_path), "expected VGG-16"),
        ("clip", None, "there are no features 'clip': choose inception, segmenter"),
    ):
        with pytest.raises(SemsynthError, match=match) as caught:
            find_features(name, None, weights)
        assert "\n" not in str(caught.value)


def test_a_bundled_segmenter_is_found_by_its_class_set(monkeypatch: pytest.MonkeyPatch, segmenter: Path) -> None:
    monkeypatch.setattr("semsynth.evaluation.segmenters.hugging_face.BUNDLED_SEGMENTERS", segmenter.parent)
    assert find_segmenter(None, None, CLASSES, "cpu").classes.classes == CLASSES.classes


def test_bundled_segmenters_are_found_by_ids_and_names(monkeypatch: pytest.MonkeyPatch, segmenter: Path) -> None:
    """Not by what the set is called: a ``classes.json`` without a name is called as its folder."""
    monkeypatch.setattr("semsynth.evaluation.segmenters.hugging_face.BUNDLED_SEGMENTERS", segmenter.parent)
    repainted = tuple(item.model_copy(update={"color": (1, 2, 3)}) for item in reversed(CLASSES.classes))
    renamed = tuple(item.model_copy(update={"name": f"my {item.name}"}) for item in CLASSES.classes)
    for name in (CLASSES.name, "my_data"):
        assert bundled_segmenter_for(ClassSet(name=name, classes=repainted)) == segmenter.name
        assert bundled_segmenter_for(ClassSet(name=name, classes=renamed)) is None
        assert bundled_segmenter_for(ClassSet(name=name, classes=CLASSES.classes[1:])) is None
