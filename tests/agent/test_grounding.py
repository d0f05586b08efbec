"""The grounding check marks what the record does not hold, and leaves alone what it does."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failsight.agent.grounding import UNVERIFIED, Checker
from failsight.agent.grounding.hedges import hedged
from failsight.agent.grounding.lexicon import exclusive, recorded, says
from failsight.agent.grounding.names import Lexicon, is_f1
from failsight.agent.grounding.numbers import numbers, sentences
from failsight.agent.journal import Journal
from failsight.agent.state import CaseState, fold

DATA = Path(__file__).parent / "data"
CLASSES = ("bathroom", "bedroom", "dining_room", "kitchen", "living_room")
YES_NO = ("yes", "no")
VALUES = {
    **dict.fromkeys(("television", "stools", "cat", "plant", "lamp", "picture"), YES_NO),
    "sofa_style": ("plain", "bed_like", "none"), "bath_style": ("tub", "shower", "none"), "annotator": ("A", "B", "C", "D"),
    "floor": ("wood", "tile", "carpet"), "lighting": ("bright", "dim"), "tilt": (), "clutter": (),
}  # fmt: skip
LABELLED = {
    "grounding.jsonl": "277fe42ee4e7d112262787752446bab5b7e0595f6a4017e93ecff1e38937fa22",
    "grounding_more.jsonl": "266f7c163b2a098bbd52b5f25357a557fb5da5dd71668680b7ad11dd69cc3a56",
    "grounding_fresh.jsonl": "a8bcf5b95cabb607ccc853bcb97f0e73592cc6eb3087255dcdee72a50044cd11",
    "grounding_written_along.jsonl": "fc1c5a5e6fbd46189721bc650f62a911c5a141db9f057ed98455710f8c961ac1",
    "grounding_free.jsonl": "b576022d8426529c6dbf2930efefea6cc9e01a564e2bed3849e963b84b3f17c4",
    "grounding_authors.jsonl": "376b3c60705623c65c229c6f6203a218fcc82c563781a2621f2e284aab8280ec",
    "grounding_rounds.jsonl": "5bcc072b20c775288986eb1cd92723aaff75e7b48ca6c8701561b449c725aa0f",
    "grounding_later.jsonl": "c965c873db4847bb23ccfe537b0e8af6e6d67899b4ecf04a97918cb2cdfee4ea",
    "grounding_unread.jsonl": "d05faac0c71a2d54b19ef410e5cc5c607575a0acafb7a1bf05ed68be49e55cd0",
}


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> CaseState:
    folder = tmp_path_factory.mktemp("case")
    shutil.copy(DATA / "rooms_journal.jsonl", folder / "journal.jsonl")
    return fold(Journal(folder, write=False))


@pytest.fixture(scope="module")
def checker(record: CaseState) -> Checker:
    return Checker(record, CLASSES, VALUES)


HELD = {
    "numbers": """
        Out of 600 deployment images, 321 are classified correctly.
        279 of the 600 deployment images are misclassified.
        On the training images the model is right in 96.7 % [95.9, 97.3].
        For bedroom, recall is 81.6 % and precision 70.8 %.
        When the model says bathroom, it is right in 94.8 % of cases.
        In deployment the answer bedroom is given 251 times for 119 images.
        The test behind F11 has a p value below 0.001.
        The median JPEG quality falls from 90 to 75.
        Of the 195 answers living_room, 79.5 % flip when the television is masked.
        Masking the cat mends 57.6 % of the wrong answers, the control 1.1 %.
        The stools cover about 11 % of the picture.""",
    "their contexts": """
        With a television, 50.1 % of the images of other classes are called living_room; without, 0.9 %.
        Images with a television have an error rate that is 21.4 points higher.
        bathroom → living_room 13.8 %, living_room → bathroom 0.7 %.
        F10: kitchens with stools, 52.9 % wrong [41.3, 64.1] against 24.4 % elsewhere.
        Accuracy: 74.2 % (evaluation), 53.5 % (deployment), 96.7 % (training).
        For confidences from 66.7 % to 73.3 %, just 55.8 % of the answers are right.""",
    "numbers in words": """
        Only one in three deployment living rooms is recognised.
        More than four fifths of the bedrooms are recognised.
        Seven bathrooms are called dining_room.
        There are three confirmed distribution shifts.""",
    "arithmetic": """
        581 + 279 = 860 errors in evaluation and deployment together.
        Bedroom's evaluation recall is 16.1 points higher than bathroom's.
        The difference between bathroom's and living_room's drop is 8.6 points.
        The effect of the stools is 11.6 points larger than that of the cat.
        Accuracy is 15.8 points short of the expected 90 %.
        F6, F11 and F1 stand for 415 excess errors together.
        Bathroom recall in evaluation is about three times that in deployment.""",
    "signs": """
        Saturation is higher in deployment: 0.293 against 0.235.
        Masking the television lowers the living_room score by 47.9 points.
        bedroom gains 5.0 points: 81.6 % against 86.6 %.
        Brightness lies 3.28 standard deviations lower in deployment.""",
    "comparisons": """
        Living rooms are called bedroom more often than bedrooms are called living room.
        Recall of bedroom is higher in deployment than in evaluation.
        Precision of bedroom falls in deployment.
        Images with a shower are answered wrongly more often than others.
        The border gets less saliency than its area.
        The model over-predicts bedroom in deployment.""",
    "ranks": """
        The weakest class in deployment is bathroom.
        The second largest drop is living_room's.
        Bathroom has the lowest recall in evaluation, then living_room, then kitchen.
        The two worst classes in deployment are bathroom and living_room.
        The slice with the highest error rate is bath_style=shower (70.7 %).""",
    "verdicts": """
        F9 isn't refuted, it's confirmed.
        None of the findings was refuted.
        Of 14 findings, 13 are confirmed: all but F4.
        The bed-like sofa finding is confirmed, though not by an experiment.
        F1 and F2 are both confirmed, and F4 is open.""",
    "how things stand": """
        No repair has been applied yet.
        The model isn't ready for use.
        Neither accuracy nor worst recall meets its criterion.""",
    "ties, amounts and what was done": """
        A TV suggests living_room, stools suggest dining_room, and a cat suggests kitchen to the model.
        Heat maps were made for bathroom only.
        The objects were covered on evaluation pictures, not on deployment pictures.
        E9 is the television test, E10 the stools, E11 the cat.
        Four of the five classes lose recall in deployment.
        Showers are rare in training.
        The two rooms recognised least often are the bathroom and the living room.
        The classes of the training images are evenly represented.
        Kitchens are called dining room more often than anything else.""",
    "causes": """
        E10 confirms that the stools drive the answer dining_room.
        The model relies on the television for living_room; the masking experiment confirmed it.
        Lower brightness may explain the drop, but that wasn't tested.""",
}  # fmt: skip
NOT_HELD = {
    "numbers": """
        The model is wrong on 518 of the 2,250 evaluation images.
        Out of 600 deployment images, 279 are classified correctly.
        For bedroom, recall is 70.8 % and precision 81.6 %.
        The calibration error is 7.7 % [E4].
        Bathroom is answered 449 times for 310 images.
        dining_room loses 12.7 points in deployment (p = 0.223).""",
    "their contexts": """
        With a television, 0.9 % of the images of other classes are called living_room; without, 50.1 %.
        bathroom → living_room 0.7 %, living_room → bathroom 13.8 %.
        Accuracy: 53.5 % (evaluation), 74.2 % (deployment), 96.7 % (training).
        29.9 % of the training images show a television, 19.2 % of the evaluation images.
        The interval for deployment accuracy runs from 72.3 % to 75.9 %.
        Tubs go wrong in 70.7 % of cases.""",
    "numbers in words": """
        Less than a fifth of the evaluation bathrooms are recognised.
        Images with a television fail half as often as others.
        Seven bathrooms are called kitchen.""",
    "arithmetic": """
        The difference between bathroom's and living_room's drop is 18.6 points.
        F6, F11 and F1 stand for 425 excess errors together.
        The effect of the stools (43.5 points) is 2.4 times that of the cat (31.9 points).
        Accuracy is 12.8 points short of the expected 90 %.""",
    "signs": """
        Accuracy rises by 20.7 points from evaluation to deployment.
        Masking the television raises the living_room score by 47.9 points.
        Masking the stools changes the dining_room score by +42.6 points.
        Brightness lies 3.28 standard deviations higher in deployment.
        The average confidence lies 7.7 points below accuracy.""",
    "comparisons": """
        Bedrooms are called living room more often than living rooms are called bedroom.
        Deployment images are sharper and less compressed.
        Images with a shower are answered wrongly less often than others.
        The border gets more saliency than its area.
        Wrong answers are given with more confidence than right ones.
        The model is more accurate in use than in evaluation.
        The model is less sure than it should be.""",
    "ranks": """
        The weakest class in deployment is living_room.
        The largest confusion is bathroom taken for kitchen.
        Bathroom has the lowest recall in evaluation, then kitchen, then living_room.
        Bathrooms are mostly mistaken for bedrooms.
        Most deployment images are misclassified.""",
    "verdicts": """
        F4 is confirmed.
        F1 to F4 are confirmed, and F4 was refuted.
        All hypotheses are confirmed.
        F14 was confirmed by an experiment.
        The shift of kitchen is confirmed.
        F6 could not be confirmed.""",
    "how things stand": """
        The repair of F1 has been applied.
        The model can be deployed as it is: it's ready.
        The accuracy criterion is met.""",
    "ties, amounts and what was done": """
        A TV suggests living_room, stools suggest dining_room, and a cat suggests bedroom to the model.
        Heat maps were made for kitchen only.
        The objects were covered on deployment pictures.
        E9 is the stools test, E10 the television, E11 the cat.
        Two of the five classes lose recall in deployment.
        Showers appear all the time in training.
        The two rooms recognised least often are the bathroom and the kitchen.
        The training images are skewed towards one class.
        The deployment pictures look just like the evaluation pictures.
        The evaluation images carry no labels.
        Three shortcuts were proven by masking: TV → living room, stools → dining room and bed-like sofa → bedroom.
        The label check found several wrong labels.""",
    "causes": """
        The drop in deployment is due to the lower brightness.
        The bed-like sofa causes the answer bedroom.
        Because of the cat, bathrooms are called bedroom.
        The model relies on the television for kitchen.
        The stools pull predictions towards kitchen.""",
    "references": """
        As [E10] shows, masking the cat has an effect of 31.9 points.
        Accuracy is 74.2 % [E77].
        F2 shows that bedroom loses 45.1 points.
        E10 confirms that the cat drives the answer kitchen.""",
    "numbers that contradict one another": """
        Accuracy is 74.2 % [76.3, 79.9].
        Contrast rises from 0.194 to 0.147.
        42.6 + 0.9 = 45.3 points for the stools.
        The gap of 22.5 points is smaller than the drop of 20.7 points.
        The error rate triples in deployment.
        The sofa was checked by a masking experiment.""",
    "names": """
        Rooms with a mirror fail more often.
        Images with carpet=red fail.
        The chandelier is a shortcut for dining_room.""",
}  # fmt: skip


