from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from official_pix2pixhd import CLUSTERS, FEATURES, OPTIONS, convert_pix2pixhd, equal, networks, official_state, save
from torch import nn

import semsynth
from semsynth.checkpoint import load_model
from semsynth.classes import ClassInfo, ClassSet, builtin
from semsynth.convert.pix2pixhd import load_official_state, official_names
from semsynth.convert.pix2pixhd_options import (
    discriminator_config,
    encoder_config,
    generator_config,
    parse_options,
    read_options,
    recipe_config,
)
from semsynth.errors import SemsynthError
from semsynth.layout import LayoutBatch, LayoutEncoding
from semsynth.layout_ops.objects import ObjectMap
from semsynth.models.instance_encoder import InstanceEncoder
from semsynth.models.patch import MultiScaleDiscriminator
from semsynth.models.pix2pixhd import Pix2PixHDGenerator
from semsynth.recipes.base import Adam
from semsynth.styles.bank import StyleBank


def test_names_of_the_global_generator() -> None:
    generator = Pix2PixHDGenerator(generator_config(parse_options(OPTIONS, "test")))
    # pad, conv, norm, relu | twice conv, norm, relu | block | twice conv, norm, relu | pad, conv, tanh
    convs = ["1", "4", "7", "10.conv_block.1", "10.conv_block.5", "11", "14", "18"]
    assert set(official_names(generator).values()) == {f"model.{c}.{p}" for c in convs for p in ("weight", "bias")}


def test_names_of_local_enhancers() -> None:
    options = {**OPTIONS, "netG": "local", "n_local_enhancers": 2, "norm": "batch"}
    names = set(official_names(Pix2PixHDGenerator(generator_config(parse_options(options, "test")))).values())
    weights = {name.removesuffix(".weight") for name in names if name.endswith(".weight")}
    trunk = ["1", "2", "4", "5", "7", "8", *(f"10.conv_block.{i}" for i in (1, 2, 5, 6)), "11", "12", "14", "15"]
    enhancer = ["1.1", "1.2", "1.4", "1.5", *(f"2.0.conv_block.{i}" for i in (1, 2, 5, 6)), "2.1", "2.2"]
    expected = {f"model.{name}" for name in trunk} | {f"model{n}_{name}" for n in (1, 2) for name in enhancer}
    assert weights == expected | {"model2_2.5"}  # only the last enhancer paints; the global one's last layer is gone
    assert {"model1_2.2.running_mean", "model.12.running_var"} <= names


def test_names_of_encoder_and_discriminator() -> None:
    parsed = parse_options(OPTIONS, "test")
    encoder = set(official_names(InstanceEncoder(encoder_config(parsed))).values())
    assert encoder == {f"model.{conv}.{part}" for conv in (1, 4, 7, 11) for part in ("weight", "bias")}
    discriminator = MultiScaleDiscriminator(discriminator_config(parsed))
    named = official_names(discriminator)
    assert named["scales.0.convs.0.weight"] == "scale1_layer0.0.weight"  # officially counted from the coarsest
    assert named["scales.1.convs.4.bias"] == "scale0_layer4.0.bias"
    plain = official_names(discriminator, features=False)
    assert plain["scales.0.convs.1.weight"] == "layer1.2.weight"


@pytest.mark.parametrize("changes", [{}, {"netG": "local"}, {"norm": "batch"}, {"no_instance": True}], ids=str)
def test_converts_to_a_model_folder_with_the_same_output(tmp_path: Path, changes: dict[str, Any]) -> None:
    options = {**OPTIONS, **changes}
    generator, _ = networks(options)
    for name, buffer in generator.named_buffers():
        if "running" in name:
            buffer.uniform_(0.5, 1.5)
    report = convert_pix2pixhd(*save(tmp_path, options, generator), tmp_path / "model")
    model = load_model(tmp_path / "model")
    encoding = LayoutEncoding(num_classes=3, edges="no_instance" not in changes)
    labels = torch.randint(0, 3, (1, 16, 24))
    layout = LayoutBatch.from_channels(labels, encoding, labels if encoding.edges else None)
    with torch.no_grad():
        made = model.networks["generator"](layout)
        assert torch.equal(made, generator(layout))
    assert made.std() > 0.01
    assert (report.loaded, report.unused) == (len(generator.state_dict()), ())
    assert ["the official test script never leaves training mode" in note for note in report.notes] == (
        [True] if changes.get("norm") == "batch" else []
    )
    assert model.config.data.mode == "scale_width"


