"""What the routes do, without HTTP: from the parts of a request to a response."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar
from urllib.parse import quote

import torch
from PIL import Image

from semsynth.errors import SemsynthError
from semsynth.images import encode_png
from semsynth.layout import Condition, Layout, Size, pixels
from semsynth.layout.instances import surroundings
from semsynth.serving.problems import Refusal
from semsynth.studio.cache import Payload, PayloadCache, request_key
from semsynth.studio.layout_edits import EditParts, edit_layout
from semsynth.studio.open_pictures import OpenPictures
from semsynth.studio.options import (
    EditOptions,
    ObjectPhoto,
    ObjectStyleOption,
    PixelSize,
    SegmentOptions,
    StrokeOptions,
    StyleChoiceOptions,
    SynthesisOptions,
)
from semsynth.studio.pictures import MEDIA_TYPES, PictureFormat, draw_sheet, encode, grid, pack_zip
from semsynth.studio.schemas import EditedLayout
from semsynth.studio.served import ServedModel
from semsynth.studio.turns import Turns
from semsynth.studio.uploads import Limits, check_size, read_condition, read_layout, read_photo
from semsynth.styles import choice

C = TypeVar("C", Layout, Condition)
Gone = Callable[[], bool]
"""Whether the client has closed the connection."""


@dataclass(frozen=True)
class Parts:
    """The pictures of a request for photos, as sent."""

    label: bytes
    instances: bytes | None = None
    style: bytes | None = None
    object_photos: Sequence[bytes] = ()


class Studio:
    """The models, the lines before them and the responses sent recently."""

    def __init__(self, models: Sequence[ServedModel], limits: Limits) -> None:
        self.models = {model.id: model for model in models}
        self.limits = limits
        self.turns = Turns(limits.waiting, limits.wait_seconds)
        self._cache = PayloadCache(limits.cache_bytes)
        self.open_pictures = OpenPictures(limits.open_bytes)

    def model(self, model_id: str) -> ServedModel:
        """The model of this id.

        Raises:
            Refusal: there is none.
        """
        if model_id not in self.models:
            known = ", ".join(self.models)
            raise Refusal(404, "not_found", f"there is no such model here, but {known}")
        return self.models[model_id]

    def synthesize(self, model: ServedModel, parts: Parts, options: SynthesisOptions, gone: Gone) -> Payload:
        """Photos of a layout."""

        def make(watch: _Stopwatch) -> Payload:
            condition = read_condition(model.synthesizer, parts.label, parts.instances, self.limits)
            fitted, note = self._fitted(model, condition, options.size, options.count)
            watch.lap("decode")
            with self.turns.turn(model.id, options.client, options.stroke, gone):
                watch.lap("wait")
                photos = self._photos(model, fitted, parts, options)
                watch.lap("run")
            headers = {} if note is None else {"Semsynth-Note": quote(note)}
            if model.synthesizer.has_styles and parts.style is None and options.vector is None:
                headers["Semsynth-Seed"] = str(options.seed or 0)
            if len(photos) > 1 and options.pack == "zip":
                payload = Payload(pack_zip(photos, options.format), "application/zip", headers | _facts(photos))
            elif len(photos) > 1:
                payload = _sheet(photos, options.format, headers)
            else:
                payload = Payload(
                    encode(photos[0], options.format), MEDIA_TYPES[options.format], headers | _facts(photos)
                )
            watch.lap("encode")
            return payload

        return self._answered(model, "synthesize", parts, options, make)

    def style_choices(self, model: ServedModel, parts: Parts, options: StyleChoiceOptions, gone: Gone) -> Payload:
        """One object in every mode of its class, as a sheet."""

        def make(watch: _Stopwatch) -> Payload:
            layout = read_layout(model.synthesizer, parts.label, parts.instances, self.limits)
            fitted, note = self._fitted(model, layout, None, 1)
            headers = {} if note is None else {"Semsynth-Note": quote(note)}
            watch.lap("decode")
            with self.turns.turn(model.id, options.client, options.stroke, gone):
                watch.lap("wait")
                styles = self._object_styles(options.object_styles, parts)
                photos = model.synthesizer.style_choices(fitted, options.object, options.seed, styles)
                watch.lap("run")
            if options.crop:
                left, top, right, bottom = surroundings(fitted, options.object)
                photos = [photo.crop((left, top, right, bottom)) for photo in photos]
                headers["Semsynth-Box"] = f"{top},{left},{bottom},{right}"
            payload = _sheet(photos, options.format, headers)
            watch.lap("encode")
            return payload

        return self._answered(model, "style-choices", parts, options, make)

    def style_vector(self, model: ServedModel, photo: bytes, gone: Gone) -> list[float]:
        """A photo's style.

        Raises:
            SemsynthError: the model reads no photos, or its styles are no vectors.
        """
        if not (model.style_length and model.synthesizer.reads_photos):
            raise SemsynthError(f"the model '{model.id}' makes no style vectors of photos: see its abilities")
        with self.turns.turn(model.id, None, 0, gone):
            vector = model.synthesizer.style(read_photo(photo, self.limits, "style"))
        assert isinstance(vector, torch.Tensor)
        return vector.tolist()

    def segment(self, model: ServedModel, photo: bytes, options: SegmentOptions, gone: Gone) -> Payload:
        """A layout of a photo.

        Raises:
            Refusal: there is no segmenter for the model.
        """
        segment = model.segment
        if segment is None:
            raise Refusal(404, "no_segmenter", f"there is no segmenter for the classes of the model '{model.id}' here")

        def make(watch: _Stopwatch) -> Payload:
            wanted = _size(options.size)
            if wanted is not None:
                check_size(wanted, self.limits.layout_pixels, "a layout")
            with self.turns.turn(f"segmenter of {model.id}", options.client, options.stroke, gone):
                watch.lap("wait")
                seen = read_photo(photo, self.limits, "photo")
                size = wanted or (seen.shape[0], seen.shape[1])
                check_size(size, self.limits.layout_pixels, "a layout of the photo's size")
                watch.lap("decode")
                layout = segment(seen, size)
                watch.lap("run")
            body = encode_png(layout.labels)
            watch.lap("encode")
            return Payload(body, MEDIA_TYPES["png"], {"Semsynth-Size": pixels(layout.size)})

        return self._answered(model, "segment", Parts(photo), options, make)

    def edit(self, model: ServedModel, parts: EditParts, options: EditOptions, gone: Gone) -> EditedLayout:
        """A layout with its objects edited: one request at a time, which may take some seconds for a large layout."""
        with self.turns.turn("edits", None, 0, gone):
            return edit_layout(model.synthesizer, parts, options, self.limits)

    def _answered(
        self,
        model: ServedModel,
        route: str,
        parts: Parts,
        options: StrokeOptions,
        make: Callable[[_Stopwatch], Payload],
    ) -> Payload:
        """The answer that an identical request got, or a new one."""
        watch = _Stopwatch()
        self.turns.arrive(options.client, options.stroke)
        asked = options.model_dump_json(exclude={"client", "stroke"})
        pictures = (parts.label, parts.instances, parts.style, parts.object_photos)
        key = request_key(model.id, model.hash, route, asked, *pictures)
        payload, cache = self._cache.get(key), "hit"
        if payload is None:
            payload, cache = make(watch), "miss"
            self._cache.put(key, payload)
        return replace(payload, headers={"Semsynth-Model": model.hash, **payload.headers, **watch.headers(cache)})

    def _fitted(self, model: ServedModel, condition: C, size: PixelSize | None, count: int) -> tuple[C, str | None]:
        """What the photo is made of at the photo's size, and a note if nobody asked for that."""
        wanted = _size(size)
        if wanted is not None:
            check_size(wanted, self.limits.layout_pixels, "a photo")
        fitted, note = model.synthesizer.conditions.fit(condition, wanted)
        height, width = fitted.size
        check_size((height * count, width), self.limits.layout_pixels, f"{count} photo(s) in one picture")
        return fitted, note

    def _photos(
        self, model: ServedModel, condition: Condition, parts: Parts, options: SynthesisOptions
    ) -> list[Image.Image]:
        styles = self._object_styles(options.object_styles, parts) or None
        if options.count > 1:
            if parts.style is not None or options.vector is not None:
                raise SemsynthError("several photos differ by their seeds: leave out style and vector, or ask for one")
            return model.synthesizer.variations(condition, options.count, seed=options.seed, object_styles=styles)
        if parts.style is not None and options.vector is not None:
            raise SemsynthError("style and vector both say what the photo looks like: leave one of them out")
        style: choice.Photo | torch.Tensor | None = None
        if parts.style is not None:
            style = read_photo(parts.style, self.limits, "style")
        elif options.vector is not None:
            style = torch.tensor(options.vector)
        # What is saved without loss is made as a whole, as everywhere else.
        client = options.client if options.format == "webp" else None
        with self.open_pictures.of(model, client, condition.size) as opened:
            return [model.synthesizer(condition, style, options.seed, object_styles=styles, opened=opened)]

    def _object_styles(self, styles: dict[int, ObjectStyleOption], parts: Parts) -> dict[int, choice.ObjectStyle]:
        return {
            instance_id: self._object_photo(style.photo, parts) if isinstance(style, ObjectPhoto) else style
            for instance_id, style in styles.items()
        }

    def _object_photo(self, index: int, parts: Parts) -> choice.Photo:
        count = len(parts.object_photos)
        if index >= count:
            raise SemsynthError(f"there is no object photo {index}: {count} were sent as 'object_photos'")
        return read_photo(parts.object_photos[index], self.limits, f"object photo {index}")


