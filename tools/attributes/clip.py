"""A transformers dual encoder (CLIP, SigLIP, …) from a folder: pictures and words in one space.

Opening a folder reads small files only; weights and transformers are loaded when the first picture or text comes. Nothing
is fetched unless a person named a model of the hub, and nothing is unpickled.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.hub import fetched, is_hub_id
from failsight.tools.attributes.vocabulary import CALIBRATED_FOR, VOCABULARY, read_vocabulary
from failsight.tools.errors import UserError
from failsight.tools.text import clean

if TYPE_CHECKING:
    from PIL.Image import Image

    from failsight.tools.attributes.definitions import Definition
    from failsight.tools.inputs.base import Floats, Preprocessing
    from failsight.tools.inputs.encoders import Encoder
    from failsight.tools.inputs.models.geometry import OwnGeometry

_CONTENT = re.compile(
    r".*\.safetensors|.*\.model|vocab.*|merges\.txt|.*tokenizer.*\.json|.*config\.json|.*\.index\.json"
)
_PROCESSORS = ("preprocessor_config.json", "processor_config.json")
_TOKENIZERS = (
    "tokenizer.json",
    "vocab.json",
    "vocab.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "tokenizer.model",
)
_ADVICE = "Give a folder of a CLIP or SigLIP model saved by transformers."
_FIXED = (
    "Use a variant of the model for pictures of one size, and save its own processor and tokenizer beside it."
)
_MOST_TOKENS = 256


def open_encoder(path_or_hub_id: str, device: str = "cpu") -> Encoder:
    """The dual encoder in a folder, or of a hub id that a person named.

    Args:
        path_or_hub_id: a folder as ``save_pretrained`` writes it, or ``owner/name``.
        device: as torch names it, or ``auto``.

    Raises:
        UserError: no such folder or model, another architecture, weights missing, torn or pickled.
    """
    named = str(path_or_hub_id).strip()
    folder = Path(named).expanduser()
    if not folder.exists():
        if not is_hub_id(named):
            raise UserError(f"There is no encoder folder {clean(named)}.", _ADVICE)
        folder = fetched(named)
    if not folder.is_dir():
        raise UserError(f"The encoder {clean(folder.name)} is a file.", _ADVICE)
    _check(folder)
    return DualEncoder(
        folder, clean(named if folder != Path(named).expanduser() else folder.resolve().name), device
    )


# -- what can be checked without loading anything ---------------------------------------------------


def _check(folder: Path) -> None:
    """Raises UserError unless the folder looks like a dual encoder whose weights can be read safely."""
    name = clean(folder.resolve().name)
    config = _json(folder / "config.json", name)
    if config.get("auto_map"):
        raise UserError(
            f"The encoder folder {name} is refused: it brings Python code of its own.",
            "Use a CLIP or SigLIP model that transformers knows by itself.",
        )
    if not all(isinstance(config.get(part), dict) for part in ("text_config", "vision_config")):
        kind = clean(config.get("architectures") or config.get("model_type") or "unknown", 80)
        raise UserError(
            f"The model in {name} does not put pictures and words into one space ({kind}).", _ADVICE
        )
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        pickles = [*folder.glob("*.bin"), *folder.glob("*.pt"), *folder.glob("*.pth"), *folder.glob("*.ckpt")]
        if pickles:
            raise UserError(
                f"The encoder in {name} is refused: its weights are a pickle ({clean(pickles[0].name)}), "
                "which may run code when opened.",
                "Save it as safetensors.",
            )
        raise UserError(f"The encoder folder {name} holds no weights (*.safetensors).", "Is it complete?")
    for file in weights:
        _check_weights(file, name)
    for files, what in ((_PROCESSORS, "how pictures are prepared"), (_TOKENIZERS, "how words become tokens")):
        if not any((folder / file).is_file() for file in files):
            raise UserError(
                f"The encoder folder {name} does not say {what} (no {files[0]}).",
                "Save the model's processor and tokenizer into it.",
            )


def _json(path: Path, name: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as problem:
        raise UserError(
            f"{path.name} of the encoder folder {name} can't be read ({clean(problem, 100)}).",
            f"Is the folder complete? {_ADVICE}",
        ) from problem
    if not isinstance(content, dict):
        raise UserError(f"{path.name} of the encoder folder {name} is no JSON object.", _ADVICE)
    return content


def _check_weights(file: Path, name: str) -> None:
    """The header of a safetensors file against its size: a torn download is told here."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy") as opened:
            opened.keys()
    except (SafetensorError, OSError, ValueError) as problem:
        raise UserError(
            f"The weights {clean(file.name)} in {name} can't be read ({clean(problem, 100)}).",
            "Copy or download the file again.",
        ) from problem


