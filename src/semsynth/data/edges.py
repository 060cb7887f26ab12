"""Edge maps of photographs, with which pix2pixHD's edge-to-photo models begin (figures 2 and 13 of its paper)."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field, model_validator

from semsynth.config import Config
from semsynth.extras import require

EdgeMethod = Literal["canny", "sobel"]

THRESHOLDS: dict[EdgeMethod, tuple[float, float]] = {"canny": (0.1, 0.2), "sobel": (0.0, 0.3)}
"""Low and high where none are given: scikit-image's for Canny; for Sobel gradients that few photographs exceed."""


class EdgeSettings(Config):
    """How edges are found; the paper does not say.

    Thresholds are in scikit-image's units: where grey, from 0 to 1, rises by g per pixel along a row or a column,
    Canny's gradient is 8 g and Sobel's is sqrt(2) g.
    """

    method: EdgeMethod = "canny"
    """Thin lines (Canny 1986), or the strength of the gradient (Sobel)."""
    sigma: float = Field(1.0, ge=0)
    """Standard deviation of the Gaussian that smoothes the photograph first, in its pixels."""
    low: float = Field(ge=0)
    """Canny: weaker gradients are no edge, weaker ones than ``high`` only beside an edge. Sobel: this and less is 0."""
    high: float = Field(gt=0)
    """Canny: stronger gradients are edges. Sobel: this and more is 255."""

    @model_validator(mode="before")
    @classmethod
    def _default_thresholds(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        given = {key: value for key, value in values.items() if value is not None}
        low, high = THRESHOLDS.get(given.get("method", "canny"), (0.0, 1.0))
        return {"low": low, "high": high} | given

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low={self.low:g} must be less than high={self.high:g}")
        return self


def edge_map(image: NDArray[np.uint8], settings: EdgeSettings) -> NDArray[np.uint8]:
    """Find edges.

    Args:
        image: [H,W,3], a photograph.
        settings: how.

    Returns:
        [H,W]: 0 where there is no edge; Canny's edges are 255, Sobel's from 1 (weak) to 255 (strong).

    Raises:
        SemsynthError: scikit-image is not installed.
    """
    require("edges", "finding edges", "skimage")
    from skimage.feature import canny
    from skimage.filters import gaussian, sobel

    grey = np.asarray(Image.fromarray(image).convert("L"), np.float32) / 255  # ITU-R 601
    if settings.method == "canny":
        found: NDArray[np.bool_] = canny(grey, settings.sigma, settings.low, settings.high, mode="nearest")
        return np.where(found, np.uint8(255), np.uint8(0))
    strength: NDArray[np.float32] = sobel(gaussian(grey, settings.sigma, mode="nearest"), mode="nearest")
    scaled = (strength - settings.low) / (settings.high - settings.low)
    return (255 * scaled.clip(0, 1)).round().astype(np.uint8)
