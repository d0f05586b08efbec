"""A repair that was made is told as done, with what came of it; a proposal stays a proposal."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from failsight.agent.journal import Journal
from failsight.agent.narrate import build_report, findings_document, write_reports
from failsight.agent.narrate.model import Report
from failsight.agent.narrate.schema import findings_schema, misfits
from failsight.agent.state import fold
from failsight.tools.evidence import Correction, Evidence, Fact
from tests.fakes.grounded import ungrounded
from tests.fakes.told import SHORTCUT, Teller, evaluated, masked, plan

ACTION = "Collect about 430 kitchens without a television."


def asked(status: Any, **more: Any) -> tuple[Correction, ...]:
    return (Correction(SHORTCUT.key, "collect", "dataset", ACTION, status, **more),)


def version(arm: str, seed: int, **more: Any) -> dict[str, Any]:
    name = f"R1.{'c' if arm == 'control' else ''}{seed}"
    made: dict[str, Any] = {
        "name": name, "repair": "R1", "arm": arm, "seed": seed, "strategy": "collect", "finding": "F1", "path": f"repair/R1/{name}",
        "fingerprint": "f" * 64, "data": {"train": {"fingerprint": "e" * 64, "rows": 2500}}, "cost": {"labels": 300.0},
    }  # fmt: skip
    if arm == "repair":
        made["data"]["additions"] = {"images": 300, "from": "where the model fails"}
    return {**made, **more}


def verified(verdict: str, status: str, worse: int = 0) -> Evidence:
    facts = [
        Fact("verdict", verdict, "text", "R1"),
        Fact("error_rate", 0.606, "share", "target, before", (0.55, 0.66), 340),
        Fact("error_rate", 0.19, "share", "target, repair", None, 340),
        Fact("error_rate", 0.627, "share", "target, control", None, 340),
        Fact("q", 0.0002, "score", "target"),
        Fact("groups_traded", worse, "count"),
        Fact("worst_loss", 0.127, "points", "dark bedrooms", (0.068, 0.185), 267),
    ]
    return Evidence(
        "verify_correction", "Judged", "R1 was judged.", arguments={"repair": "R1"}, facts=tuple(facts),
        corrections=asked(status, before=0.606, after=0.19, q=0.0002),
    )  # fmt: skip


def told(folder: Path, verdict: Evidence | None = None, **more: Any) -> tuple[Report, Any, list[Any]]:
    t = Teller(folder)
    t.created()
    t.call(evaluated())
    t.call(
        masked(SHORTCUT, "box:television", 0.29, (0.24, 0.34), "confirmed", id="F1"),
        plan=plan(SHORTCUT, "box:television"),
    )
    t.call(Evidence("propose_correction", "What could be done", "Collect.", corrections=asked("proposed")))
    for arm in ("repair", "control"):
        for seed in (1, 2, 3):
            t.note("model.added", version=version(arm, seed, **(more if arm == "repair" else {})))
    t.call(
        Evidence("retrain", "A repair, trained", "R1 was trained: 3 seeds.", arguments={"seeds": 3},
                 facts=(Fact("versions", 6, "count", "repair R1"),), corrections=asked("applied"))
    )  # fmt: skip
    if verdict is not None:
        t.call(verdict)
    t.close()
    journal = Journal(folder, write=False)
    state = fold(journal)
    write_reports(folder, state, journal.events)
    return build_report(state, journal.events), state, journal.events


def listed(state: Any, events: Any) -> list[dict[str, Any]]:
    document = findings_document(state, events)
    assert list(misfits(document, findings_schema())) == []
    repairs: list[dict[str, Any]] = document["findings"][0]["repairs"]
    return repairs


def test_findings_json_carries_what_a_repair_did(tmp_path: Path) -> None:
    made = verified("traded away", "rejected", worse=1)
    more = (
        Fact("effect", -0.437, "points", "target, repair minus control", (-0.52, -0.35), 340),
        Fact("seeds", 3, "count"), Fact("groups_worse", 2, "count"),
    )  # fmt: skip
    _, state, events = told(tmp_path, dataclasses.replace(made, facts=(*made.facts, *more)))
    (repair,) = listed(state, events)
    assert repair == {
        "repair": "R1", "strategy": "collect", "versions": ["R1.1", "R1.2", "R1.3", "R1.c1", "R1.c2", "R1.c3"],
        "verdict": "traded away", "measure": "error_rate", "n": 340, "before": 0.606, "after": 0.19, "control": 0.627,
        "effect": -0.437, "effect_ci": [-0.52, -0.35], "q": 0.0002, "seeds": 3, "groups_worse": 2, "groups_traded": 1,
        "worst_group": "dark bedrooms", "worst_loss": 0.127, "evidence": state.latest("verify_correction").id,
    }  # fmt: skip


def test_a_repair_that_nobody_judged_has_no_verdict_in_findings_json(tmp_path: Path) -> None:
    _, state, events = told(tmp_path)
    (repair,) = listed(state, events)
    assert repair["verdict"] is None and "after" not in repair
    proposed = Teller(tmp_path / "other")
    proposed.created()
    proposed.call(
        masked(SHORTCUT, "box:television", 0.29, (0.24, 0.34), "confirmed", id="F1"),
        plan=plan(SHORTCUT, "box:television"),
    )
    proposed.close()
    journal = Journal(tmp_path / "other", write=False)
    assert "repairs" not in findings_document(fold(journal), journal.events)["findings"][0]


def test_a_repair_that_others_paid_for_within_bounds_says_so(tmp_path: Path) -> None:
    made = verified("verified", "verified")
    report, _, _ = told(
        tmp_path, dataclasses.replace(made, facts=(*made.facts, Fact("groups_worse", 1, "count")))
    )
    (said,) = report.headlines[0].repairs
    assert "no other group" not in said.text
    assert "at a price that was allowed for. dark bedrooms lost most: +12.7 points" in said.text


def test_a_verified_repair_says_what_was_done_and_what_it_brought(tmp_path: Path) -> None:
    report, state, events = told(tmp_path, verified("verified", "verified"))
    card = report.headlines[0]
    assert card.repaired == "repaired" and card.corrections == ()
    said = card.repairs[0].text
    assert said.startswith(
        "Done as R1: 300 images were added to the 2,500 training images (where the model fails); 3 versions came of it, "
        "beside 3 control versions with the same budget."
    )
    assert (
        "On 340 images that neither chose nor trained it, errors went from 60.6 % to 19.0 %, 62.7 % in the control (q < 0.001)."
        in said
    )
    assert "no other group is shown to have paid for it" in said and said.endswith(
        f"The proposal had been: {ACTION}"
    )
    assert {"E3", "E4", "E5"} <= set(card.repairs[0].refs)
    assert ungrounded(report, state, events) == []
    assert any("Repairs were tried: F1 (repaired)." in s.text for s in report.brief)


def test_a_repair_that_others_paid_for_names_who(tmp_path: Path) -> None:
    report, *_ = told(tmp_path, verified("traded away", "rejected", worse=1))
    said = report.headlines[0].repairs[0].text
    assert "dark bedrooms lost most: +12.7 points [+6.8, +18.5] points." in said
    assert report.headlines[0].repaired == "traded for another failure"
    page = (tmp_path / "report.html").read_text()
    assert "Traded for another failure" in page and "What was done" in page
    assert "What was done to correct it, and what was proposed" in (tmp_path / "report.md").read_text()


def test_a_repair_that_nobody_judged_is_said_not_to_be_judged(tmp_path: Path) -> None:
    report, *_ = told(tmp_path)
    assert "has not been judged" in report.headlines[0].repairs[0].text
    assert report.headlines[0].repaired == "repair not judged yet"


@pytest.mark.parametrize(
    ("strategy", "more", "said"),
    [
        ("relabel", {"data": {}, "cost": {"labels": 12.0}}, "12 labels of training images were corrected"),
        ("recalibrate", {"data": {"temperature": 1.5}}, "the scores are divided by a temperature of 1.5"),
        ("defer", {"data": {"threshold": 0.8}}, "answers with a confidence below 80.0 % are left to a person"),
        ("loss_weighting", {"data": {"train": {"rows": 2500}}}, "images of the group weighed more in the loss, of 2,500 training images"),
    ],
)  # fmt: skip
def test_what_was_done_is_told_for_each_way_to_repair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strategy: str, more: dict[str, Any], said: str
) -> None:
    monkeypatch.setitem(
        asked.__globals__,
        "asked",
        lambda s, **m: (Correction(SHORTCUT.key, strategy, "dataset", ACTION, s, **m),),
    )
    report, *_ = told(tmp_path, strategy=strategy, **more)
    assert said in report.headlines[0].repairs[0].text
