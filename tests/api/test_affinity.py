"""What classes of a new dataset begin with: measured with a segmenter, from a file, or given."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import semsynth
from semsynth import SemsynthError
from semsynth.api.affinity import find_affinity
from semsynth.checkpoint import BUNDLED
from semsynth.evaluation.segmenters.hugging_face import load_segmenter
from semsynth.evaluation.segmenters.photos import label_photo
from semsynth.training.run import RunFolder

FACADES = BUNDLED / "facades"
SIDE = 64


@pytest.fixture(scope="module")
def streets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of blocks: most is house, the top is window, nothing is dog."""
    root = tmp_path_factory.mktemp("streets")
    rng = np.random.default_rng(0)
    for number in range(2):
        blocks = rng.integers(0, 256, (4, 4, 3), np.uint8).repeat(SIDE // 4, 0).repeat(SIDE // 4, 1)
        labels = np.zeros((SIDE, SIDE), np.uint8)
        labels[: 20 + number] = 1
        labels[-3:] = 255
        for kind, content in (("images", blocks), ("labels", labels)):
            (root / "train" / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(content).save(root / "train" / kind / f"{number}.png")
    classes = [{"id": n, "name": name, "color": [n, 0, 9]} for n, name in enumerate(("house", "window", "dog"))]
    (root / "classes.json").write_text(json.dumps({"name": "own", "classes": classes}))
    return root


def test_shares_are_what_a_segmenter_sees(streets: Path) -> None:
    segmenter = load_segmenter("cmp_facades")
    counts: dict[str, int] = {}
    for number in range(2):
        photo = np.asarray(Image.open(streets / "train" / "images" / f"{number}.png"))
        seen = label_photo(segmenter, photo).labels[20 + number : -3]
        for item in segmenter.classes.classes:
            counts[item.name] = counts.get(item.name, 0) + int((seen == item.id).sum())
    total = sum(counts.values())
    expected = {name: n / total for name, n in counts.items() if n}
    calls: list[tuple[int, int]] = []
    shares = semsynth.estimate_affinity(FACADES, streets, progress=lambda done, total: calls.append((done, total)))
    assert shares == {"house": pytest.approx(expected)}  # window goes by its name, dog is nowhere
    assert calls == [(1, 2), (2, 2)]


def test_a_limit_looks_at_the_first_photos(streets: Path) -> None:
    calls: list[tuple[int, int]] = []
    semsynth.estimate_affinity(FACADES, streets, limit=1, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 1)]


def test_files_and_mappings(streets: Path, tmp_path: Path) -> None:
    file = tmp_path / "shares.json"
    file.write_text('{"house": {"facade": 3, "door": 1}}')
    expected = {"house": {"facade": 0.75, "door": 0.25}}
    assert find_affinity(file, FACADES, streets) == expected
    assert find_affinity({"house": {"facade": 3, "door": 1}}, FACADES, streets) == expected
    assert find_affinity(None, FACADES, streets) is None


def test_what_does_not_fit_is_one_line(streets: Path, tmp_path: Path) -> None:
    for affinity, init_from, match in (
        ({"house": {"facade": 1}}, None, "give init_from, too"),
        ({"cat": {"facade": 1}}, FACADES, "affinity is for \"cat\", which 'own' has not"),
        (tmp_path / "absent.json", FACADES, "absent.json"),
        ("segmenter", tmp_path / "no-model", "no-model"),
    ):
        with pytest.raises(SemsynthError, match=match) as caught:
            find_affinity(affinity, init_from, streets)
        assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_a_training_keeps_its_shares(streets: Path, tmp_path: Path) -> None:
    settings = {"generator.noise_injection": True, "training.workers": 0, "training.precision": "32-true"}
    run = tmp_path / "run"
    share = {"house": {"facade": 1.0}}
    semsynth.train(
        "spade",
        streets,
        run,
        preset="small",
        steps=1,
        init_from=FACADES,
        affinity=share,
        perceptual=False,
        overrides=settings,
        device="cpu",
    )
    assert RunFolder(run).open().affinity == share
