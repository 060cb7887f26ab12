"""Train a system, resume a run, and see beforehand what either would be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from semsynth.api.affinity import find_affinity
from semsynth.api.results import TrainingResult
from semsynth.api.running import Scoring, run_training
from semsynth.config import Overrides, assignments
from semsynth.data.progress import Progress, silent
from semsynth.errors import SemsynthError
from semsynth.recipes import bank_setting
from semsynth.training.devices import make_fabric, may_be_restarted
from semsynth.training.observer import Observers
from semsynth.training.plan import TrainingPlan, plan_record
from semsynth.training.records import Record, check_same_run, new_record, precision_of, resumed_record
from semsynth.training.run import RunFolder


def train(
    system: str,
    data: str | Path,
    out: str | Path,
    *,
    preset: str = "default",
    steps: int | None = None,
    seed: int | None = None,
    precision: str | None = None,
    overrides: Overrides = (),
    init_from: str | Path | None = None,
    affinity: str | Path | Mapping[str, Mapping[str, float]] | None = None,
    perceptual: bool = True,
    perceptual_weights: str | Path | None = None,
    feature_weights: str | Path | None = None,
    bank: str | Path | None = None,
    stages: bool = False,
    device: str = "auto",
    devices: int = 1,
    nodes: int = 1,
    score_every: int | None = None,
    score: str = "kernel_distance",
    score_segmenter: str | None = None,
    score_features: str | None = None,
    skip_damaged: bool = False,
    progress: Progress = silent,
    callbacks: Sequence[Progress] = (),
) -> TrainingResult:
    """Train a system on pairs of label maps and photos, in a new run folder.

    Ctrl-C (in a notebook: the interrupt button) and SIGTERM end training after the step, and everything is saved:
    :func:`semsynth.resume` then continues to the bit. A second signal stops at once. In other threads than the main
    one, signals do what they did before.

    Args:
        system: ``spade``, ``pix2pixhd``, ``crn``, ``oasis`` or ``sims``, which needs a memory bank of its training
            photos; or a baseline: ``pix2pix``, ``encoder_decoder``,
            ``full_resolution``, ``image_space``, ``gan_segmentation``.
        data: dataset folder with ``train/`` and perhaps ``val/``, or a folder or an address of its shards.
        out: the run folder, which must be new or empty.
        preset: the configuration that everything below changes.
        steps: total steps; with ``stages`` those of each stage. By default the preset's.
        seed: of weights, data order, augmentation and noise.
        precision: ``float32``, ``bfloat16`` or ``float16``, both mixed with float32, or ``float64``.
        overrides: other changes, as ``{"generator.width": 32}`` or ``["generator.width=32"]``; with ``stages`` also
            of single stages: ``{"3-joint:training.steps": 9}``.
        init_from: what the run's weights start from: a run folder, or a model as :func:`semsynth.load` takes it. A
            class starts with the weights of the class of its name, or else with the mean of all.
        affinity: what classes of other names start with instead: ``segmenter`` measures it as
            :func:`semsynth.estimate_affinity` does; a JSON file or a mapping says it, as
            ``{"tree": {"vegetation": 0.8, "wall": 0.2}}``.
        perceptual: whether to train with the VGG term, where the system has one.
        perceptual_weights: file with VGG-19, of which the first layers suffice; by default it is downloaded.
        feature_weights: file with the network of the feature discriminator; by default it is downloaded.
        bank: memory bank of the training photos, for ``sims``: what :func:`semsynth.build_bank` made.
        stages: whether to train coarse to fine (spade, oasis, pix2pixhd, crn), each stage in a run folder inside
            ``out``.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        devices: how many of them on each machine; several need a script, as each process runs the program.
        nodes: number of machines.
        score_every: epochs between scores on the validation split; the best checkpoint is kept as ``out/best``.
        score: selects the best: ``kernel_distance``, ``frechet_distance``, ``mean_iou``, ``pixel_accuracy`` or
            ``detectability``.
        score_segmenter: segmenter that scores: a folder, a Hugging Face id or a class set; by default the bundled one
            for the data's classes.
        score_features: feature network of distances and detectability: as ``features`` of :func:`semsynth.evaluate`, or
            a file of weights; by default the segmenter's. It must not be one that trains the model.
        skip_damaged: whether to replace damaged samples of shards, and log them.
        progress: called with (steps done, total steps); a :class:`semsynth.Observer` is told more.
        callbacks: more of them. All are called in the first process only; what they raise ends training.

    Returns:
        The run and how far it got.

    Raises:
        SemsynthError: wrong settings, data that does not fit, a folder in use, or losses that are not finite.
    """
    changes = _changes(overrides, steps, seed, precision, system, bank)
    record = new_record(
        system,
        data,
        preset=preset,
        overrides=changes,
        stages=stages,
        init_from=init_from,
        affinity=find_affinity(affinity, init_from, data),
        perceptual=perceptual,
        perceptual_weights=perceptual_weights,
        feature_weights=feature_weights,
        skip_damaged=skip_damaged,
    )
    root = Path(out)
    begun = may_be_restarted() and RunFolder(root).begun
    if begun:
        check_same_run(record, resumed_record(root), root)
    fabric = make_fabric(device, devices, precision_of(record), nodes)
    scoring = None if score_every is None else Scoring(score_every, score, score_segmenter, device, score_features)
    observer = Observers([progress, *callbacks])
    return run_training(root, record, fabric, observer, fresh=not begun, scoring=scoring)


def resume(
    run: str | Path,
    *,
    system: str | None = None,
    data: str | Path | None = None,
    accept_changed_data: bool = False,
    steps: int | None = None,
    overrides: Overrides = (),
    feature_weights: str | Path | None = None,
    bank: str | Path | None = None,
    device: str = "auto",
    devices: int = 1,
    nodes: int = 1,
    score_every: int | None = None,
    score: str = "kernel_distance",
    score_segmenter: str | None = None,
    score_features: str | None = None,
    skip_damaged: bool = False,
    progress: Progress = silent,
    callbacks: Sequence[Progress] = (),
) -> TrainingResult:
    """Continue a run from its newest checkpoint, as if it had never stopped.

    Everything but the arguments below is taken from the run folder. On a CPU the weights equal those of an
    uninterrupted run bit for bit.

    Args:
        run: the run folder.
        system: what it must be a run of; by default anything.
        data: where the dataset folder or the shards are now, if they have moved; it must be the same data.
        accept_changed_data: whether to continue with data whose photos, label maps, names or classes have changed,
            which otherwise ends in an error. The number of images must be the same.
        steps: new total of steps; with stages, of those that are not complete.
        overrides: changes of ``training.workers``, ``training.log_every``, ``training.sample_every`` and
            ``training.save_every``, as in :func:`semsynth.train`.
        feature_weights: the file that the run began with, where it lies elsewhere now.
        bank: the memory bank that the run began with, where it lies elsewhere now.
        device: as in :func:`semsynth.train`.
        devices: as in :func:`semsynth.train`.
        nodes: as in :func:`semsynth.train`.
        score_every: as in :func:`semsynth.train`.
        score: as in :func:`semsynth.train`.
        score_segmenter: as in :func:`semsynth.train`.
        score_features: as in :func:`semsynth.train`.
        skip_damaged: as in :func:`semsynth.train`.
        progress: as in :func:`semsynth.train`.
        callbacks: as in :func:`semsynth.train`.

    Returns:
        The run and how far it got.

    Raises:
        SemsynthError: not a run folder, changes that would make it another run, or other data.
    """
    root = Path(run)
    record = _resumed(root, system, steps, overrides, data, accept_changed_data, feature_weights, bank, skip_damaged)
    fabric = make_fabric(device, devices, precision_of(record), nodes)
    scoring = None if score_every is None else Scoring(score_every, score, score_segmenter, device, score_features)
    return run_training(root, record, fabric, Observers([progress, *callbacks]), fresh=False, scoring=scoring)


def plan_training(
    system: str,
    data: str | Path,
    *,
    preset: str = "default",
    steps: int | None = None,
    seed: int | None = None,
    precision: str | None = None,
    overrides: Overrides = (),
    init_from: str | Path | None = None,
    affinity: str | Path | Mapping[str, Mapping[str, float]] | None = None,
    perceptual: bool = True,
    perceptual_weights: str | Path | None = None,
    feature_weights: str | Path | None = None,
    bank: str | Path | None = None,
    stages: bool = False,
    device: str = "auto",
    devices: int = 1,
    skip_damaged: bool = False,
) -> TrainingPlan:
    """Resolve what :func:`semsynth.train` would do with these arguments, and train nothing.

    Args:
        system: as in :func:`semsynth.train`, as everything below.
        data: dataset folder or shards.
        preset: the configuration that everything below changes.
        steps: total steps.
        seed: random seed.
        precision: arithmetic.
        overrides: other changes.
        init_from: what the run's weights start from: a run folder, or a model as :func:`semsynth.load` takes it. A
            class starts with the weights of the class of its name, or else with the mean of all.
        affinity: what classes of other names start with instead: ``segmenter`` measures it as
            :func:`semsynth.estimate_affinity` does; a JSON file or a mapping says it, as
            ``{"tree": {"vegetation": 0.8, "wall": 0.2}}``.
        perceptual: whether to train with the VGG term, where the system has one.
        perceptual_weights: file with VGG-19.
        feature_weights: file with the network of the feature discriminator.
        bank: as in :func:`semsynth.train`.
        stages: whether to train coarse to fine.
        device: where time is measured: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        devices: how many devices share a batch, over all machines.
        skip_damaged: whether to replace damaged samples of shards.

    Returns:
        Configuration, parameters by network, the memory that training needs on each device, and the time, measured on a
        few throw-away steps.

    Raises:
        SemsynthError: wrong settings, or data that does not fit.
    """
    record = new_record(
        system,
        data,
        preset=preset,
        overrides=_changes(overrides, steps, seed, precision, system, bank),
        stages=stages,
        init_from=init_from,
        affinity=find_affinity(affinity, init_from, data),
        perceptual=perceptual,
        perceptual_weights=perceptual_weights,
        feature_weights=feature_weights,
        skip_damaged=skip_damaged,
    )
    return plan_record(Path(), record, devices, device, fresh=True)


def plan_resuming(
    run: str | Path,
    *,
    system: str | None = None,
    data: str | Path | None = None,
    accept_changed_data: bool = False,
    steps: int | None = None,
    overrides: Overrides = (),
    feature_weights: str | Path | None = None,
    bank: str | Path | None = None,
    device: str = "auto",
    devices: int = 1,
    skip_damaged: bool = False,
) -> TrainingPlan:
    """Resolve what :func:`semsynth.resume` would do with these arguments, and train nothing.

    Args:
        run: the run folder.
        system: what it must be a run of; by default anything.
        data: where the dataset folder or the shards are now, if they have moved; it must be the same data.
        accept_changed_data: whether to continue with data whose photos, label maps, names or classes have changed,
            which otherwise ends in an error. The number of images must be the same.
        steps: new total of steps.
        overrides: as in :func:`semsynth.resume`.
        feature_weights: as in :func:`semsynth.resume`.
        bank: as in :func:`semsynth.resume`.
        device: where time is measured.
        devices: how many devices share a batch, over all machines.
        skip_damaged: whether to replace damaged samples of shards.

    Raises:
        SemsynthError: as :func:`semsynth.resume`.
    """
    root = Path(run)
    record = _resumed(root, system, steps, overrides, data, accept_changed_data, feature_weights, bank, skip_damaged)
    return plan_record(root, record, devices, device)


def _changes(
    overrides: Overrides,
    steps: int | None,
    seed: int | None,
    precision: str | None,
    system: str | None,
    bank: str | Path | None,
) -> list[str]:
    named: dict[str, int | str | None] = {"training.steps": steps, "training.seed": seed}
    named |= {"training.precision": precision}
    given = {key: value for key, value in named.items() if value is not None}
    banks = [] if bank is None else [bank_setting(bank, () if system is None else (system,))]
    return [*assignments(overrides), *assignments(given), *banks]


def _resumed(
    root: Path,
    system: str | None,
    steps: int | None,
    overrides: Overrides,
    data: str | Path | None,
    accept_changed_data: bool,
    feature_weights: str | Path | None,
    bank: str | Path | None,
    skip_damaged: bool,
) -> Record:
    changes = _changes(overrides, steps, None, None, system, bank)
    record = resumed_record(
        root,
        changes,
        data=data,
        accept_changed_data=accept_changed_data,
        feature_weights=feature_weights,
        skip_damaged=skip_damaged,
    )
    if system is not None and record.system != system:
        raise SemsynthError(f"{root} is a run of '{record.system}', not of '{system}'")
    return record
