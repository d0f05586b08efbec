"""What an expectation names and a case does not have: told by name, with what there is, before anything is measured."""

from __future__ import annotations

import numpy as np
import pytest

from failsight.tools.attributes.definitions import Definition
from failsight.tools.expectations.subjects import doubt, nearest_first
from failsight.tools.readiness import readiness
from failsight.tools.view import Expectation
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import one_hot

CLASSES = ("bath", "kitchen")


def world(*expectations: Expectation, definitions: tuple[Definition, ...] = ()) -> FakeView:
    labels = np.arange(40) % 2
    pictures = np.zeros((40, 2, 2, 3), np.uint8)
    columns = {
        "lighting": ["dark" if i % 4 < 2 else "bright" for i in range(40)],
        "iso": [float(i % 8) for i in range(40)],
    }
    table = FakeTable(
        pictures, labels, CLASSES, columns, [{"stove": [(0, 0, 1, 1)]} if i % 3 else {} for i in range(40)]
    )
    away = FakeTable(pictures, labels, CLASSES, {"weather": ["fog"] * 40})
    view = FakeView(
        {"data": table, "deploy": away},
        scores={"data": one_hot(labels, 2), "deploy": one_hot(labels, 2)},
        expectations=expectations,
    )
    view.defined = {d.key: d for d in definitions}
    return view


THERE = (
    "accuracy",
    "deploy.accuracy",
    "accuracy[lighting=dark]",
    "recall.bath[lighting!=dark&iso<3]",
    "accuracy[stove=yes]",
    "accuracy[true=Kitchen]",
    "accuracy[brightness>=0.2]",
    "accuracy[dominant_hue=red]",
    "worst_group",
    "worst_group[lighting,class*stove]",
    "deploy.accuracy[weather=fog]",
    "cost.bath>kitchen",
    "latency_ms",
    "no.such.measure",  # said where names are read
)


@pytest.mark.parametrize("name", THERE)
def test_what_is_there_is_no_doubt(name: str) -> None:
    assert doubt(world(), name) is None


LACKING = (
    ("accuracy[lightning=dark]", "no attribute 'lightning'", "There are lighting, ", True),
    ("accuracy[lighting=drak]", "'lighting' is never 'drak'", "There are dark and bright.", False),
    ("accuracy[lighting<3]", "compare it with = or !=", "", False),
    ("accuracy[iso=high]", "'iso' is a number; 'high' is not", "iso<0.3", False),
    ("accuracy[brightness=dark]", "'brightness' is a number", "brightness<0.3", False),
    ("accuracy[dominant_hue=pinkish]", "is never 'pinkish'", "There are red, orange", False),
    ("accuracy[stove=maybe]", "'stove' is never 'maybe'", "yes and no", False),
    ("accuracy[true=kitchn]", "no class 'kitchn'", "There are kitchen and bath.", False),
    ("accuracy[lighting=dark&camera=A]", "no attribute 'camera'", "lighting", True),
    ("worst_group[lighting*clas]", "no attribute 'clas'", "There are class, ", True),
    ("deploy.worst_group[lighting]", "deployment images have no attribute 'lighting'", "leave deploy. away", False),
    ("accuracy[weather=fog]", "evaluation images have no attribute 'weather'", "write deploy. before", False),
    ("train.accuracy", "no training images", "--train", False),
)  # fmt: skip


@pytest.mark.parametrize(("name", "sentence", "hint", "later"), LACKING)
def test_what_is_not_there_is_named(name: str, sentence: str, hint: str, later: bool) -> None:
    found = doubt(world(), name)
    assert found is not None
    assert sentence in found.sentence and hint in found.hint
    assert found.later is later


def test_classes_and_labels_of_which_there_are_none_are_worth_a_word() -> None:
    view = world()
    for split, label in (("deploy", -1), ("data", 0)):
        view.table(split).labels = np.full(40, label)
    for name, words in (
        ("deploy.accuracy", "deployment images have no labels"),
        ("recall.kitchen", "None of the evaluation images is labelled kitchen"),
        ("confusion.kitchen>bath", "None of the evaluation images is labelled kitchen"),
    ):
        found = doubt(view, name)
        assert found is not None and words in found.sentence and found.empty and not found.later
    assert doubt(view, "recall.bath") is None and doubt(view, "precision.kitchen") is None


def test_attributes_that_were_assigned_renamed_or_dropped() -> None:
    made = (
        Definition("weather", "zero_shot", "weather", ("fog", "sun"), renamed={"sun": "clear"}),
        Definition("light", "metadata", "lighting"),
        Definition("old", "zero_shot", "old", ("a", "b"), dropped=True),
    )
    view = world(definitions=made)
    assert doubt(view, "accuracy[weather=fog]") is None
    assert doubt(view, "accuracy[weather=clear]") is None
    assert doubt(view, "worst_group[light]") is None
    assert "never 'sun'" in str(doubt(view, "accuracy[weather=sun]"))
    assert "no attribute 'old'" in str(doubt(view, "accuracy[old=a]"))


def test_hostile_names_are_made_harmless() -> None:
    found = doubt(world(), "accuracy[a\x1b\u202e=b]")
    assert found is not None
    assert "\x1b" not in found.sentence + found.hint and "\u202e" not in found.sentence + found.hint
    long = doubt(world(), f"accuracy[{'x' * 5000}=1]")
    assert long is not None and len(long.sentence) < 120


def test_near_names_come_first_and_the_others_as_they_were() -> None:
    assert nearest_first("lightning", ["zebra", "camera", "lighting"]) == ["lighting", "zebra", "camera"]


def test_at_the_end_it_is_called_what_it_is() -> None:
    made = readiness(
        world(Expectation("accuracy[fog=yes]", 0.9, True), Expectation("recall.bath", 0.5, True))
    )
    assert "accuracy[fog=yes] at least 90.0 % (there is no attribute 'fog')" in made.summary
    none = readiness(world(Expectation("accuracy[lighting=dark&iso>100]", 0.9, True)))
    assert "no image is left by 'iso>100'" in none.summary
