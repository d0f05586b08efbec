"""What strong language models said in whole dialogues over other cases: names, reasons, arithmetic and sweeping sentences."""

from __future__ import annotations

import json
import shutil

import pytest

from failsight.agent.grounding import Checker
from failsight.agent.grounding.about import finding_names, slice_of
from failsight.agent.grounding.conditions import beyond
from failsight.agent.grounding.lexicon import CAUSE
from failsight.agent.grounding.names import Lexicon, Names
from failsight.agent.grounding.numbers import numbers, sentences
from failsight.agent.grounding.reading import read
from failsight.agent.grounding.reasons import names_no_cause
from failsight.agent.grounding.reckoning import Ledger, whole_sets
from failsight.agent.grounding.scope import Scope
from failsight.agent.grounding.strangers import strangers
from failsight.agent.grounding.unmeasured import Unmeasured
from failsight.agent.journal import Journal
from failsight.agent.state import Said, fold
from failsight.tools.evidence import Finding
from tests.agent.test_grounding import CLASSES, DATA
from tests.agent.test_grounding_spoken import SPOKEN_VALUES


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Checker:
    folder = tmp_path_factory.mktemp("case")
    shutil.copy(DATA / "spoken_journal.jsonl", folder / "journal.jsonl")
    last = max(json.loads(r)["seq"] for r in (DATA / "grounding_spoken.jsonl").read_text().splitlines())
    events = Journal(folder, write=False).events
    return Checker(fold(e for e in events if e.seq <= last), CLASSES, SPOKEN_VALUES)


@pytest.mark.parametrize(
    "text",
    [
        # reasons for one's own conduct, for what can't be known, and what is counted
        "I leave out F20 on purpose, because its own test came out against it.",
        "The training labels cannot be judged from this model, because it learnt from them.",
        "The errors come from bathrooms (155), living rooms (148) and kitchens (117) [E2].",
        # what is advised or demanded
        "What I would need from you: about 50 labelled pictures of your users.",
        "No single repair reaches 90 % on the evaluation images.",
        # arithmetic on counts
        "90 % of the 2,250 evaluation images would be 2,025.",
        "On the evaluation images 581 of 2,250 are wrong [E2].\n\n| if this were solved | errors gone | accuracy then |\n|---|---|---|\n"
        "| bathroom taken for kitchen | 72 | 77.4 % |\n| bathroom taken for living room | 62 more | 80.1 % |",
        "| | bathroom | kitchen |\n|---|---|---|\n| taken for the other [E2] | 72 | 6 |",
        # a topic, and a refuted hypothesis in its own words
        "**Leakage:** negligible.",
        "- The model is fed wrongly: another input pipeline than the declared one does better (F20, refuted).",
    ],
)  # fmt: skip
def test_what_is_right_is_left_alone(checker: Checker, text: str) -> None:
    assert [(text[c.start : c.end], c.reason) for c in checker.check(text).unverified] == []


@pytest.mark.parametrize(
    "text",
    [
        "Precision is higher than recall for every class.",
        "Its mistakes are evenly spread over the classes.",
        "The calibration was found to be in order.",
        "On the evaluation images bathroom is still ahead of bedroom.",
        "The errors of bathroom go mainly to bedroom.",
        "The pull of the television is probably chance.",
        "The model can be used for bathrooms and bedrooms, where it is right in more than 80 % of the pictures.",
        # the principles above stop where the record does
        "I would say it misses 312 of the bathrooms.",
        "Covering 40 % of the picture lowers the score of kitchen [E10].",
        "It fails in use, because the network has learnt colour rather than shape.",
        "The errors come from the bad labels of bathrooms.",
        "90 % of the 2,250 evaluation images would be 2,052.",
        "| | bathroom | kitchen |\n|---|---|---|\n| taken for the other [E2] | 6 | 72 |",
        "| if this were solved | errors gone | accuracy then |\n|---|---|---|\n| bathroom taken for kitchen [E2] | 72 | 79.4 % |",
        "The model is fed wrongly: another input pipeline than the declared one does better (F20).",
    ],
)  # fmt: skip
def test_what_is_wrong_is_marked(checker: Checker, text: str) -> None:
    assert checker.check(text).unverified


def test_a_class_written_as_two_words_is_found() -> None:
    lexicon = Lexicon.of(("Frontyard", "LivingRoom", "bus"), {})
    assert lexicon.find("front-yard photos, and living rooms").classes == {"Frontyard", "LivingRoom"}
    assert not lexicon.find("in front of the yard").classes


def test_a_value_is_known_without_its_bounds_and_a_factor_is_no_attribute() -> None:
    lexicon = Lexicon.of(("a", "b"), {"symmetry": ("symmetric (≥ 0.537)",), "time": ("day", "night")})
    assert not lexicon.unknown("symmetry=symmetric (≥ 0.537)")
    assert lexicon.unknown("symmetry=round")
    assert lexicon.find("symmetry=symmetric").values == {("symmetry", "symmetric (≥ 0.537)")}
    assert not lexicon.find("three times as often").attributes
    assert lexicon.find("the day images").values == {("time", "day")}


