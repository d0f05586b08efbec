"""The way of a case through its workflow: how it came to where it is, and the ways on from there. For both looks."""

from __future__ import annotations

from collections.abc import Iterator

from failsight.agent.ui.snapshot import Snapshot
from failsight.agent.ui.words import stage_rows

KINDS = {"see failure": "failure", "correct": "correction"}  # stage → kind of step, where they differ


def map_lines(snapshot: Snapshot, workflow: str = "") -> Iterator[tuple[str, str]]:
    """(line, kind) of the map; kinds: ``head``, ``here``, ``passed``, ``ahead``, ``way``. Reads the workflow's file once.

    A stage in which something was declined is not ticked, nor one whose result is out of date: what is left stands in its line.
    """
    yield "Stages", "head"
    for row in stage_rows(snapshot.stage, snapshot.entered, snapshot.left):
        why = snapshot.why(row.name)
        kind = "here" if row.current else "passed" if row.visited else "ahead"
        told = [f"because {why}"] if why and (row.current or not row.left) else []
        told += [row.left] if row.left else []
        yield (
            f"{row.symbol} {row.name}{' (here)' if row.current else ''}{': ' if told else ''}{'; '.join(told)}",
            kind,
        )
    if len(snapshot.moves) > 1:
        yield "", ""
        yield "How we got here", "head"
        for i, (stage, trigger) in enumerate(snapshot.moves, 1):
            yield f"{i:>3} {stage}: {trigger}", "passed"
    yield from _ways(snapshot.stage, workflow)


def _ways(stage: str, workflow: str) -> Iterator[tuple[str, str]]:
    from failsight.knowledge_base.workflow import workflows

    known = workflows().get(workflow)
    if known is None:
        return
    here = [s for s in known.steps if s.step == KINDS.get(stage, stage)]
    ways = [(s, t) for s in here for t in known.after(s.id)]
    yield "", ""
    yield f"Ways on from here ({known.title})", "head"
    for step, way in ways:
        of = f"{step.title}: " if len(here) > 1 else ""
        yield f"  {of}if {way.when} → {known.step(way.target).title}: {known.step(way.target).goal}", "way"
    if not ways:
        yield "  none: this is where it ends", "way"
