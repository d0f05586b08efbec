"""Models that answer questions about pictures, from a folder or the hub: opened, checked, fingerprinted."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from failsight.tools.attributes.hub import fetched, is_hub_id
from failsight.tools.errors import UserError
from failsight.tools.text import clean

if TYPE_CHECKING:
    from PIL.Image import Image

    from failsight.tools.attributes.definitions import Definition
    from failsight.tools.inputs.base import Floats

ADVICE = "Give a BLIP folder, or another vision-language model that transformers knows by itself."
_HASHED = re.compile(r".*\.(json|safetensors|txt|model|jinja)")


class Answerer(Protocol):
    """A model that is shown pictures and asked about them. Every answer is deterministic.

    ``look`` encodes pictures once; what it returns is handed to the questions, so that twenty of them cost one encoding.
    """

    name: str
    fingerprint: str

    def look(self, images: Sequence[Image]) -> Any: ...

    def answers(self, seen: Any, asked: Definition) -> list[str]:
        """One free answer for each picture, as the model words it."""

    def choose(self, seen: Any, asked: Definition) -> Floats:
        """(n, values) float32 log-likelihoods of the definition's values, −inf for one that it can't say."""

    def features(self, seen: Any) -> Floats | None:
        """(n, d) float32 features of the pictures, None where the model has none of its own."""


class FolderModel:
    """A model in a folder, loaded when it is first needed. ``auto``: the transformers class that builds it."""

    auto = ""

    def __init__(self, folder: Path, name: str, fingerprint: str, device: str) -> None:
        self.name, self.fingerprint = name, fingerprint
        self._folder, self._device = folder, device

    @cached_property
    def _parts(self) -> tuple[Any, Any]:
        """The network and its processor."""
        return load_parts(self.auto, self._folder, self.name, self._device)


def open_answerer(path_or_hub_id: str, device: str = "cpu") -> Answerer:
    """The model in a folder, or of a hub id that a person named. Weights are read when the first picture comes.

    Raises:
        UserError: no such folder, another architecture, weights missing or pickled, code of its own.
    """
    folder = found_folder(path_or_hub_id)
    name = clean(path_or_hub_id.strip() if str(folder) != path_or_hub_id else folder.resolve().name)
    kind, architecture = checked_folder(folder, name)
    from failsight.tools.attributes import answering_blip, answering_chat

    classes: dict[str, Any] = {
        "BlipForQuestionAnswering": answering_blip.BlipAnswers,
        "BlipForConditionalGeneration": answering_blip.BlipCaptions,
        "ViltForQuestionAnswering": answering_chat.Labels,
    }
    made = classes.get(architecture)
    if made is None:
        if not answering_chat.knows(kind):
            raise UserError(
                f"The model in {name} does not answer questions about pictures ({architecture}).", ADVICE
            )
        made = answering_chat.Chat
    answerer: Answerer = made(folder, name, folder_print(folder), device)
    return answerer


def found_folder(named: str, advice: str = ADVICE) -> Path:
    """The folder, fetched where a person named a model of the hub. Raises UserError."""
    folder = Path(named).expanduser()
    if folder.is_dir():
        return folder
    if folder.exists():
        raise UserError(f"The model {clean(folder.name)} is a file.", advice)
    if not is_hub_id(named):
        raise UserError(f"There is no model folder {clean(named)}.", advice)
    return fetched(named)


def checked_folder(folder: Path, name: str, advice: str = ADVICE) -> tuple[str, str]:
    """(model type, architecture) of a folder that can be read safely. Raises UserError for any other."""
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        kind = str(config.get("model_type") or "")
        architecture = str((config.get("architectures") or [""])[0])
    except FileNotFoundError:
        raise UserError(f"The folder {name} holds no model (there is no config.json).", advice) from None
    except (OSError, ValueError, AttributeError, TypeError, KeyError, IndexError) as problem:
        raise UserError(f"config.json of {name} can't be read ({clean(problem, 100)}).", advice) from problem
    if config.get("auto_map"):
        raise UserError(f"The model folder {name} is refused: it brings Python code of its own.", advice)
    if not any(folder.glob("*.safetensors")):
        pickles = [p.name for end in ("bin", "pt", "pth", "ckpt") for p in folder.glob(f"*.{end}")]
        if pickles:
            raise UserError(
                f"The model in {name} is refused: its weights are a pickle ({clean(pickles[0])}), which may run code "
                "when opened.",
                "Save it as safetensors.",
            )
        raise UserError(f"The model folder {name} holds no weights (*.safetensors).", "Is it complete?")
    return clean(kind, 60), clean(architecture or kind or "unknown", 80)


def folder_print(folder: Path) -> str:
    """SHA-256 over weights, settings, tokenizer and processor."""
    from failsight.tools.inputs.models.scoring import hash_files

    return hash_files(sorted(p for p in folder.iterdir() if p.is_file() and _HASHED.fullmatch(p.name)))


def load_parts(
    auto: str, folder: Path, name: str, device: str, advice: str = ADVICE, *, words: bool = True
) -> tuple[Any, Any]:
    """(network, processor) with every weight filled; whatever goes wrong in reading them becomes one sentence.

    Args:
        auto: name of the transformers class that builds the network.
        words: whether the model reads text, so that its processor has to prepare words too.
    """
    import torch
    import transformers

    from failsight.tools.inputs.models.torch_based import pick_device
    from failsight.tools.inputs.models.transformers_folder import _quiet

    rules = {"local_files_only": True, "trust_remote_code": False}
    reader = transformers.AutoProcessor if words else transformers.AutoImageProcessor
    with _quiet():
        try:
            processor = reader.from_pretrained(folder, **rules)
            network, report = getattr(transformers, auto).from_pretrained(
                folder, **rules, use_safetensors=True, output_loading_info=True, dtype=torch.float32
            )
        except Exception as problem:
            lines = [line for line in str(problem).splitlines() if line.strip()]
            told = clean(lines[0] if lines else type(problem).__name__, 200)
            raise UserError(f"The model in {name} can't be loaded: {told}", advice) from problem
    lacking = sorted(map(str, [*report.get("missing_keys", ()), *report.get("mismatched_keys", ())]))
    if lacking:  # they would be random numbers
        raise UserError(
            f"The weights in {name} lack {len(lacking)} of the network's tensors, such as {clean(lacking[0], 80)}.",
            "Is the folder complete?",
        )
    both = all(getattr(processor, part, None) is not None for part in ("tokenizer", "image_processor"))
    if words and not both:
        raise UserError(
            f"The folder {name} does not say how pictures and words are prepared.",
            "Save the model's processor into it.",
        )
    return network.eval().to(pick_device(device)), processor
