"""A sentence as it is meant: corrections (``no, i meant bedrooms``), ``do the same for …``, and words that point to one of several things
(``the other one``, ``the second one``) replaced by its name.

What they point to is what the last answers were about. Where it may be either of two, or nothing tells what is wanted of it, that is asked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from langchain_core.messages import AIMessage

from failsight import prompts
from failsight.agent.planners import antecedents, phrases, understood, undoing, unsure, words
from failsight.agent.planners.antecedents import About
from failsight.agent.planners.counting.read import OUTCOMES, Count, parts
from failsight.agent.planners.references import is_elliptic
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn

LONGEST: Final = 160
_I: Final = r"(?:i|we)(?:'m| am| was| were)?(?: (?:really|actually|only|just|rather))?"
_MEANT: Final = rf"(?:{_I} (?:meant?|mean to (?:say|ask)|meant to (?:say|ask)|wanted|want(?:ed)? to (?:say|know|ask)|talking about|asking (?:about|for)|speaking of)|i should have said|make (?:that|it)|not that[,:]? but)"
_FIX: Final = re.compile(
    rf"^\W*(?:(?:no+|nope|nah|sorry|wait|oops|ups|actually|pardon|but|hmm?|oh|ah|wrong|not that)\b[\s,.;:!]*)*{_MEANT}\b[\s,:]*(?:about |the case of |it |that )?(?P<rest>.+)$",
    re.IGNORECASE,
)
_SORRY: Final = re.compile(r"^\W*(?:(?:no+|nope|sorry|wait|oops|ups|pardon)\b[\s,.;:!]*)+(?P<rest>(?:in|on|at|for|with|without|of|only)\b.+)$", re.IGNORECASE)  # fmt: skip
_SAME: Final = re.compile(
    r"^\W*(?:(?:and|so|now|then|ok(?:ay)?|please|can you|could you|would you|let'?s|also)\b\W*)*(?:(?:do|repeat|run|try|make|check|measure|show me|give me|tell me|i want|i'd like)\s+)(?:that |this |it |exactly )?(?:(?:the )?(?:very )?same(?: thing| again| question| analysis| check| test| measurement| count)?|(?:that|this|it)(?: again)?) (?P<rest>(?:for|with|on|in)\b.+)$",
    re.IGNORECASE,
)
_NOUN: Final = r"(?:ones?|class(?:es)?|rooms?|groups?|findings?|categor(?:y|ies)|thing)"
_NTH: Final = {"first": 0, "1st": 0, "former": 0, "second": 1, "2nd": 1, "latter": 1, "third": 2, "3rd": 2, "fourth": 3, "last": -1}  # fmt: skip
_OTHER: Final = re.compile(rf"\bthe other(?: {_NOUN})?(?: of (?:the two|them))?(?=\W*$|\W+(?:in|on|at|with|too|as|then|please|and|instead|again)\b)", re.IGNORECASE)  # fmt: skip
_ORDINAL: Final = re.compile(rf"\bthe (?P<nth>{'|'.join(_NTH)})(?: (?P<noun>{_NOUN}|picture|image|photo))?(?: of (?:them|those|these))?(?=\W*$|\W+(?:in|on|at|with|too|as|then|please|instead|again)\b)", re.IGNORECASE)  # fmt: skip
_BARE: Final = re.compile(
    r"^\W*(?:(?:and|so|what about|how about|but|ok(?:ay)?|now|then|please|i mean|i meant|no)\b\W*)*$",
    re.IGNORECASE,
)
_WHOLE: Final = re.compile(
    r"^(?:what|which|how|why|who|where|when|is|are|does|do|did|can|could|show|list|find|compare|test|mask|check|give|tell|evaluate|measure|count|explain)\b",
    re.IGNORECASE,
)


def meant(case: Case, question: str, before: Sequence[Turn]) -> str | AIMessage:
    """The sentence without what only corrects or points; words where it has to be asked what is meant."""
    if len(question) > LONGEST or not before:
        return question
    return _resolved(case, _again(case, question, before) or _plain(question, before), before)


def corrects(question: str) -> bool:
    """Whether a sentence says that something else was meant than what was understood."""
    return len(question) <= LONGEST and _FIX.match(question) is not None


def in_place(case: Case, made: AIMessage, before: Sequence[Turn]) -> AIMessage:
    """A change that corrects the one before it: that one is taken back first. What only looked stays as it is."""
    edits_before = (
        bool(before) and bool(before[-1].acts) and all(a.tool == undoing.EDIT for a in before[-1].acts)
    )
    if not made.tool_calls or made.tool_calls[0]["name"] != undoing.EDIT or not edits_before:
        return made
    back = undoing.taken_back(case, "undo that", before)
    if back is None or not back.calls:
        return made
    (tool, arguments), *rest = back.calls
    new = [made.tool_calls[0]["name"], made.tool_calls[0]["args"]]
    then = [*rest, new, *made.additional_kwargs.get("then", ())]
    return words.call(tool, arguments, prompts.say("why.undo", what=clean(back.what, 120)), then=then)


def _again(case: Case, question: str, before: Sequence[Turn]) -> str:
    """The last sentence with another name in it, where it was answered in words alone; empty for all others."""
    fix = _FIX.match(question)
    if fix is None or before[-1].acts or phrases.is_aside(before[-1].said):
        return ""
    last, new = words.names(case, before[-1].said), words.names(case, fix["rest"])
    if len(new.found) != 1 or not is_elliptic(new):
        return ""
    old = [m for m in last.found if m.role == new.found[0].role]
    if len(old) != 1:
        return ""
    name = fix["rest"][new.found[0].start : new.found[0].end]
    return f"{before[-1].said[: old[0].start]}{name}{before[-1].said[old[0].end :]}"


def _plain(question: str, before: Sequence[Turn]) -> str:
    """``no, i meant bedrooms`` as ``and bedrooms``; a whole question that corrects one as itself."""
    if not any(t.acts for t in before):
        return question
    if (same := _SAME.match(question)) is not None:
        return f"and the same {same['rest']}"
    fix = _FIX.match(question) or _SORRY.match(question)
    if fix is None:
        return question
    rest = fix["rest"].strip()
    if re.match(r"(?:not|to undo|undo|nothing)\b", rest, re.IGNORECASE):
        return question  # what is turned away is read with the measurement that it changes
    figure = re.match(
        r"(?:the )?(?:recall|precision|accuracy|error rate|f1|number|share)\b", rest, re.IGNORECASE
    )
    return rest if _WHOLE.match(rest) or figure else f"and {rest}"


def _resolved(case: Case, question: str, before: Sequence[Turn]) -> str | AIMessage:
    other, nth = _OTHER.search(question), _ORDINAL.search(question)
    one = other or nth
    if one is None:
        return question
    found = antecedents.recent(case, before)
    last = before[-1].reply
    if not found or unsure.was_asked(last) or last.startswith(prompts.say("asks_back")):
        return question  # of the questions that were offered
    if nth is not None and other is None and (picture := _picture(case, nth, found)):
        return f"{question[: one.start()]}{picture}{question[one.end() :]}"
    names = _names(found)
    if other is not None:
        name = _other(case, names, found)
    else:
        assert nth is not None
        at = _NTH[nth["nth"].lower()]
        name = names[at] if names and -len(names) <= at < len(names) and len(names) > 1 else ""
    rest = f"{question[: one.start()]}{question[one.end() :]}"
    if not name:
        return _which(case, names) if len(names) > 1 and (other or _BARE.match(rest)) else question
    if not _BARE.match(rest):
        return f"{question[: one.start()]}{name}{question[one.end() :]}"
    if name.startswith("F"):
        return f"what is {name}?"
    newest = found[0]
    if (
        newest.several or newest.act is None
    ):  # both were told already: nothing says what is wanted of this one
        return _wanted(case, name)
    return f"and {name}?"


def _names(found: Sequence[About]) -> list[str]:
    """The things that the last answers were about, by what people call them."""
    about = antecedents.gathered(found)
    if about.findings:
        return list(about.findings)
    return list(dict.fromkeys(n for c in about.counts if (n := _spoken(c, about.counts))))


def _spoken(one: Count, all_: Sequence[Count]) -> str:
    name = antecedents.class_of(one)
    if name and sum(antecedents.class_of(c) == name for c in all_) == 1:
        return name.replace("_", " ")
    held = [parts(c) for c in one.among if c not in OUTCOMES and parts(c)[0] not in ("true", "predicted")]
    if not held and name:
        return name.replace("_", " ")
    if len(held) != 1 or held[0][1] != "=":
        return ""
    column, _, value = held[0]
    return {"yes": f"with {column}", "no": f"without {column}"}.get(value, value)


def _other(case: Case, names: Sequence[str], found: Sequence[About]) -> str:
    """Of two things the one that the last answer was not about; empty where that can't be told."""
    now = _names(found[:1])
    if len(now) == 1 and len(names) < 2 and len(case.classes) == 2:
        names = [c.replace("_", " ") for c in case.classes]
    pair = next((n for a in found if len(n := _names([a])) == 2), list(names))
    if len(now) != 1 or len(pair) != 2 or now[0] not in pair:
        return ""
    return next(n for n in pair if n != now[0])


