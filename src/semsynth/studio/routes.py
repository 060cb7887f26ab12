"""The addresses of the interface: from HTTP to the service and back."""

from __future__ import annotations

from typing import Annotated

import anyio.from_thread
from fastapi import APIRouter, Depends, File, Form, HTTPException, Query, Request, UploadFile
from fastapi.responses import Response
from pydantic import BaseModel, Json

from semsynth.images import encode_png
from semsynth.layout.label_files import stored_instances
from semsynth.serving.problems import Refusal
from semsynth.studio.cache import Payload, request_key
from semsynth.studio.describe import describe
from semsynth.studio.examples import DEFAULT_SIDE, ExampleLayouts
from semsynth.studio.layout_edits import EditParts
from semsynth.studio.options import EditOptions, Seed, SegmentOptions, StyleChoiceOptions, SynthesisOptions
from semsynth.studio.schemas import EditedLayout, Example, Examples, Health, ModelList, Problem, StyleVector, Version
from semsynth.studio.served import ServedModel
from semsynth.studio.service import Gone, Parts, Studio
from semsynth.studio.uploads import read_part, read_parts
from semsynth.version import __version__

API = 1
"""Version of the interface."""
MAX_OBJECT_PHOTOS = 32
_SYNTHESIS, _NO_EDITS, _SEGMENTATION = SynthesisOptions(), EditOptions(), SegmentOptions()

router = APIRouter(prefix="/api", responses={"4XX": {"model": Problem}, "5XX": {"model": Problem}})


def _studio(request: Request) -> Studio:
    studio: Studio = request.app.state.studio
    return studio


def _examples(request: Request) -> ExampleLayouts:
    examples: ExampleLayouts = request.app.state.examples
    return examples


def _model(request: Request, model: str) -> ServedModel:
    return _studio(request).model(model)


def _gone(request: Request) -> Gone:
    return lambda: anyio.from_thread.run(request.is_disconnected)


TheStudio = Annotated[Studio, Depends(_studio)]
TheExamples = Annotated[ExampleLayouts, Depends(_examples)]
TheModel = Annotated[ServedModel, Depends(_model)]
IsGone = Annotated[Gone, Depends(_gone)]
PicturePart = Annotated[UploadFile, File()]
OptionalPicturePart = Annotated[UploadFile | None, File()]
PictureParts = Annotated[list[UploadFile] | None, File(max_length=MAX_OBJECT_PHOTOS)]


@router.get("/health")
def health(studio: TheStudio) -> Health:
    """Whether the server lives; needs no token."""
    return Health(waiting=studio.turns.waiting)


@router.get("/version")
def version() -> Version:
    """What runs here."""
    return Version(semsynth=__version__, api=API)


@router.get("/models", response_model=ModelList)
def models(request: Request, studio: TheStudio) -> Response:
    """The models with their classes, sizes and abilities."""
    return _tagged_json(request, ModelList(models=[describe(one, studio.limits) for one in studio.models.values()]))


@router.post("/models/{model}/synthesize", response_class=Response)
def synthesize(
    studio: TheStudio,
    model: TheModel,
    gone: IsGone,
    label: PicturePart,
    instances: OptionalPicturePart = None,
    style: OptionalPicturePart = None,
    object_photos: PictureParts = None,
    options: Annotated[Json[SynthesisOptions], Form()] = _SYNTHESIS,
) -> Response:
    """Photos of a layout."""
    parts = Parts(
        read_part(label, "label"),
        _maybe(instances, "instances"),
        _maybe(style, "style"),
        read_parts(object_photos or (), "object_photos"),
    )
    return _response(studio.synthesize(model, parts, options, gone))


