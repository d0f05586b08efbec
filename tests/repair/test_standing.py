"""Readiness after a repair is of the version that was verified, on images that did not train it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from failsight.tools import readiness as tools_readiness
from failsight.tools.evidence import Correction, Evidence, Fact, Finding
from failsight.tools.expectations.criteria import judge
from failsight.tools.propose_correction import propose_correction
from failsight.tools.readiness import AS_GIVEN, readiness, unresolved_findings
from failsight.tools.repair.standing import standing, verified_repair
from failsight.tools.repair.untouched import untouched
from failsight.tools.repair.versions import RESTATED, ModelVersion
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


def test_by_peoples_labels_too_the_leakage_that_the_version_mends_is_not_held_against_it() -> None:
    leak = Finding(
        "leakage", "process", "data_engineering", "Some images were trained on.", verdict="confirmed"
    )
    view = judged(repaired(World(), BAD, GOOD, BAD, finding=leak), "verified")
    view.expectations = [Expectation("accuracy", 0.9)]
    assert readiness(view).fact("readiness").value == "ready"
    paths, labels = view.table().paths, view.table().labels
    view.given_verdicts = {"data": {paths[0]: view.classes[(int(labels[0]) + 1) % len(view.classes)]}}
    made = readiness(view)
    check_evidence(made)
    assert "changed 1." in made.summary and made.summary.endswith("By their labels: the expectations hold.")


def test_labels_that_people_left_as_they_were_are_not_judged_again(monkeypatch: pytest.MonkeyPatch) -> None:
    view, judgements = case("verified"), []
    monkeypatch.setattr(tools_readiness, "judge", lambda *a, **k: judgements.append(1) or judge(*a, **k))
    readiness(view)
    before = len(judgements)
    paths, labels = view.table().paths, view.table().labels
    view.given_verdicts = {"data": {paths[i]: view.classes[int(labels[i])] for i in range(5)}}
    made = readiness(view)
    assert len(judgements) == 2 * before
    assert "changed 0." in made.summary and "By their labels" not in made.summary


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
    inside &= untouched(view, "data", beds, ()).keep  # the half that chose the slice does not judge it
    wrong, n = int((made.predicted != made.labels)[inside].sum()), int(inside.sum())
    assert 0.35 < wrong / n < 0.5 and 400 < n < 600
    told = readiness(view)
    assert told.fact("readiness").value == "not_ready"
    assert told.tables[0].rows[0][3:7] == (wrong / n, *exact(wrong, n), n)
    assert not unresolved_findings(view)


def test_a_slice_of_which_nobody_knows_the_images_leaves_it_undecided() -> None:
    beds = found("bed")
    lamp = replace(beds, slice={"lamp": "yes"}, error_rate=0.1, ci=exact(50, 500))
    view = repaired(World(6000, 0), (0.6, 0.05, 0.05), (0.02, 0.02, 0.02), (0.6, 0.05, 0.05), finding=beds)
    view.stated.append(("F2", lamp))
    searched(view, beds, lamp)
    verified(view, "R1", beds)
    made = readiness(view)
    check_evidence(made)
    assert made.fact("readiness").value == "undecided"
    assert made.fact(AS_GIVEN, "the model as given").value == "not_ready"
    assert any("The slice of F2 was not measured with R1.1" in n for n in made.notes)
    assert not any("would decide" in n for n in made.notes)  # no number of images would
    view.expectations = [Expectation("worst_slice_error", 0.01, False)]
    view.given_versions["R1.1"] = view._model  # the first slice is above any bound, whatever the other is
    assert readiness(view).fact("readiness").value == "not_ready"


def test_confident_answers_and_places_in_a_picture_are_no_slices_of_another_version() -> None:
    beds = found("bed")
    sure = replace(beds, kind="overconfidence", failure="unknown_unknowns", class_name="bed")
    place = replace(
        beds, kind="overemphasised_feature", slice={"region": "corner:top left"}, class_name="bath"
    )
    view = repaired(World(6000, 0), (0.6, 0.05, 0.05), (0.02, 0.02, 0.02), (0.6, 0.05, 0.05), finding=beds)
    view.stated.append(("F2", place))
    searched(view, beds)
    verified(view, "R1", beds)
    assert readiness(view).fact("readiness").value == "ready"
    view.stated.append(("F3", sure))
    made = readiness(view)
    assert made.fact("readiness").value == "undecided"
    assert any("F3 was not measured with R1.1: it is one of confident answers" in n for n in made.notes)


def test_images_that_come_in_groups_decide_no_sooner_with_the_repair() -> None:
    beds, world = found("bed"), World(6000, 0)
    view = repaired(world, (0.6, 0.05, 0.05), (0.45, 0.05, 0.05), (0.6, 0.05, 0.05), finding=beds)
    searched(view, beds)
    verified(view, "R1", beds)
    alone = readiness(view).tables[0].rows[0]
    # six houses, each of whose pictures are answered alike
    wrong = view.version("R1.1").predictions().predicted != world.labels
    house = np.where(wrong, 0, 3) + np.arange(world.n) % 3
    view.table("data").columns["house"] = [f"h{i}" for i in house]
    view.recorded = [
        replace(e, arguments={**e.arguments, "group_by": "house"}) if e.tool == "find_slices" else e
        for e in view.recorded
    ]
    together = readiness(view).tables[0].rows[0]
    assert together[4] < alone[4] - 0.1 and together[5] > alone[5] + 0.1
    assert alone[7] == "no" and together[7] == "undecided"
    del view.table("data").columns["house"]
    assert any("no longer known" in n for n in readiness(view).notes)


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
    proposed = propose_correction(view)
    assert {row[0] for row in proposed.tables[0].rows} == {"F1"}
    for told in (made, proposed):
        (note,) = [n for n in told.notes if n.startswith("F1: R1 was verified for it")]
        assert "R2.1, the version judged, was made without R1" in note


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


def test_what_the_case_went_on_with_mends_what_the_versions_before_it_did() -> None:
    def wrong(kind: Any, verdict: Any = "confirmed") -> Finding:
        return Finding(kind, "correctness", "data_engineering", "Read wrongly.", verdict=verdict)

    view = repaired(World(), BAD, GOOD, BAD)
    view.stated = [
        ("F1", wrong("preprocessing")),
        ("F2", wrong("class_order")),
        ("F3", wrong("preprocessing")),
    ]
    view.made_versions = [
        ModelVersion(f"R{i}.1", f"R{i}", "repair", 0, RESTATED, f"F{i}", f"repair/R{i}/1", f"print {i}")
        for i in (1, 2)
    ]
    model = view.model()
    open_ = {}
    for name in ("old", "print 1", "print 2"):
        model.fingerprint = name
        open_[name] = [i for i, _ in unresolved_findings(view)]
    # F3 is the first finding once more, found with the version that mended it
    assert open_ == {"old": ["F1", "F2", "F3"], "print 1": ["F2", "F3"], "print 2": ["F3"]}


def deferring(threshold: float, sure: Any) -> QuickView:
    """A verified repair that leaves answers below ``threshold`` to a person; ``sure`` (600,): how sure the model is."""
    view = case("verified")
    world = World()
    answers = world.answers(*BAD)
    view._model = answering(answers, "old", sure)
    view.made_versions[:] = [
        replace(v, strategy="defer", data={"threshold": threshold if v.arm == "repair" else 0.0})
        for v in view.made_versions
    ]
    for name in view.given_versions:
        view.given_versions[name] = answering(answers, f"same {name}", sure)
    return view


def test_answers_that_are_left_to_a_person_are_no_answers() -> None:
    sure = np.where(np.arange(600) % 3 == 0, 0.6, 0.9)  # a third is left to a person
    view = deferring(0.8, sure)
    at, whole = standing(view), view.predictions("data")
    assert at.deferred == {"data": (200, 600)}
    given = np.arange(600) % 3 != 0
    assert np.array_equal(at.view.predictions("data").rows, whole.rows[given])
    made = readiness(view)
    check_evidence(made)
    criterion = made.fact("criterion", "accuracy")
    right = int(whole.correct[given].sum())
    assert (criterion.value, criterion.n, criterion.ci) == (right / 400, 400, exact(right, 400))
    assert (
        "It leaves 33.3 % of the 600 evaluation images to a person; all rates are of the answers that it gives."
        in made.summary
    )
    assert made.fact("deferred").value == 200 / 600


def test_a_repair_that_answers_nothing_or_all_is_told_as_what_it_is() -> None:
    silent = readiness(deferring(0.95, np.full(600, 0.9)))
    assert any("leaves every labelled evaluation image to a person" in n for n in silent.notes)
    assert not [f for f in silent.facts if f.name == "version_judged"]
    talking = deferring(0.0, np.full(600, 0.9))
    assert standing(talking).deferred == {} and "to a person" not in readiness(talking).summary
