"""find_marks on pictures and models whose answer is known: a colour detector, a model that ignores the mark, and bad input."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from failsight.agent.events import ToolStarted
from failsight.agent.session import Session
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Finding
from failsight.tools.experiments.donors import Pictures
from failsight.tools.experiments.patches import patches_of
from failsight.tools.find_marks import find_marks
from failsight.tools.marks.growing import grown_box
from failsight.tools.marks.itself import Natural, may_be_itself, natural, share_of_object
from failsight.tools.marks.proposals import Sight, groups, in_one_place, usual_colours
from failsight.tools.marks.search import _too_few
from failsight.tools.marks.testing import _judged
from failsight.tools.marks.trials import Adding, Bench, Covering, Donor, add, donors_of
from failsight.tools.marks.words import look_of, named_colours
from failsight.tools.stats.intervals import newcombe_paired, wilson
from failsight.tools.stats.tests import mcnemar_exact
from tests.fakes.case import FakeCase
from tests.fakes.view import FakeModel, FakeTable, FakeView

SIDE = 32
RED = (210, 25, 35)
CLASSES = ("kitchen", "bathroom", "hall")


def scenes(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Cluttered grey-green pictures; how much brighter the left half is tells the class. (n, 32, 32, 3), (n,)"""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    coarse = rng.integers(60, 170, (n, 8, 8, 1)) + rng.integers(-12, 12, (n, 8, 8, 3))
    coarse[:, :, :4] += 40 * (labels - 1)[:, None, None, None]
    pictures = coarse.repeat(4, 1).repeat(4, 2) + rng.normal(0, 6, (n, SIDE, SIDE, 3))
    return np.clip(pictures, 0, 255).astype(np.uint8), labels.astype(np.int64)


def stick(pictures: np.ndarray, rows: np.ndarray, seed: int, place: tuple[int, int] | None = None) -> None:
    """A red square of 8 pixels, in place."""
    rng = np.random.default_rng(seed)
    for row in rows.tolist():
        y, x = place or (int(rng.integers(0, 24)), int(rng.integers(0, 24)))
        patch = np.array(RED) + rng.normal(0, 3, (8, 8, 3))
        pictures[row, y : y + 8, x : x + 8] = np.clip(patch, 0, 255).astype(np.uint8)


def reds(pictures: np.ndarray) -> np.ndarray:
    """(n, 32, 32) which pixels are those of a sticker."""
    return (pictures[..., 0] > 180) & (pictures[..., 1] < 70) & (pictures[..., 2] < 80)


def world(
    weight: float, *, share: float = 0.7, place: tuple[int, int] | None = None, seed: int = 0
) -> FakeView:
    """Kitchens carry a red square; the model compares the halves, and redness with ``weight``."""
    tables = {}
    for split, n, k in (("data", 240, 1), ("train", 180, 2)):
        pictures, labels = scenes(n, seed + k)
        rng = np.random.default_rng(seed + 10 + k)
        mine = np.flatnonzero((labels == 0) & (rng.random(n) < share))
        stick(pictures, mine, seed + k, place)
        tables[split] = FakeTable(pictures, labels.tolist(), CLASSES)

    def rule(x: np.ndarray) -> np.ndarray:
        more = x[:, :, :16].mean((1, 2, 3)) - x[:, :, 16:].mean((1, 2, 3))
        level = np.stack([-((more - t) ** 2) * 200 for t in (-40 / 255, 0, 40 / 255)], 1)
        red = ((x[..., 0] > 0.7) & (x[..., 1] < 0.3) & (x[..., 2] < 0.35)).mean((1, 2))
        level[:, 0] += weight * red
        return level

    return FakeView(tables, FakeModel(rule, CLASSES, (SIDE, SIDE)))


def stated(name: str) -> Finding:
    """What a slice search says of an attribute."""
    text = f"The model takes {name}=yes for a sign of kitchen."
    return Finding(
        "spurious_correlation", "features", "data_content", text, slice={name: "yes"}, class_name="kitchen"
    )