def test_official_state_of_batch_norms_has_counters(tmp_path: Path) -> None:
    options = {**OPTIONS, "norm": "batch"}
    generator, _ = networks(options)
    checkpoint, file = save(tmp_path, options, generator)
    state = official_state(generator)
    counters = {name.replace("running_mean", "num_batches_tracked") for name in state if "running_mean" in name}
    torch.save({**state, **dict.fromkeys(counters, torch.tensor(7)), "model.99.extra": torch.zeros(1)}, checkpoint)
    report = convert_pix2pixhd(checkpoint, file, tmp_path / "model")
    assert (report.counters, report.unused) == (7, ("model.99.extra",))


def test_converts_the_encoder_beside_the_generator(tmp_path: Path) -> None:
    generator, encoder = networks(FEATURES)
    checkpoint, options = save(tmp_path, FEATURES, generator, encoder)
    report = convert_pix2pixhd(checkpoint, options, tmp_path / "model")
    photo, objects = torch.rand(1, 3, 16, 16), ObjectMap.of(torch.randint(0, 4, (1, 16, 16)))
    with torch.no_grad():
        assert torch.equal(load_model(tmp_path / "model").networks["encoder"](photo, objects), encoder(photo, objects))
    assert report.notes == ("no clusters (features_clustered_*.npy) were given: fit styles with 'semsynth styles fit'",)
    moved = (tmp_path / "latest_net_E.pth").rename(tmp_path / "features.pth")
    report = convert_pix2pixhd(checkpoint, options, tmp_path / "alone")
    assert "no feature encoder (latest_net_E.pth) was given" in report.notes[0]
    assert set(load_model(tmp_path / "alone").networks) == {"generator"}
    convert_pix2pixhd(checkpoint, options, tmp_path / "named", encoder=moved)
    assert set(load_model(tmp_path / "named").networks) == {"generator", "encoder"}


def test_class_sets(tmp_path: Path) -> None:
    generator, _ = networks(OPTIONS)
    convert_pix2pixhd(*save(tmp_path, OPTIONS, generator), tmp_path / "numbered")
    numbered = load_model(tmp_path / "numbered").classes
    assert [item.name for item in numbered.classes] == ["class 0", "class 1", "class 2"]
    streets = {**OPTIONS, "label_nc": 35}
    convert_pix2pixhd(*save(tmp_path, streets, networks(streets)[0]), tmp_path / "streets")
    assert load_model(tmp_path / "streets").classes == builtin("cityscapes")


def test_opt_txt(tmp_path: Path) -> None:
    lines = [
        "------------ Options -------------",
        "batchSize: 2",
        "checkpoints_dir: ./check:points",
        "feat_num: 4",
        "instance_feat: True",
        "label_feat: False",
        "label_nc: 35",
        "loadSize: 2048",
        "load_pretrain: ",
        "n_downsample_E: 3",
        "n_local_enhancers: 2",
        "netG: local",
        "ngf: 16",
        "no_instance: False",
        "norm: instance",
        "num_D: 3",
        "resize_or_crop: none",
        "-------------- End ----------------",
    ]
    (tmp_path / "opt.txt").write_text("\n".join(lines))
    options = read_options(tmp_path / "opt.txt")
    config = generator_config(options)
    assert (config.width, config.enhancers, config.features) == (64, 2, 4)  # ngf is the finest part's
    assert config.encoding == LayoutEncoding(num_classes=35, edges=True)
    assert encoder_config(options).downsamplings == 3
    recipe = recipe_config(options)
    assert (recipe.discriminator.scales, recipe.training.batch_size) == (3, 2)
    assert (recipe.data.mode, recipe.data.multiple) == ("none", 64)  # 2 ** (4 + 2)
    assert recipe.generator_optimizer == Adam(lr=2e-4, beta1=0.5, beta2=0.999)


