"""Read damaged and hostile files and requests for a while: each must be read, or refused with a SemsynthError.

    python tools/fuzz.py --seconds 3600 --seed 7

Valid files and requests are made, changed at random, and read. What ends in any other exception is written to
``--keep`` and printed; the exit status is then 1. Equal seeds make equal files, in the order that the time allows.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import fuzz_servers
import numpy as np
import safetensors.torch
import torch
from PIL import Image

from semsynth.bank.building import build_bank
from semsynth.bank.memory import MemoryBank
from semsynth.bank.retrieval import retrieve
from semsynth.bank.segments import Segment, SegmentRules
from semsynth.bulk.manifest import read_lines
from semsynth.bulk.sources import open_layouts
from semsynth.classes import ClassSet, builtin
from semsynth.data.importers.record import RECORD_FILE, ImportRecord
from semsynth.data.shards.sharding import shard_folder
from semsynth.data.source import open_source
from semsynth.data.toy import write_toy
from semsynth.documents import parse_json, read_toml, read_yaml
from semsynth.errors import SemsynthError
from semsynth.exporting.expressions import is_size
from semsynth.images import open_image, to_rgb
from semsynth.layout import Layout
from semsynth.layout.label_files import decode_instances
from semsynth.models.weights_file import read_weights

HOSTILE = (
    *(b"\x00", b"\xff", b"\x7f", b"[", b"{", b'"', b"9", b"-", b"&", b"*", b"!", b"\r\n", b"%00", b"../", b"\\ud800"),
    *(b"NaN", b"-Infinity", b"1e999", b"null", b"9" * 400, b"[" * 400),
)
"""What parsers of texts may trip over."""
LONGEST = 1500
"""Characters of a message."""
Reader = Callable[[bytes, Path], object]
"""Reads bytes; the path is one that it may write them to."""


def _picture(kind: str, mode: str) -> bytes:
    buffer = BytesIO()
    pixels = np.arange(24 * 20, dtype=np.uint16).reshape(20, 24) % 12
    image = Image.fromarray(pixels) if mode == "I;16" else Image.fromarray(pixels.astype(np.uint8)).convert(mode)
    image.save(buffer, kind, **({"lossless": True} if kind == "WEBP" else {}))
    return buffer.getvalue()


def _record(path: Path) -> object:
    root = path.with_name("imported")
    root.mkdir(exist_ok=True)
    (root / RECORD_FILE).write_bytes(path.read_bytes())
    return ImportRecord(root, "", ("labels",)).gone([])


def _written(read: Callable[[Path], object]) -> Reader:
    def reader(data: bytes, path: Path) -> object:
        path.write_bytes(data)
        return read(path)

    return reader


def targets(folder: Path) -> dict[str, tuple[list[bytes], Reader]]:
    """Name -> valid files, and what reads them; the servers' files go to a folder."""
    classes = builtin("cmp_facades")
    maps = [_picture("PNG", mode) for mode in ("L", "P", "I;16", "RGB", "RGBA", "LA", "1")]
    maps += [_picture("TIFF", mode) for mode in ("L", "P", "I;16", "RGB", "1")]
    maps += [_picture("BMP", mode) for mode in ("L", "P", "RGB", "1")] + [_picture("WEBP", "RGB")]
    photos = [_picture(kind, "RGB") for kind in ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "PPM")]
    tensors = {"a": torch.zeros(3, 4), "b": torch.ones(2, dtype=torch.int32)}
    state = BytesIO()
    torch.save(tensors, state)
    listed = json.dumps(classes.model_dump(mode="json")).encode()
    studio_requests, studio = fuzz_servers.studio(folder)
    study_requests, study = fuzz_servers.study(folder)
    return {
        "label maps": (maps, lambda data, _: Layout.decode(data, classes)),
        "instance maps": (maps, lambda data, _: decode_instances(data, "the map")),
        "photos": (photos, lambda data, _: to_rgb(open_image(data, "the photo"), "the photo")),
        "json": ([listed, b'{"a": [1, 2.5, null]}'], lambda data, _: parse_json(data, "the text")),
        "class sets": ([listed], _written(ClassSet.open)),
        "toml": ([b'title = "x"\n[[entries]]\nname = 1\nday = 2026-01-01\n'], _written(lambda p: read_toml(p, "see"))),
        "yaml": ([b"a: [1, 2]\nb: {c: 2026-01-01, d: !!int 3, e: ~}\n"], _written(read_yaml)),
        "sizes": ([b"Mul(Integer(8), Symbol('s30', positive=True))"], lambda data, _: is_size(data.decode("latin-1"))),
        "safetensors": ([safetensors.torch.save(tensors, {"x": "y"})], _written(read_weights)),
        "checkpoints": ([state.getvalue()], _written(read_weights)),
        "manifests": ([_line() * 3], _written(lambda path: list(read_lines(path)))),
        "import records": ([b"\n0123456789abcdef train/a\n"], _written(lambda path: _record(path))),
        **_shards(),
        **_bank(),
        "studio requests": (studio_requests, lambda data, _: studio.exchange(data)),
        "study requests": (study_requests, lambda data, _: study.exchange(data)),
    }


