"""What the converters of all official codes share: what is converted and the report."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from semsynth.checkpoint import Card, ModelConfig, save_model
from semsynth.classes import BUILTIN_CLASS_SETS, ClassInfo, ClassSet, builtin
from semsynth.convert.finding import CheckpointFiles
from semsynth.convert.options import Options, OptionValue
from semsynth.errors import SemsynthError
from semsynth.files import sha256
from semsynth.styles.bank import StyleBank

COUNTER = "num_batches_tracked"
"""A counter in the official batch norms that nothing reads: their momentum is fixed."""


@dataclass(frozen=True)
class OfficialCheckpoint:
    """What is converted: files that were found, the tensors of the generator, and what was said beside them."""

    files: CheckpointFiles
    state: Mapping[str, Tensor]
    """The generator's tensors under their official names."""
    given: Options
    """Options that a file or the caller gives, unchecked."""
    classes: ClassSet | None = None
    """What the channels mean; None: the official dataset's classes."""

    @property
    def name(self) -> str:
        """What messages call the checkpoint."""
        return str(self.files.generator)

    @property
    def card_name(self) -> str:
        """What people would call the model: the run's name where the file's is the same for all."""
        stem, folder = self.files.generator.stem, self.files.generator.resolve().parent
        if not re.fullmatch(r"(latest|best|\d+)_(net_G|G|EMA)", stem):
            return stem
        return (folder.parent if folder.name == "models" else folder).name or stem


@dataclass(frozen=True)
class ConversionReport:
    """What became of an official checkpoint."""

    loaded: int
    """Tensors that were taken over."""
    unused: tuple[str, ...] = ()
    """Official names that have no place in the network and are of no known kind."""
    counters: int = 0
    """Counters of batches that were left out: nothing reads them."""
    notes: tuple[str, ...] = ()
    """What else a person should know."""
    recognized: str = ""
    """What the checkpoint is, for example ``generator of the official SPADE code``."""
    found: tuple[str, ...] = ()
    """What was taken from beside the checkpoint, and what was taken off its tensors' names and formats."""
    options: tuple[OptionValue, ...] = ()
    """The official options of the network, and where each came from."""
    left_out: tuple[str, ...] = ()
    """Kinds of tensors that nothing reads, one phrase each, counters of batches among them."""


@dataclass(frozen=True)
class Conversion:
    """A checkpoint whose tensors all have found their place; nothing is written yet."""

    config: ModelConfig
    classes: ClassSet
    networks: Mapping[str, nn.Module]
    card: Card
    report: ConversionReport
    bank: StyleBank | None = None

    def save(self, out: Path) -> None:
        """Write the model folder, styles included, or nothing.

        Raises:
            SemsynthError: the folder cannot be written.
        """
        new = not out.exists()
        save_model(out, self.config, self.classes, self.networks, self.card)
        if self.bank is None:
            return
        owner = "encoder" if "encoder" in self.networks else "generator"
        try:
            self.bank.save(out, sha256(out / f"{owner}.safetensors"))
        except SemsynthError:
            if new:
                shutil.rmtree(out, ignore_errors=True)
            raise


def conversion_card(source: OfficialCheckpoint, code: str, options: Options) -> Card:
    """The card of a converted model, which keeps its official options and where each came from."""
    kept = {name: f"{option.value} ({option.origin})" for name, option in sorted(options.items())}
    return Card(name=source.card_name, recipe=f"official {code} code", official_options=kept)


def joined_reports(reports: Sequence[ConversionReport], notes: Sequence[str], options: Options) -> ConversionReport:
    """One report of the networks of a model."""
    return ConversionReport(
        loaded=sum(report.loaded for report in reports),
        unused=tuple(name for report in reports for name in report.unused),
        counters=sum(report.counters for report in reports),
        notes=tuple(notes),
        options=tuple(sorted(options.values(), key=lambda option: option.name)),
        left_out=tuple(phrase for report in reports for phrase in report.left_out),
    )


def official_color(number: int) -> tuple[int, int, int]:
    """The official palette: the bits of the number, lowest first, are dealt to red, green and blue from the top."""
    channels = [0, 0, 0]
    for bit in range(8):
        for channel in range(3):
            channels[channel] |= (number >> (3 * bit + channel) & 1) << (7 - bit)
    return channels[0], channels[1], channels[2]


def numbered_classes(name: str, count: int) -> ClassSet:
    """Classes without names, in the colours of the official codes' pictures."""
    infos = tuple(ClassInfo(id=i, name=f"class {i}", color=official_color(i + 1)) for i in range(count))
    return ClassSet(name=name, classes=infos)


def check_classes(classes: ClassSet, counts: Sequence[int], source: str) -> None:
    """Check that a class set has as many classes as a generator.

    Args:
        classes: what a person gave.
        counts: numbers of classes that fit.
        source: the checkpoint, for the message.

    Raises:
        SemsynthError: it has another number; the message names the built-in sets that fit.
    """
    if classes.num_classes in counts:
        return
    fitting = [name for name in BUILTIN_CLASS_SETS if builtin(name).num_classes in counts]
    hint = f"'{fitting[0]}' fits" if len(fitting) == 1 else f"these fit: {', '.join(fitting)}"
    wanted = " or ".join(str(count) for count in sorted(counts))
    raise SemsynthError(
        f"'{classes.name}' has {classes.num_classes} classes, the generator {wanted} ({source}): "
        f"{hint if fitting else 'give a classes.json of so many, or leave out `classes` to number them'}"
    )