@pytest.mark.parametrize(
    ("net", "fixed", "trained", "epochs"),
    [
        ("local", 0, "everything", (100, 100)),
        ("local", 10, "enhancer", (10, 0)),
        ("global", 10, "everything", (100, 100)),
    ],
)
def test_niter_fix_global_keeps_the_global_generator_for_so_many_epochs(
    net: str, fixed: int, trained: str, epochs: tuple[int, int]
) -> None:
    config = recipe_config(parse_options({"label_nc": 35, "netG": net, "niter_fix_global": fixed}, "test"))
    assert (config.trained, config.schedule.epochs, config.schedule.decay_epochs) == (trained, *epochs)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"label_nc": "many"}, "label_nc: Input should be a valid integer"),
        ({"label_nc": -1}, "label_nc: Input should be greater than or equal to 0"),
        ({"netG": "encoder"}, "netG: Input should be 'global' or 'local'"),
        ({"ngf": 0}, "ngf: Input should be greater"),
        ({"ngf": 10**9}, "ngf: Input should be less"),
        ({"n_local_enhancers": 0}, "n_local_enhancers: Input should be greater"),
        ({"resize_or_crop": "stretch"}, "resize_or_crop: Input should be"),
        ([1], "holds no options: expected lines"),
    ],
    ids=str,
)
def test_bad_options(tmp_path: Path, values: object, message: str) -> None:
    (tmp_path / "opt.json").write_text(json.dumps(values))
    with pytest.raises(SemsynthError, match=message) as caught:
        read_options(tmp_path / "opt.json")
    assert "\n" not in str(caught.value)


def test_pictures_as_conditions(tmp_path: Path) -> None:
    plain = {**OPTIONS, "label_nc": 0, "no_instance": True}
    generator, _ = networks(plain)
    convert_pix2pixhd(*save(tmp_path, plain, generator), tmp_path / "model")
    picture = np.random.default_rng(1).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    photo = semsynth.load(tmp_path / "model", "cpu", "float32")(picture)
    assert photo.size == (16, 16)
    for more in ({"no_instance": False}, {"instance_feat": True}, {"input_nc": 4}):
        checkpoint, options = save(tmp_path, {**plain, **more}, generator)
        with pytest.raises(SemsynthError, match=r"options contradict .*: its model\.1\.weight reads 3 channels"):
            convert_pix2pixhd(checkpoint, options, tmp_path / "other")


def test_clusters_become_modes_of_classes(tmp_path: Path) -> None:
    checkpoint, options = save(tmp_path, FEATURES, *networks(FEATURES))
    np.save(tmp_path / "c.npy", {**CLUSTERS, 1: np.zeros((0, 3)), 40: np.zeros((1, 3)), -1: np.zeros((1, 3))})
    gaps = ClassSet(name="gaps", classes=tuple(ClassInfo(id=10 * i, name=str(i), color=(i, 0, 0)) for i in range(3)))
    report = convert_pix2pixhd(checkpoint, options, tmp_path / "model", classes=gaps, clusters=tmp_path / "c.npy")
    assert report.notes == (f"{tmp_path / 'c.npy'} has styles of what is no class of the model, left out: 40, -1",)
    bank = StyleBank.load(tmp_path / "model", load_model(tmp_path / "model").config.sha256["encoder.safetensors"])
    assert bank is not None
    modes = {key: value.numpy() for key, value in bank.modes.items()}
    assert equal(modes, {0: CLUSTERS[0], 20: CLUSTERS[2].astype(np.float32)})
    assert bank.about == "converted from c.npy"


def test_only_networks_of_pix2pixhd() -> None:
    with pytest.raises(TypeError, match="Linear is no network"):
        load_official_state(nn.Linear(1, 1), {}, "test")
