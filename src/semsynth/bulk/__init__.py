"""Bulk synthesis: many layouts to many photographs, by worker processes of one machine or by Ray.

A *job* (:mod:`~semsynth.bulk.job`) says how pictures are made, a *task* which ones of a layout, the *stage*
(:mod:`~semsynth.bulk.stage`) makes them, an *engine* (:mod:`~semsynth.bulk.local`, :mod:`~semsynth.bulk.ray_engine`)
brings tasks to stages, and the *manifest* (:mod:`~semsynth.bulk.manifest`) says what each file is.
"""

from __future__ import annotations
