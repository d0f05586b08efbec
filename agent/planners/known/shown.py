"""Pictures of what was just spoken of together with how sure the model was of them, and how sure it is of a group or a confusion.

The pictures come with the mean confidence of all images that meet their conditions; of a group that is named its wrong and its right answers
are measured apart. A correction of what was shown shows the corrected group.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.planners import pointed, showing
from failsight.agent.planners.counting import follow
from failsight.agent.planners.counting.base import call_of, why
from failsight.agent.planners.counting.beside import side
from failsight.agent.planners.counting.read import Count, parts
from failsight.agent.planners.counting.said import TOOL as COUNT
from failsight.agent.planners.counting.said import of_count
from failsight.agent.planners.dialogue import last_act
from failsight.agent.planners.known import last
from failsight.agent.planners.known.counts import at_hand
from failsight.agent.planners.known.said import group_words
from failsight.agent.planners.known.things import Things, named
from failsight.agent.planners.words import names
from failsight.knowledge_base.condition_text import column_of
from failsight.tools.notes import called
from failsight.tools.registry import registry
from failsight.tools.text import clean, interval, number

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.knowledge_base.vocabulary import Mentions
    from failsight.tools.evidence import Evidence

LONGEST: Final = 200
KIND: Final = "confidence"
TOOL: Final = "show_images"
FEW: Final = 8  # pictures where no number is said
_MODEL: Final = r"(?:it|the (?:\w+ )?(?:model|machine|computer|classifier|network|system|program|software|tool|thing|camera|sorter|app|ai))"
_HOW_SURE: Final = (
    rf"how (?:sure|certain|confident|convinced) (?:(?:was|is|were|are) {_MODEL}|{_MODEL} (?:was|is|were))"
)
_SURE: Final = re.compile(rf"\b{_HOW_SURE}\b", re.IGNORECASE)
_SHOWS: Final = re.compile(
    r"\b(?:show|see|look at|view|display|give|list|open)\b(?: (?:me|us|at))*\W*(?:(?:a |the |just |only |some |any )*(?P<n>\d{1,2}|few|couple|some|two|three|four|five|six|seven|eight|nine|ten|dozen)?(?: examples?| pictures?| images?| photos?)? ?(?:of )?)(?:them|those|these|that|it)\b",
    re.IGNORECASE,
)
_THEM: Final = re.compile(rf"\b{_HOW_SURE}(?: of itself| (?:of|about|with|on|for|in) (?:them|those|these|that|it)(?: (?:ones|pictures|images|photos|answers|mistakes|errors))?)?\W*(?:then|there|here|too|as well|please|with (?:them|those|these))?\W*$", re.IGNORECASE)  # fmt: skip
_NOT: Final = re.compile(
    r",? (?:and |but )?not (?:all )?(?:the|those|these|of)\b[^,;.]*", re.IGNORECASE
)  # what was not meant
_MUST: Final = re.compile(
    r"\b(?:must|should|has to|have to|need\w*|enough|so that)\b|%|\bper ?cent\b", re.IGNORECASE
)


def answered(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """The pictures, or the confidence, that a sentence asks for; None for every other sentence."""
    if len(question) > LONGEST or not _SURE.search(question) or not _possible(case):
        return None
    if any(m.role in ("image", "evidence", "finding") for m in mentions.found) or _MUST.search(question):
        return None
    if not mentions.found:
        return _of_last(case, question, before)
    return None if _SHOWS.search(question) else _of_named(case, question, named(case, mentions, before))


def corrected(case: Case, question: str, before: Sequence[Turn]) -> AIMessage | None:
    """``no, I meant the wet ones``: what was shown last, with what the sentence names in its place; None for every other sentence."""
    act = last_act(before[-1:])
    if act is None or act.tool != TOOL or not pointed.corrects(question) or not _possible(case):
        return None
    base, mentions = follow.of_other(act), names(case, _NOT.sub("", question))
    if (
        base is None
        or not mentions.found
        or any(m.role in ("image", "evidence", "finding") for m in mentions.found)
    ):
        return None
    things = named(case, mentions)
    if len(things.classes) > 1 and things.pair is None:
        return None  # which of the classes are meant is not told
    made = _replaced(base, things)
    told = {"kind": KIND} if any(_SURE.search(t.said) for t in before[-1:]) else None
    return _pictures(question, made, act.arguments.get("k"), told) if made != base else None


def _possible(case: Case) -> bool:
    return TOOL in registry() and case.has("scores")


def _of_last(case: Case, question: str, before: Sequence[Turn]) -> AIMessage | None:
    """Pictures of the last result's images, or only how sure it was of these."""
    shows = _SHOWS.search(question)
    found = last.counts(case, before) if shows or _THEM.search(question) else ()
    if not found or not (last.group_of(found[0]) or found[0].having or len(found[0].among) > 1):
        return None
    number_ = showing.number_of(shows["n"] or "") if shows else 1
    return _pictures(question, found[0], number_ or FEW, {"kind": KIND})


