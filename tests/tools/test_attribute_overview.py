"""attribute_overview: counts, rates and associations that are known; hostile tables; through the agent loop."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.tools.attribute_overview import attribute_overview
from failsight.tools.attributes.definitions import Definition
from failsight.tools.attributes.sources import Assigned
from failsight.tools.checks.attribute_profile import grid, profiles
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence
from failsight.tools.slices.columns import Coded
from tests.fakes.view import FakeTable, FakeView
from tests.figures.test_charts import NASTY
from tests.tools.cases import check_evidence, check_spec, one_hot

ROOMS = ("bathroom", "bedroom", "kitchen")


def view_of(labels: np.ndarray, predicted: np.ndarray, columns: dict[str, Any], **more: Any) -> FakeView:
    classes = more.pop("classes", ROOMS)
    table = FakeTable(
        np.zeros((len(labels), 2, 2, 3), np.uint8), labels, classes, {k: list(v) for k, v in columns.items()}
    )
    return FakeView({"data": table}, scores={"data": one_hot(predicted, len(classes))}, **more)


def world(n: int = 600, seed: int = 0, **more: Any) -> FakeView:
    """television goes with errors, floor with the class, wall with nothing, walls is wall under another name."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    television = rng.random(n) < 0.4
    wall = rng.choice(["green", "white"], n)
    columns = {
        "wall": wall,
        "walls": np.where(wall == "green", "g", "w"),
        "floor": np.where(rng.random(n) < 0.9, np.array(["tile", "carpet", "wood"], object)[labels], "tile"),
        "television": np.where(television, "yes", "no"),
        "size": rng.normal(size=n),
    }
    wrong = rng.random(n) < np.where(television, 0.7, 0.1)
    return view_of(labels, np.where(wrong, (labels + 1) % 3, labels), columns, **more)


def row(made: Evidence, title: str, first: str) -> tuple[Any, ...]:
    (table,) = (t for t in made.tables if t.title.startswith(title))
    return next(r for r in table.rows if r[0] == first)


def test_its_arguments_are_described_and_bounded() -> None:
    check_spec(attribute_overview)


def test_the_attribute_that_goes_with_errors_comes_first_and_the_counts_are_right(tmp_path: Path) -> None:
    view = world(folder=tmp_path)
    made = attribute_overview(view)
    check_evidence(made)
    assert made.tables[0].rows[0][0] == "television"
    values = np.array(view.table().columns["television"])
    predictions = view.predictions()
    yes = values == "yes"
    _, images, share, error, _ = row(made, "How often", "television=yes")
    assert images == yes.sum()
    assert share == pytest.approx(yes.mean())
    assert error == pytest.approx((~predictions.correct[yes]).mean())
    assert made.fact("association_with_error", "attribute television").value == pytest.approx(0.62, abs=0.08)
    assert float(row(made, "What each", "wall")[1].split()[0]) < 0.12
    assert float(row(made, "What each", "floor")[2].split()[0]) > 0.7
    assert "television" in made.summary
    assert made.findings == ()
    assert made.questions == ("input.6", "input.14", "performance.3")


def test_two_names_for_one_thing_are_said_to_be_the_same() -> None:
    made = attribute_overview(world())
    assert ("wall", "walls", 1.0) in next(t.rows for t in made.tables if "nearly" in t.title)
    assert "Nearly the same: wall and walls." in made.summary


def test_the_heat_maps_are_there_and_a_class_is_set_against_the_others(tmp_path: Path) -> None:
    made = attribute_overview(world(folder=tmp_path), class_name="bedroom")
    check_evidence(made)
    svg = (tmp_path / "attributes-share.svg").read_text()
    assert "all other classes" in svg
    assert made.questions == ("input.2", "performance.3")
    assert made.fact("images", "class bedroom").value == 200
    assert row(made, "How often", "floor=carpet")[1] > 150
    assert made.fact("association_with_class", "attribute floor, class bedroom").value > 0.85  # type: ignore[operator]
    assert "differ from the other classes most in floor" in made.summary
    assert row(made, "How often", "floor=wood")[1] == 0  # what the class lacks is told, too


def test_only_the_attributes_asked_for() -> None:
    made = attribute_overview(world(), attributes=("size", "wall"))
    assert {r[0] for r in made.tables[0].rows} == {"size", "wall"}
    assert row(made, "Attributes", "size")[2] == 5  # a number is cut into ranges


