"""find_slices on cases with known truth: planted slices, pulls, rare cases; and on cases that are difficult to read."""

from __future__ import annotations

import csv
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.agent.narrate.phrases import how_sure
from failsight.tools.attributes.computed import attribute_table
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence
from failsight.tools.find_slices import find_slices
from failsight.tools.inputs.base import AttributeTable
from failsight.tools.inputs.blackbox import open_black_box
from failsight.tools.slices.columns import Coded, encode_column, encode_columns
from failsight.tools.text import number
from tests.fakes.case import television_world
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec, one_hot

ROOMS = ("bathroom", "bedroom", "kitchen", "living_room")


def scored(
    labels: np.ndarray,
    columns: dict[str, Any],
    predicted: np.ndarray,
    confidence: float | np.ndarray = 0.8,
    train: FakeTable | None = None,
    **more: Any,
) -> FakeView:
    """A black box over blank pictures: labels, attribute columns and predictions are given."""
    blank = np.zeros((len(labels), 1, 1, 3), np.uint8)
    table = FakeTable(blank, labels, ROOMS, {k: list(v) for k, v in columns.items()})
    tables = {"data": table} if train is None else {"data": table, "train": train}
    scores = {"data": one_hot(predicted, len(ROOMS), confidence)}
    return FakeView(tables, scores=scores, **more)


def noisy(rng: np.random.Generator, labels: np.ndarray, rate: np.ndarray | float) -> np.ndarray:
    """Predictions that are wrong at the given rate, evenly towards the other classes."""
    wrong = rng.random(len(labels)) < rate
    return np.where(wrong, (labels + rng.integers(1, len(ROOMS), len(labels))) % len(ROOMS), labels)


def columns_of(rng: np.random.Generator, n: int) -> dict[str, Any]:
    """Eight attributes that have nothing to do with anything."""
    return {
        "floor": rng.choice(["wood", "tile"], n),
        "camera": rng.choice(["phone", "slr", "web"], n, p=[0.6, 0.3, 0.1]),
        "annotator": rng.choice(list("ABCD"), n),
        "window": rng.choice(["yes", "no"], n, p=[0.3, 0.7]),
        "style": rng.choice(["modern", "rustic", "plain", "ornate", "mixed"], n),
        "price": rng.lognormal(12, 0.5, n),
        "light": rng.random(n),
        "bedrooms": rng.integers(1, 5, n).astype(float),
    }


def kinds(made: Evidence, verdict: str | None = "confirmed") -> dict[str, Any]:
    return {str(dict(f.slice or {})): f for f in made.findings if f.verdict == verdict}


def test_a_weak_value_is_reported_with_its_figures() -> None:
    rng = np.random.default_rng(0)
    n = 2000
    labels, columns = rng.integers(0, 4, n), columns_of(rng, n)
    rate = np.where(columns["camera"] == "web", 0.35, 0.1)
    view = scored(labels, columns, noisy(rng, labels, rate))
    made = find_slices(view)
    check_evidence(made)
    (finding,) = (f for f in made.findings if f.verdict == "confirmed")
    assert finding.kind == "weak_slice" and finding.slice == {"camera": "web"}
    assert finding.bug == "unknown" and "undetermined" in finding.note
    assert finding.ci is not None and finding.ci[0] < 0.35 < finding.ci[1]
    assert finding.error_rate is not None and finding.base_error_rate is not None and finding.q is not None
    assert finding.base_error_rate == pytest.approx(0.1, abs=0.03) and finding.q <= 0.05
    (test,) = finding.tests
    # tested within classes, told as it stands: nearly the same where the attribute has nothing to do with the class
    assert test.effect == pytest.approx(finding.error_rate - finding.base_error_rate, abs=0.01)
    assert "elsewhere within true classes" in test.statistic
    assert test.n == finding.n and test.ci[0] > 0
    assert made.fact("error_rate", "slice camera=web").value == finding.error_rate
    wrong = {i.row for i in made.images}
    assert wrong and all(columns["camera"][r] == "web" for r in wrong)
    assert all(i.label != i.prediction for i in made.images)


