"""Regions in plain words become regions as the experiments write them."""

from __future__ import annotations

import pytest

from failsight.knowledge_base.places import place, written
from failsight.tools.experiments.regions import parse_region


@pytest.mark.parametrize(
    ("sentence", "region"),
    [
        ("does it rely on the red parts?", "colour:red"),
        ("would it still say kitchen without everything white", "colour:white"),
        ("does it go by the colour green?", "colour:green"),
        ("does it use the brown segments", "segment:brown"),
        ("does the model use the most salient segment for kitchen", "segment:salient1"),
        ("does it use the most salient 10 % of the pixels", "saliency:top10%"),
        ("mask the most salient parts", "saliency:top20%"),
        ("is the most salient place used", "saliency:place10%"),
        ("cover what is at 0.4, 0.6", "click:0.4,0.6"),
        ("does it look at the segment at (0.5, 0.25)", "segment:0.5,0.25"),
        ("is the answer based on the corners of the image", "corners:0.2"),
        ("does it use segment:red/100?", "segment:red/100"),
        ("mask colour:h350-10,s0.4-1.", "colour:h350-10,s0.4-1"),
        ("use object:Television@0.8, please", "object:Television@0.8"),
        ("what about mask:Masks/TV=3", "mask:Masks/TV=3"),
        ('test text:"a red Cushion"', "text:a red Cushion"),
        ("grid:1,4/4x4 for kitchen", "grid:1,4/4x4"),
        ("I think it uses the red SOLD sticker at the lower left to say kitchen", "colour:red"),
        ("it goes by the yellow label for kitchen", "colour:yellow"),
        ("I think it uses red to say kitchen", "colour:red"),
        ("I think it uses the lower left corner to say kitchen", "rect:0,0.7,0.3,1"),
        ("does it look at the top right?", "rect:0.7,0,1,0.3"),
        ("maybe it knows kitchens by the logo at the bottom", "rect:0,0.75,1,1"),
        ("it goes by the left edge", "rect:0,0,0.25,1"),
    ],
)
def test_a_sentence_names_a_region(sentence: str, region: str) -> None:
    assert place(sentence) == region
    parse_region(region, {}, ("kitchen",))


@pytest.mark.parametrize(
    "sentence",
    [
        "does the red room matter",
        "why is accuracy 0.4 for kitchens",
        "is it ready?",
        "",
        "at 5, 6 o'clock",
        "what is at the top of the list",
        "is that the right part",
    ],
)
def test_other_sentences_name_none(sentence: str) -> None:
    assert place(sentence) is None
    assert written("mask:colour:red") == "colour:red"
