"""What classes are to the canvas: which carry shadows, which cast them, which lie behind everything."""

from __future__ import annotations

from dataclasses import dataclass

from semsynth.classes import ClassSet

GROUND = ("road", "sidewalk", "pavement")
VEHICLES = ("car", "truck", "bus", "train")
VEGETATION = ("vegetation", "tree")
OBJECTS = (
    "building",
    "pole",
    "traffic light",
    "traffic sign",
    "person",
    "rider",
    *VEHICLES,
    "motorcycle",
    "bicycle",
)
BACKGROUND = (*GROUND, "wall", "fence", *VEGETATION, "terrain", "sky")
"""Names of classes: Cityscapes' as in the official code, and those of other sets that mean the same."""


@dataclass(frozen=True)
class Roles:
    """Class ids by what the canvas does with them; sets without such classes leave the steps out."""

    ground: frozenset[int] = frozenset()
    """Loses the shadows of vehicles that stood there in its photo."""
    vehicles: frozenset[int] = frozenset()
    """Cast these shadows."""
    vegetation: frozenset[int] = frozenset()
    """Loses its border, in which there is sky."""
    objects: frozenset[int] = frozenset()
    """Cast shadows in the picture: the ground around them is left to the network."""
    background: frozenset[int] = frozenset()
    """Comes back where a piece does not cover its segment."""

    @classmethod
    def of(cls, classes: ClassSet) -> Roles:
        """By the names of the classes."""
        ids = {item.name: item.id for item in classes.classes}
        sets = (GROUND, VEHICLES, VEGETATION, OBJECTS, BACKGROUND)
        return cls(*(frozenset(ids[name] for name in names if name in ids) for names in sets))
