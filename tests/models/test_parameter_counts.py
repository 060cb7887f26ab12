"""Generators have as many parameters as the SPADE paper's tables 4 and 5 say, and as docs/parameters.md says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from semsynth.checkpoint import MODELS
from semsynth.classes import builtin
from semsynth.config import override
from semsynth.recipes import RECIPES

MODELS_OF_TABLE_4 = {
    "SPADE": ("spade", "", (), 96),
    "SPADE (fewer params)": ("spade", "", ("generator.width=48",), 61),
    "SPADE (more params, table 5)": ("spade", "", ("generator.width=80",), 141),
    "Concat w/o SPADE": ("spade", "_concat", (), 79),
    "P2P++ w/ SPADE": ("pix2pixhd", "_plus_spade", (), 237),
    "P2P++ w/ Concat": ("pix2pixhd", "_plus_concat", (), 195),
    "P2P++": ("pix2pixhd", "_plus", (), 183),
    "P2P++ (fewer params)": ("pix2pixhd", "_plus", ("generator.width=48",), 103),
    "pix2pixHD": ("pix2pixhd", "_plus", ("generator.norm=instance", "generator.spectral=false"), 183),
}
"""Row -> system, the preset's ending, what differs from the preset, and millions of parameters in the paper."""

DATASETS = ("ade20k", "coco_stuff", "cityscapes")


def millions(row: str, dataset: str) -> float:
    system, ending, settings, _ = MODELS_OF_TABLE_4[row]
    config = override(RECIPES[system].presets[dataset + ending](builtin(dataset), True), settings)
    with torch.device("meta"):
        generator = MODELS[system].model_validate({"generator": config.generator}).build()["generator"]
    return sum(parameter.numel() for parameter in generator.parameters()) / 1e6


@pytest.mark.parametrize("row", MODELS_OF_TABLE_4)
def test_the_papers_counts_are_those_of_ade20ks_channels(row):
    assert round(millions(row, "ade20k")) == MODELS_OF_TABLE_4[row][-1]


def test_the_documents_table_is_what_the_networks_have(repository: Path):
    text = (repository / "docs" / "parameters.md").read_text("utf-8")
    rows = re.findall(r"^\| ([^|]+?) \| (\d+)M \| ([\d.]+)M \| ([\d.]+)M \| ([\d.]+)M \|", text, re.MULTILINE)
    table = {name: (int(paper), *map(float, counts)) for name, paper, *counts in rows}
    assert table == {
        row: (values[-1], *(round(millions(row, dataset), 2) for dataset in DATASETS))
        for row, values in MODELS_OF_TABLE_4.items()
    }
