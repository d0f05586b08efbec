"""From a sentence to the edits of one picture, and images by their row numbers."""

from __future__ import annotations

import pytest

from failsight.knowledge_base import Vocabulary
from failsight.knowledge_base.arguments import unknown_images, values
from failsight.knowledge_base.vocabulary import recognise

CASE = Vocabulary(
    classes=("kitchen", "living_room"),
    attributes={"lighting": ("dark", "bright")},
    images=("dark_room_01.png", *(f"img_{i:04d}.png" for i in range(1, 50))),
    objects=("television", "table_lamp"),
    evidence=("E4",),
)


@pytest.mark.parametrize(
    ("sentence", "edits"),
    [
        ("what if #3 were darker", "brightness:-50"),
        ("what if #3 was 30 % darker", "brightness:-30"),
        ("what if #3 was brighter by 20 percent and rotated by ten degrees", "brightness:20; rotate:10"),
        ("how would the output change if #3 were half as bright", "brightness:-50"),
        ("blur #3, then make it black and white", "blur; grey"),
        ("rotate #3 by 25 degrees", "rotate:25"),
        ("what if #3 was 30 % darker and had 50 % more contrast", "brightness:-30; contrast:50"),
        ("what if #3 was 30 % darker and blurred", "brightness:-30; blur"),
        ("blur #3 by 5 % and rotate it by -20 degrees", "blur:5; rotate:-20"),
        ("rotate #3 clockwise by 20 degrees", "rotate:-20"),
        ("rotate #3 counter-clockwise by 20 degrees", "rotate:20"),
        ("what if #3 had jpeg quality 10", "jpeg:10"),
        ("make #3 2000 % brighter", "brightness:2000"),
        ("suppose I turn #3 upside down", "rotate:180"),
        ("what if #3 is mirrored", "flip:horizontal"),
        ("zoom out of #3", "zoom:-33"),
        ("what if #3 had less contrast", "contrast:-50"),
        ("what if #3 was compressed", "jpeg"),
        ("what if I take the television out of #3", "mask:box:television"),
        ("would it still say kitchen for #3 without the table lamp", "mask:box:table_lamp"),
        ("what if I cover the corners of #3", "mask:corners:0.2"),
        ("what would it predict for dark_room_01.png", None),
        ("would the answer for #3 flip", None),
        ("compare #3 and #7", None),
        ("what does it say about a living room with a television", None),
    ],
)
def test_what_a_sentence_does_to_a_picture(sentence: str, edits: str | None) -> None:
    assert values(recognise(sentence, CASE)).get("edits") == edits


@pytest.mark.parametrize("sentence", ["what if #3 were darker; blur", "rotate #3 by 25 degrees", "crop #3"])
def test_the_tool_reads_what_was_read_from_the_sentence(sentence: str) -> None:
    from failsight.tools.experiments.what_if_edits import parse_edits

    edits = values(recognise(sentence, CASE))["edits"]
    assert parse_edits(edits, lambda _: lambda p: p, lambda _, __: lambda p: p)


@pytest.mark.parametrize(
    ("sentence", "images"),
    [
        ("compare #3 and #7", ["img_0003.png", "img_0007.png"]),
        ("which training images are nearest to #12?", ["img_0012.png"]),
        ("why do image 12 and image 40 get different outcomes", ["img_0012.png", "img_0040.png"]),
        ("explain E4#2", ["E4#2"]),
        ("explain img_0012 and #012", ["img_0012.png"]),
        ("#50 and image 5000 do not exist", []),
        ("show the top 12", []),
        ("sample 30 images of a kitchen", []),
        ("is 12 % of the images wrong", []),
        ("explain E9#2", []),
    ],
)
def test_images_are_known_by_their_numbers(sentence: str, images: list[str]) -> None:
    assert recognise(sentence, CASE).of("image") == images


def test_images_that_are_not_there_are_told_from_those_of_other_splits() -> None:
    def lacking(sentence: str) -> list[str]:
        return unknown_images(recognise(sentence, CASE))

    assert lacking("nearest to #50, #3 and holiday.png") == ["#50", "holiday.png"]
    assert lacking("compare train #400 with #3") == lacking("explain E9#2") == []


def test_a_number_is_replaced_by_general_words() -> None:
    assert recognise("compare image 3 and #7", CASE).masked == "compare this image and the other image"


@pytest.mark.parametrize(
    ("sentence", "image"),
    [
        ("what if training image #12 was darker", "train:#12"),
        ("which images are nearest to train:#7", "train:#7"),
        ("which training images are nearest to #12", "img_0012.png"),
        ("explain deployment picture #400", "deploy:#400"),
    ],
)
def test_a_number_of_another_split_is_said_to_be_one(sentence: str, image: str) -> None:
    assert values(recognise(sentence, CASE))["image"] == image


@pytest.mark.parametrize(
    ("sentence", "pair"),
    [
        ("compare #3 with train #5", ("img_0003.png", "train:#5")),
        ("compare train:#5 and #3", ("train:#5", "img_0003.png")),
        ("compare train:#5 and train:#6", ("train:#5", "train:#6")),
        ("compare image 3 with image 7 of the training set", ("img_0003.png", "train:#7")),
    ],
)
def test_two_images_keep_their_splits_and_their_order(sentence: str, pair: tuple[str, str]) -> None:
    found = values(recognise(sentence, CASE))
    assert (found["image"], found["image2"]) == pair