def lines(cases: dict[str, str]) -> list[str]:
    return [line.strip() for text in cases.values() for line in text.strip().splitlines()]


@pytest.mark.parametrize("text", lines(HELD))
def test_what_the_record_holds_is_left_alone(checker: Checker, text: str) -> None:
    wrong = [(text[c.start : c.end], c.reason) for c in checker.check(text).unverified]
    assert not wrong


@pytest.mark.parametrize("text", lines(NOT_HELD))
def test_what_the_record_does_not_hold_is_marked(checker: Checker, text: str) -> None:
    checked = checker.check(text)
    assert checked.unverified
    assert UNVERIFIED in checked.marked()


@pytest.mark.parametrize(
    "text",
    [
        "Is F11 refuted?",
        "Does the model use the lamp?",
        "The television might be the reason for the bedroom answers.",
        "I propose to mask the plant next.",
    ],
)
def test_questions_and_suspicions_claim_nothing(checker: Checker, text: str) -> None:
    assert not checker.check(text).unverified


@pytest.mark.parametrize(
    ("part", "place", "supposed"),
    [
        ("I suspect that the lamp drives the answers.", "drives", True),
        ("Whether the lamp matters is open, but accuracy falls.", "falls", False),
        ("The border draws more saliency than its area would suggest.", "more", False),
        ("If you ask me, the cat is a cue.", "cue", False),
        ("Does the cat matter?", "matter", True),
        ("The hypothesis was confirmed by masking.", "confirmed", False),
    ],
)
def test_a_supposition_reaches_as_far_as_its_clause(part: str, place: str, supposed: bool) -> None:
    assert hedged(part, part.index(place)) is supposed


