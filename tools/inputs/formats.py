"""What can be opened, what each format needs, and whether that is here: for ``failsight doctor`` and help texts."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import Literal

from failsight.tools.text import clean


@dataclass(frozen=True, slots=True)
class Format:
    """One thing that ``--model``, ``--data`` or ``--predictions`` takes.

    Attributes:
        kind: which option takes it.
        name: what it is called.
        given: how it is given, with what else it needs to be told.
        needs: packages beyond numpy and Pillow.
        problem: empty when all of them are usable, else what is wrong with the first that is not.
    """

    kind: Literal["model", "data", "predictions"]
    name: str
    given: str
    needs: tuple[str, ...]
    problem: str = ""

    @property
    def usable(self) -> bool:
        """Whether everything that it needs is here."""
        return not self.problem


_FORMATS: tuple[tuple[Literal["model", "data", "predictions"], str, str, tuple[str, ...]], ...] = (
    (
        "model",
        "transformers folder",
        "a folder with config.json, weights and preprocessor_config.json",
        ("torch", "transformers"),
    ),
    ("model", "ONNX", "NAME.onnx, classes in NAME.json", ("onnxruntime",)),
    ("model", "TorchScript", "NAME.pt, classes and input_size in NAME.json", ("torch",)),
    ("model", "torch.export", "NAME.pt2, classes in NAME.json", ("torch",)),
    ("model", "safetensors", "NAME.safetensors with --arch module:factory", ("torch", "safetensors")),
    ("model", "state dictionary", "NAME.pth with --arch module:factory", ("torch",)),
    ("model", "Python factory", "file.py:function with --trust-code", ("torch",)),
    (
        "model",
        "Hugging Face hub",
        "hub:owner/name (fetched only when named)",
        ("torch", "transformers", "huggingface_hub"),
    ),
    ("data", "class folders", "a folder with one subfolder of images a class", ()),
    ("data", "CSV manifest", "a table with path and label; split, boxes and attributes if there are any", ()),
    ("data", "Parquet manifest", "the same as Parquet", ("pyarrow",)),
    ("data", "Hugging Face data set", "a folder from save_to_disk", ("pyarrow", "datasets")),
    ("predictions", "CSV predictions", "a table with path, label, and prediction or probabilities", ()),
    ("predictions", "Parquet predictions", "the same as Parquet", ("pyarrow",)),
)
_LIGHT = frozenset(
    ("pyarrow", "onnxruntime", "safetensors")
)  # imported to see whether they work; the others only found


def formats() -> list[Format]:
    """Every format with what it needs, checked here and now. Imports nothing heavier than onnxruntime and pyarrow."""
    problems = {
        name: _problem(name) for name in sorted({name for _, _, _, needs in _FORMATS for name in needs})
    }
    return [
        Format(kind, name, given, needs, next((problems[n] for n in needs if problems[n]), ""))
        for kind, name, given, needs in _FORMATS
    ]


def _problem(package: str) -> str:
    """Why ``package`` can't be used, empty when it can."""
    if importlib.util.find_spec(package) is None:
        return f"{package} is not installed: pip install {package.replace('_', '-')}"
    if package in _LIGHT:
        try:
            importlib.import_module(package)
        except Exception as problem:  # a package built for another numpy raises whatever it likes
            return f"{package} can't be imported ({clean(problem, 120)})"
    return ""
