"""propose_correction: numbers from deficits that can be counted by hand, words of the case, nothing written."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args

import numpy as np
import pytest

from failsight.knowledge_base.store import shipped
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Finding, Kind
from failsight.tools.propose_correction import propose_correction
from failsight.tools.repair_sizes import matches, to_collect, to_verify
from failsight.tools.stats.power import power_two_rates
from failsight.tools.strategies import COSTS, STRATEGIES, fitting
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec

ROOMS = ["bath", "living_room"]


def table(labels: list[int], **columns: list[Any]) -> FakeTable:
    return FakeTable(np.zeros((len(labels), 2, 2, 3), np.uint8), labels, ROOMS, columns)


def view_of(
    findings: list[Finding], train: FakeTable | None = None, data: FakeTable | None = None
) -> FakeView:
    tables = {"data": data or table([0, 1])}
    if train is not None:
        tables["train"] = train
    view = FakeView(tables, scores={})
    view.stated = [(f"F{i + 1}", f) for i, f in enumerate(findings)]
    return view


def with_model(view: FakeView) -> FakeView:
    """The same case with a model that could be trained."""
    view.has_model = lambda: True  # type: ignore[method-assign]
    return view


def television(**more: Any) -> Finding:
    base: dict[str, Any] = {
        "slice": {"television": "yes"},
        "class_name": "living_room",
        "n": 60,
        "error_rate": 0.4,
        "base_error_rate": 0.1,
        "verdict": "confirmed",
    }
    return Finding("spurious_correlation", "features", "data_statistics", "tv", **{**base, **more})


def test_its_arguments_are_described_and_bounded() -> None:
    check_spec(propose_correction)


def test_the_number_to_collect_comes_from_the_deficit_in_training() -> None:
    # 90 of 100 living rooms show a television, none of 100 baths: 80 more without one make it half
    train = table([1] * 100 + [0] * 100, television=["yes"] * 90 + ["no"] * 110)
    made = propose_correction(view_of([television()], train))
    check_evidence(made)
    rows = made.tables[0].rows
    assert rows[0][2] == "collect"
    assert rows[0][4] == "Collect about 80 living_room images without television."
    assert "90.0 % of the class's 100 images show the cue and 0.0 % of the others" in str(rows[0][5])
    check = str(made.tables[1].rows[0][2])
    assert check.startswith("Errors before and after on 25 images of other classes with television")
    assert "McNemar" in check and "Control: as many additional" in check
    first = made.corrections[0]
    assert (first.status, first.strategy, first.family, first.before) == (
        "proposed",
        "collect",
        "dataset",
        0.4,
    )
    assert first.finding == television().key
    assert "F1: Collect about 80" in made.summary
    assert len({c.family for c in made.corrections}) >= 2


def test_where_the_cue_is_not_tied_to_the_class_collecting_is_not_first() -> None:
    train = table([1] * 100 + [0] * 100, television=["yes", "no"] * 100)
    made = propose_correction(view_of([television()], train))
    assert made.tables[0].rows[0][2] != "collect"
    assert all("about more" not in str(r[4]) for r in made.tables[0].rows)


def test_an_object_with_boxes_is_covered_first_and_a_style_is_never_covered() -> None:
    train = table([1] * 100 + [0] * 100, television=["yes"] * 90 + ["no"] * 110)
    data = table([0, 1])
    data.boxes = [{"television": [(0, 0, 1, 1)]}, {}]
    assert (
        propose_correction(view_of([television()], train, data)).corrections[0].strategy == "feature_specific"
    )
    style = propose_correction(view_of([television(slice={"style": "old"})], train))
    assert not {"feature_specific", "cut_and_paste"} & {c.strategy for c in style.corrections}


def test_a_rare_condition_is_brought_to_its_share_in_evaluation() -> None:
    # evaluation: 20 of 100 baths are dark; training: 10 of 210. (0.2 · 210 − 10) / 0.8 = 40
    data = table([0] * 100 + [1] * 100, light=["dark"] * 20 + ["bright"] * 180)
    train = table([0] * 210 + [1] * 50, light=["dark"] * 10 + ["bright"] * 250)
    rare = Finding(
        "rare_case",
        "correctness",
        "data_statistics",
        "dark",
        slice={"light": "dark"},
        class_name="bath",
        n=20,
        error_rate=0.5,
        base_error_rate=0.1,
        verdict="confirmed",
    )
    size = to_collect(view_of([rare], train, data), rare)
    assert size.n == 40
    assert "10 of 210" in size.how and "20.0 %" in size.how
    assert (
        propose_correction(view_of([rare], train, data)).tables[0].rows[0][4]
        == "Collect about 40 bath images with light dark."
    )


def test_an_uneven_class_is_brought_to_the_middle_one() -> None:
    uneven = Finding(
        "class_imbalance", "correctness", "data_statistics", "x", class_name="bath", verdict="confirmed"
    )
    assert (
        to_collect(view_of([uneven], table([0] * 10 + [1] * 70)), uneven).n == 30
    )  # the middle of 10 and 70 is 40


def test_without_training_images_the_number_is_the_one_that_shows_the_improvement() -> None:
    size = to_collect(view_of([television()]), television())
    needed = to_verify(0.4, 0.1)
    assert size.n is not None and needed.n is not None
    assert needed.n <= size.n <= 1.1 * needed.n
    assert "no training images" in size.how and not size.measured
    assert f"Collect at least {size.n} living_room images" in str(
        propose_correction(view_of([television()])).tables[0].rows
    )


def test_the_sample_to_verify_has_just_the_power_it_claims() -> None:
    for error, target in ((0.4, 0.1), (0.3, 0.25), (0.9, 0.1)):
        n = to_verify(error, target).n
        assert n is not None
        assert (
            power_two_rates(error, n, target, n, 0.05)
            >= 0.8
            > power_two_rates(error, n - 1, target, n - 1, 0.05)
            or n <= 4
        )
    assert to_verify(0.1, 0.1).n is None
    assert to_verify(None, 0.1).n is None
    assert to_verify(0.5, 0.4999).n is None


def test_values_of_slices_are_found_in_columns() -> None:
    numbers = np.array([0.1, 0.25, 0.3, np.nan, 2.0])
    assert matches(numbers, "dark (< 0.25)").tolist() == [True, False, False, False, False]
    assert matches(numbers, "middle (0.25 to 0.5)").tolist() == [False, True, True, False, False]
    assert matches(numbers, "bright (≥ 0.3)").tolist() == [False, False, True, False, True]
    assert matches(numbers, "2").tolist() == [False, False, False, False, True]
    words = np.array(["yes", None, "no\x00"], object)
    assert matches(words, "no").tolist() == [False, False, True]


def test_computed_conditions_are_measured_in_training() -> None:
    dark = Finding(
        "weak_slice",
        "correctness",
        "unknown",
        "x",
        slice={"brightness": "dark (< 0.5)"},
        n=40,
        error_rate=0.5,
        base_error_rate=0.2,
        verdict="confirmed",
    )
    data, train = table([0] * 10), table([0] * 20)
    data.pixels[5:] = 255
    train.pixels[2:] = 255  # half of the evaluation images are dark, a tenth of the training images
    assert to_collect(view_of([dark], train, data), dark).n == 16


def test_what_can_be_computed_can_be_imitated() -> None:
    blurred = Finding(
        "weak_slice",
        "correctness",
        "unknown",
        "x",
        slice={"sharpness": "blurred (< 90)"},
        n=40,
        error_rate=0.5,
        base_error_rate=0.2,
        verdict="confirmed",
    )
    assert (
        propose_correction(with_model(view_of([blurred]))).corrections[0].strategy == "typical_augmentation"
    )


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_kind_of_finding_has_a_repair_in_words(kind: Any) -> None:
    assert len(fitting(kind)) >= 1
    for finding in (
        Finding(kind, "correctness", "unknown", "x", verdict="confirmed"),
        Finding(
            kind,
            "correctness",
            "unknown",
            "x",
            {"stool": "no", "style": "old"},
            "bath",
            "living_room",
            5,
            0.5,
            0.1,
            verdict="confirmed",
        ),
    ):
        made = propose_correction(view_of([finding]))
        check_evidence(made)
        assert made.corrections
        assert "{" not in str(made.tables)
        assert "about more" not in str(made.tables[0].rows)


def test_all_four_families_are_there_and_complete() -> None:
    assert {s.family for s in STRATEGIES} == {"dataset", "training", "model", "setup"}
    assert len({s.name for s in STRATEGIES}) == len(STRATEGIES)
    for s in STRATEGIES:
        assert s.fits and all(1 <= v <= 3 for v in s.fits.values())
        assert min(len(s.action), len(s.why), len(s.risk), len(s.control), len(s.source)) > 10, s.name


RANKING = {
    "spurious_correlation": ("feature_specific", "collect", "cut_and_paste"),
    "rare_case": ("collect", "rebalance", "loss_weighting"),
    "label_noise": ("relabel", "robust_loss", "defer"),
    "distribution_shift": ("collect", "typical_augmentation", "data_engineering"),
    "leakage": ("deduplicate",),
    "preprocessing": ("data_engineering", "other_architecture"),
    "class_order": ("data_engineering",),
    "overfitting": ("regularise", "typical_augmentation", "early_stopping"),
    "underfitting": ("train_longer", "tune", "larger_model"),
    "overconfidence": ("recalibrate", "regularise", "defer"),
    "overemphasised_feature": ("collect", "feature_specific", "cut_and_paste"),
    "missing_feature": ("collect", "loss_separation", "engineered_features"),
    "class_imbalance": ("rebalance", "loss_weighting", "collect"),
    "weak_slice": ("loss_weighting", "hard_examples", "collect"),
}
"""What comes first where nothing but the kind is known: what aims at the cause, the cheaper one before the dearer."""

NAMED = {  # Balayn et al. 2023, A.2.1
    "dataset": {"typical_augmentation", "feature_specific", "data_engineering", "relabel", "collect", "generate", "rebalance"},
    "training": {"loss_weighting", "loss_separation", "hard_examples", "tune", "regularise"},
    "model": {"larger_model", "smaller_model", "other_architecture"},
    "setup": {"separate_model", "split_class", "rule", "engineered_features", "defer"},
}  # fmt: skip


def test_the_ranking_is_fixed_for_every_kind() -> None:
    assert set(RANKING) == set(get_args(Kind))
    for kind, first in RANKING.items():
        found = fitting(kind)  # type: ignore[arg-type]
        assert tuple(s.name for s in found)[: len(first)] == first, kind
        values = [s.fits[kind] - COSTS[s.cost] / 2 for s in found]  # type: ignore[index]
        assert values == sorted(values, reverse=True)


def test_everything_that_practitioners_named_is_there_and_in_the_knowledge_base() -> None:
    families = {f: {s.name for s in STRATEGIES if s.family == f} for f in NAMED}
    for family, names in NAMED.items():
        assert names <= families[family], family
    entries = {e.id: e for e in shipped() if e.kind == "correction"}
    assert {f"correction.{s.name}" for s in STRATEGIES} == set(entries)
    assert all(entries[f"correction.{s.name}"].extra["family"] == s.family for s in STRATEGIES)


@pytest.mark.parametrize("kind", ["spurious_correlation", "weak_slice", "missing_feature", "overfitting"])
def test_whoever_cannot_retrain_or_collect_finds_what_is_left(kind: Any) -> None:
    finding = Finding(kind, "correctness", "unknown", "x", {"style": "old"}, "bath", "living_room", 50, 0.5, 0.1, verdict="confirmed")  # fmt: skip
    made = propose_correction(view_of([finding]))
    rows = list(made.tables[0].rows)
    there = {s.family for s in fitting(kind) if not s.about_object}
    assert {r[3] for r in rows} == there and len({c.family for c in made.corrections}) == len(there)
    assert len(rows) <= 4 + 3 and [r[1] for r in rows] == list(range(1, len(rows) + 1))
    checks = made.tables[1].rows
    assert len(checks) == len(rows)
    assert all("Control:" in str(r[2]) and r[3] and r[4] for r in checks)


def test_the_finding_that_costs_most_comes_first() -> None:
    small, large = (
        television(n=10),
        Finding(
            "weak_slice",
            "correctness",
            "unknown",
            "x",
            {"a": "b"},
            n=300,
            error_rate=0.5,
            base_error_rate=0.1,
            verdict="confirmed",
        ),
    )
    view = view_of([small, large, Finding("rare_case", "correctness", "unknown", "y", {"c": "d"})])
    made = propose_correction(view)
    assert made.tables[0].rows[0][0] == "F2"
    assert made.fact("excess_errors", "finding F2").value == pytest.approx(120)
    assert any("F3" in n and "nobody has tested" in n for n in made.notes)


def test_the_knowledge_base_is_asked_for_corrections() -> None:
    class Hit:
        id, title, source = "correction.collect", "Collect", "paper"

    class Base:
        asked: list[Any] = []  # noqa: RUF012

        def search(self, query: str, **more: Any) -> list[Any]:
            self.asked.append((query, more))
            return [Hit()]

    view = view_of([television()])
    view.knowledge = Base()  # type: ignore[assignment]
    made = propose_correction(view)
    assert made.tables[2].rows == (("correction.collect", "Collect", "paper"),)
    assert Base.asked[0][1]["kinds"] == ("correction",)


class TestHostile:
    def test_nothing_confirmed(self) -> None:
        made = propose_correction(view_of([television(verdict="refuted")]))
        check_evidence(made)
        assert made.corrections == () and "nothing to repair" in made.summary
        check_evidence(propose_correction(view_of([])))

    def test_a_finding_by_name(self) -> None:
        view = view_of([television(), television(class_name="bath", verdict="inconclusive")])
        assert {r[0] for r in propose_correction(view, finding="f2 ").tables[0].rows} == {"F2"}
        assert any("F2 is inconclusive" in n for n in propose_correction(view, finding="F2").notes)
        with pytest.raises(RetryError, match="F1, F2"):
            propose_correction(view, finding="F9")
        with pytest.raises(RetryError, match="None has been stated"):
            propose_correction(view_of([]), finding="F1")

    def test_odd_slices_and_unlabelled_or_empty_training_images(self) -> None:
        weird = television(
            slice={"{n}": "\x1b[2J{x}", "no such": "1"}, n=None, error_rate=float("nan"), base_error_rate=None
        )
        for train in (None, table([]), table([-1, -1], television=["yes", "no"])):
            made = propose_correction(view_of([weird, television()], train))
            check_evidence(made)
            assert "\x1b" not in made.text(9000)

    def test_very_many_findings(self) -> None:
        many = [television(slice={f"a{i}": "yes"}) for i in range(50)]
        made = propose_correction(view_of(many))
        check_evidence(made)
        assert len({r[0] for r in made.tables[0].rows}) == 6
        assert any("44 more" in n for n in made.notes)


def test_no_rule_is_offered_without_a_class_and_the_temperature_leads() -> None:
    whole = Finding(
        "overconfidence",
        "correctness",
        "training_parameter",
        "Too sure.",
        verdict="confirmed",
        n=400,
        error_rate=0.3,
    )
    named = [c.strategy for c in propose_correction(view_of([whole])).corrections]
    assert named[0] == "recalibrate" and "rule" not in named
    assert "the class" not in str(propose_correction(view_of([whole])).tables[0].rows)


def weak(slice_: dict[str, str], **more: Any) -> Finding:
    """A weak slice of 110 images, 68 % wrong."""
    base: dict[str, Any] = {
        "n": 110,
        "error_rate": 0.68,
        "base_error_rate": 0.27,
        "verdict": "confirmed",
        "slice": slice_,
    }
    return Finding("weak_slice", "errors", "unknown", "dark", **{**base, **more})


def ranked(view: FakeView) -> list[str]:
    return [str(row[2]) for row in propose_correction(view).tables[0].rows]


@pytest.mark.parametrize("kind", ["weak_slice", "rare_case"])
def test_what_training_has_none_of_is_collected_and_never_weighed(kind: Kind) -> None:
    """No training image is dark: there is nothing to weigh, draw, repeat or split off."""
    finding = dataclasses.replace(weak({"tone": "dark"}), kind=kind)
    data = table([0, 1] * 60, tone=["dark"] * 20 + ["light"] * 100)
    names = ranked(view_of([finding], table([0, 1] * 50, tone=["light"] * 100), data))
    assert names[0] == "collect"
    assert not {
        "loss weighting",
        "group balance",
        "rebalance",
        "last layer",
        "hard examples",
        "split class",
    } & set(names)


def test_what_training_has_some_of_may_be_weighed() -> None:
    data = table([0, 1] * 60, tone=["dark"] * 20 + ["light"] * 100)
    some = table([0, 1] * 50, tone=["dark"] * 5 + ["light"] * 95)
    assert "loss weighting" in ranked(view_of([weak({"tone": "dark"})], some, data))
    assert "loss weighting" in ranked(
        view_of([weak({"tone": "dark"})], None, data)
    )  # whoever trains elsewhere may


def test_weighting_that_retrain_would_refuse_is_not_proposed() -> None:
    """All training images are dark, or nobody knows which are."""
    data = table([0, 1] * 60, tone=["dark"] * 20 + ["light"] * 100)
    for train in (table([0, 1] * 50, tone=["dark"] * 100), table([0, 1] * 50)):
        assert "loss weighting" not in ranked(view_of([weak({"tone": "dark"})], train, data))


@pytest.mark.parametrize(("error", "first"), [(0.9, "data engineering"), (0.2, "collect")])
def test_a_great_drop_in_deployment_is_first_looked_at_for_how_pictures_are_fed(
    error: float, first: str
) -> None:
    """From 1 % to 90 % wrong: three images would show an improvement, which is no number to collect."""
    finding = Finding(
        "distribution_shift", "correctness", "data_statistics", "drop", n=397, error_rate=error, base_error_rate=0.012, verdict="confirmed"
    )  # fmt: skip
    made = propose_correction(with_model(view_of([finding])))
    rows = made.tables[0].rows
    assert rows[0][2] == first
    assert ("split=deploy" in str(rows[0][4])) == (first != "collect")
    collected = next(str(row[4]) for row in rows if row[2] == "collect")
    assert "at least 3 " not in collected and ("Collect more labelled deployment images" in collected) == (
        error > 0.5
    )


def test_errors_at_stake_of_halves_and_wholes_stand_on_one_base() -> None:
    """A group that half of the images tested and one that all of them did: the number is of all images, and the column says so."""
    half = Finding(
        "weak_slice", "correctness", "unknown", "x", {"a": "b"}, n=100, error_rate=0.5, base_error_rate=0.1,
        verdict="confirmed", part=0.5,
    )  # fmt: skip
    whole = dataclasses.replace(half, slice={"c": "d"}, n=150, part=1.0)
    made = propose_correction(view_of([whole, half]))
    assert made.tables[0].rows[0][0] == "F2"
    assert [made.fact("excess_errors", f"finding {i}").value for i in ("F1", "F2")] == [60, 80]
    assert made.fact("excess_errors", "finding F2").n == 200
    table = next(t for t in made.tables if t.title == "Errors at stake")
    assert "among all of them" in table.columns[2]
    assert [r[:5] for r in table.rows] == [
        ("F2", "evaluation images", 80, 100, 0.5), ("F1", "evaluation images", 60, 150, 1.0)
    ]  # fmt: skip
    assert "80 errors among all evaluation images" in made.next_steps[0]


def crews(**slice_: str) -> Finding:
    return Finding(
        "weak_slice", "correctness", "unknown", "Worse.", slice=slice_, n=113, error_rate=0.566,
        base_error_rate=0.248, verdict="confirmed", part=0.5,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("slice_", "spot"),
    [
        ({"line": "3", "shift": "night"}, "line and shift were recorded"),
        ({"operator": "Ehlers"}, "operator was recorded"),
        ({"lamp_hours": "very high (≥ 950)"}, "lamp_hours was recorded"),
        ({"dirty": "yes"}, ""),
        ({"brightness": "low (< 0.2)"}, ""),
    ],
)
def test_with_answers_alone_what_needs_no_training_comes_first(slice_: dict[str, str], spot: str) -> None:
    data = table(
        [0, 1] * 6, line=["1", "2", "3"] * 4, shift=["day", "night"] * 6, operator=["Ehlers", "Anders"] * 6,
        lamp_hours=[float(i) * 100 for i in range(12)], dirty=["yes", "no"] * 6, brightness=[i / 12 for i in range(12)],
    )  # fmt: skip
    rows = propose_correction(view_of([crews(**slice_)], data=data)).tables[0].rows
    names, told = [r[2] for r in rows], [str(r[4]) for r in rows]
    assert names[: 2 if spot else 1] == (["data engineering", "defer"] if spot else ["defer"])
    assert (
        (spot in told[0] and "not who or what is to blame" in told[0])
        if spot
        else "on the spot" not in told[0]
    )
    assert (
        "collect" in names
        and next(t for n, t in zip(names, told, strict=True) if n == "collect")[:7] == "Collect"
    )
    orders = [n for n, t in zip(names, told, strict=True) if t.startswith("For whoever trains the model: ")]
    assert orders == [
        n for n in names if n not in ("data engineering", "defer", "collect", "relabel", "rule")
    ]
    assert orders and names.index(orders[0]) > names.index("collect")
    kept = propose_correction(with_model(view_of([crews(**slice_)], data=data))).tables[0].rows
    assert not any(str(r[4]).startswith("For whoever") for r in kept) and kept[0][2] != "data engineering"
