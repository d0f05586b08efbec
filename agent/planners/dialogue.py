"""What was said and done so far, turn by turn: a fold over the journal's events, so that a restart forgets nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from failsight.agent.planners import phrases
from failsight.agent.planners.parted import parts
from failsight.tools.evidence import Evidence
from failsight.tools.registry import registry

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.agent.journal import Event

MOST = 40  # turns that a reference may reach back
COUNT = "count_images"
_CITED = re.compile(r"\[(E\d+)\]")


@dataclass(frozen=True, slots=True)
class Act:
    """One measurement of a turn. ``arguments``: those that are not the defaults. ``evidence``: its id, empty if it failed."""

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a person said, what was measured for it, and the words that answered."""

    said: str
    acts: tuple[Act, ...] = ()
    reply: str = ""


def turns(case: Case, now: str = "") -> list[Turn]:
    """The turns before this one, oldest first.

    Args:
        now: what the person says now; when the journal has it already as an unanswered turn, that turn is left out.
    """
    made = fold(case.journal.events, case.state().evidence)
    if made and not made[-1].reply and made[-1].said == now:
        made.pop()
    return made[-MOST:]


def fold(events: Sequence[Event], evidence: Sequence[Evidence]) -> list[Turn]:
    """Events as turns. A measurement that was answered from the journal leaves no event: the reply that cites it tells,
    but for questions that are answered with what was measured for others (why, what was found)."""
    known = {e.id: e for e in evidence}
    found: list[Turn] = []
    said, acts, running = None, list[Act](), dict[str, Act]()
    for event in events:
        data = event.data
        if event.kind == "message" and data["role"] == "person":
            if said is not None:
                found.append(turn_of(said, acts, "", known))
            said, acts, running = str(data["text"]), [], {}
        elif said is None:
            continue
        elif event.kind == "message":
            found.append(turn_of(said, acts, str(data["text"]), known))
            said, acts = None, []
        elif event.kind == "tool.started":
            running[str(data["call"])] = Act(str(data["tool"]), given(str(data["tool"]), data["arguments"]))
        elif event.kind == "evidence.recorded":
            begun = running.pop(str(data["call"]), None)
            if begun is not None:
                acts.append(Act(begun.tool, begun.arguments, str(data["evidence"].get("id", ""))))
        elif event.kind == "tool.failed":
            acts += [act] if (act := running.pop(str(data["call"]), None)) else []
    return [*found, turn_of(said, acts, "", known)] if said is not None else found


def turn_of(said: str, acts: Sequence[Act], reply: str, known: Mapping[str, Evidence]) -> Turn:
    if phrases.only_tells(said) or reply.startswith("**F"):  # a finding told again
        return Turn(said, tuple(acts), reply)
    cited = [known[i] for i in dict.fromkeys(_CITED.findall(reply)) if i in known]
    counts = [e for e in cited if e.tool == COUNT]  # what a finding rests on may be cited behind them
    first = bool(counts) and cited[0].tool == COUNT
    if (
        len(counts) > 1 and first and all(a.tool == COUNT for a in acts)
    ):  # beside each other, some of them measured before
        acts = [Act(e.tool, given(e.tool, e.arguments), e.id) for e in counts]
    elif not acts and cited:
        acts = [Act(cited[0].tool, given(cited[0].tool, cited[0].arguments), cited[0].id)]
    return Turn(said, tuple(acts), reply)


def given(tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that differ from the tool's defaults."""
    if tool not in registry():
        return dict(arguments)
    fields = registry()[tool].arguments.model_fields
    return {
        k: v
        for k, v in arguments.items()
        if k in fields and (fields[k].is_required() or _plain(v) != _plain(fields[k].default))
    }


def _plain(value: Any) -> Any:
    """``value`` as JSON has it, so that a tuple equals the list that the journal made of it."""
    return list(value) if isinstance(value, tuple) else value


def last_act(before: Sequence[Turn]) -> Act | None:
    """The measurement that a reference is about: the newest turn's first one, a hypothesis before its test; of several wishes the last."""
    turn = next((t for t in reversed(before) if t.acts), None)
    if turn is None:
        return None
    return turn.acts[-1 if len(turn.acts) > 1 and len(parts(turn.said)) > 1 else 0]
