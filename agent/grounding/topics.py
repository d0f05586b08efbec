"""What a piece of evidence is about: a sentence may not say of it what stands in another one, or was never measured."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from failsight.agent.grounding.claims import Claim
from failsight.agent.grounding.lexicon import NEGATION, marked_quantities
from failsight.agent.grounding.names import Lexicon, Mention
from failsight.agent.grounding.reading import Reading
from failsight.agent.grounding.sources import Atom
from failsight.agent.state import CaseState
from failsight.tools.evidence import Evidence

_PLAIN = frozenset(
    [
        "image",
        "picture",
        "evalua",
        "deploy",
        "traini",
        "class",
        "classe",
        "model",
        "number",
        "measur",
        "result",
        "shows",
        "which",
        "where",
        "there",
        "their",
        "these",
        "those",
        "other",
        "betwee",
        "about",
        "after",
        "before",
        "kitche",
        "percen",
        "points",
        "share",
        "value",
        "rate",
        "table",
        "figure",
        "findin",
        "eviden",
        "confir",
        "verdic",
        "test",
        "tests",
        "tested",
        "experi",
        "interv",
        "total",
        "overal",
        "statis",
    ]
)
_EXPERIMENT = frozenset({"effect", "cue_effect", "flip", "mended"})
_UNSPLIT = frozenset({"images", "frequency", "unlabelled", "bound", "proportion"})


class Topics:
    """What each piece of evidence speaks of."""

    def __init__(self, state: CaseState, atoms: Sequence[Atom], lexicon: Lexicon) -> None:
        self._atoms = [a for a in atoms if not a.told and not a.metric.startswith("tally:")]
        self._titles = {e.id: _stems(_headline(e)) for e in state.evidence}
        self._words = {e.id: _stems(_everything(e)) | self._titles[e.id] for e in state.evidence}
        self._splits = {e.id: set(lexicon.find(_everything(e)).splits) for e in state.evidence}
        for atom in self._atoms:
            for ref in atom.refs:
                self._splits.setdefault(ref, set()).update(atom.names.splits)
        self._names = {
            _stem(w) for c in (*lexicon.classes, *lexicon.values) for w in re.findall(r"[a-z]{4,}", c.lower())
        }

    def claims(self, at: Reading) -> Iterator[Claim]:
        """What a sentence says of evidence that is not in it, or of images that were not measured."""
        cited = [m for m in at.mentions if m.kind == "evidence" and m.name in self._titles]
        if len({m.name for m in cited}) == 1:
            yield from self._elsewhere(at, cited[0])
            yield from self._other_split(at, cited[0])
        if not cited and not re.search(r"\d", at.part):
            yield from self._unmeasured(at)

    def _elsewhere(self, at: Reading, cited: Mention) -> Iterator[Claim]:
        """``The readiness verdict is in E10``: a word for a topic of other evidence, and none of its own."""
        found = [m for m in re.finditer(r"[A-Za-z]{5,}", at.part) if _stem(m[0]) not in _PLAIN | self._names]
        own = [m for m in found if _stem(m[0]) in self._titles[cited.name]]
        foreign = [
            m for m in found
            if _stem(m[0]) not in self._words[cited.name] and any(_stem(m[0]) in t for t in self._titles.values())
        ]  # fmt: skip
        if foreign and not own:
            start = at.sentence.start + foreign[0].start()
            yield Claim(
                "name", start, start + len(foreign[0][0]), False, (), f"{cited.name} does not speak of this"
            )

    def _other_split(self, at: Reading, cited: Mention) -> Iterator[Claim]:
        """``E3 counts the deployment images``, where it does not."""
        for mention in at.mentions:
            if (
                mention.kind == "split"
                and mention.name not in self._splits[cited.name]
                and len(at.whole.splits) == 1
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


def _headline(made: Evidence) -> str:
    return " ".join(
        (made.tool, made.title, *(f.name for f in made.facts), *(t.title for t in made.tables))
    ).replace("_", " ")


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


def _stem(word: str) -> str:
    return word.lower()[:6]


def _stems(text: str) -> frozenset[str]:
    return frozenset(_stem(w) for w in re.findall(r"[A-Za-z]{5,}", text))
