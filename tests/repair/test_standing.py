"""Readiness after a repair is of the version that was verified, on images that did not train it."""

from __future__ import annotations

from typing import Any

from failsight.tools.evidence import Evidence, Fact
from failsight.tools.readiness import AS_GIVEN, readiness
from failsight.tools.repair.standing import standing, verified_repair
from failsight.tools.view import Expectation
from tests.fakes.repairs import QuickView, World, repaired
from tests.tools.cases import check_evidence

BAD, GOOD = (0.6, 0.1, 0.05), (0.02, 0.02, 0.02)


def judged(view: QuickView, verdict: str, repair: str = "R1") -> QuickView:
    facts = (Fact("verdict", verdict, "text", repair),)
    view.recorded.append(
        Evidence("verify_correction", "Judged", "Judged.", {"repair": repair}, facts=facts, id="E9")
    )
    return view


def case(verdict: str, **more: Any) -> QuickView:
    view = judged(repaired(World(), BAD, GOOD, BAD, **more), verdict)
    view.expectations = [Expectation("accuracy", 0.9)]
    return view


def test_a_verified_repair_is_what_readiness_is_of() -> None:
    made = readiness(case("verified"))
    check_evidence(made)
    assert made.fact("readiness").value == "ready" and made.fact("version_judged").value == "R1.1"
    assert made.fact(AS_GIVEN, "the model as given").value == "not_ready"
    assert "Judged is R1.1, the verified repair of F1" in made.summary


def test_a_repair_that_was_not_verified_is_not() -> None:
    for verdict in ("no effect", "traded away", "inconclusive"):
        made = readiness(case(verdict))
        assert made.fact("readiness").value == "not_ready"
        assert not [f for f in made.facts if f.name == "version_judged"] and "Judged is" not in made.summary
        assert any("not verified: R1" in n for n in made.notes)


def test_images_that_trained_the_repair_do_not_judge_it() -> None:
    view = case("verified", data={"data": {"rows": list(range(100))}})
    at = standing(view)
    assert len(at.view.predictions("data")) == len(view.predictions("data")) - 100
    assert len(at.view.attributes("data").rows) == len(view.predictions("data")) - 100
    made = readiness(view)
    assert (
        made.tables[0].rows[0][6] == len(view.predictions("data")) - 100
    )  # images that the criterion rests on
    assert any("trained the repair" in n for n in made.notes)


def test_a_repair_trained_on_all_that_could_judge_it_leaves_the_verdict_with_the_model_before() -> None:
    made = readiness(case("verified", data={"data": 600}))
    assert made.fact("readiness").value == "not_ready" and any(
        "R1.1 could not be judged" in n for n in made.notes
    )


def test_the_newest_verdict_of_a_repair_holds() -> None:
    view = judged(case("verified"), "no effect")
    assert verified_repair(view) == ""
    assert verified_repair(judged(view, "verified")) == "R1"
