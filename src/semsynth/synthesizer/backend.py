"""What makes photographs of conditions that fit: torch with a model folder's networks, or an exported model."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor

from semsynth.checkpoint import LoadedModel
from semsynth.errors import SemsynthError
from semsynth.images import to_tensor
from semsynth.layout import Condition, ConditionPicture, Layout, LayoutBatch, LayoutEncoding, Size, pixels
from semsynth.models.description import Sizes
from semsynth.models.generator import GeneratorConfig, LayoutGenerator
from semsynth.models.kept import KeptPicture
from semsynth.models.local import LocalStage, check_local, norm_of_the_whole
from semsynth.ops.rectangle import Rectangle


class Backend(Protocol):
    """A generator at work; threads may share it."""

    device: torch.device
    dtype: torch.dtype
    """Of the arithmetic."""

    @property
    def config(self) -> GeneratorConfig:
        """The generator's."""

    @property
    def sizes(self) -> Sizes:
        """The sizes that can be made."""

    def photograph(self, conditions: Sequence[Condition], styles: Tensor | None) -> Tensor:
        """Make photographs.

        Args:
            conditions: N of one size that can be made, or one that meets N styles.
            styles: what the generator reads beside each; None for models without styles.

        Returns:
            [N*k,3,H,W] float32 in [-1,1] or near it, k = ``config.images_per_layout``.
        """


class TorchBackend:
    """The networks of a model folder, frozen for inference. One batch is made at a time."""

    def __init__(self, model: LoadedModel, device: torch.device, dtype: torch.dtype) -> None:
        """Take over the networks of ``model``: they can only infer from now on."""
        generator = model.networks["generator"]
        assert isinstance(generator, LayoutGenerator)
        self.device: torch.device = device
        self.dtype: torch.dtype = dtype
        self._lock = threading.Lock()
        for network in model.networks.values():
            network.eval().requires_grad_(False).to(device)
        self._generator = generator
        self._generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._generator.freeze(dtype)

    @property
    def config(self) -> GeneratorConfig:
        """The generator's."""
        return self._generator.config

    @property
    def sizes(self) -> Sizes:
        """The sizes that the generator makes."""
        return self.config.sizes

    def photograph(self, conditions: Sequence[Condition], styles: Tensor | None) -> Tensor:
        """As :meth:`Backend.photograph`; many styles of one condition are for pix2pixHD's generator only."""
        return self.run(_encoded(conditions, self.config.encoding), styles)

    def run(self, layout: LayoutBatch | Tensor, style: Tensor | None = None, size: Size | None = None) -> Tensor:
        """Run the network: see :meth:`semsynth.synthesizer.Synthesizer.synthesize_tensor`."""
        size = size or (layout.size if isinstance(layout, LayoutBatch) else (layout.shape[2], layout.shape[3]))
        condition = layout.to(self.device) if isinstance(layout, LayoutBatch) else layout.to(self.device, self.dtype)
        with self._at_work(f"{len(layout)} photo(s) of {pixels(size)}", "make smaller ones, fewer at a time"):
            return self._generator.synthesize(condition, self._moved(style), size).float()

    def region(self, layout: LayoutBatch, style: Tensor | None, box: Rectangle, size: Size) -> Tensor:
        """Make a part of a picture: see :meth:`semsynth.synthesizer.Synthesizer.synthesize_region`."""
        with self._at_work(f"{len(layout)} tile(s) of {pixels(box.size)}", "make smaller ones"):
            return self._generator.region(layout.to(self.device), self._moved(style), box, size).float()

    def local_stages(self, layout: LayoutBatch, style: Tensor | None, size: Size) -> list[LocalStage]:
        """What the generator does, see :meth:`semsynth.models.generator.LayoutGenerator.local_stages`.

        Raises:
            SemsynthError: it makes no parts of pictures.
        """
        check_local(self._generator)
        return self._generator.local_stages(layout.to(self.device), self._moved(style), size)

    def open_picture(self, max_bytes: int) -> OpenPicture | None:
        """A picture that is going to be edited; None: each of its pixels depends on all others.

        Args:
            max_bytes: what it may take between two edits.
        """
        if not self._generator.is_local or norm_of_the_whole(self._generator) is not None:
            return None
        return OpenPicture(self, KeptPicture(self._generator, max_bytes))

    def update(self, kept: KeptPicture, layout: LayoutBatch, style: Tensor | None) -> Tensor:
        """Make photographs of the last ones, see :meth:`semsynth.models.kept.KeptPicture.update`."""
        with self._at_work(f"{len(layout)} photo(s) of {pixels(layout.size)}", "make smaller ones"):
            return kept.update(layout.to(self.device), self._moved(style), layout.size).float()

    def _moved(self, style: Tensor | None) -> Tensor | None:
        return None if style is None else style.to(self.device, self.dtype)

    @contextmanager
    def _at_work(self, what: str, way_out: str) -> Iterator[None]:
        """Let one batch at a time through the network, and explain a lack of memory."""
        try:
            with self._lock, torch.inference_mode():
                yield
        except torch.OutOfMemoryError as error:
            raise SemsynthError(
                f"{what} do not fit into the memory of {self.device}: {way_out}, or use the CPU"
            ) from error


class OpenPicture:
    """The photograph of a layout that is being edited: an edit costs what it changes.

    Photographs equal the backend's up to rounding. Threads may share it.
    """

    def __init__(self, backend: TorchBackend, kept: KeptPicture) -> None:
        self._backend, self._kept = backend, kept

    def belongs_to(self, backend: object) -> bool:
        """Whether ``backend`` makes its photographs."""
        return backend is self._backend

    @property
    def nbytes(self) -> int:
        """Bytes that are kept between two edits."""
        return self._kept.nbytes

    @property
    def share(self) -> float:
        """Of a whole photograph's multiplications, how many the last one took."""
        return self._kept.share

    def photograph(self, conditions: Sequence[Condition], styles: Tensor | None) -> Tensor:
        """As :meth:`Backend.photograph`, of layouts."""
        layout = _encoded(conditions, self._backend.config.encoding)
        assert isinstance(layout, LayoutBatch)
        return self._backend.update(self._kept, layout, styles)


def _encoded(conditions: Sequence[Condition], encoding: LayoutEncoding) -> LayoutBatch | Tensor:
    """Conditions of one size and of the kind that the model reads, as its generator takes them."""
    pictures = [one for one in conditions if isinstance(one, ConditionPicture)]
    if pictures:
        return torch.stack([to_tensor(one.pixels) for one in pictures])  # [N,3,H,W]
    return LayoutBatch.from_layouts([one for one in conditions if isinstance(one, Layout)], encoding)
