"""What a person said no to and nobody ran since: the same words for the map, the recap, the end of a run and the report.

A no leaves a hypothesis as it was: open. Whoever reads that a stage is over has to read what was left out of it, and how
to have it after all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from failsight.agent.state import CaseState, Declined, FindingRecord
from failsight.tools.text import clean, listing

TEST, MASKING, REPAIR = "test_", "test_by_masking", "retrain"
ASKED_OTHERWISE = (
    "budget",
    "look_at",
)  # questions about money and about sending pictures: no measurement was left out
STAGES = {
    "failure": "see failure",
    "correction": "correct",
}  # kind of workflow step → stage, where they differ
MOST = 6


def declined(state: CaseState) -> list[Declined]:
    """The calls that a person said no to and that nobody made since, oldest first; tests of what was taken back are none."""
    return [d for d in state.declined if d.tool not in ASKED_OTHERWISE and not _settled(state, d)]


def tests(state: CaseState) -> list[Declined]:
    """Those of them that would have tested something."""
    return [d for d in declined(state) if d.tool.startswith(TEST)]


def stage_of(state: CaseState, call: Declined) -> str:
    """The stage of the workflow in which a call was left out."""
    from failsight.knowledge_base.workflow import workflows

    known = workflows().get(str(state.config.get("workflow", "")))
    kind = known.kind_of(call.tool) if known is not None else ""
    return STAGES.get(kind, kind) or ("test" if call.tool.startswith(TEST) else call.stage)


def left_out(state: CaseState) -> dict[str, str]:
    """Stage → what was left out of it and how to have it, as a clause; stages without a no are not in it."""
    stages: dict[str, list[Declined]] = {}
    for call in declined(state):
        stages.setdefault(stage_of(state, call), []).append(call)
    return {stage: "; ".join(_clauses(state, calls)) for stage, calls in stages.items()}


def told(state: CaseState, tools: Sequence[str] = ()) -> list[str]:
    """What was left out, a sentence for tests and one for everything else; of these ``tools`` alone where some are named."""
    calls = [d for d in declined(state) if not tools or d.tool in tools]
    return [f"{clause[0].upper()}{clause[1:]}." for clause in _clauses(state, calls)]


def by_policy(state: CaseState) -> list[str]:
    """What the policy of this session did not allow and nobody ran since: tests, where a hypothesis stays open because of it, and
    what would have raised one."""
    denied, open_ = sorted(t for t in state.denied if t.startswith(TEST)), [r.id for r in state.open()]
    made = []
    if denied and open_:
        made.append(f"The policy of this run did not allow {listing(denied, MOST)}; {_stay(open_)}.")
    if others := unmeasured(state):
        them, first = ("it", "it") if len(others) == 1 else ("they", "the first")
        made.append(
            f"The policy of this run did not allow {listing(others, MOST)}: what {them} might have found was not looked for. "
            f"Another --policy allows it; `failsight call CASE {others[0]}` runs {first}."
        )
    return made


def unmeasured(state: CaseState) -> list[str]:
    """Measuring tools that the policy of this session did not allow and nobody ran since, tests of one hypothesis left out."""
    if not state.denied:
        return []
    from failsight.tools.registry import registry

    known = registry()
    ran = {e.tool for e in state.evidence if state.measured[e.id] > state.denied_at.get(e.tool, 0)}
    left = (t for t in sorted(state.denied - ran) if not t.startswith(TEST))
    return [t for t in left if t in known and not known[t].writes]


def offers(state: CaseState) -> list[str]:
    """What may be said to have the first declined test after all; nothing where none was declined."""
    return [f"T{_again(d)[1:]}" for d in tests(state)[:1] if _again(d).startswith("test ")]


def because(state: CaseState, plain: str) -> str:
    """Why the tests are over: ``plain`` where nothing is left; else what was declined, or stays open because no test of it is made unasked."""
    refused, open_ = tests(state), [r.id for r in state.open()]
    if refused:
        return f"tests were declined; {_stay(open_)}" if open_ else "tests were declined"
    if open_:
        return f"{_stay(open_)}: nothing tests {_them(open_)} unasked"
    others = unmeasured(state)
    return f"{plain}, but for what the policy did not allow ({listing(others, MOST)})" if others else plain


def _clauses(state: CaseState, calls: Sequence[Declined]) -> list[str]:
    refused = [d for d in calls if d.tool.startswith(TEST)]
    others = [d for d in calls if not d.tool.startswith(TEST)]
    made = []
    if refused:
        open_ = [r.id for r in state.open()]
        stays = f"; {_stay(open_)}" if open_ else ""
        made.append(f"{_no_to(refused)}{stays}; say “{_again(refused[0])}” to run {_one(refused)}")
    if others:
        made.append(
            f"you said no to {listing([_named(d) for d in others], MOST)}; say “{_again(others[0])}” to run {_one(others)}"
        )
    return made


def _no_to(refused: Sequence[Declined]) -> str:
    count = "1 test" if len(refused) == 1 else f"{len(refused):,} tests"
    return f"you said no to {count} ({listing([_named(d) for d in refused], MOST)})"


def _stay(ids: Sequence[str]) -> str:
    return f"{listing(list(ids), MOST)} {'stays' if len(ids) == 1 else 'stay'} open"


def _them(ids: Sequence[str]) -> str:
    return "it" if len(ids) == 1 else "them"


def _one(calls: Sequence[Declined]) -> str:
    return "it" if len(calls) == 1 else "the first"


def _named(call: Declined) -> str:
    finding = call.arguments.get("finding")
    return f"{call.tool} of {clean(str(finding), 20)}" if finding else call.tool


def _again(call: Declined) -> str:
    """What somebody says to have a call made after all."""
    finding = clean(str(call.arguments.get("finding") or ""), 20)
    if finding and call.tool == MASKING:
        return f"test {finding}"
    if finding and call.tool == REPAIR:
        return f"repair {finding}"
    return f"/tool {call.tool}{typed(call.arguments)}"


def typed(arguments: Mapping[str, Any]) -> str:
    """Arguments as they are typed after a tool's name: `` where=camera=phone,lighting=dark``; what can't be typed in a word is left out."""
    said = {k: ",".join(map(str, v)) if isinstance(v, list | tuple) else v for k, v in arguments.items()}
    return "".join(
        f" {k}={clean(str(v), 80)}"
        for k, v in said.items()
        if isinstance(v, str | int | float) and " " not in str(v) and v != ""
    )


def _settled(state: CaseState, call: Declined) -> bool:
    """Whether a test has nothing left to say: its hypothesis was taken back, or is of a version that the case left."""
    record = _record(state, call)
    return record is not None and call.tool.startswith(TEST) and record.standing in ("withdrawn", "earlier")


def _record(state: CaseState, call: Declined) -> FindingRecord | None:
    finding = call.arguments.get("finding")
    return state.find(str(finding)) if finding else None
