"""Simple counts over a record: findings by verdict and kind, rows of tables, classes, splits, expectations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from failsight.agent.grounding.lexicon import KINDS
from failsight.agent.grounding.names import Lexicon, Names
from failsight.agent.grounding.sources import Atom, replace
from failsight.agent.state import CaseState
from failsight.tools.evidence import Evidence


def _rows(made: Evidence, tally: Callable[..., Atom]) -> Iterator[Atom]:
    """How many rows a table has, and how many with each verdict."""
    for shown in made.tables:
        words = [
            w for w in re.findall(r"[a-z]{5,}", shown.title.lower()) if w not in ("images", "which", "where")
        ]
        words += ["groups", "subsets", "weak spots"] if "slices" in words else []
        if words:
            yield tally(len(shown.rows), "|".join(w[:6] for w in words), (made.id,))
        if "verdict" in shown.columns:
            at = shown.columns.index("verdict")
            for verdict in {str(row[at]) for row in shown.rows}:
                yield tally(
                    sum(str(row[at]) == verdict for row in shown.rows), re.escape(verdict), (made.id,)
                )


def tallies(state: CaseState, lexicon: Lexicon) -> Iterator[Atom]:
    """Counts of findings by verdict and kind, of classes, splits and expectations. Counts of nothing are counted too."""
    found = list(state.records.values())
    base = Atom(0, "plain", 0, Names(), "", ())

    def tally(value: float, words: str, refs: tuple[str, ...] = ()) -> Atom:
        return replace(base, value=float(value), metric="tally:" + words, refs=refs)

    for verdict in ("confirmed", "refuted", "inconclusive", None):
        some = [r for r in found if r.finding.verdict == verdict]
        yield tally(len(some), verdict or "open|untested|stated|not tested", tuple(r.id for r in some[:1]))
    held = sum(r.finding.verdict == "confirmed" for r in found)
    yield tally(held, "unrepaired|not (?:yet )?repaired|waiting")
    kinds = {r.finding.kind for r in found}
    for kind in kinds:
        some = [r for r in found if r.finding.kind == kind]
        words = KINDS[kind].pattern if kind in KINDS else kind.replace("_", " ")
        yield tally(len(some), words, tuple(r.id for r in some[:1]))
        tested = [
            r
            for r in some
            if any(t.tool.startswith("test_") and t.verdict == "confirmed" for t in r.finding.tests)
        ]
        if tested:
            yield tally(len(tested), "mask|experiment|prove|test", tuple(r.id for r in tested[:1]))
    masked = [e for e in state.evidence if e.tool.startswith("test_")]
    yield tally(len(masked), "mask|experiment|test", tuple(e.id for e in masked[:1]))
    yield tally(len(found), "finding|hypothes")
    yield tally(len(state.evidence), "pieces of evidence")
    for made in state.evidence:
        yield from _rows(made, tally)
    yield tally(len(lexicon.classes), "class|rooms|categor")
    yield tally(len(state.expectations), "expect|criteri")
    named = {s for e in state.evidence for f in e.facts for s in re.findall(r"^split (\w+)$", f.of)} | {
        "data"
    }
    yield tally(len(named), "sets\\b|splits")
    labelled = {
        f.of
        for e in state.evidence
        for f in e.facts
        if f.name == "accuracy" and (not f.of or f.of.startswith("split "))
    }
    if labelled:
        yield tally(len(labelled), "labelled sets|labelled splits")
