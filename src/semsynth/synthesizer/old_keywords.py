"""Keywords that were renamed; the old ones are accepted, with a warning, for one release."""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

from semsynth.errors import SemsynthError

P = ParamSpec("P")
R = TypeVar("R")


def renamed(**names: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Accept old names of keywords: ``@renamed(old="new")``.

    Calls with an old name get a :class:`DeprecationWarning`; type checkers see only the new names.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            for old, new in names.items():
                if old in kwargs:
                    if new in kwargs:
                        raise TypeError(f"{function.__name__}() got both '{new}' and its old name '{old}'")
                    _warn(f"the keyword '{old}' is now called '{new}'")
                    kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return call

    return decorate


def count_makes_variations(function: Callable[P, R]) -> Callable[P, R]:
    """Accept ``synthesizer(layout, count=4)``, which returned a list, as ``synthesizer.variations(layout, 4)``."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        count = kwargs.pop("count", None)
        if count is None:
            return function(*args, **kwargs)
        _warn("synthesizer(layout, count=...) is now synthesizer.variations(layout, ...)")
        given = inspect.signature(function).bind(*args, **kwargs).arguments
        if given.pop("style", None) is not None:
            raise SemsynthError("give a style or a seed, not both")
        synthesizer: Any = given.pop("self")
        return cast("R", synthesizer.variations(given.pop("layout"), count, **given))

    return call


def _warn(text: str) -> None:
    """Warn whoever called the decorated function, through however many decorators."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename == __file__:
        frame, level = frame.f_back, level + 1
    warnings.warn(f"{text}; the old form will be removed in the next release", DeprecationWarning, level)
