"""Models that say where something is: segmentation and detection models of transformers, with classes of their own or with words.

Opening a folder reads small files only; weights and transformers are loaded when the first picture comes. Nothing is
fetched unless a person named a model of the hub, and nothing is unpickled.

Sources: SegFormer (Xie et al. 2021), Mask2Former (Cheng et al. 2022), DETR (Carion et al. 2020), CLIPSeg (Lüddecke and Ecker
2022), OWL-ViT (Minderer et al. 2022), Grounding DINO (Liu et al. 2023).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.answering import checked_folder, folder_print, found_folder, load_parts
from failsight.tools.errors import UserError
from failsight.tools.evidence import digest
from failsight.tools.experiments.regions_base import Mask, pixel_box
from failsight.tools.text import clean

if TYPE_CHECKING:
    from PIL.Image import Image

ADVICE = (
    "Give a folder that transformers saved: SegFormer, Mask2Former, DETR (classes of their own), CLIPSeg, OWL-ViT or "
    "Grounding DINO (any words)."
)
BATCH = 8
LONGEST = 512  # pixels of the longer side at which masks are made: 150 classes at the size of a photograph fill gigabytes
PROMPT = "a photo of a {}"  # as OWL-ViT and CLIPSeg were trained and are used
Floats = npt.NDArray[np.float32]


class Segmenter(Protocol):
    """A model that says where something is. Deterministic."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def fingerprint(self) -> str:
        """Content of weights, settings, tokenizer and processor."""

    @property
    def classes(self) -> tuple[str, ...]:
        """What it knows by name; empty for a model that takes any words."""

    def find(self, images: Sequence[Image], wanted: str, sure: float | None = None) -> list[Mask]:
        """Where ``wanted`` is in each image: masks in the image's own shape, at most 512 pixels long; empty where it finds nothing.

        Args:
            wanted: one of ``classes``, or any words.
            sure: how sure it has to be, in (0, 1); None: as is usual for it.

        Raises:
            UserError: its weights can't be read or give numbers that are not finite.
        """


def open_segmenter(path_or_hub_id: str, device: str = "cpu") -> Segmenter:
    """The model in a folder, or of a hub id that a person named. Weights are read when the first picture comes.

    Raises:
        UserError: no such folder, another architecture, weights missing or pickled, code of its own.
    """
    folder = found_folder(path_or_hub_id, ADVICE)
    given = Path(path_or_hub_id).expanduser() == folder
    name = clean(folder.resolve().name if given else path_or_hub_id.strip(), 80)
    return _opened(folder, name, device, folder_state(folder))


def folder_state(folder: Path) -> str:
    """Names, sizes and times of the files of a folder, in one short text: cheap, and another one when a file changes."""
    stats = [
        (p.relative_to(folder).as_posix(), (s := p.stat()).st_size, s.st_mtime_ns)
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    ]
    return digest(stats)


@lru_cache(maxsize=2)
def _opened(folder: Path, name: str, device: str, state: str) -> Segmenter:
    """``state`` makes a folder whose files changed another one."""
    _, architecture = checked_folder(folder, name, ADVICE)
    made = next((cls for ends, cls in _KINDS if architecture.endswith(ends)), None)
    if made is None or architecture.startswith(_REFUSED):
        raise UserError(f"The model in {name} does not say where things are ({architecture}).", ADVICE)
    return made(folder, name, device)


