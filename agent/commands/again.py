"""``failsight call CASE TOOL … --again``: a number of the record, measured anew.

What was measured is normally answered from the journal, which shows what was said and proves nothing. A reviewer wants the
images gone through again: in a branch of the case that ends right before the call was made, with no cache, thrown away after.
"""

from __future__ import annotations

import dataclasses
import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failsight.agent.fork import fork
from failsight.agent.journal import Event, Journal
from failsight.tools.errors import UserError
from failsight.tools.evidence import Evidence, Fact, evidence_from_dict
from failsight.tools.text import clean, number

if TYPE_CHECKING:
    from failsight.tools.view import Progress

EXACT = 1e-6  # relative; sums of floats may come out otherwise on another machine
TIMED = (
    "latency",
    "throughput",
    "memory",
    "seconds",
    "warmup",
)  # names of facts that are never the same twice


@dataclasses.dataclass(frozen=True, slots=True)
class Again:
    """Evidence as recorded and as measured anew.

    Attributes:
        event: number of the event that recorded it.
        same: facts that came out the same.
        other: a sentence for each that did not.
    """

    recorded: Evidence
    event: int
    made: Evidence
    same: int
    other: tuple[str, ...]


def recorded_call(
    events: Sequence[Event], tool: str, arguments: Mapping[str, Any]
) -> tuple[int, int, Evidence] | None:
    """(event where it began, event that recorded it, what it was) of the last such call; None where there was none."""
    began: dict[str, int] = {}
    found = None
    for event in events:
        data = event.data
        if (
            event.kind == "tool.started"
            and data["tool"] == tool
            and dict(data["arguments"]) == dict(arguments)
        ):
            began[data["call"]] = event.seq
        elif event.kind == "evidence.recorded" and data["call"] in began:
            found = (began[data["call"]], event.seq, evidence_from_dict(data["evidence"]))
    return found


def measure_again(
    folder: Path, tool: str, arguments: Mapping[str, Any], *, progress: Progress | None = None, **given: Any
) -> Again:
    """Measure anew what the journal of the case ``folder`` holds, beside it and with nothing cached.

    Raises:
        UserError: it was never measured, or model or pictures can't be had any more.
        RetryError: a bad argument.
    """
    from failsight.agent.config import load_config
    from failsight.agent.opening import open_case
    from failsight.agent.trusted import check_code
    from failsight.tools.registry import registry

    check_code(load_config(folder), folder)
    spec = registry()[tool]
    found = recorded_call(Journal(folder, write=False).events, tool, spec.check(arguments))
    if found is None:
        raise UserError(
            f"{clean(tool)} was never measured with these arguments in this case, so there is nothing to compare.",
            "Leave --again away; `failsight report` lists what was measured.",
        )
    start, event, recorded = found
    with tempfile.TemporaryDirectory(prefix="failsight-again-") as parent:
        name = folder.resolve().name or "case"  # what goes wrong is said of the case that the person has
        branch = fork(folder, Path(parent) / name, at=start - 1, carry=("repair",))
        with open_case(branch, progress=progress, **given) as case:
            made, _ = case.call(tool, arguments, by="person", why="measured again")
    same, other = compared(recorded, made)
    return Again(recorded, event, made, same, other)


def compared(recorded: Evidence, made: Evidence) -> tuple[int, tuple[str, ...]]:
    """How many facts are the same, and a sentence for each fact or verdict that is not."""
    then, now = (_by_name(e.facts) for e in (recorded, made))
    timed = [key for key in then if any(word in key[0] for word in TIMED)]
    kept = [key for key in then if key not in timed]
    other = [_differs(key, then[key], now.get(key)) for key in kept]
    other += [
        f"{_called(key)} was not there before: {number(fact.value, fact.unit)}."
        for key, fact in now.items()
        if key not in then and not any(word in key[0] for word in TIMED)
    ]
    verdicts = [{f.key: f.verdict for f in e.findings} for e in (recorded, made)]
    if verdicts[0] != verdicts[1]:
        other.append("The findings or their verdicts came out otherwise.")
    told = tuple(text for text in other if text)
    return len(kept) - sum(bool(text) for text in other[: len(kept)]), told


Key = tuple[str, str, int]


def _by_name(facts: Sequence[Fact]) -> dict[Key, Fact]:
    made: dict[Key, Fact] = {}
    for fact in facts:
        place = sum(1 for name, of, _ in made if (name, of) == (fact.name, fact.of))
        made[fact.name, fact.of, place] = fact
    return made


def _called(key: Key) -> str:
    return clean(f"{key[0].replace('_', ' ')}{f' of {key[1]}' if key[1] else ''}", 120)


def _differs(key: Key, then: Fact, now: Fact | None) -> str:
    if now is None:
        return f"{_called(key)} is not there any more; it was {number(then.value, then.unit)}."
    values = ((then.value, now.value), *zip(then.ci or (), now.ci or (), strict=False))
    if all(_equal(a, b) for a, b in values) and (then.ci is None) == (now.ci is None):
        return ""
    return f"{_called(key)} was {number(then.value, then.unit)} and is {number(now.value, now.unit)}."


def _equal(one: object, two: object) -> bool:
    if isinstance(one, int | float) and isinstance(two, int | float):
        return math.isclose(one, two, rel_tol=EXACT, abs_tol=1e-9) or (one != one and two != two)
    return one == two


def in_words(made: Again) -> str:
    """What came of it, for a reviewer."""
    head = f"Measured again beside the case, with nothing cached: {made.recorded.id}, recorded as event {made.event}."
    if not made.other:
        facts = f"All {made.same:,} facts" if made.same > 1 else "Its fact" if made.same else "It"
        return (
            f"{head} {facts} came out the same{', with the same verdicts' if made.recorded.findings else ''}."
        )
    told = "1 thing" if len(made.other) == 1 else f"{len(made.other):,} things"
    lines = [f"{head} Of its facts {made.same:,} came out the same; {told} did not:"]
    return "\n".join([*lines, *(f"- {text}" for text in made.other)])
