"""Small exports in the exact structure of CVAT, Label Studio, Supervisely, YOLO, VOC and Mapillary Vistas."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from annotated import RING, SIZE, save_json
from official_trees import photo, save_jpeg
from PIL import Image

from semsynth.class_files import voc_color
from semsynth.data.annotations.masks import base64_of_mask
from semsynth.data.annotations.runs import counts_of_mask
from semsynth.data.check import check_dataset
from semsynth.data.folder import DatasetFolder
from semsynth.data.importers.pairs import Listing, import_listing
from semsynth.images import save_png
from semsynth.layout import Layout

CVAT_META = """  <version>1.1</version>
  <meta>
    <task>
      <id>4</id><name>streets</name><size>1</size><mode>annotation</mode><overlap>0</overlap>
      <labels>
        <label><name>road</name><color>#804080</color><type>any</type><attributes></attributes></label>
        <label><name>car</name><color>#00008e</color><type>any</type><attributes></attributes></label>
      </labels>
    </task>
    <dumped>2026-11-30 11:38:28.799808+03:00</dumped>
  </meta>
"""
CVAT_SHAPES = """\
    <polygon label="car" source="manual" occluded="0" points="2.00,2.00;6.00,2.00;6.00,5.00;2.00,5.00" z_order="2">
      <attribute name="parked">false</attribute>
    </polygon>
    <box label="road" source="manual" occluded="0" xtl="0.00" ytl="0.00" xbr="8.00" ybr="6.00" z_order="0">
    </box>
    <mask label="car" source="semi-auto" occluded="0" rle="{rle}" left="1" top="1" width="4" height="4" z_order="1">
    </mask>
    <polyline label="road" source="manual" occluded="0" points="0.00,0.00;8.00,6.00" z_order="0">
    </polyline>
    <tag label="road" source="manual">
    </tag>
"""


def cvat_xml(shapes: str | None = None, name: str = "street 1.png") -> str:
    rle = ", ".join(map(str, counts_of_mask(RING[1:5, 1:5], by_columns=False).tolist()))
    inside = CVAT_SHAPES.format(rle=rle) if shapes is None else shapes
    image = f'  <image id="0" name="{name}" width="{SIZE[1]}" height="{SIZE[0]}">\n{inside}  </image>\n'
    return f'<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n{CVAT_META}{image}</annotations>\n'


def cvat_tree(root: Path, xml: str | None = None) -> Path:
    (root / "images").mkdir(parents=True, exist_ok=True)
    (root / "annotations.xml").write_text(cvat_xml() if xml is None else xml, "utf-8")
    save_png(root / "images/street 1.png", photo())
    return root


def packed_brush(mask: np.ndarray) -> list[int]:
    """What Label Studio's editor writes: RGBA in runs of 3, 4, 8 or 16 bits, words of 8."""
    values, sizes = np.repeat(mask.ravel() * 255, 4), (3, 4, 8, 16)
    bits = f"{len(values):032b}{7:05b}" + "".join(f"{size - 1:04b}" for size in sizes)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(values)) + 1, [len(values)]])
    for start, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        kind = next(index for index, size in enumerate(sizes) if end - start <= 2**size)
        bits += f"1{kind:02b}{end - start - 1:0{sizes[kind]}b}{values[start]:08b}"
    bits += "0" * (-len(bits) % 8)
    return [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]


def region(kind: str, label: str, value: dict[str, Any]) -> dict[str, Any]:
    return {
        "original_width": SIZE[1],
        "original_height": SIZE[0],
        "image_rotation": 0,
        "value": value | {kind: [label]},
        "id": f"{kind[:3]}{label}",
        "from_name": "tag",
        "to_name": "image",
        "type": kind,
        "origin": "manual",
    }