@router.post("/models/{model}/style-choices", response_class=Response)
def style_choices(
    studio: TheStudio,
    model: TheModel,
    gone: IsGone,
    label: PicturePart,
    options: Annotated[Json[StyleChoiceOptions], Form()],
    instances: OptionalPicturePart = None,
    object_photos: PictureParts = None,
) -> Response:
    """One object in every mode of its class, as one sheet."""
    photos = read_parts(object_photos or (), "object_photos")
    parts = Parts(read_part(label, "label"), _maybe(instances, "instances"), None, photos)
    return _response(studio.style_choices(model, parts, options, gone))


@router.post("/models/{model}/style")
def style_vector(studio: TheStudio, model: TheModel, gone: IsGone, style: PicturePart) -> StyleVector:
    """A photo's style as numbers."""
    return StyleVector(vector=studio.style_vector(model, read_part(style, "style"), gone))


@router.post("/models/{model}/edits")
def edits(
    studio: TheStudio,
    model: TheModel,
    gone: IsGone,
    label: PicturePart,
    instances: OptionalPicturePart = None,
    mask: OptionalPicturePart = None,
    options: Annotated[Json[EditOptions], Form()] = _NO_EDITS,
) -> EditedLayout:
    """A layout with its objects edited."""
    parts = EditParts(read_part(label, "label"), _maybe(instances, "instances"), _maybe(mask, "mask"))
    return studio.edit(model, parts, options, gone)


@router.post("/models/{model}/segment", response_class=Response)
def segment(
    studio: TheStudio,
    model: TheModel,
    gone: IsGone,
    photo: PicturePart,
    options: Annotated[Json[SegmentOptions], Form()] = _SEGMENTATION,
) -> Response:
    """A layout of a photo."""
    return _response(studio.segment(model, read_part(photo, "photo"), options, gone))


@router.get("/examples", response_model=Examples)
def examples(request: Request, layouts: TheExamples) -> Response:
    """Layouts to begin with."""
    return _tagged_json(request, Examples(examples=layouts.listed()))


@router.get("/examples/random")
def random_example(layouts: TheExamples, model: TheModel, seed: Seed = 0) -> Example:
    """One more example that a model can take."""
    return layouts.random(model.id, seed)


@router.get("/examples/{name}.png", response_class=Response)
def example(
    request: Request,
    layouts: TheExamples,
    name: str,
    side: Annotated[int, Query(ge=16, le=2048)] = DEFAULT_SIDE,
) -> Response:
    """An example's label map, 16-bit ids."""
    return _tagged(request, encode_png(layouts.read(name, side).layout.labels), "image/png")


@router.get("/examples/{name}/{kind}.png", response_class=Response)
def example_picture(
    request: Request,
    layouts: TheExamples,
    name: str,
    kind: str,
    side: Annotated[int, Query(ge=16, le=2048)] = DEFAULT_SIDE,
) -> Response:
    """What else there is of an example: ``instances``, ``preview`` or ``photo``."""
    sample = layouts.read(name, side)
    if kind == "preview":
        return _tagged(request, encode_png(sample.layout.colors()), "image/png")
    if kind == "instances" and sample.layout.instances is not None:
        return _tagged(request, encode_png(stored_instances(sample.layout.instances)), "image/png")
    if kind == "photo" and sample.image is not None:
        return _tagged(request, encode_png(sample.image), "image/png")
    raise Refusal(404, "not_found", "the example has no such picture")


@router.api_route("/{rest:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
def nothing(rest: str) -> None:
    """Everything else: the editor's files do not begin with ``/api``."""
    raise HTTPException(404)


def _maybe(part: UploadFile | None, name: str) -> bytes | None:
    return None if part is None else read_part(part, name)


def _response(payload: Payload) -> Response:
    return Response(payload.body, media_type=payload.media_type, headers=payload.headers)


def _tagged_json(request: Request, answer: BaseModel) -> Response:
    return _tagged(request, answer.model_dump_json().encode(), "application/json")


def _tagged(request: Request, body: bytes, media_type: str) -> Response:
    """An answer that a browser need not load again while it stays the same."""
    tag = f'"{request_key(body).hex()[:16]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)
