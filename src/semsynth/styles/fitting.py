"""Fit a style bank: encode every object of a dataset's photographs, cluster per class (official encode_features.py)."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import torch

from semsynth.data.progress import Progress, silent
from semsynth.data.sample import Samples
from semsynth.data.transforms import Pipeline
from semsynth.errors import SemsynthError
from semsynth.extras import require
from semsynth.images import to_tensor
from semsynth.layout_ops.objects import ObjectMap
from semsynth.models.instance_encoder import InstanceEncoder
from semsynth.styles.bank import StyleBank
from semsynth.styles.objects import MODES, ObjectVectors, cluster, encode_objects


def fit_bank(
    encoder: InstanceEncoder,
    samples: Samples,
    pipeline: Pipeline,
    *,
    by_labels: bool = False,
    modes: int = MODES,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> StyleBank:
    """Encode the objects of all photographs and cluster them per class; memory grows with the objects only.

    Args:
        encoder: a model's, trained.
        samples: with photographs, and with instances unless ``by_labels``; without them a class is one object.
        pipeline: how the model's training prepared photographs; applied as outside training.
        by_labels: whether a class is one object anyway.
        modes: at most so many per class.
        device: where to encode.
        progress: told after every photograph.

    Raises:
        SemsynthError: a sample without photograph, or scikit-learn is not installed.
    """
    require("styles", "clustering the styles of objects", "sklearn")
    if not len(samples):
        raise SemsynthError("there are no photographs to fit styles on")
    encoder = encoder.eval().to(device)

    def found() -> Iterator[ObjectVectors]:
        for number in range(len(samples)):
            sample = pipeline.apply(samples[number], random.Random(0), train=False)
            if sample.image is None:
                raise SemsynthError(f"'{sample.name}' has no photo: styles are fitted on pairs")
            layout = sample.layout
            ids = layout.labels if by_labels or layout.instances is None else layout.instances
            objects = ObjectMap.of(torch.from_numpy(ids.astype(np.int64))[None].to(device))
            labels = torch.from_numpy(layout.labels.astype(np.int64))[None].to(device)
            yield encode_objects(encoder, to_tensor(sample.image)[None].to(device), objects, labels)
            progress(number + 1, len(samples))

    vectors = ObjectVectors.joined(found())
    centres = {class_id: torch.from_numpy(mine) for class_id, mine in cluster(vectors, modes).items()}
    about = f"{len(vectors.class_ids)} objects of {len(samples)} photographs, at most {modes} modes per class"
    return StyleBank(centres, encoder.config.features, about)
