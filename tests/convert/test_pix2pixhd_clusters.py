"""Official clustered features: what is read of them, and that nothing in them is run."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from official_pix2pixhd import CLUSTERS, Harmful, boxed, equal, npy

from semsynth.convert.pix2pixhd_clusters import read_clusters
from semsynth.errors import SemsynthError


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("core", ["numpy.core", "numpy._core"])
def test_clusters_round_trip(tmp_path: Path, protocol: int, core: str) -> None:
    clusters = {**CLUSTERS, 1: np.asfortranarray(np.arange(6.0).reshape(2, 3)), 5: np.array([[1, 2, 3]], ">i4")}
    written = pickle.dumps(np.array(clusters, dtype=object), protocol)
    if protocol < 4:  # where names have no lengths
        written = written.replace(b"numpy._core", core.encode())
    (tmp_path / "clusters.npy").write_bytes(npy(written))
    assert equal(read_clusters(tmp_path / "clusters.npy"), clusters)


def test_clusters_as_numpy_saves_them(tmp_path: Path) -> None:
    clusters = {np.int64(label): centres for label, centres in CLUSTERS.items()}  # NumPy's own numbers as keys
    np.save(tmp_path / "clusters.npy", clusters)
    assert equal(read_clusters(tmp_path / "clusters.npy"), CLUSTERS)


def test_clusters_of_python_2(tmp_path: Path) -> None:
    """There bytes are text: opcode U, hand-assembled after pickletools' description."""

    def text(value: bytes) -> bytes:
        return b"U" + bytes([len(value)]) + value

    def array(kind: bytes, order: bytes, shape: bytes, data: bytes) -> bytes:
        empty = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text(b"b") + b"\x87R"
        dtype = b"cnumpy\ndtype\n" + text(kind) + b"K\x00K\x01\x87R(K\x03" + text(order)
        dtype += b"NNN" + 2 * b"J\xff\xff\xff\xff"
        return empty + b"(K\x01" + shape + dtype + b"K\x00tb\x89" + data + b"tb"

    centres = array(b"f4", b"<", b"K\x01K\x02\x86", text(struct.pack("<2f", -0.5, 0.75)))
    (tmp_path / "old.npy").write_bytes(npy(b"\x80\x02" + array(b"O8", b"|", b")", b"]}K\x07" + centres + b"sa") + b"."))
    assert equal(read_clusters(tmp_path / "old.npy"), {7: np.array([[-0.5, 0.75]])})


def _call(module: str, name: str, argument: str) -> bytes:
    """A pickle that calls ``module.name(argument)``."""
    text = struct.pack("<I", len(argument)) + argument.encode()
    return npy(f"c{module}\n{name}\nX".encode() + text + b"\x85R.")


def _mkdir(marker: Path) -> str:
    return f"__import__('os').mkdir({str(marker)!r})"


HARMFUL: dict[str, Callable[[Path], bytes]] = {
    "instead of the dictionary": lambda marker: npy(pickle.dumps(Harmful(marker))),
    "instead of an array": lambda marker: boxed({0: Harmful(marker)}),
    "as a key": lambda marker: npy(pickle.dumps({Harmful(marker): 1}, 2)),
    "inside an array of objects": lambda marker: boxed({0: np.array([[Harmful(marker)]], dtype=object)}),
    "eval": lambda marker: _call("builtins", "eval", _mkdir(marker)),
    "a function of NumPy": lambda marker: _call("numpy.f2py.crackfortran", "myeval", _mkdir(marker)),
}  # fmt: skip


@pytest.mark.parametrize("kind", HARMFUL)
def test_nothing_that_a_file_of_clusters_names_is_run(tmp_path: Path, kind: str) -> None:
    marker, path = tmp_path / "executed", tmp_path / "clusters.npy"
    path.write_bytes(HARMFUL[kind](marker))
    with pytest.raises(
        SemsynthError, match=r"clusters\.npy is no file .* \(it names .*nothing in it was run"
    ) as caught:
        read_clusters(path)
    assert "\n" not in str(caught.value)
    assert not marker.exists()
    with suppress(Exception):
        np.load(path, allow_pickle=True)
    assert marker.exists(), "this file would do no harm anywhere, so the test says nothing"


def test_memory_is_never_taken_from_the_file(tmp_path: Path) -> None:
    """NumPy's own unpickling believes a type that calls raw bytes references to objects."""
    harmless = pickle.dumps(np.array({0: np.arange(2.0)[None]}, dtype=object), 2)
    assert b"X\x02\x00\x00\x00f8" in harmless
    for kind in (b"O8", b"V8", b"S8", b"M8"):
        path = tmp_path / "clusters.npy"
        path.write_bytes(npy(harmless.replace(b"X\x02\x00\x00\x00f8", b"X\x02\x00\x00\x00" + kind)))
        with pytest.raises(SemsynthError, match=f"it holds values of type {kind.decode()}"):
            read_clusters(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "magic string|EOF"),
        (b"no numpy file at all", "magic string"),
        (npy(b""), "Ran out of input"),
        (npy(pickle.dumps(["a", "list"])), "no dictionary of class numbers"),
        (npy(pickle.dumps({"car": 1})), "no dictionary of class numbers"),
        (npy(pickle.dumps({26: [1.0]})), "other things than arrays"),
        (boxed({26: np.zeros(3)}), r"shape \[3\] instead of \[k,F\]"),
        (boxed({26: np.zeros((1, 2, 3))}), r"shape \[1, 2, 3\] instead of \[k,F\]"),
        (boxed({26: np.array([[np.nan, 1.0]])}), "NaN or infinity"),
        (boxed({26: np.array([["red"]])}), "values of type U3"),
        (boxed([{}, {}]), "no array of one object"),
        (npy(b"").replace(b"'|O'", b"id(1)"), "Cannot parse header|malformed|not safe"),
        (npy(b"").replace(b"'|O'", b"'f4'"), "an array of float32"),
        (_call("numpy", "memmap", "/dev/null"), r"it names numpy\.memmap"),
    ],
    ids=range(14),
)
def test_files_that_are_no_clusters(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "clusters.npy").write_bytes(content)
    with pytest.raises(SemsynthError, match=reason) as caught:
        read_clusters(tmp_path / "clusters.npy")
    assert "\n" not in str(caught.value)
    with pytest.raises(SemsynthError, match="cannot read"):
        read_clusters(tmp_path / "absent.npy")


def test_truncated_clusters(tmp_path: Path) -> None:
    path = tmp_path / "clusters.npy"
    np.save(path, CLUSTERS)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(SemsynthError, match="is no file of clustered features"):
            read_clusters(path)


@given(st.data())
def test_damaged_clusters_are_refused_or_read_as_numbers(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(boxed(CLUSTERS))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.npy"
    path.write_bytes(content)
    with suppress(SemsynthError):
        assert all(np.isfinite(centres).all() and centres.ndim == 2 for centres in read_clusters(path).values())
