"""verify_correction: known repairs get their verdict, from untouched images alone; through the agent; hostile input."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.messages import AIMessage

from failsight.agent.events import EvidenceMade
from failsight.agent.planners.scripted import ScriptedPlanner, call
from failsight.agent.session import Session
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Correction, Evidence
from failsight.tools.verify_correction import verify_correction
from tests.fakes.repairs import RepairedCase, World, answering, repaired
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec

BAD, GOOD = (0.5, 0.05, 0.1), (0.15, 0.05, 0.1)


def verify(view: Any, **more: Any) -> Evidence:
    made = verify_correction(view, features=False, **more)
    check_evidence(made)
    return made


def outcome(made: Evidence) -> str:
    return str(made.fact("verdict", "R1").value)


def test_the_tool_describes_itself() -> None:
    check_spec(verify_correction)


def test_a_repair_that_works_is_verified_with_its_correction() -> None:
    view = repaired(World(), BAD, GOOD, BAD)
    made = verify(view)
    assert outcome(made) == "verified" and "holds" in made.summary and "None of" not in made.title
    before, after = (made.fact("error_rate", f"target, {arm}").value for arm in ("before", "repair"))
    assert float(after) < 0.5 * float(before)  # type: ignore[arg-type]
    effect = made.fact("effect", "target, repair minus control")
    assert effect.ci and effect.ci[1] < 0 and made.fact("q", "target").value <= 0.05  # type: ignore[operator]
    (told,) = made.corrections
    assert (told.status, told.finding, told.strategy) == ("verified", view.stated[0][1].key, "collect")
    assert told.before == before and told.after == after
    assert any("the first of the seeds" in step for step in made.next_steps)
    assert "no other group is shown to be worse" in made.summary
    assert re.search(
        r"Losses of up to [0-9.]+ points in some other group \(.*, \d+ images\) are not excluded",
        made.summary,
    )


def test_the_errors_are_those_counted_by_hand() -> None:
    world = World()
    view = repaired(world, BAD, GOOD, BAD)
    made = verify(view)
    target = world.target
    wrong = [
        view.given_versions[f"R1.{s}"].scores(view.table().pixels).argmax(1) != world.labels
        for s in (1, 2, 3)
    ]
    assert made.fact("error_rate", "target, repair").value == pytest.approx(np.mean(wrong, 0)[target].mean())
    assert made.fact("error_rate", "target, repair").n == target.sum()


def test_a_repair_that_does_nothing_has_no_effect_and_is_rejected() -> None:
    made = verify(repaired(World(), BAD, BAD, BAD))
    assert outcome(made) == "no effect" and made.corrections[0].status == "rejected"
    same = repaired(World(), BAD, BAD, BAD)
    for seed in (1, 2, 3):  # the very same models in both arms
        same.given_versions[f"R1.{seed}"] = same.given_versions[f"R1.c{seed}"]
    made = verify(same)
    assert outcome(made) == "no effect"
    assert made.fact("effect", "target, repair minus control").value == 0


def test_where_any_training_helps_it_is_said_that_the_version_may_be_worth_taking_all_the_same() -> None:
    made = verify(repaired(World(), BAD, GOOD, GOOD))
    assert outcome(made) == "no effect"
    assert (
        made.next_steps[0].startswith("The error fell in the control arm all the same")
        and "R1.1" in made.next_steps[0]
    )
    assert "control arm all the same" not in " ".join(verify(repaired(World(), BAD, BAD, BAD)).next_steps)


def test_a_trade_is_named_with_what_paid_for_it() -> None:
    made = verify(repaired(World(), BAD, (0.1, 0.6, 0.1), BAD))
    assert outcome(made) == "traded away" and made.corrections[0].status == "rejected"
    assert made.fact("worst_loss", "television=yes, bath").value > 0.4  # type: ignore[operator]
    assert "television=yes, bath lost most" in made.summary
    table = next(t for t in made.tables if t.title.startswith("What it did elsewhere"))
    assert table.rows[0][0] == "television=yes, bath" and table.rows[0][-1] == "worse"


def test_images_that_chose_or_trained_do_not_judge() -> None:
    free = verify(repaired(World(), BAD, GOOD, BAD))
    found = repaired(
        World(), BAD, GOOD, BAD, tool="find_slices", data={"data": {"rows": list(range(0, 600, 3))}}
    )
    made = verify(found)
    n = made.fact("error_rate", "target, before").n
    assert n and n < 0.5 * free.fact("error_rate", "target, before").n  # type: ignore[operator]
    assert any("trained the repair" in n for n in made.notes)
    assert any("half on which the finding was searched" in n for n in made.notes)


def test_the_plan_is_registered_before_a_version_is_run() -> None:
    view = repaired(World(), BAD, GOOD, BAD)
    ran: list[int] = []
    real = view.version
    view.version = lambda name: (ran.append(len(view.instruments)), real(name))[1]  # type: ignore[method-assign]
    made = verify(view)
    assert ran and all(n == 1 for n in ran)
    (plan,) = view.instruments
    assert plan.id == made.fact("plan").value and plan.finding == view.stated[0][1].key
    assert plan.arguments["versions"]["R1.1"] == "R1.1" and plan.n_planned > 50


def test_what_is_undecided_says_what_would_decide() -> None:
    made = verify(repaired(World(90), BAD, (0.3, 0.05, 0.1), BAD))
    assert outcome(made) == "inconclusive" and made.corrections[0].status == "applied"
    assert any("more labelled images" in s or "more seed" in s for s in made.next_steps)
    assert any("80 % power" in n for n in made.notes)
    one = verify(repaired(World(), BAD, GOOD, BAD, seeds=1))
    assert outcome(one) == "inconclusive" and "three are the least" in one.summary
    none = verify(repaired(World(), BAD, GOOD, None))
    assert outcome(none) == "inconclusive" and "no control arm" in none.summary


def test_overconfidence_is_judged_by_the_calibration_error() -> None:
    world = World()
    finding = world.finding(kind="overconfidence", slice=None, class_name=None)
    view = repaired(world, BAD, BAD, BAD, finding=finding)
    answers = world.answers(0.3, 0.3, 0.3)
    view._model = answering(answers, "sure", 0.99)
    for seed in (1, 2, 3):
        view.given_versions[f"R1.{seed}"] = answering(answers, f"calm {seed}", 0.7)
        view.given_versions[f"R1.c{seed}"] = answering(answers, f"sure {seed}", 0.99)
    made = verify(view)
    assert outcome(made) == "verified"
    assert made.fact("ece", "target, before").value == pytest.approx(0.29, abs=0.04)
    assert made.fact("ece", "target, repair").value < 0.05  # type: ignore[operator]
    assert made.corrections[0].before == made.fact("ece", "target, before").value
    view.has_scores = False
    with pytest.raises(RetryError, match="probabilities"):
        verify(view)


def test_label_noise_speaks_of_its_class_and_of_wrong_labels() -> None:
    world = World()
    finding = world.finding(kind="label_noise", slice=None, class_name="bed")
    view = repaired(world, (0.4, 0.1, 0.4), (0.1, 0.1, 0.1), (0.4, 0.1, 0.4), finding=finding)
    made = verify(view)
    assert outcome(made) == "verified" and "(bed)" in made.summary
    assert any("labels that are wrong" in n for n in made.notes)


def test_wrong_labels_of_one_annotator_harm_all_images_and_two_points_count_there() -> None:
    """Who labelled a training image says nothing of which evaluation images are then answered wrongly."""
    world = World()
    finding = world.finding(kind="label_noise", slice={"annotator": "B"}, class_name=None)
    view = repaired(world, (0.4, 0.3, 0.4), (0.1, 0.05, 0.1), (0.4, 0.3, 0.4), finding=finding)
    made = verify(view)
    assert outcome(made) == "verified" and "(all images)" in made.summary
    assert made.fact("error_rate", "target, before").n == len(world.labels)
    assert made.fact("minimum_effect", "target").value == 0.02  # which labels were corrected is not known


def test_the_target_of_relabelling_are_errors_the_way_of_the_wrong_labels() -> None:
    world = World()
    finding = world.finding(kind="label_noise", slice={"annotator": "B"}, class_name=None)
    view = repaired(world, (0.4, 0.3, 0.4), (0.1, 0.05, 0.1), (0.4, 0.3, 0.4), finding=finding)
    wrong = view.predictions().predicted != world.labels
    beds = float(wrong[world.labels == 1].mean())
    view.made_versions[:] = [
        dataclasses.replace(v, data={"relabelled": [[0, 1, 90], [1, 0, 3]]}) for v in view.made_versions
    ]
    made = verify(view)
    assert made.fact("error_rate", "target, before").value == pytest.approx(beds) and beds > 0.1
    assert made.fact("error_rate", "target, before").n == int((world.labels == 1).sum())
    assert made.fact("minimum_effect", "target").value == pytest.approx(beds / 4)
    assert made.fact("error_rate", "before").value == pytest.approx(
        wrong.mean()
    )  # all errors are told beside it
    assert outcome(made) == "verified" and "answered the way of the wrong labels went from" in made.summary
    assert "All errors went from" in made.summary and view.instruments[-1].arguments["ways"] == [
        ["bed", "bath"]
    ]
    assert any("the way of the labels that were corrected, " in n for n in made.notes)
    given = verify(view, minimum_effect=0.9)
    assert outcome(given) == "no effect" and not any("a quarter of the errors" in n for n in given.notes)


def test_errors_that_fell_elsewhere_are_not_the_doing_of_the_corrected_labels() -> None:
    """Only beds gained. Where beds had been labelled baths that is the repair; where baths had been labelled beds it is not."""
    world = World()
    finding = world.finding(kind="label_noise", slice={"annotator": "B"}, class_name=None)
    view = repaired(world, (0.6, 0.3, 0.3), (0.05, 0.3, 0.3), (0.6, 0.3, 0.3), finding=finding)
    for moved, wanted in (([[0, 1, 90]], "verified"), ([[1, 0, 90]], "no effect")):
        view.made_versions[:] = [
            dataclasses.replace(v, data={"relabelled": moved}) for v in view.made_versions
        ]
        made = verify(view)
        assert outcome(made) == wanted and f"({'bed' if wanted == 'verified' else 'bath'})" in made.summary


def test_answers_left_to_people_are_set_beside_as_many_by_lot() -> None:
    world = World()
    answers = world.answers(0.4, 0.2, 0.2)
    wrong = answers != world.labels
    for useful, expected in ((True, "verified"), (False, "no effect")):
        view = repaired(World(), BAD, BAD, BAD, finding=world.finding(slice=None, class_name=None))
        doubt = wrong if useful else world.rng.permutation(wrong)
        for name in view.given_versions:
            view.given_versions[name] = answering(answers, f"{name}{useful}", np.where(doubt, 0.6, 0.9))
        view._model = answering(answers, f"old{useful}", np.where(doubt, 0.6, 0.9))
        view.made_versions[:] = [
            dataclasses.replace(v, strategy="defer", data={"threshold": 0.8 if v.arm == "repair" else 0.0})
            for v in view.made_versions
        ]
        made = verify(view)
        assert outcome(made) == expected
        assert any("left to a person" in n for n in made.notes)
        error = wrong[~doubt].mean()  # of the answers that it gives, as retrain and readiness count
        assert made.fact("deferred", "target, repair").value == pytest.approx(doubt.mean())
        assert made.fact("error_rate", "target, answers that the repair gives").value == pytest.approx(error)
        said = f"{doubt.mean():.1%} of these images are left to a person, which counts as no error; of the answers that it gives {error:.1%} are"
        assert said.replace("%", " %") in made.summary


def test_a_target_of_two_splits_is_told_split_by_split() -> None:
    world = World()
    view = repaired(world, BAD, GOOD, BAD)
    whole = view.table()
    cut = 150  # deployment images: the first ones again, of which the old model answers every target wrongly
    old = view.predictions().predicted
    view._tables["deploy"] = FakeTable(
        whole.pixels[:cut],
        world.labels[:cut],
        whole.classes,
        {"television": whole.columns["television"][:cut]},
    )
    made = verify(view)
    target = world.target
    for name, inside in (("evaluation images", target), ("deployment images", target[:cut])):
        n = int(inside.sum())
        before = float((old[: len(inside)] != world.labels[: len(inside)])[inside].mean())
        fact = made.fact("error_rate", f"target, before, {name}")
        assert (fact.value, fact.n) == (pytest.approx(before), n)
        assert f"{n} {name}" in made.summary and f"{name} {before:.1%}".replace("%", " %") in made.summary
    table = next(t for t in made.tables if t.title.startswith("The target by split"))
    assert [row[1] for row in table.rows] == [int(target.sum()), int(target[:cut].sum())]
    assert made.fact("error_rate", "target, before").n == target.sum() + target[:cut].sum()


def test_a_target_of_one_split_is_told_as_before() -> None:
    made = verify(repaired(World(), BAD, GOOD, BAD))
    assert "Split by split" not in made.summary and not any("by split" in t.title for t in made.tables)


def test_every_repair_of_a_case_makes_the_next_one_prove_more() -> None:
    view = repaired(World(), BAD, GOOD, BAD)
    first = verify(view)
    for i in range(6):
        other = dataclasses.replace(first, facts=tuple(
            dataclasses.replace(f, value=f"I-{i}") if f.name == "plan" else dataclasses.replace(f, value="no effect") if f.name == "verdict" else f
            for f in first.facts
        ))  # fmt: skip
        view.recorded.append(other)
    assert verify(view).fact("q", "target").value > 3 * first.fact("q", "target").value  # type: ignore[operator]


def test_the_action_of_a_correction_is_the_one_that_was_proposed() -> None:
    view = repaired(World(), BAD, GOOD, BAD)
    key = view.stated[0][1].key
    proposed = Correction(key, "collect", "dataset", "Collect 200 beds with a television.", "approved")
    view.recorded.append(Evidence("propose_correction", "Proposed", "Proposed.", corrections=(proposed,)))
    assert verify(view).corrections[0].action == proposed.action


def test_versions_that_answer_nothing_or_only_some_images_are_said_so() -> None:
    view = repaired(World(), BAD, GOOD, BAD)
    view._tables["data"].bad = set(range(0, 600, 10))
    assert "untouched images" in verify(view).summary
    broken = repaired(World(), BAD, GOOD, BAD)
    real = broken.version

    def version(name: str) -> FakeView:
        made = real(name)
        if name == "R1.2":
            predictions = made.predictions()
            kept = dataclasses.replace(
                predictions,
                rows=predictions.rows[:0],
                labels=predictions.labels[:0],
                scores=predictions.scores[:0],
            )
            made.predictions = lambda split="data": kept  # type: ignore[method-assign]
        return made

    broken.version = version  # type: ignore[method-assign]
    with pytest.raises(RetryError, match=r"R1\.2 gives no finite scores"):
        verify(broken)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v: v.made_versions.clear(), "No repair has made a version"),
        (lambda v: v.stated.clear(), "does not have"),
        (lambda v: v._tables["data"].labels.fill(-1), "No labelled image is left"),
        (lambda v: v._tables["data"].columns.clear(), "No labelled image is left"),
    ],
)
def test_what_cannot_be_verified_is_one_sentence(change: Any, words: str) -> None:
    view = repaired(World(120), BAD, GOOD, BAD)
    change(view)
    with pytest.raises(RetryError, match=words):
        verify(view)
    with pytest.raises(RetryError, match="no repair"):
        verify(repaired(World(120), BAD, GOOD, BAD), repair="R9")


def test_seeds_without_a_partner_are_left_out() -> None:
    view = repaired(World(), BAD, GOOD, BAD, seeds=4)
    view.made_versions[:] = [v for v in view.made_versions if v.name != "R1.c2"]
    made = verify(view)
    assert made.fact("seeds").value == 3 and any("R1.2" in n for n in made.notes)


@pytest.fixture
def case(tmp_path: Path) -> Iterator[RepairedCase]:
    made = RepairedCase(tmp_path / "case")
    yield made
    made.close()


def test_through_the_agent_the_reliance_on_the_cue_is_gone_too(case: RepairedCase) -> None:
    planner = ScriptedPlanner([call("verify_correction", repair="R1", max_images=24), AIMessage("Done.")])
    session = Session(case, planner=planner, policy="auto")
    events = list(session.say("did it work?"))
    (made,) = [e.evidence for e in events if isinstance(e, EvidenceMade)]
    assert outcome(made) == "verified" and made.questions == ("iterations.3", "iterations.4")
    assert "It relies less on it: masking the television" in made.summary
    record = next(iter(case.state().records.values()))
    assert [c.status for c in record.corrections] == ["verified"]
    kinds = [e.kind for e in case.journal]
    assert kinds.index("instrument.registered") < len(kinds) - 1 - kinds[::-1].index("evidence.recorded")
    session.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "wanted"),
    [("nothing", "no effect"), ("identical", "no effect"), ("irrelevant", "no effect"), ("any", "no effect"), ("trade", "traded away"),
     ("collect", "verified"), ("relabel", "verified"), ("calm", "verified")],
)  # fmt: skip
def test_of_twenty_worlds_at_least_nine_tenths_are_told_rightly(kind: str, wanted: str) -> None:
    from benchmarks.corrections import judge

    found = [judge(kind, number)[0].fact("verdict", "R1").value for number in range(20)]
    assert found.count(wanted) >= 18, found


@pytest.mark.slow
def test_a_slice_chosen_for_its_errors_is_never_said_to_be_repaired_by_nothing() -> None:
    from benchmarks.corrections import judge

    found = [judge("chosen", number)[0].fact("verdict", "R1").value for number in range(20)]
    assert "verified" not in found and "traded away" not in found