def label_studio_tasks(results: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    """A task with two annotations, the first of which was cancelled."""
    made = [
        region("rectanglelabels", "wall", {"x": 0, "y": 0, "width": 50, "height": 100, "rotation": 0}),
        region(
            "polygonlabels",
            "door",
            {"points": [[25, 100 / 3], [75, 100 / 3], [75, 250 / 3], [25, 250 / 3]], "closed": True},
        ),
        region("brushlabels", "wall", {"format": "rle", "rle": packed_brush(RING)}),
        {"value": {"x": 3, "y": 4, "width": 1, "keypointlabels": ["door"]}, "type": "keypointlabels"},
    ]
    annotation = {"id": 12, "completed_by": 1, "was_cancelled": False, "ground_truth": False}
    return [
        {
            "id": 5,
            "annotations": [
                annotation | {"id": 11, "was_cancelled": True, "result": []},
                annotation | {"result": made if results is None else results},
            ],
            "file_upload": "1f0b2c3d-wall.jpg",
            "data": {"image": "/data/upload/1/1f0b2c3d-wall.jpg"},
            "meta": {},
            "project": 1,
        }
    ]


def label_studio_tree(root: Path, tasks: Any = None) -> Path:
    save_json(root / "project-1-at-2026-11-30.json", label_studio_tasks() if tasks is None else tasks)
    save_jpeg(root / "photos/wall.jpg", photo())
    return root


def label_studio_pngs(root: Path) -> Path:
    """The PNG export: two regions of the annotation 12 of the task 5, and the photograph by the task's number."""
    for name, mask in (("wall-0", np.ones(SIZE, np.bool_)), ("front door-0", RING)):
        save_png(root / f"task-5-annotation-12-by-1-tag-{name}.png", mask.astype(np.uint8) * np.uint8(255))
    save_jpeg(root / "5.jpg", photo())
    return root


def supervisely_object(kind: str, title: str, **more: Any) -> dict[str, Any]:
    return {"id": 7, "classId": 16, "geometryType": kind, "tags": [], "classTitle": title} | more


def supervisely_file(objects: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    bitmap = base64.b64encode(zlib.compress(base64.b64decode(base64_of_mask(RING[1:5, 1:5])))).decode()
    outline = {"exterior": [[0, 0], [7, 0], [7, 5], [0, 5]], "interior": [[[5, 0], [6, 0], [6, 1], [5, 1]]]}
    made = [
        supervisely_object("polygon", "lawn", points=outline),
        supervisely_object("bitmap", "bike", bitmap={"data": bitmap, "origin": [1, 1]}),
        supervisely_object("rectangle", "bike", points={"exterior": [[6, 4], [7, 5]], "interior": []}),
        supervisely_object("point", "bike", points={"exterior": [[6, 4]], "interior": []}),
    ]
    size = {"height": SIZE[0], "width": SIZE[1]}
    return {"description": "", "tags": [], "size": size, "objects": made if objects is None else objects}


def supervisely_tree(root: Path, objects: list[dict[str, Any]] | None = None) -> Path:
    titles = (("bike", "bitmap", "#246FB1"), ("lawn", "polygon", "#20B43C"))
    classes = [
        {"id": 90 - place, "title": title, "shape": shape, "color": color, "geometry_config": {}, "hotkey": ""}
        for place, (title, shape, color) in enumerate(titles)
    ]
    save_json(root / "meta.json", {"classes": classes, "tags": [], "projectType": "images"})
    save_json(root / "ds0/ann/a.jpeg.json", supervisely_file(objects))
    save_jpeg(root / "ds0/img/a.jpeg", photo())
    return root


def yolo_tree(root: Path, lines: str | None = None) -> Path:
    """Roboflow's folders: ``train`` and ``valid``, each with images and labels."""
    (root / "data.yaml").parent.mkdir(parents=True, exist_ok=True)
    (root / "data.yaml").write_text(
        "train: ../train/images\nval: ../valid/images\n\nnc: 2\nnames: ['tree', 'red car']\n"
    )
    square = "0.25 0.3333333 0.75 0.3333333 0.75 0.8333333 0.25 0.8333333"
    for split in ("train", "valid"):
        save_jpeg(root / split / "images/a_jpg.rf.0f3a.jpg", photo())
        path = root / split / "labels/a_jpg.rf.0f3a.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"0 0 0 1 0 1 1 0 1\n1 {square}\n" if lines is None else lines)
    (root / "README.roboflow.txt").write_text("Annotations are in YOLOv8 format.\n")
    return root


def palette_png(path: Path, indices: np.ndarray, colors: dict[int, tuple[int, int, int]] | None = None) -> None:
    """VOC's palette, unless colours say otherwise."""
    image = Image.fromarray(indices.astype(np.uint8), "L")
    image = Image.frombytes("P", image.size, image.tobytes())
    table = {n: voc_color(n) for n in range(256)} if colors is None else colors
    image.putpalette([level for n in range(256) for level in table.get(n, (0, 0, 0))])
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def voc_tree(root: Path) -> Path:
    """VOC2012: a person and two cars with borders, and one picture that no list names."""
    inside = root / "VOCdevkit/VOC2012"
    classes = np.zeros(SIZE, np.uint8)
    classes[:, 0], classes[:, 1], classes[:, 2:5], classes[0, 6:8] = 15, 255, 7, 7
    objects = np.zeros(SIZE, np.uint8)
    objects[:, 0], objects[:, 1], objects[:, 2:5], objects[0, 6:8] = 1, 255, 2, 3
    for name in ("2007_000032", "2007_000033", "2007_000039"):
        save_jpeg(inside / f"JPEGImages/{name}.jpg", photo())
        palette_png(inside / f"SegmentationClass/{name}.png", classes)
        palette_png(inside / f"SegmentationObject/{name}.png", objects)
    lists = inside / "ImageSets/Segmentation"
    lists.mkdir(parents=True)
    for split, names in (
        ("train", "2007_000032\n"),
        ("val", "2007_000033\n"),
        ("trainval", "2007_000032\n2007_000033\n"),
    ):
        (lists / f"{split}.txt").write_text(names)
    return root


def cvat_mask_tree(root: Path) -> Path:
    """CVAT's "Segmentation mask 1.1" with images: colours, and a list called ``default``."""
    labelmap = "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncar:36,179,83::\nroad:61,61,245::\n"
    (root / "ImageSets/Segmentation").mkdir(parents=True)
    (root / "labelmap.txt").write_text(labelmap)
    (root / "ImageSets/Segmentation/default.txt").write_text("img1\n")
    colors = np.zeros((*SIZE, 3), np.uint8)
    colors[:, 4:], colors[2:4, 1:3] = (61, 61, 245), (36, 179, 83)
    save_png(root / "SegmentationClass/img1.png", colors)
    objects = np.zeros((*SIZE, 3), np.uint8)
    objects[:, 4:], objects[2:4, 1:3] = voc_color(1), voc_color(2)
    save_png(root / "SegmentationObject/img1.png", objects)
    save_jpeg(root / "JPEGImages/img1.jpg", photo())
    return root


def vistas_tree(root: Path, version: str = "v2.0") -> Path:
    names = (("construction--flat--road", False), ("object--vehicle--car", True), ("void--unlabeled", False))
    labels = [
        {
            "name": name,
            "readable": name.title(),
            "instances": single,
            "evaluate": True,
            "color": list(voc_color(9 + place)),
        }
        for place, (name, single) in enumerate(names)
    ]
    config = f"config_{version}.json" if version else "config.json"
    save_json(root / config, {"labels": labels, "version": "1.1", "mapping": "public", "folder_structure": ""})
    classes = np.zeros(SIZE, np.uint8)
    classes[2:, :4], classes[0] = 1, 2
    objects = classes.astype(np.uint16) * 256
    objects[2:, 2:4] += 1
    for folder in ("training", "validation"):
        inside = root / folder / version if version else root / folder
        palette_png(
            inside / "labels/M2kh.png",
            classes,
            {9 + n: voc_color(9 + n) for n in range(3)} | {n: voc_color(9 + n) for n in range(3)},
        )
        save_png(inside / "instances/M2kh.png", objects)
        save_jpeg(root / folder / "images/M2kh.jpg", photo())
    (root / "demo.py").write_text("print(json.dumps({}))\n" + json.dumps({}))
    return root


def imported(listing: Listing, out: Path, split: str = "train") -> Layout:
    import_listing(listing, out)
    assert check_dataset(out).problems == ()
    folder = DatasetFolder(out, split, instances=(out / split / "instances").exists())
    return folder[0].layout


def classes(layout: Layout) -> list[tuple[int, str]]:
    return [(one.id, one.name) for one in layout.classes.classes]
