"""From a sentence to a tool call with the right arguments."""

from __future__ import annotations

from typing import Any

import pytest

from failsight.knowledge_base import Vocabulary, ask, load, route
from failsight.knowledge_base.arguments import directions, resolve
from failsight.knowledge_base.ask import text
from failsight.knowledge_base.rendering import fill
from failsight.knowledge_base.vocabulary import recognise

TOOLS = {
    "describe_case": (),
    "evaluate": ("split",),
    "confusion_matrix": ("true_class", "predicted_class", "top", "split"),
    "confidence_profile": ("class_name", "split"),
    "data_statistics": ("split", "class_name"),
    "find_slices": ("attributes", "within_class", "depth", "target"),
    "saliency": ("image", "class_name", "predicted_class", "where", "method"),
    "test_by_masking": ("region", "class_name", "where", "finding"),
    "propose_correction": ("finding",),
    "search_knowledge": ("query", "topic", "k"),
    "readiness": (),
}
CASE = Vocabulary(
    classes=("bathroom", "bedroom", "dining_room", "kitchen", "living_room"),
    attributes={"lighting": ("dark", "bright"), "style": ("tidy", "cluttered")},
    images=tuple(f"{c}/{c}_{i:04d}.png" for c in ("kitchen", "bedroom") for i in range(50)),
    tools=TOOLS,
    objects=("television", "stool", "cat", "table_lamp"),
    findings=("F1", "F2"),
    evidence=("E4",),
)


NAMES = {
    "class": "kitchen",
    "class2": "dining room",
    "image": "kitchen_0001.png",
    "image2": "bedroom_0002.png",
    "object": "television",
    "object2": "stool",
    "attribute": "lighting",
    "value": "dark",
    "finding": "F1",
}


@pytest.mark.parametrize(
    ("sentence", "tool", "arguments"),
    [
        ("How accurate is the model?", "evaluate", {}),
        ("what is the accuracy on the training set", "evaluate", {"split": "train"}),
        ("Which classes are confused most? top 5", "confusion_matrix", {"top": 5}),
        (
            "How often are kitchens predicted as dining rooms?",
            "confusion_matrix",
            {"true_class": "kitchen", "predicted_class": "dining_room"},
        ),
        (
            "how many DiningRooms are called kitchen",
            "confusion_matrix",
            {"true_class": "dining_room", "predicted_class": "kitchen"},
        ),
        ("is it overconfident about bedrooms?", "confidence_profile", {"class_name": "bedroom"}),
        ("how many images per class", "data_statistics", {}),
        ("show me some bathroom pictures", "data_statistics", {"class_name": "bathroom"}),
        ("on what kind of kitchens does it fail", "find_slices", {"within_class": "kitchen"}),
        ("does lighting affect the error rate", "find_slices", {"attributes": ["lighting"]}),
        ("explain kitchen_0012.png", "saliency", {"image": "kitchen/kitchen_0012.png"}),
        (
            "show the grad-cam heatmap of bedroom_0003",
            "saliency",
            {"image": "bedroom/bedroom_0003.png", "method": "grad_cam"},
        ),
        ("what does it look at for living rooms", "saliency", {"class_name": "living_room"}),
        (
            "why was kitchen_0001.png predicted living room instead of kitchen",
            "saliency",
            {"image": "kitchen/kitchen_0001.png", "predicted_class": "living_room", "class_name": "kitchen"},
        ),
        (
            "does the model use the television to recognise living rooms",
            "test_by_masking",
            {"region": "box:television", "class_name": "living_room"},
        ),
        (
            "does it rely on the stols for kitchen",
            "test_by_masking",
            {"region": "box:stool", "class_name": "kitchen"},
        ),
        (
            "mask the table lamps and see whether the bedroom score drops",
            "test_by_masking",
            {"region": "box:table_lamp", "class_name": "bedroom"},
        ),
        (
            "does it rely on the border of the image for bathrooms",
            "test_by_masking",
            {"region": "border:0.1", "class_name": "bathroom"},
        ),
        ("how can I fix F2", "propose_correction", {"finding": "F2"}),
        ("is the model ready to deploy", "readiness", {}),
    ],
)
def test_a_sentence_becomes_a_call(sentence: str, tool: str, arguments: dict[str, Any]) -> None:
    found = route(sentence, CASE)
    assert found.call == {"tool": tool, "arguments": arguments}, found.questions[:3]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("kitchens called living room", ("kitchen", "living_room")),
        ("living room instead of kitchen", ("kitchen", "living_room")),
        ("why does it say bedroom and not bathroom", ("bathroom", "bedroom")),
        ("bedrooms are mistaken for living rooms", ("bedroom", "living_room")),
        ("what is predicted as kitchen", (None, "kitchen")),
        ("false positives of bathroom", (None, "bathroom")),
        ("what does it predict instead of kitchen", ("kitchen", None)),
        ("what do kitchens get confused with", ("kitchen", None)),
        ("nothing here", (None, None)),
    ],
)
def test_the_direction_of_a_confusion(sentence: str, expected: tuple[str | None, str | None]) -> None:
    assert directions(recognise(sentence, CASE)) == expected


