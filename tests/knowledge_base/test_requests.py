"""Which tool a sentence asks for, and what it says of the tool's arguments."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failsight.knowledge_base import heads, requests, route, routing
from failsight.knowledge_base.arguments import values
from failsight.knowledge_base.details import details, digits, split_of
from failsight.knowledge_base.requests import FILE, OFF, WORDS, lacking, meant
from failsight.knowledge_base.search import load
from failsight.knowledge_base.store import shipped
from failsight.knowledge_base.vocabulary import Vocabulary, recognise
from failsight.tools.registry import registry

TOOLS = {s.name: tuple(s.arguments.model_fields) for s in registry().values()}
CASE = Vocabulary(
    classes=("bathroom", "bedroom", "kitchen", "living_room"),
    attributes={"lighting": ("dark", "soft"), "camera": ("phone", "slr"), "plant": ("yes", "no")},
    objects=("television", "stool", "plant"),
    images=tuple(f"{i}.png" for i in range(50)),
    tools=TOOLS,
    findings=("F1", "F2"),
)


def said(tool: str, sentence: str) -> dict[str, Any]:
    mentions = recognise(sentence, CASE)
    return details(tool, mentions, values(mentions), dict.fromkeys(TOOLS[tool]))


def test_the_heads_were_trained_on_these_requests() -> None:
    """If this fails: python -m failsight.knowledge_base.fit_tools"""
    trained = heads.heads(FILE)
    assert trained.stamp == requests.stamp([e for e in shipped() if e.kind == "question"])
    assert {tool for tool, _ in requests.requests()} <= set(trained.classes)


def test_every_tool_has_requests() -> None:
    counts = Counter(tool for tool, _ in requests.requests())
    assert set(counts) <= {
        *TOOLS,
        WORDS,
        OFF,
    }  # a tool may come without: then the question bank alone leads to it
    assert sum(n >= 60 for n in counts.values()) >= 50
    assert len({sentence for _, sentence in requests.requests()}) == sum(counts.values())


@pytest.mark.parametrize(
    ("tool", "sentence", "wanted"),
    [
        ("evaluate", "how well does it do on the pictures from customers' homes?", {"split": "deploy"}),
        ("evaluate", "how does it score on what it was trained with", {"split": "train"}),
        ("confusion_matrix", "the three worst mix-ups of kitchens", {"true_class": "kitchen", "top": 3}),
        ("find_slices", "one condition at a time, fdr at 1 %", {"depth": 1, "q": 0.01}),
        ("find_slices", "by confident errors, top 5, training pictures", {"target": "confident_error", "top": 5, "split": "train"}),
        ("disaggregate", "by lighting, class by class, no intersections", {"attributes": ["lighting"], "per_class": True, "intersections": False}),
        ("compare_group", "do phone pictures in the dark fail more?", {"where": ("camera=phone", "lighting=dark")}),
        ("compare_group", "are kitchens without plants worse, say ten points or more?", {"where": ("plant=no",), "class_name": "kitchen", "minimum_effect": 0.1}),
        ("test_by_masking", "hide the TVs in living rooms, sixteen control patches, inpaint", {"region": "box:television", "class_name": "living_room", "draws": 16, "fill": "inpaint"}),
        ("test_by_adding", "paste a plant into bathrooms, does it start saying kitchen?", {"cue": "box:plant", "class_name": "kitchen", "where": ("true=bathroom",)}),
        ("test_by_swapping", "leave the stool in kitchens as it is, exchange everything around it", {"region": "box:stool", "class_name": "kitchen", "keep": True}),
        ("retrain", "retrain for F2 by rebalancing, five seeds, 20 epochs", {"finding": "F2", "strategy": "rebalance", "seeds": 5, "epochs": 20}),
        ("review_errors", "give me twenty-five errors to judge", {"n": 25}),
        ("nearest", "five look-alikes of #20 among the deployment pictures", {"image": "20.png", "k": 5, "split": "deploy"}),
        ("efficiency", "throughput at batch 64", {"batch": 64}),
        ("embedding_map", "PCA of bedrooms, coloured by lighting", {"method": "pca", "class_name": "bedroom", "colour": "lighting"}),
        ("feature_attack", "crank up feature 113", {"feature": 113}),
        ("robustness_probe", "camera shake on bedroom shots", {"perturbations": ("motion_blur",), "class_name": "bedroom"}),
        ("robustness_probe", "against noise and blur", {}),
        ("compare_models", "R1.1 against R1.2, which answers flipped", {"before": "R1.1", "after": "R1.2"}),
        ("compare_models", "old/a.onnx against new/b.pt", {"before": "old/a.onnx", "after": "new/b.pt"}),
        ("state_hypothesis", "I bet it ignores the stool in kitchens", {"kind": "missing_feature", "cue": "box:stool", "class_name": "kitchen"}),
        ("state_hypothesis", "note that phone pictures have more errors", {"kind": "weak_slice", "where": ("camera=phone",)}),
        ("edit_attributes", "put the camera column aside", {"action": "drop", "attribute": "camera"}),
        ("edit_attributes", "please call lighting brightness from now on", {"action": "rename", "attribute": "lighting", "to": "brightness"}),
        ("search_knowledge", "look up leakage in your knowledge base pls", {"query": "leakage"}),
        ("unknown_unknowns", "kitchens with a score of at least 0.95", {"class_name": "kitchen", "confidence": 0.95}),
        ("generate_repair_data", "make 60 pictures for F2", {"finding": "F2", "count": 60}),
        ("data_statistics", "brightness and sharpness of the training set", {"split": "train"}),
    ],
)  # fmt: skip
def test_what_a_sentence_says_of_the_arguments(tool: str, sentence: str, wanted: dict[str, Any]) -> None:
    assert said(tool, sentence) == wanted
    if not lacking({"tool": tool, "arguments": wanted}):
        registry()[tool].check(dict(wanted))


@pytest.mark.parametrize(
    ("text", "made"),
    [("Sixteen patches", "16 patches"), ("twenty-five and a dozen", "25 and 12"), ("one of them", "one of them"), ("a hundred", "100")],
)  # fmt: skip
def test_numbers_in_words(text: str, made: str) -> None:
    assert digits(text) == made


@pytest.mark.parametrize(
    ("text", "split"),
    [("both splits please", None), ("training against deployment", None), ("unlabelled ones", "pool"), ("since it went live", "deploy"), ("the training record", None)],
)  # fmt: skip
def test_which_images_are_meant(text: str, split: str | None) -> None:
    assert split_of(recognise(text, CASE), "evaluate") == split


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=120), st.sampled_from(sorted(TOOLS)))
def test_no_sentence_breaks_it(text: str, tool: str) -> None:
    made = said(tool, text)
    assert set(made) <= {*TOOLS[tool]}


def test_names_give_no_numbers_and_no_options() -> None:
    """A class called 7 and an attribute called blur are names, wherever they stand."""
    odd = Vocabulary(classes=("7", "8"), attributes={"blur": ("a", "b")}, tools=TOOLS)
    mentions = recognise("mask the middle of 7 by blur", odd)
    made = details("test_by_masking", mentions, values(mentions), dict.fromkeys(TOOLS["test_by_masking"]))
    assert "draws" not in made and "fill" not in made and made["class_name"] == "7"


def test_both_readings_together() -> None:
    """The likelier tool with its arguments; what it lacks is asked for; what wants words gets them; what is off the subject stays off."""
    found = route("ECE on deploy", CASE)
    assert found.call == {"tool": "confidence_profile", "arguments": {"split": "deploy"}}
    asked = route("please cover up that thing and see whether the score falls", CASE)
    assert asked.call is None and asked.missing == ("region",) and "what is to be covered" in asked.answer
    words = route("does anybody else get to see my pictures, are they uploaded anywhere?", CASE)
    assert words.call is None and not words.off_topic and "stay in the case folder" in words.answer
    assert route("what is the weather like in Hamburg tomorrow", CASE).off_topic
    assert sum(meant(recognise("how good is it", CASE), load()).values()) == pytest.approx(1.0, abs=1e-3)


def test_without_the_trained_file_the_bank_alone_routes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(requests, "FILE", tmp_path / "nothing.npz")
    assert meant(recognise("how good is it", CASE), load()) == {}
    found = routing.route("how accurate is the model", CASE)
    assert found.call == {"tool": "evaluate", "arguments": {}} and found.sure == 0.0
