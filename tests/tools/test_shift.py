"""The tool shift: differences found and explained, none made up, accuracy expected without labels, verdicts that agree."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.shift_estimates import Row, rows_of, worlds
from benchmarks.shift_worlds import rooms as demo_rooms
from failsight.tools.evaluate import evaluate
from failsight.tools.evidence import Evidence
from failsight.tools.shift import shift
from failsight.tools.shifts.attributes import _numeric
from failsight.tools.shifts.report import domain_sentence
from failsight.tools.shifts.samples import Domain
from failsight.tools.stats.two_sample import Auc
from tests.fakes.case import FakeCase
from tests.fakes.view import FakeModel, FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec

CLASSES = ("day", "night")


def model() -> FakeModel:
    """Reads the red channel's mean; a dark picture is always called night."""

    def rule(x: np.ndarray) -> np.ndarray:
        pull = 14 * (x[..., 0].mean((1, 2)) - 0.5)
        return np.stack([pull, -pull], 1)

    return FakeModel(rule, CLASSES, (4, 4))


def table(
    n: int, seed: int, *, dark: float = 0.0, share: float = 0.5, labelled: bool = True, extra: Any = None
) -> FakeTable:
    """Red of class day is 0.62 on average, of night 0.38, both with a spread of 0.15; ``dark`` is taken off all."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) >= share).astype(int)
    level = np.clip(rng.normal(np.where(labels == 0, 0.62, 0.38), 0.15) - dark, 0, 1)
    pixels = np.clip(255 * level[:, None, None, None] + rng.normal(0, 3, (n, 4, 4, 3)), 0, 255).astype(
        np.uint8
    )
    columns = {
        "brightness": pixels.mean((1, 2, 3)).astype(float).tolist(),
        "grain": rng.normal(size=n).tolist(),
        "camera": rng.choice(["a", "b", "c"], n).tolist(),
        **(extra(rng, n) if extra else {}),
    }
    return FakeTable(pixels, labels if labelled else np.full(n, -1), CLASSES, columns)


def view(deploy: FakeTable | None, folder: Path | None = None, **more: Any) -> FakeView:
    """A case of 300 evaluation images and ``deploy``; features are brightness and two numbers that say nothing."""
    tables = {"data": table(300, 1), **more}
    if deploy is not None:
        tables["deploy"] = deploy
    made = FakeView(tables, model(), folder=folder)
    for name, one in tables.items():
        noise = np.random.default_rng(len(one) + len(name)).normal(size=(len(one), 2))
        made.given_features[name] = np.c_[one.columns["brightness"], noise].astype(np.float32)
    return made


def verdicts(made: Evidence) -> list[str | None]:
    return [f.verdict for f in made.findings]


def test_every_argument_is_described() -> None:
    check_spec(shift)


def test_a_dark_sample_without_labels_is_confirmed_and_explained(tmp_path: Path) -> None:
    case = view(table(300, 2, dark=0.3, labelled=False), tmp_path)
    made = shift(case)
    check_evidence(made)
    assert made.fact("domain_auc", "data to deploy").ci[0] > 0.75  # type: ignore[index]
    assert "darker: median brightness" in made.summary
    assert verdicts(made) == ["confirmed"]
    assert "darker" in made.findings[0].statement
    assert any(t.title.startswith("Expected accuracy") for t in made.tables)
    assert [i.tool for i in case.instruments] == ["shift"]
    assert {f.of for f in made.facts if f.name in ("median_shift", "cramers_v")} == {"attribute brightness"}
    assert made.questions == ("input.4", "performance.8")
    assert len(made.images) == 8


def test_the_estimate_is_near_the_truth_that_it_does_not_see() -> None:
    labelled = table(600, 2, dark=0.2)
    made = shift(view(labelled))
    right = (model().scores(labelled.pixels).argmax(1) == labelled.labels).mean()
    expected = made.fact("expected_accuracy", "split deploy")
    assert expected.ci is not None and expected.ci[0] <= right <= expected.ci[1]
    assert abs(float(expected.value or 0) - right) < 0.08
    truth = made.fact("accuracy", "split deploy")
    assert truth.value == pytest.approx(right)
    assert truth.n == 600
    assert truth.ci is not None
    assert f"by their labels it is {100 * right:.1f} % [{100 * truth.ci[0]:.1f}, " in made.summary
    blind = shift(view(table(600, 2, dark=0.2, labelled=False)))
    assert not any(f.name == "accuracy" for f in blind.facts)
    assert blind.fact("expected_accuracy", "split deploy").value == expected.value


def test_with_labels_the_verdict_is_that_of_evaluate() -> None:
    for dark in (0.04, 0.3):
        case = view(table(300, 3, dark=dark))
        ours = shift(case).findings[0]
        theirs = next(f for f in evaluate(case).findings if f.key == ours.key)
        assert (ours.verdict, ours.p, ours.q, ours.n) == (theirs.verdict, theirs.p, theirs.q, theirs.n)
        assert ours.tests[0].effect == theirs.tests[0].effect
    assert {i.tool for i in case.instruments} == {"evaluate"} and ours.key == case.instruments[0].finding
    assert "What differs: darker" in ours.note
    case.stated = [("F1", theirs)]
    assert shift(case).findings[0].tests == ()  # not counted twice


def test_another_class_mix_is_said_to_be_one_and_not_a_shift() -> None:
    made = shift(view(table(400, 4, share=0.95, labelled=False)))
    assert made.fact("domain_auc", "data to deploy").ci[0] > 0.55  # type: ignore[index]
    assert made.fact("domain_auc_same_mix", "data to deploy").ci[0] < 0.55  # type: ignore[index]
    assert verdicts(made) == ["inconclusive"]
    assert "another class mix: day" in made.summary
    shares = {r[0]: r[2] for t in made.tables if t.title.startswith("Class mix") for r in t.rows}
    assert shares["day"] == pytest.approx(0.95, abs=0.07)
    assert not [f for f in made.facts if f.name == "median_shift"]
    known = shift(view(table(400, 4, share=0.95)))
    assert not [f for f in known.facts if f.name == "median_shift"]
    weighed = "The evaluation images are compared at the class mix of the deployment images"
    assert any(n.startswith(f"{weighed}, so medians") for n in known.notes)
    single = shift(view(table(400, 4, share=1.0)))
    assert any(n.startswith(f"{weighed}: those of ") and "count for nothing" in n for n in single.notes)
    same = shift(view(table(300, 1)))
    assert not [n for n in same.notes if weighed in n]
    assert not [n for n in made.notes if weighed in n]


def test_inputs_that_differ_without_harm_stay_inconclusive() -> None:
    other = table(300, 5, labelled=False)
    other.columns["camera"] = ["d"] * 300
    case = view(other)
    case.given_features["deploy"][:, 1] += 3
    made = shift(case)
    assert verdicts(made) == ["inconclusive"]
    assert "Inputs differ, accuracy not shown to suffer" in made.findings[0].note
    assert "camera d" in made.summary


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("labelled", [True, False])
def test_two_samples_of_one_population_confirm_nothing(labelled: bool) -> None:
    confirmed = differing = 0
    for i in range(200):
        made = shift(view(table(120, 1000 + i, labelled=labelled)))
        confirmed += "confirmed" in verdicts(made)
        differing += any(f.name in ("median_shift", "cramers_v") for f in made.facts)
    assert confirmed <= 10 and differing <= 18  # 5 % promised; q ≤ 0.05 with its own error over 200 runs


def test_two_samples_of_one_population() -> None:
    for i in range(2):
        made = shift(view(table(150, 2000 + i, labelled=bool(i % 2))))
        assert "confirmed" not in verdicts(made)


def test_a_black_box_is_compared_by_its_attributes(tmp_path: Path) -> None:
    data, deploy = table(200, 1), table(200, 2, dark=0.3, labelled=False)
    case = FakeView(
        {"data": data, "deploy": deploy}, scores={"data": model().scores(data.pixels)}, folder=tmp_path
    )
    made = shift(case)
    check_evidence(made)
    assert "measured attributes" in made.summary and "darker" in made.summary
    assert verdicts(made) == ["inconclusive"]
    assert any("answers on the deployment images are not known" in n for n in made.notes)
    assert made.questions == ("input.4",)


def test_without_deployment_images_training_images_are_compared() -> None:
    made = shift(view(None, train=table(200, 7, dark=0.2)))
    check_evidence(made)
    assert made.findings == () and made.questions == ()
    assert "brighter" in made.summary
    assert any("no deployment images" in n for n in made.notes)


def test_with_neither_it_says_what_is_missing() -> None:
    made = shift(view(None))
    check_evidence(made)
    assert "--deploy" in made.summary and made.findings == ()


def test_training_images_as_reference_keep_the_verdict() -> None:
    deploy = table(300, 2, dark=0.3, labelled=False)
    plain = shift(view(deploy))
    made = shift(view(deploy, train=table(250, 8)), reference="train")
    assert made.fact("domain_auc", "train to deploy").n == 250
    assert verdicts(made) == verdicts(plain) == ["confirmed"]
    assert shift(view(deploy), reference="train").findings[0].verdict == "confirmed"


def test_a_single_class() -> None:
    made = shift(view(table(400, 2, dark=0.3)), class_name="night")
    check_evidence(made)
    assert made.findings == () and made.summary.startswith("Images of night only.")


def test_few_images_bad_images_one_class_and_nan() -> None:
    assert "too few" in shift(view(table(5, 2))).summary
    broken = table(60, 2, dark=0.3)
    broken.bad = set(range(30))
    made = shift(view(broken))
    assert any("30 of the deployment images were left out" in n for n in made.notes)
    odd = table(100, 3, share=1.0, extra=lambda rng, n: {"price": [np.nan] * n})
    assert not [f for f in shift(view(odd)).facts if f.of == "attribute price"]


def test_through_a_case_the_finding_merges_with_that_of_evaluate(tmp_path: Path) -> None:
    tables = {"data": table(200, 1), "deploy": table(200, 2, dark=0.3)}
    case = FakeCase(tmp_path / "case", tables, model(), deploy="fake")
    case.call("evaluate")
    made, known = case.call("shift")
    assert not known and made.id == "E2"
    whole = [
        r
        for r in case.state().confirmed()
        if r.finding.kind == "distribution_shift" and not r.finding.class_name
    ]
    assert len(whole) == 1 and len(whole[0].finding.tests) == 1
    assert case.call("shift")[1]
    case.close()


def test_the_same_call_gives_the_same_evidence() -> None:
    first, second = (shift(view(table(200, 2, dark=0.1, labelled=False))).to_dict() for _ in range(2))
    assert first == second


# -- labelled shifts --------------------------------------------------------------------------------


def mean_error(rows: list[Row]) -> float:
    return float(np.mean([abs(r.error) for r in rows]))


def test_expected_accuracy_on_a_few_rooms() -> None:
    world = demo_rooms(n=80, pool=0, mixes={"all dark": {"lighting": {"*": {"dark": 1.0}}}})
    rows = list(rows_of(world))
    assert mean_error(rows) <= 0.15
    assert all(r.covered for r in rows)


@pytest.mark.slow
@pytest.mark.shared_data
@pytest.mark.timeout(3600)
def test_expected_accuracy_is_within_five_points_on_shifts_the_rule_was_not_made_with(
    shared_data: Path,
) -> None:
    rows = [r for w in worlds(shared_data, held_out=True, n=1000) for r in rows_of(w)]
    assert len(rows) >= 20
    assert mean_error(rows) <= 0.05
    assert np.mean([r.covered for r in rows]) >= 0.9


@pytest.mark.parametrize("within", [True, False])
def test_a_p_stands_beside_the_figure_that_it_is_of(within: bool) -> None:
    """Permuted within classes, it says nothing of an AUC that the class mix alone makes."""
    raw, mixed = Auc(0.58, (0.56, 0.61), 900), Auc(0.50, (0.48, 0.53), 900)
    said = domain_sentence(
        Domain("features", SimpleNamespace(auc=raw), mixed, 0.163, within), "data", "deploy"
    )  # type: ignore[arg-type]
    if within:
        assert said.endswith("[0.48, 0.53] at equal class mix (p 0.163 within classes).")
        assert "[0.56, 0.61] (p" not in said
    else:
        assert "[0.56, 0.61] (p 0.163), of 0.50" in said and "within" not in said


@pytest.mark.parametrize(("to", "named"), [(125, False), (160, True)])
def test_a_difference_of_no_size_is_not_named(to: int, named: bool) -> None:
    """Files of 123 and of 125 bytes, none far from it: many spreads apart, and the same to anybody."""
    rng = np.random.default_rng(0)
    sizes = np.concatenate([rng.normal(123, 0.5, 200), rng.normal(to, 0.5, 200)])
    target = np.arange(400) >= 200
    pair: Any = SimpleNamespace(
        column=lambda _: sizes, target=target, strata=np.zeros(400, np.int64), weights=None, by_class=False
    )
    made = _numeric(pair, "file_size", sizes, 0)
    assert made is not None and made.large == named
