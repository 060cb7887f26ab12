"""What a run would be, before it trains: its configuration, its networks, and the time and memory that it needs."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from lightning_fabric import Fabric

from semsynth.pages import duration, html_facts
from semsynth.recipes.base import RecipeConfig
from semsynth.training.beginning import begin_with
from semsynth.training.devices import device_name, make_fabric, pick_device
from semsynth.training.feasibility import check_pictures, check_share, device_memory, first_pass
from semsynth.training.memory import MemoryEstimate, count_parameters, estimate_memory
from semsynth.training.records import Record, configs_of, precision_of
from semsynth.training.run import RunRecord
from semsynth.training.stages import StagesFolder
from semsynth.training.start import build_recipe, example_batch, open_data_of
from semsynth.training.timing import measure_step


@dataclass(frozen=True)
class RunPlan:
    """One run, or one stage of it."""

    stage: str | None
    """Its name; None for training in one stage."""
    record: RunRecord
    """What ``recipe.json`` will say."""
    config: RecipeConfig
    """The resolved configuration."""
    steps: int
    """Total steps."""
    parameters: dict[str, int]
    """Trained parameters by network."""
    micro_batch_size: int
    """Images of one forward pass on one device."""
    memory: MemoryEstimate
    """On each device, in bytes."""
    device: str
    """Where time was measured, as people call it."""
    seconds_per_step: float | None
    """Measured, without reading data and saving; None: the device's memory is too small for it."""

    @property
    def seconds(self) -> float | None:
        """Of all steps."""
        return None if self.seconds_per_step is None else self.steps * self.seconds_per_step


@dataclass(frozen=True, repr=False)
class TrainingPlan:
    """A whole training, in one stage or in several."""

    runs: tuple[RunPlan, ...]
    """One for each stage, in order."""

    @property
    def config(self) -> RecipeConfig:
        """The resolved configuration; with stages that of the last one."""
        return self.runs[-1].config

    @property
    def parameters(self) -> dict[str, int]:
        """Trained parameters by network; with stages those of the last one."""
        return self.runs[-1].parameters

    @property
    def memory(self) -> MemoryEstimate:
        """Bytes on each device; with stages those of the one that needs most."""
        return max((run.memory for run in self.runs), key=lambda memory: memory.total)

    @property
    def steps(self) -> int:
        """Steps of all stages together."""
        return sum(run.steps for run in self.runs)

    @property
    def seconds(self) -> float | None:
        """Of all stages together, on the device of this plan; None: its memory is too small."""
        parts = [run.seconds for run in self.runs]
        return None if None in parts else sum(part for part in parts if part is not None)

    def __repr__(self) -> str:
        first = self.runs[0].record
        return f"<training plan: {first.system}, preset {first.preset}, {', '.join(_facts(self).values())}>"

    def _repr_html_(self) -> str:
        first = self.runs[0].record
        parameters = {f"parameters of {name}": f"{count:,}" for name, count in self.parameters.items()}
        memory = {f"memory: {name}": _mib(size) for name, size in dataclasses.asdict(self.memory).items()}
        facts = {"data": first.data, **_facts(self), **parameters, **memory}
        return html_facts(f"{first.system}, preset {first.preset}", facts)


def _facts(plan: TrainingPlan) -> dict[str, str]:
    stages = {"stages": ", ".join(str(run.stage) for run in plan.runs)} if len(plan.runs) > 1 else {}
    return {
        **stages,
        "steps": f"{plan.steps:,} steps",
        "trained": f"{sum(plan.parameters.values()):,} parameters",
        "needed": f"{_mib(plan.memory.total)} per device",
        "time": f"too little memory on {plan.runs[0].device}" if plan.seconds is None else duration(plan.seconds),
    }


def _mib(size: int) -> str:
    return f"{size / 2**20:,.1f} MiB"


def plan_record(root: Path, record: Record, devices: int, device: str = "auto", fresh: bool = False) -> TrainingPlan:
    """Build every network, measure memory in one forward pass on the CPU, and time in a few steps on the device.

    Args:
        root: the run folder, which need not exist.
        record: the run, or the stages.
        devices: how many share a batch, over all machines.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        fresh: whether it is new, and starts from what ``init_from`` names.

    Raises:
        SemsynthError: no such device, a configuration that does not fit the data, or a batch size that does not divide.
    """
    if isinstance(record, RunRecord):
        return TrainingPlan((_plan_run(None, record, devices, pick_device(device), fresh),))
    runs = StagesFolder(root).runs(record)
    plans = [
        _plan_run(run.root.name, one, devices, pick_device(device), fresh and not number)
        for number, (run, one) in enumerate(runs)
    ]
    return TrainingPlan(tuple(plans))


def _plan_run(stage: str | None, record: RunRecord, devices: int, device: str, begins: bool) -> RunPlan:
    (config,) = configs_of(record)
    share = check_share(config, devices)
    data = open_data_of(record)
    fabric = _fabric(device, precision_of(record))
    check_pictures(config, data.train, share, device_memory(fabric))
    recipe = build_recipe(record, data)
    if begins and record.init_from is not None:
        begin_with(Path(record.init_from), recipe, record.affinity)
    size = share.micro_batch_size
    parameters = {name: count_parameters(network) for name, network in recipe.networks.items()}
    one = example_batch(recipe, data)
    with first_pass():
        memory = estimate_memory(recipe, _fabric("cpu", precision_of(record)), one, size)
    # A CPU takes twice the time for two images; a GPU does not, and shows whether its memory suffices.
    timed = one if device == "cpu" else example_batch(recipe, data, size)
    return RunPlan(
        stage,
        record,
        recipe.config,
        recipe.config.total_steps(len(data.train)),
        parameters,
        size,
        memory,
        device_name(fabric.device),
        measure_step(recipe, fabric, timed, size),
    )


def _fabric(device: str, precision: str) -> Fabric:
    """One device; a CPU, which has no float16, does it in bfloat16."""
    return make_fabric(device, 1, "bf16-mixed" if precision == "16-mixed" and device == "cpu" else precision)
