"""explain_failures: a planted cue is found through features alone, named by attributes, and nothing is found in noise."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.tools.checks.class_record import class_record
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Finding
from failsight.tools.explain_failures import explain_failures
from failsight.tools.stats.intervals import wilson
from tests.experiments.feature_world import BLUE, WHITE, case, colour_net, rooms
from tests.experiments.test_feature_reader import shipped
from tests.fakes.view import FakeModel, FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec


def given(n: int = 600, seed: int = 0, error: float = 0.3, features: int = 5) -> FakeView:
    """Features that have nothing to do with the errors; no module to look into."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    predicted = np.where(rng.random(n) < error, (labels + 1) % 3, labels)
    table = FakeTable(np.zeros((n, 8, 8, 3)), labels.tolist(), ("a", "b", "c"))
    model = FakeModel(lambda x: np.zeros((len(x), 3)), ("a", "b", "c"), (8, 8))
    view = FakeView({"data": table}, model, scores={"data": np.eye(3)[predicted] * 0.8 + 0.05})
    view.given_features["data"] = rng.normal(size=(n, features))
    return view


def test_the_white_patch_is_found_by_its_feature_and_named_by_its_attribute(tmp_path: Path) -> None:
    view = case(rooms(800), folder=tmp_path)
    made = explain_failures(view)
    check_evidence(made)
    best = made.findings[0]
    assert best.verdict == "confirmed" and best.kind == "weak_slice" and best.bug == "unknown"
    assert best.class_name == "blue_room"
    assert list(best.slice or {}) == [f"feature #{WHITE}"]
    assert "patch yes" in best.note
    assert best.error_rate is not None and best.error_rate > 0.8 > 0.4 > (best.base_error_rate or 1)
    assert best.q is not None and best.q < 0.001 and best.tests[0].effect > 0.6
    assert f"feature #{WHITE} is high" in best.statement
    assert best.statement.endswith("; most of them are patch=yes.")
    named = next(t for t in made.tables if t.title.startswith("What the images"))
    assert [row[1] for row in named.rows] == ["patch"]
    assert made.fact("groups").value == 2
    assert "features_global.6" in made.questions
    assert (tmp_path / made.figures[0].path).is_file()
    assert made.images and all(i.label == "blue_room" and i.prediction == "red_room" for i in made.images[:6])


def test_its_plans_are_registered_before_and_are_the_same_on_a_second_call() -> None:
    view = case(rooms(800))
    first = explain_failures(view)
    plans = list(view.instruments)
    assert plans and all(p.minimum_effect == 0.1 and p.control.startswith("the other") for p in plans)
    assert {f.key for f in first.findings} <= {p.finding for p in plans}
    second = explain_failures(view)
    assert second.to_dict() == first.to_dict() and view.instruments == plans


def test_the_papers_numbers_are_those_of_the_half_that_tests() -> None:
    view = case(rooms(800))
    made = explain_failures(view, depth=1)
    modes, groups = made.tables[0], made.tables[1]
    assert groups.title == "Trees by group"
    for row in modes.rows:
        cell = dict(zip(modes.columns, row, strict=True))
        assert cell["IV"] == pytest.approx(cell["ER"] * cell["EC"])
        assert cell["effect"] == pytest.approx(cell["ER"] - cell["ER of the rest"])
    for row in groups.rows:
        cell = dict(zip(groups.columns, row, strict=True))
        assert (
            cell["ALER"] >= cell["BER"] - 1e-12 and cell["ALER when grown"] >= cell["BER when grown"] - 1e-12
        )


@pytest.mark.parametrize(
    ("arguments", "title"),
    [
        ({"class_name": "blue_room"}, "blue_room images"),
        ({"predicted_class": "red_room"}, "images called red_room"),
        (
            {"class_name": "blue_room", "predicted_class": "red_room"},
            "blue_room images called blue_room or red_room",
        ),
        ({"grouping": "pairs"}, "blue_room images called blue_room or red_room"),
        ({"class_name": "blue_room", "grouping": "either"}, "images that are blue_room or are called so"),
        ({"grouping": "all"}, "all images"),
        ({"class_name": "blue_room", "together_with": ("red_room",)}, "blue_room and red_room images"),
    ],
)
def test_every_grouping_finds_the_patch(arguments: dict[str, Any], title: str) -> None:
    made = explain_failures(case(rooms(800)), **arguments)
    check_evidence(made)
    modes = made.tables[0]
    assert modes.title == "Failure modes"
    cue = (
        BLUE if arguments == {"predicted_class": "red_room"} else WHITE
    )  # a red answer is wrong where there is blue
    assert any(title == row[0] and f"feature #{cue}" in str(row[1]) for row in modes.rows), modes.rows
    assert any(f.verdict == "confirmed" for f in made.findings)


