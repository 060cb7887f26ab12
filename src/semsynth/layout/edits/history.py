"""Undo and redo."""

from __future__ import annotations

from semsynth.errors import SemsynthError
from semsynth.layout import Layout


class History:
    """The layouts of an editing session, with undo and redo.

    Args:
        layout: the first one.
        limit: how many layouts are kept at most, the current one included. Each takes up to 6 bytes per pixel.
    """

    def __init__(self, layout: Layout, limit: int = 32) -> None:
        if limit < 1:
            raise SemsynthError(f"a history of {limit} layouts cannot hold the current one: use a limit of 1 or more")
        self._layouts, self._place, self._limit = [layout], 0, limit

    @property
    def current(self) -> Layout:
        """The layout as it is now."""
        return self._layouts[self._place]

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier layout."""
        return self._place > 0

    @property
    def can_redo(self) -> bool:
        """Whether an edit was undone and nothing else done since."""
        return self._place + 1 < len(self._layouts)

    def push(self, layout: Layout) -> None:
        """Make ``layout`` the current one; what was undone is forgotten, and so is the oldest beyond the limit."""
        self._layouts = [*self._layouts[: self._place + 1], layout][-self._limit :]
        self._place = len(self._layouts) - 1

    def undo(self) -> Layout:
        """Go back by one, if there is an earlier layout; returns the current one."""
        self._place -= self.can_undo
        return self.current

    def redo(self) -> Layout:
        """Take back one undo, if there was one; returns the current layout."""
        self._place += self.can_redo
        return self.current
