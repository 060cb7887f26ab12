"""What several devices have to send one another in a step, and how far that lets a training scale.

    python benchmarks/scaling.py [--images-per-second 10] [--price 2.0] [--all-reduce 2] [--json FILE]

Parameters are counted, everything else is calculated from them: DistributedDataParallel sums the gradients of what a
phase trains, once a step (4 bytes a parameter, whatever the arithmetic of the forward pass), in rings. A ring of N
sends 2 (N - 1) / N times that from every device. ``--all-reduce N`` measures it with N processes of this machine
(gloo).
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import time
from pathlib import Path
from typing import Any

import torch
import torch.multiprocessing
from report import machine, print_table, write_report
from torch import distributed

from semsynth.classes import builtin
from semsynth.config import override
from semsynth.recipes import RECIPES
from semsynth.training.memory import count_parameters

PRESETS = {
    ("spade", "coco_stuff"): "coco_stuff",
    ("spade", "ade20k"): "ade20k",
    ("spade", "cityscapes"): "cityscapes",
    ("pix2pixhd", "default"): "cityscapes",
    ("oasis", "cityscapes"): "cityscapes",
    ("crn", "default"): "cityscapes",
    ("spade", "small"): "cmp_facades",
}
"""System and preset, and the class set that they are counted for."""

LINKS = {"NVLink, 200 GB/s": 200e9, "PCIe 4, 20 GB/s": 20e9, "100 Gb/s": 11e9, "10 Gb/s": 1.1e9, "1 Gb/s": 0.11e9}
"""Bytes per second that a device sends in a ring, as such links give in practice; an assumption, not a measurement."""

BYTES = 4
"""Of a gradient."""


def count(system: str, preset: str, classes: str) -> dict[str, int]:
    """Trained parameters by network."""
    recipe = RECIPES[system]
    config = recipe.presets[preset](builtin(classes), True)
    without_vgg = ["loss.kind=image_space" if system == "crn" else "loss.perceptual=0"]
    if system == "oasis":
        without_vgg = []
    with torch.device("meta"):  # nothing is drawn
        built = recipe.build(override(config, without_vgg), builtin(classes), None)
    return {name: count_parameters(network) for name, network in built.networks.items()}


def all_reduce_seconds(size: float, devices: int, bandwidth: float) -> float:
    """Of ``size`` bytes in a ring."""
    return 2 * (devices - 1) / devices * size / bandwidth


def efficiency(step: float, size: float, devices: int, bandwidth: float) -> float:
    """Share of the linear speed, if nothing of the communication is hidden behind the backward pass."""
    return step / (step + all_reduce_seconds(size, devices, bandwidth))


def measure_all_reduce(processes: int, size: int, rounds: int = 7) -> float:
    """Median seconds in which gloo sums ``size`` bytes over processes of this machine."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    context = torch.multiprocessing.get_context("spawn")
    results: Any = context.SimpleQueue()
    arguments = (processes, port, size, rounds, results)
    torch.multiprocessing.spawn(_reduce, args=arguments, nprocs=processes)
    seconds: list[float] = results.get()
    return statistics.median(seconds)


def _reduce(rank: int, processes: int, port: int, size: int, rounds: int, results: Any) -> None:
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    distributed.init_process_group("gloo", rank=rank, world_size=processes)
    gradient, seconds = torch.zeros(size // BYTES), []
    for number in range(rounds + 1):
        distributed.barrier()
        start = time.perf_counter()
        distributed.all_reduce(gradient)
        if number:
            seconds.append(time.perf_counter() - start)
    if rank == 0:
        results.put(seconds)
    distributed.destroy_process_group()


def main() -> None:
    """Print the tables of docs/scaling.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images-per-second", type=float, default=10.0, help="of one device, from its log.jsonl")
    parser.add_argument("--batch", type=int, default=4, help="images of one device and step")
    parser.add_argument("--price", type=float, default=2.0, help="of a device and hour")
    parser.add_argument("--all-reduce", type=int, metavar="N", help="measure with N processes of this machine")
    parser.add_argument("--json", type=Path, help="write the figures there")
    arguments = parser.parse_args()
    counted = {key: count(*key, classes) for key, classes in PRESETS.items()}
    sizes = {f"{system} {preset}": BYTES * sum(counts.values()) for (system, preset), counts in counted.items()}
    print_table(
        "Sent by every device in a step (calculated)",
        ("preset", "parameters, millions", "gradients, MB", "2 devices, MB", "8", "64"),
        [
            (
                name,
                f"{size / BYTES / 1e6:.1f}",
                f"{size / 1e6:.0f}",
                *(f"{2 * (n - 1) / n * size / 1e6:.0f}" for n in (2, 8, 64)),
            )
            for name, size in sizes.items()
        ],
    )
    print_table(
        "Milliseconds of one step's all-reduce among 8 devices (calculated)",
        ("preset", *LINKS),
        [
            (name, *(f"{1e3 * all_reduce_seconds(size, 8, speed):.0f}" for speed in LINKS.values()))
            for name, size in sizes.items()
        ],
    )
    step = arguments.batch / arguments.images_per_second
    print_table(
        f"Share of linear speed of 8 devices at steps of {step:g} s (calculated, nothing hidden)",
        ("preset", *LINKS),
        [
            (name, *(f"{efficiency(step, size, 8, speed):.0%}" for speed in LINKS.values()))
            for name, size in sizes.items()
        ],
    )
    hours = 1e6 / arguments.images_per_second / 3600
    print_table(
        f"Price of a million images at {arguments.images_per_second:g} images/s and {arguments.price:g} an hour",
        ("preset", *LINKS),
        [
            (
                name,
                *(f"{hours * arguments.price / efficiency(step, size, 8, speed):.0f}" for speed in LINKS.values()),
            )
            for name, size in sizes.items()
        ],
    )
    measured = {}
    if arguments.all_reduce:
        for megabytes in (4, 40, 400):
            seconds = measure_all_reduce(arguments.all_reduce, megabytes * 10**6)
            measured[megabytes] = seconds
        print_table(
            f"Measured: {arguments.all_reduce} processes of this machine, gloo",
            ("MB", "milliseconds", "sent by each, MB/s"),
            [
                (str(mb), f"{1e3 * s:.0f}", f"{2 * (arguments.all_reduce - 1) / arguments.all_reduce * mb / s:.0f}")
                for mb, s in measured.items()
            ],
        )
    print(machine())
    if arguments.json:
        write_report(arguments.json, {"parameters": {" ".join(k): v for k, v in counted.items()}, "measured": measured})


if __name__ == "__main__":
    main()
