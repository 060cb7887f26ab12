from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest

import semsynth

MODULES = sorted(
    module.name for module in pkgutil.walk_packages(semsynth.__path__, "semsynth.") if "__main__" not in module.name
)


def test_public_names_exist_and_are_sorted() -> None:
    assert list(semsynth.__all__) == sorted(semsynth.__all__, key=lambda name: (not name.isupper(), name))
    assert all(getattr(semsynth, name) is not None for name in semsynth.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Loayut'"):
        semsynth.Loayut  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("name", MODULES)
def test_every_module_imports_and_offers_what_it_lists(name: str) -> None:
    module = importlib.import_module(name)
    for public in getattr(module, "__all__", ()):
        assert hasattr(module, public)
    assert module.__doc__ or not any(getattr(value, "__module__", None) == name for value in vars(module).values()), (
        "a module with content says in its docstring what it is for"
    )


def test_dir_shows_every_public_name_before_it_is_imported() -> None:
    code = "import sys, semsynth; print(dir(semsynth) == sorted(semsynth.__all__), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