def _picture(case: Case, nth: re.Match[str], found: Sequence[About]) -> str:
    """``E24#2``: the second of the pictures that were shown last; empty where none were."""
    act = found[0].act
    noun = (nth["noun"] or "one").lower()
    shown = act is not None and act.tool in ("show_images", "nearest", "prototypes_and_criticisms")
    made = next((e for e in case.state().evidence if act is not None and e.id == act.evidence), None)
    if made is None or not made.images or not ((shown and noun == "one") or noun in ("picture", "image", "photo")):  # fmt: skip
        return ""
    at = _NTH[nth["nth"].lower()]
    at = len(made.images) - 1 if at < 0 else at
    return f"{made.id}#{at + 1}" if at < len(made.images) else ""


def _which(case: Case, names: Sequence[str]) -> AIMessage:
    shown = [clean(n, 60) for n in names[:4]]
    return words.message(prompts.say("pointed.which", names=" or ".join(shown)), [*[f"And {n}?" for n in shown], *words.choices(case)])  # fmt: skip


def _wanted(case: Case, name: str) -> AIMessage:
    role = "class" if name.replace(" ", "_") in case.classes or name in case.classes else "value"
    return words.message(
        prompts.say("understood.names", names=clean(name, 60)), understood.offers([(role, clean(name, 60))])
    )