def test_what_nothing_bears_out_is_unverified_and_what_is_unknown_or_advised_is_not(checker: Checker) -> None:
    marked = checker.check("Having no television is a problem only for kitchens.").unverified
    assert [c.reason for c in marked] == ["nothing in the record bears this out"]
    for text in (
        "Nobody has established why the kitchens are a problem.",
        "Look at the kitchens with stools first.",
        "Perhaps the lamp matters for kitchens.",
    ):
        assert not checker.check(text).unverified


def test_a_grounded_sentence_gets_its_reference_and_a_cited_one_keeps_its_own(checker: Checker) -> None:
    assert checker.check("Mean confidence is 81.9 %.").marked() == "Mean confidence is 81.9 % [E4]."
    cited = "Mean confidence is 81.9 % [E4]."
    assert checker.check(cited).marked() == cited


def test_the_mark_stands_behind_what_is_wrong(checker: Checker) -> None:
    said = "In deployment accuracy is 35.3 %, really."
    assert checker.check(said).marked() == f"In deployment accuracy is 35.3 % {UNVERIFIED}, really."


def test_what_the_record_says_may_be_quoted_whole(checker: Checker) -> None:
    for evidence in checker.state.evidence:
        for text in (evidence.summary, *evidence.notes):
            wrong = [c for c in checker.check(text).unverified if c.kind == "number"]
            assert not wrong, (evidence.id, text)
    assert checker.check("The listed confusions hold 91.3 % of all errors.").unverified


