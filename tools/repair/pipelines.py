"""Diffusers pipelines: opened from a folder, the hub or those that ship with Failsight; run in batches that fit.

Weights are read as safetensors only, code of a pipeline's own is refused. What the pipeline ships to filter unsafe pictures
stays on; what it flags is thrown away.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from failsight.tools.errors import RetryError
from failsight.tools.text import clean

if TYPE_CHECKING:
    from PIL.Image import Image

Task = Literal["text_to_image", "image_to_image", "inpaint"]
SHIPPED = {"rooms": ("failsight.knowledge_base.cases", "rooms_painter")}
_HUB = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
GRAIN = (
    8  # sides are multiples of this many latent cells of the pipeline's own factor, see :func:`Painter.side`
)


@dataclass(frozen=True)
class Request:
    """One picture to paint.

    Attributes:
        prompt, unwanted: what it shows, and what it must not show.
        seed: of its noise; the picture does not depend on the batch that it is painted in (up to rounding).
        image: what it is made from (image_to_image, inpaint).
        mask: white where it is painted anew (inpaint).
    """

    prompt: str
    seed: int
    unwanted: str = ""
    image: Image | None = None
    mask: Image | None = None


@dataclass
class Painter:
    """A pipeline, loaded on first use.

    Attributes:
        where: folder or hub id.
        local: whether it is a folder.
        task: which of the pipelines made of its parts runs.
        batch: pictures painted at a time; halved where memory does not suffice.
        side: of the pictures it paints, pixels; 0: the pipeline's own.
    """

    where: str
    local: bool
    task: Task
    name: str
    fingerprint: str
    steps: int = 25
    guidance: float = 7.5
    strength: float = 0.6
    batch: int = 4
    side: int = 0
    notes: list[str] = field(default_factory=list)
    flagged: int = 0
    _pipeline: Any = field(default=None, repr=False)

    def paint(self, requests: Sequence[Request]) -> Iterator[Image | None]:
        """A picture for each request, in order; None where the pipeline's own filter flagged it.

        Raises:
            RetryError: not even one picture fits into memory, or the pipeline can't do this task.
        """
        at = 0
        while at < len(requests):
            part = requests[at : at + self.batch]
            try:
                painted = self._run(part)
            except (RuntimeError, MemoryError) as problem:
                if not out_of_memory(problem):
                    raise
                self._shrink(len(part))
                continue
            at += len(part)
            yield from painted

    def _shrink(self, used: int) -> None:
        """Half the batch. Raises RetryError where it was one picture."""
        _free()
        if used <= 1:
            raise RetryError(
                "Not even one picture fits into memory; give a smaller size, or another pipeline."
            )
        self.batch = max(1, used // 2)
        self.notes.append(
            f"Memory did not suffice for {used} pictures at a time; {self.batch} were painted at a time instead."
        )

    def _run(self, requests: Sequence[Request]) -> list[Image | None]:
        import torch

        pipeline = self.ready()
        device = _device()
        given: dict[str, Any] = {
            "prompt": [r.prompt for r in requests],
            "num_inference_steps": self.steps,
            "guidance_scale": self.guidance,
            "generator": [torch.Generator(device).manual_seed(r.seed) for r in requests],
            "output_type": "pil",
        }
        if any(r.unwanted for r in requests):
            given["negative_prompt"] = [r.unwanted for r in requests]
        if self.task == "text_to_image" and self.side:
            given |= {"width": self.side, "height": self.side}
        if self.task != "text_to_image":
            size = self.own_side()
            given["image"] = [_square(r.image, size) for r in requests]
            given["strength"] = self.strength
        if self.task == "inpaint":
            size = self.own_side()
            given |= {"mask_image": [_square(r.mask, size) for r in requests], "width": size, "height": size}
        with quiet(), torch.inference_mode():
            made = pipeline(**_accepted(pipeline, given))
        flags = getattr(made, "nsfw_content_detected", None) or [False] * len(made.images)
        self.flagged += sum(map(bool, flags))
        return [None if flag else image for image, flag in zip(made.images, flags, strict=True)]

    def own_side(self) -> int:
        """The side in pixels that pictures are brought to before they are painted over."""
        if self.side:
            return self.side
        pipeline = self.ready()
        part = getattr(pipeline, "unet", None) or getattr(pipeline, "transformer", None)
        cells = getattr(getattr(part, "config", None), "sample_size", None) or 64
        cells = cells if isinstance(cells, int) else cells[0]
        return int(cells) * int(getattr(pipeline, "vae_scale_factor", 8))

    @property
    def filtered(self) -> bool:
        """Whether the pipeline ships a filter for unsafe pictures."""
        return getattr(self.ready(), "safety_checker", None) is not None

    def ready(self) -> Any:
        """The pipeline. Raises RetryError when it can't be opened or does not do the task."""
        if self._pipeline is None:
            self._pipeline = _load(self.where, self.local, self.task)
        return self._pipeline


