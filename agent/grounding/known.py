"""What a record settles about the things in pictures, its verdicts and the model's opinion of itself: looked up by the sign rules."""

from __future__ import annotations

from collections.abc import Sequence

from failsight.agent.grounding.about import slice_of
from failsight.agent.grounding.measures import Measures, Side
from failsight.agent.grounding.names import Lexicon
from failsight.agent.grounding.portions import TOOL
from failsight.agent.grounding.sources import Atom
from failsight.agent.state import CaseState


class Known:
    """A record, prepared.

    Attributes:
        gap: mean confidence less accuracy in points, with its evidence.
        ties: attribute → class that it pulls towards → ids.
        groups: attribute → class of a weak group → as what that is taken.
        weak: attribute → the value with more errors.
        tested: attributes that an experiment has confirmed; ``confirmed`` those of any confirmed finding.
        undecided_things: attributes of slices that were tried and not reported.
        inconclusive: the numbers of things that may be called inconclusive.
        quiet: whether masking elsewhere did far less than masking the cue.
        numbered: finding by id.
        treated: keys of the findings for which something was proposed.
        counted: attributes that images were counted by.
    """

    def __init__(self, state: CaseState, lexicon: Lexicon, measures: Measures, atoms: Sequence[Atom]) -> None:
        self.state, self.lexicon, self.measures = state, lexicon, measures
        gap = measures.value("gap", Side())
        self.gap = gap or (0.0, "")
        readiness = state.latest("readiness")
        self.readiness = readiness.id if readiness else ""
        self.ready = readiness is not None and any(
            f.name == "readiness" and f.value == "ready" for f in readiness.facts
        )
        self.ties: dict[str, dict[str, tuple[str, ...]]] = {}
        self.groups: dict[str, dict[str, str]] = {}  # attribute → class of a weak group → as what it is taken
        self.weak: dict[str, str] = {}  # attribute → the value with more errors
        for record in state.records.values():
            found = record.finding
            for name, value in slice_of(found, lexicon).items():
                refs = (*record.evidence[-1:], record.id)
                if found.kind == "spurious_correlation" and found.class_name:
                    self.ties.setdefault(name, {})[found.class_name] = refs
                elif found.kind in ("weak_slice", "rare_case") and found.verdict == "confirmed":
                    self.weak.setdefault(name, str(value))
                    if found.class_name:
                        self.groups.setdefault(name, {})[found.class_name] = found.confused_with or ""
        self.tested = {
            name
            for record in state.records.values()
            for name in slice_of(record.finding, lexicon)
            if any(t.tool.startswith("test_") and t.verdict == "confirmed" for t in record.finding.tests)
        }
        self.refuted = any(r.finding.verdict == "refuted" for r in state.records.values()) or any(
            "refuted" in str(cell) for e in state.evidence for t in e.tables for r in t.rows for cell in r
        )
        tried = [
            [str(cell) for cell in r]
            for e in state.evidence
            for t in e.tables
            if "verdict" in t.columns and t.columns[0] == "slice"
            for r in t.rows
        ]
        undecided = [r for r in tried if "inconclusive" in r]
        self.inconclusive = {
            len(undecided),
            len(tried),
            sum(r.finding.verdict == "inconclusive" for r in state.records.values()),
        }
        self.undecided_things = {a for r in tried for a in lexicon.find(r[0]).attributes}
        self.confirmed = {
            a
            for r in state.records.values()
            if r.finding.verdict == "confirmed"
            for a in slice_of(r.finding, lexicon)
        }
        cue, control = (
            {a.names.attributes: abs(a.value) for a in atoms if a.metric == m and a.part == "value"}
            for m in ("cue_effect", "control_effect")
        )
        self.quiet = bool(cue) and all(control.get(k, v) < 0.5 * v for k, v in cue.items())
        self.numbered = {r.id: r for r in state.records.values()}
        self.treated = {c.finding for e in state.evidence for c in e.corrections}
        self.counted = {
            a
            for e in state.evidence
            if e.tool == TOOL
            for f in e.facts
            for a in lexicon.find(f.of).attributes
        }
        self.frequency = [a for a in atoms if a.metric == "frequency" and a.family == "percent"]
