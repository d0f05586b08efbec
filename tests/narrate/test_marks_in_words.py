"""A mark that was found by its look is told as a mark, never as the region that finds it."""

from __future__ import annotations

import pytest

from failsight.agent.narrate.phrases import about
from failsight.agent.narrate.plain import for_users, which
from failsight.agent.ui.words import finding_label
from failsight.tools.evidence import Finding
from failsight.tools.text import colour_words, condition


def marked(region: str) -> Finding:
    return Finding(
        "spurious_correlation", "features", "data_content", "The model takes a mark for a sign of cat.",
        slice={"region": region}, class_name="cat", n=40, error_rate=0.5, base_error_rate=0.1, ci=(0.4, 0.6), verdict="confirmed",
    )  # fmt: skip


@pytest.mark.parametrize(
    "region", ["like:train/12,0.7,0.7,0.9,0.9", "like:data/3,frame:0.07", "colour:h350-10,s0.4-1"]
)
def test_no_region_stands_in_what_people_read(region: str) -> None:
    finding = marked(region)
    for text in (about(finding), which(finding), for_users(finding), finding_label(finding)):
        assert "the mark" in text and "like:" not in text and "region" not in text and "frame:" not in text


def test_conditions_of_other_names_stay_as_they_are() -> None:
    assert condition("camera", "phone") == "camera = phone"
    assert condition("region", "box:lamp", "=") == "region=box:lamp"
    assert condition("camera", "like:train/1") == "camera = like:train/1"
    assert condition("region", "like:deploy/7,0,0,1,1") == "the mark (as in deployment picture 7)"


@pytest.mark.parametrize(
    ("code", "words"),
    [("s0.00-0.04,v0.81-1.00", "white"), ("s0-0.2,v0-0.2", "black"), ("h350-10,s0.4-1", "red"), ("h200-250,s0.5-1,v0.2-1", "blue"),
     ("red", "red"), ("s0.6-1.0", "of strong colour"), ("v0.2-0.4", "of one brightness"), ("h,s-,v--", "h,s-,v--"), ("", "")],
)  # fmt: skip
def test_the_code_of_a_colour_is_told_in_words(code: str, words: str) -> None:
    assert colour_words(code) == words
    assert condition("region", f"colour:{code}") == f"the mark ({words})"
