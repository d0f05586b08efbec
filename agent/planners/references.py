"""References to what was just done: ``and for the kitchen?``, ``no, ignore the cats``, ``the other way round``, ``undo that``.

A sentence that brings only names and small words is a change to the last measurement: the names go into its arguments.
Pure functions of the sentence, the names in it and the last measurement.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from failsight.agent.planners.dialogue import Act
from failsight.knowledge_base.arguments import directions, images, place
from failsight.knowledge_base.vocabulary import Mentions
from failsight.tools.hypotheses.typed import CUED, YES
from failsight.tools.registry import registry

Call = tuple[str, dict[str, Any]]

_SMALL_TEXT = (
    "and or but so then now no nope sorry wait oops actually ok okay well yes please just only also again what about how of the same thing "
    "likewise i mean meant was asking talking rather instead do that it this try repeat a an for with on in at from to by as too images image "
    "pictures picture photos photo class classes ones one those these case set sets data split particular other versus vs against than "
    "separately alone them there is are be it's its keep use make let's lets can you could we me my our all between compare show look "
    "specifically especially specific mind hmm oh hey well first second third take give run measure redo once more time another different "
    "restrict limit within inside among few simple simply not"
)
_SMALL = frozenset(_SMALL_TEXT.split())  # fmt: skip
_EXCLUDE = re.compile(
    r"^\W*(?:(?:no|and|but|also|please|ok|okay|now|then|or|could you|can you|let'?s|just|same|the same|again|if|what if|what about|how about|we|i|you|try|do (?:it|that))\b\W*)*"
    r"(?:ignor(?:e|ing)|without|leav(?:e|ing) out|except(?: for)?|excluding|exclude|skip(?:ping)?|disregard|forget(?: about)?|minus|not counting|apart from|put aside)\b",
    re.IGNORECASE,
)  # fmt: skip
UNDO = re.compile(
    r"^\W*(?:no\W+|please\W+|ok(?:ay)?\W+|oh\W+|oops\W+|wait\W+|sorry\W+)*(?:undo|revert|take (?:that|it|this) back|go back|cancel (?:that|it|this)|scrap (?:that|it)|"
    r"bring (?:it|that|them) back|put (?:it|that|them) back|roll (?:it |that )?back|forget (?:that|it)|never ?mind)\b(?:\W+(?:that|it|this|please|again|the last (?:step|one|change)|to before)\b)*\W*$",
    re.IGNORECASE,
)  # fmt: skip
NEXT = re.compile(
    r"^\W*(?:(?:ok|okay|and|so|now|then|well|please)\b\W*)*(?:(?:what|which)(?:'s| is)? (?:(?:thing|step|check|test) )?(?:(?:should|can|could|do|must|shall|would|comes?|to|is|the|i|we|you|it|be|best|recommend|suggest|look at|"
    r"measure|check|try|go|there|left to do) ?)*\b(?:next|first|now)(?: step| thing)?|what next|next step|where (?:do|should) (?:i|we) (?:start|begin|go from here))\W*$",
    re.IGNORECASE,
)  # fmt: skip
WITHDRAW = re.compile(
    r"^\W*(?:(?:no|please|ok(?:ay)?|let'?s|i|we|can you|now)\W+)*(?:withdraw|retract|drop|forget(?: about)?|scrap|discard|take back|abandon|give up(?: on)?|never ?mind)\W+"
    r"(?:the |this |that |my |our )?(?:hypothesis |suspicion |idea |finding )?(F\d+)\b\W*$",
    re.IGNORECASE,
)
WHY = re.compile(
    r"^\W*(?:(?:but|and|so|ok|okay|hm+|well|really)\b\W*)*(?:why(?: (?:is|does|do|did|was|would|should) (?:that|it|this|i believe (?:that|you)))?(?: so| be| happen| true)?|why (?:that|this)|"
    r"why not|how come|how do you know(?: (?:that|this|it))?|how can you (?:tell|know|be so sure)(?: that)?|how so|says who|what makes you (?:say|think|believe|so sure)(?: (?:that|so|this))?|"
    r"are you sure(?: (?:about|of) (?:that|this|it))?|why do you (?:say|think|believe) (?:that|so|this)|where does (?:that|this|it) come from|"
    r"on what (?:basis|grounds|evidence)|explain (?:that|this|yourself)|prove it|what(?:'s| is) (?:that|this|it) based on|really|why did you do (?:that|this)|"
    r"what(?:'s| is) (?:your|the) (?:evidence|proof|reason|reasoning)(?: for (?:that|this))?|based on what|reason)\W*$",
    re.IGNORECASE,
)  # fmt: skip
WHY_FINDING = re.compile(
    r"^\W*(?:so |and |but )?(?:why(?: (?:is|was|do you (?:say|think)))?|how do you know(?: about)?|explain|what speaks for|what is behind)\W+(?:finding )?(F\d+)\b.{0,40}$",
    re.IGNORECASE,
)  # fmt: skip
SHOW = re.compile(
    r"^\W*(?:(?:ok|okay|and|please|now|yes|can|could|may|will|would|you|i|we|let|me|us|just|like to|want to|i'd)\b\W*)*(?:show|see|look at|view|display|open|pull up|bring up)(?: (?:me|us|to me))*"
    r"(?: (?:some|a few|all|any|the|of|examples?|pictures?|images?|photos?|them|those|these|it|that|this|ones?|to me|behind (?:it|that)|please|then|here))+\W*$"
    r"|^\W*(?:and )?(?:which ones|examples|any examples|an example|for example|like which|such as)\W*$",
    re.IGNORECASE,
)  # fmt: skip
_AROUND = re.compile(
    r"\b(?:other way (?:a?round)?|vice.versa|the (?:reverse|opposite|converse)|conversely|reversed|the opposite direction|swapped around)\b",
    re.IGNORECASE,
)
_BY = re.compile(
    r"\b(?:by|with|through|via|using|try(?:ing)?|and|now)\W+(?:it\W+)?(?:by )?(?P<how>adding|inserting|insertion|pasting|putting it in|masking|covering|hiding|removing|taking it (?:out|away)|swapping|exchanging|replacing)\b",
    re.IGNORECASE,
)
_ONE = re.compile(
    r"\b(?:one|a single) (?:condition|attribute|thing|factor) (?:at a time|each|only)|\bsingle (?:conditions?|attributes?)\b|\bno (?:combinations|conjunctions)\b|\bdepth (?:of )?(?:1|one)\b",
    re.IGNORECASE,
)
_DEPTH = re.compile(
    r"\bdepth (?:of )?(\d)\b|\b(two|three) (?:conditions|attributes)\b|\b(pairs) of\b", re.IGNORECASE
)
_TOP = re.compile(
    r"\b(?:top|first|only|just|the|largest|biggest) (?:the )?(?:top )?(\d{1,3})\b|\b(\d{1,3}) (?:largest|biggest|worst|most)\b",
    re.IGNORECASE,
)
_SPLITS = (
    ("deploy", re.compile(r"\b(?:deploy\w*|production|field|wild|real.world|live)\b", re.IGNORECASE)),
    ("train", re.compile(r"\btrain(?:ing)?\b", re.IGNORECASE)),
    ("pool", re.compile(r"\b(?:pool|unlabell?ed)\b", re.IGNORECASE)),
    ("data", re.compile(r"\b(?:test|evaluation|eval|validation|held.?out)\b", re.IGNORECASE)),
)
_SPLIT_WORDS = re.compile(
    r"\b(?:deploy\w*|production|field|wild|real.world|live|train(?:ing)?|pool|unlabell?ed|test|evaluation|eval|validation|held.?out)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"(?<![\w#.])[-−]?\d+(?:\.\d+)?\s*(?:%|per ?cent|°|deg(?:rees?)?|times|x)?", re.IGNORECASE
)
_PERCENT = re.compile(r"(?<![\w#.])([-−]?\d+(?:\.\d+)?)\s*(%|per ?cent|°|deg(?:rees?)?)?", re.IGNORECASE)
_EDIT_NUMBER = re.compile(r"(?<=:)([+-]?)(\d+(?:\.\d+)?)")
_METHODS = re.compile(
    r"\b(?:grad|layer)[ -]?cam\b|\bocclusion\b|\bintegrated gradients?\b|\bsmooth[ -]?grad\b|\b(?:attention )?rollout\b",
    re.IGNORECASE,
)
_TESTS = ("test_by_masking", "test_by_adding", "test_by_swapping")
_PAIRS = (
    ("true_class", "predicted_class"),
    ("first", "second"),
    ("class_a", "class_b"),
    ("class_name", "confused_with"),
)
_CLASS_SLOTS = (
    "class_name",
    "within_class",
    "true_class",
    "class_a",
    "class_b",
    "predicted_class",
    "other_class",
    "within_prediction",
)
_IMAGE_SLOTS = ("image", "first", "second")
_THIS_IMAGE = re.compile(
    r"\b(?:(?:this|that|the|the same|said) (?:very )?(?:picture|image|photo|sample|one)|this one|that one)\b"
    r"|(?<=\blike )(?:it|this|that)\b|(?<=\bto )(?:it|this|that)\b|(?<=\bof )(?:it|this|that)\b(?= *[?.!]*$)"
    r"|(?<=\bwhat if )(?:it|this|that)\b|(?<=\bif )(?:it|this|that)(?= (?:was|were|is|had|got)\b)|\b(?:its)(?= (?:nearest|neighbours?|closest))",
    re.IGNORECASE,
)
_THIS_CLASS = re.compile(r"\b(?:this|that|the same|the said) (?:class|room|category|label)\b", re.IGNORECASE)


def fields(tool: str) -> Mapping[str, Any]:
    """The arguments that a tool takes; none for a tool that is not installed."""
    made: Mapping[str, Any] = registry()[tool].arguments.model_fields if tool in registry() else {}
    return made


def is_elliptic(mentions: Mentions, more: Sequence[str] = ()) -> bool:
    """Whether the sentence holds nothing but names, numbers and small words, or words of ``more``."""
    text = list(mentions.sentence)
    for one in mentions.found:
        text[one.start : one.end] = " " * (one.end - one.start)
    plain = _NUMBER.sub(" ", _SPLIT_WORDS.sub(" ", "".join(text)))
    for pattern in (_AROUND, _BY, _ONE, _DEPTH, _METHODS):
        plain = pattern.sub(" ", plain)
    plain = re.sub(r"\btop\b|\bmethod\b|\bmap\b", " ", plain)
    return all(word in _SMALL or word in more for word in re.findall(r"[a-z']+", plain.lower()))


def follow(mentions: Mentions, act: Act, every: Callable[[], Sequence[str]]) -> Call | None:
    """The last measurement, changed as the sentence says; None when the sentence is no such change.

    Args:
        every: the names of all attributes, asked for only where some are left out.
    """
    if act.tool == "state_hypothesis":
        return _patched(mentions, act) if is_elliptic(mentions, ("without",)) else None
    if _EXCLUDE.match(mentions.sentence):
        return _excluding(mentions, act, every)
    if not is_elliptic(mentions):
        return None
    return _patched(mentions, act)


def named(act: Act, mentions: Mentions) -> str | None:
    """The sentence with ``this picture`` and ``that class`` replaced by the last measurement's; None without any."""
    text = mentions.sentence
    image = next((str(act.arguments[k]) for k in _IMAGE_SLOTS if act.arguments.get(k)), None)
    if image and not mentions.of("image"):
        text = _THIS_IMAGE.sub(image, text, count=1)
    name = next((str(act.arguments[k]) for k in _CLASS_SLOTS if act.arguments.get(k)), None)
    if name and not mentions.of("class"):
        text = _THIS_CLASS.sub(name.replace("_", " "), text, count=1)
    return text if text != mentions.sentence else None


