"""Segments of hand-made label maps."""

import numpy as np
import pytest
from scipy import ndimage

from semsynth.bank.segments import SegmentRules, context_windows, find_segments, rules_for, thin_classes
from semsynth.classes import VOID, builtin
from semsynth.errors import SemsynthError


def labels_of(text: str) -> np.ndarray:
    """A label map of digits; a dot is void."""
    rows = [[VOID if one == "." else int(one) for one in line] for line in text.split()]
    return np.array(rows, np.uint16)


def tight(labels: np.ndarray, *thin: int, share: float = 0.0) -> SegmentRules:
    height, width = labels.shape
    return SegmentRules(working_height=height, working_width=width, thin=frozenset(thin), minimal_share=share)


def test_diagonal_neighbours_are_one_segment_and_the_box_is_tight() -> None:
    labels = labels_of("""
        ....1
        .1...
        ..1..
        .....""")
    first, second = find_segments(labels, tight(labels))
    assert (first.class_id, first.box, second.box) == (1, (0, 4, 1, 1), (1, 1, 2, 2))
    assert second.mask.tolist() == [[True, False], [False, True]]
    assert (second.full_mask(labels.shape) | first.full_mask(labels.shape)).tolist() == (labels == 1).tolist()


def test_a_pole_does_not_cut_the_wall_behind_it() -> None:
    labels = labels_of("""
        1151
        1151
        ..5.""")
    apart = find_segments(labels, tight(labels))
    assert [(one.class_id, one.box) for one in apart] == [(1, (0, 0, 2, 2)), (1, (0, 3, 2, 1)), (5, (0, 2, 3, 1))]
    wall, pole = find_segments(labels, tight(labels, 5))
    assert (wall.class_id, wall.box) == (1, (0, 0, 2, 4))
    assert wall.mask.tolist() == [[True, True, False, True]] * 2
    assert wall.thin_mask.tolist() == [[True] * 4] * 2, "the pole's part in the wall's box, not below it"
    assert (pole.class_id, pole.box, pole.mask.all()) == (5, (0, 2, 3, 1), True)


def test_a_segment_that_is_mostly_pole_is_dropped() -> None:
    labels = labels_of("""
        155
        1.5
        ...""")
    assert [one.class_id for one in find_segments(labels, tight(labels, 5))] == [5], "2 own pixels, 3 thin ones"
    labels[1, 1] = 1
    assert [one.class_id for one in find_segments(labels, tight(labels, 5))] == [5], "3 and 3"
    labels[2, 1] = 1
    assert [one.class_id for one in find_segments(labels, tight(labels, 5))] == [1, 5], "4 and 3"


def test_segments_have_more_pixels_than_the_minimal_share() -> None:
    labels = labels_of("""
        111.
        ....
        22..
        22..""")
    assert [one.class_id for one in find_segments(labels, tight(labels, share=3 / 16))] == [2]
    assert [one.class_id for one in find_segments(labels, tight(labels, share=2 / 16))] == [1, 2]


def test_instances_tell_objects_apart_and_join_their_parts() -> None:
    labels = labels_of("""
        11122
        1.122""")
    instances = np.array([[7, 7, 8, 2, 2], [7, 0, 7, 2, 2]])
    found = find_segments(labels, tight(labels), instances)
    assert [(one.class_id, int(one.mask.sum()), one.box) for one in found] == [
        (1, 4, (0, 0, 2, 3)),
        (1, 1, (0, 2, 1, 1)),
        (2, 4, (0, 3, 2, 2)),
    ]


def test_regions_that_instances_do_not_count_are_components() -> None:
    labels = labels_of("11.11")
    assert len(find_segments(labels, tight(labels), np.array([[1, 1, 0, 1, 1]]))) == 2
    assert len(find_segments(labels, tight(labels), np.array([[9, 9, 0, 9, 9]]))) == 1


def test_segments_of_noise_are_the_components_of_each_class() -> None:
    labels = np.random.default_rng(0).choice([0, 1, 4, VOID], (24, 31)).astype(np.uint16)
    found = find_segments(labels, tight(labels))
    for class_id in (0, 1, 4):
        own = labels == class_id
        _, count = ndimage.label(own, np.ones((3, 3)))
        masks = [one.full_mask(labels.shape) for one in found if one.class_id == class_id]
        assert len(masks) == count
        assert np.array_equal(np.sum(masks, 0), own), "every pixel is in one segment"


def test_a_map_of_another_size_is_refused_with_both_sizes() -> None:
    with pytest.raises(SemsynthError, match=r"the layout is 4x2, and segments are found at 8x8: .* bank"):
        find_segments(np.zeros((2, 4), np.uint16), SegmentRules(working_height=8, working_width=8))


def test_thin_classes_go_by_the_names_of_cityscapes() -> None:
    assert thin_classes(builtin("cityscapes_19")) == {5, 6, 7}
    assert thin_classes(builtin("cmp_facades")) == set()


def test_rules_are_cityscapes_published_ones_or_a_square_without_thin_classes() -> None:
    city = rules_for(builtin("cityscapes_19"))
    assert (city.size, city.thin) == ((256, 512), {5, 6, 7})
    assert city.minimal_share * 256 * 512 == 1000
    fronts = rules_for(builtin("cmp_facades"))
    assert (fronts.size, fronts.thin) == ((256, 256), set())
    chosen = rules_for(builtin("cmp_facades"), size=(32, 64), thin=["pillar"], minimal_share=0)
    assert (chosen.size, chosen.thin, chosen.minimal_share) == ((32, 64), {10}, 0)
    with pytest.raises(SemsynthError, match="has no class 'lamp'"):
        rules_for(builtin("cmp_facades"), thin=["lamp"])
    with pytest.raises(SemsynthError, match="the rules of segments: minimal_share"):
        rules_for(builtin("cmp_facades"), minimal_share=2)


def test_a_context_is_the_box_with_an_eighth_on_every_side_within_the_frame() -> None:
    boxes = np.array([[8, 8, 16, 8], [0, 30, 16, 10]])
    assert context_windows(boxes, (40, 40)).tolist() == [[6, 7, 26, 17], [0, 29, 18, 40]]
