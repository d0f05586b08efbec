"""What is said of counted images: a part is told of what it is a part of, and under the condition that it was counted under."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from failsight.agent.grounding import Checker
from failsight.agent.state import CaseState
from failsight.tools.count_images import count_images
from failsight.tools.evidence import Evidence
from tests.agent.test_grounding import lines
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import one_hot

CLASSES = ("bathroom", "bedroom", "kitchen")
VALUES = {"cat": ("yes", "no"), "television": ("yes", "no"), "site": ("north", "south")}
CALLS = (
    {"among": ("true=bathroom", "cat=yes"), "having": ("wrong",)},
    {"among": ("wrong",), "having": ("television=yes",)},
    {"among": ("true!=bathroom",), "having": ("correct",)},
    {"having": ("confidence<0.8",)},
    {"among": ("wrong",), "by": "site"},
    {"among": ("confidence>=0.9",), "having": ("correct",)},
    {"among": ("true=bathroom|kitchen",), "having": ("wrong",), "by": "true"},
    {"having": ("wrong",), "by": "site"},
    {"split": "deploy", "among": ("true=bathroom",), "having": ("wrong",)},
)


def block(
    label: int, n: int, wrong: int, cat: str, television: tuple[int, int], taken: int
) -> list[tuple[object, ...]]:
    """``n`` images of a class, the first ``wrong`` taken for another; so many of the wrong and of the right ones have a television."""
    tv = [i < television[0] if i < wrong else i - wrong < television[1] for i in range(n)]
    return [
        (label, taken if i < wrong else label, cat, "yes" if tv[i] else "no", 0.7 if i % 3 else 0.95, "south" if i % 5 > 1 else "north")
        for i in range(n)
    ]  # fmt: skip


def evidence() -> list[Evidence]:
    """134 bathrooms with a cat (83 wrong) and 100 without (12), 150 bedrooms (17), 116 kitchens (9)."""
    rows = [
        *block(0, 134, 83, "yes", (11, 20), 1), *block(0, 100, 12, "no", (5, 7), 2),
        *block(1, 150, 17, "no", (9, 31), 0), *block(2, 116, 9, "yes", (4, 22), 1),
    ]  # fmt: skip
    label, answer, cat, tv, sure, site = (list(c) for c in zip(*rows, strict=True))
    columns = {"cat": cat, "television": tv, "site": site}
    table = FakeTable(np.zeros((len(rows), 2, 2, 3), np.uint8), label, CLASSES, columns)  # type: ignore[arg-type]
    field = FakeTable(
        np.zeros((70, 2, 2, 3), np.uint8), [0] * 40 + [1] * 30, CLASSES
    )  # 31 of 40 bathrooms wrong
    scores = {
        "data": one_hot(np.array(answer), 3, np.array(sure)),
        "deploy": one_hot(np.array([1] * 31 + [0] * 9 + [1] * 30), 3),
    }
    view = FakeView({"data": table, "deploy": field}, scores=scores)
    return [dataclasses.replace(count_images(view, **call), id=f"E{i}") for i, call in enumerate(CALLS, 1)]  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def checker() -> Checker:
    return Checker(CaseState(evidence=evidence()), CLASSES, VALUES)


HELD = """
    31 of 40 deployment bathrooms are wrong.
    In deployment 77.5 % of the bathroom images are wrong.
    83 of 134 bathroom images with a cat are wrong.
    83 of 134 bathroom images with cat=yes are wrong: 61.9 % [53.5, 69.7].
    Of the 134 bathrooms with a cat, 61.9 % are answered wrongly.
    There are 134 bathroom images with a cat.
    Of the bathrooms with a cat 51 are right.
    29 of the 121 errors show a television.
    29 of 121 wrong images have a television.
    24.0 % of the errors are pictures with a television.
    The model makes 121 errors.
    240 of 266 images that are not bathrooms are right.
    Without the bathrooms the accuracy is 90.2 %.
    332 of 500 images have a confidence below 0.8.
    332 of the 500 images are answered with a confidence below 0.8.
    With a confidence of at least 0.9, 127 of 168 images are right.
    If it only answers when it is at least 90 % sure, it is right in 75.6 % of 168 images.
    Of the 121 errors, 52 are from the north site.
    52 of the errors are at site north.
    52 of 201 images of site north are wrong.
    The error rate at the north site is 25.9 %.
    43.0 % of the errors are at site north.
    26.8 % of the images are bathrooms with a cat.
    75.8 % of the 500 evaluation images are right.
    Where its confidence is at least 0.9, 24.4 % of the answers are wrong.
    83 of 134 bathrooms where cat=yes are wrong, 61.9 %."""
ALTERED = """
    31 of 41 deployment bathrooms are wrong.
    31 of 40 deployment bedrooms are wrong.
    In deployment 22.5 % of the bathroom images are wrong.
    31 of 40 training bathrooms are wrong.
    84 of 134 bathroom images with a cat are wrong.
    83 of 143 bathroom images with a cat are wrong.
    83 of 134 bathroom images with a cat are right.
    83 of 134 kitchen images with a cat are wrong.
    83 of 134 bathroom images without a cat are wrong.
    83 of 134 bathroom images with a television are wrong.
    Of the 134 bathrooms with a cat, 16.9 % are answered wrongly.
    There are 134 bathroom images.
    134 bathroom images are wrong.
    29 of the 121 errors show a cat.
    92 of the 121 errors show a television.
    29 of 121 images have a television.
    42.0 % of the errors are pictures with a television.
    The model makes 112 errors.
    240 of 266 images that are bathrooms are right.
    240 of 266 images that are not bathrooms are wrong.
    Without the bathrooms the accuracy is 75.6 %.
    Without the kitchens the accuracy is 90.2 %.
    The accuracy is 90.2 %.
    The accuracy is 75.6 %.
    332 of 500 images have a confidence above 0.8.
    332 of 500 images have a confidence below 0.5.
    With a confidence of at least 0.9, 127 of 168 images are wrong.
    With a confidence of at least 0.5, 127 of 168 images are right.
    Of the 121 errors, 52 are from the south site.
    69 of the errors are at site north.
    52 of 201 images of site south are wrong.
    The error rate at the south site is 25.9 %.
    24.0 % of the images with a television are wrong.
    24.0 % of the images have a television.
    500 bathroom images have a cat.
    43.0 % of the images of site north are wrong.
    The model is right in 75.6 % of the images.
    With a confidence of at most 0.9, 127 of 168 images are right.
    332 of 500 images have a confidence of 0.8 or more.
    When it is 80 % sure it is right in 75.6 % of the images."""


@pytest.mark.parametrize("text", lines({"": HELD}))
def test_what_was_counted_is_left_alone(checker: Checker, text: str) -> None:
    assert [(text[c.start : c.end], c.reason) for c in checker.check(text).unverified] == []


@pytest.mark.parametrize("text", lines({"": ALTERED}))
def test_another_number_base_or_condition_is_marked(checker: Checker, text: str) -> None:
    assert checker.check(text).unverified


def test_what_the_tool_says_itself_is_left_alone(checker: Checker) -> None:
    for made in evidence():
        assert not checker.check(made.summary).unverified, made.summary
