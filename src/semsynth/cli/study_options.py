"""Arguments that all commands about studies share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Study = Annotated[Path, typer.Argument(metavar="STUDY", help="Folder of `semsynth study plan`.", show_default=False)]
Db = Annotated[
    str | None,
    typer.Option("--db", metavar="URL", help="FILE.sqlite or postgresql://... (default: a file in STUDY)."),
]
