"""Bulk synthesis as one function: a folder of layouts in, a dataset of photos out, scored where that is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from semsynth.bulk.engine import BulkEngine
from semsynth.bulk.faithfulness import FaithfulnessRule, OpenJudge
from semsynth.bulk.job import BulkJob, lasting_path, make_job, with_faithfulness
from semsynth.bulk.local import choose_devices, local_engine
from semsynth.bulk.run import BulkSummary, run_job
from semsynth.bulk.sources import open_layouts
from semsynth.bulk.task import BulkTask
from semsynth.config import validated
from semsynth.data.progress import Stages, Tell, silent_stages, tell_nobody
from semsynth.data.shards.index import parse_size
from semsynth.errors import SemsynthError
from semsynth.evaluation.choices import NO_SEGMENTER, find_segmenter
from semsynth.evaluation.faithfulness import FaithfulnessJudge, open_judge
from semsynth.evaluation.segmenters.hugging_face import bundled_segmenter_for, bundled_segmenters
from semsynth.evaluation.segmenters.mappings import ready_mappings
from semsynth.layout import Size
from semsynth.synthesizer import DEFAULT_MODEL, Precision, Synthesizer, settled_precision


def synthesize_folder(
    layouts: str | Path,
    out: str | Path,
    model: str | Path = DEFAULT_MODEL,
    *,
    style: str | Path | None = None,
    seed: int | None = None,
    region_seeds: Mapping[int | str, int] | None = None,
    count: int | None = None,
    size: Size | None = None,
    strict_size: bool = False,
    instances: str | Path | None = None,
    limit: int | None = None,
    shard_size: str | None = None,
    segmenter: str | Path | None = None,
    mapping: str | None = None,
    min_faithfulness: float | None = None,
    tries: int | None = None,
    ignore_below: float | None = None,
    device: str = "auto",
    precision: Precision = "auto",
    engine: BulkEngine | None = None,
    progress: Stages = silent_stages,
    tell: Tell = tell_nobody,
) -> BulkSummary:
    """Make photos of all layouts of a folder; what an earlier call has made, and is right, stays.

    Worker processes import the main program: in a script, call this under ``if __name__ == "__main__":``.

    Args:
        layouts: a dataset folder, one split of it, a folder of label maps (or of pictures, for models that read these),
            or a folder of shards.
        out: a folder that is new, empty, or of the same job; becomes a dataset folder with ``manifest.jsonl``.
        model: as in :func:`semsynth.load`, but not an exported model.
        style: a photo that gives all photos their style.
        seed: what the seeds of single photos are drawn from; None: 0.
        region_seeds: other noise for regions, by instance id, class id or class name (OASIS).
        count: photos of each layout, named ``NAME_0``, ``NAME_1``, ...; None: one, named like the layout.
        size: (height, width) of the photos; None: that of the layout, or the nearest that the model makes.
        strict_size: count a layout whose own size the model cannot make as failed.
        instances: folder of instance maps named like the label maps; None: those of the dataset.
        limit: take only the first layouts.
        shard_size: write tar shards of this size, such as ``500MB``, instead of files.
        segmenter: scores every photo against its label map, as in :func:`semsynth.evaluate`; ``none``: nobody does.
            None: the one that ships for the class set if one of the next four is given, else nobody.
        mapping: what the segmenter's outputs mean: a mapping file, or the name of a built-in mapping.
        min_faithfulness: the mean IoU (0..1) of what the segmenter sees and the label map at which a photo is kept;
            photos below it are left out.
        tries: how many photos, with other seeds, are made until one reaches ``min_faithfulness``; None: one.
        ignore_below: objects (without instance maps, connected components) that the segmenter sees on less than this
            share of their pixels become void in the label map beside the photo.
        device: ``auto``, ``cpu``, ``cuda`` or another device that torch knows.
        precision: ``auto`` takes bfloat16 where the device multiplies in it.
        engine: who makes the photos: :func:`semsynth.bulk.local.local_engine`,
            :func:`semsynth.bulk.ray_engine.ray_engine`, or :func:`semsynth.bulk.engine.in_this_process`; None: a worker
            process for each GPU or each core.
        progress: is told of the parts ``checking`` and ``synthesising``.
        tell: is told what happens to workers.

    Returns:
        How many photos were made, were there already, were left out, and failed. Failed layouts are listed in
        ``failures.jsonl``; scores, where there are any, are summed up in ``faithfulness/report.html``.

    Raises:
        SemsynthError: before anything is made: no such model, segmenter or layouts, other classes, tries that would
            change nothing, or a folder of another job;
            later: a full disk, or workers that cannot load the model.
    """
    job, synthesizer = make_job(
        model,
        precision=settled_precision(precision, device),
        style=None if style is None else Path(style),
        seed=seed,
        count=count,
        size=size,
        strict_size=strict_size,
        region_seeds=region_seeds,
        shard_size=None if shard_size is None else parse_size(shard_size),
    )
    judge = None
    filtered = (mapping, min_faithfulness, tries, ignore_below) != (None, None, None, None)
    if segmenter == NO_SEGMENTER and filtered:
        raise SemsynthError(
            f"`segmenter={NO_SEGMENTER}` scores no photo: give a segmenter, or leave out what depends on scores "
            "(`mapping`, `min_faithfulness`, `tries`, `ignore_below`)"
        )
    if segmenter not in (None, NO_SEGMENTER) or filtered:
        rule, judge = _scoring(synthesizer, segmenter, mapping, min_faithfulness, tries, ignore_below)
        job = with_faithfulness(job, synthesizer, rule)
    tasks = _tasks(job, synthesizer, Path(layouts), None if instances is None else Path(instances))[:limit]
    conditions = synthesizer.conditions
    return run_job(
        job,
        tasks,
        None if conditions.reads_pictures else conditions.classes,
        Path(out),
        engine or local_engine(choose_devices(device, None)),
        progress,
        tell,
        judge,
    )


def _scoring(
    synthesizer: Synthesizer,
    segmenter: str | Path | None,
    mapping: str | None,
    minimum: float | None,
    tries: int | None,
    ignore_below: float | None,
) -> tuple[FaithfulnessRule, OpenJudge]:
    """Who scores the model's photos, and what becomes of the scores.

    Raises:
        SemsynthError: no such segmenter, one that does not know the model's classes, or numbers out of range.
    """
    if synthesizer.conditions.reads_pictures:
        raise SemsynthError("this model reads pictures: there is no label map to score its photos against")
    classes = synthesizer.conditions.classes
    found = find_segmenter(segmenter, mapping, classes, "cpu")
    FaithfulnessJudge(found, classes)  # which knows all classes, or says so before anything is made
    source = str(segmenter or bundled_segmenter_for(classes))
    if source not in bundled_segmenters():
        source = lasting_path(source)
    if mapping is not None and mapping not in ready_mappings():
        mapping = lasting_path(mapping)
    values = {
        "segmenter": source,
        "segmenter_sha256": found.fingerprint,
        "mapping": mapping,
        "min_faithfulness": minimum,
        "tries": tries or 1,
        "ignore_below": ignore_below,
    }
    rule = validated(FaithfulnessRule, values, "the filter")
    return rule, partial(open_judge, source, mapping, found.fingerprint, classes)


def _tasks(job: BulkJob, synthesizer: Synthesizer, folder: Path, instances: Path | None) -> list[BulkTask]:
    """All pictures to make of a folder's layouts.

    Raises:
        SemsynthError: no layouts, layouts of other classes, or without the instance maps that the model needs.
    """
    layouts = open_layouts(folder, pictures=synthesizer.conditions.reads_pictures, instances=instances)
    if (classes := layouts.classes) is not None:
        synthesizer.conditions.check_classes(classes, str(folder))
    if synthesizer.needs_instances and not layouts.has_instances:
        raise SemsynthError("this model reads instance boundaries: give the folder of their maps with `instances`")
    return list(layouts.tasks(job.numbers, synthesizer.uses_instances))
