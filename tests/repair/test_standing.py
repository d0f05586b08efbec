"""Readiness after a repair is of the version that was verified, on images that did not train it."""

from __future__ import annotations

from typing import Any

from failsight.tools.evidence import Correction, Evidence, Fact, Finding
from failsight.tools.propose_correction import propose_correction
from failsight.tools.readiness import AS_GIVEN, readiness, unresolved_findings
from failsight.tools.repair.standing import standing, verified_repair
from failsight.tools.repair.versions import ModelVersion
from failsight.tools.stats.floors import exact
from failsight.tools.view import Expectation
from tests.fakes.repairs import QuickView, World, answering, repaired
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


def found(of: str) -> Finding:
    return Finding(
        "weak_slice", "correctness", "unknown", f"{of} with a television fail.", slice={"television": "yes"}, class_name=of,
        n=500, error_rate=0.6, base_error_rate=0.05, ci=exact(300, 500), verdict="confirmed",
    )  # fmt: skip


def verified(view: QuickView, repair: str, finding: Finding, status: Any = "verified") -> None:
    facts = (Fact("verdict", "verified" if status == "verified" else "no effect", "text", repair),)
    told = (Correction(finding.key, "collect", "dataset", "More of them.", status),)
    arguments = {"repair": repair}
    view.recorded.append(
        Evidence("verify_correction", "Judged", "Judged.", arguments, facts=facts, corrections=told, id="E9")
    )


def searched(view: QuickView, *findings: Finding) -> None:
    view.expectations = [Expectation("worst_slice_error", 0.3, False)]
    view.recorded.append(Evidence("find_slices", "x", "x", {"split": "data"}, findings=findings, id="E0"))


def test_a_slice_counts_as_the_repair_leaves_it() -> None:
    beds = found("bed")
    world = World(6000, 0)
    view = repaired(world, (0.6, 0.05, 0.05), (0.45, 0.05, 0.05), (0.6, 0.05, 0.05), finding=beds)
    searched(view, beds)
    verified(view, "R1", beds)
    at = standing(view)
    made = at.view.predictions("data")
    inside = (world.labels == 1) & world.television
    rate = float((made.predicted != made.labels)[inside].mean())
    assert 0.35 < rate < 0.5
    told = readiness(view)
    assert told.fact("readiness").value == "not_ready" and told.tables[0].rows[0][3] == rate
    assert not unresolved_findings(view)


def test_a_repair_of_another_finding_is_not_in_the_version_that_is_judged() -> None:
    beds, baths, world = found("bed"), found("bath"), World(6000, 0)
    view = repaired(world, (0.6, 0.6, 0.05), (0.05, 0.6, 0.05), (0.6, 0.6, 0.05), finding=beds)
    view.stated.append(("F2", baths))
    for seed in (1, 2, 3):
        for arm, name, rates in (
            ("repair", f"R2.{seed}", (0.6, 0.05, 0.05)),
            ("control", f"R2.c{seed}", (0.6, 0.6, 0.05)),
        ):
            view.made_versions.append(
                ModelVersion(name, "R2", arm, seed, "collect", "F2", f"repair/R2/{name}", name, {})
            )  # type: ignore[arg-type]
            view.given_versions[name] = answering(world.answers(*rates), name)
    searched(view, beds, baths)
    verified(view, "R1", beds)
    assert [i for i, _ in unresolved_findings(view)] == ["F2"]
    assert {row[0] for row in propose_correction(view).tables[0].rows} == {"F2"}
    verified(view, "R2", baths)  # made of the case's own model: without the first repair
    made = readiness(view)
    assert made.fact("version_judged").value == "R2.1" and made.fact("readiness").value == "not_ready"
    assert [i for i, _ in unresolved_findings(view)] == ["F1"]
    assert "slices is that of F1" in " ".join(made.notes)


def test_a_repair_that_was_found_wanting_mends_nothing() -> None:
    beds = found("bed")
    view = repaired(World(6000, 0), (0.6, 0.05, 0.05), (0.05, 0.05, 0.05), (0.6, 0.05, 0.05), finding=beds)
    searched(view, beds)
    verified(view, "R1", beds)
    assert readiness(view).fact("readiness").value == "ready" and not unresolved_findings(view)
    verified(view, "R1", beds, "rejected")
    made = readiness(view)
    assert made.fact("readiness").value == "not_ready"
    assert [i for i, _ in unresolved_findings(view)] == ["F1"]
