"""What ``/copy`` copies, as text. For both looks: lines print it, the app puts it on the clipboard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from failsight.agent.state import FindingRecord
from failsight.agent.ui.words import finding_line
from failsight.tools.evidence import Evidence

WHOLE = 1_000_000  # characters: nothing is left out


def text_of(
    wanted: str,
    evidence: Mapping[str, Evidence],
    records: Iterable[FindingRecord],
    said: Sequence[tuple[str, str]],
) -> tuple[str, str]:
    """(what it is, its text) of ``E3``, ``F1``, or without a name of the last answer; an empty text with why there is none."""
    name = wanted.strip().upper()
    if not name:
        answer = next((text for role, text in reversed(said) if role == "planner"), "")
        return ("the last answer", answer) if answer else ("There is no answer yet.", "")
    if name in evidence:
        return name, evidence[name].text(WHOLE)
    record = next((r for r in records if r.id == name), None)
    if record is not None:
        return name, "\n".join([finding_line(record, 4_000), *_more(record)])
    return f"There is no evidence and no hypothesis {wanted.strip()}.", ""


def _more(record: FindingRecord) -> list[str]:
    from failsight.agent.ui.renderables import finding_numbers, test_line

    tests = [test_line(t) for t in record.finding.tests]
    return [line for line in (finding_numbers(record.finding), *tests, record.finding.note) if line]
