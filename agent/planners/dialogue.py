"""What was said and done so far, turn by turn: a fold over the journal's events, so that a restart forgets nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from failsight.agent.planners import phrases
from failsight.tools.evidence import Evidence
from failsight.tools.registry import registry

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.agent.journal import Event

MOST = 40  # turns that a reference may reach back
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
                found.append(_turn(said, acts, "", known))
            said, acts, running = str(data["text"]), [], {}
        elif said is None:
            continue
        elif event.kind == "message":
            found.append(_turn(said, acts, str(data["text"]), known))
            said, acts = None, []
        elif event.kind == "tool.started":
            running[str(data["call"])] = Act(str(data["tool"]), given(str(data["tool"]), data["arguments"]))
        elif event.kind == "evidence.recorded":
            begun = running.pop(str(data["call"]), None)
            if begun is not None:
                acts.append(Act(begun.tool, begun.arguments, str(data["evidence"].get("id", ""))))
        elif event.kind == "tool.failed":
            acts += [act] if (act := running.pop(str(data["call"]), None)) else []
    return [*found, _turn(said, acts, "", known)] if said is not None else found


def _turn(said: str, acts: Sequence[Act], reply: str, known: Mapping[str, Evidence]) -> Turn:
    if not acts and not phrases.only_tells(said) and not reply.startswith("**F"):  # a finding told again
        cited = next((known[i] for i in _CITED.findall(reply) if i in known), None)
        if cited is not None:
            acts = [Act(cited.tool, given(cited.tool, cited.arguments), cited.id)]
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
    """The measurement that a reference is about: the newest turn's first one, a hypothesis before its test."""
    return next((turn.acts[0] for turn in reversed(before) if turn.acts), None)
