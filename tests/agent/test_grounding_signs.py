"""What a sentence says by its signs, limits, orders and counts, in whatever words."""

from __future__ import annotations

from pathlib import Path

import pytest

from failsight.agent.grounding import Checker
from failsight.agent.grounding.operators import denied, direction
from failsight.agent.journal import Journal
from failsight.agent.state import fold
from tests.agent.test_grounding import CLASSES, DATA, VALUES, lines


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Checker:
    folder: Path = tmp_path_factory.mktemp("case")
    (folder / "journal.jsonl").write_bytes((DATA / "rooms_journal.jsonl").read_bytes())
    return Checker(fold(Journal(folder, write=False)), CLASSES, VALUES)


HELD = {
    "signs": """
        The model is too sure of itself.
        The deployment images are more saturated, but less sharp than the evaluation images.
        The television pushes the model towards living_room.
        Cats are rare in the training bathrooms.
        Apart from bedroom, all rooms lose recall in deployment.
        The model promises more than it delivers.""",
    "limits and directions": """
        Collect at least 66 labelled deployment images.
        109 errors were made with 90 % confidence or more.
        The cat is answered less often elsewhere; bathrooms with a cat are wrong in 64.2 %, far above the 23.7 % elsewhere.
        The error is 41.4 % with a television, with a 95 % interval of 36.1 to 46.8.
        Masking the stools: +43.5 points, 95 % CI 40.2 to 46.7.
        Around 27 in 100 living rooms end up as bedrooms.
        Living rooms without a television are rare in training: 7.2 % there, 50.7 % in the evaluation set.
        With bath_style=shower 70.7 % are wrong, and such images are rare in training (0.8 %).""",
    "counts and orders": """
        Four of the five classes exceed 70 % precision on the evaluation images.
        Two classes suffer more than the average drop in deployment: bathroom and living room.
        By drop in deployment, bathroom comes first and living room second.
        F11 costs the most errors.
        Where it says living room, it is wrong almost as often as it is right.
        Living rooms end up as bedrooms more often than the other way round.""",
    "negations": """
        There's no evidence that wrong labels explain the errors.
        That a bed-like sofa makes the model say bedroom is an association only.
        Living rooms without a television do not do better than other pictures.
        No slice involving lamps or plants was confirmed.""",
}
NOT_HELD = {
    "signs": """
        The model is too shy about itself.
        Readiness is undecided.
        You can take its confidence at face value.
        The classes of the training images are badly out of balance.
        Cover the television and the model gets even surer that it sees a living room.
        Cats are about as common in the training bathrooms as in the evaluation bathrooms.
        Put a cat in front of it and it starts seeing bathrooms.
        Recall falls in every class in deployment, except for kitchen.
        The controls moved the score just as much as the cue did.
        The confidence lies below the accuracy.""",
    "limits and directions": """
        Collect at most 66 labelled deployment images.
        109 errors were made with 90 % confidence or less.
        Bathrooms with a cat are wrong in 64.2 %, far below the 23.7 % elsewhere.
        Hiding the television changes the answer far less often than hiding a patch elsewhere (79.5 % vs 2.4 %).
        The q values of all masking tests are above 0.001.
        The drop in deployment is far below the 3.0 points set beforehand.""",
    "counts and orders": """
        Three of the five classes exceed 70 % precision on the evaluation images.
        Three classes suffer more than the average drop in deployment.
        By drop in deployment, living room comes first and bathroom second.
        F1 costs the most errors.
        Where it says bathroom, it is wrong almost as often as it is right.
        Bedrooms end up as living rooms more often than the other way round.
        Six are spurious correlations.""",
    "verdicts and ids": """
        There's no experimental evidence that stools drive the dining_room score.
        We tested whether the stools stand for dining_room, and the experiment refuted it.
        None of the 13 refuted findings has been repaired.
        F2 and F3 are the shifts of kitchen and living_room.
        F5 states that accuracy on the deployment images is 20.7 points lower.
        No correction was proposed for F2.
        The lamp is a shortcut.
        As for the television, we can only say it goes together with living_room answers.""",
}


@pytest.mark.parametrize("text", lines(HELD))
def test_what_the_record_bears_out_is_left_alone(checker: Checker, text: str) -> None:
    wrong = [(text[c.start : c.end], c.reason) for c in checker.check(text).unverified]
    assert not wrong


@pytest.mark.parametrize("text", lines(NOT_HELD))
def test_the_contrary_is_marked(checker: Checker, text: str) -> None:
    assert checker.check(text).unverified


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("it climbs", 1),
        ("fewer of them", -1),
        ("nothing of the kind", 0),
        ("up and down", 0),
        ("the score plummets", -1),
    ],
)
def test_words_point_up_or_down(text: str, way: int) -> None:
    assert direction(text) == way


@pytest.mark.parametrize(
    ("text", "no"),
    [
        ("it does not fall", True),
        ("it does not fail to fall", False),
        ("not only does it fall", False),
        ("nothing is lost", True),
        ("it falls", False),
    ],
)
def test_two_negations_cancel(text: str, no: bool) -> None:
    assert denied(text) is no