def check(view: FakeView, tmp: object = None, **given: object) -> Evidence:
    view.folder = tmp  # type: ignore[assignment]
    return find_marks(view, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("place", [None, (20, 20)])
def test_a_sticker_that_decides_is_found_with_its_class_and_colour(
    place: tuple[int, int] | None, tmp_path: object
) -> None:
    made = check(world(800.0, place=place), tmp_path)
    (found,) = made.findings
    assert found.kind == "spurious_correlation" and found.verdict == "confirmed"
    assert found.class_name == "kitchen" and "red patch" in found.statement
    assert found.error_rate == 1.0 and found.base_error_rate == pytest.approx(0, abs=0.03)
    assert made.fact("effect", "mark 1, class kitchen").value > 0.95
    assert made.fact("mark_area", "mark 1, class kitchen").value == pytest.approx(64 / 1024, rel=0.25)
    assert ("in changing places" in found.statement) == (place is None)
    assert "what makes kitchen kitchen" in found.note
    assert made.figures and made.images


def test_what_was_proposed_is_told_with_why_it_fell_out(tmp_path: object) -> None:
    """A square that the model ignores recurs in kitchens and does nothing where it is pasted in: no test, but a line in the table."""
    made = check(world(0.0, place=(20, 20)), tmp_path)
    (table,) = (t for t in made.tables if t.title == "What was proposed as a mark")
    assert len(table.rows) == made.fact("proposals").value > 0
    place, name, *_, outcome = table.rows[0]
    assert str(place).startswith(("like:", "colour:")) and name in CLASSES and outcome
    kitchens = [r for r in table.rows if r[1] == "kitchen" and "hardly raises" in str(r[-1])]
    assert kitchens and abs(float(str(kitchens[0][5]))) < 0.05
    assert "of 40 (" in str(kitchens[0][3]) and "of 40 (" in str(kitchens[0][4])
    assert not any(r[-1] == "tested" for r in table.rows) and made.fact("marks_tested").value == 0
    assert "The table says what each was" in made.summary
    assert made.images and all("proposed as a mark of" in i.caption for i in made.images)
    assert any(f"cue={place}" in step for step in made.next_steps)


def test_what_was_tested_is_told_so_and_few_pictures_are_no_mark(tmp_path: object) -> None:
    made = check(world(800.0), tmp_path)
    rows = next(t for t in made.tables if t.title == "What was proposed as a mark").rows
    assert sum(r[-1] == "tested" for r in rows) == made.fact("marks_tested").value
    assert rows[0][-1] == "tested" and rows[0][1] == "kitchen"
    assert _too_few((3, 40), (0, 40)) == "fewer than 4 pictures of the class show it"
    assert _too_few((6, 40), (3, 40)) == "its share is less than 12.0 points larger in the class"
    assert _too_few((30, 40), (20, 40)) == "its share in the class is less than 2.5 times that of the others"


def test_the_plan_is_registered_and_names_the_finding(tmp_path: object) -> None:
    view = world(800.0)
    made = check(view, tmp_path)
    assert made.findings[0].key in {one.finding for one in view.instruments}
    assert all(one.tool == "find_marks" and one.alpha == 0.01 for one in view.instruments)


def test_a_mark_that_the_model_ignores_is_not_confirmed() -> None:
    made = check(world(0.0))
    assert not made.findings
    assert made.fact("marks_confirmed").value == 0


def test_nothing_is_found_without_a_mark() -> None:
    made = check(world(800.0, share=0.0))
    assert not made.findings and "No mark" in made.summary


def test_false_confirmations_are_rare_where_nothing_is_planted() -> None:
    """Six worlds with marks that the model ignores, and a tone that it goes by; ``benchmarks.marks`` counts more of them."""
    wrong = sum(bool(check(world(0.0, seed=100 * s), max_images=60).findings) for s in range(1, 7))
    assert wrong == 0


def test_what_metadata_records_of_the_same_pictures_gives_the_mark_its_name(tmp_path: object) -> None:
    view = world(800.0)
    table = view.table("data")
    table.columns = {"sticker": ["yes" if one.sum() > 20 else "no" for one in reds(table.pixels)]}
    (found,) = check(view, tmp_path).findings
    assert found.slice == {"sticker": "yes"}


def test_what_the_case_has_a_finding_about_is_left_to_that_finding(tmp_path: object) -> None:
    view = world(800.0)
    table = view.table("data")
    table.columns = {"sticker": ["yes" if one.sum() > 20 else "no" for one in reds(table.pixels)]}
    known = stated("sticker")
    view.stated.append(("F3", known))
    made = check(view, tmp_path)
    assert not made.findings and not view.instruments
    assert made.fact("marks_known").value == 1 and "sticker=yes, which F3 is about" in made.summary
    view.stated[0] = ("F3", replace(known, class_name="hall"))  # of another class it says nothing
    (found,) = check(view, tmp_path).findings
    assert found.class_name == "kitchen"


def test_a_mark_within_the_boxes_of_a_named_thing_is_that_thing(tmp_path: object) -> None:
    """The column says yes of more pictures than show the mark: only the boxes tell that it is the same thing."""
    view = world(800.0)
    for split in ("data", "train"):
        table = view.table(split)
        red = reds(table.pixels)
        has = red.sum((1, 2)) > 20
        table.columns = {"badge": ["yes" if h or i % 2 == 0 else "no" for i, h in enumerate(has)]}
        boxes = []
        for h, one in zip(has, red, strict=True):
            ys, xs = np.nonzero(one)
            around = (
                (xs.min() / SIDE, ys.min() / SIDE, (xs.max() + 1) / SIDE, (ys.max() + 1) / SIDE) if h else ()
            )
            boxes.append({"badge": (around,)} if h else {})
        table.boxes = tuple(boxes)
    known = stated("badge")
    view.stated.append(("F3", known))
    made = check(view, tmp_path)
    assert not made.findings and "badge=yes, which F3 is about" in made.summary


@pytest.mark.parametrize(("boxed", "verdict"), [(1.0, "inconclusive"), (0.5, "confirmed")])
def test_a_part_of_what_every_picture_shows_may_be_the_class_itself(
    boxed: float, verdict: str, tmp_path: object
) -> None:
    """Boxes around the thing that is to be told apart: a mark inside them is no sign beside it."""
    view = world(800.0)
    for split in ("data", "train"):
        table = view.table(split)
        whole = ((0.0, 0.0, 1.0, 1.0),)
        table.boxes = tuple({"part": whole} if i < boxed * len(table) else {} for i in range(len(table)))
    made = check(view, tmp_path)
    assert made.tables[0].rows[0][-1] == verdict and bool(made.findings) == (verdict == "confirmed")
    if verdict == "inconclusive":
        assert any("may be what makes a part a kitchen" in note for note in made.notes)


def test_the_interval_of_a_finding_is_that_of_its_rate(tmp_path: object) -> None:
    (found,) = check(world(800.0), tmp_path).findings
    assert found.ci is not None and found.error_rate is not None and found.n is not None
    assert found.ci == pytest.approx(wilson(found.error_rate * found.n, found.n))


def test_the_region_of_a_finding_finds_the_mark_again(tmp_path: object) -> None:
    view = world(800.0)
    (found,) = check(view, tmp_path).findings
    assert found.slice is not None
    bench = Bench.of(view, found.slice["region"], {"data": Pictures(view, "data")})
    pixels = view.table("data").pixels
    red = reds(pixels).sum((1, 2)) > 20
    seen = bench.shows("data", np.arange(len(pixels)))
    assert (seen == red).mean() > 0.97


# -- through the agent graph --------------------------------------------------------------------------------


def test_the_guided_planner_finds_it_unasked(tmp_path: Path) -> None:
    view = world(800.0)
    case = FakeCase(tmp_path / "case", {s: view.table(s) for s in ("data", "train")}, view.model())
    session = Session(case, policy="auto")
    events = list(session.auto())
    asked = [e.tool for e in events if isinstance(e, ToolStarted)]
    assert "find_marks" in asked and asked.index("find_marks") > asked.index("find_slices")
    (record,) = [r for r in case.state().records.values() if "region" in (r.finding.slice or {})]
    assert record.finding.class_name == "kitchen" and record.finding.verdict == "confirmed"
    assert "red patch" in record.finding.statement
    assert any(plan.covers(record.finding, "find_marks") for plan, _ in case.state().instruments.values())
    session.close()


# -- hostile input ------------------------------------------------------------------------------------------


def test_a_case_without_a_model_is_told_what_is_missing() -> None:
    pictures, labels = scenes(90, 0)
    table = FakeTable(pictures, labels.tolist(), CLASSES)
    with pytest.raises(RetryError, match="predictions only"):
        find_marks(FakeView({"data": table}, scores={"data": np.full((90, 3), 1 / 3)}))


def test_too_few_pictures_and_unknown_classes_are_refused() -> None:
    view = world(1.0)
    small = FakeView({"data": FakeTable(*_first(view, 30), CLASSES)}, view.model())
    with pytest.raises(RetryError, match="it takes 60"):
        find_marks(small)
    with pytest.raises(RetryError, match="class"):
        find_marks(view, class_name="garage")


def _first(view: FakeView, n: int) -> tuple[np.ndarray, list[int]]:
    table = view.table("data")
    return table.pixels[:n], table.labels[:n].tolist()


def test_damaged_unlabelled_and_plain_pictures_are_no_crash() -> None:
    view = world(800.0)
    table = view.table("data")
    table.bad = set(range(60))
    table.labels = np.where(np.arange(240) % 5 == 0, -1, table.labels)
    made = find_marks(view)
    assert any("60" in note for note in made.notes)
    plain = FakeTable(np.full((90, SIDE, SIDE, 3), 200, np.uint8), [0, 1, 2] * 30, CLASSES)
    assert not find_marks(FakeView({"data": plain}, view.model())).findings


def test_a_model_that_says_nothing_finite_is_no_crash() -> None:
    view = world(0.0)
    model = FakeModel(lambda x: np.full((len(x), 3), np.nan), CLASSES, (SIDE, SIDE))
    assert not find_marks(FakeView({"data": view.table("data")}, model)).findings


# -- parts ---------------------------------------------------------------------------------------------------


def test_the_usual_colour_of_a_place_is_its_mode() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (40, 6, 6, 3)).astype(np.uint8)
    pictures[:24, 2, 3] = (10, 200, 30)
    assert np.abs(usual_colours(pictures)[2, 3] - np.array((10, 200, 30))).max() <= 2


