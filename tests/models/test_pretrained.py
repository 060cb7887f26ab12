from __future__ import annotations

from pathlib import Path

from backbone_weights import save_mobilenet
from safetensors.torch import save_file
from torch import nn

from semsynth.files import sha256
from semsynth.losses.perceptual import load_perceptual_loss
from semsynth.models.backbones import load_backbone
from semsynth.models.pretrained import pretrained_networks
from semsynth.models.vgg import VGG19


def test_networks_are_found_wherever_they_are(tmp_path: Path) -> None:
    mobilenet, vgg = save_mobilenet(tmp_path), tmp_path / "vgg19.safetensors"
    save_file(VGG19([2, 2]).state_dict(), vgg, {"input": "RGB 0..1"})
    loss = load_perceptual_loss(1, vgg)
    assert loss is not None
    discriminator = nn.Sequential(nn.Conv2d(3, 3, 1), load_backbone("mobilenet_v1", mobilenet, (4,)))
    assert pretrained_networks([nn.Conv2d(1, 1, 1)]) == {}
    assert pretrained_networks([loss, discriminator]) == {"mobilenet_v1": sha256(mobilenet), "vgg19": sha256(vgg)}
