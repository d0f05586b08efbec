"""What a sentence that counts says of the arguments of count_images."""

from __future__ import annotations

from typing import Any

import pytest

from tests.knowledge_base.test_requests import said


@pytest.mark.parametrize(
    ("sentence", "wanted"),
    [
        ("how many bathrooms are wrong?", {"among": ("true=bathroom",), "having": ("wrong",)}),
        ("what share of the errors are pictures with a television?", {"among": ("wrong",), "having": ("television=yes",)}),
        ("accuracy without the bathrooms", {"among": ("true!=bathroom",), "having": ("correct",)}),
        ("how many bathrooms are wrong in deployment", {"among": ("true=bathroom",), "having": ("wrong",), "split": "deploy"}),
        ("how many pictures are answered with less than 50 % confidence", {"having": ("confidence<0.5",)}),
        ("errors by lighting", {"among": ("wrong",), "by": "lighting"}),
        ("if it only answers when it is at least 90 % sure, how many are right", {"among": ("confidence>=0.9",), "having": ("correct",)}),
        ("how many dark kitchens without a plant are wrong", {"among": ("true=kitchen", "lighting=dark", "plant=no"), "having": ("wrong",)}),
        ("count the bedrooms called kitchen", {"among": ("true=bedroom", "predicted=kitchen")}),
        ("how many kitchens have a stool", {"among": ("true=kitchen",), "having": ("stool=yes",)}),
        ("number of pictures per camera", {"by": "camera"}),
        ("how many kitchens and bathrooms are right", {"among": ("true=kitchen|bathroom",), "having": ("correct",)}),
        ("how many images did it get wrong per class", {"among": ("wrong",), "by": "true"}),
        ("how many phone pictures are there in training", {"having": ("camera=phone",), "split": "train"}),
        ("how many images are there", {}),
    ],
)  # fmt: skip
def test_the_base_what_is_counted_and_by_what(sentence: str, wanted: dict[str, Any]) -> None:
    assert said("count_images", sentence) == wanted
