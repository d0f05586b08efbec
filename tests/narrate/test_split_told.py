"""findings.json names the split of a finding only where it is not the evaluation images."""

from __future__ import annotations

from failsight.agent.narrate.findings import _finding
from failsight.agent.state import CaseState, FindingRecord
from failsight.tools.evidence import Finding


def told(**more: str) -> dict[str, object]:
    finding = Finding(
        "weak_slice", "correctness", "unknown", "x", slice={"tv": "yes"}, verdict="confirmed", **more
    )  # type: ignore[arg-type]
    return _finding(CaseState(), FindingRecord("F1", finding))


def test_a_document_from_before_splits_were_told_is_still_what_the_journal_tells() -> None:
    assert "split" not in told() and "split" not in told(split="data")


def test_another_split_is_told() -> None:
    made = told(split="deploy")
    assert made["split"] == "deploy" and {k: v for k, v in made.items() if k != "split"} == told()
