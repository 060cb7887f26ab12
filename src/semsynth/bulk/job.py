"""What a bulk job makes, and how."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from semsynth.bulk.faithfulness import FaithfulnessRule
from semsynth.checkpoint import BUNDLED, CONFIG, find_model
from semsynth.config import Config
from semsynth.errors import SemsynthError
from semsynth.files import sha256
from semsynth.layout import Size
from semsynth.styles.bank import STYLES
from semsynth.synthesizer import Synthesizer, load


class BulkJob(Config):
    """How the pictures of a folder are made: the same for all of them, and for everybody who resumes it."""

    format: Literal[1] = 1
    """Version of ``job.json`` and of the manifest's lines."""
    model: str
    """A bundled model's name, an absolute path, or a Hugging Face id."""
    model_sha256: str
    """As :func:`model_digest` gives it."""
    seed: int = 0
    """Seeds of pictures are drawn from this one (:func:`semsynth.styles.seeds.picture_seed`)."""
    count: int | None = None
    """Pictures of each layout, named ``NAME_0``, ``NAME_1``, ...; None: one, named like the layout."""
    size: Size | None = None
    """(height, width) of the pictures; None: that of the layout, or the nearest that the network makes."""
    strict_size: bool = False
    """Whether a layout whose own size the network cannot make is a failure."""
    style: str | None = None
    """Absolute path of a photo that gives all pictures their style, instead of seeds."""
    style_sha256: str | None = None
    """Of that photo."""
    region_seeds: tuple[tuple[int | str, int], ...] = ()
    """Other noise for regions: instance id, class id or class name, and seed."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Arithmetic of the networks."""
    shard_size: int | None = None
    """Bytes of a tar shard that pictures go to; None: they become files."""
    faithfulness: FaithfulnessRule | None = None
    """Who scores the pictures, and which are kept; None: they are not scored."""

    @property
    def numbers(self) -> tuple[int, ...]:
        """Of the pictures of one layout."""
        return tuple(range(self.count or 1))

    def picture_name(self, name: str, number: int) -> str:
        """What picture ``number`` of the layout ``name`` is called."""
        return name if self.count is None else f"{name}_{number}"

    def draw(self, number: int, attempt: int) -> int:
        """The number that seeds picture ``number`` at a try from 0: later tries are those of further pictures."""
        return number + attempt * len(self.numbers)


def make_job(
    model: str | Path,
    *,
    precision: Literal["float32", "bfloat16"] = "float32",
    style: Path | None = None,
    seed: int | None = None,
    count: int | None = None,
    size: Size | None = None,
    strict_size: bool = False,
    region_seeds: Mapping[int | str, int] | None = None,
    shard_size: int | None = None,
) -> tuple[BulkJob, Synthesizer]:
    """Make a job, with its model on the CPU: what the model cannot do is refused before workers start.

    Args:
        model: as in :func:`semsynth.load`, but not an exported model.
        precision: arithmetic of the networks.
        style: a photo that gives all pictures their style.
        seed: what the pictures' seeds are drawn from; None: 0.
        count: pictures of each layout; None: one, named like the layout.
        size: (height, width) of the pictures.
        strict_size: whether a layout whose own size the network cannot make is a failure.
        region_seeds: other noise for regions, by instance id, class id or class name.
        shard_size: bytes of a tar shard that pictures go to; None: they become files.

    Raises:
        SemsynthError: no such model or photo, or something that the model cannot do.
    """
    if Path(model).is_file():
        raise SemsynthError(f"{model} is an exported model: bulk synthesis takes the model folder that it came from")
    synthesizer = load(model, "cpu", "float32")
    synthesizer.style(style, seed, None, region_seeds)
    if count is not None:
        if style is not None and count > 1:
            raise SemsynthError("`style` takes the style from one photo: leave out `count`")
        synthesizer.check_count(count)
    job = BulkJob(
        model=lasting_name(model),
        model_sha256=model_digest(find_model(model)),
        seed=seed or 0,
        count=count,
        size=size,
        strict_size=strict_size,
        style=None if style is None else str(style.absolute()),
        style_sha256=None if style is None else sha256(style),
        region_seeds=tuple((region_seeds or {}).items()),
        precision=precision,
        shard_size=shard_size,
    )
    return job, synthesizer


def with_faithfulness(job: BulkJob, synthesizer: Synthesizer, rule: FaithfulnessRule) -> BulkJob:
    """The same job with scores for its pictures.

    Args:
        job: as :func:`make_job` makes it.
        synthesizer: its model.
        rule: who scores, and which pictures are kept.

    Raises:
        SemsynthError: several tries, without a minimum or where all of them would be the same picture.
    """
    if rule.tries > 1 and rule.min_faithfulness is None:
        raise SemsynthError(f"`tries={rule.tries}` needs `min_faithfulness`: the score at which a picture is kept")
    alike = job.style is not None or not synthesizer.has_styles or synthesizer.config.images_per_layout > 1
    if rule.tries > 1 and alike:
        why = "one photo gives the style" if job.style else "this model makes the same photo for every seed"
        raise SemsynthError(f"`tries={rule.tries}` would change nothing, because {why}: leave it out")
    return job.model_copy(update={"faithfulness": rule})


def model_digest(folder: Path) -> str:
    """SHA-256 of everything in a model folder that pictures depend on.

    ``config.json`` holds the checksums of weights and classes; of those, the style bank is not among them.
    """
    files = (path for path in (folder / CONFIG, folder / STYLES) if path.is_file())
    return hashlib.sha256("".join(map(sha256, files)).encode()).hexdigest()


def lasting_name(model: str | Path) -> str:
    """The model as it is found from any working folder."""
    folder = find_model(model)
    if folder.parent == BUNDLED:
        return folder.name
    return str(folder.absolute()) if Path(model).exists() else str(model)


def lasting_path(name: str) -> str:
    """A path as it is found from any working folder; what is not there stays as it is, as an id of the hub."""
    return str(Path(name).absolute()) if Path(name).exists() else name