def test_the_records_own_sentences_are_left_alone(checker: Checker) -> None:
    told = [t for e in checker.state.evidence for t in (e.summary, *e.notes, *e.next_steps)]
    told += [t for r in checker.state.records.values() for t in (r.finding.statement, r.finding.note)]
    said = [t[s.start : s.end] for t in told for s in sentences(t)]
    marked = [s for s in said if checker.check(s).unverified]
    assert len(said) > 100
    assert len(marked) <= 1, marked


@pytest.mark.parametrize(
    "text", ["I look at the images behind the largest confusion.", "Because you asked: the confusions."]
)
def test_words_that_only_sound_like_a_cause_claim_none(checker: Checker, text: str) -> None:
    assert not checker.check(text).claims


def test_a_pronoun_takes_up_what_was_spoken_of(checker: Checker) -> None:
    assert not checker.check("Bathroom is weak in deployment. Its recall is 20.3 % there.").unverified
    assert checker.check("Kitchen is weak in deployment. Its recall is 20.3 % there.").unverified


# Rates on the labelled sets, by part; floors of what is reached. The part that is called last_unread was counted once, when the rules
# were done, and nobody has read what fails there (do not write rules for it): 77 of the 99 altered flagged and 16 of the 99 true ones;
# with the rules as they were three hours before, 76 and 17. It says how the check does on sentences that nobody wrote rules for. Its
# author is that of the rules. The last ones by authors who never saw the check are unread_c and unread_d, counted before they were read:
# c 88/11, d 84/18 % (altered and true ones flagged); they have been read since. What was measured before a part was read:
#   authors (two authors who never saw the check), before any of them was read: a 82 % of the altered flagged and 7 % of the
#     true ones, b 75 % and 14 %; the half of b that was kept back until the other three halves had been worked through:
#     87 % and 22 %
#   rounds (sentences of the rules' own author, each round written without the check and measured before its failures were
#     read), altered and true: 1 83/20, 2 90/24, 3 76/34, 4 80/20, 5 70/28, 6 75/25, 7 true ones only 32, 8 80/20, 9 80/15, 10 78/18,
#     11 73/15, 12 82/14, 13 85/10, 14 85/28, 15 88/28 %;
#     the check as it was before the first of them: 63/10, 70/22, 52/18, 70/12, 48/20, 63/23, 17, 60/23, 78/15, 65/13, 65/23 %; as it
#     was before round 12: 12 82/14, 13 85/10, 14 82/28, 15 88/28 %
# What was tried besides rules, judged by leaving whole authors out: a logistic regression over about a hundred features (which kinds
# of claim stand and fail, how well each number fits, whether one recorded fact covers all that is named, signs multiplied) flags 87 %
# of the altered of unread_c and unread_d where it flags 15 % of the true ones (89 % if it may also use length and negation, habits
# of the authors), the rules by themselves 86; adding how often the sentence is flagged with one name swapped changes nothing; some 300
# turns of phrase put in plain words before the rules read them: +0.4 points.
FLOORS = {
    ("test", "true"): 215, ("test", "altered"): 220,
    ("dev", "true"): 107, ("dev", "altered"): 111,
    ("author_a", "true"): 118, ("author_a", "altered"): 119,
    ("author_b", "true"): 119, ("author_b", "altered"): 117,
    ("free_opened", "true"): 115, ("free_opened", "altered"): 106,
    ("free_counted", "true"): 25, ("free_counted", "altered"): 35,
    ("fresh_counted", "true"): 47, ("fresh_counted", "altered"): 57,
    ("fresh_opened", "true"): 57, ("fresh_opened", "altered"): 58,
    ("fresh_dev", "true"): 59, ("fresh_dev", "altered"): 68,
    ("more_dev", "true"): 71, ("more_dev", "altered"): 20,
    ("round_1", "true"): 58, ("round_1", "altered"): 56,
    ("round_2", "true"): 45, ("round_2", "altered"): 47,
    ("round_3", "true"): 48, ("round_3", "altered"): 44,
    ("round_4", "true"): 49, ("round_4", "altered"): 47,
    ("round_5", "true"): 35, ("round_5", "altered"): 37,
    ("round_6", "true"): 34, ("round_6", "altered"): 32,
    ("round_7", "true"): 54,
    ("round_8", "true"): 37, ("round_8", "altered"): 38,
    ("round_9", "true"): 35, ("round_9", "altered"): 34,
    ("round_10", "true"): 38, ("round_10", "altered"): 38,
    ("round_11", "true"): 38, ("round_11", "altered"): 35,
    ("written_along", "true"): 75, ("written_along", "altered"): 82,
    ("unread_c", "true"): 98, ("unread_c", "altered"): 97,
    ("unread_d", "true"): 138, ("unread_d", "altered"): 138,
    ("round_12", "true"): 47, ("round_12", "altered"): 47,
    ("round_13", "true"): 39, ("round_13", "altered"): 40,
    ("round_14", "true"): 37, ("round_14", "altered"): 36,
    ("round_15", "true"): 37, ("round_15", "altered"): 38,
    ("last_unread", "true"): 83, ("last_unread", "altered"): 77,
}  # fmt: skip
SIZES = {
    ("test", "true"): 218, ("test", "altered"): 223,
    ("dev", "true"): 109, ("dev", "altered"): 111,
    ("author_a", "true"): 120, ("author_a", "altered"): 120,
    ("author_b", "true"): 120, ("author_b", "altered"): 120,
    ("free_opened", "true"): 120, ("free_opened", "altered"): 112,
    ("free_counted", "true"): 30, ("free_counted", "altered"): 38,
    ("fresh_counted", "true"): 51, ("fresh_counted", "altered"): 61,
    ("fresh_opened", "true"): 59, ("fresh_opened", "altered"): 58,
    ("fresh_dev", "true"): 60, ("fresh_dev", "altered"): 68,
    ("more_dev", "true"): 73, ("more_dev", "altered"): 21,
    ("round_1", "true"): 59, ("round_1", "altered"): 59,
    ("round_2", "true"): 49, ("round_2", "altered"): 49,
    ("round_3", "true"): 50, ("round_3", "altered"): 50,
    ("round_4", "true"): 49, ("round_4", "altered"): 50,
    ("round_5", "true"): 40, ("round_5", "altered"): 40,
    ("round_6", "true"): 39, ("round_6", "altered"): 39,
    ("round_7", "true"): 60,
    ("round_8", "true"): 39, ("round_8", "altered"): 40,
    ("round_9", "true"): 39, ("round_9", "altered"): 39,
    ("round_10", "true"): 40, ("round_10", "altered"): 40,
    ("round_11", "true"): 40, ("round_11", "altered"): 40,
    ("written_along", "true"): 76, ("written_along", "altered"): 82,
    ("unread_c", "true"): 100, ("unread_c", "altered"): 100,
    ("unread_d", "true"): 150, ("unread_d", "altered"): 150,
    ("round_12", "true"): 49, ("round_12", "altered"): 50,
    ("round_13", "true"): 40, ("round_13", "altered"): 40,
    ("round_14", "true"): 39, ("round_14", "altered"): 40,
    ("round_15", "true"): 40, ("round_15", "altered"): 40,
    ("last_unread", "true"): 99, ("last_unread", "altered"): 99,
}  # fmt: skip


