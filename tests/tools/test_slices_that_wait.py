"""A suspected sign that an experiment will decide about, and the slices that are its errors: one bug, not three findings."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from failsight.agent.planners import steps
from failsight.agent.planners.steps import _still_holds
from failsight.tools.evidence import Evidence, Finding, TestResult, family_key
from failsight.tools.find_slices import find_slices
from failsight.tools.registry import registry
from failsight.tools.slices.bugs import Explained, excess
from failsight.tools.slices.pulls import Compared
from failsight.tools.slices.search import errors_of
from failsight.tools.slices.suspicions import HELD, WEAKER, rests_on, sign, tells_how_taken
from failsight.tools.stats.intervals import wilson
from tests.fakes.view import FakeModel, FakeTable, FakeView
from tests.tools.cases import check_evidence

CLASSES = ("kitchen", "hall", "bath", "cellar")
STAMP = {"stamp": [(0.0, 0.0, 0.2, 0.2)]}


def stamped_world(boxes: bool = True) -> FakeView:
    """Half of all images carry a stamp, in training too; stamped ones of other classes are mostly called hall."""
    rng = np.random.default_rng(3)
    labels, stamp = rng.integers(0, 4, 3000), rng.random(3000) < 0.5
    predicted = np.where(rng.random(3000) < 0.05, (labels + 1) % 4, labels)
    predicted[stamp & (rng.random(3000) < 0.6)] = 1
    scores = np.full((3000, 4), 0.05, np.float32)
    scores[np.arange(3000), predicted] = 0.85

    def table(labels: np.ndarray, stamp: np.ndarray) -> FakeTable:
        made = [STAMP if s else {} for s in stamp] if boxes else None
        columns = {"stamp": ["yes" if s else "no" for s in stamp]}
        return FakeTable(np.zeros((len(labels), 4, 4, 3), np.uint8), labels, CLASSES, columns, made)

    there = table(np.arange(2000) % 4, np.arange(2000) // 4 % 2 == 0)
    model = FakeModel(lambda pixels: np.zeros((len(pixels), 4), np.float32), CLASSES, (4, 4))
    return FakeView({"data": table(labels, stamp), "train": there}, model, {"data": scores})


def two_pulls(floor: float) -> FakeView:
    """Stamped images of other classes are mostly called hall; of the others with a wooden floor a share is called bath, in training tied to neither."""
    rng = np.random.default_rng(5)
    labels, stamp, wood = rng.integers(0, 4, 4000), rng.random(4000) < 0.3, rng.random(4000) < 0.5
    predicted = np.where(rng.random(4000) < 0.05, (labels + 1) % 4, labels)
    predicted[wood & (rng.random(4000) < floor)] = 2
    predicted[stamp & (rng.random(4000) < 0.7)] = 1
    scores = np.full((4000, 4), 0.05, np.float32)
    scores[np.arange(4000), predicted] = 0.85

    def table(labels: np.ndarray, stamp: np.ndarray, wood: np.ndarray) -> FakeTable:
        columns = {
            "stamp": ["yes" if s else "no" for s in stamp],
            "floor": ["wood" if w else "tile" for w in wood],
        }
        boxes = [STAMP if s else {} for s in stamp]
        return FakeTable(np.zeros((len(labels), 4, 4, 3), np.uint8), labels, CLASSES, columns, boxes)

    rows = np.arange(2000)
    there = table(rows % 4, rows // 4 % 2 == 0, (rows // 8 % 2 == 0) | (rows % 4 == 2))
    model = FakeModel(lambda pixels: np.zeros((len(pixels), 4), np.float32), CLASSES, (4, 4))
    return FakeView({"data": table(labels, stamp, wood), "train": there}, model, {"data": scores})


def floors(made: Evidence) -> list[Finding]:
    return [f for f in made.findings if f.kind == "spurious_correlation" and f.slice == {"floor": "wood"}]


def weaker(made: Evidence) -> list[str]:
    return [f.of for f in made.facts if f.name == WEAKER]


def test_a_weaker_pull_waits_for_the_experiment_on_a_stronger_suspicion() -> None:
    made = find_slices(two_pulls(floor=0.12))
    check_evidence(made)
    assert sign(open_sign(made)) == "stamp=yes towards hall"
    assert weaker(made) == ["stamp=yes towards hall"] and not floors(made)
    assert any("floor=wood towards bath" in note and "stamp=yes" in note for note in made.notes)


def test_a_stronger_pull_waits_for_nothing() -> None:
    made = find_slices(two_pulls(floor=0.95))
    assert sign(open_sign(made)) == "stamp=yes towards hall"
    assert not weaker(made) and [f.verdict for f in floors(made)] == ["confirmed"]


@pytest.mark.parametrize("verdict", ["confirmed", "refuted", "inconclusive"])
def test_whatever_the_experiment_shows_the_weaker_pull_is_told_then(verdict: Any) -> None:
    view = two_pulls(floor=0.12)
    view.stated = [("F1", replace(open_sign(find_slices(view)), verdict=verdict))]
    again = find_slices(view)
    assert not weaker(again) and [f.verdict for f in floors(again)] == ["confirmed"]


@pytest.mark.parametrize(
    ("verdict", "holds"), [(None, True), ("confirmed", False), ("refuted", False), ("inconclusive", False)]
)
def test_slices_are_searched_again_for_the_weaker_pull_once_the_experiment_decided(
    verdict: Any, holds: bool
) -> None:
    made = find_slices(two_pulls(floor=0.12))
    record = SimpleNamespace(finding=replace(open_sign(made), verdict=verdict))
    state = SimpleNamespace(now=lambda: [record], definitions={})
    case: Any = SimpleNamespace(state=lambda: state)
    assert _still_holds(case, registry()["find_slices"], made) == holds


def open_sign(made: Evidence) -> Finding:
    (one,) = (f for f in made.findings if f.kind == "overemphasised_feature")
    return one


def weak(made: Evidence) -> list[Finding]:
    return [f for f in made.findings if f.kind == "weak_slice" and f.verdict == "confirmed"]


def waiting(made: Evidence) -> list[str]:
    return [f.of for f in made.facts if f.name == HELD]


def test_the_slices_of_an_open_sign_wait_for_its_experiment() -> None:
    made = find_slices(stamped_world())
    check_evidence(made)
    suspected = open_sign(made)
    assert suspected.verdict is None and sign(suspected) == "stamp=yes towards hall"
    assert not weak(made)
    assert waiting(made) == ["stamp=yes towards hall"]
    assert any("seen from its errors" in note and "stamp=yes" in note for note in made.notes)


@pytest.mark.parametrize("verdict", ["confirmed", "refuted", "inconclusive"])
def test_they_stand_for_themselves_unless_it_is_confirmed(verdict: Any) -> None:
    view = stamped_world()
    view.stated = [("F1", replace(open_sign(find_slices(view)), verdict=verdict))]
    again = find_slices(view)
    check_evidence(again)
    stand = weak(again)
    assert bool(stand) == (verdict != "confirmed")
    assert bool(waiting(again)) == (not stand)
    for one in stand:
        assert "stamp" in (one.slice or {}) and "hall" in one.note


def test_where_no_experiment_can_be_made_nothing_waits() -> None:
    made = find_slices(stamped_world(boxes=False))
    assert weak(made) and not waiting(made)


@pytest.mark.parametrize(
    ("verdict", "holds"), [(None, True), ("confirmed", True), ("refuted", False), ("inconclusive", False)]
)
def test_slices_are_searched_again_once_the_experiment_did_not_confirm(verdict: Any, holds: bool) -> None:
    made = find_slices(stamped_world())
    record = SimpleNamespace(finding=replace(open_sign(made), verdict=verdict))
    state = SimpleNamespace(now=lambda: [record], definitions={})
    case: Any = SimpleNamespace(state=lambda: state)
    assert _still_holds(case, registry()["find_slices"], made) == holds


@pytest.mark.parametrize(("workflow", "adds"), [("reactive", True), ("deployment_audit", False)])
def test_marks_that_nobody_suspects_are_sought_after_the_experiments_of_the_workflow(
    workflow: str, adds: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    state: Any = SimpleNamespace()
    case: Any = SimpleNamespace(config=SimpleNamespace(workflow=workflow))
    monkeypatch.setattr(steps, "_masking", lambda case, state: [steps.Step("", "test_by_masking", "why")])
    monkeypatch.setattr(steps, "_adding", lambda case, state: [steps.Step("", "test_by_adding", "why")])
    done: set[str] = set()  # made, refused or failed
    monkeypatch.setattr(steps, "is_done", lambda case, step: step.tool in done)
    assert steps._marks(case, state) == []
    done.add("test_by_masking")
    assert bool(steps._marks(case, state)) == (not adds)  # what the workflow never makes is not waited for
    done.add("test_by_adding")
    assert [s.tool for s in steps._marks(case, state)] == ["find_marks"]


@pytest.mark.parametrize(("own", "rests"), [(0.0, True), (0.4, False)])
def test_a_slice_whose_errors_go_with_a_signs_images_rests_on_it(own: float, rests: bool) -> None:
    """Dark pictures more often carry the stamp, which sends three in four to hall; ``own``: share that goes to hall without it."""
    rng = np.random.default_rng(2)
    dark = rng.random(2000) < 0.2
    stamp = rng.random(2000) < np.where(dark, 0.6, 0.2)
    hall = rng.random(2000) < np.where(stamp, 0.75, np.where(dark, own, 0.02))
    confirmation = np.arange(2000) % 2 == 0
    found: Any = SimpleNamespace(
        attributes=[SimpleNamespace(codes=stamp.astype(int))],
        confirmation=confirmation,
        wrong=hall,
        predicted=np.where(hall, 1, 0),
        prepared=SimpleNamespace(groups=None),
    )
    errors = errors_of(found, dark, ~dark)
    part: Any = SimpleNamespace(inside=dark, rest=~dark, errors=errors)
    pull: Any = SimpleNamespace(attribute=0, found=SimpleNamespace(value=1, predicted=1))
    assert rests_on(found, pull, part) == rests
    elsewhere: Any = SimpleNamespace(attribute=0, found=SimpleNamespace(value=1, predicted=2))
    assert not rests_on(found, elsewhere, part)


def site_world(column: str, others: float = 0.05) -> FakeView:
    """A fifth of the pictures, all by the value b, can hardly be made out and are mostly called hall; ``others``: errors elsewhere."""
    rng = np.random.default_rng(7)
    labels, poor = rng.integers(0, 4, 3000), rng.random(3000) < 0.2
    predicted = np.where((rng.random(3000) < others) & ~(poor & (labels != 1)), (labels + 2) % 4, labels)
    predicted[poor & (rng.random(3000) < 0.6)] = 1
    scores = np.full((3000, 4), 0.05, np.float32)
    scores[np.arange(3000), predicted] = 0.85
    columns = {column: ["b" if p else "a" for p in poor]}
    pixels = np.zeros((3000, 4, 4, 3), np.uint8)
    return FakeView({"data": FakeTable(pixels, labels, CLASSES, columns)}, scores={"data": scores})


def test_where_pictures_were_taken_is_no_sign_of_a_class_that_can_be_seen() -> None:
    made = find_slices(site_world("site"))
    check_evidence(made)
    assert {f.kind for f in made.findings if f.verdict == "confirmed"} == {"weak_slice"}
    first = made.findings[0]
    assert first.slice == {"site": "b"} and "Their errors go to hall" in first.note
    other = find_slices(site_world("curtain"))
    assert "spurious_correlation" in {f.kind for f in other.findings if f.verdict == "confirmed"}


def test_a_pull_by_where_pictures_were_taken_that_is_no_slice_is_told_as_errors_that_go_one_way() -> None:
    """Elsewhere as many are wrong, but not called hall."""
    made = find_slices(site_world("site", others=0.6))
    check_evidence(made)
    confirmed = [f for f in made.findings if f.verdict == "confirmed" and (f.slice or {}).get("site") == "b"]
    assert [(f.kind, f.confused_with) for f in confirmed] == [("weak_slice", "hall")]
    assert "are taken for hall more often" in confirmed[0].statement


@pytest.mark.parametrize(
    ("column", "value", "taken"),
    [
        ("site", "north", True),
        ("agency", "Cole", True),
        ("Season", "winter", True),
        ("labellerID", "kim", True),
        ("shoot", "s12", True),  # serial numbers
        ("when", "2021-03-01", True),
        ("camera_id", "a7", True),
        ("Scanner", "x1", True),
        ("camera", "yes", False),
        ("telephone", "old", False),
        ("website", "a", False),
        ("floor", "wood", False),
        ("Observer", "kim", True),
        ("Beobachter/in", "C. Gößl", True),
        ("Kamera-Standort", "Höllgraben", True),
        ("Année d'étude", "première", True),
        ("Fotógrafa", "Ana", True),
        ("Licht", "Nacht", False),
        ("Uhrzeit", "früh", False),  # the hour may be seen
        ("land cover", "forest", False),
        ("line", "3", True),  # a number is no thing in a picture
        ("lamp_hours", "1050.5", True),
        ("stamp", "1", False),  # 1 for yes
        ("brightness", "0.3", False),  # measured in pictures
    ],
)
def test_what_tells_how_pictures_were_taken_is_read_off_the_name(
    column: str, value: str, taken: bool
) -> None:
    other = {"s12": "s13", "2021-03-01": "2020-11-30", "3": "1", "1050.5": "20", "1": "0"}.get(value, "other")
    other = "0.7" if column == "brightness" else other
    coded = SimpleNamespace(name=column, source="metadata", values=(other, value), edges=None)
    pull: Any = SimpleNamespace(attribute=0, found=SimpleNamespace(value=1, predicted=0))
    found: Any = SimpleNamespace(attributes=[coded], split="data", classes=("hall", "kitchen"))
    view = site_world("site")
    assert tells_how_taken(view, found, pull) == taken
    if taken:  # an experiment has shown that the model goes by it
        shown = TestResult("test_by_masking", 0.3, (0.2, 0.4), 0.001, 100, "confirmed", control_effect=0.0)
        sign_ = Finding(
            "spurious_correlation", "features", "data_statistics", "", {column: value}, "hall", tests=(shown,)
        )
        view.stated = [("F1", sign_)]
        assert not tells_how_taken(view, found, pull)
        view.stated = []
    view.table().boxes = [{column: [(0, 0, 1, 1)]}] + [{}] * (
        len(view.table()) - 1
    )  # a thing of that name is in the pictures
    assert not tells_how_taken(view, found, pull)
    view.table().boxes, coded.source = None, "object"
    assert not tells_how_taken(view, found, pull)


def test_what_no_picture_shows_is_told_as_going_together_and_not_as_a_sign() -> None:
    made = find_slices(site_world("agency", others=0.6))
    check_evidence(made)
    told = [f for f in made.findings if (f.slice or {}).get("agency")]
    assert told and all(f.kind == "weak_slice" for f in told)
    assert not any("for a sign of" in f.statement for f in made.findings)
    assert "Pictures with agency=b are called hall more often" in made.summary


def test_a_recorded_number_is_told_as_going_together_and_not_as_a_sign() -> None:
    """Hours of a lamp, of which old ones come with another answer: with training images that do not tie it, and without any."""
    rng = np.random.default_rng(5)
    labels, hours = rng.integers(0, 4, 3000), rng.integers(20, 1200, 3000).astype(float)
    predicted = np.where(rng.random(3000) < 0.05, (labels + 1) % 4, labels)
    predicted[(hours > 900) & (rng.random(3000) < 0.5)] = 1
    scores = np.full((3000, 4), 0.05, np.float32)
    scores[np.arange(3000), predicted] = 0.85
    table = FakeTable(np.zeros((3000, 4, 4, 3), np.uint8), labels, CLASSES, {"lamp_hours": hours.tolist()})
    made = find_slices(FakeView({"data": table}, scores={"data": scores}))
    check_evidence(made)
    assert not any(f.kind in ("spurious_correlation", "overemphasised_feature") for f in made.findings)
    assert not any("for a sign of" in f.statement for f in made.findings)
    assert "are called hall more often" in made.summary and "pulls predictions" not in made.summary
    told = [f for f in made.findings if "lamp_hours" in (f.slice or {}) and f.verdict == "confirmed"]
    assert told and any("training images would say which" in f.note for f in told)
    assert all(f.part is not None for f in told)


def test_the_plan_says_how_a_site_is_judged_where_no_training_images_tell() -> None:
    view = site_world("site", others=0.6)
    find_slices(view)
    (plan,) = [p for p in view.instruments if p.finding == family_key("weak_slice")]
    assert "where or with what pictures were taken" in plan.statistic
    other = stamped_world()
    find_slices(other)
    (plan,) = [p for p in other.instruments if p.finding == family_key("weak_slice")]
    assert "were taken" not in plan.statistic


def test_a_sign_counts_the_errors_of_both_directions_when_the_most_costly_comes_first() -> None:
    """Plants draw some images of others to hall, and halls without one are missed; tilted baths fail more often than the first alone tells."""
    rng = np.random.default_rng(7)
    n = 6000
    labels, plant, tilted = rng.integers(0, 4, n), rng.random(n) < 0.5, rng.random(n) < 0.5
    predicted = np.where(rng.random(n) < 0.04, (labels + 1) % 4, labels)
    predicted[plant & (rng.random(n) < 0.12)] = 1
    predicted[(labels == 1) & ~plant & (rng.random(n) < 0.5)] = 0
    predicted[(labels == 2) & tilted & (rng.random(n) < 0.55)] = 3
    scores = np.full((n, 4), 0.05, np.float32)
    scores[np.arange(n), predicted] = 0.85

    def table(labels: np.ndarray, plant: np.ndarray, tilted: np.ndarray) -> FakeTable:
        columns = {
            "plant": ["yes" if p else "no" for p in plant],
            "tilt": ["tilted" if t else "level" for t in tilted],
        }
        return FakeTable(np.zeros((len(labels), 4, 4, 3), np.uint8), labels, CLASSES, columns)

    rows = np.arange(2000)
    there = table(rows % 4, (rows % 4 == 1) | (rows // 4 % 5 == 0), rows // 20 % 2 == 0)
    view = FakeView({"data": table(labels, plant, tilted), "train": there}, None, {"data": scores})
    told = [f for f in find_slices(view).findings if f.verdict == "confirmed"]
    assert [(f.kind, f.class_name) for f in told[:2]] == [
        ("spurious_correlation", "hall"),
        ("weak_slice", "bath"),
    ]
    assert excess(told[0], told[0].n or 0) < excess(told[1], 2 * (told[1].n or 0))


def test_a_group_of_images_counts_all_its_errors_and_a_sign_those_of_both_directions() -> None:
    """Of 400 northern images 40 % are wrong, of 600 others 10 %: half of the northern errors go to hall. Of 100 halls without a plant half are missed."""
    n = 1000
    north, labels = np.arange(n) < 400, np.full(n, 0)
    wrong = np.where(north, np.arange(n) < 160, np.arange(n) < 460)
    found: Any = SimpleNamespace(
        attributes=[SimpleNamespace(codes=north.astype(int))],
        wrong=wrong,
        labels=labels,
        report=SimpleNamespace(min_effect=0.05),
    )
    missed = Compared(1, 100, 0.5, 100, 0.1, (0.28, 0.51))
    pull: Any = SimpleNamespace(attribute=0, found=SimpleNamespace(value=1), missed=missed)
    sign_of_hall = Finding(
        "spurious_correlation", "features", "unknown", "s", {"site": "north"}, "hall", n=400, error_rate=0.2, base_error_rate=0.05, ci=(0.15, 0.25)
    )  # fmt: skip
    group = replace(sign_of_hall, kind="weak_slice", class_name=None, confused_with="hall")
    errors = Explained()
    errors.measure(found, pull, sign_of_hall)
    assert errors.by(sign_of_hall) == pytest.approx(400 * 0.1 + 100 * 0.28)
    assert errors.by(group) == pytest.approx(400 * (wilson(160, 400)[0] - 0.1))
    assert errors.by(group) > 400 * 0.1 == pytest.approx(excess(group, 400))