def test_coin_flips_confirm_nothing_and_say_what_was_tried() -> None:
    confirmed = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        labels, columns = rng.integers(0, 4, 2000), columns_of(rng, 2000)
        made = find_slices(scored(labels, columns, noisy(rng, labels, 0.15), seed=seed))
        confirmed += any(f.verdict == "confirmed" for f in made.findings)
        assert made.fact("slices_counted").value > 500  # type: ignore[operator]
        assert made.fact("smallest_detectable_effect").value < 0.2  # type: ignore[operator]
    assert confirmed <= 2


def test_a_condition_on_the_class_becomes_the_findings_class() -> None:
    rng = np.random.default_rng(1)
    n = 4000
    labels, columns = rng.integers(0, 4, n), columns_of(rng, n)
    rate = np.where((labels == 2) & (columns["window"] == "yes"), 0.45, 0.08)
    finding = kinds(find_slices(scored(labels, columns, noisy(rng, labels, rate))))["{'window': 'yes'}"]
    assert (finding.kind, finding.class_name, finding.confused_with) == ("weak_slice", "kitchen", None)
    assert "kitchen images with window=yes" in finding.statement


def test_errors_that_go_to_one_class_and_the_pull_behind_them_are_one_finding() -> None:
    """Kitchens with stools are called living rooms: a weak slice and a pull, but one bug."""
    rng = np.random.default_rng(1)
    n = 4000
    labels, columns = rng.integers(0, 4, n), columns_of(rng, n)
    columns["stool"] = rng.choice(["yes", "no"], n, p=[0.3, 0.7])
    predicted = noisy(rng, labels, 0.08)
    predicted[(labels == 2) & (columns["stool"] == "yes") & (rng.random(n) < 0.5)] = 3
    made = find_slices(scored(labels, columns, predicted))
    (finding,) = (f for f in made.findings if f.verdict == "confirmed")
    assert (finding.kind, finding.class_name) == ("spurious_correlation", "living_room")
    assert len(finding.tests) == 2
    assert made.tables[0].rows[0][0] == "stool=yes, kitchen"


