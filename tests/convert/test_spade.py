from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from official_spade import OPTIONS, official_state
from torch import nn

from semsynth.checkpoint import load_model
from semsynth.classes import ClassInfo, ClassSet
from semsynth.convert.converting import convert_checkpoint
from semsynth.convert.reading import read_network
from semsynth.convert.spade import load_official_state
from semsynth.convert.spade_options import (
    discriminator_config,
    encoder_config,
    generator_config,
    parse_options,
    read_options,
    recipe_config,
)
from semsynth.errors import SemsynthError
from semsynth.layout import LayoutBatch, LayoutEncoding
from semsynth.models.patch import MultiScaleDiscriminator
from semsynth.models.spade import SPADEGenerator
from semsynth.models.style_encoder import StyleEncoder
from semsynth.recipes.base import Adam


def save(folder: Path, options: dict[str, Any], *networks: nn.Module) -> tuple[Path, Path]:
    """Write official checkpoints of a generator and maybe an encoder; returns generator and options."""
    for network, letter in zip(networks, "GE", strict=False):
        torch.save(official_state(network), folder / f"latest_net_{letter}.pth")
    (folder / "opt.json").write_text(json.dumps(options))
    return folder / "latest_net_G.pth", folder / "opt.json"


def randomized(network: nn.Module) -> nn.Module:
    for name, buffer in network.named_buffers():
        if "running" in name:
            buffer.uniform_(0.5, 1.5)
    return network.eval()


def test_names_of_the_official_code() -> None:
    options = parse_options({**OPTIONS, "use_vae": True, "crop_size": 256}, "test")
    generator = set(official_state(SPADEGenerator(generator_config(options))))
    assert {
        "fc.weight", "conv_img.bias", "head_0.conv_0.weight_orig", "head_0.conv_0.weight_u", "head_0.conv_0.weight_v",
        "head_0.conv_0.bias", "G_middle_1.norm_1.mlp_shared.0.weight", "up_3.norm_s.mlp_gamma.bias",
        "up_0.norm_0.param_free_norm.running_var", "up_2.conv_s.weight_orig",
    } <= generator  # fmt: skip
    assert "up_2.conv_s.bias" not in generator
    discriminator = set(official_state(MultiScaleDiscriminator(discriminator_config(options))))
    assert {
        "discriminator_0.model0.0.weight", "discriminator_1.model3.0.0.weight_orig", "discriminator_1.model4.0.bias",
    } <= discriminator  # fmt: skip
    assert {"layer1.0.weight_orig", "layer6.0.weight_v", "fc_mu.weight", "fc_var.bias"} == {
        name for name in official_state(StyleEncoder(encoder_config(options)))
        if name in ("layer1.0.weight_orig", "layer6.0.weight_v", "fc_mu.weight", "fc_var.bias")
    }  # fmt: skip


def test_names_under_other_norms() -> None:
    plain = parse_options({**OPTIONS, "norm_D": "spectralnone", "norm_G": "spadeinstance3x3"}, "test")
    discriminator = set(official_state(MultiScaleDiscriminator(discriminator_config(plain))))
    assert {"discriminator_0.model1.0.weight_orig", "discriminator_0.model1.0.bias"} <= discriminator
    generator = set(official_state(SPADEGenerator(generator_config(plain))))
    assert "head_0.conv_0.weight" in generator
    assert not any("param_free_norm" in name or "weight_orig" in name for name in generator)
    batch = parse_options({**OPTIONS, "norm_D": "spectralbatch", "norm_E": "spectralsync_batch"}, "test")
    discriminator = set(official_state(MultiScaleDiscriminator(discriminator_config(batch))))
    assert {
        "discriminator_0.model1.0.0.weight_orig", "discriminator_0.model1.0.1.weight",
        "discriminator_0.model1.0.1.running_mean", "discriminator_0.model1.0.1.num_batches_tracked",
    } <= discriminator  # fmt: skip
    encoder = set(official_state(StyleEncoder(encoder_config(batch.model_copy(update={"crop_size": 256})))))
    assert {"layer2.0.weight_orig", "layer2.1.bias", "layer2.1.running_var"} <= encoder


