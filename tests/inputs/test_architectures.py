"""Bare weights in an architecture that has to be told how many classes there are, as those of libraries do."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from failsight.tools.errors import UserError
from failsight.tools.inputs import open_model

CODE = """
import torch
from torch import nn


def net(outputs):
    return nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, outputs))


class Library(nn.Module):
    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.body, self.fc = nn.Linear(12, 6), nn.Linear(6, num_classes)

    def forward(self, x):
        return self.fc(self.body(nn.functional.adaptive_avg_pool2d(x, 2).flatten(1)))


def required(num_classes): return net(num_classes)
def optional(num_classes=1000): return net(num_classes)
def unset(num_labels=None): return net(num_labels or 7)
def by_names(classes=("a", "b", "c")): return net(len(classes))
def like_torchvision(*, weights=None, progress=True, **kwargs): return Library(**kwargs)
def strict_inside(**kwargs): return _strict(**kwargs)
def _strict(width=3): return net(width)
def fixed(): return net(1000)
def three(): return net(3)
def one_more(num_classes=2): return net(num_classes + 1)
def stubborn(num_classes=5): return net(5)
def nothing(num_classes=3): return None
def broken(num_classes=3): raise RuntimeError("no \\x1b such")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    import torch

    (tmp_path / "arch.py").write_text(CODE)
    side = {
        "classes": ["a", "b", "c"],
        "input_size": [4, 4],
        "mean": [0, 0, 0],
        "std": [1, 1, 1],
        "crop": "stretch",
    }
    (tmp_path / "model.json").write_text(json.dumps(side))
    torch.manual_seed(0)
    head, body = torch.nn.Linear(12, 3), torch.nn.Linear(12, 6)
    torch.save({"2.weight": head.weight.data, "2.bias": head.bias.data}, tmp_path / "plain.pth")
    fc = torch.nn.Linear(6, 3)
    state = {"body.weight": body.weight.data, "body.bias": body.bias.data}
    torch.save({**state, "fc.weight": fc.weight.data, "fc.bias": fc.bias.data}, tmp_path / "library.pth")
    return tmp_path


def opened(folder: Path, function: str, weights: str = "plain.pth") -> tuple[int, ...]:
    model = open_model(folder / weights, arch=f"{folder / 'arch.py'}:{function}", trust_code=True)
    return model.logits(np.zeros((2, 4, 4, 3), np.uint8)).shape


@pytest.mark.parametrize(
    "function", ["required", "optional", "unset", "by_names", "strict_inside", "three", "one_more"]
)
def test_the_number_of_classes_is_handed_on_where_it_is_taken(folder: Path, function: str) -> None:
    assert opened(folder, function) == (2, 3)


@pytest.mark.parametrize("function", ["Library", "like_torchvision"])
def test_a_library_s_class_and_function(folder: Path, function: str) -> None:
    assert opened(folder, function, "library.pth") == (2, 3)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("fixed", r"makes 1,000 outputs and can't be told how many there are; the weights in plain.pth and the class names have 3"),
        ("stubborn", r"makes 5 outputs and makes another number all the same"),
        ("nothing", r"returned NoneType, not a torch module"),
        ("broken", r"failed: RuntimeError: no such"),
        ("Library", r"do not fit the architecture: missing body"),
    ],
)  # fmt: skip
def test_what_can_t_fit_is_said_in_a_sentence(folder: Path, function: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        opened(folder, function)
    assert caught.value.hint


@pytest.mark.parametrize("function", ["optional", "required", "fixed"])
def test_class_names_that_are_too_few_are_the_fault(folder: Path, function: str) -> None:
    side = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**side, "classes": ["a", "b"]}))
    with pytest.raises(UserError, match=r"have 3 outputs, and there are 2 class names") as caught:
        opened(folder, function)
    assert "side file" in caught.value.hint