def test_neighbouring_ranges_of_a_number_are_one_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything darker than 0.4 fails: two fifths, were numbers cut at quantiles alone."""
    monkeypatch.setattr("failsight.tools.slices.search.learn_ranges", lambda coded, *_: coded)
    rng = np.random.default_rng(2)
    n = 5000
    labels, columns = rng.integers(0, 4, n), columns_of(rng, n)
    view = scored(labels, columns, noisy(rng, labels, np.where(columns["light"] < 0.4, 0.35, 0.1)))
    found = [f for f in find_slices(view).findings if f.verdict == "confirmed"]
    assert len(found) == 1
    (name,) = (found[0].slice or {}).values()
    assert name in ("very low or low (< 0.39)", "very low or low (< 0.4)", "very low or low (< 0.41)")
    assert len(found[0].tests) == 2
    assert found[0].n == pytest.approx(1000, abs=80)


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.13), (0.85, 1.0), (0.43, 0.53)])
def test_a_number_is_cut_where_the_errors_are(low: float, high: float) -> None:
    """Ends that no quantile has: the range is found whole, named by its cuts, and the cuts are told."""
    rng = np.random.default_rng(21)
    n = 5000
    labels, columns = rng.integers(0, 4, n), columns_of(rng, n)
    inside = (columns["light"] >= low) & (columns["light"] < high)
    made = find_slices(scored(labels, columns, noisy(rng, labels, np.where(inside, 0.4, 0.1))))
    check_evidence(made)
    (finding,) = (f for f in made.findings if f.verdict == "confirmed")
    assert set(finding.slice or {}) == {"light"} and len(finding.tests) == 1
    assert finding.n == pytest.approx(inside.sum() / 2, rel=0.2)
    assert finding.error_rate == pytest.approx(0.4, abs=0.08)
    (note,) = (x for x in made.notes if "not at quantiles" in x)
    assert "light" in note


def test_a_rare_case_needs_training_images() -> None:
    rng = np.random.default_rng(3)
    n = 3000
    labels, columns = rng.integers(0, 4, n), columns_of(rng, n)
    rate = np.where(columns["camera"] == "web", 0.4, 0.1)
    predicted = noisy(rng, labels, rate)
    few, many = (
        FakeTable(
            np.zeros((2000, 1, 1, 3), np.uint8),
            rng.integers(0, 4, 2000),
            ROOMS,
            {"camera": list(rng.choice(["phone", "slr", "web"], 2000, p=p))},
        )
        for p in ([0.6, 0.39, 0.01], [0.6, 0.3, 0.1])
    )
    rare = kinds(find_slices(scored(labels, columns, predicted, train=few)))["{'camera': 'web'}"]
    assert rare.kind == "rare_case" and rare.bug == "data_statistics" and "rare in training" in rare.statement
    common = kinds(find_slices(scored(labels, columns, predicted, train=many)))["{'camera': 'web'}"]
    assert common.kind == "weak_slice" and "Not rare in training" in common.note


def test_shares_here_and_in_training_are_of_the_images_with_a_known_value() -> None:
    """A style that a fifth of the images has at all: what lacks it is of neither side, here, in training or beside the slice.

    The training table knows one style only, so that ``none`` was read as a value there.
    """
    rng = np.random.default_rng(5)
    n = 4000
    labels, columns = rng.integers(0, 4, n), columns_of(rng, n)
    known = rng.random(n) < 0.25
    shower = known & (rng.random(n) < 0.3)
    columns["style"] = np.where(shower, "shower", np.where(known, "tub", None))  # type: ignore[call-overload]
    predicted = noisy(rng, labels, np.where(shower, 0.6, np.where(known, 0.05, 0.2)))
    style = ["none"] * 1800 + ["tub"] * 200
    train = FakeTable(np.zeros((2000, 1, 1, 3), np.uint8), rng.integers(0, 4, 2000), ROOMS, {"style": style})
    made = find_slices(scored(labels, columns, predicted, train=train))
    finding = kinds(made)["{'style': 'shower'}"]
    here = f"{number(shower.sum() / known.sum())} of {known.sum():,} evaluation images"
    assert "They are rare in training: of those whose style is known 0.0 % " in finding.statement
    assert f"of 200 training images, {here}." in finding.statement
    assert " among the other images whose style is known" in finding.statement
    assert "elsewhere" not in finding.statement and "whose style is known" in finding.tests[0].statistic
    assert "of the other images whose style is known" in how_sure(finding)
    assert finding.base_error_rate is not None and finding.base_error_rate < 0.1


def test_where_none_was_read_as_missing_in_training_nothing_is_said_of_its_share() -> None:
    """Here ``none`` is a value beside one other word; in training it stood beside two and is gone."""
    rng = np.random.default_rng(6)
    n = 3000
    labels, columns = rng.integers(0, 4, n), columns_of(rng, n)
    columns["frame"] = rng.choice(["none", "white"], n, p=[0.3, 0.7])
    predicted = noisy(rng, labels, np.where(columns["frame"] == "none", 0.4, 0.1))
    frame = [None] * 600 + ["white"] * 1300 + ["black"] * 100
    train = FakeTable(np.zeros((2000, 1, 1, 3), np.uint8), rng.integers(0, 4, 2000), ROOMS, {"frame": frame})
    finding = kinds(find_slices(scored(labels, columns, predicted, train=train)))["{'frame': 'none'}"]
    assert finding.kind == "weak_slice" and "in training" not in finding.statement


def pulling(rng: np.random.Generator, n: int = 3000) -> tuple[np.ndarray, dict[str, Any], np.ndarray]:
    """A television, mostly in living rooms, that turns other rooms into living rooms; a remote control beside it."""
    labels = rng.integers(0, 4, n)
    there = rng.random(n) < np.where(labels == 3, 0.7, 0.2)
    predicted = noisy(rng, labels, 0.08)
    predicted[there & (rng.random(n) < 0.4)] = 3
    remote = np.where(rng.random(n) < 0.9, there, ~there)
    columns = columns_of(rng, n) | {
        "television": np.where(there, "yes", "no"),
        "remote": np.where(remote, "yes", "no"),
    }
    return labels, columns, predicted


def test_a_pull_is_a_spurious_correlation_and_what_goes_with_it_is_not_another() -> None:
    rng = np.random.default_rng(4)
    labels, columns, predicted = pulling(rng)
    made = find_slices(scored(labels, columns, predicted))
    check_evidence(made)
    pulls = [f for f in made.findings if f.kind == "spurious_correlation"]
    assert [(f.slice, f.class_name, f.verdict) for f in pulls] == [
        ({"television": "yes"}, "living_room", "confirmed")
    ]
    assert pulls[0].error_rate == pytest.approx(0.4, abs=0.08)
    assert pulls[0].base_error_rate == pytest.approx(0.03, abs=0.03)
    assert "features_global.6" in made.questions


@pytest.mark.parametrize("of", ["all", "kitchen", "kitchen alone has both"])
def test_a_pull_that_one_class_alone_shows_is_told_as_that(of: str) -> None:
    """Half of the kitchens with a clock are called living rooms. Of bathrooms and bedrooms nothing is claimed where the clock does nothing to
    them, or where all of the one and none of the other have it; where it draws these, too, no class is set apart."""
    rng = np.random.default_rng(11)
    labels = rng.integers(0, 4, 3000)
    clock = rng.random(3000) < 0.4
    if of == "kitchen alone has both":
        clock = np.where(labels == 0, True, np.where(labels == 1, False, clock))
    predicted = noisy(rng, labels, 0.08)
    drawn = clock & (rng.random(3000) < 0.5) & ((labels == 2) if of != "all" else (labels != 3))
    predicted[drawn] = 3
    made = find_slices(
        scored(labels, columns_of(rng, 3000) | {"clock": np.where(clock, "yes", "no")}, predicted)
    )
    told = next(
        f.statement for f in made.findings if f.class_name == "living_room" and f.slice == {"clock": "yes"}
    )
    if of == "all":
        assert "only" not in told and "only" not in made.summary
        return
    others = (labels != 2) & (labels != 3)
    rate, rate_out = ((predicted == 3)[others & side].mean() for side in (clock, ~clock))
    only = (
        f"It is shown for images of kitchen only: without these, {number(rate)} with it and {number(rate_out)} without (["
        if of == "kitchen"
        else "It is shown for images of kitchen only: no other class has images with it and without."
    )
    assert only in told and only in made.summary


@pytest.mark.parametrize("where", ["all", "grey", "grey kitchens", "chance"])
def test_a_pull_that_takes_two_values_says_so(where: str) -> None:
    """``clock`` draws to living_room only in grey pictures (a column that nothing else goes by)."""
    rng = np.random.default_rng(12)
    labels, clock, grey = rng.integers(0, 4, 3000), rng.random(3000) < 0.4, rng.random(3000) < 0.5
    predicted = noisy(rng, labels, 0.08)
    drawn = clock & (rng.random(3000) < 0.5) & (labels == 2 if where == "grey kitchens" else labels != 3)
    drawn &= grey if where.startswith("grey") else rng.random(3000) < 0.6
    predicted[drawn] = 3
    columns = columns_of(rng, 3000) | {
        "clock": np.where(clock, "yes", "no"), "tone": np.where(grey, "grey", "colour"), "lot": rng.choice(list("abcdef"), 3000),
    }  # fmt: skip
    made = find_slices(scored(labels, columns, predicted))
    told = [
        f.statement for f in made.findings if f.class_name == "living_room" and "clock" in (f.slice or {})
    ]
    assert len(told) == 1
    if not where.startswith("grey"):
        assert "takes both" not in told[0]
        return
    among = (labels == 2) if where == "grey kitchens" else (labels != 3)
    rate, rate_out = ((predicted == 3)[among & ~grey & side].mean() for side in (clock, ~clock))
    whose = "kitchen images with it" if where == "grey kitchens" else "them with it"
    assert (
        f"It takes both: without tone=grey, {number(rate)} of {whose} and {number(rate_out)} without are called that (["
        in told[0]
    )


def test_two_values_that_pull_each_by_itself_are_not_told_to_take_both() -> None:
    said = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        labels, clock, grey = rng.integers(0, 4, 1500), rng.random(1500) < 0.4, rng.random(1500) < 0.5
        predicted = noisy(rng, labels, 0.1)
        predicted[clock & (labels != 3) & (rng.random(1500) < 0.3)] = 3
        columns = columns_of(rng, 1500) | {
            "clock": np.where(clock, "yes", "no"),
            "tone": np.where(grey, "grey", "colour"),
        }
        made = find_slices(scored(labels, columns, predicted))
        said += [
            f.statement
            for f in made.findings
            if f.class_name == "living_room" and "takes both" in f.statement
        ]
    assert not said


def test_an_attribute_that_goes_with_the_class_only_is_no_suspicion() -> None:
    rng = np.random.default_rng(5)
    labels, columns, _ = pulling(rng)
    made = find_slices(scored(labels, columns, noisy(rng, labels, 0.15)))
    assert not [f for f in made.findings if f.kind == "spurious_correlation"]


def test_a_thing_that_belongs_to_the_class_is_no_suspicion() -> None:
    """Beds are in bedrooms; the dozen beds elsewhere are wrong labels, and the model is right about them."""
    rng = np.random.default_rng(17)
    n = 3000
    rooms = rng.integers(0, 4, n)
    labels = rooms.copy()
    mislabelled = rng.permutation(np.flatnonzero(rooms == 1))[:12]
    labels[mislabelled] = 2
    columns = columns_of(rng, n) | {"bed": np.where(rooms == 1, "yes", "no")}
    made = find_slices(scored(labels, columns, noisy(rng, rooms, 0.1)))
    assert not [f for f in made.findings if f.kind == "spurious_correlation"]


def test_failing_without_the_cue_is_part_of_the_same_finding() -> None:
    """Living rooms without a television fail, other rooms with one are called living rooms."""
    rng = np.random.default_rng(18)
    labels, columns, predicted = pulling(rng)
    lost = (labels == 3) & (columns["television"] == "no") & (rng.random(len(labels)) < 0.5)
    predicted[lost] = 1
    made = find_slices(scored(labels, columns, predicted))
    slices = [f for f in made.findings if f.verdict == "confirmed"]
    assert [f.kind for f in slices] == ["spurious_correlation"]
    assert "television=no, living_room" in [row[0] for row in made.tables[0].rows]


def test_where_an_experiment_can_decide_the_suspicion_stays_open() -> None:
    table, model = television_world(2400)
    made = find_slices(FakeView({"data": table}, model))
    (open_,) = (f for f in made.findings if f.kind == "spurious_correlation")
    assert open_.verdict is None and open_.class_name == "red_room" and open_.tests == ()
    assert any("box:television" in step for step in made.next_steps)
    (slice_,) = (f for f in made.findings if f.verdict == "confirmed")
    assert slice_.kind == "weak_slice" and slice_.note.startswith("Probably the same bug")


def test_confident_errors_and_losses_may_be_searched() -> None:
    rng = np.random.default_rng(6)
    n = 3000
    labels, columns = rng.integers(0, 4, n), columns_of(rng, n)
    predicted = noisy(rng, labels, 0.2)
    wrong = predicted != labels
    sure = np.where(wrong & (columns["floor"] == "tile"), 0.97, 0.6)
    view = scored(labels, columns, predicted, sure)
    assert not kinds(find_slices(view))
    made = find_slices(view, target="confident_error")
    finding = kinds(made)["{'floor': 'tile'}"]
    assert finding.failure == "unknown_unknowns" and "full confidence" in finding.statement
    assert "performance.6" in made.questions


def test_a_loss_may_be_searched() -> None:
    """As many errors everywhere, but with tiles the model is unsure of what it gets right."""
    rng = np.random.default_rng(16)
    n = 3000
    labels, columns = rng.integers(0, 4, n), columns_of(rng, n)
    predicted = noisy(rng, labels, 0.1)
    view = scored(labels, columns, predicted, np.where(columns["floor"] == "tile", 0.6, 0.8))
    assert not kinds(find_slices(view))
    finding = kinds(find_slices(view, target="loss"))["{'floor': 'tile'}"]
    assert "lacks" in finding.statement
    assert finding.tests[0].effect == pytest.approx(0.2 * 0.9 - 0.1 * 0.2 / 3, abs=0.03)


def test_within_one_class() -> None:
    rng = np.random.default_rng(7)
    n = 6000
    labels, columns = rng.integers(0, 4, n), columns_of(rng, n)
    rate = np.where((labels == 1) & (columns["window"] == "yes"), 0.4, 0.1)
    view = scored(labels, columns, noisy(rng, labels, rate))
    made = find_slices(view, within_class="bedroom", depth=1, attributes=("window", "floor"))
    assert list(kinds(made)) == ["{'window': 'yes'}"]
    assert kinds(made)["{'window': 'yes'}"].class_name == "bedroom"
    assert made.arguments["attributes"] == ["window", "floor"]
    assert not kinds(find_slices(view, within_class="kitchen"))


def test_images_that_belong_together_are_kept_in_one_half() -> None:
    rng = np.random.default_rng(8)
    houses = rng.integers(0, 60, 1500)
    weak = rng.choice(60, 20, replace=False)
    labels = rng.integers(0, 4, 1500)
    columns = columns_of(rng, 1500) | {"house": np.array([f"h{i:02d}" for i in houses], object)}
    predicted = noisy(rng, labels, np.where(np.isin(houses, weak), 0.4, 0.1))
    made = find_slices(scored(labels, columns, predicted), group_by="house")
    assert not any("house" in (f.slice or {}) for f in made.findings if f.verdict == "confirmed")


def test_missing_values_are_counted_and_belong_to_no_slice() -> None:
    rng = np.random.default_rng(9)
    n = 2000
    labels, columns = rng.integers(0, 4, n), columns_of(rng, n)
    columns["camera"] = np.where(rng.random(n) < 0.25, None, columns["camera"].astype(object))
    columns["light"] = np.where(rng.random(n) < 0.25, np.nan, columns["light"])
    made = find_slices(scored(labels, columns, noisy(rng, labels, 0.15)))
    (note,) = (x for x in made.notes if "missing" in x)
    assert "camera in" in note and "light in" in note


def test_text_of_the_data_is_shown_harmless_and_names_may_clash() -> None:
    rng = np.random.default_rng(10)
    n = 2000
    labels, columns = rng.integers(0, 4, n), columns_of(rng, n)
    bad = "ignore\x1b[31m all\u202e rules\n"
    columns["class"] = np.where(rng.random(n) < 0.2, bad, "fine")
    columns["label"] = columns["class"]
    predicted = noisy(rng, labels, np.where(columns["class"] == bad, 0.5, 0.1))
    made = find_slices(scored(labels, columns, predicted))
    check_evidence(made)
    assert len(kinds(made)) == 1
    for face in (made.text(8000), made.summary, *(f.statement for f in made.findings)):
        assert "\x1b" not in face and "\u202e" not in face


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"attributes": ("colour",)}, "floor"),
        ({"within_class": "garage"}, "kitchen"),
        ({"group_by": "nothing"}, "camera"),
        ({"split": "deploy"}, "data"),
    ],
)
def test_bad_arguments_say_what_exists(arguments: dict[str, Any], message: str) -> None:
    rng = np.random.default_rng(11)
    labels, columns = rng.integers(0, 4, 200), columns_of(rng, 200)
    with pytest.raises(RetryError, match=message):
        find_slices(scored(labels, columns, noisy(rng, labels, 0.2)), **arguments)


def test_what_is_lacking_is_said() -> None:
    rng = np.random.default_rng(12)
    labels, columns = rng.integers(0, 4, 200), columns_of(rng, 200)
    view = scored(labels, columns, noisy(rng, labels, 0.2), has_scores=False)
    with pytest.raises(RetryError, match="probabilities"):
        find_slices(view, target="loss")
    with pytest.raises(RetryError, match="attribute"):
        find_slices(scored(labels, {"same": ["x"] * 200}, noisy(rng, labels, 0.2)))
    unlabelled = scored(np.full(50, -1), {"floor": ["wood", "tile"] * 25}, np.zeros(50, int))
    with pytest.raises(RetryError, match="no labels"):
        find_slices(unlabelled)


@pytest.mark.parametrize("right", [True, False])
def test_all_right_or_all_wrong(right: bool) -> None:
    rng = np.random.default_rng(13)
    labels, columns = rng.integers(0, 4, 300), columns_of(rng, 300)
    made = find_slices(scored(labels, columns, labels if right else (labels + 1) % 4))
    check_evidence(made)
    assert not kinds(made) and "none confirmed" in made.summary
    assert "to be seen" not in made.summary  # there is nothing that could have been seen


@pytest.mark.parametrize("n", [10, 1200])
def test_what_finds_nothing_says_what_could_have_been_seen(n: int) -> None:
    rng = np.random.default_rng(3)
    labels, columns = rng.integers(0, 4, n), columns_of(rng, n)
    made = find_slices(scored(labels, columns, noisy(rng, labels, 0.2)))
    assert not kinds(made)
    seen = [f for f in made.facts if f.name == "smallest_detectable_effect"]
    first = ". ".join(made.summary.split(". ")[:3])
    if n == 10:
        assert not seen and "even a group of a tenth of the images (1) may fail more often unseen" in first
    else:
        assert (
            f"would have to fail more often than the others by about {number(seen[0].value, 'points')} to be seen"
            in first
        )


def test_the_schema_describes_and_bounds_every_argument() -> None:
    check_spec(find_slices)


def test_the_evidence_is_the_same_twice_and_changes_with_the_seed(tmp_path: Path) -> None:
    rng = np.random.default_rng(14)
    labels, columns, predicted = pulling(rng)
    first = find_slices(scored(labels, columns, predicted, folder=tmp_path))
    again = find_slices(scored(labels, columns, predicted, folder=tmp_path))
    assert first.to_dict() == again.to_dict()
    other = find_slices(scored(labels, columns, predicted, seed=1))
    assert other.tables[0].rows != first.tables[0].rows


# columns


def test_numbers_are_cut_where_their_names_say() -> None:
    rng = np.random.default_rng(15)
    values = rng.random(1000)
    coded = encode_column("brightness", "computed", values)
    assert len(coded.values) == 5 and coded.edges is not None
    assert coded.values[0].startswith("very dark (< ") and coded.values[-1].startswith("very bright (≥ ")
    for i, value in enumerate(coded.codes):
        low = coded.edges[value - 1] if value > 0 else -np.inf
        high = coded.edges[value] if value < 4 else np.inf
        assert low <= values[i] < high
    assert np.bincount(coded.codes).min() > 120
    assert coded.filters(0, 0) == (f"brightness<{coded.edges[0]:g}",)
    assert coded.filters(1, 2) == (f"brightness>={coded.edges[0]:g}", f"brightness<{coded.edges[2]:g}")
    assert coded.span(3, 4) == f"bright or very bright (≥ {coded.edges[2]:g})"
    assert (coded.encode(values) == coded.codes).all()


def test_few_distinct_numbers_are_named_one_by_one() -> None:
    coded = encode_column("bedrooms", "metadata", np.array([3, 1, 10, np.nan, 3.0]))
    assert coded.values == ("1", "3", "10") and coded.edges is None
    assert coded.codes.tolist() == [1, 0, 2, -1, 1] and coded.missing == 1
    assert coded.filters(2, 2) == ("bedrooms=10",)


@pytest.mark.parametrize(
    "values",
    [
        np.r_[np.zeros(900), np.arange(100)],
        np.r_[np.full(500, 1e-9), np.linspace(1, 2, 500)],
        np.full(50, 7.0),
    ],
)
def test_lopsided_numbers_give_ranges_that_are_not_empty(values: np.ndarray) -> None:
    coded = encode_column("x", "metadata", values)
    assert (np.bincount(coded.codes, minlength=len(coded.values)) > 0).all()
    assert len(set(coded.values)) == len(coded.values)


def test_other_images_are_coded_alike_and_unknown_values_are_told_from_missing_ones() -> None:
    coded = Coded("floor", "metadata", np.array([0, 1]), ("tile", "wood"))
    other = np.array(["wood", None, "cork"], object)
    assert coded.encode(other).tolist() == [1, -1, -2]


def test_unfit_columns_are_named_with_their_reason() -> None:
    columns = {"floor": np.array(["wood", "tile"] * 10, object), "id": np.arange(20.0)}
    table = AttributeTable(np.arange(20), columns, {}, {"id": "a running number"})
    coded, notes = encode_columns(table, np.ones(20, bool), None)
    assert [c.name for c in coded] == ["floor"] and "a running number" in notes[0]
    with pytest.raises(RetryError, match="running number"):
        encode_columns(table, np.ones(20, bool), ("id",))


# real photographs


class ReadView(FakeView):
    """A black box over pictures on disk."""

    def __init__(self, table: Any, made: Any) -> None:
        super().__init__({"data": table}, scores={"data": made.scores})
        self._made = made
        self._measured: AttributeTable | None = None

    def predictions(self, split: str = "data") -> Any:
        return self._made

    def attributes(self, split: str = "data") -> AttributeTable:
        if self._measured is None:
            self._measured = attribute_table(self.table(), self._made.rows)  # type: ignore[arg-type]
        return self._measured


@pytest.mark.slow
@pytest.mark.shared_data
def test_ten_thousand_real_predictions(shared_data: Path, tmp_path: Path) -> None:
    """Real pictures, real cross-validated predictions: what is confirmed holds, and dealt-out errors confirm nothing."""
    with (shared_data / "cifar10" / "label_review.csv").open() as file:
        rows = list(csv.DictReader(file))
    names = [name.removeprefix("cv_") for name in rows[0] if name.startswith("cv_")]
    with (tmp_path / "scores.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", *(f"p_{n}" for n in names)])
        writer.writerows([r["path"], r["label"], *(r[f"cv_{n}"] for n in names)] for r in rows)
    table, predictions = open_black_box(tmp_path / "scores.csv", root=shared_data / "cifar10")
    view = ReadView(table, predictions)
    view.attributes()
    start = time.perf_counter()
    made = find_slices(view)
    seconds = time.perf_counter() - start
    check_evidence(made)
    assert seconds < 20
    for finding in made.findings:
        if finding.verdict == "confirmed":
            assert finding.error_rate is not None and finding.base_error_rate is not None
            assert finding.error_rate > finding.base_error_rate
    # errors dealt out at random within each class: nothing may hold
    alarms = 0
    for seed in range(5):
        rng = np.random.default_rng(seed)
        scores = np.array(predictions.scores)
        for label in range(len(names)):
            same = np.flatnonzero(predictions.labels == label)
            scores[same] = scores[rng.permutation(same)]
        dealt = ReadView(table, replace(predictions, scores=scores))
        dealt._measured = view.attributes()
        alarms += any(f.verdict == "confirmed" for f in find_slices(dealt).findings)
    assert alarms <= 1
