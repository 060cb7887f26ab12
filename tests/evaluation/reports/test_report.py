"""Reports: scores by name, files that come back as they were, and text that stays text on the page."""

from __future__ import annotations

import io
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from flags import ChangedPhotos, evaluation_of
from rich.console import Console

from semsynth.errors import SemsynthError
from semsynth.evaluation.record import DistanceResult, ImageResult, ReportRecord, Score, SegmentationResult
from semsynth.evaluation.reports.rendering import kinds, picture_file
from semsynth.evaluation.reports.report import Report
from semsynth.images import encode_png

HOSTILE = "<script>alert('x')</script>\"&|"


@pytest.fixture(scope="module")
def measured(flags: Path, tmp_path_factory: pytest.TempPathFactory) -> ReportRecord:
    return evaluation_of(flags).run(tmp_path_factory.mktemp("measured"))


@pytest.fixture
def report(measured: ReportRecord) -> Report:
    """Made-up scores; the rest as it was measured."""
    images = (ImageResult(name="a", mean_iou=0.25, pixel_accuracy=0.5),)
    record = measured.model_copy(
        update={
            "segmentation": segmentation(0.5, rare=None),
            "oracle": segmentation(0.75, rare=0.125),
            "distances": DistanceResult(frechet_distance=Score(value=2.0), kernel_distance=Score(value=-0.5)),
            "real_halves": None,
            "worst": images,
            "best": images,
            "warnings": ("too few images",),
        }
    )
    picture = encode_png(np.zeros((2, 3, 3), np.uint8))
    return Report(record, {picture_file("a", kind): picture for kind in kinds(record)})


def segmentation(value: float, rare: float | None) -> SegmentationResult:
    score = Score(value=value, interval=(value - 0.125, value + 0.125))
    return SegmentationResult(
        pixel_accuracy=score,
        mean_accuracy=score,
        mean_iou=score,
        class_iou={"red": score, "rare": Score(value=rare)},
    )


class Elements(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_scores_have_names_and_undefined_ones_are_left_out(report: Report) -> None:
    values = {name: float(score) for name, score in report.scores.items()}
    assert values == {
        "pixel_accuracy": 0.5,
        "mean_accuracy": 0.5,
        "mean_iou": 0.5,
        "iou/red": 0.5,
        "frechet_distance": 2.0,
        "kernel_distance": -0.5,
        "oracle/pixel_accuracy": 0.75,
        "oracle/mean_accuracy": 0.75,
        "oracle/mean_iou": 0.75,
        "oracle/iou/red": 0.75,
        "oracle/iou/rare": 0.125,
    }
    assert report.scores["mean_iou"].interval == (0.375, 0.625)
    assert str(report.scores["mean_iou"]) == "0.5000 [0.3750, 0.6250]"
    assert str(report.record.segmentation.class_iou["rare"]) == "–"


def test_a_saved_report_opens_as_it_was(report: Report, tmp_path: Path) -> None:
    page = report.save(tmp_path / "one")
    assert page == tmp_path / "one" / "report.html"
    for path in (tmp_path / "one", str(tmp_path / "one" / "report.json")):
        opened = Report.open(path)
        assert opened.record == report.record
        assert opened.pictures == report.pictures
    opened.save(tmp_path / "two")
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert len(files) == 3 + len(kinds(report.record))
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_a_report_of_an_earlier_version_opens(report: Report, tmp_path: Path) -> None:
    """It has no colours, and its pictures may be gone."""
    old = Report(report.record.model_copy(update={"colors": {}}))
    page = old.save(tmp_path)
    assert Report.open(tmp_path).pictures == {}
    assert "swatch" not in {attributes.get("class") for _, attributes in Elements(page.read_text()).tags}


@pytest.mark.parametrize(("name", "content"), [("nothing", None), ("report.json", b"{}"), ("report.json", b"[")])
def test_what_is_no_report_is_named(tmp_path: Path, name: str, content: bytes | None) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SemsynthError, match=name):
        Report.open(path)


def test_the_page_shows_numbers_bars_and_pictures(report: Report, tmp_path: Path) -> None:
    found = Elements(report.save(tmp_path).read_text())
    text = " ".join(" ".join(found.text).split())
    for part in ("Mean IoU 0.5000, that of the real photos 0.7500", "0.5000 [0.3750, 0.6250]", "too few images."):
        assert part in text
    styles = [attributes.get("style") for _, attributes in found.tags]
    assert "width:50.00%" in styles  # red: the pictures'
    assert "width:75.00%" in styles  # and the photos'
    assert "left:37.50%;width:25.00%" in styles  # the interval
    assert "background:rgb(220, 40, 40)" in styles
    sources = [attributes["src"] for tag, attributes in found.tags if tag == "img"]
    assert sources == 2 * [f"images/a_{kind}.png" for kind in kinds(report.record)]
    assert all((tmp_path / str(source)).is_file() for source in sources)


def test_names_from_outside_stay_text(report: Report) -> None:
    record = report.record.model_copy(
        update={
            "subject": report.record.subject.model_copy(update={"name": HOSTILE}),
            "segmentation": SegmentationResult(
                **{key: Score(value=0.5) for key in ("pixel_accuracy", "mean_accuracy", "mean_iou")},
                class_iou={HOSTILE: Score(value=0.5)},
            ),
            "oracle": None,
            "worst": (ImageResult(name=HOSTILE, mean_iou=0.5, pixel_accuracy=0.5),),
            "warnings": (HOSTILE,),
            "segmenter_data": HOSTILE,
            "colors": {HOSTILE: (1, 2, 3)},
        }
    )
    plain = Report(report.record)
    hostile = Report(record)
    for page, ordinary in zip(pages(hostile), pages(plain), strict=True):
        found = Elements(page)
        assert not {"script", "alert"} & {tag for tag, _ in found.tags}
        assert "script" not in {tag for tag, _ in Elements(ordinary).tags}
        assert HOSTILE in "".join(found.text)
    (picture, *_) = (attributes for tag, attributes in Elements(pages(hostile)[0]).tags if tag == "img")
    assert picture["src"] == "images/%3Cscript%3Ealert%28%27x%27%29%3C/script%3E%22%26%7C_layout.png"
    assert picture["alt"] == f"layout of {HOSTILE}"


def pages(report: Report) -> tuple[str, str]:
    from semsynth.evaluation.reports.rendering import html_page

    return html_page(report.record), report._repr_html_()


def test_the_terminal_shows_the_headline_and_the_tables(report: Report) -> None:
    file = io.StringIO()
    Console(file=file, width=120).print(report)
    shown = file.getvalue()
    for part in (report.headline, "note: too few images", "mean IoU", "0.5000 [0.3750, 0.6250]", "kernel distance"):
        assert part in shown
    assert repr(report) == f"<Report of real photos: {report.headline}>"


def test_two_reports_stand_side_by_side_if_their_protocols_are_equal(
    report: Report, measured: ReportRecord, flags: Path, tmp_path: Path
) -> None:
    first, *_ = report.beside(Report(measured))
    assert first.header == ("score", "real photos", "real photos")
    assert first.rows[0] == ("mean IoU", "0.5000 [0.3750, 0.6250]", str(measured.segmentation.mean_iou))
    source = ChangedPhotos(lambda sample: sample.image)
    other = evaluation_of(flags, source, indices=range(12)).run(tmp_path)
    with pytest.raises(SemsynthError, match=r"num_images: 24 \| 12"):
        report.beside(Report(other))
