"""What an evaluation hands back: scores to look up, a table to look at, and the files of a report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from semsynth.config import Config, dump_config, load_config
from semsynth.errors import SemsynthError
from semsynth.evaluation.protocols.definition import check_comparable
from semsynth.evaluation.record import ReportRecord, Score
from semsynth.evaluation.reports.rendering import html_page, kinds, markdown, notebook_html, picture_file
from semsynth.evaluation.reports.tables import ScoreTable, beside, headline, score_tables
from semsynth.files import explained, write_bytes

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType

RECORD, PAGE, TEXT = "report.json", "report.html", "report.md"


@dataclass(frozen=True, eq=False, repr=False)
class Report:
    """The scores of a model's photos, or of other pictures, by a named protocol.

    A notebook shows it as tables, and so does ``rich.print``.

    Attributes:
        record: everything that ``report.json`` holds: scores in groups, the protocol, warnings, versions.
        pictures: path below the report's folder -> PNG file, of the images that it shows.
    """

    record: ReportRecord
    pictures: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def scores(self) -> dict[str, Score]:
        """All defined scores by name, each with a ``value`` and mostly a 95 % ``interval``; ``float(score)`` works.

        ``mean_iou``, ``pixel_accuracy``, ``mean_accuracy`` and ``iou/CLASS`` compare a segmenter's predictions on the
        pictures with the layouts (0..1, higher is better); ``frechet_distance``, ``kernel_distance`` (lower is better),
        ``precision``, ``recall``, ``density``, ``coverage`` and ``detectability`` (0.5 is best) compare the pictures
        with the real photos. ``oracle/`` before a name means the same of the real photos, ``real_halves/`` of one half
        of them against the other; ``styles/``, ``memorisation/`` and ``usefulness/`` begin what several samples per
        layout, the comparison with training photos and training on synthesised photos add.
        """
        record, useful = self.record, self.record.usefulness
        parts: list[tuple[str, Config | None]] = [
            ("", record.segmentation),
            ("", record.distances),
            ("oracle/", record.oracle),
            ("real_halves/", record.real_halves),
            ("memorisation/", record.memorisation),
            ("styles/", record.styles),
            ("usefulness/synthetic/", useful and useful.synthetic),
            ("usefulness/real/", useful and useful.real),
        ]
        return dict(found for prefix, part in parts if part is not None for found in _scores(prefix, part))

    @property
    def headline(self) -> str:
        """Mean IoU of pictures and photos, or without a segmenter the kernel distance, in one sentence."""
        return headline(self.record)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What keeps these numbers from meaning what they seem to."""
        return self.record.warnings

    def save(self, folder: Path | str) -> Path:
        """Write ``report.json``, ``report.md``, ``report.html`` and the pictures that these show.

        Args:
            folder: made if missing; an earlier report in it is replaced.

        Returns:
            The page, ``report.html``.

        Raises:
            SemsynthError: the folder cannot be written.
        """
        folder = Path(folder)
        for name, data in self.pictures.items():
            write_bytes(folder / name, data)
        write_bytes(folder / TEXT, markdown(self.record).encode())
        write_bytes(folder / PAGE, html_page(self.record).encode())
        dump_config(self.record, folder / RECORD)
        return folder / PAGE

    @classmethod
    def open(cls, path: Path | str) -> Report:
        """Read a report that :meth:`save` or ``semsynth evaluate`` wrote.

        Args:
            path: its folder, or its ``report.json``.

        Raises:
            SemsynthError: there is none, or it is damaged.
        """
        path = Path(path)
        file = path / RECORD if path.is_dir() else path
        if not file.is_file():
            raise SemsynthError(f"there is no report {file}: give a {RECORD}, or the folder that holds one")
        record = load_config(ReportRecord, file)
        names = [picture_file(image, kind) for image in record.shown for kind in kinds(record)]
        return cls(record, {name: _read(file.parent / name) for name in names if (file.parent / name).is_file()})

    def beside(self, other: Report) -> list[ScoreTable]:
        """Tables of the scores of two reports, side by side.

        Raises:
            SemsynthError: they do not compare, as their protocols differ; the message lists the differences.
        """
        check_comparable(*(one.record.protocol.model_dump(mode="json") for one in (self, other)))
        return beside(self.record, other.record)

    def __repr__(self) -> str:
        return f"<Report of {self.record.subject.name}: {self.headline}>"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Headline, warnings and tables, for :mod:`rich`."""
        from rich.text import Text

        yield Text(self.headline)
        yield from (Text(f"note: {text}") for text in self.warnings)
        yield from score_tables(self.record)

    def _repr_html_(self) -> str:
        """The same for notebooks."""
        return notebook_html(self.record)


def _scores(prefix: str, part: Config) -> Iterator[tuple[str, Score]]:
    """The defined scores among the fields of one part of a record."""
    for name, value in part:
        found = {f"iou/{key}": one for key, one in value.items()} if name == "class_iou" else {name: value}
        for key, one in found.items():
            if isinstance(one, Score) and one.value is not None:
                yield prefix + key, one


def _read(path: Path) -> bytes:
    with explained(path, "cannot read"):
        return path.read_bytes()
