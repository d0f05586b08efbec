"""A hypothesis in its own words beside its verdict: quoted, and not asserted."""

from __future__ import annotations

import re
from collections.abc import Iterator

from failsight.agent.grounding.claims import Claim
from failsight.agent.grounding.lexicon import VERDICTS
from failsight.agent.grounding.numbers import sentences
from failsight.agent.grounding.reading import Reading
from failsight.agent.state import CaseState

_LEAST = 5  # words of a sentence that is no chance
_REFERENCE = re.compile(r"\s?\[[^\]]*\]")


class Quoted:
    """The statements of the findings and hypotheses of a case."""

    def __init__(self, state: CaseState) -> None:
        self._said = [
            (_plain(first), r) for r in state.records.values() if (first := _first(r.finding.statement))
        ]

    def claims(self, at: Reading) -> Iterator[Claim]:
        """The verdict that stands beside a statement of the record in its own words; nothing where none is quoted so."""
        part = _plain(at.part)
        for statement, record in self._said:
            place = part.find(statement)
            if place < 0 or record.finding.verdict in (None, "confirmed"):
                continue
            around = part[:place] + " " + part[place + len(statement) :]
            said = VERDICTS[str(record.finding.verdict)]
            if said.search(around) is not None:
                match = said.search(at.part)
                start = at.sentence.start + (match.start() if match is not None else 0)
                end = start + (len(match[0]) if match is not None else 0)
                yield Claim("verdict", start, end, True, (*record.evidence[-1:], record.id), "")
                return


def _first(statement: str) -> str:
    """The first sentence of a statement, if it is long enough to be known again."""
    one = next(sentences(statement), None)
    said = statement[one.start : one.end] if one is not None else ""
    return said if len(said.split()) >= _LEAST else ""


def _plain(text: str) -> str:
    return " ".join(_REFERENCE.sub("", text).lower().split()).rstrip(".")
