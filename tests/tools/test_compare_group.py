"""compare_group: known answers, the control of its errors, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from failsight.tools.compare_group import compare_group
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Finding
from failsight.tools.stats.contingency import risk_difference
from failsight.tools.stats.intervals import wilson
from failsight.tools.stats.slices import rate_interval
from failsight.tools.stats.slices.clusters import wider
from tests.fakes.view import FakeModel, FakeTable, FakeView

CLASSES = ("a", "b")


def view_of(wrong: np.ndarray, dark: np.ndarray, labels: np.ndarray, train: Any = None) -> FakeView:
    """Images that the model gets wrong exactly where ``wrong`` says: the first pixel holds the answer."""
    answers = np.where(wrong, 1 - labels, labels)

    def table(answers: np.ndarray, labels: np.ndarray, dark: np.ndarray) -> FakeTable:
        pixels = np.zeros((len(labels), 4, 4, 3), np.uint8)
        pixels[:, 0, 0, 0] = answers * 255
        return FakeTable(
            pixels, labels.tolist(), CLASSES, {"lighting": ["dark" if d else "bright" for d in dark]}
        )

    tables = {"data": table(answers, labels, dark)}
    if train is not None:
        tables["train"] = table(train[0], train[0], train[1])
    rule = lambda x: np.stack([1 - x[:, 0, 0, 0], x[:, 0, 0, 0]], 1) * 4.0  # noqa: E731
    return FakeView(tables, FakeModel(rule, CLASSES, (4, 4)))


def planted(n: int = 400, inside: float = 0.5, outside: float = 0.1, seed: int = 0) -> FakeView:
    rng = np.random.default_rng(seed)
    labels, dark = rng.integers(0, 2, n), rng.random(n) < 0.3
    return view_of(rng.random(n) < np.where(dark, inside, outside), dark, labels)


def test_a_group_that_fails_more_is_confirmed_by_the_textbook_difference() -> None:
    view = planted()
    made = compare_group(view, where="lighting=dark")
    (found,) = made.findings
    assert found.verdict == "confirmed"
    assert (found.kind, found.slice) == ("weak_slice", {"lighting": "dark"})
    p = view.predictions()
    dark = np.array([v == "dark" for v in view.table().columns["lighting"]])[p.rows]
    counts = [
        [
            [int((~p.correct & m & (p.labels == c)).sum()), int((p.correct & m & (p.labels == c)).sum())]
            for m in (dark, ~dark)
        ]
        for c in (0, 1)
    ]
    assert made.fact("effect", "slice lighting=dark").value == pytest.approx(risk_difference(counts).value)
    assert made.fact("plan").value == view.instruments[0].id
    assert view.instruments[0].finding == found.key


def test_a_group_like_the_others_is_refuted_where_images_suffice() -> None:
    found = compare_group(planted(4000, 0.1, 0.1), where="lighting=dark").findings[0]
    assert found.verdict == "refuted"


def test_what_is_said_of_deployment_images_is_no_finding_about_evaluation_images() -> None:
    view = planted()
    view._tables["deploy"] = view._tables["data"]
    (here,) = compare_group(view, where="lighting=dark").findings
    view.stated = [("F1", here)]
    (there,) = compare_group(view, where="lighting=dark", split="deploy").findings
    assert (here.split, there.split) == ("data", "deploy")
    assert here.key != there.key == view.instruments[-1].finding


def test_few_images_leave_it_open() -> None:
    assert compare_group(planted(40, 0.2, 0.1), where="lighting=dark").findings[0].verdict == "inconclusive"


def test_only_wrong_calls_of_the_class_named_count() -> None:
    rng = np.random.default_rng(1)
    labels, dark = np.zeros(400, int), rng.random(400) < 0.4
    view = view_of(rng.random(400) < np.where(dark, 0.6, 0.1), dark, labels)
    made = compare_group(view, where="lighting=dark", class_name="a", called="b")
    assert made.findings[0].verdict == "confirmed"
    assert made.findings[0].confused_with == "b"
    with pytest.raises(RetryError, match="another class"):
        compare_group(view, where="lighting=dark", class_name="a", called="a")


def test_the_finding_of_a_group_that_is_called_a_class_has_the_shares_that_are_called_so() -> None:
    rng = np.random.default_rng(2)
    n, dark = 600, np.arange(600) % 3 == 0
    called = rng.random(n) < np.where(dark, 0.5, 0.1)
    answers = np.where(called, 1, np.where(rng.random(n) < 0.3, 2, 0))  # and nearly a third is called c
    pixels = np.zeros((n, 4, 4, 3), np.uint8)
    pixels[:, 0, 0, 0] = answers * 100
    table = FakeTable(
        pixels, [0] * n, ("a", "b", "c"), {"lighting": ["dark" if d else "bright" for d in dark]}
    )
    rule = lambda x: np.stack([-((x[:, 0, 0, 0] * 255 - 100 * k) ** 2) for k in range(3)], 1) / 100.0  # noqa: E731
    view = FakeView({"data": table}, FakeModel(rule, ("a", "b", "c"), (4, 4)))
    found = compare_group(view, where="lighting=dark", class_name="a", called="b").findings[0]
    assert "called b" in found.statement and found.error_rate == pytest.approx(called[dark].mean())
    assert found.base_error_rate == pytest.approx(called[~dark].mean())


def test_the_hypothesis_that_was_stated_gets_the_result() -> None:
    view = planted()
    stated = Finding("weak_slice", "correctness", "unknown", "Dark ones fail.", {"lighting": "dark"})
    view.stated = [("F3", stated)]
    found = compare_group(view, finding="F3").findings[0]
    assert found.key == stated.key
    assert found.statement == "Dark ones fail."
    assert found.tests[0].tool == "compare_group"


@pytest.mark.parametrize(("share", "verdict"), [(0.05, "confirmed"), (0.3, "inconclusive")])
def test_a_rare_case_must_be_rare_in_training_too(share: float, verdict: str) -> None:
    rng = np.random.default_rng(2)
    labels, dark = rng.integers(0, 2, 600), rng.random(600) < 0.3
    train = (rng.integers(0, 2, 600), rng.random(600) < share)
    view = view_of(rng.random(600) < np.where(dark, 0.5, 0.1), dark, labels, train)
    view.stated = [("F1", Finding("rare_case", "correctness", "data_statistics", "s", {"lighting": "dark"}))]
    made = compare_group(view, finding="F1")
    assert made.findings[0].verdict == verdict
    assert made.fact("slice_share", "split train, slice lighting=dark").value == pytest.approx(
        np.mean(train[1])
    )


def test_a_rare_case_without_training_images_stays_open() -> None:
    view = planted()
    view.stated = [("F1", Finding("rare_case", "correctness", "data_statistics", "s", {"lighting": "dark"}))]
    made = compare_group(view, finding="F1")
    assert made.findings[0].verdict == "inconclusive"
    assert any("training" in n for n in made.notes)


def test_an_association_is_told_as_one_and_never_outranks_an_experiment() -> None:
    from failsight.tools.evidence import TestResult

    rng = np.random.default_rng(3)
    labels, dark = rng.integers(0, 2, 600), rng.random(600) < 0.4
    wrong = (labels == 0) & dark & (rng.random(600) < 0.7)
    view = view_of(wrong, dark, labels)
    sign = Finding("spurious_correlation", "features", "data_statistics", "s", {"lighting": "dark"}, "b")
    view.stated = [("F1", sign)]
    made = compare_group(view, finding="F1").findings[0]
    assert made.verdict == "confirmed"
    assert "association" in made.note
    import dataclasses

    tested = TestResult("test_by_masking", 0.0, (-0.01, 0.01), 0.9, 100, "refuted")
    view.stated = [("F1", dataclasses.replace(sign, verdict="refuted", tests=(tested,)))]
    assert compare_group(view, finding="F1").findings[0].verdict is None  # the experiment's verdict holds


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "name the group"),
        ({"where": "true=a"}, "name the group"),
        ({"where": "lighting=purple"}, "purple"),
        ({"where": "mood=sad"}, "mood"),
        ({"where": "lighting=dark", "class_name": "z"}, "z"),
        ({"finding": "F9"}, "F9"),
        ({"where": "lighting=dark", "split": "deploy"}, "deploy"),
    ],
)
def test_what_cannot_be_compared_is_said(given: dict[str, Any], named: str) -> None:
    with pytest.raises(RetryError, match=named):
        compare_group(planted(60), **given)


def test_findings_that_are_no_groups_are_refused() -> None:
    view = planted(60)
    view.stated = [("F1", Finding("label_noise", "correctness", "data_content", "s"))]
    with pytest.raises(RetryError, match="label_noise"):
        compare_group(view, finding="F1")


def test_a_group_that_is_everything_has_no_others() -> None:
    rng = np.random.default_rng(0)
    view = view_of(rng.random(40) < 0.3, np.ones(40, bool), rng.integers(0, 2, 40))
    with pytest.raises(RetryError, match="outside"):
        compare_group(view, where="lighting=dark")


def test_missing_values_are_on_neither_side() -> None:
    view = planted(200)
    column = view.table().columns["lighting"]
    view.table().columns["lighting"] = [None if i % 4 == 0 else v for i, v in enumerate(column)]
    made = compare_group(view, where="lighting=dark")
    assert sum(int(r[1]) for r in made.tables[0].rows) == 150


@pytest.mark.slow
def test_a_true_null_is_rarely_confirmed() -> None:
    """Twenty questions a case, 40 cases without any effect: false confirmations stay within the promise."""
    false = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, 2, 240)
        view = view_of(rng.random(240) < 0.2, rng.random(240) < 0.4, labels)
        for i in range(5):
            view.table().columns[f"x{i}"] = ["yes" if v else "no" for v in rng.random(240) < 0.4]
        for name in [f"x{i}=yes" for i in range(5)]:
            made = compare_group(view, where=name)
            view.recorded.append(made)
            false += made.findings[0].verdict == "confirmed"
    assert false <= 4  # expected at most 2 of 40 cases at 5 %


def test_the_interval_of_the_rate_counts_images_of_one_group_together_as_find_slices_does() -> None:
    """Frames of one burst that are right or wrong together: the rate of the group is known less well than Wilson's interval says."""
    rng = np.random.default_rng(0)
    burst = np.repeat(np.arange(120), 5)
    labels, dark = rng.integers(0, 2, 600), (burst % 3 == 0)
    wrong = (rng.random(120) < np.where(np.arange(120) % 3 == 0, 0.5, 0.1))[burst]
    view = view_of(wrong, dark, labels)
    view.table("data").columns["burst"] = [f"b{b}" for b in burst]
    alone = compare_group(view, where="lighting=dark", group_by="none").findings[0]
    together = compare_group(view, where="lighting=dark", group_by="burst").findings[0]
    assert alone.ci == wilson(int((wrong & dark).sum()), int(dark.sum()))
    assert together.ci == wider(alone.ci, rate_interval(wrong[dark], burst[dark]))
    assert together.error_rate == alone.error_rate
    assert together.ci is not None and together.ci[1] - together.ci[0] > 1.5 * (alone.ci[1] - alone.ci[0])