def test_a_frame_is_proposed_as_a_frame() -> None:
    pictures, labels = scenes(90, 3)
    framed = labels == 1
    for edge in (np.s_[:, :2], np.s_[:, -2:], np.s_[:, :, :2], np.s_[:, :, -2:]):
        view = pictures[framed]
        view[edge] = (250, 250, 250)
        pictures[framed] = view
    sight = Sight("train", np.arange(90), pictures, labels, np.full(90, -1))
    group = next(g for g in groups([sight], 3) if g.target == 1)
    found = in_one_place(group)
    assert found and "frame:0.0625" in found[0].spec


def test_a_part_grows_to_the_whole_mark() -> None:
    pictures, _ = scenes(20, 5)
    stick(pictures, np.arange(20), 5, (10, 12))
    box = grown_box(pictures[0], pictures[1:], (14 / 32, 12 / 32, 17 / 32, 15 / 32))
    x0, y0, x1, y1 = np.array(box) * 32
    assert min(x0 - 12, y0 - 10, 20 - x1, 18 - y1) >= -1  # nothing of the scene …
    assert (x1 - x0) * (
        y1 - y0
    ) >= 0.6 * 64  # … and most of a plain square, of which any part fits anywhere in it


def test_adding_counts_what_a_known_model_does() -> None:
    view = world(800.0)
    bench = Bench.of(view, "colour:red", {"data": Pictures(view, "data")})
    rows = np.flatnonzero(bench.shows("data", np.arange(60)))
    donors = donors_of(bench, "data", rows, np.zeros(0, np.int64), 5)
    others = np.array([r for r in range(60, 120) if view.table("data").labels[r] == 1])
    made = add(bench, "data", others, 0, donors, 0)
    assert made is not None and made.to == made.n == len(others) and made.control == 0
    assert made.p == pytest.approx(0.5**made.n) and made.effect == 1


