"""``semsynth.convert_checkpoint``: any official checkpoint as a model folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

from semsynth.checkpoint import is_model_folder
from semsynth.checkpoint.official import CODES, OfficialSystem
from semsynth.classes import ClassSet
from semsynth.convert.crn import convert_crn, read_variables
from semsynth.convert.finding import CheckpointFiles, find_files
from semsynth.convert.oasis import convert_oasis
from semsynth.convert.official import ConversionReport, OfficialCheckpoint
from semsynth.convert.option_files import option_value, read_option_file
from semsynth.convert.options import Options, OptionValue
from semsynth.convert.pix2pixhd import convert_pix2pixhd
from semsynth.convert.reading import read_network
from semsynth.convert.spade import convert_spade
from semsynth.errors import SemsynthError

_TAKEN: dict[str, tuple[str, ...]] = {
    "auto": ("options", "settings", "encoder", "clusters"),
    "spade": ("options", "settings", "encoder"),
    "pix2pixhd": ("options", "settings", "encoder", "clusters"),
    "oasis": ("options", "settings"),
    "crn": (),
}
"""System -> what it takes besides the checkpoint."""
_CONVERTERS = {"spade": convert_spade, "pix2pixhd": convert_pix2pixhd, "oasis": convert_oasis, "crn": convert_crn}


def convert_checkpoint(
    system: OfficialSystem | Literal["auto"],
    checkpoint: str | Path,
    out: str | Path | None,
    *,
    options: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    classes: str | Path | ClassSet | None = None,
    encoder: str | Path | None = None,
    clusters: str | Path | None = None,
) -> ConversionReport:
    """Turn a checkpoint of a system's official code into a model folder; nothing in the files is run.

    What names and shapes of the tensors say about the network is read off them. The rest comes from ``settings`` and
    ``options``, else from the official defaults of the ``dataset_mode``; what is then still open must be given.

    Args:
        system: ``spade``, ``pix2pixhd``, ``oasis`` or ``crn``; ``auto`` finds out from the tensors' names.
        checkpoint: the folder that the official code wrote, or the generator: ``*_net_G.pth`` (SPADE, pix2pixHD),
            preferably the EMA checkpoint (OASIS), or the variables of a TensorFlow checkpoint as ``.npz`` (CRN).
        out: the model folder to make. None: only find out what would be converted; nothing is written.
        options: ``opt.txt`` of its training, its lines as printed, ``opt.pkl``, or the options as JSON. None: the file
            beside the checkpoint, if there is one.
        settings: official options by name, which go before those of files.
        classes: what the channels mean: a class set, the name of a built-in one, or a ``classes.json``. None: the
            official dataset's classes where they fit, else numbers.
        encoder: ``*_net_E.pth`` of SPADE's VAE models and of pix2pixHD's models with features. None: the one beside the
            generator.
        clusters: pix2pixHD's ``features_clustered_010.npy``, which becomes the style bank. None: the one beside the
            generator.

    Returns:
        What was recognised, where each option came from, and what became of the checkpoint's tensors.

    Raises:
        SemsynthError: unreadable files, options that are missing or contradict the checkpoint, an ``out`` that holds a
            model already, or a file that the system does not take.
    """
    if system not in _TAKEN:
        raise SemsynthError(
            f"there is no converter for '{system}': choose {', '.join(get_args(OfficialSystem))} or auto"
        )
    given = {"options": options, "settings": settings or None, "encoder": encoder, "clusters": clusters}
    wrong = [name for name, value in given.items() if value is not None and name not in _TAKEN[system]]
    if wrong:
        raise SemsynthError(f"checkpoints of {system} have no {' and no '.join(wrong)}: leave that out")
    if out is not None:
        _check_out(Path(out))
    meaning = ClassSet.open(classes) if isinstance(classes, str | Path) else classes
    paths = (None if path is None else Path(path) for path in (options, encoder, clusters))
    files = find_files(Path(checkpoint), *paths)
    system_found, source, found = _read(system, files, settings or {}, meaning)
    conversion = _CONVERTERS[system_found](source)
    if out is not None:
        conversion.save(Path(out))
    recognized = f"generator of the official {CODES[system_found]} code"
    return replace(conversion.report, recognized=recognized, found=found)


def _read(
    system: str, files: CheckpointFiles, settings: Mapping[str, Any], classes: ClassSet | None
) -> tuple[str, OfficialCheckpoint, tuple[str, ...]]:
    """The system, everything that its converter reads, and what was found on the way."""
    path = files.generator
    if system == "crn" or (system == "auto" and path.suffix == ".npz"):
        return "crn", OfficialCheckpoint(files, read_variables(path), {}, classes), ()
    given: Options = {}
    if files.options is not None:
        origin = files.options.name
        given = {name: OptionValue(name, value, origin) for name, value in read_option_file(files.options).items()}
    given |= {name: OptionValue(name, option_value(value), "given") for name, value in settings.items()}
    network = read_network(path, None if system == "auto" else system, "generator")
    return network.system, OfficialCheckpoint(files, network.state, given, classes), (*files.notes, *network.notes)


def _check_out(out: Path) -> None:
    if is_model_folder(out):
        raise SemsynthError(f"{out}: there is a model already: choose another folder")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SemsynthError(f"{out} exists and is not an empty folder: choose another folder")
