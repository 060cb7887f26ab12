"""The search finds what comparing every mask finds."""

import numpy as np
import pytest
from drawn_banks import CLASSES, HOUSE, PHOTOS, RULES, draw_labels

from semsynth.bank.memory import MemoryBank
from semsynth.bank.retrieval import retrieve
from semsynth.bank.segments import Segment, find_segments
from semsynth.errors import SemsynthError


def brute_force(
    bank: MemoryBank, segment: Segment, labels: np.ndarray | None = None, photos: np.ndarray | None = None
) -> list[tuple[int, float]]:
    """Every segment of the class with its score, by the definitions."""
    mine = segment.full_mask(RULES.size)
    found = []
    for number in range(len(bank)):
        if bank.class_ids[number] != segment.class_id or (photos is not None and not photos[bank.images[number]]):
            continue
        piece = bank.piece(number)
        theirs = Segment(piece.class_id, piece.top, piece.left, piece.mask, piece.mask)
        full = theirs.full_mask(RULES.size)
        score = (mine & full).sum() / (mine | full).sum()
        if labels is not None:
            one = context(segment, labels)
            other = context(theirs, bank.labels(piece.image))
            score += (one & other).sum() / (one | other).sum()
        found.append((number, score))
    return sorted(found, key=lambda item: (-item[1], item[0]))


def context(segment: Segment, labels: np.ndarray) -> np.ndarray:
    """[K,H,W]: where each class is in the segment's box with an eighth more on every side."""
    top, left, height, width = segment.box
    inside = np.zeros(RULES.size, np.bool_)
    rows, columns = round(height / 8), round(width / 8)
    inside[max(0, top - rows) : top + height + rows, max(0, left - columns) : left + width + columns] = True
    return np.stack([(labels == item.id) & inside for item in CLASSES.classes])


def queries(seed: int = 5) -> list[tuple[np.ndarray, list[Segment]]]:
    """Layouts and their segments."""
    rng = np.random.default_rng(seed)
    drawn = [draw_labels(rng) for _ in range(4)]
    return [(labels, find_segments(labels, RULES)) for labels in drawn]


@pytest.mark.parametrize("count", [1, 4, 100])
@pytest.mark.parametrize("with_context", [False, True])
def test_the_best_segments_are_those_of_comparing_all(bank: MemoryBank, count: int, with_context: bool) -> None:
    for labels, segments in queries():
        assert segments
        indices, scores = retrieve(bank, segments, count, labels=labels if with_context else None)
        assert indices.shape == scores.shape == (len(segments), count)
        for row, values, segment in zip(indices, scores, segments, strict=True):
            expected = brute_force(bank, segment, labels if with_context else None)[:count]
            found = len(expected)
            assert row[:found].tolist() == [number for number, _ in expected]
            assert values[:found].tolist() == [np.float32(score) for _, score in expected]
            assert (row[found:] == -1).all()
            assert not values[found:].any()


def test_the_search_is_exact_where_few_masks_are_compared_in_full(
    bank: MemoryBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("semsynth.bank.retrieval._TOGETHER", 2)
    for labels, segments in queries(6):
        for context in (None, labels):
            indices, _ = retrieve(bank, segments, 3, labels=context)
            for row, segment in zip(indices, segments, strict=True):
                assert row.tolist() == [number for number, _ in brute_force(bank, segment, context)[:3]]


def test_a_segment_finds_itself_unless_its_photo_is_excluded(bank: MemoryBank) -> None:
    piece = bank.piece(int(bank.of_class(HOUSE).start))
    itself = Segment(piece.class_id, piece.top, piece.left, piece.mask, piece.mask)
    indices, scores = retrieve(bank, [itself], 1)
    assert indices.tolist() == [[bank.of_class(HOUSE).start]]
    assert scores.tolist() == [[1.0]]
    indices, scores = retrieve(bank, [itself], 50, exclude_image=piece.image)
    found = indices[indices >= 0]
    assert len(found)
    assert (bank.images[found] != piece.image).all()


def test_only_photos_among_the_given_ones_count(bank: MemoryBank) -> None:
    among = np.zeros(PHOTOS, np.bool_)
    among[::3] = True
    for _, segments in queries():
        indices, _ = retrieve(bank, segments, 2, among=among, exclude_image=3)
        for row, segment in zip(indices, segments, strict=True):
            photos = among & (np.arange(PHOTOS) != 3)
            assert row[row >= 0].tolist() == [number for number, _ in brute_force(bank, segment, photos=photos)[:2]]
    assert among[3], "what was given is left as it was"


def test_equal_segments_come_in_the_order_of_the_bank(bank: MemoryBank) -> None:
    corner = Segment(HOUSE, 0, 39, np.ones((1, 1), np.bool_), np.ones((1, 1), np.bool_))
    indices, scores = retrieve(bank, [corner], 10)
    nothing = indices[0, scores[0] == 0]
    assert len(nothing) > 5, "most houses are elsewhere"
    assert (np.diff(nothing) > 0).all()


def test_classes_without_segments_find_nothing(bank: MemoryBank) -> None:
    unknown = Segment(99, 0, 0, np.ones((2, 2), np.bool_), np.ones((2, 2), np.bool_))
    indices, scores = retrieve(bank, [unknown], 2)
    assert indices.tolist() == [[-1, -1]]
    assert scores.tolist() == [[0, 0]]
    assert retrieve(bank, [], 3)[0].shape == (0, 3)


def test_labels_of_another_size_are_refused(bank: MemoryBank) -> None:
    with pytest.raises(SemsynthError, match="the layout is 4x2, and segments are found at 40x24"):
        retrieve(bank, [], 1, labels=np.zeros((2, 4), np.uint16))
