from __future__ import annotations

from pathlib import Path

import pytest

from semsynth.checkpoint import Card, GeneratorModel, ModelConfig, OASISModel, Pix2PixHDModel, SPADEModel, save_model
from semsynth.classes import builtin
from semsynth.data.transforms import Pipeline
from semsynth.layout import LayoutEncoding
from semsynth.models.crn import CRNGeneratorConfig
from semsynth.models.oasis import OASISGeneratorConfig
from semsynth.models.pix2pixhd import Pix2PixHDGeneratorConfig
from semsynth.models.spade import SPADEGeneratorConfig
from semsynth.studio.describe import describe
from semsynth.studio.served import serve
from semsynth.studio.uploads import Limits

CLASSES = builtin("cmp_facades")
ENCODING = LayoutEncoding(num_classes=CLASSES.num_classes, void="after")
WIDE = Pipeline(mode="fixed", crop_size=512, aspect_ratio=2.0)


def spade(**options: object) -> SPADEModel:
    values = {"encoding": ENCODING, "width": 1, "hidden": 2, "crop_size": 64, **options}
    return SPADEModel(generator=SPADEGeneratorConfig.model_validate(values))


def oasis() -> OASISModel:
    return OASISModel(
        generator=OASISGeneratorConfig(encoding=ENCODING, width=1, hidden=2, z_dim=2, crop_size=512, aspect_ratio=2.0)
    )


def pix2pixhd(data: Pipeline) -> Pix2PixHDModel:
    generator = Pix2PixHDGeneratorConfig(encoding=ENCODING, width=2, downsamplings=1, blocks=0)
    return Pix2PixHDModel(generator=generator, data=data)


def crn(data: Pipeline) -> GeneratorModel:
    return GeneratorModel(
        generator=CRNGeneratorConfig(encoding=ENCODING, refinements=4, widths=(2, 2, 2, 2), count=3), data=data
    )


@pytest.mark.parametrize(
    ("config", "default", "step"),
    [
        pytest.param(oasis(), (512, 256), (32, 32), id="OASIS, trained at 512x256"),
        pytest.param(spade(aspect_ratio=2.0), (64, 32), (32, 32), id="SPADE"),
        pytest.param(spade(input="noise", z_dim=2), (64, 64), None, id="SPADE from noise"),
        pytest.param(pix2pixhd(WIDE), (512, 256), (1, 1), id="pix2pixHD"),
        pytest.param(pix2pixhd(Pipeline(mode="none")), (256, 256), (1, 1), id="pix2pixHD, of any size"),
        pytest.param(crn(WIDE), (512, 256), (8, 8), id="CRN"),
    ],
)
def test_a_model_is_offered_at_the_size_of_its_training(
    config: ModelConfig, default: tuple[int, int], step: tuple[int, int] | None, tmp_path: Path
) -> None:
    save_model(tmp_path / "model", config, CLASSES, config.build(), Card())
    model = describe(serve(str(tmp_path / "model"), "cpu", "float32"), Limits())
    sizes = model.sizes
    assert (sizes.default.width, sizes.default.height) == default
    assert sizes.fixed == (step is None)
    assert (sizes.multiple_of.width, sizes.multiple_of.height) == (step or default)
    assert model.abilities.images_per_layout == config.generator.images_per_layout
    assert model.abilities.styles == (config.generator.style is not None)
