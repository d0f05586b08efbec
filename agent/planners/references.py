"""References to what was just measured: ``and for the kitchen?``, ``no, ignore the cats``, ``the other way round``.

A sentence that brings only names and small words is a change to the last measurement: the names go into its arguments.
One that names more than fits there is none. Pure functions of the sentence, the names in it and the last measurement.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

from failsight.agent.planners import leaving, slots
from failsight.agent.planners.dialogue import Act, Turn
from failsight.agent.planners.slots import STATE, TESTS, Call, Unfit, fields
from failsight.knowledge_base.arguments import place
from failsight.knowledge_base.condition_text import column_of
from failsight.knowledge_base.edited import edits_meant
from failsight.knowledge_base.vocabulary import Mention, Mentions

_SMALL_TEXT = (
    "and or but so then now no nope sorry wait oops actually ok okay well yes please just only also again what about how of the same thing "
    "likewise i mean meant was asking talking rather instead do that it this try repeat a an for with on in at from to by as too images image "
    "pictures picture photos photo class classes ones one those these case set sets data split particular other versus vs against than "
    "separately alone them there is are be it's its keep use make let's lets can you could we me my our all between compare show look "
    "specifically especially specific mind hmm oh hey well first second third take give run measure redo once more time another different "
    "restrict limit within inside among few simple simply not"
)
_SMALL = frozenset(_SMALL_TEXT.split())  # fmt: skip
_AROUND = re.compile(
    r"\b(?:other way (?:a?round)?|vice.versa|the (?:reverse|opposite|converse)|conversely|reversed|the opposite direction|swapped around)\b",
    re.IGNORECASE,
)
_BY = re.compile(
    r"\b(?:by|with|through|via|using|try(?:ing)?|and|now)\W+(?:it\W+)?(?:by )?(?P<how>adding|inserting|insertion|pasting|putting it in|masking|covering|hiding|removing|taking it (?:out|away)|swapping|exchanging|replacing)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"(?<![\w#.])[-−]?\d+(?:\.\d+)?\s*(?:%|per ?cent|°|deg(?:rees?)?|times|x)?", re.IGNORECASE
)
_PAIRS = (
    ("true_class", "predicted_class"),
    ("first", "second"),
    ("class_a", "class_b"),
    ("class_name", "confused_with"),
)
_THIS_IMAGE = re.compile(
    r"\b(?:(?:this|that|the|the same|said) (?:very )?(?:picture|image|photo|sample|one)|this one|that one)\b"
    r"|(?<=\blike )(?:it|this|that)\b|(?<=\bto )(?:it|this|that)\b|(?<=\bof )(?:it|this|that)\b(?= *[?.!]*$)"
    r"|(?<=\bwhat if )(?:it|this|that)\b|(?<=\bif )(?:it|this|that)(?= (?:was|were|is|had|got)\b)|\b(?:its)(?= (?:nearest|neighbours?|closest))",
    re.IGNORECASE,
)
_THIS_CLASS = re.compile(r"\b(?:this|that|the same|the said) (?:class|room|category|label)\b", re.IGNORECASE)
_EDITS = re.compile(
    r"^\W*(?:and|or|now|then|also|but|what about|how about|what if|what happens (?:when|if)|make|try|even|instead|with|by|a (?:bit|little)|slightly|much|only|just|no|\d|"
    r"(?:dark|bright|light|blur|sharp|rotat|tilt|flip|mirror|grey|gray|pale|zoom|noise|upside)\w*)",
    re.IGNORECASE,
)
_ALSO = re.compile(r"\b(?:also|as well|too|in addition|on top|additionally|besides)\b", re.IGNORECASE)
MOST_WORDS = 12  # of a sentence that only says how the same picture is to be changed
_AND = re.compile(r"^\W*(?:and|or|also|no|but)\b", re.IGNORECASE)
_CHANGES = (slots.classes, slots.pictured_things, slots.pictures, slots.numbers, slots.rest)


def is_elliptic(mentions: Mentions, more: Container[str] = ()) -> bool:
    """Whether the sentence holds nothing but names, numbers and small words, or words of ``more``."""
    plain = _NUMBER.sub(" ", slots.SPLIT_WORDS.sub(" ", slots.without_names(mentions)))
    for pattern in (_AROUND, _BY, slots.ONE, slots.DEPTH, slots.METHODS):
        plain = pattern.sub(" ", plain)
    plain = re.sub(r"\btop\b|\bmethod\b|\bmap\b", " ", plain)
    return all(
        word in _SMALL or word in more for word in re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)*", plain.lower())
    )


def follow(
    mentions: Mentions, before: Sequence[Turn], act: Act, every: Callable[[], Sequence[str]]
) -> Call | Unfit | None:
    """The last measurement, changed as the sentence says; None when the sentence is no such change.

    Args:
        before: the turns so far: whether the last measurement already left something out.
        act: the last measurement.
        every: the names of all attributes, asked for only where some are left out.
    """
    if act.tool == STATE:
        return _patched(mentions, act) if is_elliptic(mentions, ("without",)) else None
    text, gone = mentions.sentence, leaving.dropped(mentions)
    if act.tool == "what_if" and (edits := _edits_again(mentions, act)):
        return act.tool, {**act.arguments, "edits": edits}
    if not is_elliptic(mentions, leaving.SMALL):
        return None
    if leaving.EXCLUDE.match(text):
        return _leaving_out(mentions, gone, act, every)
    named = [m for m in mentions.found if m.role in ("object", "attribute", "value")]
    if (
        named
        and leaving.takes_in(text)
        and (made := leaving.again(mentions, act, act.arguments, every)) is not None
    ):
        return made
    if named and leaving.leaves_out_more(text) and leaving.was_leaving_out(before, act):
        return _leaving_out(mentions, [*gone, *named], act, every)
    if not is_elliptic(mentions):
        return None
    if named and all(m in gone for m in named) and "where" not in fields(act.tool):
        return _leaving_out(mentions, gone, act, every)  # not the cats
    return _patched(mentions, act)


def _edits_again(mentions: Mentions, act: Act) -> str:
    """The edits of ``and 60 % brighter?`` after a what-if of one picture, in place of those before or (``also``) after them; empty
    where the sentence says none, or names anything of the case."""
    text = mentions.sentence
    if mentions.found or len(text.split()) > MOST_WORDS or not _EDITS.match(text):
        return ""
    made = edits_meant(mentions, place(text)) or ""
    before = str(act.arguments.get("edits") or "")
    return f"{before}; {made}" if made and before and _ALSO.search(text) else made


def _leaving_out(
    mentions: Mentions, gone: Sequence[Mention], act: Act, every: Callable[[], Sequence[str]]
) -> Call | Unfit | None:
    """The last measurement without what is left out, and with what else the sentence names."""
    out = [m for m in gone if m.role in ("object", "attribute", "value")]
    if any(m.role == "value" for m in out) and (left_ := leaving.images_left(mentions, act)) is not None:
        return left_
    left = list(dict.fromkeys(column_of(m.name) for m in out))
    stay = Mentions(mentions.sentence, tuple(m for m in mentions.found if m not in out), mentions.masked)
    changed = _changed(stay, [m for m in gone if m not in out], act.tool, dict(act.arguments))
    if changed is None or isinstance(changed, Unfit):
        return changed
    if not left:  # forget the kitchens, what about bathrooms
        return (act.tool, changed) if changed != dict(act.arguments) else None
    made = leaving.without(left, act, changed, every)
    # one thing may be meant to be covered in the pictures, which the bank reads; of several it would read the first
    return made if made is not None or len(left) == 1 else Unfit("leave_out", tuple(left))


def named(act: Act, mentions: Mentions) -> str | None:
    """The sentence with ``this picture`` and ``that class`` replaced by the last measurement's; None without any."""
    text = mentions.sentence
    image = next((str(act.arguments[k]) for k in slots.IMAGE_SLOTS if act.arguments.get(k)), None)
    if image and not mentions.of("image"):
        text = _THIS_IMAGE.sub(lambda _: image, text, count=1)
    name = next((str(act.arguments[k]) for k in slots.CLASS_SLOTS if act.arguments.get(k)), None)
    if name and not mentions.of("class"):
        text = _THIS_CLASS.sub(lambda _: name.replace("_", " "), text, count=1)
    return text if text != mentions.sentence else None


def _patched(mentions: Mentions, act: Act) -> Call | Unfit | None:
    tool, given = act.tool, dict(act.arguments)
    text = mentions.sentence
    if (how := _BY.search(text)) is not None and tool in TESTS:
        tool, given = _other_test(tool, given, how["how"].lower())
    if _AROUND.search(text):
        turned = _turned(given)
        if turned is None:
            return None
        given = turned
    gone = leaving.dropped(mentions)
    changed = _changed(mentions, gone, tool, given)
    if changed is None or isinstance(changed, Unfit):
        return changed
    # asked for once more in so many words, the same is answered again
    anew = bool(gone) or (bool(mentions.found) and _AND.match(text) is not None)
    return (tool, changed) if anew or (tool, changed) != (act.tool, dict(act.arguments)) else None


def _changed(
    mentions: Mentions, gone: Sequence[Mention], tool: str, given: Mapping[str, Any]
) -> slots.Changed:
    """The arguments with everything in them that the sentence names."""
    takes, made = fields(tool), dict(given)
    for change in _CHANGES:
        changed = change(mentions, gone, tool, made, takes)
        if changed is None or isinstance(changed, Unfit):
            return changed
        made = changed
    return made


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