NEWEST = ("grounding_unread.jsonl", "grounding_later.jsonl")


@pytest.mark.parametrize(
    "names", [NEWEST, pytest.param(tuple(n for n in LABELLED if n not in NEWEST), marks=pytest.mark.slow)]
)
def test_the_rates_on_the_labelled_sentences_do_not_fall(checker: Checker, names: tuple[str, ...]) -> None:
    """Of 1,880 altered sentences that have been read 96 % are flagged, of 1,958 true ones 4 %; of the unread, 78 and 16 %."""
    right: Counter[tuple[str, str]] = Counter()
    seen: Counter[tuple[str, str]] = Counter()
    for name in names:
        raw = (DATA / name).read_bytes()
        assert hashlib.sha256(raw).hexdigest() == LABELLED[name]
        for line in raw.splitlines():
            case = json.loads(line)
            key = (case["part"], case["label"])
            seen[key] += 1
            right[key] += bool(checker.check(case["text"]).unverified) == (case["label"] == "altered")
    assert dict(seen) == {key: n for key, n in SIZES.items() if key in seen}
    short = {key: (right[key], FLOORS[key]) for key in seen if right[key] < FLOORS[key]}
    assert not short


WORDS = st.sampled_from(
    [
        "bathroom",
        "kitchens",
        "living_room",
        "with",
        "without",
        "television",
        "cat",
        "[E9]",
        "F1",
        "F11",
        "E44",
        "is",
        "than",
        ",",
        ".",
        "(",
        ")",
        "[",
        "]",
        "%",
        "points",
        "74.2",
        "+5",
        "half",
        "two",
        "more",
        "less",
        "often",
        "worst",
        "best",
        "deployment",
        "training",
        "recall",
        "precision",
        "because",
        "confirmed",
        "not",
        "taken",
        "for",
        "called",
        "from",
        "to",
        "and",
        "=",
        ";",
        ":",
        "n=3",
        "p",
        "<",
        "0.001",
        "1e9",
        "∞",
        "\x1b[31m",
        "\n",
        "-",
        "**",
        "😀",
        "television=yes",
        "sofa_style=x",
        "most",
        "lowest",
        "score",
        "masking",
        "all",
        "none",
    ]
)