def test_right_answers_are_explained_without_findings() -> None:
    made = explain_failures(case(rooms(800)), class_name="blue_room", correct=True, delta=0.05)
    check_evidence(made)
    assert made.questions == ("features_global.5",) and not made.findings
    assert any(f"feature #{WHITE} <" in str(row[1]) for row in made.tables[0].rows)
    assert any(f.name == "success_rate" for f in made.facts)


def test_features_of_another_model_are_attributes_of_the_pictures(tmp_path: Path) -> None:
    path = shipped(tmp_path / "other")
    view = case(rooms(400))
    made = explain_failures(view, feature_model=str(path), depth=1)
    check_evidence(made)
    assert any("belong to another model" in note for note in made.notes)
    assert all("other feature" in next(iter(f.slice or {"": ""})) for f in made.findings)


def test_a_black_box_is_explained_through_another_model(tmp_path: Path) -> None:
    table = rooms(400)
    with_model = case(table)
    scores = with_model.predictions().scores
    box = FakeView({"data": table}, scores={"data": scores}, has_scores=False)
    with pytest.raises(RetryError, match="feature_model"):
        explain_failures(box)
    made = explain_failures(box, feature_model=str(shipped(tmp_path / "other")), depth=1)
    check_evidence(made)


def test_hidden_layers_and_in_place_activations_are_no_obstacle(tmp_path: Path) -> None:
    made = explain_failures(case(rooms(600), colour_net(hidden=True, inplace=True), folder=tmp_path))
    assert made.findings[0].verdict == "confirmed" and made.figures


# --- nothing to find --------------------------------------------------------------------------------------------------


def test_noise_gives_no_confirmed_finding_and_says_so() -> None:
    made = explain_failures(given())
    check_evidence(made)
    assert not [f for f in made.findings if f.verdict == "confirmed"]
    assert any("No attributes" in n for n in made.notes) or not made.tables[0].title.startswith("Failure")


@pytest.mark.slow
def test_hardly_any_run_over_noise_confirms_anything() -> None:
    runs = 200
    false = sum(
        any(f.verdict == "confirmed" for f in explain_failures(given(400, seed=s)).findings)
        for s in range(runs)
    )
    assert wilson(false, runs)[0] <= 0.05, false


def test_copies_in_both_halves_would_confirm_noise_and_group_by_keeps_them_together() -> None:
    view = given(60, features=100)
    copies = np.tile(np.arange(60), 12)
    labels, predicted = view.table().labels[copies], view.predictions().predicted[copies]
    columns = {"house": [f"h{i}" for i in copies]}
    table = FakeTable(np.zeros((720, 8, 8, 3)), labels.tolist(), ("a", "b", "c"), columns)
    many = FakeView({"data": table}, view.model(), scores={"data": np.eye(3)[predicted] * 0.8 + 0.05})
    many.given_features["data"] = view.given_features["data"][copies]
    apart, together = (explain_failures(many, grouping="all", group_by=by) for by in (None, "house"))
    assert any(f.verdict == "confirmed" for f in apart.findings) and "Of the images in which" in apart.summary
    assert any("count as independent" in n for n in apart.notes)
    assert not any(f.verdict == "confirmed" for f in together.findings)
    with pytest.raises(RetryError, match="attic"):
        explain_failures(many, group_by="attic")


def test_every_number_of_the_summary_is_a_fact() -> None:
    made = explain_failures(case(rooms(800)))
    check_evidence(made)
    told = set(re.findall(r"([\d.]+) %", re.sub(r"\[.*?\] %", "", made.summary)))
    shares = {f"{100 * float(f.value):.1f}" for f in made.facts if f.unit == "share"}  # type: ignore[arg-type]
    assert len(told) >= 4 and told <= shares
    counts = {f.name: f.value for f in made.facts if f.unit == "count"}
    assert f"({counts['n']} images, {counts['features']} features)" in made.summary
    assert all(f.ci is not None for f in made.facts if f.name == "rest_error_rate")


# --- hostile input ----------------------------------------------------------------------------------------------------


def test_images_that_can_not_be_read_are_left_out() -> None:
    made = explain_failures(case(rooms(600, bad=(0, 5, 9))))
    check_evidence(made)
    assert any("cut short" in n for n in made.notes)
    assert made.findings[0].verdict == "confirmed"


