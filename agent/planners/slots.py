"""Where the names of a sentence go in a call that was made before: classes, things, pictures, numbers, splits.

Every change is a function of the names, the tool, the arguments so far and the arguments that the tool takes. It gives
the new arguments; None where the tool takes no such thing; :class:`Unfit` where the sentence names more than fits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from failsight.knowledge_base.arguments import directions, images, place
from failsight.knowledge_base.condition_text import column_of
from failsight.knowledge_base.conditions import ABSENT
from failsight.knowledge_base.vocabulary import Mention, Mentions
from failsight.tools.experiments.population import apart
from failsight.tools.hypotheses.typed import CUED, YES
from failsight.tools.registry import registry

Call = tuple[str, dict[str, Any]]
TESTS: Final = ("test_by_masking", "test_by_adding", "test_by_swapping")
STATE: Final = "state_hypothesis"
CLASS_SLOTS: Final = (
    "class_name",
    "within_class",
    "true_class",
    "class_a",
    "class_b",
    "predicted_class",
    "other_class",
    "within_prediction",
)
IMAGE_SLOTS: Final = ("image", "first", "second")
ONE: Final = re.compile(
    r"\b(?:one|a single) (?:condition|attribute|thing|factor) (?:at a time|each|only)|\bsingle (?:conditions?|attributes?)\b|\bno (?:combinations|conjunctions)\b|\bdepth (?:of )?(?:1|one)\b",
    re.IGNORECASE,
)
DEPTH: Final = re.compile(
    r"\bdepth (?:of )?(\d)\b|\b(two|three) (?:conditions|attributes)\b|\b(pairs) of\b", re.IGNORECASE
)
METHODS: Final = re.compile(
    r"\b(?:grad|layer)[ -]?cam\b|\bocclusion\b|\bintegrated gradients?\b|\bsmooth[ -]?grad\b|\b(?:attention )?rollout\b",
    re.IGNORECASE,
)
_SPLITS: Final = (
    ("deploy", re.compile(r"\b(?:deploy\w*|production|field|wild|real.world|live)\b", re.IGNORECASE)),
    ("train", re.compile(r"\btrain(?:ing)?\b", re.IGNORECASE)),
    ("pool", re.compile(r"\b(?:pool|unlabell?ed)\b", re.IGNORECASE)),
    ("data", re.compile(r"\b(?:test|evaluation|eval|validation|held.?out)\b", re.IGNORECASE)),
)
SPOKEN: Final = {"train": "training", "data": "evaluation", "deploy": "deployment", "pool": "pool"}
SPLIT_WORDS: Final = re.compile("|".join(pattern.pattern for _, pattern in _SPLITS), re.IGNORECASE)
_TOP: Final = re.compile(
    r"\b(?:top|first|only|just|the|largest|biggest) (?:the )?(?:top )?(\d{1,3})\b|\b(\d{1,3}) (?:largest|biggest|worst|most)\b",
    re.IGNORECASE,
)
_PERCENT: Final = re.compile(
    r"(?<![\w#.])([-−]?\d+(?:\.\d+)?)\s*(%|per ?cent|°|deg(?:rees?)?)?", re.IGNORECASE
)
_EDIT_NUMBER: Final = re.compile(r"(?<=:)([+-]?)(\d+(?:\.\d+)?)")
_TURNED_AWAY: Final = re.compile(
    r"\b(?:not|never|instead of|rather than|in place of|no longer)\b[^,.;]*$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Unfit:
    """A change that the last measurement can't take.

    Attributes:
        reason: ``several`` (it names more than fits), ``leave_out`` (classes or pictures can't be left out),
            ``nothing_left``, ``not_in`` and ``not_out`` (what is to be left out is not in it; or is in it already).
        names: what was named, as the case spells it.
    """

    reason: str
    names: tuple[str, ...] = ()


Changed = dict[str, Any] | Unfit | None


def fields(tool: str) -> Mapping[str, Any]:
    """The arguments that a tool takes; none for a tool that is not installed."""
    made: Mapping[str, Any] = registry()[tool].arguments.model_fields if tool in registry() else {}
    return made


def things(mentions: Mentions) -> list[str]:
    """Attributes and objects named, pictures left aside."""
    return list(
        dict.fromkeys(column_of(m.name) for m in mentions.found if m.role in ("object", "attribute", "value"))
    )


def objects_as_regions(mentions: Mentions) -> list[str]:
    """The objects named, as regions: ``box:lamp``."""
    return [f"box:{o}" for o in mentions.of("object")]


def where(given: Mapping[str, Any]) -> list[str]:
    """The conditions of a call, one by one."""
    there = given.get("where") or ()
    return [p for p in apart(there) if p] if isinstance(there, str) else list(there)


def without_names(mentions: Mentions) -> str:
    """The sentence with spaces for the names in it."""
    text = list(mentions.sentence)
    for one in mentions.found:
        text[one.start : one.end] = " " * (one.end - one.start)
    return "".join(text)


def classes(
    mentions: Mentions, gone: Sequence[Mention], tool: str, given: Mapping[str, Any], takes: Mapping[str, Any]
) -> Changed:
    """Class names into the class arguments; those that are turned away (``not bathrooms, bedrooms``) make room."""
    away = [m.name for m in gone if m.role == "class"]
    names = [n for n in mentions.of("class") if n not in away]
    slots = [s for s in CLASS_SLOTS if s in takes]
    if not names and not away:
        return dict(given)
    if not slots:
        return None
    if not names:
        return Unfit("leave_out", tuple(away))
    here = [s for s in slots if given.get(s) in away]
    if here:
        if len(here) != len(names) or any(given.get(s) in names for s in slots if s not in here):
            return Unfit("several", tuple(mentions.of("class")))
        return _other_class(tool, {**given, **dict(zip(here, names, strict=True))})
    if len(names) == 1:
        return _one_class(names[0], tool, given, slots)
    if len(names) == 2 and "class_a" in slots:
        return {**given, "class_a": names[0], "class_b": names[1]}
    if len(names) == 2 and "true_class" in slots:
        true, predicted = directions(mentions)
        return {**given, "true_class": true, "predicted_class": predicted}
    return Unfit("several", tuple(names))


def _one_class(name: str, tool: str, given: Mapping[str, Any], slots: Sequence[str]) -> dict[str, Any]:
    if "class_b" in slots:
        return {**given, "class_b" if name != given.get("class_a") else "class_a": name}
    return _other_class(tool, {**given, next((s for s in slots if s in given), slots[0]): name})


def _other_class(tool: str, made: dict[str, Any]) -> dict[str, Any]:
    """Of another class the finding that was tested does not speak."""
    if tool in TESTS or tool == "compare_group":
        made.pop("finding", None)
    return made


def pictured_things(
    mentions: Mentions, gone: Sequence[Mention], tool: str, given: Mapping[str, Any], takes: Mapping[str, Any]
) -> Changed:
    """Objects, attributes and values into regions, attributes and conditions."""
    away = {m.name for m in gone if m.role in ("object", "attribute", "value") and _swapped(mentions, m)}
    kept = Mentions(
        mentions.sentence, tuple(m for m in mentions.found if m.name not in away), mentions.masked
    )
    named, spot = things(kept), place(mentions.sentence)
    if not named and spot is None:
        return dict(given) if not away else Unfit("leave_out", tuple(away))
    objects = [f"box:{o}" for o in kept.of("object")]
    region = objects[0] if objects else spot
    if tool == STATE:
        return _in_hypothesis(kept, given, objects, region)
    made = {k: v for k, v in given.items() if k != "finding" or "region" not in takes}
    if region and ("region" in takes or "cue" in takes):
        return _into_region(kept, made, objects, region, takes)
    if tool == "what_if" and region:
        return Unfit("several", tuple(named)) if len(objects) > 1 else _into_edits(given, region)
    return _into_attributes(kept, given, named, takes)


def _swapped(mentions: Mentions, one: Mention) -> bool:
    """Whether a thing is turned away for another one (``the lamp, not the sofa``), not asked to be absent."""
    return _TURNED_AWAY.search(mentions.sentence[: one.start]) is not None


def _into_region(
    kept: Mentions, made: Mapping[str, Any], objects: Sequence[str], region: str, takes: Mapping[str, Any]
) -> Changed:
    if len(objects) > 1:
        return Unfit("several", tuple(kept.of("object")))
    held = kept.of("value")
    if held and "where" not in takes:
        return Unfit("several", tuple(things(kept)))
    slot = "region" if "region" in takes else "cue"
    more = {k: v for k, v in made.items() if k != "finding"}
    return {**more, slot: region, **({"where": _conditions_of(takes, made, held)} if held else {})}


def _into_edits(given: Mapping[str, Any], region: str) -> dict[str, Any]:
    edits = re.sub(r"box:[^;]+", region, str(given.get("edits", "")))
    more = "" if region in edits else f"mask:{region}"
    return {**given, "edits": "; ".join(p for p in (edits, more) if p)}


def _into_attributes(
    kept: Mentions, given: Mapping[str, Any], named: Sequence[str], takes: Mapping[str, Any]
) -> Changed:
    if not named:
        return None
    if "attributes" in takes:
        return {**given, "attributes": list(named)}
    if "attribute" in takes:
        return {**given, "attribute": named[0]} if len(named) == 1 else Unfit("several", tuple(named))
    if "where" in takes and (found := _conditions(kept)):
        return {**given, "where": _conditions_of(takes, given, found)}
    if "colour" in takes:
        return {**given, "colour": named[0]} if len(named) == 1 else Unfit("several", tuple(named))
    return None


def _conditions_of(
    takes: Mapping[str, Any], given: Mapping[str, Any], found: Sequence[str]
) -> str | list[str]:
    """Conditions as the tool takes them, one text or a list; whether the images are answered wrongly stays as it was."""
    if takes["where"].annotation is not str:
        return list(found)
    return "&".join([*(c for c in where(given) if c in ("wrong", "correct")), *found])


def _conditions(mentions: Mentions) -> list[str]:
    """The values that a sentence names, and its objects as there or not."""
    objects = [
        f"{m.name}={'no' if ABSENT.search(mentions.sentence[: m.start]) else YES[0]}"
        for m in mentions.found
        if m.role == "object"
    ]
    return list(dict.fromkeys([*mentions.of("value"), *objects]))


def _in_hypothesis(
    mentions: Mentions, given: Mapping[str, Any], objects: Sequence[str], region: str | None
) -> Changed:
    if given.get("kind") in CUED:
        held = mentions.of("value")
        if len(objects) + len(held) > 1:
            return Unfit("several", tuple(things(mentions)))
        cue = region or next(iter(held), None)
        return {**given, "cue": cue} if cue else None
    old = where(given)
    text = mentions.sentence
    absent = re.search(r"\b(?:without|no|lacking|missing)\b(?! wait)", text[4:], re.IGNORECASE) is not None
    present = re.search(r"\bwith\b", text, re.IGNORECASE) is not None
    polarity = "no" if absent or (not present and bool(old) and old[0].endswith("=no")) else YES[0]
    named = [f"{o.removeprefix('box:')}={polarity}" for o in objects]
    return {**given, "where": [*mentions.of("value"), *named]}


def pictures(
    mentions: Mentions, gone: Sequence[Mention], tool: str, given: Mapping[str, Any], takes: Mapping[str, Any]
) -> Changed:
    """Images into the image arguments."""
    away = [m.name for m in gone if m.role == "image"]
    found = [i for i in images(mentions) if i not in away]
    if not found and not away:
        return dict(given)
    slots = [s for s in IMAGE_SLOTS if s in takes]
    if not slots:
        return None
    if not found:
        return Unfit("leave_out", tuple(away))
    if len(found) > len(slots):
        return Unfit("several", tuple(found))
    here = [s for s in slots if given.get(s) in away]
    if here and len(here) == len(found):
        return {**given, **dict(zip(here, found, strict=True))}
    if len(found) > 1:
        return {**given, slots[0]: found[0], slots[1]: found[1]}
    slot = slots[-1] if len(slots) > 1 and found[0] != given.get(slots[0]) else slots[0]
    return {**given, slot: found[0]}


def numbers(
    mentions: Mentions, gone: Sequence[Mention], tool: str, given: Mapping[str, Any], takes: Mapping[str, Any]
) -> Changed:
    """How many, how deep, how strong."""
    text = without_names(mentions)
    made = dict(given)
    if "depth" in takes and ONE.search(text):
        made["depth"] = 1
    elif "depth" in takes and (deep := DEPTH.search(text)):
        made["depth"] = int(deep[1]) if deep[1] else 3 if (deep[2] or "").lower() == "three" else 2
    slot = next((s for s in ("top", "k", "most", "n", "budget", "limit") if s in takes), None)
    if slot and (top := _TOP.search(text)):
        made[slot] = int(top[1] or top[2])
    if tool == "what_if" and given.get("edits") and (number := _PERCENT.search(text)):
        said = number[1].replace("−", "-")
        made["edits"] = _EDIT_NUMBER.sub(lambda m: (m[1] if not said.startswith("-") else "") + said, str(given["edits"]), count=1)  # fmt: skip
    return made


def rest(
    mentions: Mentions, gone: Sequence[Mention], tool: str, given: Mapping[str, Any], takes: Mapping[str, Any]
) -> Changed:
    """Splits, findings and saliency methods."""
    made = dict(given)
    text = without_names(mentions)
    named = splits(text)
    findings = [f for f in mentions.of("finding") if f not in {m.name for m in gone}]
    ways = {" ".join(m.lower().replace("-", " ").split()) for m in METHODS.findall(text)}
    if len(named) > 1 or len(findings) > 1 or (len(ways) > 1 and "method" in takes):
        return Unfit(
            "several", tuple(named if len(named) > 1 else findings if len(findings) > 1 else sorted(ways))
        )
    split = named[0] if named else mentions.split
    if split:
        if "split" not in takes:
            return None
        made["split"] = split
        if split == takes["split"].default:
            made.pop("split")
    if findings:
        if "finding" not in takes:
            return None
        made["finding"] = findings[0]
    if mentions.of("evidence"):
        return None
    if mentions.method and "method" in takes:
        made["method"] = mentions.method
    return made


def splits(text: str) -> list[str]:
    """The splits that a sentence names side by side, those turned away left out; of ``the live test set`` the first."""
    found = sorted((m.start(), m.end(), name) for name, pattern in _SPLITS for m in pattern.finditer(text))
    kept: list[str] = []
    end: int | None = None
    for start, stop, name in found:
        apart = end is None or re.search(
            r"\b(?:and|or|vs\.?|versus|to|with|but|not|than|of)\b|[,&/]", text[end:start]
        )
        if apart and not _TURNED_AWAY.search(text[:start]):
            kept.append(name)
        end = stop
    return list(dict.fromkeys(kept))
