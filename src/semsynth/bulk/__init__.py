"""Bulk synthesis: many layouts to many photographs, by worker processes of one machine or by Ray.

A *job* (:mod:`~semsynth.bulk.job`) says how pictures are made, a *task* (:mod:`~semsynth.bulk.task`) which ones of a
layout, a *maker* (:mod:`~semsynth.bulk.maker`) makes them, an *engine* (:mod:`~semsynth.bulk.engine`,
:mod:`~semsynth.bulk.local`, :mod:`~semsynth.bulk.ray_engine`) brings tasks to makers, and the *manifest*
(:mod:`~semsynth.bulk.manifest`) says what each file is. A *judge* (:mod:`~semsynth.bulk.faithfulness`) may score
pictures against their layouts. :func:`semsynth.synthesize_folder` does all of it.
"""

from __future__ import annotations
