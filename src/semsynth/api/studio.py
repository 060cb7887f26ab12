"""``semsynth.run_studio``: the web editor, with models and the segmenters that fit them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from semsynth.checkpoint import bundled_models
from semsynth.classes import ClassSet
from semsynth.errors import SemsynthError
from semsynth.extras import install_command, installed
from semsynth.images import resize_image, to_tensor
from semsynth.layout import Layout, Size
from semsynth.serving import address, check_proxies, listen, make_server
from semsynth.synthesizer import Precision

if TYPE_CHECKING:
    from semsynth.evaluation.segmenters.base import Segmenter
    from semsynth.studio.served import Segment, ServedModel

_SEGMENTED_SIDE = 1024
"""Photos are scaled down to this longer side before a segmenter sees them: it was trained on no larger ones."""
_SEGMENTED_LEAST = 64
"""And to at least so many pixels along each side, twice the strides of common segmenters."""
_SHORTEST_TOKEN = 8


def run_studio(
    models: Sequence[str] = (),
    *,
    host: str = "127.0.0.1",
    port: int = 7860,
    data: str | Path | None = None,
    token: str | None = None,
    segmenters: Sequence[str] = (),
    device: str = "auto",
    precision: Precision = "auto",
    proxies: Collection[str] = (),
    ready: Callable[[str], None] = lambda address: None,
    note: Callable[[str], None] = lambda text: None,
) -> None:
    """Serve the studio until Ctrl-C: paint labels in the browser and see a photograph.

    Args:
        models: model or run folders, bundled names, Hugging Face ids. Empty: those that ship with
            the package.
        host: address to listen on; others than this machine's own need a token.
        port: 0 takes any free one.
        data: dataset folder whose layouts are offered as examples.
        token: what requests must bring. None: made anew at every start where one is needed.
        segmenters: turn photos into layouts: folders or Hugging Face ids, besides the bundled ones.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        precision: ``auto``, ``float32`` or ``bfloat16``.
        proxies: addresses from which proxies ask; limits then count the clients that they name.
        ready: called with the address to open when all is loaded.
        note: called with what is missing.

    Raises:
        SemsynthError: a port that is taken, no such model or segmenter, or one that fits no model.
    """
    if token is not None and not (token.isascii() and token.isprintable() and len(token) >= _SHORTEST_TOKEN):
        raise SemsynthError("`token`: give 8 or more printable ASCII characters, for example of `openssl rand -hex 16`")
    check_proxies(proxies)
    with listen(host, port) as opened:
        from semsynth.studio.app import create_app
        from semsynth.studio.guard import LOOPBACK, Access
        from semsynth.studio.problems import error_body
        from semsynth.studio.served import serve, with_distinct_ids
        from semsynth.studio.uploads import Limits

        if token is None and host not in LOOPBACK:
            token = secrets.token_urlsafe(16)
        served = with_distinct_ids([serve(model, device, precision) for model in models or bundled_models()])
        folder = None if data is None else Path(data)
        access = Access(host in LOOPBACK, token)
        limits = Limits()
        app = create_app(with_segmenters(served, segmenters, device, note), access=access, limits=limits, data=folder)
        ready(f"{address(host, opened)}/" + ("" if token is None else f"?token={quote(token)}"))
        make_server(app, limits, error_body, proxies).run(sockets=[opened])


def with_segmenters(
    models: Sequence[ServedModel],
    given: Sequence[str],
    device: str = "auto",
    note: Callable[[str], None] = lambda text: None,
) -> list[ServedModel]:
    """The models, each with the first segmenter of its classes.

    Raises:
        SemsynthError: a segmenter cannot be loaded, or fits no model's classes.
    """
    from semsynth.evaluation.segmenters.hugging_face import bundled_segmenter_for
    from semsynth.evaluation.segmenters.loading import open_segmenter

    fitting_names = [bundled_segmenter_for(model.synthesizer.classes) for model in models]
    bundled = sorted({name for name in fitting_names if name is not None})
    if bundled and not installed("transformers"):
        note(f"turning photos into layouts needs transformers: {install_command('evaluate')}")
        bundled = []
    loaded = {source: open_segmenter(source, device=device) for source in (*given, *bundled)}
    for source in given:
        if not any(fits(loaded[source], model.synthesizer.classes) for model in models):
            raise SemsynthError(f"segmenter {source}: no model here has its classes: leave it out, or add such a model")
    found = []
    for model in models:
        fitting = [one for one in loaded.values() if fits(one, model.synthesizer.classes)]
        found.append(replace(model, segment=segment_with(fitting[0], model.synthesizer.classes)) if fitting else model)
    return found


def fits(segmenter: Segmenter, classes: ClassSet) -> bool:
    """Whether the set has all the classes that the segmenter predicts."""
    known = {(item.id, item.name) for item in classes.classes}
    return all((item.id, item.name) in known for item in segmenter.classes.classes)


def segment_with(segmenter: Segmenter, classes: ClassSet) -> Segment:
    """What turns photographs into layouts of ``classes``, at any size."""
    from semsynth.evaluation.segmenters.labelling import label_images

    def segment(photo: NDArray[np.uint8], size: Size) -> Layout:
        height, width = photo.shape[:2]
        scale = min(1.0, _SEGMENTED_SIDE / max(height, width))
        small = resize_image(photo, tuple(max(_SEGMENTED_LEAST, round(side * scale)) for side in (height, width)))
        index = label_images(segmenter, to_tensor(small)[None], size).index[0]
        return Layout(segmenter.classes.ids[index.numpy()], classes)

    return segment
