"""``semsynth studio``: the web editor and its API."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import quote

import typer

from semsynth.errors import SemsynthError
from semsynth.extras import install_command, installed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from semsynth.classes import ClassSet
    from semsynth.evaluation.segmenters.base import Segmenter
    from semsynth.layout import Size
    from semsynth.studio.served import Segment, ServedModel

PORT = 7860
_TRIED = 20
"""How many ports after a taken one are looked at, to name a free one."""
_CONNECTIONS = 100
"""More at a time are answered with 503."""
_SEGMENTED_SIDE = 1024
"""Photos are scaled down to this longer side before a segmenter sees them: it was trained on no larger ones."""


def studio(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]...",
            help="Model or run folders, bundled names, Hugging Face ids; default the bundled facades.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free one.")] = PORT,
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than this machine's need a token.")
    ] = "127.0.0.1",
    data: Annotated[Path | None, typer.Option(help="Dataset folder whose layouts are offered as examples.")] = None,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="SEMSYNTH_TOKEN", help="What requests must bring; made anew at every start where one is needed."
        ),
    ] = None,
    segmenter: Annotated[
        list[str] | None,
        typer.Option(help="Turns photos into layouts: folder or Hugging Face id; the bundled ones are known."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"], typer.Option(help="auto is bfloat16 where the hardware has it.")
    ] = "auto",
) -> None:
    """Paint labels in the browser and see a photograph.

    Prints the address to open. Ctrl-C ends it. The same address has an interface for programs: docs/studio-api.md.
    """
    if token is not None and not (token.isascii() and token.isprintable() and len(token) >= 8):
        raise SemsynthError("--token: give 8 or more printable ASCII characters, for example of `openssl rand -hex 16`")
    with _open_port(host, port) as opened:
        from semsynth.studio.app import create_app
        from semsynth.studio.guard import LOOPBACK, Access
        from semsynth.studio.served import serve, with_distinct_ids
        from semsynth.synthesizer import DEFAULT_MODEL

        loopback = host in LOOPBACK
        if token is None and not loopback:
            token = secrets.token_urlsafe(16)
        served = with_distinct_ids([serve(model, device, precision) for model in models or [DEFAULT_MODEL]])
        app = create_app(_with_segmenters(served, segmenter or [], device), access=Access(loopback, token), data=data)
        typer.echo(f"semsynth studio: {_address(host, opened.getsockname()[1], token)}")
        import uvicorn

        config = uvicorn.Config(
            app, log_level="warning", limit_concurrency=_CONNECTIONS, server_header=False, timeout_graceful_shutdown=5
        )
        uvicorn.Server(config).run(sockets=[opened])


def _address(host: str, port: int, token: str | None) -> str:
    """What to open in a browser."""
    name = socket.gethostname() if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/" + ("" if token is None else f"?token={quote(token)}")


def _open_port(host: str, port: int) -> socket.socket:
    """A socket at the address: taken before models are loaded, so that a mistake is told at once.

    Raises:
        SemsynthError: the port is taken, or the address not this machine's.
    """
    try:
        return _bound(host, port)
    except (OSError, OverflowError) as error:
        free = next((other for other in range(port + 1, min(port + _TRIED, 65536)) if _is_free(host, other)), None)
        if free is None:
            raise SemsynthError(
                f"cannot listen on {host}, port {port} ({_reason(error)}): choose another --host or --port"
            ) from error
        raise SemsynthError(
            f"port {port} cannot be used ({_reason(error)}): another studio may run there; free is --port {free}"
        ) from error


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    opened = socket.socket(family, kind, protocol)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port that was closed just now counts as free
        opened.bind(address)
        opened.listen()
    except OSError:
        opened.close()
        raise
    return opened


def _is_free(host: str, port: int) -> bool:
    try:
        _bound(host, port).close()
    except OSError:
        return False
    return True


def _with_segmenters(models: Sequence[ServedModel], given: Sequence[str], device: str) -> list[ServedModel]:
    """The models, each with the first segmenter of its classes.

    Raises:
        SemsynthError: a segmenter cannot be loaded, or is of no model's classes.
    """
    from dataclasses import replace

    from semsynth.evaluation.segmenters.hugging_face import bundled_segmenters, load_segmenter

    wanted = [model.synthesizer.classes.name for model in models]
    bundled = [name for name in bundled_segmenters() if name in wanted]
    if bundled and not installed("transformers"):
        typer.echo(f"turning photos into layouts needs transformers: {install_command('evaluate')}", err=True)
        bundled = []
    loaded = {source: load_segmenter(source, device=device) for source in (*given, *bundled)}
    for source in given:
        if not any(_fits(loaded[source], model.synthesizer.classes) for model in models):
            raise SemsynthError(
                f"--segmenter {source}: no model here has its classes: leave it out, or add such a model"
            )
    found = []
    for model in models:
        fitting = [one for one in loaded.values() if _fits(one, model.synthesizer.classes)]
        found.append(replace(model, segment=_segment_with(fitting[0], model.synthesizer.classes)) if fitting else model)
    return found


def _fits(segmenter: Segmenter, classes: ClassSet) -> bool:
    """Whether the model's set has all the classes that the segmenter predicts."""
    known = {(item.id, item.name) for item in classes.classes}
    return all((item.id, item.name) in known for item in segmenter.classes.classes)


def _segment_with(segmenter: Segmenter, classes: ClassSet) -> Segment:
    from semsynth.evaluation.segmenters.labelling import label_images
    from semsynth.images import resize_image, to_tensor
    from semsynth.layout import Layout

    def segment(photo: NDArray[np.uint8], size: Size) -> Layout:
        height, width = photo.shape[:2]
        scale = min(1.0, _SEGMENTED_SIDE / max(height, width))
        small = resize_image(photo, (max(1, round(height * scale)), max(1, round(width * scale))))
        index = label_images(segmenter, to_tensor(small)[None], size).index[0]
        return Layout(segmenter.classes.ids[index.numpy()], classes)

    return segment
