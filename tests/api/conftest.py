"""Fixtures of trainings and of bulk jobs for users of the Python API."""

from __future__ import annotations

from bulk_fixtures import dataset, model, undisturbed  # noqa: F401  (fixtures)
from toy_training import small_work, toy_data  # noqa: F401  (fixtures)