# -- the encoder ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Loaded:
    """The parts that need torch and transformers."""

    model: Any
    tokenizer: Any
    how: Preprocessing
    prepare: Callable[[Image], npt.NDArray[np.uint8]]
    device: str
    padding: Mapping[str, Any]


class DualEncoder:
    """A transformers model with ``get_image_features`` and ``get_text_features``; made by :func:`open_encoder`."""

    def __init__(self, folder: Path, name: str, device: str = "cpu") -> None:
        self.folder = folder
        self.name = name
        self._device = device

    def __repr__(self) -> str:
        return f"DualEncoder({self.name!r})"

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over weights, settings, tokenizer and processor."""
        from failsight.tools.inputs.models.scoring import hash_files

        return hash_files(
            sorted(p for p in self.folder.iterdir() if p.is_file() and _CONTENT.fullmatch(p.name))
        )

    @cached_property
    def vocabulary(self) -> tuple[Definition, ...]:
        """The attributes of ``attributes.json``; empty where the folder has none. A calibration is marked as this encoder's:
        the case may be opened with another one later."""
        return tuple(
            replace(d, settings={**d.settings, CALIBRATED_FOR: self.fingerprint}) if d.settings else d
            for d in read_vocabulary(self.folder / VOCABULARY, by=self.name)
        )

    @cached_property
    def scale(self) -> float:
        """exp(logit_scale); 100, where CLIP's training ends, for models without one."""
        found = getattr(self._loaded.model, "logit_scale", None)
        value = math.exp(min(float(found.detach().float().mean()), 20.0)) if found is not None else 100.0
        return self._finite(value)

    @cached_property
    def bias(self) -> float:
        """SigLIP's ``logit_bias``; 0 for CLIP."""
        found = getattr(self._loaded.model, "logit_bias", None)
        return self._finite(float(found.detach().float().mean()) if found is not None else 0.0)

    @property
    def sigmoid(self) -> bool:
        """Whether it was trained with SigLIP's loss on pairs instead of CLIP's softmax over a batch."""
        return getattr(self._loaded.model, "logit_bias", None) is not None

    def _finite(self, value: float) -> float:
        if not math.isfinite(value):
            raise self._not_finite("logit scale")
        return value

    def _not_finite(self, what: str) -> UserError:
        return UserError(
            f"The encoder {self.name} gives numbers that are not finite ({what}): its weights are broken.",
            "Use another encoder, or save this one again in float32.",
        )

    def embed_images(self, images: Sequence[Image]) -> Floats:
        """(n, d) float32 of unit length, in batches.

        Raises:
            UserError: an embedding is NaN, infinite or zero.
        """
        import torch

        from failsight.tools.inputs import preprocess

        parts = self._loaded
        height, width = parts.how.size
        # as in the engine: larger batches fall out of the processor's caches
        batch = int(np.clip(2 ** round(math.log2(500_000 / (height * width))), 8, 64))
        factor, shift = (torch.from_numpy(part).to(parts.device) for part in preprocess.affine(parts.how))
        made: list[Any] = []
        with torch.inference_mode():
            for start in range(0, len(images), batch):
                some = images[start : start + batch]
                pixels = np.stack([parts.prepare(image) for image in some])
                values = torch.from_numpy(np.ascontiguousarray(preprocess.to_channels(pixels, parts.how)))
                tensor = values.to(parts.device, torch.float32).mul_(factor).add_(shift).permute(0, 3, 1, 2)
                made.append(
                    self._asked("pictures", parts.model.get_image_features, pixel_values=tensor.contiguous())
                )
        return self._unit(made, "pictures")

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        """(m, d) float32 of unit length, in batches; a text longer than the model reads is cut.

        Raises:
            UserError: an embedding is NaN, infinite or zero.
        """
        import torch

        parts = self._loaded
        made: list[Any] = []
        with torch.inference_mode():
            for start in range(0, len(texts), 256):
                some = [str(text) or " " for text in texts[start : start + 256]]
                tokens = self._asked(
                    "texts", parts.tokenizer, some, truncation=True, return_tensors="pt", **parts.padding
                )
                fed = {k: tokens[k].to(parts.device) for k in ("input_ids", "attention_mask") if k in tokens}
                made.append(self._asked("texts", parts.model.get_text_features, **fed))
        return self._unit(made, "texts")

    def _asked(self, what: str, function: Any, *given: Any, **named: Any) -> Any:
        """What the model or its tokenizer makes of pictures or texts; a part that does not fit the others is told."""
        try:
            return _vectors(function(*given, **named))
        except (TypeError, ValueError, IndexError, KeyError, RuntimeError) as problem:
            if "out of memory" in str(problem).lower():
                raise UserError(
                    f"The encoder {self.name} does not fit into the memory of {self._loaded.device}.",
                    "Use --device cpu, or a smaller encoder.",
                ) from problem
            raise UserError(
                f"The encoder {self.name} can't take {what} as its folder prepares them ({clean(problem, 100)}).",
                _FIXED,
            ) from problem

    def _unit(self, made: list[Any], what: str) -> Floats:
        if not made:
            return np.zeros(
                (0, int(getattr(self._loaded.model.config, "projection_dim", 0) or 0)), np.float32
            )
        vectors = np.concatenate([part.float().cpu().numpy() for part in made]).astype(np.float32)
        lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
        if not (np.isfinite(lengths).all() and (lengths > 0).all()):
            raise self._not_finite(what)
        return np.ascontiguousarray(vectors / lengths, dtype=np.float32)

    @cached_property
    def _loaded(self) -> _Loaded:
        from failsight.tools.inputs.models.processor import from_processor
        from failsight.tools.inputs.models.torch_based import pick_device
        from failsight.tools.inputs.models.transformers_folder import _quiet

        device = pick_device(self._device)
        with _quiet():
            model = self._model().to(device)
            tokenizer = self._part("AutoTokenizer", "tokenizer")
            processor = self._part("AutoImageProcessor", "image processor")
            try:
                how, geometry = from_processor(processor)
            except UserError as problem:  # its advice is for classifiers
                raise UserError(problem.message, _FIXED) from problem
        return _Loaded(model, tokenizer, how, _preparing(how, geometry), device, _padding(model, tokenizer))

    def _model(self) -> Any:
        """The network, every weight loaded."""
        import torch
        from transformers import AutoModel

        try:
            model, info = AutoModel.from_pretrained(
                self.folder,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
            )
        except Exception as problem:
            raise self._unreadable("model", problem) from problem
        if not all(hasattr(model, name) for name in ("get_image_features", "get_text_features")):
            raise UserError(
                f"The model in {self.name} does not put pictures and words into one space "
                f"({clean(type(model).__name__)}).",
                _ADVICE,
            )
        lacking = sorted(map(str, [*info.get("missing_keys", ()), *info.get("mismatched_keys", ())]))
        lacking = [key for key in lacking if not key.endswith("position_ids")]
        if lacking:
            raise UserError(
                f"The weights in {self.name} do not fill the network ({clean(', '.join(lacking[:3]), 160)} …).",
                "Is the folder complete, and of one model only?",
            )
        return model.eval()

    def _part(self, loader: str, what: str) -> Any:
        import transformers

        try:
            return getattr(transformers, loader).from_pretrained(
                self.folder, local_files_only=True, trust_remote_code=False
            )
        except Exception as problem:
            raise self._unreadable(what, problem) from problem

    def _unreadable(self, what: str, problem: Exception) -> UserError:
        lines = [line for line in str(problem).splitlines() if line.strip()]
        return UserError(
            f"The {what} in {self.name} can't be loaded: {clean(lines[0] if lines else type(problem).__name__)}.",
            "Is the folder complete, and is transformers recent enough?",
        )