class FolderSegmenter:
    """What all of them have in common: loading, batches, sizes."""

    auto = ""
    words = False
    usual = 0.5  # how sure it has to be where nobody says

    def __init__(self, folder: Path, name: str, device: str) -> None:
        self.name = name
        self._folder, self._device = folder, device

    @cached_property
    def fingerprint(self) -> str:
        return folder_print(self._folder)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        if self.words:
            return ()
        named = json.loads((self._folder / "config.json").read_text("utf-8")).get("id2label") or {}
        try:
            return tuple(str(named[k]) for k in sorted(named, key=int))
        except (TypeError, ValueError, AttributeError):
            raise UserError(
                f"The classes that config.json of {self.name} names can't be read.", ADVICE
            ) from None

    @cached_property
    def _parts(self) -> tuple[Any, Any]:
        """The network and its processor."""
        return load_parts(self.auto, self._folder, self.name, self._device, ADVICE, words=self.words)

    def find(self, images: Sequence[Image], wanted: str, sure: float | None = None) -> list[Mask]:
        import torch

        from failsight.tools.inputs.models.transformers_folder import _quiet

        made: list[Mask] = []
        with torch.inference_mode(), _quiet():
            for batch in _alike(images):
                try:
                    found = self._find(batch, wanted, self.usual if sure is None else sure)
                except (TypeError, ValueError, IndexError, KeyError, AttributeError, RuntimeError) as problem:
                    raise UserError(
                        f"The model {self.name} can't be run on these pictures ({clean(problem, 160)}).",
                        ADVICE,
                    ) from problem
                made += found
        return made

    def _find(self, images: Sequence[Image], wanted: str, sure: float) -> list[Mask]:
        raise NotImplementedError

    def _run(self, **given: Any) -> tuple[Any, Any]:
        """(outputs, inputs) of the network."""
        network, processor = self._parts
        fed = processor(return_tensors="pt", **given).to(network.device)
        return network(**fed), fed

    def _finite(self, values: Any) -> Any:
        if not bool(values.isfinite().all()):
            raise UserError(
                f"The model {self.name} gives numbers that are not finite: its weights are broken.",
                "Use another one, or save it again in float32.",
            )
        return values

    def _class(self, wanted: str) -> int:
        return self.classes.index(wanted)


class Semantic(FolderSegmenter):
    """One class for every pixel: SegFormer, UPerNet, BEiT, DPT …"""

    auto = "AutoModelForSemanticSegmentation"
    usual = 0.0  # the likeliest class, however likely

    def _find(self, images: Sequence[Image], wanted: str, sure: float) -> list[Mask]:
        import torch

        outputs, _ = self._run(images=list(images))
        k, made = self._class(wanted), []
        for logits, image in zip(self._finite(outputs.logits.float()), images, strict=True):
            whole = torch.nn.functional.interpolate(
                logits[None], size=_bounded(image), mode="bilinear", align_corners=False
            )[0]
            mask = whole.argmax(0) == k
            if sure > 0:
                mask &= whole.softmax(0)[k] >= sure
            made.append(np.asarray(mask.cpu().numpy(), bool))
        return made


class Panoptic(FolderSegmenter):
    """Objects with a class and a score each: Mask2Former, MaskFormer, DETR, EoMT."""

    auto = "AutoModelForUniversalSegmentation"

    def _find(self, images: Sequence[Image], wanted: str, sure: float) -> list[Mask]:
        outputs, _ = self._run(images=list(images))
        for name in ("class_queries_logits", "logits"):
            if getattr(outputs, name, None) is not None:
                self._finite(getattr(outputs, name))
        sizes = [_bounded(image) for image in images]
        found = self._parts[1].post_process_panoptic_segmentation(
            outputs, threshold=sure, target_sizes=sizes, label_ids_to_fuse=set()
        )
        k, made = self._class(wanted), []
        for one, size in zip(found, sizes, strict=True):
            ids = [part["id"] for part in one["segments_info"] if int(part["label_id"]) == k]
            drawn = one["segmentation"]
            if drawn is None or not ids:
                made.append(np.zeros(size, bool))
            else:
                made.append(np.isin(np.asarray(drawn.cpu().numpy()), ids))
        return made


class Detector(FolderSegmenter):
    """Boxes with a class each: DETR, YOLOS, RT-DETR …"""

    auto = "AutoModelForObjectDetection"

    def _find(self, images: Sequence[Image], wanted: str, sure: float) -> list[Mask]:
        outputs, _ = self._run(images=list(images))
        self._finite(outputs.logits)
        found = self._parts[1].post_process_object_detection(
            outputs, threshold=sure, target_sizes=[(1, 1)] * len(images)
        )
        k = self._class(wanted)
        return [
            _boxes(one["boxes"][one["labels"] == k], image) for one, image in zip(found, images, strict=True)
        ]


