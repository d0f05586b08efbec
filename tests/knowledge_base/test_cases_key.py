"""The answer key tells planted bugs and their consequences from everything else."""

from __future__ import annotations

from typing import Any

import pytest

from failsight.knowledge_base.cases import answer_key, explain, explains
from failsight.knowledge_base.cases.rooms import ROOMS
from failsight.knowledge_base.cases.scene import CLASSES, VALUES


def finding(
    kind: str = "weak_slice", label: str | None = None, confused: str | None = None, **conditions: str
) -> dict[str, Any]:
    return {"kind": kind, "slice": conditions or None, "class": label, "confused_with": confused}


PLANTED = [
    (finding(television="yes"), "television"),
    (finding("spurious_correlation", "living_room", television="yes"), "television"),
    (finding("spurious_correlation", None, "living_room", television="yes"), "television"),
    (finding("weak_slice", "bedroom", "living_room", television="yes"), "television"),
    (finding("rare_case", "living_room", "bedroom", television="no"), "television"),
    (
        finding("weak_slice", label_is="x") | {"slice": {"label": "living_room", "television": "no"}},
        "television",
    ),
    (finding("spurious_correlation", "bedroom", television="no"), "television"),
    (finding("weak_slice", sofa_style="none", television="yes"), "television"),
    (finding("weak_slice", None, None, sofa_style="plain", television="no"), "television"),
    (finding("weak_slice", "kitchen", "dining_room", stools="yes"), "stools"),
    (finding("overemphasised_feature", "dining_room", stools="yes"), "stools"),
    (finding("weak_slice", "bathroom", "kitchen", cat="yes"), "cat"),
    (finding("weak_slice", "kitchen", None, cat="no"), "cat"),
    (finding("missing_feature", "living_room", "bedroom", sofa_style="bed_like"), "bed_like_sofa"),
    (finding("spurious_correlation", "bedroom", bed_like="yes"), "bed_like_sofa"),
    (finding("rare_case", "bathroom", "kitchen", bath_style="shower"), "walk_in_shower"),
    (finding("weak_slice", "bathroom", None, shower="yes"), "walk_in_shower"),
    (finding("label_noise"), "wrong_labels"),
    (finding("label_noise", "kitchen"), "wrong_labels"),
    (finding("label_noise", annotator="B"), "wrong_labels"),
    (finding("weak_slice", annotator="B"), "wrong_labels"),
    (finding("distribution_shift"), "snapshots"),
    (finding("distribution_shift", lighting="dark"), "snapshots"),
    (finding("overconfidence"), "television"),
    (finding("weak_slice", "living_room"), "television"),
    (finding("weak_slice", "kitchen", "dining_room"), "stools"),
]

UNPLANTED = [
    finding(),
    finding("weak_slice", "living_room", television="yes"),
    finding("weak_slice", "kitchen", television="no"),
    finding("weak_slice", television="no"),
    finding("weak_slice", "bedroom", "kitchen", television="yes"),
    finding("spurious_correlation", "bathroom", television="yes", plant="yes"),
    finding("weak_slice", television="yes", floor="tile"),
    finding("weak_slice", television="yes", brightness="dark (0.21 to 0.34)"),
    finding("weak_slice", "kitchen", plant="yes"),
    finding("spurious_correlation", "bedroom", plant="yes"),
    finding("weak_slice", "living_room", stools="yes"),
    finding("weak_slice", "bedroom", cat="yes"),
    finding("spurious_correlation", "bathroom", "bedroom", cat="yes"),
    finding("weak_slice", "kitchen", "bathroom", stools="yes"),
    finding("weak_slice", "bathroom", bath_style="tub", lamp="yes"),
    finding("weak_slice", annotator="C"),
    finding("label_noise", annotator="C"),
    finding("label_noise", floor="tile"),
    finding("distribution_shift", floor="tile"),
    finding("overconfidence", floor="tile"),
    finding("overfitting"),
    finding("class_imbalance", "kitchen"),
    finding("leakage"),
    finding("weak_slice", "bathroom", "dining_room"),
    finding("weak_slice", "no_such_room", television="yes"),
]


@pytest.mark.parametrize(("told", "bug"), PLANTED, ids=lambda v: v if isinstance(v, str) else None)
def test_planted(told: dict[str, Any], bug: str) -> None:
    assert bug in explain(told)
    assert explains(told)


@pytest.mark.parametrize("told", UNPLANTED, ids=str)
def test_unplanted(told: dict[str, Any]) -> None:
    assert explain(told) == ()


def test_a_slice_of_two_bugs_tells_of_both() -> None:
    told = finding("weak_slice", "bathroom", television="yes", cat="yes")
    assert explain(told) == ("television", "cat")


def test_no_single_other_attribute_value_is_explained() -> None:
    """Whatever the world varies without harm stays unplanted, in any class."""
    for attribute in ("plant", "lamp", "picture", "floor", "lighting", "clutter", "tilt"):
        for value in VALUES[attribute]:
            for label in (None, *CLASSES):
                assert not explains(finding("weak_slice", label, None, **{attribute: value}))


def test_the_key_speaks_of_the_world_it_belongs_to() -> None:
    key = answer_key()
    assert {b.id for b in key.bugs} == {
        "television",
        "stools",
        "cat",
        "bed_like_sofa",
        "walk_in_shower",
        "wrong_labels",
        "snapshots",
    }
    for bug in key.bugs:
        assert set(bug.victims) <= set(CLASSES)
        if bug.attribute is not None:
            assert bug.attribute in ROOMS.columns
            assert bug.value in VALUES[bug.attribute]
        if bug.kind == "spurious_correlation":
            own = ROOMS.shares("train", str(bug.attribute), str(bug.pulls_to))
            assert own["yes"] > 0.7
            for victim in bug.victims:
                assert ROOMS.shares("train", str(bug.attribute), victim)["yes"] == 0
                assert ROOMS.shares("eval", str(bug.attribute), victim)["yes"] >= 0.25
    (decoy,) = key.decoys
    assert ROOMS.shares("train", decoy.attribute, decoy.goes_with)["yes"] == 0.8
