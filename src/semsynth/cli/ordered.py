"""Options whose order counts."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand

_ORDER = "semsynth.cli.ordered"


class OrderedCommand(TyperCommand):
    """A command that tells in which order its options were given, which is otherwise lost between two options."""

    def make_parser(self, ctx: Any) -> Any:
        """The parser, which leaves the options' names in ``ctx.meta``."""
        parser = super().make_parser(ctx)
        parse = parser.parse_args

        def remember(args: list[str]) -> Any:
            values, rest, order = parse(args)
            ctx.meta[_ORDER] = [parameter.name for parameter in order]
            return values, rest, order

        parser.parse_args = remember  # type: ignore[method-assign]
        return parser


def in_order(ctx: typer.Context, given: dict[str, list[str] | None]) -> list[tuple[str, str]]:
    """(option, value) as they were typed, of options that may be repeated, in a command of :class:`OrderedCommand`."""
    values = {name: iter(map(str, texts or ())) for name, texts in given.items()}
    return [(name, next(values[name])) for name in ctx.meta[_ORDER] if name in values]
