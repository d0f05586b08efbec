"""What a piece of evidence is about: a sentence may not say of it what stands in another one, or was never measured."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from failsight.agent.grounding.binding import clause_of
from failsight.agent.grounding.claims import Claim
from failsight.agent.grounding.lexicon import NEGATION, marked_quantities
from failsight.agent.grounding.names import Lexicon, Mention
from failsight.agent.grounding.reading import Reading
from failsight.agent.grounding.sources import Atom
from failsight.agent.state import CaseState
from failsight.tools.evidence import Evidence

_EXPERIMENT = frozenset({"effect", "cue_effect", "flip", "mended"})
_UNSPLIT = frozenset({"images", "frequency", "unlabelled", "bound", "proportion"})


class Topics:
    """What each piece of evidence speaks of."""

    def __init__(self, state: CaseState, atoms: Sequence[Atom], lexicon: Lexicon) -> None:
        self._atoms = [a for a in atoms if not a.told and not a.metric.startswith("tally:")]
        self._evidence = {e.id for e in state.evidence}
        self._splits = {e.id: set(lexicon.find(_everything(e)).splits) for e in state.evidence}
        for atom in self._atoms:
            for ref in atom.refs:
                self._splits.setdefault(ref, set()).update(atom.names.splits)

    def claims(self, at: Reading) -> Iterator[Claim]:
        """What a sentence says of evidence that is not in it, or of images that were not measured."""
        cited = [m for m in at.mentions if m.kind == "evidence" and m.name in self._evidence]
        if len({m.name for m in cited}) == 1:
            yield from self._other_split(at, cited[0])
        if not cited and not re.search(r"\d", at.part):
            yield from self._unmeasured(at)

    def _other_split(self, at: Reading, cited: Mention) -> Iterator[Claim]:
        """``E3 counts the deployment images``, where it does not."""
        clauses = at.sentence.clauses
        for mention in at.mentions:
            if (
                mention.kind == "split"
                and mention.name not in self._splits[cited.name]
                and len(at.whole.splits) == 1
                and clause_of(mention.start, clauses) == clause_of(cited.start, clauses)
            ):
                yield Claim(
                    "name", mention.start, mention.end, False, (), f"{cited.name} is about other images"
                )
                return

    def _unmeasured(self, at: Reading) -> Iterator[Claim]:
        """``The television was masked on deployment images``: what was measured on other images only."""
        other = at.whole.splits & {"deploy", "pool"}
        words = [q for q, _, _ in marked_quantities(at.part)]
        if (
            len(other) != 1
            or len(at.whole.splits) > 1
            or not words
            or not at.whole.attributes
            or NEGATION.search(at.part)
        ):
            return
        metrics = frozenset().union(*words) - _UNSPLIT
        if any(w & _EXPERIMENT for w in words) and re.search(r"\bmask|\bhid|\bcover", at.part):
            metrics &= _EXPERIMENT
        about = [
            a
            for a in self._atoms
            if a.metric in metrics and a.names.attributes and a.names.attributes <= at.whole.attributes
        ]
        if about and not any(a.names.splits & other for a in about):
            spot = next(m for m in at.mentions if m.kind == "split")
            yield Claim("name", spot.start, spot.end, False, (), "this was measured on other images")


def _everything(made: Evidence) -> str:
    cells = (str(c) for t in made.tables for r in t.rows for c in r if isinstance(c, str))
    columns = (c for t in made.tables for c in t.columns)
    told = (
        made.summary,
        *made.notes,
        *made.next_steps,
        *(f.statement + f.note for f in made.findings),
        *(c.action for c in made.corrections),
    )
    return " ".join(
        (
            *told,
            *columns,
            *cells,
            *(f"{f.name} {f.of}" for f in made.facts),
            *(f.title + f.alt for f in made.figures),
        )
    ).replace("_", " ")
