"""Evidence in a notebook, with its pictures: they lie in the case folder, which the evidence itself does not know."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from failsight.tools.evidence import Evidence, Figure
from failsight.tools.faces import evidence_html

MOST, LARGEST = 12, 4_000_000
"""Figures that are shown, and characters of all of them together: a notebook keeps every output in its file."""


class ShownEvidence(Evidence):
    """Evidence as a case returns it: equal to what the journal holds, and shown with its figures."""

    _folder: Path | None = None  # a class without slots keeps it beside the fields

    def _repr_html_(self) -> str:
        return evidence_html(self, _pictures(self, self._folder))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Evidence) and _fields(self) == _fields(other)

    __hash__ = Evidence.__hash__


def shown(evidence: Evidence, folder: Path) -> ShownEvidence:
    """``evidence`` that shows its figures, which lie in the case folder ``folder``."""
    made = ShownEvidence(**{f.name: getattr(evidence, f.name) for f in dataclasses.fields(Evidence)})
    object.__setattr__(made, "_folder", folder)
    return made


def _fields(evidence: Evidence) -> tuple[object, ...]:
    return tuple(getattr(evidence, f.name) for f in dataclasses.fields(Evidence))


def _pictures(evidence: Evidence, folder: Path | None) -> dict[Figure, str]:
    """Figure → its picture as a data URI, as reports have it; without those that are not there, no picture, too many or too large."""
    from failsight.agent.narrate.pictures import figure_uri

    made: dict[Figure, str] = {}
    left = LARGEST
    for figure in evidence.figures:
        found = figure_uri(folder, figure) if folder is not None and len(made) < MOST else None
        if found is not None and len(found[0]) <= left:
            made[figure] = found[0]
            left -= len(found[0])
    return made
