from __future__ import annotations

from pathlib import Path

import pytest
from official_trees import halves, helen

from semsynth.classes import VOID, builtin
from semsynth.data.check import check_dataset
from semsynth.data.folder import DatasetFolder
from semsynth.data.importers.helen import list_helen
from semsynth.data.importers.pairs import import_listing
from semsynth.errors import SemsynthError
from semsynth.images import save_png


def test_helen(tmp_path: Path) -> None:
    source, out = helen(tmp_path / "in"), tmp_path / "out"
    assert import_listing(list_helen(source), out) == {"train": 1, "val": 2}
    assert DatasetFolder(out, "val").names == ("232194_1", "2371615952_1")
    layout = DatasetFolder(out, "train")[0].layout
    assert layout.classes == builtin("helen")
    plain = [0, 0, 1, 1, 1, 1, VOID, VOID]  # skin before hair, which is less probable; nothing where all are 0
    assert layout.labels.tolist() == [plain, [0, 0, 8, 1, 1, 1, VOID, VOID]] + [plain] * 4
    assert check_dataset(out).problems == ()


def test_helen_misses(tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match=r"images is missing: it comes with SmithCVPR2013_dataset_resized\.zip of"):
        list_helen(tmp_path)
    source = helen(tmp_path / "in") / "SmithCVPR2013_dataset_resized"
    maps = source / "labels/232194_1"
    (maps / "232194_1_lbl10.png").rename(maps / "232194_1_lbl11.png")
    with pytest.raises(SemsynthError, match=r"labels 00 to 10: 232194_1_lbl10\.png, 232194_1_lbl11\.png missing or"):
        list_helen(source)
    (maps / "232194_1_lbl11.png").rename(maps / "232194_1_lbl10.png")
    (source / "exemplars.txt").write_text("1 , 100032540_1\n2 , 5_1\n")
    with pytest.raises(SemsynthError, match="lacks 1 listed photos: 5_1"):
        list_helen(source)
    (source / "tuning.txt").unlink()
    (source / "exemplars.txt").write_text("1 , 100032540_1\n")
    with pytest.raises(SemsynthError, match=r"tuning\.txt is missing"):
        list_helen(source)


def test_helens_maps_of_two_sizes(tmp_path: Path) -> None:
    source = helen(tmp_path / "in") / "SmithCVPR2013_dataset_resized"
    save_png(source / "labels/232194_1/232194_1_lbl03.png", halves(0, 1, (4, 4)))
    with pytest.raises(SemsynthError, match="labels/232194_1: the maps have the sizes 4x4, 8x6"):
        import_listing(list_helen(source), tmp_path / "out")