@pytest.mark.parametrize(
    ("typed", "role", "name"),
    [
        ("dining rooms", "class", "dining_room"),
        ("Dining-Room", "class", "dining_room"),
        ("diningroom", "class", "dining_room"),
        ("LivingRooms", "class", "living_room"),
        ("kitchn", "class", "kitchen"),
        ("televison", "object", "television"),
        ("stools", "object", "stool"),
        ("table lamps", "object", "table_lamp"),
        ("f1", "finding", "F1"),
        ("E4", "evidence", "E4"),
        ("lighting", "attribute", "lighting"),
        ("cluttered", "value", "style=cluttered"),
        ("kitchen/kitchen_0001.png", "image", "kitchen/kitchen_0001.png"),
        ("KITCHEN_0001.PNG", "image", "kitchen/kitchen_0001.png"),
    ],
)
def test_names_are_recognised(typed: str, role: str, name: str) -> None:
    found = recognise(f"tell me about {typed}, will you?", CASE).found
    assert [(m.role, m.name) for m in found] == [(role, name)]


def test_everyday_names_of_things_are_recognised() -> None:
    """The case's own words come first: where something is called TV, it is that."""
    assert [m.name for m in recognise("hide the TVs and the telly", CASE).found] == [
        "television",
        "television",
    ]
    own = Vocabulary(objects=("tv", "television"))
    assert [m.name for m in recognise("hide the TV", own).found] == ["tv"]
    assert recognise("hide the couch", CASE).found == ()  # the case has neither sofa nor couch


@pytest.mark.parametrize("typed", ["chitchat", "stop", "car", "bath", "cats_and_dogs.xyz", "kit", "style3"])
def test_no_name_is_guessed(typed: str) -> None:
    assert recognise(f"look at {typed}", CASE).found == ()


def test_an_unknown_picture_is_noticed() -> None:
    assert recognise("explain holiday_99.jpg", CASE).unknown_images == ("holiday_99.jpg",)


def test_ten_thousand_images_are_no_burden() -> None:
    import time

    many = Vocabulary(images=tuple(f"c/{i:06d}.jpg" for i in range(100_000)))
    recognise("warm up 000001.jpg", many)
    start = time.perf_counter()
    found = recognise("why is 004711.jpg wrong", many)
    assert time.perf_counter() - start < 0.2
    assert found.of("image") == ["c/004711.jpg"]


def test_a_tool_that_does_not_exist_yet_is_passed_over() -> None:
    sentence = "what does it look at for kitchens"
    later = Vocabulary(classes=CASE.classes, tools={**TOOLS, "cue_profile": ("class_name",)})
    assert route(sentence, later).call == {"tool": "cue_profile", "arguments": {"class_name": "kitchen"}}
    assert route(sentence, CASE).call == {"tool": "saliency", "arguments": {"class_name": "kitchen"}}
    none = route(sentence, Vocabulary(classes=CASE.classes, tools={"readiness": ()}))
    assert none.call is None


def test_calls_name_only_arguments_that_the_tool_takes() -> None:
    for entry in load().of_kind("question"):
        for phrase in entry.aliases:
            call = resolve(entry, recognise(fill(phrase, NAMES), CASE), CASE)
            if call is not None:
                assert set(call["arguments"]) <= set(TOOLS[call["tool"]]), phrase


def test_what_is_off_the_subject_is_said_to_be() -> None:
    found = ask("what should I cook for dinner tonight", CASE)
    assert found["off_topic"]
    assert found["call"] is None
    assert not found["asks_back"]


def test_doubt_is_asked_about() -> None:
    found = route("hmm the thing with the stuff over there", CASE)
    assert found.off_topic or found.asks_back
    assert found.call is None


def test_asking_back_names_the_nearest_questions() -> None:
    doubtful = (
        route(s, CASE)
        for s in ("what about the pictures", "and the features?", "is that so", "the class then", "model?")
    )
    asked = [r for r in doubtful if r.asks_back]
    assert asked
    for found in asked:
        assert found.answer.count("(") >= 2
        assert found.questions[0].title in found.answer


def test_the_shape_of_an_answer() -> None:
    found = ask("does the model use the television for living rooms", CASE)
    assert set(found) == {"off_topic", "asks_back", "questions", "call", "answer", "sources"}
    assert found["questions"][0].keys() == {"id", "topic", "score", "title"}
    scores = [q["score"] for q in found["questions"]]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= s <= 1 for s in scores)
    said = text(found)
    assert "Measure it: test_by_masking class_name=living_room region=box:television" in said
    assert "Balayn et al., CHI 2023" in said


def test_a_term_is_explained() -> None:
    found = ask("what does calibration mean?", CASE)
    assert "Agreement of confidence" in found["answer"]
    assert found["call"] is None  # words answer it; nothing is to be measured or looked up


@pytest.mark.parametrize(
    "sentence",
    ["", " ", "?", "\x1b[31m\x00", "🙂" * 500, "a" * 100_000, "{class} {image}", "C0 instead of C1"],
)
def test_no_sentence_breaks_it(sentence: str) -> None:
    found = ask(sentence, CASE)
    assert isinstance(found["answer"], str)
