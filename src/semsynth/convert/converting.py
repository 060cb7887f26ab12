"""``semsynth.convert_checkpoint``: any official checkpoint as a model folder."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from semsynth.checkpoint import is_model_folder
from semsynth.classes import ClassSet
from semsynth.convert.crn import convert_crn
from semsynth.convert.oasis import convert_oasis
from semsynth.convert.official import ConversionReport
from semsynth.convert.pix2pixhd import convert_pix2pixhd
from semsynth.convert.spade import convert_spade
from semsynth.errors import SemsynthError

OfficialSystem = Literal["spade", "pix2pixhd", "oasis", "crn"]
"""Systems whose official checkpoints can be converted."""
_TAKEN: dict[str, tuple[str, ...]] = {
    "spade": ("options", "encoder"),
    "pix2pixhd": ("options", "encoder", "clusters"),
    "oasis": ("options",),
    "crn": (),
}
"""System -> the files that it takes besides the checkpoint; ``options`` must be given where it is taken."""


def convert_checkpoint(
    system: OfficialSystem,
    checkpoint: str | Path,
    out: str | Path,
    *,
    options: str | Path | None = None,
    classes: str | Path | ClassSet | None = None,
    encoder: str | Path | None = None,
    clusters: str | Path | None = None,
) -> ConversionReport:
    """Turn a checkpoint of a system's official code into a model folder; nothing in the files is run.

    Args:
        system: ``spade``, ``pix2pixhd``, ``oasis`` or ``crn``.
        checkpoint: the generator: ``*_net_G.pth`` (SPADE, pix2pixHD), a ``.pth``, preferably the EMA checkpoint
            (OASIS), or the variables of a TensorFlow checkpoint as ``.npz`` (CRN).
        out: the model folder to make.
        options: ``opt.txt`` of its training, or the options as JSON; all but ``crn`` need it.
        classes: what the channels mean: a class set, the name of a built-in one, or a ``classes.json``. None: the
            official dataset's classes where they fit, else numbers.
        encoder: ``*_net_E.pth`` of SPADE's VAE models and of pix2pixHD's models with features. None: the one beside the
            generator.
        clusters: pix2pixHD's ``features_clustered_010.npy``, which becomes the style bank.

    Returns:
        What became of the checkpoint's tensors.

    Raises:
        SemsynthError: unreadable files, a checkpoint that its options do not describe, an ``out`` that holds a model
            already, or a file that the system does not take.
    """
    if system not in get_args(OfficialSystem):
        raise SemsynthError(f"there is no converter for '{system}': choose {', '.join(get_args(OfficialSystem))}")
    given = {"options": options, "encoder": encoder, "clusters": clusters}
    files = {name: Path(path) for name, path in given.items() if path is not None}
    wrong = [name for name in files if name not in _TAKEN[system]]
    if wrong:
        raise SemsynthError(f"checkpoints of {system} have no {' and no '.join(wrong)}: leave that out")
    if "options" in _TAKEN[system] and options is None:
        raise SemsynthError(f"{checkpoint}: give the options of its training, opt.txt or JSON")
    if is_model_folder(Path(out)):
        raise SemsynthError(f"{out}: there is a model already: choose another folder")
    source, folder = Path(checkpoint), Path(out)
    meaning = ClassSet.open(classes) if isinstance(classes, str | Path) else classes
    if system == "spade":
        return convert_spade(source, files["options"], folder, meaning, files.get("encoder"))
    if system == "pix2pixhd":
        extra = files.get("encoder"), files.get("clusters")
        return convert_pix2pixhd(source, files["options"], folder, meaning, *extra)
    if system == "oasis":
        return convert_oasis(source, files["options"], folder, meaning)
    return convert_crn(source, folder, meaning)
