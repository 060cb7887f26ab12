"""``semsynth.import_dataset``: a data set in any known format as a dataset folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from semsynth.api.importers import IMPORTERS
from semsynth.classes import ClassSet
from semsynth.config import validated
from semsynth.data.edges import EdgeSettings
from semsynth.data.folder import named_classes
from semsynth.data.importers.edges import import_edges
from semsynth.data.importers.folder import Arrangement, list_folder
from semsynth.data.importers.huggingface import list_huggingface
from semsynth.data.importers.pairs import Listing, import_listing
from semsynth.data.importers.recognised import recognised
from semsynth.data.importers.unlabelled import list_unlabelled
from semsynth.data.placing import Place, keep, link
from semsynth.data.placing import copy as copied
from semsynth.data.progress import Progress, Tell, silent, tell_nobody
from semsynth.data.zipped import Source, opened_source
from semsynth.errors import SemsynthError


def import_dataset(
    format: str,
    source: str | Path,
    out: str | Path,
    *,
    limit: int | None = None,
    copy: bool = False,
    progress: Progress = silent,
    tell: Tell = tell_nobody,
    **options: Any,
) -> dict[str, int]:
    """Make a dataset folder of data that are laid out differently.

    Files are linked, or copied, as they are; what cannot be linked is written as ids. The same call resumes an import
    that was interrupted. ``semsynth.IMPORTERS[format].details`` and ``semsynth data import FORMAT --help`` say what to
    download, where, and under which licence.

    Args:
        format: a name in :data:`semsynth.IMPORTERS`, for example ``cityscapes``, or ``folder`` for any folder of
            ``images`` and ``labels``.
        source: where the data lies: a folder, or a zip file of one, which is unpacked beside ``out`` for as long as the
            import takes; for ``huggingface`` also ``user/name`` on the hub.
        out: the dataset folder to make.
        limit: at most this many samples of every split, the first ones. None: all.
        copy: whether to copy files instead of linking them.
        progress: called with (done, total) after every sample.
        tell: called with what was left out, and with samples that an earlier import brought and the source lost.
        **options: of this format, by the names in ``semsynth.IMPORTERS[format].options``.

    Returns:
        Split -> number of samples.

    Raises:
        SemsynthError: an unknown format or option, files that are missing, damaged or do not pair, or an ``out`` that
            holds other data.
    """
    if format not in IMPORTERS:
        raise SemsynthError(f"there is no format '{format}'; known: {', '.join(IMPORTERS)}")
    importer, target = IMPORTERS[format], Path(out)
    known = {option.name: option.default for option in importer.options}
    unknown = [name for name in options if name not in known]
    if unknown:
        raise SemsynthError(f"'{format}' has no option '{unknown[0]}'; known: {', '.join(known) or 'none'}")
    if copy and not importer.links:
        raise SemsynthError(f"'{format}' always writes its files: leave out `copy`")
    given = {name: value for name, value in options.items() if value is not None}
    place = copied if copy else link
    if format == "huggingface":  # names on the hub are not paths
        listing, settings = list_hub_dataset(source, **given), _made_with(format, given)
        return import_listing(
            listing, target, place=place, limit=limit, settings=settings, progress=progress, tell=tell
        )
    with opened_source(Path(source), target) as opened:
        say = partial(_say, tell, opened)
        if format == "auto":
            plan_only = given.pop("dry_run", False)
            format, given = _recognised(Path(source), opened.folder, target, given, say)
            if plan_only:
                return {}
        place = place if opened.unpacked is None else keep
        return _import_folder(format, opened, target, given, place=place, limit=limit, progress=progress, tell=say)


def _import_folder(
    format: str,
    source: Source,
    out: Path,
    given: Mapping[str, Any],
    *,
    place: Place,
    limit: int | None,
    progress: Progress,
    tell: Tell,
) -> dict[str, int]:
    """Import a folder in a format that is known."""
    if format == "edges":
        named = dict(given)
        share = named.pop("val_share", None)
        settings = validated(EdgeSettings, named, "edges")
        return import_edges(
            source.folder, out, settings, val_share=share, place=place, limit=limit, progress=progress, tell=tell
        )
    module, _, function = IMPORTERS[format].listing.partition(":")
    listing: Listing = getattr(import_module(module), function)(source.folder, **given)
    return import_listing(
        replace(listing, shown=source.shown),
        out,
        place=place,
        limit=limit,
        settings=_made_with(format, given),
        progress=progress,
        tell=tell,
    )


def _made_with(format: str, given: Mapping[str, Any]) -> str:
    """The settings that label maps are made with."""
    return json.dumps([format, {name: str(given[name]) for name in sorted(given) if name != "val_share"}])


def _say(tell: Tell, source: Source, note: str) -> None:
    tell(source.shown(note))


def _recognised(
    source: Path, folder: Path, out: Path, given: Mapping[str, Any], tell: Tell
) -> tuple[str, dict[str, Any]]:
    """The format that a folder has, and the options as that format takes them."""
    found = recognised(folder)
    takes = {option.name for option in IMPORTERS[found.format].options}
    unfit = [name for name, value in given.items() if value and name not in takes]
    if unfit:
        raise SemsynthError(f"{source} is of the format '{found.format}', which has no `{unfit[0]}`: leave it out")
    tell(f"{source}: {found.what}; this is `semsynth data import {found.format} {source} {out}`")
    return found.format, {name: value for name, value in given.items() if name in takes}


def list_plain_folder(source: Path, classes: str | ClassSet | None = None, **options: Any) -> Listing:
    """List a folder; its own ``classes.json`` says what the ids mean unless ``classes`` does."""
    named = {field.name for field in fields(Arrangement)}
    arrangement = Arrangement(**{name: options.pop(name) for name in named & set(options)})
    return list_folder(source, named_classes(classes, source), arrangement, **options)


def list_hub_dataset(
    source: str | Path, classes: str | ClassSet | None = None, split: Sequence[str] = (), **options: Any
) -> Listing:
    """List a data set of the library ``datasets``."""
    return list_huggingface(str(source), named_classes(classes, Path(source)), splits=split, **options)


def list_photos(
    source: Path,
    segmenter: str | Path | None = None,
    mapping: str | None = None,
    confidence: float = 0.0,
    val_share: float | None = None,
) -> Listing:
    """List photos whose label maps a segmenter makes."""
    from semsynth.evaluation.segmenters.loading import open_segmenter
    from semsynth.evaluation.segmenters.photos import label_photo

    if segmenter is None:
        raise SemsynthError("'unlabelled' needs a segmenter that makes the label maps: give one with `segmenter`")
    loaded = open_segmenter(segmenter, mapping)
    label = partial(label_photo, loaded, confidence=confidence)
    return list_unlabelled(source, loaded.classes, label, val_share=val_share)
