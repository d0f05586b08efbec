"""A transformers image-classification folder: ``config.json``, weights, and the processor's settings."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failsight.tools.errors import UserError
from failsight.tools.inputs.models.choosing import Offer, choose, parts_of
from failsight.tools.inputs.models.scoring import fingerprint_of, hash_files, need_classes
from failsight.tools.inputs.models.torch_based import TorchModel, pick_device
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.tools.inputs.base import Preprocessing
    from failsight.tools.inputs.models import Request
    from failsight.tools.inputs.models.geometry import OwnGeometry

_HASHED = re.compile(
    r"(config|preprocessor_config|processor_config)\.json|.*\.(safetensors|bin|py)|.*\.index\.json"
)


def load(request: Request) -> TorchModel:
    """The classifier in the folder.

    Raises:
        UserError: not an image classifier, code of its own without ``trust_code``, weights missing or refused.
    """
    path = request.path
    config = _config(path)
    if config.get("auto_map") and not request.trust_code:
        raise UserError(
            f"The model folder {clean(path.name)} is refused: it brings Python code of its own.",
            "If you trust that code, add --trust-code.",
        )
    if config.get("problem_type") in ("multi_label_classification", "regression"):
        raise UserError(
            f"The model in {clean(path.name)} is a {clean(config['problem_type'])} model.",
            "Failsight debugs models that name one class per image.",
        )
    device = pick_device(request.device)
    how, geometry = _preprocessing(request)
    module = _module(path, request.trust_code).to(device)
    names, placeholders = _names(module)
    classes = need_classes(request.side, path, names, placeholders)
    if request.side.output is not None:
        module.part = _part_called(module, request.side.output, how, len(classes), path)
    files = sorted(p for p in path.iterdir() if p.is_file() and _HASHED.fullmatch(p.name))
    notes = [*_contradictions(config)]
    if geometry is not None:
        notes.append("The model's own image processor prepares the pictures.")
    try:
        return TorchModel(
            module,
            classes,
            fingerprint_of(hash_files(files), request.side),
            how,
            request.side.outputs,
            format="transformers",
            feature_layer=request.side.feature_layer,
            device=device,
            notes=notes,
            geometry=geometry,
        )
    except UserError as problem:
        if problem.__cause__ is None:  # it runs: something else is wrong
            raise
        raise _other_size(config, how, path) or problem from problem


def _other_size(config: dict[str, Any], how: Preprocessing, path: Path) -> UserError | None:
    """What to say where the network takes another size of picture than it is given; None where that is not it."""
    size = config.get("image_size")
    pair = (size, size) if isinstance(size, int) else tuple(size) if isinstance(size, list) else ()
    if len(pair) != 2 or pair == how.size:
        return None
    return UserError(
        f"In {clean(path.name)} the pictures are prepared at {how.size[0]} × {how.size[1]} pixels (preprocessor_config.json or model.json), "
        f"and the network takes {pair[0]} × {pair[1]} (config.json).",
        "Correct the size, or write model.json into the folder with input_size, mean and std.",
    )


def _contradictions(config: dict[str, Any]) -> list[str]:
    """A note where ``id2label`` and ``label2id`` of the configuration name the classes in different orders."""
    names, numbers = config.get("id2label"), config.get("label2id")
    if not isinstance(names, dict) or not isinstance(numbers, dict):
        return []
    differ = [
        f"{number}: {name}" for number, name in names.items() if str(numbers.get(str(name))) != str(number)
    ]
    if not differ:
        return []
    return [
        f"id2label and label2id in config.json contradict each other ({clean(', '.join(differ[:3]), 120)}); id2label was taken. "
        "class_order tests whether the names stand in the order of the outputs."
    ]


def fetch(hub_id: str) -> Path:
    """Download the model ``owner/name`` that a person named from the Hugging Face hub: weights and settings, no code.

    Raises:
        UserError: no such model, or no network.
    """
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(hub_id, allow_patterns=["*.json", "*.safetensors"]))
    except Exception as problem:
        raise UserError(
            f"The model {clean(hub_id)} can't be fetched from the Hugging Face hub ({type(problem).__name__}).",
            "Check the name and the network, or give a folder.",
        ) from problem


def _config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads((path / "config.json").read_text("utf-8"))
    except (OSError, ValueError) as problem:
        raise UserError(
            f"{clean(path.name)}/config.json can't be read ({clean(problem)}).", "Is the folder complete?"
        ) from problem
    names = config.get("architectures") or [] if isinstance(config, dict) else None
    if names is not None and not isinstance(names, list):
        names = [names]
    if names is None or (names and not any("Classification" in str(name) for name in names)):
        raise UserError(
            f"The model in {clean(path.name)} is no image classifier ({clean(names)}).",
            "Give a folder saved from an image-classification model.",
        )
    return config  # type: ignore[no-any-return]


@contextmanager
def _quiet() -> Iterator[None]:
    """transformers without its bars and advice; the settings are put back."""
    from transformers.utils import logging

    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()


def _preprocessing(request: Request) -> tuple[Preprocessing, OwnGeometry | None]:
    """From the side file when it states an input size, else from the processor."""
    from failsight.tools.inputs.models.processor import from_processor

    if request.side.size is not None:
        stated = request.side.preprocessing()
        if stated is not None:
            return stated, None
    if not any(
        (request.path / name).is_file() for name in ("preprocessor_config.json", "processor_config.json")
    ):
        raise UserError(
            f"The folder {clean(request.path.name)} does not say how pictures are prepared (no preprocessor_config.json).",
            "Save the image processor into it, or write model.json with input_size, mean and std.",
        )
    with _quiet():
        from transformers import AutoImageProcessor

        try:
            processor = AutoImageProcessor.from_pretrained(
                request.path, local_files_only=True, trust_remote_code=request.trust_code
            )
        except Exception as problem:
            raise _unreadable(request.path, problem) from problem
        return from_processor(processor)


def _module(path: Path, trust_code: bool) -> Any:
    """The network as a module from pixels to logits, every weight loaded."""
    import torch

    with _quiet():
        from transformers import AutoModelForImageClassification

        try:
            network, info = AutoModelForImageClassification.from_pretrained(
                path,
                local_files_only=True,
                trust_remote_code=trust_code,
                dtype=torch.float32,
                output_loading_info=True,
            )
        except Exception as problem:
            raise _unreadable(path, problem) from problem
    lacking = sorted(map(str, [*info.get("missing_keys", ()), *info.get("mismatched_keys", ())]))
    if lacking:
        raise UserError(
            f"The weights in {clean(path.name)} do not fill the network ({clean(', '.join(lacking[:3]), 160)} …).",
            "Was this folder saved after training the classification head?",
        )
    return _one_output(network).eval()


def _one_output(network: Any) -> Any:
    """``network`` as a module that takes the pixel tensor and returns one tensor: the logits, unless ``part`` names another output."""
    from torch import nn

    class OneOutput(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = network
            self.part = "logits"

        def forward(self, pixels: Any) -> Any:
            return getattr(self.model(pixel_values=pixels), self.part)

    return OneOutput()


def _part_called(module: Any, wanted: str, how: Preprocessing, classes: int, path: Path) -> str:
    """The name of the output that the side file wants, by name or place. Raises UserError where the network has none of that name."""
    import torch

    example = torch.zeros((2, 3, *how.size), device=next(module.parameters()).device)
    with torch.inference_mode():
        named = parts_of(module.model(pixel_values=example))
    at, _ = choose([Offer(name, None) for name, _ in named], classes, wanted, path)
    return named[at][0]


def _names(module: Any) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """The class names, and none; or None, and the placeholders LABEL_0, LABEL_1 … where the folder has only these."""
    labels: dict[int, str] = module.model.config.id2label
    names = tuple(clean(labels[i]) for i in sorted(labels))
    return (None, names) if all(re.fullmatch(r"LABEL_\d+", name) for name in names) else (names, ())


def _unreadable(path: Path, problem: Exception) -> UserError:
    text = str(problem)
    if "weights_only" in text.lower() or ("Unsupported" in text and "pickle" in text.lower()):
        return UserError(
            f"The model in {clean(path.name)} is refused: its weights are a pickle that would run code when opened.",
            "Save it as safetensors.",
        )
    lines = [line for line in text.splitlines() if line.strip()]
    said = clean(lines[0] if lines else type(problem).__name__).rstrip(" .")
    return UserError(
        f"The model folder {clean(path.name)} can't be loaded: {said}.",
        "Is it complete, and is transformers recent enough?",
    )
