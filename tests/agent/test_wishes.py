"""Which sentences of a conversation become expectations: wishes with a bound, whole, and nothing else."""

from __future__ import annotations

import pytest

from failsight.agent.planners.wishes import parse_bounds, parse_wishes
from failsight.tools.readiness import PHRASE

CLASSES = ("bathroom", "dining_room", "kitchen", "bedroom", "living_room")


@pytest.mark.parametrize(
    ("text", "noted"),
    [
        ("recall of kitchen and bathroom at least 90 %", ["recall.kitchen ≥ 90 %", "recall.bathroom ≥ 90 %"]),
        ("recall of kitchen, dining room and bedroom must be at least 80 %", ["recall.kitchen ≥ 80 %", "recall.dining_room ≥ 80 %", "recall.bedroom ≥ 80 %"]),
        ("accuracy at least 90 % and recall of kitchen at least 80 %", ["accuracy ≥ 90 %", "recall.kitchen ≥ 80 %"]),
        ("accuracy >= 0.9; ece <= 0.05", ["accuracy ≥ 90 %", "ece ≤ 5 %"]),
        (PHRASE, ["accuracy ≥ 90 %", "worst_recall ≥ 80 %"]),
        ("accuracy of the model must be above 90 % and latency below 20 ms", ["accuracy ≥ 90 %", "latency ≤ 20 ms"]),
        ("the model must reach at least 90 % accuracy", ["accuracy ≥ 90 %"]),
        ("accuracy of at least 95 % on deployment images", ["deploy.accuracy ≥ 95 %"]),
        ("we need an accuracy of at least 85 %", ["accuracy ≥ 85 %"]),
        ("The accuracy should be over 92%", ["accuracy ≥ 92 %"]),
        ("error rate at most 5 %", ["error_rate ≤ 5 %"]),
        ("worst slice error at most 20 %", ["worst_slice_error ≤ 20 %"]),
        ("accuracy where lighting is dark at least 80 %", ["accuracy[lighting=dark] ≥ 80 %"]),
        ("kitchen taken for bathroom at most 2 %", ["confusion.kitchen>bathroom ≤ 2 %"]),
        ("at least 20 images per second", ["throughput ≥ 20 images/s"]),
        ("memory below 2 GB", ["peak memory ≤ 2,000 MB"]),
        ("taking a bathroom for a kitchen costs 5", ["cost.bathroom>kitchen = 5"]),
    ],
)  # fmt: skip
def test_a_wish_is_noted_whole(text: str, noted: list[str]) -> None:
    made, doubt = parse_wishes(text, CLASSES)
    assert [str(one) for one in made] == noted and not doubt


@pytest.mark.parametrize(
    "text",
    [
        "is the accuracy above 90 %?",
        "is the accuracy above 90 %",
        "why is the recall of bathroom below 80%?",
        "does accuracy drop below 70 %?",
        "accuracy dropped below 70 %",
        "accuracy is below 60 %",
        "for rainy images, accuracy is below 60%",
        "accuracy on rainy images is at least 60 %",
        "I doubt accuracy is above 90%",
        "I think the accuracy is at least 90 %",
        "we measured an accuracy above 90 %",
        "accuracy seems to be above 90 %",
        "is latency below 50 ms?",
        "does it use more than 2 GB of memory?",
        "it uses more than 2 GB of memory",
        "show me images with confidence above 90 %",
        "find slices with an error rate above 20 %",
        "accuracy at least 90 % and the moon above 10 %",
        "recall of kitchen and attic at least 90 %",
        "",
    ],
)
def test_questions_and_observations_are_left_to_the_planner(text: str) -> None:
    assert parse_wishes(text, CLASSES) == ([], "")


def test_a_wish_the_wrong_way_round_is_asked_about() -> None:
    made, doubt = parse_wishes("the accuracy must be below 60 %", CLASSES)
    assert not made and "/expect accuracy<=0.6" in doubt
    made, doubt = parse_wishes("latency must be at least 50 ms", CLASSES)
    assert not made and "nothing was noted" in doubt
    assert [str(one) for one in parse_bounds("accuracy<=0.6", CLASSES)] == [
        "accuracy ≤ 60 %"
    ]  # as /expect reads it
