"""unknown_unknowns: a planted blind spot is found, tested and planned for; coin flips confirm nothing."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from failsight.agent.planners.scripted import ScriptedPlanner, call
from failsight.agent.session import Session
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Finding
from failsight.tools.unknown_unknowns import unknown_unknowns
from failsight.tools.unknowns.report import _to_do
from tests.fakes.case import FakeCase, television_world
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec, one_hot

CLASSES = ["bath", "bed", "hall"]


def split(
    rng: np.random.Generator, n: int, planted: bool, labelled: bool = True
) -> tuple[FakeTable, np.ndarray, np.ndarray]:
    """Table, scores and features of ``n`` images: by night (a tenth) half of the confident answers are wrong, if planted."""
    night, labels = rng.random(n) < 0.1, rng.integers(0, 3, n)
    unsure = rng.random(n) < 0.2
    rate = np.where(unsure, 0.5, np.where(night & planted, 0.5, 0.04))
    predicted = np.where(rng.random(n) < rate, (labels + 1) % 3, labels)
    sure = np.where(unsure, rng.uniform(0.4, 0.8, n), rng.uniform(0.92, 0.999, n))
    features = rng.normal(size=(n, 8)) * 0.5 + np.eye(8)[predicted] * 3
    features[night] += np.eye(8)[5] * 4
    columns = {
        "light": ["night" if x else "day" for x in night],
        "floor": rng.choice(["wood", "tile"], n).tolist(),
    }
    pixels = rng.integers(0, 255, (n, 4, 4, 3)).astype(np.uint8)
    table = FakeTable(pixels, labels if labelled else np.full(n, -1), CLASSES, columns)
    return table, one_hot(predicted, 3, sure), features.astype(np.float32)


def view_of(
    planted: bool = True,
    seed: int = 0,
    n: int = 1200,
    pool: str | None = "pool",
    labelled: bool = False,
    **more: Any,
) -> FakeView:
    rng = np.random.default_rng(seed)
    made = {"data": split(rng, n, planted)}
    if pool:
        made[pool] = split(rng, 600, planted, labelled)
    view = FakeView(
        {s: t for s, (t, _, _) in made.items()},
        scores={s: p for s, (_, p, _) in made.items()},
        seed=seed,
        **more,
    )
    view.given_features = {s: f for s, (_, _, f) in made.items()}
    return view


def test_its_arguments_are_described_and_bounded() -> None:
    check_spec(unknown_unknowns)


def test_a_planted_blind_spot_is_confirmed_described_and_planned_for(tmp_path: Path) -> None:
    view = view_of(folder=tmp_path)
    made = unknown_unknowns(view, budget=30)
    check_evidence(made)
    night = [f for f in made.findings if f.slice == {"light": "night"}]
    assert night and all(f.verdict == "confirmed" for f in made.findings)
    assert (night[0].kind, night[0].failure) == ("overconfidence", "unknown_unknowns")
    assert night[0].error_rate is not None and night[0].error_rate > 0.3
    assert night[0].q is not None and night[0].q <= 0.05
    values = next(t for t in made.tables if t.title.startswith("Attribute values")).rows
    assert [r[0] for r in values] == ["light=night"]
    (plan,) = view.instruments
    assert made.fact("plan").value == plan.id
    assert "To label next: 30 pool images" in made.summary
    rows = next(t for t in made.tables if t.title == "What to label next").rows
    assert [r[1] for r in rows].count("uncertain") == 15
    assert len({r[0] for r in rows}) == 30
    assert [f.title for f in made.figures] == ["Confident errors", "What to label next"]
    assert made.questions == ("performance.6",)
    assert unknown_unknowns(view, budget=30).to_dict() == made.to_dict()


@pytest.mark.parametrize(
    ("label", "words"), [(1, "To look at again, labels included"), (-1, "To label next")]
)
def test_what_has_a_label_is_looked_at_again(label: int, words: str) -> None:
    labelled = np.array([True, label >= 0])
    told = SimpleNamespace(
        unknown=SimpleNamespace(predictions=SimpleNamespace(labelled=labelled)),
        plan=[SimpleNamespace(position=0), SimpleNamespace(position=1)],
    )
    assert _to_do(told) == words  # type: ignore[arg-type]


def test_without_attributes_the_features_show_the_group() -> None:
    view = view_of()
    for table in (view.table("data"), view.table("pool")):
        table.columns = {}
    made = unknown_unknowns(view)
    assert made.findings and all("blind_spot" in (f.slice or {}) for f in made.findings)
    assert made.findings[0].error_rate is not None and made.findings[0].error_rate > 0.3


@pytest.mark.parametrize("runs", [10, pytest.param(100, marks=pytest.mark.slow)])
def test_coin_flips_confirm_nothing(runs: int) -> None:
    confirmed = sum(bool(unknown_unknowns(view_of(False, seed, 600)).findings) for seed in range(runs))
    assert confirmed / runs <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs)


def test_the_number_to_expect_is_checked_where_labels_exist() -> None:
    hits = 0
    for seed in range(15):
        made = unknown_unknowns(view_of(seed=seed, pool="deploy", labelled=True))
        expected = made.fact("expected_confident_errors", "split deploy")
        there = made.fact("confident_error_count", "split deploy").value
        assert expected.ci is not None and isinstance(there, int)
        hits += expected.ci[0] <= there <= expected.ci[1]
    assert hits >= 13
    assert "as expected" in made.summary


def test_a_shifted_deployment_sample_is_not_as_expected() -> None:
    calm = view_of(planted=False)
    shifted = split(np.random.default_rng(5), 600, True)
    shifted[0].columns["light"] = ["night"] * 600
    calm._tables["deploy"], calm._scores["deploy"], calm.given_features["deploy"] = shifted
    labels, predicted = calm.table("deploy").labels, shifted[1].argmax(1)
    calm.table("deploy").labels = np.where(np.arange(600) % 3 == 0, (predicted + 1) % 3, labels)
    made = unknown_unknowns(calm, plan_for="deploy")
    assert "more than expected: whether the deployment images have shifted is not decided" in made.summary
    assert any("shift" in s for s in made.next_steps)


def noisy_labels(verdict: str | None, shift: str | None = None) -> FakeView:
    """Every tenth evaluation label is wrong, so that far fewer confident errors show in deployment than it leads to expect."""
    view = view_of(planted=False, pool="deploy", labelled=True)
    labels = view.table("data").labels
    labels[::10] = (labels[::10] + 1) % 3
    if verdict:
        view.stated.append(("F5", Finding("label_noise", "correctness", "data_content", "", verdict=verdict)))  # type: ignore[arg-type]
    if shift:
        view.stated.append(
            ("F2", Finding("distribution_shift", "robustness", "data_statistics", "", verdict=shift))
        )  # type: ignore[arg-type]
        view.recorded.append(Evidence("shift", "Shift", "Nothing.", {}))
    return view


def test_fewer_than_expected_is_told_by_what_is_known_of_the_labels_and_not_by_a_refuted_shift() -> None:
    made = unknown_unknowns(noisy_labels("confirmed", "refuted"), plan_for="deploy")
    assert (
        "fewer than expected: labels of the evaluation images are confirmed wrong (F5), and such labels raise the number to expect."
        in made.summary
    )
    assert "shift" not in made.summary and not any("(shift)" in s for s in made.next_steps)


@pytest.mark.parametrize(
    ("labels", "shift", "words"),
    [
        (None, "refuted", "fewer than expected: nothing that was measured so far explains it."),
        ("refuted", "confirmed", "fewer than expected: a shift of the deployment images is confirmed (F2)."),
        (
            "confirmed",
            None,
            "raise the number to expect; whether the deployment images have shifted is not decided.",
        ),
    ],
)
def test_what_is_behind_an_unexpected_number_is_only_what_was_measured(
    labels: str | None, shift: str | None, words: str
) -> None:
    assert words in unknown_unknowns(noisy_labels(labels, shift), plan_for="deploy").summary


def test_wrong_labels_of_the_other_images_count_as_errors_there() -> None:
    view = view_of(planted=False, pool="deploy", labelled=True)
    there = view.table("deploy").labels
    there[::4] = (there[::4] + 1) % 3
    wrong = Finding("label_noise", "correctness", "data_content", "", verdict="confirmed", split="deploy")
    elsewhere = Finding("label_noise", "correctness", "data_content", "", verdict="confirmed")
    view.stated += [("F7", wrong), ("F8", elsewhere)]
    made = unknown_unknowns(view, plan_for="deploy")
    assert (
        "more than expected: labels of the deployment images are confirmed wrong (F7), and such labels count as errors there"
        in made.summary
    )
    assert "F8" not in made.summary


def test_a_pool_without_answers_is_said_and_the_rest_is_done() -> None:
    view = view_of()
    del view._scores["pool"]
    made = unknown_unknowns(view)
    check_evidence(made)
    assert any(f.slice == {"light": "night"} for f in made.findings)
    assert any("pool images were not looked at" in n for n in made.notes)
    assert not any("neither pool nor" in n for n in made.notes)
    assert made.fact("images_to_label").value == 40
    with pytest.raises(RetryError, match="predictions only"):
        unknown_unknowns(view, plan_for="pool")


def test_only_answers_of_one_class() -> None:
    made = unknown_unknowns(view_of(), class_name="BED", budget=10)
    check_evidence(made)
    assert all(f.class_name == "bed" for f in made.findings)
    rows = next(t for t in made.tables if t.title == "What to label next").rows
    assert {r[2] for r in rows} == {"bed"}
    assert made.fact("confident_error_rate", "class bed").n is not None


class TestMissingAndHostile:
    def test_without_scores_or_labels_it_says_what_is_missing(self) -> None:
        with pytest.raises(RetryError, match="class probabilities"):
            unknown_unknowns(view_of(has_scores=False))
        view = view_of()
        view.table("data").labels[:] = -1
        with pytest.raises(RetryError, match="no labels"):
            unknown_unknowns(view)
        with pytest.raises(RetryError, match="pool"):
            unknown_unknowns(view_of(), plan_for="deploy")
        with pytest.raises(RetryError):
            unknown_unknowns(view_of(), class_name="attic")

    def test_without_features_attributes_and_uncertain_images_are_left(self) -> None:
        view = view_of()
        view.given_features = {}
        made = unknown_unknowns(view)
        check_evidence(made)
        assert any("Without the model's features" in n for n in made.notes)
        assert {f.slice["light"] for f in made.findings if f.slice} == {"night"}
        rows = next(t for t in made.tables if t.title == "What to label next").rows
        assert {r[1] for r in rows} == {"uncertain"}

    def test_without_a_pool_labels_are_looked_at_again(self) -> None:
        made = unknown_unknowns(view_of(pool=None))
        check_evidence(made)
        assert any("neither pool nor deployment" in n for n in made.notes)
        assert all(f.name != "expected_confident_errors" for f in made.facts)

    def test_no_confident_answer_and_no_error(self) -> None:
        view = view_of()
        view._scores = {s: one_hot(p.argmax(1), 3, 0.5) for s, p in view._scores.items()}
        made = unknown_unknowns(view)
        check_evidence(made)
        assert any("lower the confidence" in n for n in made.notes)
        view = view_of()
        view.table("data").labels = view._scores["data"].argmax(1)
        made = unknown_unknowns(view)
        check_evidence(made)
        assert made.findings == ()

    def test_few_images_corrupt_ones_and_missing_features(self) -> None:
        view = view_of(n=30)
        view.table("data").bad |= {0, 3}
        view.table("pool").bad |= {1}
        view.given_features["data"][:10] = np.nan
        view.table("pool").paths[2] = "\x1b[2J\u202egpj.png"
        made = unknown_unknowns(view, budget=1000)
        check_evidence(made)
        assert made.findings == ()
        assert any("left out" in n for n in made.notes)
        assert "\x1b" not in made.text() and "\u202e" not in str(made.to_dict()["tables"])

    def test_one_class_and_equal_features(self) -> None:
        table = FakeTable(np.zeros((50, 2, 2, 3), np.uint8), [0] * 50, ["only"])
        view = FakeView({"data": table}, scores={"data": np.ones((50, 1), np.float32)})
        view.given_features = {"data": np.ones((50, 4), np.float32)}
        check_evidence(unknown_unknowns(view))


def test_through_the_agent_loop(tmp_path: Path) -> None:
    table, model = television_world(500)
    case = FakeCase(tmp_path / "case", {"data": table}, model)
    planner = ScriptedPlanner(
        [call("unknown_unknowns", "to look", confidence=0.8), "Some errors are made with conviction."]
    )
    session = Session(case, planner=planner, policy="auto")
    list(session.say("are there unknown unknowns?"))
    (made,) = case.evidence("unknown_unknowns")
    assert case.state().answered["performance.6"] == made.id
    assert made.fact("confident_error_count").value is not None
    case.close()
