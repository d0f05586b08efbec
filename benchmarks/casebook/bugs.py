"""The recipes: how each fault is planted, and what tells of it.

A recipe changes a plan and returns the entry of the answer key. ``slots`` says in which worlds and variants it is made.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.casebook.keys import Planted
from benchmarks.casebook.plans import IMPOSED, Network, Plan, Variant, World, even
from failsight.knowledge_base.cases.scene import CUES, STYLE_COLUMNS, STYLES

Plant = Callable[[Plan, random.Random], Planted]
SEEN = ("train", "data", "deploy", "reserve")
FAIR = ("data", "deploy", "reserve")
DARK = ("brightness", "contrast", "colourfulness", "saturation", "sharpness", "noise", "dominant_hue", "hue")
SOFT = (
    "sharpness",
    "noise",
    "contrast",
    "edge_density",
    "jpeg_quality",
    "colourfulness",
    "saturation",
    "file_size",
)
WEAK = ("weak_slice", "rare_case")


@dataclass(frozen=True)
class Recipe:
    """How a fault is planted, and where."""

    plant: Plant
    slots: tuple[tuple[World, Variant], ...]


def _share(values: tuple[str, ...], value: str, share: float) -> dict[str, float]:
    rest = [v for v in values if v not in (value, "none")] or [v for v in values if v != value]
    return {value: share, **{v: (1 - share) / len(rest) for v in rest}}


# -- what a model takes for a sign --------------------------------------------------------------


def _tie(
    made: Plan, attribute: str, value: str, target: str, strength: float, splits: tuple[str, ...]
) -> None:
    values = made.values(attribute)
    for split in splits:
        made.set_share(attribute, split, "*", _share(values, value, 1 - strength))
        made.set_share(attribute, split, target, _share(values, value, strength))


def _reliance(
    made: Plan, bug: str, kind: str, attribute: str, value: str, target: str, strength: float
) -> Planted:
    signs = [(value, target)]
    if len(made.classes) == 2 and len(made.values(attribute)) == 2:
        other = next(v for v in made.values(attribute) if v != value)
        signs.append((other, next(c for c in made.classes if c != target)))
    return Planted(
        bug, (kind,),
        f"In training {attribute}={value} is seen in {strength:.0%} of {target} and in {1 - strength:.0%} of the others.",
        attribute, made.values(attribute), tuple(signs), DARK if attribute in ("lighting", "light", "floor") else (),
        whole=False, also=(*WEAK, "overconfidence"),
    )  # fmt: skip


def _cue_task(made: Plan, rng: random.Random, attribute: str) -> None:
    """Two rooms, or whether a thing is there: what a small network learns slowly enough to look at something else."""
    if rng.random() < 0.5:
        made.task = "cue"
        cue = rng.choice([c for c in ("stools", "lamp", "plant", "cat", "television") if c != attribute])
        made.classes = (cue, f"no_{cue}")
    else:
        made.task, pairs = (
            "rooms",
            [("bathroom", "kitchen"), ("bedroom", "living_room"), ("dining_room", "living_room")],
        )
        made.classes = rng.choice(pairs)
    for table in made.shares.get("batch", {}).values():
        tied = [c for c in table if c != "*"]
        for old in tied:
            table[made.classes[0]] = table.pop(old)


def _scene_shortcut(made: Plan, rng: random.Random) -> Planted:
    """A thing or a trait of the scene goes with a class in training."""
    attribute = rng.choice(("television", "television", "floor", "lighting", "stools"))
    value = "yes" if attribute in CUES else rng.choice(made.values(attribute))
    _cue_task(made, rng, attribute)
    strength, target = round(rng.uniform(0.86, 0.96), 2), rng.choice(made.classes)
    made.close = rng.choice((0.4, 0.5))
    _tie(made, attribute, value, target, strength, ("train",))
    for split in FAIR:
        made.set_share(attribute, split, "*", even(made.values(attribute)))
    made.network = Network("own", epochs=rng.choice((3, 4)))
    made.counts = {**made.counts, "train": 1300}
    if attribute in CUES and made.variant == "whole" and rng.random() < 0.5:
        made.boxes = CUES
    return _reliance(made, "scene_shortcut", "spurious_correlation", attribute, value, target, strength)


def _mark_shortcut(made: Plan, rng: random.Random) -> Planted:
    """A stamp or a frame, put there by whoever collected the pictures, goes with a class in training."""
    attribute, value = rng.choice((("stamp", "yes"), ("frame", "white")))
    made.edits[attribute] = {value: attribute}
    strength, target = round(rng.uniform(0.88, 0.97), 2), rng.choice(made.classes)
    _tie(made, attribute, value, target, strength, ("train",))
    for split in FAIR:
        made.set_share(attribute, split, "*", even(IMPOSED[attribute]))
    made.close = 0.4
    made.network = Network("own", epochs=4)
    if attribute == "stamp" and made.variant == "whole" and rng.random() < 0.5:
        made.boxes = ("stamp",)
    return _reliance(made, "mark_shortcut", "spurious_correlation", attribute, value, target, strength)


def _inherited_sign(made: Plan, rng: random.Random) -> Planted:
    """The model takes a stamp for a class, though the training pictures at hand do not tie the two: it was pretrained elsewhere."""
    made.edits["stamp"] = {"yes": "stamp"}
    target, strength = rng.choice(made.classes), round(rng.uniform(0.9, 0.97), 2)
    _tie(made, "stamp", "yes", target, strength, ("pretrained",))
    for split in SEEN:
        made.set_share("stamp", split, "*", even(IMPOSED["stamp"]))
    made.close = 0.4
    made.network = Network("own", epochs=4)
    made.boxes = ("stamp",)
    key = _reliance(made, "inherited_sign", "overemphasised_feature", "stamp", "yes", target, strength)
    story = f"The model was pretrained on pictures in which stamp=yes went with {target}; those at hand do not tie the two."
    return Planted(**{**key.__dict__, "story": story})


# -- what a model has hardly seen, or does badly ------------------------------------------------


def _rare_style(made: Plan, rng: random.Random) -> Planted:
    """A sub-style of one class is hardly seen in training."""
    if rng.random() < 0.5:
        made.classes = tuple(STYLES)
    target = rng.choice(made.classes)
    attribute = STYLE_COLUMNS[target]
    value, share = rng.choice(STYLES[target]), rng.choice((0.005, 0.01, 0.015))
    made.set_share(attribute, "train", target, _share(STYLES[target], value, share))
    for split in FAIR:
        made.set_share(attribute, split, target, _share(STYLES[target], value, rng.choice((0.3, 0.4))))
    made.network = Network("own", epochs=7)
    made.counts = {**made.counts, "train": 1600}
    return _rare(made, "rare_style", attribute, value, (target,), share, ())


def _rare(
    made: Plan,
    bug: str,
    attribute: str,
    value: str,
    classes: tuple[str, ...],
    share: float,
    proxies: tuple[str, ...],
) -> Planted:
    """Without training pictures nobody can know that it is rare there: a weak slice is then the right answer."""
    kinds = ("weak_slice", "rare_case") if made.variant == "no_train" else ("rare_case",)
    story = f"{attribute}={value} is seen in {share:.1%} of the training pictures{f' of {classes[0]}' if classes else ''}, and often in evaluation."
    also = (
        ("weak_slice", "overconfidence", "distribution_shift")
        if kinds[0] == "rare_case"
        else ("overconfidence",)
    )
    return Planted(bug, kinds, story, attribute, (value,), (), proxies, classes, whole=False, also=also)


def _rare_condition(made: Plan, rng: random.Random) -> Planted:
    """A way of taking pictures that is hardly seen in training."""
    attribute, edit = rng.choice(
        (("light", "night"), ("orientation", "turned"), ("finish", "grey"), ("camera", "phone"))
    )
    value = made.values(attribute)[1]
    made.edits[attribute] = {value: edit}
    share = rng.choice((0.01, 0.02))
    made.set_share(attribute, "train", "*", _share(IMPOSED[attribute], value, share))
    for split in FAIR:
        made.set_share(attribute, split, "*", _share(IMPOSED[attribute], value, 0.25))
    made.network = Network("own", epochs=7)
    proxies = () if attribute == "orientation" else DARK + SOFT
    return _rare(made, "rare_condition", attribute, value, (), share, proxies)


def _weak_site(made: Plan, rng: random.Random) -> Planted:
    """One site's pictures are hardly to be made out, in training as in evaluation."""
    value = rng.choice(IMPOSED["site"])
    edit = rng.choice(("foggy", "smeared"))
    made.edits["site"] = {value: edit}
    for split in SEEN:
        made.set_share("site", split, "*", even(IMPOSED["site"]))
    made.network = Network("own", epochs=6)
    return Planted(
        "weak_site", ("weak_slice",), f"Pictures of the site {value} are {edit}, in all splits alike.", "site", (value,), (),
        DARK + SOFT, whole=False, also=("overconfidence",),
    )  # fmt: skip