def inverse(act: Act) -> Call | None:
    """The edit that takes an edit of attributes back; None where there is none."""
    if act.tool != "edit_attributes":
        return None
    given = act.arguments
    name, to = str(given.get("attribute", "")), given.get("to")
    match given.get("action"):
        case "rename":
            return act.tool, {"action": "rename", "attribute": str(to), "to": name}
        case "drop":
            return act.tool, {"action": "restore", "attribute": name}
        case "restore" if not given.get("value"):
            return act.tool, {"action": "drop", "attribute": name}
        case "add":
            return act.tool, {"action": "drop", "attribute": name}
        case "drop_value":
            return act.tool, {"action": "restore", "attribute": name, "value": given.get("value")}
        case "add_value":
            return act.tool, {"action": "remove_value", "attribute": name, "value": given.get("value")}
        case "rename_value":
            return act.tool, {"action": "rename_value", "attribute": name, "value": to, "to": given.get("value")}  # fmt: skip
    return None


# --- leaving things out ------------------------------------------------------------------------------------------


def _things(mentions: Mentions) -> list[str]:
    """Attributes and objects named, pictures left aside."""
    return list(
        dict.fromkeys(
            m.name.split("=", 1)[0] for m in mentions.found if m.role in ("object", "attribute", "value")
        )
    )


