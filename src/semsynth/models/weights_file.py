"""Files of trained networks from elsewhere: plain tensors by name, never code, and how the network wants its images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError

import torch
from torch import Tensor

from semsynth.config import validated
from semsynth.documents import parse_json
from semsynth.errors import SemsynthError
from semsynth.files import make_folder
from semsynth.models.input_convention import EXAMPLE, InputConvention, parse_convention
from semsynth.tensor_files import read_safetensors, read_tensor_file


@dataclass(frozen=True)
class WeightsFile:
    """The tensors of a file."""

    path: Path
    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str] = field(default_factory=dict)
    """What a ``.safetensors`` file says about itself."""

    def tensor(self, name: str, *shape: int, of: str) -> Tensor:
        """One tensor in single precision, whatever precision it is stored in.

        Args:
            name: in the file.
            shape: that the network needs.
            of: the network's name, for messages.

        Raises:
            SemsynthError: it is absent, has another shape, or holds NaN or infinity.
        """
        stored = self.tensors.get(name)
        if stored is None:
            raise SemsynthError(f"{self.path} has no '{name}': expected the weights of {of}")
        if tuple(stored.shape) != shape or not stored.is_floating_point():
            found = f"{tuple(stored.shape)} {str(stored.dtype).removeprefix('torch.')}"
            raise SemsynthError(f"{self.path}: '{name}' is {found}, {of} has floating-point numbers of shape {shape}")
        value = stored.float()
        if not value.isfinite().all():
            raise SemsynthError(f"{self.path}: '{name}' holds NaN or infinity: copy or download the file again")
        return value

    def stated_convention(self) -> InputConvention | None:
        """The input that the file's metadata asks for; None where they don't say.

        They may hold JSON of an :class:`InputConvention` under ``input_convention``, or a sentence such as "RGB order,
        range 0..255, minus (123.68,116.779,103.939), no std division" under ``input``.

        Raises:
            SemsynthError: ``input_convention`` cannot be read.
        """
        if "input_convention" not in self.metadata:
            return parse_convention(self.metadata.get("input", ""))
        source = f"{self.path}, metadata 'input_convention'"
        values = parse_json(self.metadata["input_convention"], source, f"write it as {EXAMPLE}")
        return validated(InputConvention, values, source)


def read_weights(path: Path) -> WeightsFile:
    """Read a ``.safetensors`` file, or a ``.pth`` file of plain tensors.

    Raises:
        SemsynthError: missing or corrupt file, or anything but tensors by name.
    """
    if path.suffix == ".safetensors":
        return WeightsFile(path, *read_safetensors(path))
    return _read_pth(path)


def downloaded(url: str, checksum: str, network: str, way_out: str) -> Path:
    """Path of a publisher's file in the torch hub cache, downloaded and verified if it isn't there yet.

    Args:
        url: its address.
        checksum: the first digits of its SHA-256.
        network: its name, for the message.
        way_out: what to do without it, for the message.

    Raises:
        SemsynthError: it cannot be had.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[1]
    if not path.exists():
        make_folder(path.parent)
        try:
            torch.hub.download_url_to_file(url, str(path), hash_prefix=checksum, progress=False)
        except (URLError, OSError, RuntimeError) as error:
            raise SemsynthError(
                f"cannot download {network} from {url} ({error}): put the file at {path}, {way_out}"
            ) from error
    return path


def _read_pth(path: Path) -> WeightsFile:
    state = read_tensor_file(path)
    if not isinstance(state, dict):
        raise SemsynthError(f"{path} holds a {type(state).__name__}, expected tensors by name")
    return WeightsFile(path, {name: value for name, value in state.items() if isinstance(value, Tensor)})
