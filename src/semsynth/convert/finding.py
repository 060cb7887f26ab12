"""The files of a checkpoint as the official codes leave them: generator, options, encoder and clusters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from semsynth.errors import SemsynthError
from semsynth.files import explained

OPTION_FILES = ("opt.txt", "opt.json", "options.json", "train_opt.txt", "opt.pkl", "train_opt/opt.pkl")
"""Names under which options lie beside a checkpoint, the most readable first."""

_GENERATORS = ("*_net_G.pth", "*_EMA.pth", "*_G.pth", "*.pth", "*.pt", "*.safetensors", "*.npz")
"""Names of generators in a folder, those of the official codes first."""
_OTHERS = ("_net_D.", "_net_E.", "_D.pth", "optimizer", "features_clustered")
_PREFERRED = ("latest_net_G.pth", "best_EMA.pth", "latest_EMA.pth")
_MAX_LISTED = 10


@dataclass(frozen=True)
class CheckpointFiles:
    """What belongs together."""

    generator: Path
    options: Path | None = None
    encoder: Path | None = None
    clusters: Path | None = None
    notes: tuple[str, ...] = ()
    """What was found beside the generator, and taken."""
    asked_for: bool = False
    """Whether the caller named an encoder or clusters, rather than their lying beside the generator."""

    @property
    def expected_encoder(self) -> str:
        """The name under which the encoder would lie beside the generator."""
        name = self.generator.name
        return name.replace("_net_G", "_net_E") if "_net_G" in name else "*_net_E.pth"


def find_files(
    checkpoint: Path, options: Path | None = None, encoder: Path | None = None, clusters: Path | None = None
) -> CheckpointFiles:
    """Find what was not given: the generator of a folder, and what lies beside it.

    Args:
        checkpoint: a generator, or the folder in which the official code left it.
        options: options, or the folder that holds them; None takes those beside the generator or one folder above.
        encoder: None takes ``*_net_E.pth`` beside the generator.
        clusters: None takes ``features_clustered_*.npy`` beside the generator.

    Raises:
        SemsynthError: no generator, several that none of the official names singles out, or a TensorFlow checkpoint.
    """
    _refuse_tensorflow(checkpoint)
    notes: list[str] = []
    asked_for = encoder is not None or clusters is not None
    generator = checkpoint
    if checkpoint.is_dir():
        generator = _generator_in(checkpoint)
        notes.append(f"the generator is {generator}")
    if options is None:
        options = _options_near(generator)
        notes += [f"options are read from {options}"] if options else []
    elif options.is_dir():
        options = _options_in(options)
    if encoder is None and (beside := _encoder_of(generator)) is not None:
        encoder = beside
        notes.append(f"the encoder is {encoder}, beside the generator")
    if clusters is None and (found := sorted(_listed(generator.parent, "features_clustered_*.npy"))):
        clusters = found[0]
        others = f" (not {', '.join(path.name for path in found[1:])})" if len(found) > 1 else ""
        notes.append(f"styles are read from {clusters}, beside the generator{others}")
    return CheckpointFiles(generator, options, encoder, clusters, tuple(notes), asked_for)


def _generator_in(folder: Path) -> Path:
    for place in (folder, folder / "models"):
        for pattern in _GENERATORS:
            found = sorted(path for path in _listed(place, pattern) if not any(o in path.name for o in _OTHERS))
            named = [path for name in _PREFERRED for path in found if path.name == name]
            if named or len(found) == 1:
                return (named or found)[0]
            if found:
                raise SemsynthError(f"{folder} holds several checkpoints: give one of {_names(found)}")
    below = [path for pattern in _GENERATORS[:2] for path in sorted(_below(folder, pattern))]
    if below:
        raise SemsynthError(f"{folder} holds no generator itself: give one of {_names(below)}")
    raise SemsynthError(
        f"{folder} holds no generator: expected latest_net_G.pth (SPADE, pix2pixHD), models/best_EMA.pth (OASIS), or "
        "the variables of a CRN checkpoint as .npz"
    )


def _options_near(generator: Path) -> Path | None:
    """Options beside a generator, or one folder above, where OASIS keeps them."""
    for folder in (generator.parent, generator.parent.parent):
        for name in OPTION_FILES:
            if (folder / name).is_file():
                return folder / name
        if folder.resolve() == folder.parent.resolve() or generator.parent.name != "models":
            break
    return None


def _options_in(folder: Path) -> Path:
    for name in OPTION_FILES:
        if (folder / name).is_file():
            return folder / name
    raise SemsynthError(f"{folder} holds no options: expected {', '.join(OPTION_FILES[:3])} or opt.pkl")


def _encoder_of(generator: Path) -> Path | None:
    beside = generator.with_name(generator.name.replace("_net_G", "_net_E"))
    if beside != generator:
        return beside if beside.is_file() else None
    found = _listed(generator.parent, "*_net_E.pth")
    return found[0] if len(found) == 1 else None


def _refuse_tensorflow(path: Path) -> None:
    """A TensorFlow checkpoint, given as its folder, its prefix or one of its files, is told how to export."""
    prefix = None
    folder = path if path.is_dir() else path.parent
    if path.is_dir() and (indices := sorted(_listed(path, "*.index"))):
        prefix = indices[0].with_suffix("")
    elif (path.is_dir() and (path / "checkpoint").is_file()) or path.with_name(path.name + ".index").is_file():
        prefix = path
    elif path.suffix in (".index", ".meta") or ".data-" in path.name or path.suffix == ".ckpt":
        prefix = path.with_name(path.name.partition(".data-")[0].removesuffix(".index").removesuffix(".meta"))
    elif path.name == "checkpoint" and path.is_file():
        prefix = folder
    if prefix is not None:
        raise SemsynthError(f"{path} is a TensorFlow checkpoint: {export_lines(prefix)}")


def export_lines(prefix: Path) -> str:
    """How a TensorFlow checkpoint becomes a file that can be converted."""
    return (
        "where TensorFlow is installed, export its variables in Python with: import numpy as np, tensorflow as tf; "
        f"reader = tf.train.load_checkpoint('{prefix}'); np.savez('crn.npz', **{{name: reader.get_tensor(name) for "
        "name in reader.get_variable_to_shape_map()}); then give crn.npz to 'semsynth convert crn'"
    )


def _listed(folder: Path, pattern: str) -> list[Path]:
    if not folder.is_dir():
        return []
    with explained(folder, "cannot read"):
        return [path for path in folder.glob(pattern) if path.is_file() and not path.name.startswith(".")]


def _below(folder: Path, pattern: str) -> list[Path]:
    """Matches up to three folders down."""
    with explained(folder, "cannot read"):
        return [path for depth in (1, 2, 3) for path in folder.glob("*/" * depth + pattern)][: _MAX_LISTED + 1]


def _names(paths: list[Path]) -> str:
    more = f" and {len(paths) - _MAX_LISTED} more" if len(paths) > _MAX_LISTED else ""
    return ", ".join(map(str, paths[:_MAX_LISTED])) + more
