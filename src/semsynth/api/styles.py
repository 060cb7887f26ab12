"""The styles that a model can draw: found in photos, or stored by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from semsynth.checkpoint import LoadedModel, find_model, load_model, save_model
from semsynth.classes import ClassInfo, ClassSet
from semsynth.data.progress import Progress, silent
from semsynth.data.sample import INSTANCE, Samples
from semsynth.data.source import open_source
from semsynth.errors import SemsynthError
from semsynth.models.generator import LayoutGenerator
from semsynth.models.instance_encoder import InstanceEncoder
from semsynth.models.style_encoder import StyleEncoder
from semsynth.pages import html_facts, html_table
from semsynth.styles.bank import StyleBank
from semsynth.styles.fitting import fit_bank
from semsynth.styles.noise import noise_of
from semsynth.styles.objects import MODES
from semsynth.styles.whitening import encode_styles, whiten_styles
from semsynth.synthesizer import choose_device


@dataclass(frozen=True)
class ClassModes:
    """The modes that objects of one class can have."""

    class_id: int
    class_name: str
    count: int
    names: tuple[str, ...] = ()
    """Of the modes in order; empty for modes that are only numbered."""


@dataclass(frozen=True, repr=False)
class FittedStyles:
    """What :func:`fit_styles` found and kept in the model folder."""

    model: Path
    """The model folder."""
    about: str
    """The photos, or the objects in them."""
    modes: tuple[ClassModes, ...] = ()
    """Of classes with objects; empty for a model whose styles are those of whole photos."""
    without_modes: tuple[str, ...] = ()
    """Names of the classes that no photo shows: their features are zero."""
    one_object_per_class: bool = False
    """Whether every class counts as one object because the data has no instance maps."""

    def __repr__(self) -> str:
        return f"<styles of {self.about}: {self.model}>"

    def _repr_html_(self) -> str:
        facts = html_facts("Styles", {"model": self.model, "of": self.about})
        rows = [(one.class_name, one.count) for one in self.modes]
        return facts + (html_table("", rows, ("class", "modes")) if rows else "")


def fit_styles(
    model: str | Path,
    data: str | Path,
    *,
    split: str = "train",
    modes: int = MODES,
    device: str = "auto",
    progress: Progress = silent,
) -> FittedStyles:
    """Encode the photos of a dataset, and keep the styles found in the model folder.

    For SPADE every photo is encoded, and from then on seeds draw styles that are distributed like theirs. For
    pix2pixHD every object is encoded, and each class gets modes.

    Args:
        model: run or model folder of a model with a style encoder.
        data: dataset folder or shards, preferably the training data.
        split: the part of it to read.
        modes: maximum per class, K of the k-means; for styles of objects.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        progress: called with (photos done, photos).

    Raises:
        SemsynthError: a model without a style encoder, data of other classes, or photos that are missing.
    """
    folder = find_model(model)
    loaded = load_model(folder)
    generator, encoder = loaded.networks["generator"], loaded.networks.get("encoder")
    if not isinstance(encoder, StyleEncoder | InstanceEncoder):
        raise SemsynthError(f"{folder} has no style encoder: train spade or pix2pixhd with a preset such as small")
    source = open_source(data)
    _check_classes(source.classes, loaded, str(data))
    if isinstance(encoder, InstanceEncoder):
        by_labels = loaded.config.objects == "labels"
        instances = not by_labels and INSTANCE in source.kinds(split)
        samples = source.open(split, instances=instances)
        found = _fit_objects(loaded, encoder, samples, modes, choose_device(device), progress)
        return FittedStyles(folder, *found, one_object_per_class=not by_labels and not instances)
    assert isinstance(generator, LayoutGenerator)
    samples = source.open(split, instances=False)
    mu, logvar = encode_styles(encoder, samples, device=choose_device(device), progress=progress)
    whiten_styles(generator, encoder.cpu(), mu, logvar)
    about = f"{len(samples)} photographs of {Path(str(data)).resolve().name}, {split} split"
    save_model(folder, loaded.config, loaded.classes, loaded.networks, loaded.card.model_copy(update={"styles": about}))
    return FittedStyles(folder, about)


def _check_classes(classes: ClassSet, loaded: LoadedModel, data: str) -> None:
    meanings = [[(item.id, item.name) for item in one.classes] for one in (classes, loaded.classes)]
    if meanings[0] != meanings[1]:
        raise SemsynthError(
            f"{data} is of the class set '{classes.name}', the model of '{loaded.classes.name}': fit it on its own data"
        )


def _fit_objects(
    loaded: LoadedModel,
    encoder: InstanceEncoder,
    samples: Samples,
    modes: int,
    device: torch.device,
    progress: Progress,
) -> tuple[str, tuple[ClassModes, ...], tuple[str, ...]]:
    """What was encoded, the modes by class, and the names of the classes that have none."""
    config = loaded.config
    by_labels = config.objects == "labels"
    bank = fit_bank(encoder, samples, config.data, by_labels=by_labels, modes=modes, device=device, progress=progress)
    bank.save(loaded.folder, config.style_weights)
    absent = tuple(item.name for item in loaded.classes.classes if item.id not in bank.modes)
    return bank.about, _modes(bank, loaded), absent


def store_mode(model: str | Path, of: int | str, name: str, *, seed: int, replace: bool = False) -> ClassModes:
    """Keep the noise of a seed in the model folder, as a named mode of a class.

    Args:
        model: run or model folder of a model that reads noise for regions (OASIS).
        of: the class, by name or id.
        name: what to call the mode, for example ``brick``.
        seed: as it is given to the synthesizer, for the whole picture or for a region.
        replace: whether to replace the mode of this name.

    Returns:
        The modes of the class, the stored one among them.

    Raises:
        SemsynthError: another kind of model, an unknown class, or a name that is taken.
    """
    folder = find_model(model)
    loaded = load_model(folder)
    style = loaded.config.generator.style
    if style is None or style.kind != "noise":
        raise SemsynthError(f"{folder} reads no noise for regions: modes are stored for models of OASIS")
    item = _class_called(of, loaded)
    weights = loaded.config.style_weights
    bank = StyleBank.load(folder, weights) or StyleBank({}, style.channels)
    if name in bank.names.get(item.id, ()) and not replace:
        raise SemsynthError(f"{item.name} has a mode '{name}' already: replace it, or choose another name")
    bank = bank.with_mode(item.id, noise_of(seed, style.channels), name)
    bank.save(folder, weights)
    return next(one for one in _modes(bank, loaded) if one.class_id == item.id)


def _class_called(of: int | str, loaded: LoadedModel) -> ClassInfo:
    item = next((one for one in loaded.classes.classes if str(of) in (one.name, str(one.id))), None)
    if item is None:
        known = ", ".join(one.name for one in loaded.classes.classes[:12])
        raise SemsynthError(f"class {of}: the model has no such class; it has {known}")
    return item


def list_modes(model: str | Path) -> tuple[ClassModes, ...]:
    """The modes in a model folder, by class.

    Args:
        model: run or model folder.

    Raises:
        SemsynthError: the model has no modes.
    """
    folder = find_model(model)
    loaded = load_model(folder)
    bank = StyleBank.load(folder, loaded.config.style_weights)
    if bank is None:
        raise SemsynthError(
            f"{folder} has no modes: 'semsynth styles fit' finds them in photos (pix2pixHD), "
            "'semsynth styles store' keeps noise (OASIS)"
        )
    return _modes(bank, loaded)


def _modes(bank: StyleBank, loaded: LoadedModel) -> tuple[ClassModes, ...]:
    return tuple(
        ClassModes(item.id, item.name, bank.count(item.id), tuple(bank.names.get(item.id, ())))
        for item in loaded.classes.classes
        if item.id in bank.modes
    )