def open_painter(spec: str, task: Task, **settings: Any) -> Painter:
    """The pipeline that ``spec`` names: one that ships (``rooms``), a folder, or a hub id (``owner/name``).

    Its weights are read on first use.

    Raises:
        RetryError: there is no such folder, or it holds no diffusers pipeline.
    """
    text = spec.strip()
    if text in SHIPPED:
        package, folder = SHIPPED[text]
        path = Path(str(resources.files(package).joinpath(folder)))
        if not (path / "model_index.json").is_file():
            raise RetryError(f"pipeline: the pipeline {text} does not come with this installation.")
        return Painter(str(path), True, task, text, _content(path), **settings)
    path = Path(text).expanduser()
    if path.is_dir():
        if not _is_index(path / "model_index.json"):
            raise RetryError(
                f"pipeline: {clean(text, 120)} is no diffusers pipeline (it has no model_index.json that names one)."
            )
        return Painter(str(path), True, task, clean(path.resolve().name, 60), _content(path), **settings)
    if _HUB.fullmatch(text):
        return Painter(text, False, task, clean(text, 100), f"hub:{text}", **settings)
    raise RetryError(
        f"pipeline: {clean(text, 120)} is neither a folder nor the name of a pipeline on the hub (owner/name).",
        list(SHIPPED),
    )


def _load(where: str, local: bool, task: Task) -> Any:
    """The pipeline for a task, from the parts that are there."""
    import diffusers
    import torch

    with quiet():
        opener = {
            "text_to_image": diffusers.AutoPipelineForText2Image,
            "image_to_image": diffusers.AutoPipelineForImage2Image,
            "inpaint": diffusers.AutoPipelineForInpainting,
        }[task]
        device = _device()
        given: dict[str, Any] = {
            "local_files_only": local,
            "use_safetensors": True,
            "trust_remote_code": False,
            "torch_dtype": torch.float16 if device == "cuda" else torch.float32,
        }
        try:
            made = _opened(opener, diffusers.DiffusionPipeline, where, task, given)
        except RetryError:
            raise
        except Exception as problem:  # whatever a folder or a server can be wrong in
            first = clean(str(problem).strip().split("\n")[0], 160)
            raise RetryError(f"pipeline: {clean(where, 120)} can't be opened ({first}).") from problem
        made.set_progress_bar_config(disable=True)
        return made.to(device)


def _opened(opener: Any, whole: Any, where: str, task: Task, given: dict[str, Any]) -> Any:
    """By the task's opener; what it does not know may still be a pipeline from text to pictures of its own kind."""
    try:
        return opener.from_pretrained(where, **given)
    except ValueError:
        if task != "text_to_image":
            raise RetryError(
                f"pipeline: {clean(where, 120)} can't do {task.replace('_', ' ')}.", ["text_to_image"]
            ) from None
        return whole.from_pretrained(where, **given)


def _accepted(pipeline: Any, given: dict[str, Any]) -> dict[str, Any]:
    """What the pipeline's call takes: pipelines without guidance or negative prompts exist."""
    import inspect

    known = inspect.signature(type(pipeline).__call__).parameters
    if any(p.kind is p.VAR_KEYWORD for p in known.values()):
        return given
    return {k: v for k, v in given.items() if k in known}


def out_of_memory(problem: BaseException) -> bool:
    """Whether an error says that memory did not suffice."""
    text = str(problem).lower()
    return (
        isinstance(problem, MemoryError)
        or type(problem).__name__ == "OutOfMemoryError"
        or any(said in text for said in ("out of memory", "can't allocate memory", "not enough memory"))
    )


def _free() -> None:
    import gc

    gc.collect()
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _square(image: Image | None, size: int) -> Image:
    from PIL import Image as module

    assert image is not None
    how = module.Resampling.NEAREST if image.mode == "L" else module.Resampling.BICUBIC
    return image.resize((size, size), how)


@contextmanager
def quiet() -> Iterator[None]:
    """Warnings and progress bars of the libraries are not for the people who look at our screen."""
    import logging

    loud: list[tuple[Callable[[int], None], int]] = []
    for module in ("diffusers", "transformers"):
        told: Any = sys.modules.get(f"{module}.utils.logging")
        if told is None:  # not loaded: nothing to silence, and no reason to load it
            continue
        try:
            loud.append((told.set_verbosity, told.get_verbosity()))
            told.set_verbosity(logging.ERROR)
            told.disable_progress_bar()
        except AttributeError:
            continue
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for put_back, level in loud:
            put_back(level)


def _is_index(path: Path) -> bool:
    try:
        raw = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(raw, dict) and "_class_name" in raw


def _content(folder: Path) -> str:
    """Digest of the pipeline's index and of names and sizes of its files."""
    seen = hashlib.sha256((folder / "model_index.json").read_bytes())
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        seen.update(f"{file.relative_to(folder)} {file.stat().st_size}".encode("utf-8", "surrogateescape"))
    return seen.hexdigest()[:16]
