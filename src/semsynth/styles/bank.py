"""Styles of single objects: what pix2pixHD's feature encoder found in photographs, clustered per class (section 3.4).

A *mode* of a class is the centre of a cluster of its objects' feature vectors; a *style bank* holds the modes of all
classes. Source: Wang et al., CVPR 2018, sections 3.4 and 4; official ``encode_features.py`` and ``pix2pixHD_model.py``.
Of models that read noise (OASIS) a mode is a noise vector that somebody liked for a class, and gave a name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor

from semsynth.documents import parse_json
from semsynth.errors import SemsynthError, shortened
from semsynth.files import write_bytes
from semsynth.tensor_files import read_safetensors

STYLES = "styles.safetensors"
"""The bank's file in a model folder."""
FORMAT = 1


class StyleBank:
    """The modes of every class of a model."""

    def __init__(
        self,
        modes: Mapping[int, Tensor],
        features: int,
        about: str = "",
        names: Mapping[int, Sequence[str]] | None = None,
    ) -> None:
        """Collect modes.

        Args:
            modes: class id -> centres [k,F].
            features: F.
            about: what they were fitted on, for people.
            names: class id -> k names, for modes that have any.

        Raises:
            SemsynthError: centres of another length than ``features``, or names that do not fit them.
        """
        self.features = features
        self.about = about
        self.modes: dict[int, Tensor] = {class_id: modes[class_id].float() for class_id in sorted(modes)}
        """Class id -> centres [k,F] float32, ascending."""
        for class_id, centres in self.modes.items():
            if centres.ndim != 2 or not len(centres) or centres.shape[1] != features:
                shape = list(centres.shape)
                raise SemsynthError(f"the modes of class {class_id} are {shape}, the model reads [k,{features}]")
        self.names: dict[int, tuple[str, ...]] = (
            {class_id: tuple(names[class_id]) for class_id in sorted(names)} if names else {}
        )
        """Class id -> the names of its modes, for classes whose modes have names."""
        for class_id, given in self.names.items():
            if len(given) != self.count(class_id) or len(set(given)) < len(given):
                raise SemsynthError(
                    f"class {class_id} has {self.count(class_id)} modes, called {', '.join(given)}: "
                    "give each a name of its own"
                )

    def count(self, class_id: int) -> int:
        """How many modes a class has: 0 if it was in no photograph."""
        return len(self.modes[class_id]) if class_id in self.modes else 0

    def mode(self, class_id: int, mode: int | str) -> Tensor:
        """[F]: one mode of a class.

        Args:
            class_id: the class.
            mode: its number, counted from 0, or its name.

        Raises:
            SemsynthError: the class has no such mode.
        """
        names = self.names.get(class_id, ())
        number = names.index(mode) if mode in names else mode
        if not isinstance(number, int) or not 0 <= number < self.count(class_id):
            known = f"0 to {self.count(class_id) - 1}" if self.count(class_id) else "none"
            raise SemsynthError(
                f"there is no mode {mode} of class {class_id}; it has {known}"
                + (f" ({', '.join(names)})" if names else "")
            )
        return self.modes[class_id][number]

    def with_mode(self, class_id: int, vector: Tensor, name: str) -> StyleBank:
        """This bank and another mode of a class, the last one; one of the same name is replaced.

        Args:
            class_id: the class.
            vector: [F].
            name: what people call it.

        Raises:
            SemsynthError: a vector of another length, or a class whose modes have no names.
        """
        names = self.names.get(class_id, ())
        if self.count(class_id) != len(names):
            raise SemsynthError(f"the modes of class {class_id} are numbered and have no names: leave them as they are")
        rows = [self.modes[class_id]] if names else []
        if name in names:
            centres = rows[0].clone()
            centres[names.index(name)] = vector
        else:
            centres = torch.cat([*rows, vector[None].float()])
            names = (*names, name)
        modes, known = {**self.modes, class_id: centres}, {**self.names, class_id: names}
        return StyleBank(modes, self.features, self.about, known)

    def draw(self, class_ids: NDArray[np.int64], numbers: NDArray[np.uint64]) -> Tensor:
        """A mode for each of S objects.

        Args:
            class_ids: [S].
            numbers: [S] random numbers; object ``i`` gets mode ``numbers[i] % k`` of its class's k.

        Returns:
            [S,F]; zeros for classes that the bank does not know.
        """
        known = np.array(list(self.modes), np.int64)  # ascending
        counts = np.array([len(centres) for centres in self.modes.values()] + [1])
        table = torch.cat([*self.modes.values(), torch.zeros(1, self.features)])
        place = np.searchsorted(known, class_ids)
        place = np.where(np.append(known, -1)[place] == class_ids, place, len(known))
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        return table[torch.from_numpy(starts[place] + (numbers % counts[place].astype(np.uint64)).astype(np.int64))]

    def save(self, folder: Path, encoder: str) -> None:
        """Write the bank into a model folder.

        Args:
            folder: of the model.
            encoder: checksum of the weights that the vectors belong to: the encoder's, or those of the generator that
                reads them as noise.
        """
        about: dict[str, object] = {"format": FORMAT, "encoder": encoder, "features": self.features}
        about |= {"about": self.about, "names": self.names}
        tensors = {f"modes.{class_id}": centres.contiguous() for class_id, centres in self.modes.items()}
        write_bytes(folder / STYLES, safetensors.torch.save(tensors, {"semsynth": json.dumps(about)}))

    @classmethod
    def load(cls, folder: Path, encoder: str) -> StyleBank | None:
        """Read the bank of a model folder; None if it has none.

        Raises:
            SemsynthError: a damaged file, or one whose vectors belong to other weights.
        """
        path = folder / STYLES
        if not path.is_file():
            return None
        try:
            tensors, metadata = read_safetensors(path)
            about = parse_json(metadata["semsynth"], f"{path}, metadata 'semsynth'")
            newer = about["format"] > FORMAT
            modes = {int(key.removeprefix("modes.")): centres for key, centres in tensors.items()}
            features = int(about["features"])
            names = {int(key): tuple(map(str, known)) for key, known in about.get("names", {}).items()}
            described = str(about["about"])
        except (SemsynthError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise SemsynthError(
                f"{path} is not a style bank ({shortened(error)}): run 'semsynth styles fit {folder}' again"
            ) from error
        if newer:
            raise SemsynthError(f"{path} has format {about['format']}: upgrade with 'pip install -U semsynth'")
        unusable = [key for key, centres in modes.items() if not centres.isfinite().all()]
        if unusable:
            raise SemsynthError(
                f"{path}: the modes of class {unusable[0]} hold NaN or infinity: run 'semsynth styles fit {folder}' "
                "again"
            )
        if about["encoder"] != encoder:
            raise SemsynthError(
                f"{path} was fitted with other weights: run 'semsynth styles fit {folder}' again (of OASIS: remove it "
                "and store its modes again)"
            )
        return cls(modes, features, described, names)


def draw_numbers(seed: int, ids: NDArray[np.int64]) -> NDArray[np.uint64]:
    """[S] random numbers that depend on the seed and each object's own id: editing one object leaves the others' alone.

    SplitMix64 (Steele, Lea and Flood 2014) of seed and id.
    """
    with np.errstate(over="ignore"):
        x = ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
        return np.asarray(x ^ (x >> np.uint64(31)), np.uint64)
