"""What the last answers were about: groups of images, each as a count of it, or findings, in the order in which they were told.

``which is worse?``, ``the other one`` and ``compare that to bedrooms`` speak of these. A fold over the turns; nothing is measured here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from failsight.agent.planners import phrases, words
from failsight.agent.planners.counting import follow
from failsight.agent.planners.counting import words as w
from failsight.agent.planners.counting.read import OUTCOMES, Count, denied, parts
from failsight.agent.planners.counting.said import RANKS
from failsight.agent.planners.counting.said import TOOL as COUNT
from failsight.agent.planners.dialogue import last_act
from failsight.agent.planners.slots import splits, where
from failsight.tools.hypotheses.typed import conditions_of

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Act, Turn
    from failsight.tools.evidence import Evidence

BACK: Final = 4  # turns that a reference to several things may reach back
MOST: Final = 8  # things of one answer that a reference may mean
RIGHT: Final = ("correct",)
_ID: Final = re.compile(r"\bF\d{1,4}\b")
_ONE_OF: Final = ("class_name", "within_class", "true_class")


@dataclass(frozen=True, slots=True)
class About:
    """What one answer was about.

    Attributes:
        counts: groups of images, each with what is counted of it.
        findings: ids, where the answer told findings and measured nothing.
        act: the measurement, if any.
    """

    counts: tuple[Count, ...] = ()
    findings: tuple[str, ...] = ()
    act: Act | None = None

    @property
    def several(self) -> bool:
        return len(self.counts) > 1 or len(self.findings) > 1


def recent(case: Case, before: Sequence[Turn]) -> list[About]:
    """What the last answers were about, newest first; thanks and the like are passed over."""
    said = [t for t in reversed(before) if t.acts or not phrases.is_aside(t.said)]
    found = (_of_turn(case, t) for t in said[: 2 * BACK])
    return [one for one in found if one.act is not None or one.findings][
        :BACK
    ]  # what was asked back is about nothing


def gathered(found: Sequence[About], least: int = 2) -> About:
    """The newest answer with those before it, until there are ``least`` things of one kind to choose among."""
    counts: list[Count] = []
    for one in found:
        if one.findings and not counts:
            return one
        if not one.counts:
            break
        counts = [*(c for c in one.counts if c not in counts), *counts]
        if len(counts) >= least:
            break
    return About(tuple(counts[-MOST:]))


def one_class(case: Case, before: Sequence[Turn]) -> str:
    """The one class that the last answer was about; empty where it was about none or several."""
    found = recent(case, before)
    names = {class_of(c) for c in found[0].counts} if found else set()
    return next(iter(names)) if len(names) == 1 else ""


def class_of(one: Count) -> str:
    """The class that a group is of; empty where it is of none or of several."""
    held = [parts(c)[2] for c in one.among if parts(c)[:2] == ("true", "=") and "|" not in c]
    return held[0] if len(held) == 1 else ""


def _of_turn(case: Case, turn: Turn) -> About:
    act = last_act([turn])
    if act is None:
        return About(findings=tuple(dict.fromkeys(_ID.findall(turn.reply)))[:MOST])
    known = {e.id: e for e in case.state().evidence}
    counts: list[Count] = []
    for one in turn.acts:
        counts += [c for c in _of_act(case, one, known) if c not in counts]
    return About(tuple((counts or _named(case, turn))[:MOST]), act=act)


def _of_act(case: Case, act: Act, known: Mapping[str, Evidence]) -> list[Count]:
    given = act.arguments
    named = (str(given["split"]),) if given.get("split") and given["split"] != "data" else ()
    if act.tool == COUNT:
        return _of_count(act, known, named)
    if act.tool == "compare_classes":
        others = (given.get("class_a"), given.get("class_b"), *(given.get("others") or ()))
        return [Count((f"true={c}",), RIGHT, named) for c in others if c]
    if act.tool == "compare_group":
        return _sides({**_of_finding(case, str(given.get("finding") or "")), **given}, named)
    if act.tool in ("disaggregate", "find_slices") and not given.get("within_class"):
        return _values(case, given, named)
    if act.tool in ("confusion_matrix", "show_images"):
        one = follow.of_other(act)
        return [one] if one is not None else []
    name = next((str(given[k]) for k in _ONE_OF if given.get(k)), "")
    return [Count((f"true={name}",), RIGHT, named)] if name else []


def _of_count(act: Act, known: Mapping[str, Evidence], named: tuple[str, ...]) -> list[Count]:
    """What was counted; where it was by the values of a column, each of these."""
    given = act.arguments
    base = Count(follow.held(given.get("among")), follow.held(given.get("having")), named)
    by, made = str(given.get("by") or ""), known.get(act.evidence)
    rows = [str(r[0]) for t in made.tables[:1] for r in t.rows] if by and made is not None else []
    if not rows or by in ("outcome", "confidence"):
        return [base]
    kept = tuple(c for c in base.among if parts(c)[0] != by)
    return [Count((*kept, f"{by}={v}"), base.having, named) for v in rows]


def _sides(given: Mapping[str, Any], named: tuple[str, ...]) -> list[Count]:
    """A group that was compared, and the others of its class."""
    name, held = given.get("class_name"), where(given)
    lead = (f"true={name}",) if name else ()
    group = Count((*lead, *held), ("wrong",), named)
    if len(held) != 1:
        return [group] if held else []
    return [group, Count((*lead, denied(held[0])), ("wrong",), named)]


def _of_finding(case: Case, name: str) -> dict[str, Any]:
    """The group and the class of a finding whose test was asked for by its name."""
    record = case.state().find(name) if name else None
    if record is None:
        return {}
    held = [str(c) for c in conditions_of(record.finding.slice)]
    return {"where": held, **({"class_name": record.finding.class_name} if record.finding.class_name else {})}


def _values(case: Case, given: Mapping[str, Any], named: tuple[str, ...]) -> list[Count]:
    columns = words.vocabulary(case).attributes
    held = [a for a in given.get("attributes") or () if columns.get(a)]
    return [Count((f"{held[0]}={v}",), RIGHT, named) for v in columns[held[0]]] if len(held) == 1 else []


def _named(case: Case, turn: Turn) -> list[Count]:
    """The classes that the sentence names or, where the best or worst were asked for, that the answer names first."""
    told = turn.said
    if RANKS.search(w.spelt(turn.said)):
        told = turn.reply.split("\n")[0].partition(". The next is ")[0]
    named = [s for s in splits(turn.said) if s != "data"]
    names = words.names(case, told).of("class")
    return [Count((f"true={c}",), RIGHT, tuple(named[:1])) for c in names]


def outcome(one: Count) -> str:
    """``wrong`` or ``correct`` where that is what is counted; empty for anything else."""
    held = [c for c in one.having if c in OUTCOMES]
    return held[0] if held and len(one.having) == 1 else ""
