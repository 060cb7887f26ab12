"""Optional libraries: each belongs to an extra of the installation, and its absence is one line."""

from __future__ import annotations

from importlib.util import find_spec

from semsynth.errors import SemsynthError

_DISTRIBUTIONS = {
    "python_multipart": "python-multipart",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "torch_fidelity": "torch-fidelity",
}
"""Module -> the name under which it is installed, where they differ."""


def require(extra: str, what: str, *modules: str, otherwise: str = "") -> None:
    """Make sure, before work begins, that the libraries of an extra are installed; nothing is imported.

    Args:
        extra: its name in pyproject.toml, for the command that installs it.
        what: singular, what needs the libraries, for example ``running an ONNX file``.
        modules: names of top-level modules.
        otherwise: a way to do without.

    Raises:
        SemsynthError: at least one is not installed.
    """
    missing = [_DISTRIBUTIONS.get(module, module) for module in modules if not installed(module)]
    if missing:
        way_out = f" ({otherwise})" if otherwise else ""
        raise SemsynthError(f"{what} needs {', '.join(missing)}: {install_command(extra)}{way_out}")


def install_command(extra: str) -> str:
    """What a user types to get the libraries of an extra."""
    return f"pip install 'semsynth[{extra}]'"


def installed(module: str) -> bool:
    """Whether a top-level module can be imported."""
    return find_spec(module) is not None
