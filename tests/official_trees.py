"""Small trees in the exact structure of official downloads: file names, id conventions, odd cases."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from semsynth.classes import ClassInfo, ClassSet
from semsynth.data.importers.pairs import Listing
from semsynth.images import save_png

SIZE = (6, 8)
"""(height, width) of most pictures."""
SKY_AND_CAR = ClassSet(
    name="two", classes=(ClassInfo(id=1, name="sky", color=(0, 0, 255)), ClassInfo(id=2, name="car", color=(255, 0, 0)))
)
MAP_FROM_ADE = (
    "1\t2978\t\n2\t312\t   \n13\t1831\t   \n15\t774\t\n15\t783\n21\t401\t   \n22 \t2994\t   \n23      1735\t   \n"
)
"""Lines of the official table, with its irregular blanks."""


def names(listing: Listing, split: str | None = None) -> list[str]:
    """Of what a listing holds, or of one split of it."""
    return [pair.name for pair in listing.pairs if split in (None, pair.split)]


def photo(seed: int = 0, size: tuple[int, int] = SIZE) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def save_jpeg(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, "JPEG")


def numbers(high: int, dtype: type = np.uint8, seed: int = 0) -> np.ndarray:
    """[H,W] of random numbers below ``high``."""
    return np.random.default_rng(seed).integers(0, high, SIZE).astype(dtype)


def halves(left: int, right: int, size: tuple[int, int] = SIZE, dtype: type = np.uint8) -> np.ndarray:
    """[H,W] with one number on the left and one on the right."""
    numbers = np.full(size, left, dtype)
    numbers[:, size[1] // 2 :] = right
    return numbers


def ade20k_challenge(root: Path) -> Path:
    """ADEChallengeData2016: two pictures to train, one of them grey, and one to validate."""
    inside = root / "ADEChallengeData2016"
    scenes = []
    for folder, name, (left, right), scene in (
        ("training", "ADE_train_00000001", (0, 1), "airport_terminal"),
        ("training", "ADE_train_00000002", (21, 150), "street"),
        ("validation", "ADE_val_00000001", (3, 0), "abbey"),
    ):
        grey = name == "ADE_train_00000002"
        save_jpeg(inside / "images" / folder / f"{name}.jpg", photo()[..., 0] if grey else photo())
        save_png(inside / "annotations" / folder / f"{name}.png", halves(left, right))
        scenes.append(f"{name} {scene}")
    (inside / "sceneCategories.txt").write_text("\n".join(scenes) + "\n")
    (inside / "objectInfo150.txt").write_text("Idx\tRatio\tTrain\tVal\tName\n1\t0.1576\t11664\t1172\twall\n")
    return root


def seg_png(index: np.ndarray, objects: np.ndarray) -> np.ndarray:
    """[H,W,3]: how ``NAME_seg.png`` holds classes (red, green) and objects (blue)."""
    return np.stack([index // 256 * 10, index % 256, objects], axis=2).astype(np.uint8)


def ade20k_full(root: Path) -> Path:
    """ADE20K_2021_17_01: scenes in folders, parts and amodal masks beside, JSON files that are not UTF-8."""
    inside = root / "ADE20K_2021_17_01" / "images" / "ADE"
    for split, place, name in (
        ("training", "urban/street", "ADE_train_00016869"),
        ("training", "home_or_hotel/bedroom", "ADE_train_00000007"),
        ("validation", "nature_landscape/coast/rocky", "ADE_val_00000003"),
    ):
        folder = inside / split / place
        # car (401) as two objects, an unmapped class (461), nothing (0)
        index = np.array([[401, 401, 401, 401, 461, 461, 0, 0]] * 5 + [[2978] * 8])
        objects = np.array([[1, 1, 2, 2, 3, 3, 0, 0]] * 5 + [[4] * 8])
        save_jpeg(folder / f"{name}.jpg", photo())
        save_png(folder / f"{name}_seg.png", seg_png(index, objects))
        save_png(folder / f"{name}_parts_1.png", seg_png(index * 0, objects * 0))
        save_png(folder / name / f"instance_000_{name}.png", halves(0, 255))
        scene = ["indoor" if "bedroom" in place else "outdoor", *place.split("/")]
        annotation = {"annotation": {"filename": f"{name}.jpg", "scene": scene, "object": []}}
        text = json.dumps(annotation)[:-1] + ', "note": "caf'
        (folder / f"{name}.json").write_bytes(text.encode() + b'\xe9"}')
    (root / "ADE20K_2021_17_01" / "mapFromADE.txt").write_text(MAP_FROM_ADE)
    return root


def coco_stuff(root: Path) -> Path:
    """The downloads of COCO-Stuff: a person and a car that overlap, a crowd, a picture without objects."""
    (root / "annotations").mkdir(parents=True)
    for split, names in (("train", ("000000000009", "000000000025")), ("val", ("000000000139",))):
        annotations = []
        for name in names:
            save_jpeg(root / f"{split}2017" / f"{name}.jpg", photo())
            # person (id 1 -> 0) at the left, car (3 -> 2) in the middle, sky-other (157 -> 156), nothing (255)
            labels = np.array([[0, 0, 0, 2, 2, 2, 156, 255]] * SIZE[0], np.uint8)
            save_png(root / "stuffthingmaps_trainval2017" / f"{split}2017" / f"{name}.png", labels)
            if name == "000000000025":
                continue
            annotations += [
                _annotation(name, 1, [[0, 0, 3, 0, 3, 3, 0, 3]]),  # the upper person
                _annotation(name, 1, [[0, 3, 5, 3, 5, 6, 0, 6], [0, 0, 1, 0]]),  # the lower one, drawn over the car
                _annotation(name, 3, [[3, 0, 6, 0, 6, 6, 3, 6]]),
                _annotation(name, 3, {"counts": [0, 48], "size": [6, 8]}, iscrowd=1),
            ]
        images = [{"id": int(n), "file_name": f"{n}.jpg", "height": SIZE[0], "width": SIZE[1]} for n in names]
        data = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}
        (root / "annotations" / f"instances_{split}2017.json").write_text(json.dumps(data))
    return root


def _annotation(name: str, category: int, segmentation: object, iscrowd: int = 0) -> dict[str, object]:
    return {"image_id": int(name), "category_id": category, "segmentation": segmentation, "iscrowd": iscrowd}


def coco_panoptic(root: Path) -> Path:
    """COCO panoptic with segment ids beyond 16 bits, a crowd and unlabelled pixels."""
    categories = [
        {"supercategory": "person", "isthing": 1, "id": 1, "name": "person"},
        {"supercategory": "sky", "isthing": 0, "id": 187, "name": "sky-other-merged"},
    ]
    for split, name in (("train", "000000000009"), ("val", "000000000139")):
        ids = np.array([[0, 7_000_001, 300, 300, 65_536, 65_536, 9, 9]] * SIZE[0])
        colors = np.stack([ids % 256, ids // 256 % 256, ids // 65536], axis=2).astype(np.uint8)
        save_png(root / "annotations" / f"panoptic_{split}2017" / f"{name}.png", colors)
        save_jpeg(root / f"{split}2017" / f"{name}.jpg", photo())
        info = [
            {"id": 7_000_001, "category_id": 1, "iscrowd": 0},
            {"id": 300, "category_id": 1, "iscrowd": 0},
            {"id": 65_536, "category_id": 187, "iscrowd": 0},
            {"id": 9, "category_id": 1, "iscrowd": 1},
        ]
        data = {
            "images": [{"id": int(name), "file_name": f"{name}.jpg", "height": SIZE[0], "width": SIZE[1]}],
            "annotations": [{"image_id": int(name), "file_name": f"{name}.png", "segments_info": info}],
            "categories": categories,
        }
        (root / "annotations" / f"panoptic_{split}2017.json").write_text(json.dumps(data))
    return root


def nyu_depth_v2(root: Path, count: int = 3, size: tuple[int, int] = SIZE) -> Path:
    """The labelled .mat, MATLAB's axes in reverse as h5py sees them, and classMapping40.mat."""
    import h5py
    from scipy.io import savemat

    root.mkdir(parents=True, exist_ok=True)
    height, width = size
    photos = np.stack([photo(seed, size) for seed in range(count)])
    labels = np.stack([halves(0, 894, size, np.uint16)] * count)
    labels[:, 0] = 5
    instances = np.stack([halves(0, 1, size, np.uint8)] * count)
    instances[:, 0, : width // 2], instances[:, 0, width // 2 :] = 1, 2
    with h5py.File(root / "nyu_depth_v2_labeled.mat", "w", userblock_size=512) as file:
        file["images"] = photos.transpose(0, 3, 2, 1)  # [N,3,W,H]
        file["labels"] = labels.transpose(0, 2, 1)
        file["instances"] = instances.transpose(0, 2, 1)
    mapping = np.full((1, 894), 40, np.uint8)
    mapping[0, 4] = 5  # label 5 is a chair
    savemat(root / "classMapping40.mat", {"mapClass": mapping, "className": np.array([["wall"]], object)})
    savemat(root / "splits.mat", {"trainNdxs": np.array([[3]]), "testNdxs": np.array([[1], [2]])})
    assert height > 1
    return root


def helen(root: Path) -> Path:
    """SmithCVPR2013_dataset_resized: probabilities of 11 labels per photo."""
    inside = root / "SmithCVPR2013_dataset_resized"
    for number, (file, name) in enumerate(
        (("exemplars.txt", "100032540_1"), ("tuning.txt", "232194_1"), ("testing.txt", "2371615952_1")), 1
    ):
        (inside / "labels" / name).mkdir(parents=True)
        (inside / file).write_text(f"{number} , {name}\n")
        save_jpeg(inside / "images" / f"{name}.jpg", photo())
        shares = np.zeros((11, *SIZE), np.uint8)
        shares[0, :, :2] = 255
        shares[1, :, 2:6] = 128
        shares[10, :, 4:6] = 127  # less probable than skin
        shares[4, 0, 2:4] = 128  # as probable as skin: the first label wins
        shares[8, 1, 2] = 200
        for label, share in enumerate(shares):
            save_png(inside / "labels" / name / f"{name}_lbl{label:02d}.png", share)
    return root


def celebamask_hq(root: Path) -> Path:
    """CelebAMask-HQ with photos twice as large as the masks."""
    inside = root / "CelebAMask-HQ"
    rows = ["idx  orig_idx  orig_file"]
    for index, original in ((0, 119_613), (2000, 162_771), (29_999, 182_638)):
        save_jpeg(inside / "CelebA-HQ-img" / f"{index}.jpg", photo(size=(12, 16)))
        folder = inside / "CelebAMask-HQ-mask-anno" / str(index // 2000)
        for part, columns in (("skin", slice(1, 8)), ("hair", slice(0, 3)), ("l_eye", slice(4, 6))):
            mask = np.zeros((*SIZE, 3), np.uint8)
            mask[:, columns] = 255
            save_png(folder / f"{index:05d}_{part}.png", mask)
        rows.append(f"{index}  {original}  {original + 1:06d}.jpg")
    (inside / "CelebA-HQ-to-CelebA-mapping.txt").write_text("\n".join(rows) + "\n")
    return root


def camvid_segnet(root: Path) -> Path:
    """CamVid of the SegNet tutorial: ids 0..10, 11 for the rest."""
    for split, name in (("train", "0001TP_006690"), ("val", "0016E5_07959"), ("test", "Seq05VD_f00000")):
        save_png(root / "CamVid" / split / f"{name}.png", photo())
        save_png(root / "CamVid" / f"{split}annot" / f"{name}.png", halves(11, 10))
        (root / "CamVid" / f"{split}.txt").write_text(f"/SegNet/CamVid/{split}/{name}.png")
    return root


def camvid_original(root: Path) -> Path:
    """CamVid of Cambridge: colours, with frames at the borders of the splits."""
    names = ("0001TP_006690", "0001TP_008520", "0001TP_008550", "0006R0_f00930", "0016E5_07920", "0016E5_07959")
    for name in (*names, "0016E5_08159", "0016E5_08190", "Seq05VD_f00000"):
        save_png(root / "701_StillsRaw_full" / f"{name}.png", photo())
        colors = np.zeros((*SIZE, 3), np.uint8)  # void
        colors[:, 4:] = (64, 128, 64)  # animal
        colors[0] = (64, 192, 0)  # wall
        save_png(root / "LabeledApproved_full" / f"{name}_L.png", colors)
    return root


def cmp_facades(root: Path) -> Path:
    """CMP facades: palette PNGs of 1..12."""
    for part, names in (("base", ("cmp_b0001", "cmp_b0010")), ("extended", ("cmp_x0002",))):
        for name in names:
            save_jpeg(root / part / f"{name}.jpg", photo())
            image = Image.fromarray(halves(1, 12))
            image.putpalette([channel for index in range(256) for channel in (index, 0, 255 - index)])
            image.save(root / part / f"{name}.png")
            (root / part / f"{name}.xml").write_text("<object><label>2</label></object>\n")
    (root / "label_names.txt").write_text("1 background 1\n12 shop 4\n")
    return root


def labelmefacade(root: Path) -> Path:
    """LabelMeFacade: colours, lists with folders."""
    for split, name in (("train", "static_houses_boston_2005__wo3"), ("test", "05june05_static_street_boston__p1")):
        save_jpeg(root / "images" / f"{name}.jpg", photo())
        colors = np.zeros((*SIZE, 3), np.uint8)  # various
        colors[:, 4:] = (0, 0, 128)  # window
        save_png(root / "labels" / f"{name}.png", colors)
        (root / f"{split}.txt").write_text(f"images/{name}.jpg\n")
    return root


def huggingface(root: Path) -> Path:
    """A folder of Parquet files with pictures inside, as the Hub has them."""
    from datasets import Dataset, Features, Value
    from datasets import Image as ImageFeature

    (root / "data").mkdir(parents=True)
    features = Features({"image": ImageFeature(), "annotation": ImageFeature(), "scene": Value("string")})
    for split, seeds in (("train", (0, 1)), ("validation", (2,))):
        rows = []
        for seed in seeds:
            jpeg, png = root / "picture.jpg", root / "picture.png"
            save_jpeg(jpeg, photo(seed))
            save_png(png, halves(0, 3))
            rows.append(
                {
                    "image": {"bytes": jpeg.read_bytes(), "path": None},
                    "annotation": {"bytes": png.read_bytes(), "path": None},
                    "scene": "street",
                }
            )
        Dataset.from_list(rows, features=features).to_parquet(root / "data" / f"{split}-00000-of-00001.parquet")
    (root / "picture.jpg").unlink()
    (root / "picture.png").unlink()
    return root
