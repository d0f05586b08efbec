"""Prompts for missing pictures: known sentences, hostile names, and what a language model may change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsight.tools.repair.prompts import Wanted, polished, prompt, with_article
from failsight.tools.text import clean


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted("dining_room"), "a photo of a dining room"),
        (Wanted("kitchen", {"television": "yes"}), "a photo of a kitchen with a television"),
        (
            Wanted("living_room", {"television": "no", "stools": "yes"}),
            "a photo of a living room with stools without a television",
        ),
        (Wanted("dog", {"number": "several", "colour": "black"}), "a photo of several, black dog"),
        (
            Wanted("dog", {"has_person": "yes", "background": "snow"}),
            "a photo of a dog with a person, in a snow background",
        ),
        (Wanted("bathroom", {"lighting": "dark"}), "a photo of a dark bathroom"),
        (Wanted("bedroom", {"bed_style": "bunk"}), "a photo of a bedroom with a bunk bed"),
        (Wanted("bedroom", {"floor": "tile"}), "a photo of a bedroom, tile floor"),
    ],
)
def test_a_prompt_puts_every_value_where_it_reads_well(wanted: Wanted, said: str) -> None:
    assert prompt(wanted) == said


def test_an_attributes_own_phrases_are_used_where_its_name_makes_no_words() -> None:
    phrases = {"floor": {"tile": ("a tiled floor",)}}
    assert prompt(Wanted("bedroom", {"floor": "tile"}), phrases) == "a photo of a bedroom, a tiled floor"


def test_articles() -> None:
    made = [with_article(n) for n in ("oven", "cat", "stools", "glass", "a cat", "two cats")]
    assert made == ["an oven", "a cat", "stools", "a glass", "a cat", "two cats"]


@given(
    st.text(max_size=60), st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=20), max_size=3)
)
def test_names_from_data_never_break_a_prompt(name: str, values: dict[str, str]) -> None:
    said = prompt(Wanted(name, values))
    assert said.startswith("a photo of") and "\n" not in said and "{" not in said
    assert said == clean(said, 10_000)


def test_better_words_are_taken_when_they_keep_class_and_values() -> None:
    wanted = [Wanted("kitchen", {"television": "yes"}), Wanted("living_room", {"television": "no"})]
    plain = [prompt(w) for w in wanted]
    said, kept = polished(
        plain,
        wanted,
        lambda _: ["A sunny kitchen where a television hangs", "A living room without any television"],
    )
    assert said == ["A sunny kitchen where a television hangs", "A living room without any television"]
    assert kept == 0


@pytest.mark.parametrize(
    "answer",
    [
        ["a nice room"],  # lost everything
        ["a kitchen with a plant"],  # lost the cue
        ["a kitchen with a television " + "very " * 100],  # ran on
        [],
        ["a", "b"],
    ],
)
def test_words_that_lost_what_matters_are_refused(answer: list[str]) -> None:
    wanted = [Wanted("kitchen", {"television": "yes"})]
    said, kept = polished([prompt(wanted[0])], wanted, lambda _: answer)
    assert said == ["a photo of a kitchen with a television"] and kept == 1


def test_a_language_model_that_fails_costs_nothing() -> None:
    def fails(_: object) -> list[str]:
        raise TimeoutError

    wanted = [Wanted("kitchen")]
    assert polished(["a photo of a kitchen"], wanted, fails) == (["a photo of a kitchen"], 1)


def test_a_cue_that_must_be_absent_stays_absent_in_better_words() -> None:
    wanted = [Wanted("kitchen", {"television": "no"})]
    said, kept = polished([prompt(wanted[0])], wanted, lambda _: ["a kitchen with a television"])
    assert said == ["a photo of a kitchen without a television"] and kept == 1