def _excluding(mentions: Mentions, act: Act, every: Callable[[], Sequence[str]]) -> Call | None:
    takes, left = fields(act.tool), _things(mentions)
    if not left:
        return None
    given = dict(act.arguments)
    if act.tool == "what_if":
        kept = [p for p in str(given.get("edits", "")).split(";") if p.strip()]
        return act.tool, {**given, "edits": "; ".join([*kept, *(f"mask:box:{o}" for o in left)])}
    if "attributes" in takes:
        before = list(given.get("attributes") or every())
        kept = [a for a in before if a not in left]
        return (act.tool, {**given, "attributes": kept}) if kept and kept != before else None
    if "where" in takes and act.tool != "state_hypothesis":
        return act.tool, {**given, "where": [*_where(given), *(f"{o}=no" for o in left)]}
    return None


def _where(given: Mapping[str, Any]) -> list[str]:
    there = given.get("where") or ()
    return [p for p in there.split("&") if p] if isinstance(there, str) else list(there)


# --- other names in the same measurement -----------------------------------------------------------------------------


def _patched(mentions: Mentions, act: Act) -> Call | None:
    tool, given = act.tool, dict(act.arguments)
    text = mentions.sentence
    if (how := _BY.search(text)) is not None and tool in _TESTS:
        tool, given = _other_test(tool, given, how["how"].lower())
    if _AROUND.search(text):
        turned = _turned(given)
        if turned is None:
            return None
        given = turned
    takes = fields(tool)
    for change in (_classes, _things_in, _pictures, _numbers, _rest):
        changed = change(mentions, tool, given, takes)
        if changed is None:
            return None
        given = changed
    return (tool, given) if (tool, given) != (act.tool, dict(act.arguments)) else None


