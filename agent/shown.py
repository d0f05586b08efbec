"""Evidence in a notebook, with its pictures: they lie in the case folder, which the evidence itself does not know."""

from __future__ import annotations

import base64
import dataclasses
from pathlib import Path
from typing import Final

from failsight.tools.evidence import Evidence, Figure
from failsight.tools.faces import evidence_html

MOST, LARGEST = 12, 4_000_000
"""Figures that are shown, and bytes of all of them together: a notebook keeps every output in its file."""
_TYPES: Final = {".svg": "image/svg+xml", ".png": "image/png"}


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
    """Figure → its picture as a data URI; without those that are not there, no picture, too many or too large."""
    made: dict[Figure, str] = {}
    left = LARGEST
    for figure in evidence.figures if folder is not None else ():
        kind, raw = _TYPES.get(Path(figure.path).suffix.lower()), _read(folder, figure.path, left)
        if kind and raw and len(made) < MOST:
            made[figure] = f"data:{kind};base64,{base64.b64encode(raw).decode('ascii')}"
            left -= len(raw)
    return made


def _read(folder: Path | None, path: str, most: int) -> bytes:
    """A file of the case folder; empty where it is not there, lies elsewhere or is larger than ``most`` bytes."""
    if folder is None:
        return b""
    try:
        file = (folder / path).resolve()
        if not file.is_relative_to(folder.resolve()) or file.stat().st_size > most:
            return b""
        return file.read_bytes()
    except OSError:
        return b""