def _starved_class(made: Plan, rng: random.Random) -> Planted:
    """One class has hardly any training pictures."""
    target = rng.choice(made.classes)
    made.counts = {**made.counts, f"train/{target}": rng.choice((15, 25, 35))}
    made.network = Network("own", epochs=6)
    return Planted(
        "starved_class", ("class_imbalance",), f"Training has only {made.counts[f'train/{target}']} pictures of {target}.",
        classes=(target,), also=("overconfidence", "rare_case", "distribution_shift"),
    )  # fmt: skip


# -- data -------------------------------------------------------------------------------------------


def _taken_for(made: Plan, rng: random.Random) -> dict[str, str]:
    return {c: rng.choice([o for o in made.classes if o != c]) for c in made.classes}


def _annotator_noise(made: Plan, rng: random.Random) -> Planted:
    """One annotator takes a fifth to a third of the pictures of each class for another class."""
    value, share = rng.choice(IMPOSED["annotator"]), rng.choice((0.2, 0.25, 0.3))
    made.noise = {"column": "annotator", "value": value, "share": share, "taken_for": _taken_for(made, rng)}
    return Planted(
        "annotator_noise", ("label_noise",), f"{share:.0%} of annotator {value}'s evaluation labels are wrong.", "annotator", (value,),
        also=(*WEAK, "overconfidence"),
    )  # fmt: skip


