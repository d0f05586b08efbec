"""Groups that are worse only because another confirmed group lies in them, or they in it, are told as following from that one."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from failsight.tools.compare_group import compare_group
from failsight.tools.disaggregate import disaggregate
from failsight.tools.evidence import Evidence, Finding
from failsight.tools.groups.shadows import Owner, apart
from failsight.tools.inputs.base import AttributeTable
from failsight.tools.stats.groups import gap
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence, one_hot

CLASSES = ("bottle", "can", "film")
CREWS = {"early": ("Anders", "Boric"), "late": ("Chen", "Dogan"), "night": ("Ehlers", "Fofana")}
NAMES = ("shift=night", "operator=Ehlers", "operator=Fofana", "line=west")


def plant(
    n: int = 2000, seed: int = 0, both: float = 0.0, night: float = 0.0, ehlers: float = 0.0
) -> FakeView:
    """Three lines, three shifts, two people a shift; errors of line west at night, of the whole night, of one person."""
    rng = np.random.default_rng(seed)
    shift = rng.choice(list(CREWS), n)
    line = rng.choice(["east", "mid", "west"], n)
    who = np.array([CREWS[s][k] for s, k in zip(shift, rng.integers(0, 2, n), strict=True)])
    at_night = shift == "night"
    rate = 0.2 + both * (at_night & (line == "west")) + night * at_night + ehlers * (who == "Ehlers")
    labels = rng.integers(0, 3, n)
    predicted = np.where(rng.random(n) < rate, (labels + 1) % 3, labels)
    columns = {"line": line.tolist(), "shift": shift.tolist(), "operator": who.tolist()}
    table = FakeTable(np.zeros((n, 2, 2, 3), np.uint8), labels, CLASSES, columns)
    return FakeView({"data": table}, scores={"data": one_hot(predicted, 3, 0.8)})


def known(slice_: dict[str, str], **more: Any) -> Finding:
    return Finding(
        "weak_slice", "correctness", "unknown", "Worse.", slice=slice_, n=100, error_rate=0.5,
        base_error_rate=0.2, verdict="confirmed", **more,
    )  # fmt: skip


F3 = known({"line": "west", "shift": "night"})


def confirmed(made: Evidence) -> set[str]:
    return {
        "&".join(f"{k}={v}" for k, v in (f.slice or {}).items())
        for f in made.findings
        if f.verdict == "confirmed"
    }


@pytest.mark.parametrize("name", ["shift=night", "operator=Ehlers", "line=west"])
def test_the_shadow_of_a_confirmed_group_is_told_as_following_from_it(name: str) -> None:
    view = plant(both=0.4)
    alone = compare_group(view, where=name).findings[0]
    assert alone.verdict == "confirmed"  # nobody knows better yet
    view.stated = [("F3", F3)]
    made = compare_group(view, where=name)
    check_evidence(made)
    (found,) = made.findings
    assert found.verdict == "inconclusive" and found.tests[0].verdict == "inconclusive"
    assert made.next_steps == ("Look into F3 first; then test this group again.",)
    assert "excess is that of F3: outside F3" in found.note and found.note in made.summary
    assert view.instruments[-1].arguments["beside"] == ["F3"] and "outside" in view.instruments[-1].statistic
    table = disaggregate(view, attributes=(name.split("=")[0],))
    check_evidence(table)
    assert name not in confirmed(table)
    assert f"{name} (from F3)" in table.summary
    assert any(
        n.startswith(f"{name} is no finding of its own. Its excess is that of F3") for n in table.notes
    )
    row = next(r for r in table.tables[0].rows if r[0] == name)
    assert row[8] == "follows"
    assert next(t for t in table.tried if t.slice == found.slice).test.verdict == "inconclusive"


def test_rates_outside_are_those_that_can_be_counted() -> None:
    view = plant(both=0.4)
    view.stated = [("F3", F3)]
    (found,) = compare_group(view, where="shift=night").findings
    table, p = view.table(), view.predictions()
    night = np.array(table.columns["shift"])[p.rows] == "night"
    outside = ~(night & (np.array(table.columns["line"])[p.rows] == "west"))
    wrong, left = ~p.correct, night & outside
    assert f"outside F3 {100 * wrong[left].mean():.1f} % of its {left.sum():,} images" in found.note
    assert f"against {100 * wrong[~night].mean():.1f} % of the others" in found.note


def test_a_whole_that_is_worse_outside_too_stays_confirmed_and_says_so() -> None:
    view = plant(both=0.3, night=0.2)
    view.stated = [("F3", F3)]
    (found,) = compare_group(view, where="shift=night").findings
    assert found.verdict == "confirmed"
    table = disaggregate(view, attributes=("shift",))
    assert confirmed(table) == {"shift=night"}
    view.stated = [("F4", known({"operator": "Ehlers"}))]  # half of the night: what is left has to stand
    (found,) = compare_group(view, where="shift=night").findings
    assert (
        found.verdict == "confirmed" and "Outside F4" in found.note and "more than F4 explains" in found.note
    )


def test_a_part_of_a_confirmed_whole_has_to_be_worse_than_the_rest_of_it() -> None:
    whole = [("F12", known({"shift": "night"}))]
    view = plant(night=0.25)
    view.stated = whole
    (found,) = compare_group(view, where="operator=Ehlers").findings
    assert found.verdict == "inconclusive" and "excess is that of F12: inside F12" in found.note
    view = plant(both=0.5)
    view.stated = whole
    (found,) = compare_group(view, where=["line=west", "shift=night"]).findings
    assert found.verdict == "confirmed" and "Inside F12" in found.note


def test_one_group_under_two_names_cannot_be_told_apart() -> None:
    view = plant(night=0.3)
    view.table().columns["lamp"] = ["old" if s == "night" else "new" for s in view.table().columns["shift"]]
    view.stated = [("F1", known({"shift": "night"}))]
    made = compare_group(view, where="lamp=old")
    assert made.findings[0].verdict == "inconclusive"
    assert "can't be told apart from F1: only 0 images" in made.findings[0].note
    assert "lamp=old" not in confirmed(disaggregate(view, attributes=("lamp",)))


def test_in_one_table_the_conjunction_is_the_finding_and_no_person_is() -> None:
    made = disaggregate(plant(both=0.4))
    assert confirmed(made) == {"line=west&shift=night"}
    assert not any("operator" in (f.slice or {}) for f in made.findings)
    told = " ".join(made.notes)
    assert (
        "operator=Ehlers is no finding of its own" in told and "is that of line=west & operator" not in told
    )


def test_a_finding_of_the_case_that_turns_out_to_follow_is_left_open_with_the_reason() -> None:
    view = plant(both=0.4)
    view.stated = [("F12", known({"shift": "night"}))]
    made = disaggregate(view)
    night = next(f for f in made.findings if f.slice == {"shift": "night"})
    assert night.verdict == "inconclusive" and "is that of line=west & shift=night" in night.note
    assert confirmed(made) == {"line=west&shift=night"}


def test_other_images_other_kinds_and_open_ones_explain_nothing() -> None:
    view = plant(both=0.4)
    for other in (
        known({"line": "west", "shift": "night"}, split="deploy"),
        Finding("spurious_correlation", "features", "unknown", "S.", slice=F3.slice, class_name="can", verdict="confirmed"),
        Finding("weak_slice", "correctness", "unknown", "O.", slice=F3.slice, verdict=None),
        known({"line": "west", "shift": "night"}, confused_with="can"),  # what they are called, not that they are wrong
        known({"height": "gone"}),
    ):  # fmt: skip
        view.stated = [("F3", other)]
        assert compare_group(view, where="shift=night").findings[0].verdict == "confirmed"


def test_a_group_that_shares_a_few_images_explains_nothing() -> None:
    rng = np.random.default_rng(0)
    inside = rng.random(1000) < 0.3
    wrong = rng.random(1000) < np.where(inside, 0.4, 0.1)
    strata = rng.integers(0, 3, 1000)
    whole = gap(wrong, inside, ~inside, strata)
    few = Owner("F1", inside & (rng.random(1000) < 0.15))
    assert apart(few, inside, ~inside, whole, wrong, strata, None) is None
    assert apart(Owner("F1", ~inside), inside, ~inside, whole, wrong, strata, None) is None


def test_simulated_worlds() -> None:
    """Worlds without a fault confirm nothing; of one true conjunction no shadow is confirmed in more than 5 %, the conjunction itself
    nearly always; a whole night that is bad besides is still found."""
    runs, level = 20, 0.05
    most = runs * level + 2 * (runs * level * (1 - level)) ** 0.5
    nothing = sum(bool(confirmed(disaggregate(plant(1200, s), min_gap=0.01))) for s in range(runs))
    assert nothing <= most, nothing
    shadows = true = 0
    for seed in range(runs):
        view = plant(2000, 100 + seed, both=0.35)
        found = confirmed(disaggregate(view, attributes=("line", "shift", "operator")))
        true += "line=west&shift=night" in found
        shadows += bool(found & {"shift=night", "line=west", "operator=Ehlers", "operator=Fofana"})
    assert true >= 0.9 * runs and shadows <= most, (true, shadows)
    parent = person = 0
    for seed in range(runs):
        view = plant(2000, 200 + seed, both=0.3, night=0.15)
        view.stated = [("F3", F3)]
        parent += compare_group(view, where="shift=night").findings[0].verdict == "confirmed"
        view = plant(2000, 300 + seed, both=0.3)
        view.stated = [("F3", F3)]
        person += compare_group(view, where="operator=Ehlers").findings[0].verdict == "confirmed"
    assert parent >= 0.9 * runs and person <= most, (parent, person)


def test_what_is_measured_in_pictures_does_not_explain_what_people_recorded() -> None:
    """Dark pictures are how an old lamp looks: the lamp stays a finding, and the darkness has to stand beside it."""
    rng = np.random.default_rng(0)
    labels, old = rng.integers(0, 3, 2000), rng.random(2000) < 0.35
    dark = old & (rng.random(2000) < 0.8)
    predicted = np.where(rng.random(2000) < np.where(dark, 0.5, 0.2), (labels + 1) % 3, labels)
    columns = {"lamp": np.where(old, "old", "new").tolist(), "brightness": np.where(dark, 0.1, 0.6).tolist()}
    table = FakeTable(np.zeros((2000, 2, 2, 3), np.uint8), labels, CLASSES, columns)

    class Measured(FakeView):
        def attributes(self, split: str = "data") -> AttributeTable:
            base = super().attributes(split)
            return AttributeTable(base.rows, base.columns, {**base.sources, "brightness": "computed"})

    view = Measured({"data": table}, scores={"data": one_hot(predicted, 3, 0.8)})
    view.stated = [("F4", known({"brightness": "low (< 0.3)"}))]
    (found,) = compare_group(view, where="lamp=old").findings
    assert found.verdict == "confirmed" and "F4" not in found.note
    assert confirmed(disaggregate(view, attributes=("lamp",))) == {"lamp=old"}
    view.stated = [("F4", known({"lamp": "old"}))]
    (found,) = compare_group(view, where="brightness<0.5").findings
    assert "F4" in found.note


def pulled(n: int = 2000, seed: int = 0) -> FakeView:
    """At night on line west 40 % of the images are called film, elsewhere 5 %."""
    view = plant(n, seed)
    table = view.table()
    rng = np.random.default_rng([seed, 1])
    night, west = (np.array(table.columns[k]) == v for k, v in (("shift", "night"), ("line", "west")))
    film = rng.random(n) < np.where(night & west, 0.4, 0.05)
    return FakeView({"data": table}, scores={"data": one_hot(np.where(film, 2, table.labels), 3, 0.8)})


@pytest.mark.parametrize("kind", ["weak_slice", "spurious_correlation"])
def test_what_a_group_is_called_is_explained_by_what_another_one_is_called(kind: Any) -> None:
    view = pulled()
    assert compare_group(view, where="shift=night", called="film").findings[0].verdict == "confirmed"
    own = {"confused_with": "film"} if kind == "weak_slice" else {"class_name": "film"}
    view.stated = [("F3", dataclasses.replace(known({"line": "west", "shift": "night"}, **own), kind=kind))]
    made = compare_group(view, where="shift=night", called="film")
    check_evidence(made)
    (found,) = made.findings
    assert found.verdict == "inconclusive"
    assert "excess is that of F3: outside F3" in found.note and "are called film, against" in found.note
    assert (
        compare_group(view, where=["line=west", "shift=night"], called="film").findings[0].verdict
        == "confirmed"
    )
    view.stated = [("F3", known({"line": "west", "shift": "night"}, confused_with="can"))]  # of another class
    assert compare_group(view, where="shift=night", called="film").findings[0].verdict == "confirmed"


def test_a_group_confirmed_before_the_one_that_it_follows_from_is_named_when_that_one_is_confirmed() -> None:
    view = plant(both=0.4)
    view.stated = [("F1", known({"shift": "night"}))]
    made = compare_group(view, where=["line=west", "shift=night"])
    assert made.findings[0].verdict == "confirmed"
    (note,) = (n for n in made.notes if n.startswith("F1 "))
    assert "may only follow from it. Its excess is that of this group: outside this group" in note
    assert made.next_steps == ("Test again what may only follow from this group (compare_group finding=F1).",)
    view = plant(both=0.3, night=0.3)
    view.stated = [("F1", known({"shift": "night"}))]  # the rest of the night is worse, too
    assert not [
        n for n in compare_group(view, where=["line=west", "shift=night"]).notes if n.startswith("F1 ")
    ]
