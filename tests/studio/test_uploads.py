"""Pictures of few pixels, in every part of a request: they are used or refused, whatever the model."""

from __future__ import annotations

import numpy as np
import pytest
from starlette.testclient import TestClient
from studio_server import ask, browse
from tiny_models import save_tiny_model, save_tiny_oasis, save_tiny_pix2pixhd

from semsynth.images import encode_png
from semsynth.studio.app import create_app
from semsynth.studio.served import serve

PICTURES = {
    **{f"{height}x{width}": encode_png(np.zeros((height, width, 3), np.uint8)) for height, width in [(1, 1), (1, 50)]},
    "grey": encode_png(np.zeros((2, 2), np.uint8)),
    "16 bits": encode_png(np.full((5, 5), 65535, np.uint16)),
    "nothing": b"",
}
LABELS = [np.zeros(size, np.uint8) for size in ((1, 1), (1, 50), (32, 32))]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    folder = tmp_path_factory.mktemp("models")
    makers = {"spade": save_tiny_model, "oasis": save_tiny_oasis, "pix2pixhd": save_tiny_pix2pixhd}
    models = [serve(str(make(folder / name)), "cpu", "auto") for name, make in makers.items()]
    return browse(create_app(models))  # a defect is raised here


@pytest.mark.filterwarnings("ignore:this model has no style bank", "ignore:the label map is")
@pytest.mark.parametrize("model", ["spade", "oasis", "pix2pixhd"])
@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)
def test_pictures_of_few_pixels(client: TestClient, model: str, picture: bytes) -> None:
    styles = {"1000": {"photo": 0}, "0": {"photo": 0}}
    for label in LABELS:
        instances = {} if model == "oasis" else {"instances": encode_png(np.full(label.shape, 1000, np.uint16))}
        answers = [
            ask(client, route, encode_png(label), options, model=model, **instances, **parts)
            for route, options, parts in (
                ("synthesize", {}, {"style": picture}),
                ("synthesize", {"object_styles": styles}, {"object_photos": [picture]}),
                ("style-choices", {"object": 1000, "object_styles": styles}, {"object_photos": [picture]}),
                ("edits", {"edits": [{"verb": "add", "class_id": 3}]}, {"mask": picture}),
            )
        ]
        answers += [ask(client, "style", None, style=picture, model=model)]
        answers += [ask(client, "synthesize", picture, model=model, **instances)]
        assert {answer.status_code for answer in answers} <= {200, 404, 413, 422}
