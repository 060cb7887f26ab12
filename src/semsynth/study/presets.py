"""The human studies of the papers as designs.

Each docstring says where every number comes from. Where a paper is silent, the number is this package's choice, and
the docstring says so. "Scripts" are the ``mturk_scripts`` folder of CRN's official code.
"""

from __future__ import annotations

from semsynth.study.design import StudyDesign

_EIGHTH_TO_EIGHT = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds. CRN section 5.1 gives the ends, 1/8 and 8; its scripts double from one to the other."""

CRN_2017_UNLIMITED = StudyDesign(
    name="crn-2017-unlimited",
    question="Which picture is more realistic?",
    compare="first",
    batch=100,
    sentinels=10,
    sentinel="real",
    shown_size=(200, 400),
)
"""Chen and Koltun 2017, section 5.1, unlimited time.

- compare: table 1 compares the CRN with each baseline.
- images: all; 500 in Cityscapes' validation set (section 5.1, *Datasets*).
- batch: "roughly 100 pairwise comparisons"; the scripts have 100.
- sentinels: the paper has them without a number; the scripts have 10, a real photo with a method's picture.
- shown_size: all at 200 x 400 (section 5.1), height by width, as Cityscapes is twice as wide as high.
- sides and order: both random (section 5.1); here balanced and random.
- judgements: not given; 1 here.
"""

CRN_2017_TIMED = CRN_2017_UNLIMITED.model_copy(
    update={
        "name": "crn-2017-timed",
        "compare": "all",
        "compare_real": True,
        "images": 50,
        "exposures": _EIGHTH_TO_EIGHT,
        "batch": 105,
        "sentinels": 5,
        "sentinel_exposure": 4.0,
    }
)
"""Chen and Koltun 2017, section 5.1 and figure 4, limited time.

- compare, compare_real: figure 4 compares real photos, CRN and Pix2pix, each with each.
- exposures: between 1/8 and 8 s (section 5.1); seven of them in figure 4 and the scripts.
- batch: the scripts' 105, which is 3 pairs of methods x 7 exposures x 5 pictures.
- images: 5 in each of the scripts' 10 jobs, so 50 per pair of methods and exposure.
- sentinels: the scripts' 5, seen for 4 s.
- shown_size, sides, order: as in the unlimited study.
"""

PIX2PIXHD_2018_UNLIMITED = CRN_2017_UNLIMITED.model_copy(
    update={
        "name": "pix2pixhd-2018-unlimited",
        "question": "Which picture looks more natural?",
        "images": 500,
        "judgements": 10,
    }
)
"""Wang et al. 2018, section 4.2, *Unlimited time*.

- images, judgements: all 500 Cityscapes images, each compared 10 times: 5,000 judgements per comparison.
- question: the more natural of the two.
- compare: table 2 compares the paper's method with pix2pix and CRN.
- batch, sentinels, shown_size: "the same experimental procedure" as Chen and Koltun, so that preset's.
"""

PIX2PIXHD_2018_TIMED = CRN_2017_TIMED.model_copy(
    update={"name": "pix2pixhd-2018-timed", "question": "Which picture looks more natural?"}
)
"""Wang et al. 2018, section 4.2, *Limited time*.

- compare, compare_real: figure 7 compares the paper's method, CRN and the original image, each with each.
- exposures: randomly between 1/8 and 8 s, "as adopted by prior work", which is CRN.
- images, batch, sentinels, shown_size: not given again, so those of CRN.
"""

PIX2PIXHD_2018_REGION = PIX2PIXHD_2018_UNLIMITED.model_copy(
    update={
        "name": "pix2pixhd-2018-region",
        "question": "In which picture does the highlighted region look more realistic?",
        "region": "car",
    }
)
"""Wang et al. 2018, section 4.2, *Using instance maps*.

- region, question: the car regions are highlighted, and people choose the more realistic region.
- how they are highlighted is not given: here an outline, and the surroundings darker.
- images, judgements: not given again, so those of the unlimited study, less pictures without cars.
"""

SPADE_2019 = StudyDesign(
    name="spade-2019",
    question="Which picture looks more like a photo of this layout?",
    compare="first",
    images=500,
    judgements=5,
    show_layout=True,
    min_approval_percent=98,
)
"""Park et al. 2019, section 4, *Human evaluation*.

- show_layout, question: the segmentation mask and two outputs; which looks more like an image of the mask.
- images: 500 random questions per dataset and comparison.
- judgements: five workers per question.
- exposures: none, as time is unlimited.
- min_approval_percent: a lifetime approval rate greater than 98 %; the paper has no other quality control.
- compare: table 3 compares the paper's method with each other one.
- batch: not given; 50 here, the default. shown_size: not given; pictures are shown as they are.
"""

PRESETS: dict[str, StudyDesign] = {
    design.name: design
    for design in (
        CRN_2017_UNLIMITED,
        CRN_2017_TIMED,
        PIX2PIXHD_2018_UNLIMITED,
        PIX2PIXHD_2018_TIMED,
        PIX2PIXHD_2018_REGION,
        SPADE_2019,
    )
}
"""Every preset by its name."""