def test_converts_to_a_model_folder_with_the_same_output(tmp_path: Path) -> None:
    generator = randomized(SPADEGenerator(generator_config(parse_options(OPTIONS, "test"))))
    checkpoint, options = save(tmp_path, OPTIONS, generator)
    report = convert_checkpoint("spade", checkpoint, tmp_path / "model", options=options)
    model = load_model(tmp_path / "model")
    layout = LayoutBatch.from_channels(torch.randint(0, 3, (1, 32, 32)), LayoutEncoding(num_classes=3))
    with torch.no_grad():
        assert torch.equal(model.networks["generator"](layout), generator(layout))
    assert report.loaded == len(generator.state_dict())
    assert report.unused == ()
    assert report.counters == 18  # two norms per block, three where the width changes: 3 * 2 + 4 * 3
    assert model.classes.num_classes == 3
    stored = model.networks["generator"].state_dict()
    assert torch.equal(stored["head.conv_0.u"], generator.state_dict()["head.conv_0.u"])  # nothing was folded


def test_converts_the_encoder_beside_the_generator(tmp_path: Path) -> None:
    options = {**OPTIONS, "use_vae": True, "crop_size": 256}
    parsed = parse_options(options, "test")
    generator, encoder = SPADEGenerator(generator_config(parsed)), StyleEncoder(encoder_config(parsed)).eval()
    checkpoint, file = save(tmp_path, options, generator, encoder)
    report = convert_checkpoint("spade", checkpoint, tmp_path / "model", options=file)
    photo = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        for ours, expected in zip(
            load_model(tmp_path / "model").networks["encoder"](photo), encoder(photo), strict=True
        ):
            assert torch.equal(ours, expected)
    assert report.notes == ()
    assert report.found == (f"the encoder is {tmp_path / 'latest_net_E.pth'}, beside the generator",)
    (tmp_path / "latest_net_E.pth").unlink()
    report = convert_checkpoint("spade", checkpoint, tmp_path / "alone", options=file)
    assert "latest_net_E.pth" in report.notes[0]
    assert set(load_model(tmp_path / "alone").networks) == {"generator"}


def test_unused_tensors_are_reported(tmp_path: Path) -> None:
    generator = SPADEGenerator(generator_config(parse_options(OPTIONS, "test")))
    checkpoint, options = save(tmp_path, OPTIONS, generator)
    torch.save({**official_state(generator), "up_9.extra": torch.zeros(1)}, checkpoint)
    assert convert_checkpoint("spade", checkpoint, tmp_path / "model", options=options).unused == ("up_9.extra",)


@pytest.mark.parametrize(
    ("trained", "claimed", "message"),
    [
        ({}, {"ngf": 2}, r"ngf 2 \(opt.json\) instead of 1 \(read off head_0.conv_0\)"),
        ({}, {"label_nc": 4}, r"reads 3 channels, which label_nc 4, no_instance True do not make"),
        ({}, {"norm_G": "spadesyncbatch3x3"}, r"instead of spectralspadesyncbatch3x3 \(read off head_0\)"),
        ({}, {"norm_G": "spectralspadeinstance3x3"}, r"instead of spectralspadesyncbatch3x3 \(read off head_0\)"),
        ({}, {"use_vae": True}, r"use_vae True \(opt.json\) instead of False \(read off fc.weight\)"),
        ({"ngf": 2}, {"ngf": 2, "num_upsampling_layers": "most", "crop_size": 128}, "instead of normal or more"),
    ],
)
def test_options_of_another_model_are_one_line(
    tmp_path: Path, trained: dict[str, Any], claimed: dict[str, Any], message: str
) -> None:
    generator = SPADEGenerator(generator_config(parse_options({**OPTIONS, **trained}, "test")))
    checkpoint, options = save(tmp_path, {**OPTIONS, **claimed}, generator)
    with pytest.raises(SemsynthError, match=message) as caught:
        convert_checkpoint("spade", checkpoint, tmp_path / "model", options=options)
    assert str(checkpoint) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "model").exists()


class _Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("code inside the file ran",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x80\x02not a checkpoint", "is cut off, damaged, or not a file that torch.save wrote"),
        ({"fc.weight": _Harmful()}, "nothing in it was run"),
        ({"fc.weight": 3}, r"holds no network of the official codes \(it holds fc.weight\)"),
        ([], r"holds no network of the official codes \(it holds a list\)"),
    ],
    ids=["corrupt", "code", "numbers", "list"],
)
def test_files_that_are_no_checkpoints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: object, message: str
) -> None:
    path = tmp_path / "latest_net_G.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(SemsynthError, match=message):
        read_network(path, "spade", "generator")
    assert capsys.readouterr().out == ""
    with pytest.raises(SemsynthError, match="cannot read"):
        read_network(tmp_path / "absent.pth", "spade", "generator")


