"""Whether a set of synthesised pictures repeats training photos: each beside the photo that it is most like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsynth.classes import ClassSet
from semsynth.config import dump_config
from semsynth.data.progress import Stages, silent_stages
from semsynth.errors import SemsynthError
from semsynth.evaluation.choices import NO_FEATURES, find_features, find_segmenter, open_split
from semsynth.evaluation.feature_sets import BackboneFeatures, equalise, layer_scales
from semsynth.evaluation.features import FeatureNetwork
from semsynth.evaluation.measuring import Instruments
from semsynth.evaluation.metrics.memorisation import NearestPhotos, nearest_photos, shares_nearer
from semsynth.evaluation.nearest_training import memorisation_scores, picture_vectors
from semsynth.evaluation.picture_sets import PictureSet, SamplePhotos
from semsynth.evaluation.pictures import RealPhotos, stack
from semsynth.evaluation.protocols.shipped import find_protocol
from semsynth.evaluation.record import MemorisationRecord, PhotoPair
from semsynth.evaluation.reports.memorisation import PAGE, PICTURES, RECORD, memorisation_page, pair_file
from semsynth.files import explained, write_bytes
from semsynth.images import save_png, to_uint8
from semsynth.layout import Size

TRAIN = "train"
"""The split that models are trained on."""
SHOWN, SHOWN_HELD_OUT = 24, 8
"""Pairs on the page: of pictures, and of held-out photos."""
BINS = 30
"""Of the histograms of distances."""


def measure_memorisation(
    pictures: str | Path,
    data: str | Path,
    out: str | Path,
    *,
    split: str = "val",
    protocol: str = "semsynth-2026",
    segmenter: str | Path | None = None,
    mapping: str | None = None,
    features: str | None = None,
    feature_weights: str | Path | None = None,
    limit: int | None = None,
    device: str = "auto",
    batch_size: int = 4,
    workers: int = 1,
    progress: Stages = silent_stages,
) -> MemorisationRecord:
    """Find the training photo that each picture is most like, and compare with photos that were held out.

    Args:
        pictures: a folder of pictures; or a dataset folder, such as bulk synthesis makes, or shards.
        data: dataset folder or shards with the training photos in the split ``train``.
        out: folder for ``report.html`` with the nearest pairs and ``report.json``; earlier ones are replaced.
        split: of ``data``, with the held-out photos: those that the model was not trained on.
        protocol: says at which size pictures and photos are compared, as in :func:`semsynth.evaluate`.
        segmenter: whose encoder the features ``segmenter`` are; None: the one that ships for the class set.
        mapping: what the segmenter's outputs mean.
        features: as in :func:`semsynth.evaluate`; None: the protocol's.
        feature_weights: file of the weights of ``features``.
        limit: compare the first pictures only.
        device: where networks run.
        batch_size: pictures that go through the network together.
        workers: threads that read files.
        progress: called with the name of each part, returns what is called with (done, total) during it.

    Raises:
        SemsynthError: no such pictures, data or features, a damaged file, or ``out`` cannot be written.
    """
    if split == TRAIN:
        raise SemsynthError(f"`split={TRAIN}` holds the training photos: give the split with photos that were held out")
    training, held_out = open_split(data, TRAIN), open_split(data, split)
    rules = find_protocol(protocol, training.classes)
    network = _network(features or rules.features, segmenter, mapping, feature_weights, training.classes, device)
    instruments = Instruments(
        protocol=rules,
        evaluated=training.classes,
        source=RealPhotos(),
        samples=1,
        predictor=None,
        oracle=None,
        features=network,
        diversity=None,
        batch_size=batch_size,
    )
    sets = PictureSet(pictures, limit), SamplePhotos(training), SamplePhotos(held_out)
    made = picture_vectors(sets[0], instruments, workers, progress("pictures"))
    known = picture_vectors(sets[1], instruments, workers, progress("training photos"))
    others = picture_vectors(sets[2], instruments, workers, progress("held-out photos"))
    if isinstance(network, BackboneFeatures):
        scales = layer_scales(others, network.layers)
        for vectors in (made, known, others):
            equalise(vectors, scales)
    found = nearest_photos(made, known), nearest_photos(others, known)
    record = _record(sets, found, network, instruments.picture_size, (str(pictures), str(data), split))
    _write(Path(out), record, sets, instruments)
    return record


def _network(
    name: str | None,
    segmenter: str | Path | None,
    mapping: str | None,
    weights: str | Path | None,
    classes: ClassSet,
    device: str,
) -> FeatureNetwork:
    """The feature network; a segmenter is only loaded where its encoder is meant."""
    judge = find_segmenter(segmenter, mapping, classes, device) if name == "segmenter" else None
    network = find_features(name or NO_FEATURES, judge, None if weights is None else Path(weights), device)
    if network is None:
        raise SemsynthError("pictures are compared by their features: choose some with `features`")
    return network


def _record(
    sets: tuple[PictureSet, SamplePhotos, SamplePhotos],
    found: tuple[NearestPhotos, NearestPhotos],
    features: FeatureNetwork,
    size: Size | None,
    named: tuple[str, str, str],
) -> MemorisationRecord:
    """Put the scores together.

    Args:
        sets: pictures, training photos and held-out photos.
        found: nearest training photos of pictures and of held-out photos.
        features: their network.
        size: at which they were compared.
        named: pictures, data and split as the user calls them.
    """
    (pictures, training, held_out), (nearest, others) = sets, found
    nearer, distance = memorisation_scores(nearest.distance, others.distance, paired=False)
    unit = float(others.distance.mean()) or 1.0
    width = max(nearest.distance.max(), others.distance.max()) / unit / BINS or 1.0
    return MemorisationRecord(
        pictures=named[0],
        data=named[1],
        split=named[2],
        num_pictures=len(pictures),
        num_photos=len(training),
        num_held_out=len(held_out),
        features=features.name,
        features_sha256=features.fingerprint,
        size=size,
        nearer=nearer,
        distance=distance,
        nearer_than_all=int((nearest.distance < others.distance.min()).sum()),
        bin_width=width,
        histogram=_histogram(nearest.distance / unit, width),
        histogram_held_out=_histogram(others.distance / unit, width),
        nearest=_pairs(pictures.names, training.names, nearest, others, SHOWN),
        nearest_held_out=_pairs(held_out.names, training.names, others, others, SHOWN_HELD_OUT),
    )


def _histogram(distances: NDArray[np.float64], width: float) -> tuple[int, ...]:
    counts = np.bincount(np.minimum(distances // width, BINS - 1).astype(int), minlength=BINS)
    return tuple(counts.tolist())


def _pairs(
    names: Sequence[str], photos: Sequence[str], found: NearestPhotos, held_out: NearestPhotos, most: int
) -> tuple[PhotoPair, ...]:
    """The nearest pairs, the nearest first."""
    unit = float(held_out.distance.mean())
    shares = shares_nearer(found.distance, held_out.distance)
    return tuple(
        PhotoPair(
            name=names[index],
            photo=photos[found.index[index]],
            distance=float(found.distance[index]) / unit if unit else 0.0,
            share_farther=float(shares[index]),
        )
        for index in np.argsort(found.distance, kind="stable")[:most]
    )


def _write(
    folder: Path,
    record: MemorisationRecord,
    sets: tuple[PictureSet, SamplePhotos, SamplePhotos],
    instruments: Instruments,
) -> None:
    """Write the page, the pictures that it shows, and the record."""
    pictures, training, held_out = sets
    for old in (folder / PICTURES).glob("*.png"):
        with explained(old, "cannot remove"):
            old.unlink()
    for group, pairs, of in (("picture", record.nearest, pictures), ("held_out", record.nearest_held_out, held_out)):
        for number, pair in enumerate(pairs, 1):
            for kind, one, name in ((group, of, pair.name), ("photo", training, pair.photo)):
                (batch,) = stack(
                    [one[one.names.index(name)]],
                    instruments.picture_size,
                    instruments.protocol.picture_resampling,
                )
                save_png(folder / pair_file(group, number, kind), to_uint8(batch)[0])
    write_bytes(folder / PAGE, memorisation_page(record).encode())
    dump_config(record, folder / RECORD)