@settings(max_examples=150, deadline=None)
@given(words=st.lists(WORDS, max_size=40))
def test_no_text_breaks_it_and_marks_only_add(checker: Checker, words: list[str]) -> None:
    text = " ".join(words)
    checked = checker.check(text)
    assert all(0 <= c.start <= c.end <= len(text) for c in checked.claims)
    assert all(c.ok or c.reason for c in checked.claims)
    rest = iter(checked.marked())
    assert all(letter in rest for letter in text)  # the text is still there, in order


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=200))
def test_any_characters_are_read(checker: Checker, text: str) -> None:
    checker.check(text)


def test_a_case_without_any_record_holds_no_number() -> None:
    empty = Checker(CaseState(), ("a", "b"), {})
    assert empty.check("Accuracy is 74.2 %.").unverified
    assert not empty.check("Hello. What do you expect of the model?").claims


def test_an_answer_is_checked_in_a_moment(checker: Checker) -> None:
    text = (
        " ".join(e.summary for e in checker.state.evidence[:2])
        + " Kitchens are right in 74.1 % of cases, bathrooms in 65.5 %; the television is a shortcut for living_room [E9]."
    )
    said = text + " So it is not ready."  # not a quotation as a whole
    checker.check(said)
    times = []
    for _ in range(5):
        start = time.process_time()
        checker.check(said)
        times.append(time.process_time() - start)
    assert min(times) < 0.15  # about 0.04 s on an idle machine