def test_opt_txt(tmp_path: Path) -> None:
    lines = [
        "----------------- Options ---------------",
        "             aspect_ratio: 2.0                           \t[default: 1.0]",
        "                batchSize: 16                            \t[default: 1]",
        "   contain_dontcare_label: False                         ",
        "                crop_size: 512                           \t[default: 256]",
        "             dataset_mode: cityscapes                    \t[default: coco]",
        "                 label_nc: 35                            \t[default: 182]",
        "         load_from_opt_file: None                          ",
        "              no_instance: False                         ",
        "    num_upsampling_layers: more                          \t[default: normal]",
        "                  results: /some/path: with a colon      ",
        "                  use_vae: True                          \t[default: False]",
        "----------------- End -------------------",
    ]
    (tmp_path / "opt.txt").write_text("\n".join(lines))
    options = read_options(tmp_path / "opt.txt")
    config = generator_config(options)
    assert config.start_size == (4, 8)
    assert config.output_size == (256, 512)
    assert config.input == "noise"
    assert config.encoding == LayoutEncoding(num_classes=35, void="none", edges=True)
    assert options.batch_size == 16


def test_bad_options(tmp_path: Path) -> None:
    for values, message in (
        ({"ngf": 1}, "label_nc: Field required"),
        ({"label_nc": "many"}, "label_nc: Input should be a valid integer"),
        ({"label_nc": 3, "netG": "pix2pixhd"}, "netG: Input should be 'spade'"),
        ([1], "holds no options: expected lines such as"),
    ):
        (tmp_path / "opt.json").write_text(json.dumps(values))
        with pytest.raises(SemsynthError, match=message):
            read_options(tmp_path / "opt.json")
    with pytest.raises(SemsynthError, match="cannot read"):
        read_options(tmp_path / "opt.pkl")
    for key, value, make in (
        ("norm_G", "spectralspadegroup3x3", generator_config),
        ("norm_G", "spadebatch3x5", generator_config),
        ("norm_D", "spectralgroup", discriminator_config),
        ("crop_size", 128, encoder_config),
    ):
        with pytest.raises(SemsynthError, match=f"{key} '?{value}"):
            make(parse_options({**OPTIONS, key: value}, "test"))


def test_how_options_train() -> None:
    config = recipe_config(
        parse_options({**OPTIONS, "gan_mode": "ls", "no_vgg_loss": True, "niter": 3, "niter_decay": 4}, "test")
    )
    assert config.loss.adversarial_kind == "least_squares"
    assert (config.loss.feature_matching, config.loss.perceptual, config.loss.kl) == (10.0, 0.0, 0.05)
    assert config.generator_optimizer == Adam(lr=1e-4, beta1=0.0, beta2=0.9)
    assert config.discriminator_optimizer == Adam(lr=4e-4, beta1=0.0, beta2=0.9)
    assert [config.schedule.factor(epoch) for epoch in range(7)] == [1, 1, 1, 1, 0.75, 0.5, 0.25]
    single = recipe_config(parse_options({**OPTIONS, "no_TTUR": True, "D_steps_per_G": 2}, "test"))
    assert single.generator_optimizer == single.discriminator_optimizer == Adam(lr=2e-4, beta1=0.5, beta2=0.999)
    assert single.discriminator_steps_per_generator == 2


def test_class_sets(tmp_path: Path) -> None:
    generator = SPADEGenerator(generator_config(parse_options(OPTIONS, "test")))
    checkpoint, options = save(tmp_path, OPTIONS, generator)
    convert_checkpoint("spade", checkpoint, tmp_path / "model", options=options)
    # The official pictures colour class i by the bits of i + 1, as PASCAL's.
    assert [c.color for c in load_model(tmp_path / "model").classes.classes] == [
        (128, 0, 0),
        (0, 128, 0),
        (128, 128, 0),
    ]
    mine = ClassSet(name="mine", classes=tuple(ClassInfo(id=i + 5, name=str(i), color=(i, 0, 0)) for i in range(3)))
    convert_checkpoint("spade", checkpoint, tmp_path / "mine", options=options, classes=mine)
    assert load_model(tmp_path / "mine").classes == mine


def test_ade20k_has_unknown_in_channel_0() -> None:
    options = parse_options({"label_nc": 150, "contain_dontcare_label": True, "no_instance": True,
                             "dataset_mode": "ade20k"}, "test")  # fmt: skip
    assert generator_config(options).encoding == LayoutEncoding(num_classes=151)


def test_only_networks_of_spade() -> None:
    with pytest.raises(TypeError, match="Linear is no network"):
        load_official_state(nn.Linear(1, 1), {}, "test")