def _bank() -> dict[str, tuple[list[bytes], Reader]]:
    """Index, segments and photos of a small memory bank, which is read with one of them changed."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        write_toy(root / "toy", 4, size=24)
        build_bank(root / "toy", root / "bank", rules=SegmentRules(working_height=24, working_width=24), workers=1)
        files = {path.name: path.read_bytes() for path in (root / "bank").iterdir()}

    def reads(changed: str) -> Reader:
        def reader(data: bytes, path: Path) -> object:
            folder = path.with_name("bank")
            folder.mkdir(exist_ok=True)
            for name, content in (files | {changed: data}).items():
                (folder / name).write_bytes(content)
            bank = MemoryBank.open(folder)
            pieces = [bank.piece(number) for number in range(len(bank))]
            regions = [Segment(one.class_id, one.top, one.left, one.mask, one.thin_mask) for one in pieces]
            return retrieve(bank, regions, 2, labels=bank.labels(0))

        return reader

    return {f"banks: {name}": ([files[name]], reads(name)) for name in files}


def _shards() -> dict[str, tuple[list[bytes], Reader]]:
    """Index, ``.idx`` file, archive and manifest of a small set of shards, which are read with one of them changed."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_toy(root / "toy", 5, size=16)
        shard_folder(root / "toy", root / "shards")
        files = {path.name: path.read_bytes() for path in (root / "shards").iterdir()}

    def reader(name: str) -> Reader:
        def read(data: bytes, path: Path) -> object:
            changed_root = path.with_name("shards")
            changed_root.mkdir(exist_ok=True)
            for other, content in {**files, name: data}.items():
                (changed_root / other).write_bytes(content)
            source = open_source(changed_root)
            problems = source.report().problems
            tasks = list(open_layouts(changed_root, pictures=False, instances=None).tasks((0,), instances=True))
            split = source.open(source.splits[0])
            samples = [split[number] for number in range(len(split))]
            if problems:
                raise SemsynthError(problems[0])
            return tasks, samples

        return read

    kinds = {"shard indexes": "index.json", "shard idx": "train-000000.idx", "shard archives": "train-000000.tar"}
    return {kind: ([files[name]], reader(name)) for kind, name in kinds.items()}


def _line() -> bytes:
    names = dict.fromkeys(
        ("layout", "layout_sha256", "instances_sha256", "model", "device", "torch", "output"), "a/b.png"
    )
    rest = {"layout_part": [0, None], "instances": None, "instances_part": [0, None], "number": 0, "count": None}
    made = {"job_seed": 0, "seed": 3, "style": None, "style_sha256": None, "region_seeds": [["car", 1]], "size": [8, 8]}
    more = {"name": "train/a", "layout_name": "a", "model_sha256": "0", "precision": "float32", "semsynth": "0"}
    return json.dumps({**names, **rest, **made, **more, "output_sha256": "0"}).encode() + b"\n"


def changed(data: bytes, rng: random.Random) -> bytes:
    """``data`` with some bytes replaced, removed, repeated or inserted."""
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at = rng.randrange(len(made) + 1)
        length = rng.choice((1, 1, 2, 4, 8, 64))
        kind = rng.randrange(5)
        if kind == 0:
            made[at : at + length] = rng.randbytes(length)
        elif kind == 1:
            del made[at : at + length]
        elif kind == 2:
            made[at:at] = made[at : at + length] * rng.choice((1, 2, 50))
        elif kind == 3:
            made[at : at + rng.choice((0, 1, 4))] = rng.choice(HOSTILE)
        else:
            del made[at:]
    return bytes(made)


class Trial:
    """Counts of what was tried, and what failed."""

    def __init__(self, keep: Path | None, folder: Path) -> None:
        """Files that fail are written to ``keep``; what servers need, to ``folder``."""
        self.keep, self.known = keep, targets(folder)
        self.tried, self.refused, self.slowest = 0, 0, 0.0
        self.failures: list[str] = []

    def read(self, name: str, data: bytes, folder: Path) -> None:
        """Read a file of the kind ``name``."""
        self.tried, began = self.tried + 1, time.monotonic()
        try:
            self.known[name][1](data, folder / ("weights.safetensors" if name == "safetensors" else "file"))
        except SemsynthError as error:
            self.refused += 1
            if len(str(error)) > LONGEST:
                self._failed(name, data, f"a message of {len(str(error))} characters")
        except Exception as error:
            self._failed(name, data, repr(error))
        self.slowest = max(self.slowest, time.monotonic() - began)

    def _failed(self, name: str, data: bytes, reason: str) -> None:
        if self.keep is not None:
            self.keep.mkdir(parents=True, exist_ok=True)
            path = self.keep / f"{name.replace(' ', '_')}-{len(list(self.keep.iterdir()))}"
            path.write_bytes(data)
            name = str(path)
        self.failures.append(f"{name}: {reason[:300]}")

    def report(self) -> int:
        """Print the counts; the exit status."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(*self.failures, sep="\n")
        print(f"{self.tried} files and requests tried, {self.refused} refused, {len(self.failures)} failures")
        print(f"slowest {self.slowest:.2f} s, peak {peak:.0f} MiB")
        return 1 if self.failures else 0


def fuzz(seconds: float, seed: int, keep: Path) -> int:
    """Change and read files for so long; the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        trial, rng, until = Trial(keep, Path(folder)), random.Random(seed), time.monotonic() + seconds
        while time.monotonic() < until:
            for name, (valid, _) in trial.known.items():
                trial.read(name, changed(rng.choice(valid), rng), Path(folder))
        return trial.report()


def replay(corpus: Path) -> int:
    """Read files that failed before, named KIND-WHAT; the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(None, Path(folder))
        for path in sorted(corpus.iterdir()):
            trial.read(path.name.partition("-")[0].replace("_", " "), path.read_bytes(), Path(folder))
        return trial.report()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"), help="where files that fail are written")
    parser.add_argument("--replay", type=Path, help="read the files of this folder instead")
    given = parser.parse_args()
    sys.exit(replay(given.replay) if given.replay else fuzz(given.seconds, given.seed, given.keep))