def _of_named(case: Case, question: str, things: Things) -> AIMessage | None:
    """How sure it is of a confusion, or of the wrong and the right answers to a group."""
    split = things.split if things.split != "data" else ""
    where = {"split": split} if split else {}
    if things.pair is not None:
        true, predicted = things.pair
        one = Count((f"true={true}", *things.group), (f"predicted={predicted}",))
        return call_of((TOOL, {**_arguments(one, 1), **where}), [], why(question), {"kind": KIND})
    if not things.group or not at_hand(case, split or "data"):
        return None
    held = (*(f"true={c}" for c in things.classes[:1]), *things.group)
    looks = [(TOOL, {**_arguments(Count(held, (outcome,)), 1), **where}) for outcome in ("wrong", "correct")]
    count = (COUNT, Count(held, ("wrong",), (split,) if split else ()).arguments(split))
    return call_of(count, looks, why(question), {"kind": KIND})


def _replaced(base: Count, things: Things) -> Count:
    """A count with the classes and conditions of a sentence in the place of those of the same kind."""
    among, having = list(base.among), list(base.having)
    if things.pair is not None:
        true, predicted = things.pair
        among = [
            f"true={true}",
            f"predicted={predicted}",
            *(c for c in among if parts(c)[0] not in ("true", "predicted")),
        ]
        having = []
    elif things.classes:
        among = [f"true={things.classes[0]}", *(c for c in among if parts(c)[0] != "true")]
    columns = {column_of(c) for c in things.group}
    among = [*(c for c in among if column_of(c) not in columns), *things.group]
    return Count(tuple(among), tuple(having), base.splits)


def _pictures(question: str, one: Count, k: int | None, told: Mapping[str, Any] | None) -> AIMessage:
    split = {"split": one.splits[0]} if one.splits else {}
    return call_of((TOOL, {**_arguments(one, k), **split}), [], why(question), told)


def _arguments(one: Count, k: int | None) -> dict[str, Any]:
    """What shows the images of a count: those among its base that are counted."""
    held = [*one.among, *one.having]
    of = {
        name: next((parts(c)[2] for c in held if parts(c)[:2] == (name, "=") and "|" not in c), "")
        for name in ("true", "predicted")
    }
    plain = {f"{name}={value}" for name, value in of.items() if value}
    where = "&".join(dict.fromkeys(c for c in held if c not in plain))
    made = {"class_name": of["true"], "predicted_class": of["predicted"], "where": where, "k": k}
    return {name: value for name, value in made.items() if value}


# --- what is said ------------------------------------------------------------------------------------------------------------


def lines(made: Sequence[Evidence]) -> list[str]:
    """How many images there are of each kind, and how sure the model is of their answers on average."""
    looks = [e for e in made if e.tool == TOOL]
    whole = next((side(e, "") for e in made if e.tool == COUNT), None)
    sure = [(_fact(e, "image_count"), _fact(e, "mean_confidence")) for e in looks]
    if whole is None or len(looks) != 2 or not whole.n or not all(n for n, _ in sure):
        return [*(of_count(e) for e in made if e.tool == COUNT), *map(_line, looks)]
    (wrong, low), (right, high) = sure
    mean = (wrong * low + right * high) / (wrong + right)
    counted = next(e for e in made if e.tool == COUNT)
    return [
        prompts.say(
            "known.confidence.both", k=f"{whole.k:,}", n=f"{whole.n:,}", group=group_words(counted), share=f"{number(whole.share)} {interval(whole.ci)}".strip(),
            wrong=number(low), right=number(high), m=f"{int(right):,}", mean=number(mean), rate=number(1 - whole.share), evidence="".join(f"[{e.id}]" for e in made),
        )
    ]  # fmt: skip


def _fact(made: Evidence, name: str) -> float:
    return next((float(str(f.value)) for f in made.facts if f.name == name), 0.0)


def _line(made: Evidence) -> str:
    n, sure, which = int(_fact(made, "image_count")), _fact(made, "mean_confidence"), _which(made)
    if not n or not sure:
        return prompts.say("known.confidence.none", which=which, evidence=made.id)
    return prompts.say("known.confidence", n=f"{n:,}", which=which, sure=number(sure), evidence=made.id)


def _which(made: Evidence) -> str:
    """``wrong film pictures with line=3 called paper (evaluation images)``."""
    given = made.arguments
    where = [c for c in str(given.get("where") or "").split("&") if c]
    outcome = {"wrong": "wrong", "correct": "right"}
    lead = [outcome[c] for c in where if c in outcome]
    name = [clean(str(given["class_name"]).replace("_", " "), 60)] if given.get("class_name") else []
    group = [clean(c, 60) for c in where if c not in outcome]
    told = " ".join([*lead, *name, "pictures", *(["with", " and ".join(group)] if group else [])])
    into = given.get("predicted_class")
    told += (
        f" {prompts.say('known.doubt.called', name=clean(str(into).replace('_', ' '), 60))}" if into else ""
    )
    return f"{told} ({called(str(given.get('split') or 'data'))})"