def test_an_unknown_attribute_class_or_split_is_refused() -> None:
    for given in ({"attributes": ("sofa",)}, {"class_name": "cellar"}, {"split": "train"}):
        with pytest.raises(RetryError, match=r"wall|kitchen|data"):
            attribute_overview(world(), **given)  # type: ignore[arg-type]


class Says:
    """A source that is unsure of every other picture."""

    name = "zero_shot"

    def fingerprint(self, view: Any) -> str:
        return "says"

    def propose(self, view: Any, split: Any, limit: int) -> list[Definition]:
        return []

    def assign(self, view: Any, split: Any, rows: Any, definitions: Any) -> dict[str, Assigned]:
        codes = np.where(rows % 2 == 0, -1, rows // 2 % 2).astype(np.int16)
        return {d.key: Assigned(codes, np.ones(len(rows), np.float32)) for d in definitions}


def test_what_a_source_was_unsure_of_is_shown_as_such(tmp_path: Path) -> None:
    view = world(folder=tmp_path)
    view.given_sources = {"zero_shot": Says()}
    view.define(Definition("mood", "zero_shot", "mood", ("calm", "busy")), action="add")
    made = attribute_overview(view, attributes=("mood",))
    assert row(made, "Attributes", "mood")[1:4] == ("zero shot", 2, 0.5)
    assert ">unsure<" in (tmp_path / "attributes-1.svg").read_text()


def test_missing_values_are_counted(tmp_path: Path) -> None:
    labels = np.arange(60) % 3
    columns = {"year": np.where(np.arange(60) < 20, np.nan, 1990.0 + np.arange(60) % 5)}
    made = attribute_overview(view_of(labels, labels, columns, folder=tmp_path))
    assert row(made, "Attributes", "year")[3] == pytest.approx(1 / 3)
    assert ">no value<" in (tmp_path / "attributes-1.svg").read_text()


def test_without_labels_only_the_counts_are_shown() -> None:
    view = world()
    view.table().labels[:] = -1
    made = attribute_overview(view)
    check_evidence(made)
    assert any("nothing can be said about errors" in n for n in made.notes)
    assert row(made, "How often", "television=yes")[3] is None
    assert made.questions == ("input.6", "input.14")


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_handful_of_images_is_no_reason_to_fail(n: int) -> None:
    labels = np.zeros(n, np.int64)
    made = attribute_overview(view_of(labels, labels, {"a": ["x"] * n, "b": [float(i) for i in range(n)]}))
    check_evidence(made)


def test_one_class_and_no_attributes() -> None:
    labels = np.zeros(40, np.int64)
    made = attribute_overview(view_of(labels, labels, {}, classes=("only",)))
    check_evidence(made)
    assert made.summary.startswith("No attribute of the 40")


def test_names_from_data_can_neither_mark_up_nor_steer(tmp_path: Path) -> None:
    labels = np.arange(90) % 3
    columns = {NASTY: [NASTY if i % 2 else "x" * 500 for i in range(90)], "[bold]": ["[red]a", "b", "c"] * 30}
    view = view_of(labels, labels, columns, classes=(NASTY, "[blink]b", "c" * 300), folder=tmp_path)
    made = attribute_overview(view)
    check_evidence(made)
    for path in tmp_path.glob("*.svg"):
        text = path.read_text()
        assert "<script" not in text
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_a_thousand_classes_and_many_images_stay_bounded(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    n, k = 6_000, 1000
    labels = rng.integers(0, k, n)
    wrong = rng.random(n) < 0.3
    columns = {f"a{i}": rng.choice(list("pqrst"), n) for i in range(3)}
    table = FakeTable(np.zeros((n, 1, 1, 3), np.uint8), labels, [f"class {i}" for i in range(k)], columns)
    scores = np.zeros((n, k), np.float32)
    scores[np.arange(n), np.where(wrong, (labels + 1) % k, labels)] = 1
    made = attribute_overview(FakeView({"data": table}, scores={"data": scores}, folder=tmp_path))
    assert any("similar error rate" in note for note in made.notes)
    assert any("whose shares differ most" in note for note in made.notes)
    assert max(p.stat().st_size for p in tmp_path.glob("*.svg")) < 400_000
    assert sum(len(t.rows) for t in made.tables) <= 200


def test_through_the_agent_loop(tmp_path: Path) -> None:
    from failsight.agent.events import EvidenceMade, ToolFailed
    from failsight.agent.planners.scripted import ScriptedPlanner, call
    from failsight.agent.session import Session
    from tests.fakes.case import FakeCase, television_world

    table, model = television_world(300)
    case = FakeCase(tmp_path / "case", {"data": table}, model)
    script = ScriptedPlanner(
        [
            call("attribute_overview", "to look", attributes=["sofa"]),
            call("attribute_overview", "again"),
            "It was looked at [E1].",
        ]
    )
    session = Session(case, planner=script)
    events = list(session.say("what is in the pictures?"))
    assert any(isinstance(e, ToolFailed) and "television" in e.message for e in events)
    (made,) = (e.evidence for e in events if isinstance(e, EvidenceMade))
    assert made.tables[0].rows[0][0] == "television"
    assert (case.folder / made.figures[0].path).is_file()
    session.close()
    case.close()


def test_an_image_without_a_prediction_is_neither_right_nor_wrong() -> None:
    labels, codes = np.zeros(40, np.int64), np.arange(40) % 2
    coded = [Coded("lamp", "metadata", codes.astype(np.int64), ("on", "off"))]
    predicted = np.where(np.arange(40) < 20, 0, -1)
    (made,) = profiles(coded, labels, predicted)
    assert made.judged.tolist() == [10, 10] and made.errors.tolist() == [0, 0]
    drawn = grid(coded, labels, predicted, only=None, most_rows=5, most_columns=5)
    assert drawn is not None and drawn.judged.tolist() == [[10, 10]] and drawn.errors.sum() == 0


def test_every_error_rate_stands_beside_its_interval(tmp_path: Path) -> None:
    made = attribute_overview(world(folder=tmp_path))
    assert re.search(r"\d % \[\d+\.\d, \d+\.\d\] % wrong where it is yes", made.summary)
    assert made.fact("error_rate").ci is not None
    assert row(made, "Attributes, the", "television")[-1].startswith("[")
    assert re.search(
        r"% wrong \[\d+\.\d, \d+\.\d\] % \(n = ", (tmp_path / "attributes-error.svg").read_text()
    )


def bursts(seed: int = 0) -> FakeView:
    """200 bursts of six frames that are right or wrong together; the tag is drawn for each burst and means nothing."""
    rng = np.random.default_rng(seed)
    burst = np.repeat(np.arange(200), 6)
    labels = (burst % 3).astype(np.int64)
    wrong = (rng.random(200) < 0.3)[burst]
    tag = rng.choice([f"t{i:02d}" for i in range(40)], 200)[burst]
    columns = {"burst": [f"b{b}" for b in burst], "tag": tag}
    return view_of(labels, np.where(wrong, (labels + 1) % 3, labels), columns)


def test_images_that_belong_together_count_once_in_what_goes_with_errors() -> None:
    alone, view = attribute_overview(bursts(), attributes=("tag",)), bursts()
    view.groups = "burst"  # type: ignore[attr-defined]
    made = attribute_overview(view, attributes=("tag",))
    check_evidence(made)
    before = alone.fact("association_with_error", "attribute tag")
    after = made.fact("association_with_error", "attribute tag")
    assert before.ci is not None and before.ci[0] > 0.2  # frames taken for images of their own
    assert after.ci is not None and after.ci[0] == 0
    for name in ("association_with_class", "association_with_prediction"):
        low = made.fact(name, "attribute tag").ci
        assert low is not None and low[0] == 0
    assert any("images of one burst count as one image" in n for n in made.notes)
    assert (
        "Images of one burst count as one."
        in next(t for t in made.tables if t.title.startswith("What each")).caption
    )
    assert not any("burst" in n for n in alone.notes)


def test_single_images_without_a_group_stay_what_they_are() -> None:
    view, plain = world(), world()
    view.table("data").columns["burst"] = [None] * 600
    view.groups = "burst"  # type: ignore[attr-defined]
    given = {"attributes": ("television", "floor")}
    assert [f.value for f in attribute_overview(view, **given).facts] == [
        f.value for f in attribute_overview(plain, **given).facts
    ]  # type: ignore[arg-type]