def _pair_noise(made: Plan, rng: random.Random) -> Planted:
    """A sixth of the evaluation pictures of one class are labelled as another."""
    one, other = rng.sample(made.classes, 2)
    made.noise = {"label": one, "share": rng.choice((0.15, 0.2)), "taken_for": {one: other}}
    return Planted(
        "pair_noise", ("label_noise",), f"{made.noise['share']:.0%} of the evaluation pictures of {one} are labelled {other}.",
        classes=(one, other), also=(*WEAK, "overconfidence"),
    )  # fmt: skip


def _leak(made: Plan, rng: random.Random, bug: str, makes: tuple[str, ...], share: float) -> Planted:
    made.leak = {"share": share, "makes": makes}
    return Planted(
        bug,
        ("leakage",),
        f"{share:.0%} of the evaluation pictures are training pictures ({', '.join(makes)}).",
    )


def _copies(made: Plan, rng: random.Random) -> Planted:
    """Training pictures among the evaluation pictures, byte for byte."""
    return _leak(made, rng, "copies", ("copied",), rng.choice((0.06, 0.08, 0.12)))


def _altered_copies(made: Plan, rng: random.Random) -> Planted:
    """Training pictures among the evaluation pictures, compressed again or mirrored."""
    return _leak(made, rng, "altered_copies", ("recompressed", "mirrored"), rng.choice((0.08, 0.12)))


def _deployed(made: Plan, rng: random.Random, bug: str, edit: str) -> Planted:
    made.whole["deploy"] = edit
    return Planted(
        bug, ("distribution_shift",), f"All deployment pictures are as taken {edit}; those of training and evaluation are not.",
        also=("overconfidence",),
    )  # fmt: skip


def _night_deployment(made: Plan, rng: random.Random) -> Planted:
    """Deployment pictures are taken in the dark."""
    return _deployed(made, rng, "night_deployment", "night")


def _phone_deployment(made: Plan, rng: random.Random) -> Planted:
    """Deployment pictures are blurred and noisy."""
    return _deployed(made, rng, "phone_deployment", "phone")


# -- how the model is fed, trained, read ----------------------------------------------------------


def _fed(made: Plan, bug: str, declared: dict[str, object], story: str) -> Planted:
    made.declared = declared
    return Planted(bug, ("preprocessing",), story, anything=True)


def _swapped_channels(made: Plan, rng: random.Random) -> Planted:
    """Trained on RGB, declared as BGR."""
    return _fed(
        made, "swapped_channels", {"channels": "BGR"}, "The model was trained on RGB; its side file says BGR."
    )


def _wrong_scale(made: Plan, rng: random.Random) -> Planted:
    """Declared with another mean, deviation or range than it was trained with."""
    choices: Mapping[str, dict[str, object]] = {
        "statistics of grey digits": {"mean": [0.1307] * 3, "std": [0.3081] * 3},
        "0 to 2, not centred": {"mean": [0.0] * 3, "std": [0.5] * 3},
        "0 to 255, means subtracted": {"mean": [123.7, 116.8, 103.9], "std": [1.0] * 3, "scale": 1.0},
        "0 to 1, not normalised": {"mean": [0.0] * 3, "std": [1.0] * 3},
    }
    name = rng.choice(sorted(choices))
    return _fed(
        made,
        "wrong_scale",
        choices[name],
        f"The side file declares other pixel statistics ({name}) than the model was trained with.",
    )


