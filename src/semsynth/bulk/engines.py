"""The engines by their names."""

from __future__ import annotations

from typing import Literal

from semsynth.bulk.engine import BulkEngine
from semsynth.bulk.local import choose_devices, local_engine
from semsynth.bulk.ray_engine import ray_engine
from semsynth.errors import SemsynthError


def choose_engine(
    name: Literal["local", "ray"],
    device: str = "auto",
    workers: int | None = None,
    address: str | None = None,
    gpus: float | None = None,
) -> BulkEngine:
    """The engine of a name.

    Args:
        name: ``local`` for processes of this machine, ``ray`` for actors of a Ray cluster.
        device: where workers compute.
        workers: how many; None: one for each GPU or core, or as many as the cluster has room for.
        address: of the cluster, for Ray.
        gpus: of each actor, for Ray.

    Raises:
        SemsynthError: an argument that the engine does not know, or Ray is not installed.
    """
    if name == "ray":
        if device not in ("auto", "cpu", "cuda"):
            raise SemsynthError(f"`device={device}`: Ray chooses among its GPUs; give auto, cpu or cuda")
        return ray_engine(address, workers, 0.0 if device == "cpu" else gpus)
    for option, value in (("address", address), ("gpus", gpus)):
        if value is not None:
            raise SemsynthError(f"`{option}={value}`: only Ray has it; leave it out")
    return local_engine(choose_devices(device, workers))