def test_a_split_and_a_region_of_a_slice_are_no_attributes() -> None:
    lexicon = Lexicon.of(("ship",), {"border": ()})
    region = Finding(
        "spurious_correlation", "prediction", "data", "…", {"region": "border:0.2"}, class_name="ship"
    )
    split = Finding("leakage", "correctness", "data", "…", {"split": "deploy"})
    assert slice_of(region, lexicon) == {"border": "yes"}
    assert finding_names(split, lexicon).splits == {"deploy"}
    assert not finding_names(split, lexicon).attributes


def test_names_that_overlap_leave_the_other_words_of_a_label_whole() -> None:
    lexicon = Lexicon.of(("a",), {"split": ("deploy",)})
    assert beyond("split=deploy, confidence least 0.95", lexicon) == ("confidence", "least", "0.95")


def test_a_sentence_may_begin_with_a_small_letter_behind_a_reference() -> None:
    text = "It is right in 27.5 % [E20]. automobile is at 97.1 % [E19]."
    assert [text[s.start : s.end] for s in sentences(text)] == [
        "It is right in 27.5 % [E20].",
        "automobile is at 97.1 % [E19].",
    ]


def test_all_images_and_wrong_ones_come_from_the_accuracy(checker: Checker) -> None:
    assert (2250.0, 581.0) in [(float(n), float(w)) for n, w in whole_sets(checker.atoms)]
    assert Ledger().computed() == {}


def strange(text: str, *, looked: bool) -> list[str]:
    (sentence,) = sentences(text)
    lexicon = Lexicon(("kitchen", "bathroom"), {"cat": {"yes", "no"}})
    at = read(text, sentence, lexicon, Names())
    return [text[a:b] for a, b, _ in strangers(at, lexicon, looked=looked)]


def test_what_is_only_described_of_pictures_that_were_looked_at_is_no_attribute() -> None:
    described = "It is plainly a kitchen with a zebra in it, answered bathroom."
    assert strange(described, looked=True) == [] and strange(described, looked=False) == ["zebra"]
    for text in (
        "Photos with a zebra fail in 40 %.",
        "Photos with a zebra fail more often.",
        "The model relies on the zebra.",
    ):
        assert strange(text, looked=True) == ["zebra"]


def test_a_place_in_a_picture_is_no_attribute_and_the_last_noun_is_the_thing() -> None:
    assert strange("I covered the place where it stands in 106 photos.", looked=False) == []
    assert strange("Photos with a long vanity top fail in 40 %.", looked=False) == []
    assert strange("Photos with a wooden zebra fail in 40 %.", looked=False) == ["wooden zebra"]


def test_a_limit_in_the_words_of_the_person_is_known() -> None:
    text = "Where people skip checking above 90 %, some would slip through."
    (sentence,) = sentences(text)
    number = next(iter(numbers(text)))
    lexicon = Lexicon(("kitchen",), {})
    at = read(text, sentence, lexicon, Names())
    state = fold(())
    state.said = [Said("person", "We skip checking above 90 %.", 1)]
    assert Unmeasured(state)(number, at, Scope())
    state.said = [Said("person", "We skip checking below 90 %.", 1)]
    assert not Unmeasured(state)(number, at, Scope())


def test_a_value_with_both_ends_of_its_interval_is_that_of_one_fact(checker: Checker) -> None:
    def marked(text: str) -> list[str]:
        return [text[c.start : c.end] for c in checker.check(text).unverified]

    assert marked("It comes to +31.9 points [+29.0, +35.0].") == []
    assert marked("It comes to +31.9 points [+29.0, +36.0].")
    assert marked("It comes to +32.9 points [+29.0, +35.0].")
    assert marked("On deployment images it comes to +31.9 points [+29.0, +35.0].")  # named for something else


def test_a_cause_that_is_denied_or_refuted_is_none() -> None:
    def denied(part: str) -> bool:
        match = CAUSE.search(part)
        assert match is not None
        return names_no_cause(part, match)

    assert denied("There is an effect, but far too small to explain the errors.")
    assert denied("| flash makes it fail (F5) | refuted | none |")
    assert not denied("| flash makes it fail (F5) | confirmed | none |")
    assert not denied("The effect is small, but the flash explains the errors.")


def test_what_a_goal_takes_and_how_many_are_missing(checker: Checker) -> None:
    text = "On the evaluation images 581 of 2,250 are wrong [E2]. To reach 90 %, {} more have to be right."
    assert not checker.check(text.format(356)).unverified
    assert checker.check(text.format(366)).unverified
