"""The one exception that users are meant to read."""

from __future__ import annotations


class SemsynthError(Exception):
    """A problem the user can solve.

    The message is one line that says what is wrong, where (the file and the value) and what to do
    about it. The command line prints it as it is and exits with 2; a traceback never adds anything.
    """