def test_words_of_colour_and_place() -> None:
    picture = np.full((30, 30, 3), 250, np.uint8)
    mask = np.zeros((30, 30), bool)
    mask[22:28, 22:28] = True
    picture[mask] = RED
    look = look_of([picture], [mask], "like:data/0,0.7,0.7,0.9,0.9")
    assert look.told == "a red patch of about 4.0 % of the picture, at the lower right"
    assert named_colours(np.array([(250, 250, 250)] * 8 + [(10, 10, 10)] * 2, np.uint8)) == ["white", "black"]


@pytest.mark.parametrize(
    ("spec", "to", "verdict"),
    [("colour:h6-35,s0.69-1.00", 22, "inconclusive"), ("colour:h6-35,s0.69-1.00", 40, "confirmed"), ("like:data/1,0,0,0.2,0.2", 22, "confirmed")],
)  # fmt: skip
def test_a_colour_alone_takes_a_strong_pull(spec: str, to: int, verdict: str) -> None:
    """22 of 100 against 0, and covering bears it out: enough for a form that recurs, not for a colour that things may have."""
    table = (0, to, 0, 100 - to)
    added = Adding(100, to, 0, to / 100, newcombe_paired(*table), mcnemar_exact(to, 0, "greater"), 0.3)
    covered = Covering(40, 0.3, (0.2, 0.4), 0.001, 12, 0)
    bench = SimpleNamespace(spec=spec)
    seen = SimpleNamespace(inside=(30, 40), of_others=Natural(0, 0.0))
    subject = SimpleNamespace(
        candidate=SimpleNamespace(bench=bench), subject="", class_name="hall", seen=seen, of_object=0.1
    )
    assert _judged(subject, added, covered, added.p, 0.15).verdict == verdict  # type: ignore[arg-type]


