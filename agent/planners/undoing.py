"""Taking back: what was done and still stands, and the calls that undo the newest of it.

What was taken back once is stepped past, and so is the taking back itself: ``undo that`` said twice goes two steps back,
never to and fro. A measurement that was changed in words (``only in kitchens``) goes back to what it was before. A mere look
changes nothing: that is said, with what the last change was and how to undo that one, and nothing older is touched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from failsight import prompts
from failsight.agent.planners import demanded, leaving, phrases, words
from failsight.agent.planners.dialogue import MOST, Act, Turn
from failsight.agent.planners.references import is_elliptic
from failsight.tools.evidence import Evidence
from failsight.tools.expectations.names import show_expected
from failsight.tools.registry import registry
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from failsight.agent.case import Case

_PICTURES = re.compile(r"\b(?:images?|pictures?|photos?|examples?)\b", re.IGNORECASE)
Call = tuple[str, dict[str, Any]]
EDIT, STATE = "edit_attributes", "state_hypothesis"
SHOWN = ("saliency", "show_images", "prototypes_and_criticisms", "nearest", "embedding_map", "compare_images")
WHAT_IF, PROPOSE = "what_if", "propose_attributes"
_KINDS = {"renam": "rename", "merg": "merge", "drop": "drop", "add": "add"}  # words of UNDO_EDIT → actions


@dataclass(frozen=True, slots=True)
class Done:
    """What was done for one sentence, and was not taken back.

    Attributes:
        said: the sentence; of an edit by command, what it brought.
        acts: the calls that worked, in their order.
        at: the number of the turn among those before this one; its length for what came after the last one.
    """

    said: str
    acts: tuple[Act, ...]
    at: int

    @property
    def edits(self) -> tuple[Act, ...]:
        return tuple(a for a in self.acts if a.tool == EDIT)

    @property
    def measures(self) -> bool:
        """Whether it only measured, so that it can be gone back to."""
        known = registry()
        specs = [known[a.tool] for a in self.acts if a.tool in known]
        only = all(not s.edits and not s.writes and s.name not in (STATE, PROPOSE) for s in specs)
        return only and len(specs) == len(self.acts)


@dataclass(frozen=True, slots=True)
class Back:
    """How to take something back: calls to make, a hypothesis to withdraw, or words where neither is possible."""

    calls: tuple[Call, ...] = ()
    withdraw: str = ""
    text: str = ""
    what: str = ""


def taken_back(case: Case, question: str, before: Sequence[Turn]) -> Back | None:
    """What a sentence that takes back asks for; None for any other sentence."""
    if not phrases.takes_back(question):
        return None
    state = case.state()
    known = {e.id: e for e in state.evidence}
    done = standing(before, state.evidence)
    while done and done[-1].acts[0].tool == STATE and _withdrawn(case, done[-1].acts[0]):
        done.pop()
    if (named := phrases.UNDO_EDIT.match(question)) is not None:
        return _newest_edit(done, known, named["kind"].lower())
    mild = phrases.NEVER_MIND.match(question) is not None
    if mild and not (done and done[-1].at >= len(before) - 1):
        stays = bool(before) and _did(before[-1])  # it was taken back, or a hypothesis was
        return Back(text=prompts.say("undo.stays" if stays else "undo.not_acted") + _hint(case, done))
    if done and (noted := demanded.asked(done[-1].said, case.classes, words.vocabulary(case))):
        return Back(text=prompts.say("undo.demanded", demands=listing([str(c) for c in noted])))
    looked = _looked(case, before, done)
    if looked:
        return Back(text=prompts.say("undo.look", what=clean(looked, 120), change=_last_change(case, done)))
    meant = next((at for at in range(len(before) - 1, -1, -1) if not phrases.is_aside(before[at].said)), None)
    if meant is not None and not _did(before[meant]) and not (done and done[-1].at > meant):
        said = clean(before[meant].said, 120)
        return Back(text=prompts.say("undo.not_done", said=said) + _hint(case, done))
    if not done:
        return Back(text=prompts.say("undo.nothing_more" if any(map(_did, before)) else "undo.nothing"))
    return _newest(case, done, known)


def _looked(case: Case, before: Sequence[Turn], done: Sequence[Done]) -> str:
    """What was only looked at after everything that was done: pictures of what is known, or a measurement by command; empty for
    nothing of the kind."""
    last = next((turn for turn in reversed(before) if not phrases.takes_back(turn.said)), None)
    if last is not None and not last.acts and not (done and done[-1].at > before.index(last)):
        pictures = phrases.SHOW.match(last.said) or (
            phrases.LOOK.match(last.said) and _PICTURES.search(last.said)
        )
        if pictures:
            return last.said
    return _by_slash(case, before)


def _by_slash(case: Case, before: Sequence[Turn]) -> str:
    """A measurement that a person made by command since they last said something; empty for none."""
    state = case.state()
    spoken = [s.seq for s in state.said if s.role == "person"]
    seen = {a.evidence for turn in before for a in turn.acts}
    for made in state.evidence[-1:] if len(spoken) > 1 else ():
        known = Done(made.title, (Act(made.tool, {}, made.id),), len(before))
        if made.id not in seen and known.measures and state.measured.get(made.id, 0) > spoken[-2]:
            return f"{made.tool} ({made.id})"  # in brackets it would be what was measured for this turn
    return ""


def _did(turn: Turn) -> bool:
    """Whether anything came of a turn: what failed or was declined did nothing."""
    return any(a.evidence for a in turn.acts)


def standing(before: Sequence[Turn], evidence: Sequence[Evidence]) -> list[Done]:
    """What was done and still stands, oldest first.

    Args:
        before: the turns so far, oldest first.
        evidence: all of the case, so that edits by command count as well.
    """
    seen = {a.evidence for turn in before for a in turn.acts}
    outside = [e for e in evidence if e.tool == EDIT and e.id not in seen]
    if (
        len(before) >= MOST
    ):  # of older turns nothing is known: edits before the first are not told from theirs
        first = next((_number(a.evidence) for t in before for a in t.acts if a.evidence), None)
        outside = [e for e in outside if first is not None and _number(e.id) > first]
    done: list[Done] = []
    for at, turn in enumerate(before):
        acts = tuple(a for a in turn.acts if a.evidence)  # what failed did nothing
        while acts and outside and _number(outside[0].id) < _number(acts[0].evidence):
            done.append(_by_command(outside.pop(0), at))
        if not acts or (phrases.is_aside(turn.said) and not phrases.takes_back(turn.said)):
            continue
        if not phrases.takes_back(turn.said):
            done.append(Done(turn.said, acts, at))
        elif acts[0].tool == EDIT:
            newest = next((d for d in reversed(done) if d.edits), None)
            done = [d for d in done if d is not newest]
        elif done:
            done.pop()
    return [*done, *(_by_command(e, len(before)) for e in outside)]


def _by_command(made: Evidence, at: int) -> Done:
    given = {k: v for k, v in made.arguments.items() if v not in (None, "", (), [])}
    return Done(made.summary, (Act(EDIT, given, made.id),), at)


def _number(evidence: str) -> int:
    return int(evidence[1:]) if evidence[1:].isdecimal() else 0


def _withdrawn(case: Case, act: Act) -> bool:
    return any(r.withdrawn for r in case.state().records.values() if act.evidence in r.evidence)


def _newest_edit(done: Sequence[Done], known: Mapping[str, Evidence], kind: str) -> Back:
    """The newest edit taken back, if it is of the kind that is named."""
    newest = next((d for d in reversed(done) if d.edits), None)
    if newest is None:
        return Back(text=prompts.say("undo.no_edit"))
    wanted = next((action for stem, action in _KINDS.items() if kind.startswith(stem)), "")
    if not any(str(a.arguments.get("action", "")).startswith(wanted) for a in newest.edits):
        return Back(text=prompts.say("undo.other_edit", what=clean(newest.said, 160)))
    return _edit(newest, known)


def _newest(case: Case, done: Sequence[Done], known: Mapping[str, Evidence]) -> Back:
    top = done[-1]
    if top.acts[0].tool == STATE:
        stated = [r.id for r in case.state().records.values() if top.acts[0].evidence in r.evidence]
        return Back(withdraw=stated[0] if stated else "", what=top.said)
    if top.edits:
        return _edit(top, known)
    if not top.measures:
        return Back(text=prompts.say("undo.made", what=clean(top.said, 160)))
    last = (top.acts[0].tool, top.acts[0].arguments)
    earlier = [d.acts[0] for d in reversed(done[:-1]) if d.measures]
    found = next((a for a in earlier if (a.tool, a.arguments) != last), None)
    if found is None or found.tool != last[0] or not _refines(case, top):
        return Back(text=prompts.say("undo.look", what=clean(top.said, 120), change=_last_change(case, done)))
    return Back(calls=((found.tool, dict(found.arguments)),), what=top.said)


def _edit(done: Done, known: Mapping[str, Evidence]) -> Back:
    """All edits of one sentence by their opposites, the last one first."""
    calls = [inverse(act, known.get(act.evidence)) for act in reversed(done.edits)]
    if None in calls:
        return Back(text=prompts.say("undo.cannot", what=clean(done.said, 160)))
    return Back(calls=tuple(c for c in calls if c is not None), what=done.said)


def _refines(case: Case, done: Done) -> bool:
    """Whether a sentence only changed the measurement before it (``only in kitchens``), which can be gone back to. A question of its
    own was a look, and so is every picture: they are looked at and done with."""
    from failsight.knowledge_base.counts import named

    tool = done.acts[0].tool
    if tool in SHOWN:
        return False
    return tool == WHAT_IF or is_elliptic(named(done.said[:400], words.vocabulary(case)), leaving.SMALL)


def _hint(case: Case, done: Sequence[Done]) -> str:
    """The last change and how it is taken back; nothing where nothing was changed."""
    made = _last_change(case, done)
    return "" if made == " " + prompts.say("undo.change.none") else made


def _last_change(case: Case, done: Sequence[Done]) -> str:
    """What the last change of the case was that stands, and how it is undone: an edit, a hypothesis, an expectation, a version."""
    state, found = case.state(), list[tuple[int, str, dict[str, str]]]()
    edit = next((d for d in reversed(done) if d.edits), None)
    if edit is not None:
        at = state.measured.get(edit.edits[-1].evidence, 0)
        found.append((at, "edit", {"what": clean(edit.said, 160)}))
    for made in state.evidence:
        record = next((r for r in state.open() if made.tool == STATE and made.id in r.evidence), None)
        if record is not None:
            said = {"finding": record.id, "statement": clean(record.finding.statement, 160).rstrip(".")}
            found.append((state.measured.get(made.id, 0), "hypothesis", said))
        elif made.tool == PROPOSE:
            found.append((state.measured.get(made.id, 0), "attributes", {}))
    for event in case.journal.events:
        if event.kind == "expectation.set" and event.data["name"] in state.expectations:
            one = state.expectations[event.data["name"]]
            wanted = show_expected(one.name, one.at_least, one.bound)
            found.append((event.seq, "expectation", {"criterion": wanted}))
        elif event.kind == "model.added":
            version = event.data["version"]
            of = f" of {clean(str(version['finding']), 20)}" if version.get("finding") else ""
            repair = f"{clean(str(version.get('repair', '')), 20)}{of}"
            found.append((event.seq, "version", {"repair": repair}))
        elif event.kind == "model.adopted":
            found.append((event.seq, "adopted", {"version": clean(str(event.data["version"]), 20)}))
    if not found:
        return " " + prompts.say("undo.change.none")
    _, kind, fields = max(found, key=lambda one: one[0])
    return " " + prompts.say(f"undo.change.{kind}", **fields)


def inverse(act: Act, made: Evidence | None = None) -> Call | None:
    """The edit that takes an edit of attributes back; None where there is none.

    Args:
        made: what the edit brought: it knows names as they were, where a person typed them otherwise.
    """
    given = act.arguments
    typed, to, value = str(given.get("attribute", "")), given.get("to"), given.get("value")
    was = _before(made) or typed
    match given.get("action"):
        case "rename":
            return EDIT, {"action": "rename", "attribute": str(to), "to": was}
        case "drop":
            return EDIT, {"action": "restore", "attribute": was}
        case "merge" if (
            made is None or _counted(made, "after") is not None
        ):  # columns; not what a source chose
            return EDIT, {"action": "restore", "attribute": typed}
        case "restore" if not value:
            return EDIT, {"action": "drop", "attribute": typed}
        case "restore":
            return EDIT, {"action": "drop_value", "attribute": typed, "value": value}
        case "add":
            return EDIT, {"action": "drop", "attribute": typed}
        case "drop_value":
            return EDIT, {"action": "restore", "attribute": typed, "value": value}
        case "add_value":
            return EDIT, {"action": "remove_value", "attribute": typed, "value": value}
        case "rename_value" if made is None or _counted(made, "before") == _counted(made, "after"):
            return EDIT, {"action": "rename_value", "attribute": typed, "value": to, "to": value}
    return None


def _before(made: Evidence | None) -> str:
    """The attribute's name as it was before an edit, as the evidence has it; empty without any."""
    about = (
        next((f.of for f in made.facts if f.name == "values" and f.of.endswith(", before")), "")
        if made
        else ""
    )
    return about.removeprefix("attribute ").removesuffix(", before")


def _counted(made: Evidence, when: str) -> Any:
    """How many values the attribute had before or after an edit: fewer after, and values became one."""
    return next((f.value for f in made.facts if f.name == "values" and f.of.endswith(f", {when}")), None)
