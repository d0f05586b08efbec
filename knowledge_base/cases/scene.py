"""What is in a room, before anything is drawn.

A :class:`Scene` holds every decision that a picture shows. Drawing it twice gives the same pixels; a *twin*
(:meth:`Scene.showing`) differs in one thing only, which is what a counterfactual test needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from failsight.knowledge_base.cases.geometry import Camera, Colour

CLASSES: tuple[str, ...] = ("bathroom", "bedroom", "dining_room", "kitchen", "living_room")

CUES: tuple[str, ...] = ("television", "stools", "cat", "plant", "lamp", "picture")
"""Things that any room may hold and that say nothing about its class by themselves."""

STYLES: dict[str, tuple[str, ...]] = {
    "bathroom": ("tub", "shower"),
    "bedroom": ("double", "bunk"),
    "dining_room": ("long", "round"),
    "kitchen": ("line", "galley"),
    "living_room": ("plain", "bed_like"),
}
"""Sub-styles of each class; the first is the common one."""

STYLE_COLUMNS: dict[str, str] = {
    "bathroom": "bath_style",
    "bedroom": "bed_style",
    "dining_room": "table_style",
    "kitchen": "kitchen_style",
    "living_room": "sofa_style",
}
"""The attribute that names the sub-style of a class; its value is ``none`` in the other classes."""

VALUES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(CUES, ("no", "yes")),
    **{STYLE_COLUMNS[label]: ("none", *STYLES[label]) for label in CLASSES},
    "floor": ("wood", "tile"),
    "lighting": ("bright", "soft", "dark"),
    "tilt": ("level", "tilted"),
    "clutter": ("tidy", "cluttered"),
    "framing": ("whole", "close"),
    "camera": ("professional", "phone"),
    "annotator": ("A", "B", "C", "D"),
}
"""Every attribute and its values."""


@dataclass(frozen=True, slots=True)
class Item:
    """One object of a room.

    Attributes:
        kind: what it is (``television``, ``tub``, ...): the key of its drawing and of its boxes.
        x, y, z: centre of its footprint (x), height of its underside, and its near face, metres.
        w, h, d: width, height and depth, metres.
        colour, accent: main and second colour.
        variant: a small number that varies the drawing.
        present: absent items keep their place, so that a twin can show them.
    """

    kind: str
    x: float
    y: float
    z: float
    w: float
    h: float
    d: float
    colour: Colour
    accent: Colour = (240, 240, 240)
    variant: int = 0
    present: bool = True

    def span(self) -> tuple[float, float, float, float, float, float]:
        """Left, right, bottom, top, near and far end, metres."""
        return self.x - self.w / 2, self.x + self.w / 2, self.y, self.y + self.h, self.z, self.z + self.d


@dataclass(frozen=True, slots=True)
class Shell:
    """The room itself: half width, height and depth in metres, colours, floor pattern, window."""

    half: float
    height: float
    depth: float
    wall: Colour
    floor: Colour
    floor_kind: str
    window_side: int
    window_sky: Colour
    curtain: Colour


@dataclass(frozen=True, slots=True)
class Finish:
    """How the camera develops the picture.

    Attributes:
        mean, spread: brightness and contrast that the automatic exposure aims at (0..1 of full scale).
        gain, offset: the tone curve itself, once developed (None before); a twin keeps its sibling's.
        warmth: red against blue, -1..1.
        vignette: darkening of the corners, 0..1.
        blur: standard deviation of the lens blur, pixels of a picture 96 wide.
        noise: standard deviation of the sensor noise, 0..1 of full scale.
        quality: JPEG quality of the stored file.
        seed: of the noise.
    """

    mean: float
    spread: float
    warmth: float
    vignette: float
    blur: float
    noise: float
    quality: int
    seed: int
    gain: float | None = None
    offset: float | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """One room, complete: class, attributes, objects, camera, finish."""

    label: str
    attributes: tuple[tuple[str, str], ...]
    shell: Shell
    camera: Camera
    items: tuple[Item, ...]
    finish: Finish

    def value(self, attribute: str) -> str:
        """The value of an attribute; KeyError when the scene has no such attribute."""
        for name, value in self.attributes:
            if name == attribute:
                return value
        raise KeyError(attribute)

    def visible(self) -> Iterator[Item]:
        """The objects that are really there."""
        return (item for item in self.items if item.present)

    def showing(self, cue: str, present: bool) -> Scene:
        """The twin of this scene with every object of a cue shown or hidden, all else equal.

        Args:
            cue: one of :data:`CUES` (``stools`` stands for all the stools).
            present: whether the twin shows it.

        Raises:
            KeyError: when the cue is not one that every scene has a place for.
        """
        if cue not in CUES:
            raise KeyError(cue)
        items = tuple(replace(i, present=present) if i.kind == cue else i for i in self.items)
        said = "yes" if present else "no"
        attributes = tuple((n, said if n == cue else v) for n, v in self.attributes)
        return replace(self, items=items, attributes=attributes)


def caption(scene: Scene) -> str:
    """A sentence that says what the scene shows, in words a person would use."""
    label = scene.label.replace("_", " ")
    style = scene.value(STYLE_COLUMNS[scene.label])
    detail = {
        "tub": "with a bathtub",
        "shower": "with a walk-in shower",
        "double": "with a double bed",
        "bunk": "with a bunk bed",
        "long": "with a long table",
        "round": "with a round table",
        "line": "with a kitchen line along the wall",
        "galley": "with counters on both sides",
        "plain": "with a sofa",
        "bed_like": "with a sofa that looks like a bed",
    }[style]
    names = {
        "television": "a television",
        "stools": "stools",
        "cat": "a cat",
        "plant": "a plant",
        "lamp": "a floor lamp",
        "picture": "a picture",
    }
    things = [names[cue] for cue in CUES if scene.value(cue) == "yes"]
    listed = ", ".join(things[:-1]) + (" and " if len(things) > 1 else "") + things[-1] if things else ""
    light = {"bright": "bright", "soft": "softly lit", "dark": "dark"}[scene.value("lighting")]
    tail = f", {listed}" if listed else ""
    clutter = ", cluttered" if scene.value("clutter") == "cluttered" else ""
    return f"a {light} {label} {detail}{tail}{clutter}"
