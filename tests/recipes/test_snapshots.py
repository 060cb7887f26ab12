"""Every preset, number by number: none changes without being seen.

After an intended change: SEMSYNTH_WRITE_SNAPSHOTS=1 make test, look at the difference, and say it in the changelog.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from semsynth.data.toy import TOY_CLASSES
from semsynth.errors import SemsynthError
from semsynth.recipes import RECIPES

SNAPSHOTS = Path(__file__).parent / "snapshots"


def configurations(system: str) -> dict[str, object]:
    """Presets and, where there are any, their stages, as ``recipe.json`` has them; or why there is no such thing."""
    found: dict[str, object] = {}
    for name, preset in RECIPES[system].presets.items():
        try:
            config = preset(TOY_CLASSES, True)
        except SemsynthError as error:
            found[name] = str(error)
            continue
        found[name] = config.model_dump(mode="json")
        split = RECIPES[system].stages
        if split is not None:
            try:
                found[f"{name}, stages"] = {key: one.model_dump(mode="json") for key, one in split(config).items()}
            except SemsynthError as error:
                found[f"{name}, stages"] = str(error)
    return found


@pytest.mark.parametrize("system", RECIPES)
def test_presets_are_what_they_were(system: str) -> None:
    path = SNAPSHOTS / f"{system}.json"
    now = json.loads(json.dumps(configurations(system)))
    if os.environ.get("SEMSYNTH_WRITE_SNAPSHOTS") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n")
    assert now == json.loads(path.read_text())


def test_there_are_no_others() -> None:
    assert {path.stem for path in SNAPSHOTS.glob("*.json")} == set(RECIPES)