def test_features_that_are_not_finite_are_left_out_and_counted() -> None:
    view = given(600)
    view.given_features["data"][7] = np.nan
    made = explain_failures(view)
    assert made.fact("left_out").value == 1
    assert any("599 of the 600" in n for n in made.notes)
    view.given_features["data"][:] = np.inf
    with pytest.raises(RetryError, match="No labelled image"):
        explain_failures(view)


def test_what_can_not_be_done_is_said() -> None:
    view = case(rooms(400))
    for arguments, says in (
        ({"class_name": "attic"}, "attic"),
        ({"class_name": "blue_room", "predicted_class": "blue_room"}, "same as class_name"),
        ({"together_with": ("blue_room",)}, "class_name"),
        ({"split": "train"}, "train"),
        ({"feature_model": "/nowhere/model.onnx"}, "feature_model"),
    ):
        with pytest.raises(RetryError, match=says):
            explain_failures(view, **arguments)  # type: ignore[arg-type]
    with pytest.raises(RetryError, match="No group has enough"):
        explain_failures(case(rooms(30)))
    with pytest.raises(RetryError, match="No group has enough"):
        explain_failures(given(error=0.0))
    with pytest.raises(RetryError, match="no labels"):
        explain_failures(case(FakeTable(np.zeros((50, 24, 24, 3)), [-1] * 50, ("red_room", "blue_room"))))


def test_constant_features_explain_nothing() -> None:
    view = given(600)
    view.given_features["data"][:] = 1.0
    made = explain_failures(view)
    check_evidence(made)
    assert not made.findings and "No leaf" in made.summary


def test_names_are_cleaned() -> None:
    table = rooms(600)
    table.classes = ("red\x1b[31m_room", "blue\u202e_room")
    view = FakeView({"data": table}, FakeModel(None, table.classes, (24, 24), module=colour_net()))
    made = explain_failures(view)
    assert "\x1b" not in made.summary + made.findings[0].statement and "\u202e" not in str(made.tables)


def test_the_arguments_are_described_and_bounded() -> None:
    check_spec(explain_failures)


# --- through the agent ------------------------------------------------------------------------------------------------


def test_through_the_agent_graph(tmp_path: Path) -> None:
    from failsight.agent.planners.scripted import ScriptedPlanner, call
    from failsight.agent.session import Session
    from tests.fakes.case import FakeCase

    table = rooms(600)
    model = FakeModel(None, table.classes, (24, 24), module=colour_net())
    with FakeCase(tmp_path / "case", {"data": table}, model) as opened:
        planner = ScriptedPlanner(
            [
                call("explain_failures", "without any names", class_name="blue_room"),
                call("propose_correction", "what to do"),
                "Blue rooms in which feature #3 is high are missed.",
            ]
        )
        session = Session(opened, planner=planner, policy="auto")
        list(session.say("what goes with the errors?"))
        made: Evidence = opened.evidence("explain_failures")[0]
        check_evidence(made)
        confirmed = opened.state().confirmed()
        assert [list(r.finding.slice or {}) for r in confirmed] == [[f"feature #{WHITE}"]]
        assert opened.evidence("propose_correction")
        session.close()


def test_who_asks_why_a_class_fails_hears_first_what_it_is_taken_for_and_what_was_found() -> None:
    view = FakeView(
        {
            "data": FakeTable(
                np.zeros((1, 2, 2, 3), np.uint8), np.zeros(1, np.int64), ("kitchen", "hall", "bath")
            )
        }
    )
    labels = np.repeat([0, 1], [10, 5])
    predicted = np.array([0] * 4 + [1] * 5 + [2] + [1] * 5)
    view.stated = [
        ("F2", Finding("weak_slice", "correctness", "unknown", "", slice={"light": "dark"}, class_name="kitchen", verdict="confirmed")),
        ("F3", Finding("weak_slice", "correctness", "unknown", "", slice={"feature #7": "low"}, class_name="kitchen", verdict="confirmed")),
        ("F4", Finding("weak_slice", "correctness", "unknown", "", slice={"light": "dim"}, class_name="hall", verdict="confirmed")),
        ("F5", Finding("label_noise", "correctness", "data_content", "", class_name="kitchen", verdict="refuted")),
    ]  # fmt: skip
    said, facts = class_record(view, labels, predicted, 0)
    assert (
        said
        == "Of 10 kitchen images 40.0 % [16.8, 68.7] % are recognised; the others are taken for hall (5) and bath (1). Confirmed of this class before: F2 (light=dark)."
    )
    assert [(f.name, f.value) for f in facts] == [("recall", 0.4), ("taken for", 5), ("taken for", 1)]
    assert class_record(view, labels, predicted, 2) == ("", ())
