"""The one exception that users are meant to read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

SHOWN_CHARACTERS = 200
"""How much of any input a message repeats."""
SHOWN_PROBLEMS = 3
"""How many problems of one input a message lists."""


class SemsynthError(Exception):
    """A problem the user can solve.

    The message is one line that says what is wrong, where (the file and the value) and what to do
    about it. The command line prints it as it is and exits with 2; a traceback never adds anything.

    Characters that a terminal would act on, such as line breaks and escape sequences in a file's name, are replaced
    by their codes.
    """

    def __init__(self, message: object) -> None:
        """Say ``message``."""
        super().__init__(_printable(str(message)))


@contextmanager
def errors_of(source: object) -> Iterator[None]:
    """While active, messages of :class:`SemsynthError` begin with the file, folder or value that they are about."""
    try:
        yield
    except SemsynthError as error:
        raise SemsynthError(f"{source}: {error}") from error


def shortened(value: object) -> str:
    """The first ``SHOWN_CHARACTERS`` of what an input holds, on one line, for messages."""
    text = " ".join(str(value)[: 2 * SHOWN_CHARACTERS].split())
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 3]}..."


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