def test_a_long_answer_takes_time_in_proportion(checker: Checker) -> None:
    text = "Accuracy is 74.2 % on the evaluation images, and the television raises the living_room score. "
    checker.check(text)
    start = time.process_time()
    checker.check(text * 10)
    short = time.process_time() - start
    start = time.process_time()
    checker.check(text * 100)
    assert time.process_time() - start < 40 * short + 0.5


# --- the parts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("74.2 % [72.3, 75.9] of 2,250", [("percent", 74.2), ("percent", 72.3), ("percent", 75.9), ("plain", 2250)]),
        ("a drop of −5.0 points", [("points", -5.0)]),
        ("nine in ten, three quarters and half of them", [("percent", 90), ("percent", 75), ("percent", 50)]),
        ("twice as often, 2.7 times as often", [("ratio", 2.7), ("ratio", 2)]),
        ("96 × 96 pixels, E4, F1, [E12]", []),
        ("thirteen findings", [("plain", 13)]),
        ("the other half of the images; six", []),
        ("9.8 ms", [("seconds", 0.0098)]),
    ],
)  # fmt: skip
def test_numbers_are_read_with_their_units(text: str, values: list[tuple[str, float]]) -> None:
    assert [(n.family, pytest.approx(n.value)) for n in numbers(text)] == values


@pytest.mark.parametrize(
    ("said", "true", "holds"),
    [
        ("74.2 %", 74.18, True), ("74.2 %", 74.26, False), ("about 59 %", 59.8, True), ("close to 600", 581, True),
        ("about 65 %", 59.0, False), ("more than nine in ten", 92.8, True), ("more than nine in ten", 87.0, False),
        ("less than a third", 30.6, True), ("less than a fifth", 20.3, False),
    ],
)  # fmt: skip
def test_a_number_is_as_near_as_it_was_rounded(said: str, true: float, holds: bool) -> None:
    (number,) = numbers(said)
    assert number.near(true) == holds


def test_clauses_part_at_contrasts_but_not_in_brackets() -> None:
    text = "It is 41.4 % with it (interval, but wide) against 20.0 % elsewhere."
    (sentence,) = sentences(text)
    assert [text[a:b] for a, b in sentence.clauses] == [
        "It is 41.4 % with it (interval, but wide)",
        " against 20.0 % elsewhere.",
    ]


def test_names_are_found_as_people_write_them() -> None:
    lexicon = Lexicon.of(CLASSES, VALUES)
    found = lexicon.find("Living rooms without a television, and bathrooms with a shower, in use")
    assert found.classes == {"living_room", "bathroom"}
    assert found.values == {("television", "no"), ("bath_style", "shower")}
    assert found.splits == {"deploy"}
    assert not lexicon.find("the deployment pictures are plain").attributes  # images, and an everyday word
    assert lexicon.find("rooms with a picture").values == {("picture", "yes")}
    assert lexicon.find("annotator B").values == {("annotator", "B")}


def test_the_first_finding_is_not_the_f1_score() -> None:
    assert is_f1("an F1 of 76.4 %", 3)
    assert not is_f1("F1 is confirmed", 0)
    assert not is_f1("F6, F11 and F1 stand for", 12)


def test_quantities_are_told_apart_by_their_words() -> None:
    assert recorded("control_flip_rate") == "control_flip"
    assert recorded("standardised difference") == "standardised"
    assert recorded("drift_score") == "drift_score"
    assert says("drift_score", "the drift is 0.3")
    assert not says("precision", "the recall of bathroom")
    assert "recall" not in exclusive("the precision of bathroom")