def _vectors(output: Any) -> Any:
    """The (n, d) tensor in what ``get_*_features`` returns: older releases give it bare, newer ones in an output."""
    pooled = getattr(output, "pooler_output", None)
    return output if pooled is None else pooled


def _preparing(how: Preprocessing, geometry: OwnGeometry | None) -> Callable[[Image], npt.NDArray[np.uint8]]:
    """From picture to (height, width, 3) pixels. A processor that leaves pictures of its own size as they are is not asked
    about them: it takes as long as a small model."""
    from PIL import Image as Pillow

    from failsight.tools.inputs import preprocess

    if geometry is None:
        return lambda image: preprocess.prepare(image, how)
    own, size = geometry, (how.size[1], how.size[0])
    probe = np.random.default_rng(0).integers(0, 256, (*how.size, 3), np.uint8)
    kept = np.array_equal(own.prepare(Pillow.fromarray(probe)), probe)

    def prepare(image: Image) -> npt.NDArray[np.uint8]:
        image = image if image.mode == "RGB" else image.convert("RGB")
        return np.array(image, np.uint8) if kept and image.size == size else own.prepare(image)

    return prepare


def _padding(model: Any, tokenizer: Any) -> Mapping[str, Any]:
    """How texts are brought to one length: SigLIP was trained on texts padded to the full length, CLIP needs none."""
    text = getattr(model.config, "text_config", model.config)
    positions = int(getattr(text, "max_position_embeddings", 77) or 77)
    limit = min(positions, int(min(getattr(tokenizer, "model_max_length", positions), _MOST_TOKENS)))
    siglip = str(getattr(model.config, "model_type", "")).startswith("siglip")
    return {"padding": "max_length" if siglip else True, "max_length": limit}