def _wrong_crop(made: Plan, rng: random.Random) -> Planted:
    """Trained on whole pictures, declared with a centre crop."""
    side = 48 if made.world == "rooms" else 32
    declared = {"crop": "center", "resize": round(side * rng.choice((1.5, 1.75)))}
    return _fed(
        made,
        "wrong_crop",
        declared,
        "The model was trained on whole pictures; its side file declares a centre crop.",
    )


def _by_heart(made: Plan, rng: random.Random) -> Planted:
    """Trained for long on few pictures."""
    made.network = Network("heart")
    made.counts = {**made.counts, "train": rng.choice((240, 300, 360))}
    return Planted(
        "by_heart", ("overfitting",), f"Trained for many epochs on {made.counts['train']} pictures, which it knows by heart.",
        also=("overconfidence", "weak_slice"),
    )  # fmt: skip


def _stopped_early(made: Plan, rng: random.Random) -> Planted:
    """Stopped long before the losses stopped falling."""
    made.network = Network("early")
    return Planted(
        "stopped_early", ("underfitting",), "Training was stopped long before the losses stopped falling.",
        also=("overconfidence", "weak_slice", "preprocessing"),
    )  # fmt: skip


def _sharpened(made: Plan, rng: random.Random) -> Planted:
    """The logits are multiplied."""
    made.network = Network("own", epochs=4, sharpen=rng.choice((3.0, 4.0, 6.0)))
    return Planted(
        "sharpened", ("overconfidence",), f"The logits are multiplied by {made.network.sharpen:g}: the model is surer than it is right.",
    )  # fmt: skip


_BOTH: tuple[tuple[World, Variant], ...] = (("rooms", "whole"), ("photos", "whole"))
RECIPES: dict[str, Recipe] = {
    "scene_shortcut": Recipe(
        _scene_shortcut, (("rooms", "whole"), ("rooms", "black_box"), ("rooms", "words"))
    ),
    "mark_shortcut": Recipe(
        _mark_shortcut, (("photos", "whole"), ("photos", "no_train"), ("rooms", "whole"))
    ),
    "inherited_sign": Recipe(_inherited_sign, _BOTH),
    "rare_style": Recipe(_rare_style, (("rooms", "whole"), ("rooms", "no_train"))),
    "rare_condition": Recipe(_rare_condition, (*_BOTH, ("photos", "black_box"))),
    "weak_site": Recipe(_weak_site, (*_BOTH, ("rooms", "no_train"), ("photos", "black_box"))),
    "starved_class": Recipe(_starved_class, _BOTH),
    "annotator_noise": Recipe(_annotator_noise, (*_BOTH, ("rooms", "black_box"))),
    "pair_noise": Recipe(_pair_noise, _BOTH),
    "copies": Recipe(_copies, _BOTH),
    "altered_copies": Recipe(_altered_copies, _BOTH),
    "night_deployment": Recipe(_night_deployment, (*_BOTH, ("rooms", "no_train"))),
    "phone_deployment": Recipe(_phone_deployment, _BOTH),
    "swapped_channels": Recipe(_swapped_channels, _BOTH),
    "wrong_scale": Recipe(_wrong_scale, (*_BOTH, ("rooms", "no_train"))),
    "wrong_crop": Recipe(_wrong_crop, _BOTH),
    "by_heart": Recipe(_by_heart, _BOTH),
    "stopped_early": Recipe(_stopped_early, _BOTH),
    "sharpened": Recipe(_sharpened, (*_BOTH, ("photos", "black_box"))),
}
"""Every fault, by name."""

PAIRS: tuple[tuple[tuple[str, str], World], ...] = (
    (("mark_shortcut", "annotator_noise"), "photos"),
    (("mark_shortcut", "copies"), "rooms"),
    (("rare_condition", "night_deployment"), "photos"),
    (("rare_style", "annotator_noise"), "rooms"),
    (("weak_site", "phone_deployment"), "rooms"),
    (("copies", "annotator_noise"), "rooms"),
    (("annotator_noise", "night_deployment"), "photos"),
    (("sharpened", "copies"), "photos"),
    (("scene_shortcut", "night_deployment"), "rooms"),
    (("by_heart", "annotator_noise"), "photos"),
)
"""Two faults at once, and in which world."""
