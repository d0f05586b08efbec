"""What can be said of a picture of a room: words for every attribute value and piece of furniture, and captions.

A phrase is a noun phrase that completes "a photo of …". Every value has several; the first ones are what the shipped
encoder's ``attributes.json`` lists, all of them are what it learns from.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence, Set
from types import MappingProxyType

from failsight.knowledge_base.cases.scene import CUES, STYLE_COLUMNS, STYLES

TEMPLATES: tuple[str, ...] = (
    "{}",
    "{}.",
    "a photo of {}",
    "a photo of {}.",
    "a picture of {}",
    "a picture of {}.",
    "an image of {}",
    "an image of {}.",
    "a photograph of {}",
    "a photograph of {}.",
    "a photo that shows {}",
    "this is {}",
    "there is {}",
)
"""What phrases are put into while training."""

ROOMS: Mapping[str, tuple[str, ...]] = {
    "bathroom": ("a bathroom", "a washroom", "a bath room"),
    "bedroom": ("a bedroom", "a room to sleep in", "a bed room"),
    "dining_room": ("a dining room", "a room to eat in", "a dining area"),
    "kitchen": ("a kitchen", "a room to cook in", "a cooking area"),
    "living_room": ("a living room", "a lounge", "a sitting room"),
}
"""Names of the classes."""

THINGS: Mapping[str, tuple[str, ...]] = {
    "television": ("television", "tv", "tv set", "television screen"),
    "stools": ("row of stools", "stool", "bar stool"),
    "cat": ("cat", "kitten", "pet cat"),
    "plant": ("plant", "potted plant", "house plant"),
    "lamp": ("floor lamp", "lamp", "standing lamp"),
    "picture": ("picture on the wall", "framed picture", "painting on the wall"),
    "armchair": ("armchair", "easy chair"),
    "basin": ("wash basin", "sink"),
    "bed": ("bed",),
    "bookshelf": ("bookshelf", "book case"),
    "cabinet": ("cabinet", "tall cabinet"),
    "chair": ("chair", "dining chair"),
    "coffee_table": ("coffee table", "low table"),
    "counter": ("counter", "kitchen counter", "worktop"),
    "cupboards": ("wall cupboard", "hanging cupboard"),
    "fridge": ("fridge", "refrigerator"),
    "hood": ("cooker hood", "extractor hood"),
    "mirror": ("mirror", "wall mirror"),
    "nightstand": ("nightstand", "bedside table"),
    "pendant": ("pendant light", "hanging light"),
    "rug": ("rug", "carpet"),
    "shower": ("shower", "walk-in shower"),
    "sofa": ("sofa", "couch"),
    "stove": ("stove", "cooker"),
    "table": ("dining table", "table"),
    "toilet": ("toilet",),
    "towel": ("towel",),
    "tub": ("bathtub", "tub", "bath"),
    "vanity": ("vanity", "wash stand"),
    "wardrobe": ("wardrobe", "closet"),
}
"""Objects by kind: nouns without article. The six cues first."""

_STYLE_PHRASES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "bath_style": {
        "tub": ("a bathroom with a bathtub", "a bathtub", "a room with a tub", "a bath"),
        "shower": ("a bathroom with a walk-in shower", "a shower cabin", "a room with a shower", "a shower"),
    },
    "bed_style": {
        "double": ("a bedroom with a double bed", "a double bed", "a room with a wide bed", "a large bed"),
        "bunk": (
            "a bedroom with a bunk bed",
            "a bunk bed",
            "a room with a bunk bed",
            "two beds above each other",
        ),
    },
    "table_style": {
        "long": (
            "a dining room with a long table",
            "a long table",
            "a room with a rectangular table",
            "a rectangular table",
        ),
        "round": (
            "a dining room with a round table",
            "a round table",
            "a room with a round table",
            "a circular table",
        ),
    },
    "kitchen_style": {
        "line": (
            "a kitchen with one counter along the back wall",
            "a kitchen line",
            "a kitchen with a fridge in a row",
            "a one-wall kitchen",
        ),
        "galley": (
            "a kitchen with counters on both sides",
            "a galley kitchen",
            "a galley",
            "a narrow kitchen with two counters",
        ),
    },
    "sofa_style": {
        "plain": (
            "a living room with a plain sofa",
            "a plain sofa",
            "a room with a couch",
            "a sofa with cushions",
        ),
        "bed_like": (
            "a living room with a sofa that looks like a bed",
            "a sofa bed",
            "a room with a sofa like a bed",
            "a daybed",
        ),
    },
}

_LOOKS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "floor": {
        "wood": ("a room with a wooden floor", "a wooden floor", "floor boards", "a wood floor"),
        "tile": ("a room with a tiled floor", "a tiled floor", "floor tiles", "a tile floor"),
    },
    "lighting": {
        "bright": ("a bright room", "a brightly lit room", "a room in bright light", "a bright scene"),
        "soft": ("a softly lit room", "a room in soft light", "soft light", "a softly lit scene"),
        "dark": ("a dark room", "a dimly lit room", "a room in the dark", "a dark scene"),
    },
    "tilt": {
        "level": ("a level picture", "a straight view of a room", "a level view", "a room seen straight"),
        "tilted": (
            "a tilted picture",
            "a tilted view of a room",
            "a crooked view",
            "a room seen at an angle",
        ),
    },
    "clutter": {
        "tidy": ("a tidy room", "a neat room", "a clean floor without clutter", "a tidy scene"),
        "cluttered": (
            "a cluttered room",
            "a messy room",
            "a room with things lying about",
            "a cluttered scene",
        ),
    },
    "framing": {
        "whole": (
            "a fully furnished room",
            "a whole room with furniture",
            "a furnished room",
            "a room full of furniture",
        ),
        "close": ("an almost empty room", "a room without furniture", "an empty room", "a bare room"),
    },
    "camera": {
        "professional": (
            "a sharp professional photograph",
            "a clean, sharp picture",
            "a picture without noise",
            "a professional picture",
        ),
        "phone": (
            "a noisy phone snapshot",
            "a blurred, noisy picture",
            "a phone picture",
            "a grainy picture",
        ),
    },
}


def _with_article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def presence(kind: str) -> Mapping[str, tuple[str, ...]]:
    """Phrases for an object that is there (``yes``) and for one that is not (``no``); the best known noun first."""
    there: list[str] = []
    absent: list[str] = []
    for noun in THINGS[kind]:
        one = _with_article(noun)
        there += [f"a room with {one}", one, f"a scene with {one}"]
        absent += [f"a room without {one}", f"no {noun}", f"a scene without {one}", f"a room with no {noun}"]
    return {"no": tuple(absent), "yes": tuple(there)}


def _styles(label: str) -> Mapping[str, tuple[str, ...]]:
    """Phrases for the sub-style of a class, and for a room of another class (``none``)."""
    own = ROOMS[label][0]
    others = tuple(names[0] for other, names in ROOMS.items() if other != label)
    rest = (f"a room that is not {own}", f"not {own}", *others)
    return {"none": rest, **_STYLE_PHRASES[STYLE_COLUMNS[label]]}


PHRASES: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        **{cue: presence(cue) for cue in CUES},
        **{STYLE_COLUMNS[label]: _styles(label) for label in STYLES},
        **_LOOKS,
    }
)
"""Attribute → value → phrases, for every attribute that a picture shows (all but the annotator)."""

FURNITURE: tuple[str, ...] = tuple(kind for kind in THINGS if kind not in CUES)
"""Kinds of objects that are no cues: what a person may still ask for by name."""

QUESTIONS: Mapping[str, str] = {
    **{cue: f"Is there {_with_article(THINGS[cue][0])} in the room?" for cue in CUES},
    "bath_style": "What kind of bathroom is it, if it is one?",
    "bed_style": "What kind of bed is there, if it is a bedroom?",
    "table_style": "What shape has the dining table, if it is a dining room?",
    "kitchen_style": "How are the kitchen's counters laid out, if it is one?",
    "sofa_style": "What kind of sofa is there, if it is a living room?",
    "floor": "What is the floor made of?",
    "lighting": "How is the room lit?",
    "tilt": "Is the picture level or tilted?",
    "clutter": "Is the room tidy or cluttered?",
    "framing": "Is most of the furniture to be seen?",
    "camera": "Was the picture taken professionally or by phone?",
}
"""What each attribute asks of a picture."""

_LIGHT = {"bright": ("bright", "brightly lit"), "soft": ("softly lit",), "dark": ("dark", "dimly lit")}
_ORDER = {"tidy": ("tidy", "neat"), "cluttered": ("cluttered", "messy")}


def caption(rng: random.Random, label: str, values: Mapping[str, str], kinds: Set[str]) -> str:
    """A sentence that says some of what a picture shows, never anything false.

    Args:
        rng: chooses what to say and how.
        label: the true class.
        values: the attribute values.
        kinds: kinds of objects that can be seen.
    """
    whole = values["framing"] == "whole"
    room = rng.choice(ROOMS[label]) if whole and rng.random() < 0.8 else "a room"
    adjectives = []
    if rng.random() < 0.4:
        adjectives.append(rng.choice(_LIGHT[values["lighting"]]))
    if rng.random() < 0.4:
        adjectives.append(rng.choice(_ORDER[values["clutter"]]))
    if adjectives:
        room = f"a {', '.join(adjectives)} {room.split(' ', 1)[1]}"
    parts = [room, *_details(rng, label, values, whole)]
    there = [kind for kind in THINGS if kind in kinds]
    absent = [kind for kind in THINGS if kind not in kinds]
    shown = [cue for cue in CUES if cue in kinds and rng.random() < 0.75]
    shown += rng.sample(
        [k for k in there if k not in CUES], min(rng.randint(0, 2), len(there) - len(set(there) & set(CUES)))
    )
    missing = rng.sample(absent, min(rng.choice((0, 0, 1, 1, 2)), len(absent)))
    rng.shuffle(shown)
    if shown:
        parts.append("with " + _listed([_with_article(rng.choice(THINGS[k])) for k in shown]))
    if missing:
        parts.append("without " + " and ".join(_with_article(rng.choice(THINGS[k])) for k in missing))
    return rng.choice(TEMPLATES).format(" ".join(parts))


def _details(rng: random.Random, label: str, values: Mapping[str, str], whole: bool) -> list[str]:
    """Sub-style, floor, tilt and camera, each said or left out by chance."""
    said = []
    column = STYLE_COLUMNS[label]
    if whole and rng.random() < 0.5:
        said.append("with " + _STYLE_PHRASES[column][values[column]][1])
    if rng.random() < 0.3:
        said.append("on " + _LOOKS["floor"][values["floor"]][1])
    if rng.random() < 0.25:
        said.append("in " + rng.choice(_LOOKS["tilt"][values["tilt"]][:1]))
    if rng.random() < 0.2:
        said.append("in " + rng.choice(_LOOKS["camera"][values["camera"]]))
    return said


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
