"""The answer from the record about the things that a sentence names: counts made at once, findings, what a subject has.

The most specific comes first: a class and a group together before either alone, of the images that the words mean. Whatever wants
something to be done (shown, tested, repaired, written) is no question for the record.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.planners import words
from failsight.agent.planners.counting.base import call_of, why
from failsight.agent.planners.counting.read import Count
from failsight.agent.planners.counting.said import TOOL
from failsight.agent.planners.known import findings, subjects
from failsight.agent.planners.known.counts import Plan, plan
from failsight.agent.planners.known.things import Things, things_of
from failsight.knowledge_base.condition_text import column_of, parts
from failsight.tools.errors import RetryError
from failsight.tools.experiments.population import parse_filters, rows_meeting
from failsight.tools.notes import called
from failsight.tools.registry import registry
from failsight.tools.text import clean

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.agent.state import FindingRecord
    from failsight.knowledge_base.routing import Route
    from failsight.knowledge_base.vocabulary import Mentions

LONGEST: Final = 300
MOST_LINES: Final = 3
MOST_NEXT: Final = 3
_POLITE: Final = r"(?:(?:so|and|but|ok(?:ay)?|now|then|well|please|also|hm+|no|yes|just|can you|could you|would you|will you|let'?s|let me|let us|i want (?:you )?to|i'd like (?:you )?to|may i|can i|could i)\b\W*)*"
#: what is to be done, and not told
_ACTION: Final = re.compile(
    rf"^\W*{_POLITE}(?:please )?(?:show|see|look at|open|view|display|list|mask|cover|hide|test|try|add|paste|put|swap|exchange|replace|remove|drop|delete|rename|merge|undo|withdraw|repair|fix|mend|retrain|train|"
    r"write|save|export|report|go on|continue|run|evaluate|compare|generate|make|set|plot|draw|download|install|mark|note|remember|group)\b",
    re.IGNORECASE,
)
_WHY: Final = re.compile(
    r"\b(?:why|how come|for what reason|what(?:'s| is| are) (?:wrong|going on|happening|the (?:matter|reason|problem|cause))|what (?:causes?|makes?)|find out (?:why|what)|because of (?:what|the)|(?:i )?(?:do not|don'?t|dont|can'?t|cannot) understand)\b",
    re.IGNORECASE,
)


def answered(case: Case, question: str, mentions: Mentions, before: Sequence[Turn] = ()) -> AIMessage | None:
    """The answer from the record; None where the sentence names nothing that the record knows, or wants something done.

    Args:
        mentions: the names of the case in the sentence.
        before: the turns so far.
    """
    if (
        len(question) > LONGEST
        or any(m.role in ("image", "evidence", "finding") for m in mentions.found)
        or mentions.unknown_images
    ):
        return None
    if is_action(question):
        return None
    things = things_of(case, mentions, before)
    subject = subjects.subject_of(question)
    if subject and (lines := subjects.told(case, subject, things)):
        return message(case, lines, subject, things)
    return of_things(case, question, things, subject) if things else None


def message(case: Case, lines: Sequence[str], subject: str, things: Things | None = None) -> AIMessage:
    """What the record has on a subject, with sentences to say next."""
    return words.message(_text(lines), [*_next(things or Things(), [], subject), *words.choices(case)])


def is_action(question: str) -> bool:
    """Whether a sentence wants something done."""
    return _ACTION.match(question) is not None


def asks_why(question: str) -> bool:
    """Whether a sentence asks for a reason, in any words."""
    return _WHY.search(question) is not None


#: measurements that speak of all images where nothing narrows them, and whose answer would be of others than were named
_OF_ALL_TEXT: Final = (
    "evaluate find_slices confusion_matrix confidence_profile unknown_unknowns robustness_probe data_statistics label_noise efficiency select_data compare_models disaggregate shift preprocessing_probe "
    "cue_profile prototypes_and_criticisms operating_points image_statistics propose_attributes explain_failures review_errors compare_classes"
)
_EVALUATED_ONLY: Final = ("find_slices", "review_errors", "label_noise")  # of the evaluation images alone
_OF_ALL: Final = frozenset(_OF_ALL_TEXT.split())


def drops(
    case: Case, question: str, found: Route, tool: str, given: Mapping[str, Any], left: Sequence[str]
) -> bool:
    """Whether a call leaves out a group, a class or a column that the sentence names, so that its answer would be of other images.

    Args:
        found: the route of the sentence; what it names by the measurement's own words is meant as it stands.
        given: the arguments of the call of ``tool``.
        left: what of the sentence's group it leaves out.
    """
    if tool not in _OF_ALL or found.by_words:
        return False
    return bool(left) or leaves_out(case, question, tool, given)


def leaves_out(case: Case, question: str, tool: str, given: Mapping[str, Any]) -> bool:
    """Whether a call of ``tool`` is of other images than a sentence names: of another split, or not of its group or column."""
    there = " ".join(str(v) for v in given.values())
    things = things_of(case, words.names(case, question))
    takes = registry()[tool].arguments.model_fields if tool in registry() else {}
    if things.split == "deploy" and "split" in takes and str(given.get("split") or "data") != "deploy":
        return True
    if things.split == "deploy" and tool in _EVALUATED_ONLY:
        return True
    missing = [c for c in (*(column_of(g) for g in things.group), *things.columns) if c not in there]
    return bool(missing)


def of_things(case: Case, question: str, things: Things, subject: str = "") -> AIMessage | None:
    """What the record has, or can count at once, about these things; None where it has nothing."""
    state = case.state()
    found = findings.about(state, things)
    if things.group and not asks_why(
        question
    ):  # what is found of other groups of the class says nothing of this one
        found = [r for r in found if findings.is_of_group(r, things)]
    # a class that the sentence does not name itself is not asked about where the group has a finding of its own
    group = replace(things, classes=()) if things.taken and things.group else things
    exact = findings.exactly(state, group)
    if asks_why(question) and exact is not None:
        things = group
        return _reason(case, question, things, [exact, *(r for r in found if r.id != exact.id)])
    counted = plan(case, question, things)
    if counted.counts:
        apart = [prompts.say("known.sure.apart")] if subject == "sure" else []
        apart += [prompts.say("known.no_reason")] if asks_why(question) and not found else []
        return _counted(
            case, question, things, counted, apart, [r.id for r in found[: 2 if asks_why(question) else 1]]
        )
    lines = []
    if things.classes and not things.group and not things.columns:
        lines = [line for c in things.classes[:2] for line in subjects.of_class(case, c, things.split)]
    elif things.split and not things.group and not things.columns:
        lines = subjects.of_split(case, things.split)
    if not lines and not (found and (exact is not None or things.group or things.columns)):
        return None
    return _from_findings(case, found, things, lines)


def _reason(case: Case, question: str, things: Things, found: Sequence[FindingRecord]) -> AIMessage:
    """Why it fails on a group: the finding about exactly this group, and how many such images it was trained on."""
    lines = [findings.line(found[0], whole=True), *(findings.line(r) for r in found[1:2])]
    following = _next(things, [found[0].id])
    trained = in_training(case, things)
    if trained is None:
        lines += not_there(case, "train", things)
        return words.message(_text(lines), [*following, *words.choices(case)])
    return call_of(trained, [], why(question), {"kind": "known", "lead": lines, "next": following})


def in_training(case: Case, things: Things) -> tuple[str, dict[str, Any]] | None:
    """The count of the training images of a group; None where they have not its columns."""
    if "train" not in case.splits() or not things.group or TOOL not in registry():
        return None
    if not has_images(case, "train", things):
        return None
    held = (*(f"true={c}" for c in things.classes[:1]), *things.group)
    return TOOL, Count(held, (), ("train",)).arguments("train")


def has_images(case: Case, split: str, things: Things) -> bool:
    """Whether a split has images of the group."""
    try:
        meets, _ = rows_meeting(case, split, parse_filters(things.group))  # type: ignore[arg-type]
    except RetryError:  # it has not the column, or the column never has the value
        return False
    return bool(meets.any())


def not_there(case: Case, split: str, things: Things) -> list[str]:
    """That a split has the columns of a group and no image of it; empty where it has not the columns."""
    if split not in case.splits() or not things.group:
        return []
    columns = case.attributes(split).columns  # type: ignore[arg-type]
    if any(column_of(c) not in columns for c in things.group) or has_images(case, split, things):
        return []
    return [
        prompts.say(
            "known.none_there", images=called(split), group=" and ".join(clean(c, 60) for c in things.group)
        )
    ]


def _from_findings(
    case: Case, found: Sequence[FindingRecord], things: Things, lines: Sequence[str] = ()
) -> AIMessage:
    told = [*lines, *(findings.line(r) for r in found)][:MOST_LINES]
    return words.message(_text(told), [*_next(things, [r.id for r in found[:1]]), *words.choices(case)])


def _text(lines: Sequence[str]) -> str:
    first, *rest = lines[:MOST_LINES]
    return "\n".join([first, *(f"- {one}" for one in rest)])


def _counted(
    case: Case, question: str, things: Things, counted: Plan, lines: Sequence[str], found: Sequence[str]
) -> AIMessage:
    """The counts of a plan, with what is told beside them: ``lines`` and findings."""
    made = [(TOOL, c.arguments(s)) for c in counted.counts for s in (c.splits or ("",))]
    first, *rest = [one for i, one in enumerate(made) if one not in made[:i]]
    said = {
        "kind": "known", "beside": list(counted.beside), "findings": list(found), "next": _next(things, found), "assumed": _assumed(things), "lines": list(lines),
    }  # fmt: skip
    return call_of(first, rest, why(question), said)


def _assumed(things: Things) -> str:
    if "|" not in things.assumed:
        return things.assumed
    column, _, limit = things.assumed.partition("|")
    return prompts.say("known.middle", column=clean(column, 60), limit=limit)


def _next(things: Things, found: Sequence[str], subject: str = "") -> list[str]:
    """Sentences to say next that fit these things, each of which is understood."""
    made = []
    group = " and ".join(clean(c, 60) for c in things.group if parts(c)[1] == "=" and "|" not in c)
    name = clean(things.classes[0].replace("_", " "), 60) if things.classes else ""
    if name and group:
        made.append(f"Show me wrong {name} images with {group}")
    elif name:
        made += [f"What are {name} images taken for?", f"Show me wrong {name} images"]
    elif group:
        made.append(f"Show me wrong images with {group}")
    made += [f"Why {i}?" for i in found[:1]]
    made += ["Show me the suspect labels"] if subject == "labels" else []
    made += ["Is it ready?"] if subject == "worst" else []
    made += ["What should we fix first?"] if subject == "trust" else []
    return list(dict.fromkeys(made))[:MOST_NEXT]