class Prompted(FolderSegmenter):
    """A mask for words: CLIPSeg. Pixels whose score reaches the threshold; nothing where none does."""

    auto = "CLIPSegForImageSegmentation"
    words = True
    usual = 0.4

    def _find(self, images: Sequence[Image], wanted: str, sure: float) -> list[Mask]:
        import torch

        outputs, _ = self._run(
            text=[PROMPT.format(wanted)] * len(images), images=list(images), padding=True, truncation=True
        )
        logits = self._finite(outputs.logits.float())
        logits = logits.reshape(len(images), *logits.shape[-2:])  # one picture comes without its first axis
        made = []
        for one, image in zip(logits, images, strict=True):
            whole = torch.nn.functional.interpolate(
                one[None, None], size=_bounded(image), mode="bilinear", align_corners=False
            )[0, 0]
            made.append(np.asarray((whole.sigmoid() >= sure).cpu().numpy(), bool))
        return made


class PromptedBoxes(FolderSegmenter):
    """Boxes for words: OWL-ViT and OWLv2."""

    auto = "AutoModelForZeroShotObjectDetection"
    words = True
    usual = 0.1  # its scores are low: what its authors use

    def _find(self, images: Sequence[Image], wanted: str, sure: float) -> list[Mask]:
        outputs, _ = self._run(
            text=[[PROMPT.format(wanted)]] * len(images), images=list(images), truncation=True
        )
        self._finite(outputs.logits)
        found = self._parts[1].post_process_grounded_object_detection(
            outputs, threshold=sure, target_sizes=self._targets(images)
        )
        return [
            _boxes(one["boxes"] / _size_of(target), image)
            for one, image, target in zip(found, images, self._targets(images), strict=True)
        ]

    def _targets(self, images: Sequence[Image]) -> list[tuple[int, int]]:
        return [(image.height, image.width) for image in images]


class Grounded(PromptedBoxes):
    """Boxes for words: Grounding DINO, which reads a sentence that ends with a full stop."""

    usual = 0.3

    def _find(self, images: Sequence[Image], wanted: str, sure: float) -> list[Mask]:
        text = wanted.casefold().rstrip(". ") + "."
        outputs, fed = self._run(
            text=[text] * len(images), images=list(images), padding=True, truncation=True
        )
        self._finite(outputs.pred_boxes)
        found = self._parts[1].post_process_grounded_object_detection(
            outputs,
            fed["input_ids"],
            threshold=sure,
            text_threshold=sure,
            target_sizes=[(1, 1)] * len(images),
        )
        return [_boxes(one["boxes"], image) for one, image in zip(found, images, strict=True)]


def _alike(images: Sequence[Image]) -> Iterator[Sequence[Image]]:
    """Batches of one size each, in order: processors pad pictures of different sizes, and not all take the padding off again."""
    start = 0
    for at in range(1, len(images) + 1):
        if at == len(images) or at - start == BATCH or images[at].size != images[start].size:
            yield images[start:at]
            start = at


def _bounded(image: Image) -> tuple[int, int]:
    """(height, width) in the image's shape, no side longer than 512."""
    scale = min(1.0, LONGEST / max(image.size))
    return max(1, round(image.height * scale)), max(1, round(image.width * scale))


def _size_of(target: tuple[int, int]) -> Any:
    import torch

    return torch.tensor([target[1], target[0], target[1], target[0]])


def _boxes(boxes: Any, image: Image) -> Mask:
    """Boxes (n, 4) in fractions, x0, y0, x1, y1, as a mask."""
    height, width = _bounded(image)
    made = np.zeros((height, width), bool)
    for box in boxes.float().cpu().tolist():
        y0, x0, y1, x1 = pixel_box(tuple(box), height, width)
        made[y0:y1, x0:x1] = True
    return made


_REFUSED = ("OneFormer", "OmDet", "Sam", "Video", "VidEomt")
_KINDS: tuple[tuple[tuple[str, ...], Callable[[Path, str, str], FolderSegmenter]], ...] = (
    (("ForSemanticSegmentation",), Semantic),
    (("ForUniversalSegmentation", "MaskFormerForInstanceSegmentation", "DetrForSegmentation"), Panoptic),
    (("CLIPSegForImageSegmentation",), Prompted),
    (("OwlViTForObjectDetection", "Owlv2ForObjectDetection"), PromptedBoxes),
    (("GroundingDinoForObjectDetection",), Grounded),
    (("ForObjectDetection",), Detector),
)
