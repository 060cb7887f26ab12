from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from official_trees import SKY_AND_CAR, halves, photo, save_jpeg

from semsynth.classes import VOID
from semsynth.data.annotations.arrays import read_array
from semsynth.data.folder import DatasetFolder
from semsynth.data.importers.arrays import list_arrays
from semsynth.data.importers.binary_masks import list_binary_masks
from semsynth.data.importers.pairs import import_listing
from semsynth.errors import SemsynthError
from semsynth.images import save_png

MAP = halves(1, 2)
MAP[0, 0] = 255


def save(path: Path, array: np.ndarray, **others: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".npz":
        np.savez_compressed(path, labels=array, **others)
    else:
        scipy.io.savemat(path, {"labels": array, **others}, do_compression=path.stem.startswith("c"))


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.mat", "c.mat", "A.MAT"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float64, np.uint16])
def test_arrays(tmp_path: Path, name: str, dtype: type) -> None:
    source, suffix = tmp_path / "in", Path(name).suffix.lower()
    SKY_AND_CAR.save(source / "classes.json")
    save(source / f"labels/val/{Path(name).stem}{suffix}", MAP.astype(dtype))
    (source / f"labels/val/{Path(name).stem}{suffix}").rename(source / f"labels/val/{name}")
    save_jpeg(source / f"images/val/{Path(name).stem}.jpg", photo())
    assert import_listing(list_arrays(source), tmp_path / "out") == {"val": 1}
    labels = DatasetFolder(tmp_path / "out", "val")[0].layout.labels
    assert (labels == np.where(MAP == 255, VOID, MAP.astype(int))).all()


def test_one_array_of_several(tmp_path: Path) -> None:
    for name in ("a.npz", "a.mat"):
        save(tmp_path / name, MAP, depth=np.ones((2, 2)))
        with pytest.raises(SemsynthError, match=r"it has 2 arrays of two axes \(.*\): name one with `array`"):
            read_array(tmp_path / name)
        assert (read_array(tmp_path / name, "labels") == MAP).all()
        with pytest.raises(SemsynthError, match="no array 'x', but"):
            read_array(tmp_path / name, "x")


def huge_header(shape: tuple[int, ...], descr: str = "|u1") -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue()


def test_arrays_beyond_limits(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    for data, message in (
        (huge_header((2**40, 2**20)), "more than 67,108,864 pixels"),
        (huge_header((4, 4)), "cut off|read"),
        (huge_header((4, 4), "|O"), "holds object"),
        (huge_header((2,)) + b"12", r"has the shape \(2,\)"),
        (b"\x93NUMPY", "save it again"),
        (b"", "save it again"),
    ):
        path.write_bytes(data)
        with pytest.raises(SemsynthError, match=message):
            read_array(path)
    for array, message in ((np.full((2, 2), 0.5), "holds float64"), (np.full((2, 2), 1j), "holds complex128")):
        np.save(path, array)
        with pytest.raises(SemsynthError, match=message):
            read_array(path)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", huge_header((2**20, 2**20)))
    with pytest.raises(SemsynthError, match="more than 67,108,864 pixels"):
        read_array(tmp_path / "a.npz")
    mat = tmp_path / "a.mat"
    save(mat, MAP)
    whole = mat.read_bytes()
    for data, message in (
        (whole[:200], "cut off"),
        (b"\x89HDF" + whole, "version 7.3"),
        (whole[:100], "not a MATLAB file"),
        (whole[:128] + struct.pack("<II", 15, 3) + b"abc", "save it again"),
    ):
        mat.write_bytes(data)
        with pytest.raises(SemsynthError, match=message):
            read_array(mat)


def test_arrays_of_other_sizes_and_ids(tmp_path: Path) -> None:
    source = tmp_path / "in"
    SKY_AND_CAR.save(source / "classes.json")
    save_jpeg(source / "a.jpg", photo())
    save(source / "a_mask.npy", MAP[:3])
    with pytest.raises(SemsynthError, match=r"a_mask\.npy is 8x3, and .*a\.jpg is 8x6"):
        import_listing(list_arrays(source, label_suffix="_mask"), tmp_path / "out")
    save(source / "a_mask.npy", np.full((6, 8), 7))
    with pytest.raises(SemsynthError, match=r"a_mask\.npy: .*7"):
        import_listing(list_arrays(source, label_suffix="_mask"), tmp_path / "out")
    listing = list_arrays(source, label_suffix="_mask", meaning=["7:car"])
    assert import_listing(listing, tmp_path / "out") == {"train": 1}


@pytest.mark.parametrize(
    "form", ["{mask}/{photo}.png", "{photo}/{mask}.png", "{photo}_{mask}.png", "sub/{photo}-{mask}.PNG"]
)
def test_binary_masks(tmp_path: Path, form: str) -> None:
    source = tmp_path / "in"
    for name in ("b_1", "b 2"):
        save_jpeg(source / f"images/{name}.jpg", photo())
        for mask, pixels in (("sky", halves(255, 0)), ("old_car", halves(0, 1))):
            save_png(source / "masks" / form.format(photo=name, mask=mask), pixels)
    assert import_listing(list_binary_masks(source), tmp_path / "out") == {"train": 2}
    layout = DatasetFolder(tmp_path / "out", "train")[0].layout
    assert [one.name for one in layout.classes.classes] == ["old_car", "sky"]
    assert layout.labels[0].tolist() == [1] * 4 + [0] * 4


def test_what_is_no_mask(tmp_path: Path) -> None:
    source = tmp_path / "in"
    save_jpeg(source / "images/a.jpg", photo())
    with pytest.raises(SemsynthError, match="no folder masks/: name the one of the masks with `masks`"):
        list_binary_masks(source)
    save_png(source / "masks/car/b.png", halves(255, 0))
    with pytest.raises(SemsynthError, match="1 masks are not CLASS/NAME, NAME/CLASS or NAME_CLASS of a photo NAME"):
        list_binary_masks(source)
    (source / "masks/car/b.png").unlink()
    for pixels, message in ((halves(255, 9), "two values"), (halves(1, 0, (2, 2)), "its size is 2x2")):
        pixels[0, 0] = 0
        save_png(source / "masks/car/a.png", pixels)
        with pytest.raises(SemsynthError, match=rf"mask a\.png: .*{message}.*`skip_broken` leaves it out"):
            import_listing(list_binary_masks(source), tmp_path / "out")
    (source / "masks/car/a.png").unlink()
    save_jpeg(source / "masks/car/a.jpg", photo())
    with pytest.raises(SemsynthError, match="JPEG"):
        import_listing(list_binary_masks(source), tmp_path / "out")