class _Stopwatch:
    """Milliseconds by stage."""

    def __init__(self) -> None:
        self._start = self._last = time.perf_counter()
        self._stages: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        """A stage has ended."""
        now = time.perf_counter()
        self._stages[stage] = 1000 * (now - self._last)
        self._last = now

    def headers(self, cache: str) -> dict[str, str]:
        total = 1000 * (time.perf_counter() - self._start)
        stages = [f"{name};dur={value:.1f}" for name, value in (self._stages or {"cache": total}).items()]
        return {
            "Semsynth-Cache": cache,
            "Semsynth-Milliseconds": f"{total:.1f}",
            "Server-Timing": ", ".join(stages),
        }


def _size(size: PixelSize | None) -> Size | None:
    return None if size is None else (size.height, size.width)


def _facts(photos: Sequence[Image.Image]) -> dict[str, str]:
    return {"Semsynth-Size": pixels((photos[0].height, photos[0].width)), "Semsynth-Count": str(len(photos))}


def _sheet(photos: Sequence[Image.Image], kind: PictureFormat, headers: dict[str, str]) -> Payload:
    shape = {"Semsynth-Grid": pixels(grid(len(photos)))}
    return Payload(encode(draw_sheet(photos), kind), MEDIA_TYPES[kind], headers | _facts(photos) | shape)
