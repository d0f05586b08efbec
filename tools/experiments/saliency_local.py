"""Occlusion at less than a pass a window: what lies before a layer is computed again only round the window.

A convolution's output far from a covered window is that of the picture as it is. The early layers, where maps are large,
therefore run on a crop; their result is pasted into the whole picture's maps, and the rest of the network goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from failsight.tools.inputs.base import Floats

CELLS = 10  # occlusion: cells a side; the window covers 2 × 2 of them
LARGEST_STRIDE = 4
WORTH = 0.75  # a crop of more than so much of the side saves little
SAME = 1e-4
Rect = tuple[int, int, int, int]  # y0, x0, y1, x1 in pixels


@dataclass(frozen=True, slots=True)
class Cut:
    """Where the network is cut: the module's name, pixels a cell of its maps, and how far a pixel's influence reaches there."""

    name: str
    stride: int
    margin: int


def find_cut(module: Any, example: Any, window: int) -> Cut | None:
    """The last module with maps of a quarter of the picture's side or more for which a crop round a window is worth it; the
    reach is summed over the convolutions and poolings before. None where there is no such module.

    What follows it may read its maps only; that is not seen here, and has to be tried (:func:`agrees`).
    """
    import torch

    height, width = example.shape[-2:]
    reach, jump = 0.0, 1
    found: list[Cut] = []

    def hook(name: str) -> Any:
        def watch(child: Any, _: Any, output: Any) -> None:
            nonlocal reach, jump
            if isinstance(child, torch.nn.Conv2d | torch.nn.MaxPool2d | torch.nn.AvgPool2d):
                size, step = (
                    max(v) if isinstance(v, tuple) else int(v) for v in (child.kernel_size, child.stride)
                )
                wide = getattr(child, "dilation", 1)
                reach += (size - 1) * (max(wide) if isinstance(wide, tuple) else wide) * jump
                jump *= step
            shape = tuple(getattr(output, "shape", ()))
            if len(shape) != 4 or not 0 < shape[2] <= height or height % shape[2] or width % shape[3]:
                return
            stride = height // shape[2]
            crop = window + 2 * reach + 3 * stride
            if (
                stride == width // shape[3]
                and 1 < stride <= LARGEST_STRIDE
                and crop <= WORTH * min(height, width)
            ):
                found.append(Cut(name, stride, -int(-reach // 2)))

        return watch

    handles = [child.register_forward_hook(hook(name)) for name, child in module.named_modules() if name]
    try:
        with torch.inference_mode():
            module(example)
    finally:
        for handle in handles:
            handle.remove()
    return found[-1] if found else None


def covered_outputs(
    module: Any, cut: Cut, picture: Any, rects: Sequence[Rect], colour: Any, batch: int
) -> list[Any]:
    """Outputs of ``module`` with each of ``rects`` painted in ``colour``, after those of the picture as it is.

    Args:
        picture: normalised, (1, c, h, w), in the memory format of the module.
        colour: normalised, (c,).

    Returns:
        What the module gave for each batch, the picture's own first.
    """
    import torch

    height, width = picture.shape[-2:]
    side_y, side_x = (
        _crop(max(r[2 + a] - r[a] for r in rects), n, cut) for a, n in ((0, height), (1, width))
    )
    with torch.inference_mode():
        kept: list[Any] = []
        with _swapped(module, cut.name, kept.append):
            made = [module(picture)]
        whole = kept[-1]
        for first in range(0, len(rects), batch):
            part = rects[first : first + batch]
            corners = [(_start(r[0], side_y, height, cut), _start(r[1], side_x, width, cut)) for r in part]
            crops = torch.cat([picture[:, :, y : y + side_y, x : x + side_x] for y, x in corners])
            for crop, (y0, x0, y1, x1), (y, x) in zip(crops, part, corners, strict=True):
                crop[:, y0 - y : y1 - y, x0 - x : x1 - x] = colour[:, None, None]

            def paste(maps: Any, part: Sequence[Rect] = part, corners: Any = tuple(corners)) -> Any:
                full = whole.repeat(len(part), 1, 1, 1)
                for one, new, rect, corner in zip(full, maps, part, corners, strict=True):
                    rows, own_rows = _cells(rect[0], rect[2], corner[0], height, cut)
                    columns, own_columns = _cells(rect[1], rect[3], corner[1], width, cut)
                    one[:, rows, columns] = new[:, own_rows, own_columns]
                return full

            with _swapped(module, cut.name, paste):
                made.append(module(crops))
    return made


def agrees(module: Any, cut: Cut, picture: Any, rects: Sequence[Rect], colour: Any) -> bool:
    """Whether the outputs at ``rects`` are those of whole passes, up to rounding."""
    import torch

    from failsight.tools.experiments.saliency_lens import columns

    try:
        given = torch.cat(
            [columns(o) for o in covered_outputs(module, cut, picture, rects, colour, len(rects))]
        )
    except (
        RuntimeError,
        IndexError,
        ValueError,
        AttributeError,
        TypeError,
    ):  # the rest reads more than the maps
        return False
    painted = picture.repeat(1 + len(rects), 1, 1, 1)
    for one, (y0, x0, y1, x1) in zip(painted[1:], rects, strict=True):
        one[:, y0:y1, x0:x1] = colour[:, None, None]
    with torch.inference_mode():
        wanted = columns(module(painted))
    return bool((given - wanted).abs().max() <= SAME * wanted.abs().max().clamp(min=1.0))


def _crop(window: int, length: int, cut: Cut) -> int:
    """Side of the crops: the window, its reach, and the reach of what is pasted; whole cells."""
    return min(length, -(-(window + 4 * cut.margin + 3 * cut.stride) // cut.stride) * cut.stride)


def _start(window: int, side: int, length: int, cut: Cut) -> int:
    """Where the crop of a window that starts at ``window`` starts: on a cell, inside the picture."""
    return max(0, min((window - 2 * cut.margin - cut.stride) // cut.stride * cut.stride, length - side))


def _cells(start: int, end: int, corner: int, length: int, cut: Cut) -> tuple[slice, slice]:
    """The cells that a window changes: in the whole picture's maps, and in the crop's."""
    first = max(0, (start - cut.margin) // cut.stride)
    last = min(length // cut.stride, -(-(end + cut.margin) // cut.stride))
    offset = corner // cut.stride
    return slice(first, last), slice(first - offset, last - offset)


@contextmanager
def _swapped(module: Any, name: str, change: Any) -> Iterator[None]:
    """Within it, the submodule hands on ``change`` of what it computes; None from it changes nothing."""
    handle = dict(module.named_modules())[name].register_forward_hook(lambda _, __, output: change(output))
    try:
        yield
    finally:
        handle.remove()


def probabilities(raw: Any, outputs: str) -> Floats:
    """Outputs (n, classes) as probabilities."""
    made: Floats = (raw if outputs == "probabilities" else raw.softmax(1)).float().cpu().numpy()
    return made