def _other_test(tool: str, given: Mapping[str, Any], how: str) -> tuple[str, dict[str, Any]]:
    adding = how.startswith(("add", "insert", "past", "putting"))
    wanted = "test_by_adding" if adding else "test_by_swapping" if how.startswith(("swap", "exchang", "replac")) else "test_by_masking"  # fmt: skip
    thing = given.get("region") or given.get("cue")
    made = {k: v for k, v in given.items() if k in ("class_name", "finding", "split")}
    if thing:
        made["cue" if wanted == "test_by_adding" else "region"] = thing
    return wanted, made


def _turned(given: Mapping[str, Any]) -> dict[str, Any] | None:
    for a, b in _PAIRS:
        if given.get(a) and given.get(b):
            return {**given, a: given[b], b: given[a]}
        if a == "true_class" and (given.get(a) or given.get(b)):
            other = {k: v for k, v in given.items() if k not in (a, b)}
            return {**other, b: given[a]} if given.get(a) else {**other, a: given[b]}
    return None


def _classes(
    mentions: Mentions, tool: str, given: Mapping[str, Any], takes: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Class names into the class arguments; None where the tool takes none."""
    names = mentions.of("class")
    if not names:
        return dict(given)
    slots = [s for s in _CLASS_SLOTS if s in takes]
    if not slots:
        return None
    if len(names) > 1:
        return _two_classes(mentions, names, given, slots)
    if "class_b" in slots:
        slot = "class_b" if names[0] != given.get("class_a") else "class_a"
        return {**given, slot: names[0]}
    slot = next((s for s in slots if s in given), slots[0])
    made = {**given, slot: names[0]}
    if tool in _TESTS or tool == "compare_group":
        made.pop("finding", None)
    return made


def _two_classes(
    mentions: Mentions, names: Sequence[str], given: Mapping[str, Any], slots: Sequence[str]
) -> dict[str, Any] | None:
    here = {s: v for s, v in given.items() if s in slots}
    old = [n for n in names[:2] if n in here.values()]
    if len(old) == 1 and len(here) > 1 and "class_a" not in slots:  # X instead of Y
        new = next(n for n in names[:2] if n != old[0])
        return {k: new if k in here and v == old[0] else v for k, v in given.items()}
    if "class_a" in slots:
        return {**given, "class_a": names[0], "class_b": names[1]}
    if "true_class" in slots:
        true, predicted = directions(mentions)
        return {**given, "true_class": true, "predicted_class": predicted}
    if len(old) == 1 and len(here) == 1:  # kitchens, not bathrooms
        return {**given, next(iter(here)): next(n for n in names[:2] if n != old[0])}
    return None


def _things_in(
    mentions: Mentions, tool: str, given: Mapping[str, Any], takes: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Objects, attributes and values into regions, attributes and conditions."""
    things = _things(mentions)
    where = place(mentions.sentence)
    if not things and where is None:
        return dict(given)
    objects = [o for o in mentions.of("object") if o in things]
    region = f"box:{objects[-1]}" if objects else where
    made = {k: v for k, v in given.items() if k != "finding" or "region" not in takes}
    if tool == "state_hypothesis":
        return _in_hypothesis(mentions, given, region)
    if region and ("region" in takes or "cue" in takes):
        made.pop("finding", None)
        return {**made, "region" if "region" in takes else "cue": region}
    if tool == "what_if" and region:
        edits = re.sub(r"box:[^;]+", region, str(given.get("edits", "")))
        return {
            **given,
            "edits": edits if region in edits else "; ".join(p for p in (edits, f"mask:{region}") if p),
        }
    if not things:
        return None
    if "attributes" in takes:
        return {**given, "attributes": things}
    if "attribute" in takes:
        return {**given, "attribute": things[0]}
    if "where" in takes and mentions.of("value"):
        return {**given, "where": mentions.of("value")}
    return {**given, "colour": things[0]} if "colour" in takes else None


def _in_hypothesis(mentions: Mentions, given: Mapping[str, Any], region: str | None) -> dict[str, Any] | None:
    if given.get("kind") in CUED:
        cue = region or next(iter(mentions.of("value")), None)
        return {**given, "cue": cue} if cue else None
    old = _where(given)
    text = mentions.sentence
    absent = re.search(r"\b(?:without|no|lacking|missing)\b(?! wait)", text[4:], re.IGNORECASE) is not None
    present = re.search(r"\bwith\b", text, re.IGNORECASE) is not None
    polarity = "no" if absent or (not present and bool(old) and old[0].endswith("=no")) else YES[0]
    objects = [f"{o}={polarity}" for o in mentions.of("object") if o in _things(mentions)]
    return {**given, "where": [*mentions.of("value"), *objects]}


def _pictures(
    mentions: Mentions, tool: str, given: Mapping[str, Any], takes: Mapping[str, Any]
) -> dict[str, Any] | None:
    found = images(mentions)
    if not found:
        return dict(given)
    slots = [s for s in _IMAGE_SLOTS if s in takes]
    if not slots:
        return None
    if len(found) > 1 and len(slots) > 1:
        return {**given, slots[0]: found[0], slots[1]: found[1]}
    slot = slots[-1] if len(slots) > 1 and found[0] != given.get(slots[0]) else slots[0]
    return {**given, slot: found[0]}


def _numbers(
    mentions: Mentions, tool: str, given: Mapping[str, Any], takes: Mapping[str, Any]
) -> dict[str, Any] | None:
    text = mentions.sentence
    made = dict(given)
    if "depth" in takes and _ONE.search(text):
        made["depth"] = 1
    elif "depth" in takes and (deep := _DEPTH.search(text)):
        made["depth"] = int(deep[1]) if deep[1] else 3 if (deep[2] or "").lower() == "three" else 2
    slot = next((s for s in ("top", "k", "most", "n", "budget", "limit") if s in takes), None)
    if slot and (top := _TOP.search(text)):
        made[slot] = int(top[1] or top[2])
    if tool == "what_if" and given.get("edits") and (number := _PERCENT.search(_without_names(mentions))):
        said = number[1].replace("−", "-")
        made["edits"] = _EDIT_NUMBER.sub(lambda m: (m[1] if not said.startswith("-") else "") + said, str(given["edits"]), count=1)  # fmt: skip
    return made


def _without_names(mentions: Mentions) -> str:
    text = list(mentions.sentence)
    for one in mentions.found:
        text[one.start : one.end] = " " * (one.end - one.start)
    return "".join(text)


def _rest(
    mentions: Mentions, tool: str, given: Mapping[str, Any], takes: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Splits, findings and saliency methods."""
    made = dict(given)
    text = _without_names(mentions)
    split = mentions.split or next((name for name, pattern in _SPLITS if pattern.search(text)), None)
    if split:
        if "split" not in takes:
            return None
        made["split"] = split
        if split == fields(tool)["split"].default:
            made.pop("split")
    finding = next(iter(mentions.of("finding")), None)
    if finding:
        if "finding" not in takes:
            return None
        made["finding"] = finding
    if mentions.method and "method" in takes:
        made["method"] = mentions.method
    return made