# -- the thing itself ----------------------------------------------------------------------------------------


def test_the_thing_that_is_to_be_recognised_is_no_shortcut(tmp_path: object) -> None:
    """Pictures are white but for the red square of a kitchen: whoever pastes it in makes a kitchen."""
    view = world(800.0)
    for split in ("data", "train"):
        table = view.table(split)
        plain = np.random.default_rng(7).normal(245, 3, table.pixels.shape)
        red = reds(table.pixels)[..., None]
        table.pixels = np.where(red, table.pixels, np.clip(plain, 0, 255).astype(np.uint8))
    made = check(view, tmp_path)
    assert made.tables[0].rows[0][-1] == "inconclusive" and not made.findings
    assert any("most of what stands out" in note and "A person has to say" in note for note in made.notes)


def test_the_share_of_what_stands_out_by_hand() -> None:
    """Two equal black squares on white: a mark around one holds half of what stands out, around both all, beside them nothing."""
    picture = np.full((20, 20, 3), 255, np.uint8)
    picture[4:8, 4:8] = picture[12:16, 12:16] = 0
    masks = [np.zeros((20, 20), bool) for _ in range(3)]
    masks[0][3:9, 3:9] = masks[1][3:17, 3:17] = masks[2][1:3, 1:3] = True
    assert [share_of_object([Donor(picture, patches_of(m), None)]) for m in masks] == [0.5, 1.0, 0.0]
    plain = np.full((20, 20, 3), 90, np.uint8)
    assert share_of_object([Donor(plain, patches_of(masks[0]), None)]) == 0.0 and share_of_object([]) == 0.0


def test_what_pictures_of_other_classes_that_show_it_are_taken_for() -> None:
    """3 of 4 that get the answer and 1 of 4 that don't; of the first there are 4, of the others 40: 3 of 13 are drawn."""
    has, said = np.array([1, 1, 1, 0, 1, 0, 0, 0], bool), np.arange(8) < 4
    made = natural(has, said, np.ones(8, bool), (4, 40))
    assert made.n == 4 and made.drawn == pytest.approx(3 / 13)
    assert natural(has, said, np.zeros(8, bool), (4, 40)) == Natural(0, 0.0)
    assert natural(np.zeros(0, bool), np.zeros(0, bool), np.zeros(0, bool), (0, 0)) == Natural(0, 0.0)


@pytest.mark.parametrize(
    ("spec", "seen", "of_object", "others", "why"),
    [
        ("like:train/1,0,0,0.2,0.2", (0, 12), 0.1, Natural(0, 0.0), "None of the 12"),
        ("like:train/1,0,0,0.2,0.2", (8, 12), 0.8, Natural(0, 0.0), "most of what stands out"),
        ("like:train/1,frame:0.06", (8, 12), 0.8, Natural(0, 0.0), ""),  # a frame is beside what is shown
        ("colour:s0.00-0.04,v0.81-1.00", (43, 58), 0.1, Natural(20, 0.04), "does not draw them there"),
        ("colour:red", (43, 58), 0.1, Natural(20, 0.4), ""),
        ("colour:red", (43, 58), 0.1, Natural(4, 0.0), ""),  # so few say nothing
        ("like:train/1,0,0,0.2,0.2", (0, 0), 0.1, Natural(0, 0.0), ""),  # none was looked at
    ],
)
def test_what_is_left_to_a_person(
    spec: str, seen: tuple[int, int], of_object: float, others: Natural, why: str
) -> None:
    said = may_be_itself("brick", spec, seen, of_object, others, 0.15)
    assert (why in said) if why else said == ""
