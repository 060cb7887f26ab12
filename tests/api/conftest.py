"""Fixtures of trainings for users of the Python API."""

from __future__ import annotations

from toy_training import small_work, toy_data  # noqa: F401  (fixtures)
