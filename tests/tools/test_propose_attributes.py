"""propose_attributes: known answers by a source whose answers are known; what a language model should not propose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.tools.attributes.definitions import Definition
from failsight.tools.attributes.proposals import alike, sift
from failsight.tools.errors import RetryError
from failsight.tools.propose_attributes import propose_attributes
from tests.fakes.attributes import FakeSource, screen, tint, white_square
from tests.fakes.case import television_world
from tests.fakes.view import FakeView
from tests.tools.cases import check_evidence, check_spec


def view_with(folder: Path | None = None, n: int = 120, proposals: tuple[Definition, ...] = ()) -> FakeView:
    table, model = television_world(n)
    view = FakeView({"data": table}, model, folder=folder)
    tints = Definition("tint", "zero_shot", "tint", ("warm", "cool"), by="test")
    view.given_sources["zero_shot"] = FakeSource(
        "zero_shot", {"screen": white_square, "tint": tint}, proposals or (screen(), tints)
    )
    return view


def test_its_arguments_are_described_and_bounded() -> None:
    check_spec(propose_attributes)


def test_shares_counted_by_hand_with_intervals_and_two_images_a_value(tmp_path: Path) -> None:
    view = view_with(tmp_path)
    made = propose_attributes(view)
    check_evidence(made)
    truth = np.mean([v == "yes" for v in view.table().columns["television"]])
    fact = made.fact("share", "slice screen=yes")
    assert fact.value == pytest.approx(truth)
    assert fact.ci is not None and fact.ci[0] < truth < fact.ci[1]
    assert made.fact("abstained", "attribute screen").value == 0
    assert made.fact("mean_confidence", "attribute tint").value > 0.5
    assert [d.name for d in view.definitions()] == ["screen", "tint"]
    assert [a for a, _ in view.changes] == ["proposed", "proposed"]
    assert len(made.figures) == 2 and len(made.images) == 8
    assert {i.caption for i in made.images} == {"screen: yes", "screen: no", "tint: warm", "tint: cool"}
    assert all((tmp_path / f.path).is_file() for f in made.figures)
    assert set(view.attributes().columns) == {"television", "screen", "tint"}
    assert "not known yet" in made.summary


def test_the_pictures_are_looked_at_once() -> None:
    view = view_with()
    propose_attributes(view)
    looked = view.given_sources["zero_shot"].looked
    assert looked == 120
    view.attributes()
    assert view.given_sources["zero_shot"].looked == looked


def test_attributes_of_ones_own_are_assigned_and_abstentions_counted() -> None:
    view = view_with()
    view.given_sources["zero_shot"].rules["weather"] = lambda p: (
        (None, 0.0) if p[0, 0, 0] % 2 else ("sunny", 0.9)
    )
    made = propose_attributes(
        view,
        attributes=[{"name": "weather", "values": ["sunny", "rainy"], "phrases": {"sunny": ["blue sky"]}}],
    )
    check_evidence(made)
    (kept,) = view.definitions()
    assert kept.phrases == {"sunny": ("blue sky",)}
    assert 0.2 < made.fact("abstained", "attribute weather").value < 0.8
    assert any("The same in all these images" in n for n in made.notes)
    assert "(no value)" in [r[1] for r in made.tables[0].rows]


@pytest.mark.parametrize(
    ("proposal", "reason"),
    [
        ({"name": "room type", "values": ["red room", "blue_room", "hall"]}, "the class itself"),
        ({"name": "label", "values": ["a", "b"]}, "the class itself"),
        ({"name": "<b>weather</b>", "values": ["sunny", "rainy"]}, "markup"),
        ({"name": "weather", "values": ["<i>sunny</i>", "rainy"]}, "fewer than two values"),
        ({"name": "weather", "values": ["sunny", "Sunny "]}, "fewer than two values"),
        ({"name": "weather", "values": []}, "fewer than two values"),
        ({"name": "", "values": ["a", "b"]}, "without a name"),
        ({"name": "\x1b \u202e", "values": ["a", "b"]}, "without a name"),
        ({"name": "x" * 90, "values": ["a", "b"]}, "at most 60 characters"),
        ({"name": "Televisions", "values": ["yes", "no"]}, "says the same as television"),
        ({"name": "TELEVISION", "values": ["yes", "no"]}, "exists already"),
        ({"name": "the type of television", "values": ["yes", "no"]}, "says the same as television"),
        ({"name": "many", "values": [f"v{i}" for i in range(41)]}, "at most 40"),
    ],
)  # fmt: skip
def test_what_is_no_attribute_is_refused_with_its_reason(proposal: Any, reason: str) -> None:
    view = view_with()
    with pytest.raises(RetryError, match=reason):
        propose_attributes(view, attributes=[proposal])
    assert view.changes == []
    good = {"name": "tint", "values": ["warm", "cool"]}
    made = propose_attributes(view, attributes=[proposal, good])  # type: ignore[list-item]
    assert [d.name for d in view.definitions()] == ["tint"]
    assert len(made.notes) >= 1


def test_four_hundred_proposals_are_cut_to_the_limit_and_that_is_said() -> None:
    view = view_with(n=40)
    many = [{"name": f"thing number {i}", "values": ["yes", "no"]} for i in range(400)]
    made = propose_attributes(view, attributes=many, limit=3)  # type: ignore[arg-type]
    assert len(view.definitions()) == 3
    assert any("397 more proposals were left out" in n for n in made.notes)
    check_evidence(made)
    noise = [{"name": f"<{i}>", "values": ["yes", "no"]} for i in range(400)]
    with pytest.raises(RetryError, match="394 more proposals were refused"):
        propose_attributes(view, attributes=noise)  # type: ignore[arg-type]


def test_the_same_twice_is_no_new_attribute() -> None:
    view = view_with()
    propose_attributes(view)
    with pytest.raises(RetryError, match="exists already"):
        propose_attributes(view)


def test_a_source_that_lacks_something_leaves_no_trace() -> None:
    table, model = television_world(40)
    view = FakeView({"data": table}, model)
    with pytest.raises(RetryError, match="encoder"):
        propose_attributes(view)
    with pytest.raises(RetryError, match="encoder"):
        propose_attributes(view, attributes=[{"name": "a", "values": ["b", "c"]}])
    with pytest.raises(RetryError, match="name themselves"):
        propose_attributes(view, source="clusters", attributes=[{"name": "a", "values": ["b", "c"]}])
    with pytest.raises(RetryError):
        propose_attributes(view, split="deploy")
    assert view.changes == []


def test_corrupt_images_are_left_out_and_counted() -> None:
    view = view_with(n=60)
    view.table().bad = {1, 2}
    made = propose_attributes(view)
    assert made.fact("abstained", "attribute screen").n == 58


def test_names_are_alike_whatever_their_number_and_fillers() -> None:
    assert alike("The sofas") == alike("sofa") == "sofa"
    assert alike("presence of glasses") == alike("glasses")
    assert alike("kind") == "kind"
    assert alike("bus") == "bus"


def test_a_dropped_attribute_is_not_proposed_again() -> None:
    old = Definition("screen", "zero_shot", "screen", ("yes", "no"), dropped=True)
    made = sift([screen()], (), ["a"], [old], 5)
    assert made.kept == () and "put aside" in made.notes[0]
    called_so = Definition("TV", "zero_shot", "screen", ("yes", "no"))
    made = sift([screen()], (), ["TV"], [called_so], 5)
    assert made.kept == () and "as TV" in made.notes[0]
