"""Files of tensors from elsewhere: ``torch.save`` of every age and safetensors, read without running a line of them."""

from __future__ import annotations

import os
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from semsynth.documents import parse_json
from semsynth.errors import SHOWN_PROBLEMS, SemsynthError, shortened
from semsynth.file_kinds import describe_file
from semsynth.files import explained, machine_memory, opened

HALF_AND_SINGLE = (torch.float32, torch.float16, torch.bfloat16)
"""Number formats that weights are stored in."""
MAX_HEADER = 2**26
"""Bytes of the JSON before the tensors of a ``.safetensors`` file."""


def read_tensor_file(path: Path, checksums: bool = False) -> Any:
    """Read what ``torch.save`` or safetensors wrote: tensors, numbers and texts in dictionaries and lists.

    The format is found by content, not by the name's end. Classes, functions and everything else that a pickle can
    name are refused before they run.

    Args:
        path: the file.
        checksums: whether to compare those of an archive, which torch does not: for files that only this package
            writes.

    Raises:
        SemsynthError: one line that says what the file is instead (an archive, a web page, a Git LFS pointer, cut off,
            a pickled module) and what to do; also for a file larger than the machine's memory.
    """
    with opened(path) as file:
        size, head = os.fstat(file.fileno()).st_size, file.read(9)
    check_memory(path)
    if len(head) == 9 and head[8:] == b"{" and int.from_bytes(head[:8], "little") < size:
        return read_safetensors(path)[0]
    with explained(path, "cannot read"):
        other = describe_file(path)
    if other is not None:
        raise SemsynthError(f"{path} {other}")
    if checksums:
        _check_members(path)
    return _read_pickled(path, size)


def _check_members(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
    except Exception as error:  # zipfile and its decompressors raise many kinds
        raise SemsynthError(f"{path} is damaged ({shortened(error) or type(error).__name__})") from error
    if broken is not None:
        raise SemsynthError(f"{path} is damaged (wrong checksum of {shortened(broken)})")


def read_safetensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Read a ``.safetensors`` file.

    Returns:
        Tensors by name, and what the file says about itself.

    Raises:
        SemsynthError: missing or damaged file, or one that gives a tensor twice.
    """
    _check_header(path)
    try:
        with explained(path, "cannot read"), safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
            return tensors, file.metadata() or {}
    except SafetensorError as error:
        raise SemsynthError(f"{path} is corrupt ({error}): copy or download it again") from error


def misfits(
    expected: Mapping[str, torch.Tensor], given: object, floating: Sequence[torch.dtype] | None = None
) -> list[str]:
    """What keeps tensors from a file from taking the places of others, one text per problem; empty: nothing does.

    Args:
        expected: tensors by name.
        given: what should be as many tensors, of the same names and shapes, plain ones whose numbers are finite.
        floating: number formats that floating-point tensors may have; None: that of the expected one.
    """
    if not isinstance(given, Mapping):
        return ["no tensors by name are there"]
    problems = [f"{key} is missing" for key in expected if key not in given]
    problems += [f"{shortened(key)} is unexpected" for key in given if key not in expected]
    plain = {key: value for key, value in expected.items() if key in given}
    problems += [problem for key, value in plain.items() for problem in _unlike(key, value, given[key])]
    return problems or [p for key, value in expected.items() for p in _unusable(key, value, given[key], floating)]


def _unlike(key: str, expected: object, given: object) -> Iterator[str]:
    if not isinstance(expected, torch.Tensor):  # what a module keeps beside its tensors: whole numbers by name
        if _kinds(expected) != _kinds(given):
            yield f"{key} is {shortened(repr(given))}"
    elif not isinstance(given, torch.Tensor) or given.layout != torch.strided or given.device.type == "meta":
        yield f"{key} is not a plain tensor"
    elif given.shape != expected.shape:
        yield f"{key} is {list(given.shape)} instead of {list(expected.shape)}"


def _kinds(state: object) -> object:
    return {key: type(value) for key, value in state.items()} if isinstance(state, Mapping) else type(state)


def _unusable(key: str, expected: object, given: Any, floating: Sequence[torch.dtype] | None) -> Iterator[str]:
    """What is wrong with numbers whose shape is right."""
    if not isinstance(expected, torch.Tensor):
        return
    allowed = floating if floating is not None and expected.is_floating_point() else (expected.dtype,)
    if given.dtype not in allowed:
        names = " or ".join(str(dtype).removeprefix("torch.") for dtype in allowed)
        yield f"{key} holds {str(given.dtype).removeprefix('torch.')} instead of {names}"
    elif given.is_floating_point() and not given.isfinite().all():
        yield f"{key} holds NaN or infinity"


def few_problems(problems: Sequence[str]) -> str:
    """The first problems of many, for a message."""
    more = f" and {len(problems) - SHOWN_PROBLEMS} more" if len(problems) > SHOWN_PROBLEMS else ""
    return ", ".join(problems[:SHOWN_PROBLEMS]) + more


def _check_header(path: Path) -> None:
    """Refuse headers that the library reads in one of several ways, or that alone take all of the memory."""
    with opened(path) as file:
        length = int.from_bytes(file.read(8), "little")
        if length > MAX_HEADER:
            raise SemsynthError(f"{path} is corrupt (a header of {length:,} bytes): copy or download it again")
        parse_json(file.read(length), f"{path} is corrupt: its header", "copy or download it again")


def _read_pickled(path: Path, size: int) -> Any:
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of tensor classes that PyTorch has deprecated since the file was made
            return torch.load(file, map_location="cpu", weights_only=True)
    except MemoryError as error:
        raise SemsynthError(f"{path} does not fit into memory: use a machine with more of it") from error
    except Exception as error:  # torch raises many kinds, from UnpicklingError to OSError
        raise SemsynthError(f"{path} {_why(error, size)}") from error


def _why(error: Exception, size: int) -> str:
    """What is wrong with a pickle, from what torch says of it."""
    named = re.search(r"GLOBAL ([\w.]+)", str(error)) or re.search(r"[Tt]ype ([\w.]+) ", str(error))
    if named and "nsupported" in str(error):
        return (
            f"holds an object of the class {shortened(named[1])}, not only tensors, and nothing in it was run: where "
            "it was made, save the tensors alone with torch.save(network.state_dict(), 'latest_net_G.pth')"
        )
    return (
        f"is cut off, damaged, or not a file that torch.save wrote ({size:,} bytes; {type(error).__name__}); nothing "
        "in it was run: copy or download it again"
    )


def check_memory(path: Path) -> None:
    """Refuse a file that fills the memory before it is read; compressed members count as what they unpack to.

    Raises:
        SemsynthError: the file, or what it unpacks to, is larger than the machine's memory.
    """
    memory = machine_memory()
    if memory is None:
        return
    needed = path.stat().st_size
    no_archive = (zipfile.BadZipFile, OSError, ValueError, NotImplementedError)
    with suppress(*no_archive), zipfile.ZipFile(path) as archive:
        needed = max(needed, sum(member.file_size for member in archive.infolist()))
    if needed > memory:
        raise SemsynthError(
            f"{path} holds {needed / 2**30:.1f} GiB, this machine has {memory / 2**30:.1f} GiB of memory: "
            "use a machine with more of it"
        )
