"""Fixtures of all tests: the shared folder, and a process state that no test hands on to the next."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

# Before torch starts its thread pool, and inherited by test workers and by the processes that tests start: networks as
# small as these lose more by threads than they gain, above all where several workers share the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis
import numpy as np
import pytest
import torch
from toy_bank import scene_bank, scenes  # noqa: F401  (fixtures)

# A shell's background jobs begin with SIGINT ignored, and so would all that they start; tests send it and wait for it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

REPOSITORY = Path(__file__).resolve().parent.parent
SEED = 20190318  # the day SPADE appeared; any number does

# Examples run real networks, and a busy machine is no failure.
hypothesis.settings.register_profile("semsynth", deadline=None, max_examples=30, print_blob=True)
hypothesis.settings.load_profile("semsynth")


def _shared_folder() -> Path:
    return Path(os.environ.get("SEMSYNTH_SHARED", REPOSITORY.parent / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real photos, golden numbers and weights that is not part of the repository."""
    folder = _shared_folder()
    if not folder.is_dir():
        reason = f"{folder} is absent: set SEMSYNTH_SHARED to the folder with data, golden and weights"
        if os.environ.get("SEMSYNTH_REQUIRE_SHARED") == "1":
            pytest.fail(f"{reason} (required by SEMSYNTH_REQUIRE_SHARED=1)")
        pytest.skip(reason)
    return folder


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the working copy."""
    return REPOSITORY


@pytest.fixture(scope="session")
def load_tool(repository: Path) -> Callable[[str], ModuleType]:
    """Imports ``tools/NAME.py``, which belongs to no package."""

    sys.path.insert(0, str(repository / "tools"))  # where a script looks first

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"tools.{name}", repository / "tools" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # dataclasses look themselves up
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session")
def flags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn dataset of ``flags.py``."""
    from flags import write_flags

    return write_flags(tmp_path_factory.mktemp("flags"))


@pytest.fixture(scope="session")
def flag_shards(flags: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn dataset in shards."""
    from semsynth.data.shards.sharding import shard_folder

    root = tmp_path_factory.mktemp("shards")
    shard_folder(flags, root, 20_000)
    return root


@pytest.fixture(scope="session")
def segmenter(flags: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small segmenter, trained for thirty steps on the drawn dataset."""
    from small_segmenters import SETTINGS, train

    folder = tmp_path_factory.mktemp("segmenter") / "flags"
    train(
        flags,
        folder,
        settings=SETTINGS.model_copy(update={"steps": 30, "batch_size": 4, "lr": 5e-3, "validate_every": 30}),
    )
    return folder


@pytest.fixture(autouse=True)
def _same_state_for_every_test() -> Iterator[None]:
    """Seed torch and NumPy's global generators; restore dtype, gradient mode, threads and determinism afterwards."""
    dtype, grad, threads = torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    torch.manual_seed(SEED)
    np.random.seed(SEED)
    yield
    torch.set_default_dtype(dtype)
    torch.set_grad_enabled(grad)
    if torch.are_deterministic_algorithms_enabled() != deterministic:  # setting it loads a compiler
        torch.use_deterministic_algorithms(deterministic)
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the parity tests measured, passed or not."""
    reports = [report for key in ("passed", "failed") for report in terminalreporter.getreports(key)]
    lines = [value for report in reports for name, value in report.user_properties if name == "parity"]
    if lines:
        terminalreporter.section("parity: largest differences, relative")
        for line in sorted(lines):
            terminalreporter.write_line(line)
