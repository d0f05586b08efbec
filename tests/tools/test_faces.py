"""The text of an evidence for planners: its images without names of files, statements whole, sentences cut between words."""

from __future__ import annotations

import pytest

from failsight.tools.evidence import Evidence, Finding, ImageRef
from failsight.tools.faces import MOST_IMAGES, evidence_text
from failsight.tools.text import SENTENCE, clean


def shown(n: int) -> Evidence:
    images = tuple(
        ImageRef("data", i, f"/photos/secret_{i}.jpg", "front", "back", 0.833, "dark" if i == 2 else "")
        for i in range(n)
    )
    return Evidence("show_images", "Images", "Some.", images=images, notes=("One note.",), id="E19")


def test_each_image_is_listed_with_label_answer_and_confidence_and_no_name_of_a_file() -> None:
    lines = evidence_text(shown(3), 3_000).split("\n")
    assert lines[2:5] == [
        "E19#1: front answered back, confidence 83.3 %",
        "E19#2: front answered back, confidence 83.3 %",
        "E19#3: front answered back, confidence 83.3 %; dark",
    ]
    assert lines[5] == "note: One note."
    assert "secret" not in "".join(lines)


def test_beyond_a_dozen_images_their_number_is_said() -> None:
    text = evidence_text(shown(MOST_IMAGES + 3), 10_000)
    assert f"E19#{MOST_IMAGES}:" in text and f"E19#{MOST_IMAGES + 1}:" not in text
    assert "3 more images" in text


def test_a_statement_is_told_whole() -> None:
    said = (
        "The accuracy drops. "
        + "Deployment images are darker; " * 20
        + "and more upright: median 1 against 1.5."
    )
    made = Evidence(
        "shift",
        "Shift",
        "It drops.",
        findings=(Finding("distribution_shift", "correctness", "data_statistics", said),),
    )
    assert "median 1 against 1.5." in evidence_text(made, 3_000)


@pytest.mark.parametrize("limit", range(SENTENCE, SENTENCE + 40))
def test_a_sentence_is_cut_between_words_and_fits(limit: int) -> None:
    words = "darker and more upright with a median of the brightness " * 4
    cut = clean(words, limit)
    assert len(cut) <= limit and cut.endswith(" …")
    assert set(cut[:-2].split()) <= set(words.split())


def test_a_long_name_is_cut_where_it_has_to_be() -> None:
    assert clean("a_name_of_a_class_without_any_end", 12) == "a_name_of_a…"
    assert clean("x" * 300, 200) == "x" * 199 + "…"
