from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from annotated import RING, annotation, coco_annotations, coco_tree, run_lengths, save_json
from official_trees import photo, save_jpeg

from semsynth.classes import VOID
from semsynth.data.check import check_dataset
from semsynth.data.folder import DatasetFolder
from semsynth.data.importers.coco import list_coco
from semsynth.data.importers.pairs import import_listing
from semsynth.errors import SemsynthError


def one_picture(root: Path, **changes: object) -> Path:
    save_json(root / "_annotations.coco.json", coco_annotations(**changes))
    save_jpeg(root / "a.jpg", photo())
    return root


def test_instances_and_stuff(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert import_listing(list_coco(coco_tree(tmp_path / "in"), overlap="area"), out) == {"train": 1, "val": 1}
    layout = DatasetFolder(out, "train", instances=True)[0].layout
    assert [(one.id, one.name) for one in layout.classes.classes] == [(1, "person"), (3, "car"), (124, "grass")]
    assert layout.instances is not None
    # stuff and the crowd below; of the objects, the smaller over the larger: 24, 12 and 12 pixels, in the file's order
    assert layout.labels[2].tolist() == [1, 3, 1, 1, 3, 1, 1, 1]
    assert layout.instances[2].tolist() == [256, 258, 257, 257, 258, 257, 1, 1]
    assert layout.labels[0].tolist() == [1] * 8
    assert layout.instances[0].tolist() == [256] * 4 + [1] * 4  # the crowd is a region of its class
    assert check_dataset(out).problems == ()


def test_the_order_of_the_file(tmp_path: Path) -> None:
    square = annotation(2, 1, [[2, 2, 6, 2, 6, 5, 2, 5]])
    everything = annotation(3, 3, [[0, 0, 8, 0, 8, 6, 0, 6]])
    source = one_picture(tmp_path / "in", annotations=[square, everything])
    rows = {}
    for overlap in ("order", "area"):
        import_listing(list_coco(source, overlap=overlap), tmp_path / overlap)
        rows[overlap] = DatasetFolder(tmp_path / overlap, "train")[0].layout.labels[2].tolist()
    assert rows == {"order": [3] * 8, "area": [3, 3, 1, 1, 1, 1, 3, 3]}


def test_what_nothing_covers_is_void_and_polygons_of_one_object_are_united(tmp_path: Path) -> None:
    two = annotation(1, 3, [[0, 0, 3, 0, 3, 2, 0, 2], [2, 1, 4, 1, 4, 3, 2, 3]])
    import_listing(list_coco(one_picture(tmp_path / "in", annotations=[two])), tmp_path / "out")
    layout = DatasetFolder(tmp_path / "out", "train", instances=True)[0].layout
    assert layout.labels[1].tolist() == [3, 3, 3, 3, VOID, VOID, VOID, VOID]
    assert layout.instances is not None
    assert layout.instances[1].tolist() == [256] * 4 + [255] * 4


def test_both_forms_of_runs_are_one_mask(tmp_path: Path) -> None:
    for compressed in (False, True):
        name = str(compressed)
        runs = annotation(1, 3, run_lengths(RING, compressed))
        import_listing(list_coco(one_picture(tmp_path / name / "in", annotations=[runs])), tmp_path / name / "out")
        labels = DatasetFolder(tmp_path / name / "out", "train")[0].layout.labels
        assert ((labels == 3) == RING).all()


def test_names_of_another_class_set(tmp_path: Path) -> None:
    source, out = one_picture(tmp_path / "in"), tmp_path / "out"
    import_listing(list_coco(source, classes="cityscapes", meaning=["car:void"]), out)
    assert sorted(np.unique(DatasetFolder(out, "train")[0].layout.labels).tolist()) == [24, VOID]
    with pytest.raises(SemsynthError, match="'camvid' has no class person: say what it is with `meaning=person:CLASS`"):
        list_coco(source, classes="camvid")
    listing = list_coco(source, meaning=["person:human", "car:human"])
    assert [one.name for one in listing.classes.classes] == ["human"]


def test_a_share_for_val_and_names_of_photos(tmp_path: Path) -> None:
    images = [{"id": n, "file_name": f"sub\\{n}.JPG", "height": 6, "width": 8} for n in range(12)]
    items = [annotation(n, 1, [[0, 0, 8, 0, 8, 6]], image=n) for n in range(12)]
    save_json(tmp_path / "in/result.json", coco_annotations(images=images, annotations=items))
    for n in range(12):
        save_jpeg(tmp_path / f"in/images/sub/{n}.jpg", photo())
    (tmp_path / "in/images/.DS_Store").write_bytes(b"x")
    counts = import_listing(list_coco(tmp_path / "in", val_share=0.25), tmp_path / "out")
    assert sum(counts.values()) == 12
    assert set(counts) == {"train", "val"}
    assert (tmp_path / "out/train/labels/sub_1.png").exists() or (tmp_path / "out/val/labels/sub_1.png").exists()
    with pytest.raises(SemsynthError, match="divided into train, val already: leave out `val_share`"):
        list_coco(coco_tree(tmp_path / "divided"), val_share=0.25)


BROKEN = [
    (annotation(5, 1, [[0, 0, 1, 1]]), "annotation 5: its outline has 2 points, and an area needs 3"),
    (annotation(5, 1, []), "annotation 5: its segmentation is empty: it has a box only"),
    (annotation(5, 1, [[0, 0, 1, 1, 2]]), "annotation 5: its outline is not a list of x, y"),
    (annotation(5, 1, [[0, 0, 1, "a", 2, 2]]), "annotation 5: its points are not pairs of numbers"),
    (annotation(5, 1, {"size": [6, 8], "counts": [3]}), "annotation 5: its runs have 3 pixels and the mask is 8x6"),
    (annotation(5, 1, {"size": [8, 6], "counts": [48]}), r"annotation 5: its runs are of a mask of \[8, 6\]"),
    (annotation(5, 1, {"size": [6, 8], "counts": "zz"}), "annotation 5: its compressed runs are cut off"),
    (annotation(5, 99, [[0, 0, 1, 1, 2, 0]]), "annotation 5 has category 99, which the file's categories lack"),
]


@pytest.mark.parametrize(("item", "message"), BROKEN)
def test_a_broken_record_is_one_line_or_left_out(tmp_path: Path, item: dict[str, object], message: str) -> None:
    images = [{"id": n, "file_name": f"{n}.jpg", "height": 6, "width": 8} for n in (7, 8)]
    good = annotation(1, 1, [[0, 0, 8, 0, 8, 6]], image=8)
    path = tmp_path / "in/result.json"
    save_json(path, coco_annotations(images=images, annotations=[item, good]))
    for n in (7, 8):
        save_jpeg(tmp_path / f"in/{n}.jpg", photo())
    with pytest.raises(SemsynthError, match=rf"result\.json, image 7.*{message}.*`skip_broken` leaves it out"):
        import_listing(list_coco(tmp_path / "in"), tmp_path / "out")
    told: list[str] = []
    assert import_listing(list_coco(tmp_path / "in", skip_broken=True), tmp_path / "out", tell=told.append) == {
        "train": 1
    }
    assert [one.name for one in (tmp_path / "out/train/images").iterdir()] == ["8.jpg"]
    listed = (tmp_path / "out/left_out.txt").read_text().splitlines()
    assert len(listed) == 1
    assert "image 7" in listed[0]
    assert told[-2:] == [f"1 record left out: {tmp_path / 'out/left_out.txt'} lists them", f"left out: {listed[0]}"]


def test_a_record_that_breaks_later_leaves_nothing(tmp_path: Path) -> None:
    images = [{"id": n, "file_name": f"{n}.jpg", "height": 6, "width": 8} for n in (7, 8)]
    items = [annotation(n, 1, [[0, 0, 8, 0, 8, 6]], image=n) for n in (7, 8)]
    path = tmp_path / "in/result.json"
    save_json(path, coco_annotations(images=images, annotations=items))
    for n in (7, 8):
        save_jpeg(tmp_path / f"in/{n}.jpg", photo())
    import_listing(list_coco(tmp_path / "in"), tmp_path / "out")
    items[0]["segmentation"] = [[0, 0, 1, 1]]
    save_json(path, coco_annotations(images=images, annotations=items))
    assert import_listing(list_coco(tmp_path / "in", skip_broken=True), tmp_path / "out") == {"train": 1}
    assert [one.name for one in (tmp_path / "out/train/labels").iterdir()] == ["8.png"]
    save_json(path, coco_annotations(images=images[:1], annotations=items[:1]))
    with pytest.raises(SemsynthError, match=r"every record is broken; the first: .*image 7"):
        import_listing(list_coco(tmp_path / "in", skip_broken=True), tmp_path / "out2")


def test_what_is_no_annotation_file(tmp_path: Path) -> None:
    save_json(tmp_path / "empty/x.json", {"images": []})
    with pytest.raises(SemsynthError, match=r"holds no \.json file with images, annotations and categories"):
        list_coco(tmp_path / "empty")
    source = one_picture(tmp_path / "in")
    for changes, message in (
        ({"annotations": [{}]}, "it lacks 'image_id'"),
        ({"categories": [{"id": 1}]}, "it lacks 'name'"),
        ({"categories": 3}, "malformed"),
        ({"categories": [{"id": "x", "name": "a"}]}, "its id is not a whole number"),
    ):
        one_picture(source, **changes)
        with pytest.raises(SemsynthError, match=rf"_annotations\.coco\.json is not an annotation file .*{message}"):
            list_coco(source)
    one_picture(source, images=[{"id": 7, "file_name": "b.jpg", "height": 6, "width": 8}])
    with pytest.raises(
        SemsynthError, match=r"image 7: its photo 'b\.jpg' is not in .*holds 1 picture: a\.jpg; name the folder"
    ):
        list_coco(source)
    one_picture(source, images=[{"id": 7, "file_name": "a.jpg", "height": 8, "width": 6}])
    with pytest.raises(SemsynthError, match=r"tells of a picture of 6x8, and .*a\.jpg is 8x6"):
        import_listing(list_coco(source), tmp_path / "out")
    (source / "_annotations.coco.json").write_text(json.dumps(coco_annotations())[:-9])
    with pytest.raises(SemsynthError, match="not valid JSON"):
        list_coco(source)
    assert not (tmp_path / "out/train").exists()
