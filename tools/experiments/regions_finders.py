"""From a region to how it is found: colours, clicks, segments, saliency, mask files, and models that segment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError, UserError
from failsight.tools.evidence import digest
from failsight.tools.experiments import regions_segments as cut
from failsight.tools.experiments.population import check_split, class_index
from failsight.tools.experiments.regions_base import FIXED, WITH_SEGMENTER, Mask, Region, most_salient
from failsight.tools.experiments.regions_colour import without_specks
from failsight.tools.experiments.regions_files import mask_files, points_of
from failsight.tools.experiments.regions_likeness import alike
from failsight.tools.experiments.regions_places import Batch, Finder, Ints, Local, Places, Size
from failsight.tools.inputs.base import Classifier, Floats, Pixels, Split
from failsight.tools.text import clean
from failsight.tools.view import CaseView

if TYPE_CHECKING:
    from PIL.Image import Image

    from failsight.tools.experiments.segmenters import Segmenter

MOST_FOR_PLACE = 128  # pictures whose maps are averaged for one place
SELF_CHOSEN = (
    "The region is chosen by a map of the same model ({method}), so that it matters is no surprise; the controls have its size "
    "and are placed alike. A confirmed result says that the map points at what the model uses, not what that is."
)


def open_places(
    view: CaseView,
    split: Split,
    region: Region,
    *,
    watched: int | None = None,
    segmenter: str | None = None,
    learn: Ints | None = None,
    exact: bool = False,
) -> Places:
    """Where ``region`` lies in the pictures of ``split``. Opens no image, but for ``saliency:place`` and ``like:``.

    Args:
        watched: class whose saliency is taken where the region names none; None: the class predicted on each picture.
        segmenter: folder of the model that finds ``object:`` and ``text:`` regions.
        learn: rows on which ``saliency:place`` is chosen; they must not be tested.
        exact: for ``like:``, only what is nearly the same pixel by pixel.

    Raises:
        RetryError: something that the region names does not exist, or a model that it needs is missing or can't be read.
    """
    check_reachable(view, region, segmenter)
    if region.kind == "like":
        return Places(view, split, region, alike(view, split, region, exact))
    return Places(view, split, region, _finder(view, split, region, watched, segmenter, learn))


def check_reachable(view: CaseView, region: Region, segmenter: str | None) -> None:
    """Raises RetryError where what finds the region, or the picture that it is a piece of, is not there. Opens nothing."""
    if segmenter and region.kind not in WITH_SEGMENTER:
        raise RetryError(
            f"segmenter: {region.title} needs none; write region=object:NAME or region=text:WORDS to use it."
        )
    if region.kind in WITH_SEGMENTER and not segmenter:
        raise RetryError(
            f"region: {clean(region.spec, 60)!r} needs a model that finds it: segmenter=FOLDER, such as SegFormer or "
            "Mask2Former for object:NAME, CLIPSeg, OWL-ViT or Grounding DINO for text:WORDS."
        )
    if region.kind == "like":
        home, _, row = region.name.partition("/")
        count = len(view.table(check_split(view, home)))
        if int(row) >= count:
            raise RetryError(f"region: {home} has {count:,} images, counted from 0; there is no image {row}.")


def _finder(
    view: CaseView,
    split: Split,
    region: Region,
    watched: int | None,
    segmenter: str | None,
    learn: Ints | None,
) -> Finder | None:
    if region.kind in (*FIXED, "box"):
        return None
    if region.kind == "colour":
        return Finder(_coloured(region), notes=("All of that colour is the region, whatever it belongs to.",))
    if region.kind == "mask":
        return _drawn(view, split, region)
    if region.kind in WITH_SEGMENTER:
        return _segmented(view, region, segmenter)
    if region.salient:
        if region.name:
            watched = class_index(view.classes, region.name)
        return _salient(view, split, region, watched, learn)
    return _pointed(view, split, region)


def _coloured(region: Region) -> Local:
    colour = region.colour
    assert colour is not None
    return lambda _, pixels, __: without_specks(colour.inside(pixels))


# -- points, clicks and segments ---------------------------------------------------------------------


def _pointed(view: CaseView, split: Split, region: Region) -> Finder:
    points, key, may = _points(view, split, region)

    def at(row: int, pixels: Pixels, size: Size) -> Mask:
        found = points(row, size)
        if region.kind == "point":
            return cut.discs(found, region.size, *pixels.shape[:2])
        return cut.flooded(pixels, found, region.size)

    def segmented(rows: Ints, images: Sequence[Image], pixels: Pixels) -> list[Mask]:
        made = []
        for row, image, picture in zip(rows.tolist(), images, pixels, strict=True):
            labels = cut.segments(picture, region.segments)
            if region.colour is not None:
                made.append(cut.of_colour(labels, picture, region.colour))
            else:
                made.append(cut.at_points(labels, points(row, image.size)))
        return made

    if region.kind == "segment":
        return Finder(None, segmented, {"points": key}, may)
    return Finder(at, None, {"points": key}, may)


def _points(
    view: CaseView, split: Split, region: Region
) -> tuple[Callable[[int, Size], list[cut.Point]], str, npt.NDArray[np.bool_] | None]:
    """Points of a row in fractions of the prepared picture; what they depend on; which rows have any."""
    if not region.column:
        fixed = [region.point] if region.point else []
        return lambda _, __: fixed, "", None
    table, model = view.table(split), view.model()
    own = points_of(table, region.column)
    may = np.zeros(len(table), bool)
    may[list(own.cells)] = True

    def of(row: int, size: Size) -> list[cut.Point]:
        return [p for q in own.of(row, size) for p in _seen(model, q, size)]

    return of, digest(sorted((r, list(p)) for r, p in own.cells.items())), may


def _seen(model: Classifier, point: cut.Point, size: Size) -> list[cut.Point]:
    """A point of the image's file in the prepared picture; none where that cuts it off."""
    x, y = (min(max(v, 1e-4), 1 - 1e-4) for v in point)
    x0, y0, x1, y1 = model.prepare_box((x - 1e-4, y - 1e-4, x + 1e-4, y + 1e-4), *size)
    return [((x0 + x1) / 2, (y0 + y1) / 2)] if x1 > x0 and y1 > y0 else []


# -- masks from files and from models ----------------------------------------------------------------


def onto(model: Classifier, mask: Mask, size: Size) -> Mask:
    """``mask`` of an image as a mask of the prepared picture, through the very steps that the image takes.

    Args:
        size: width and height of the image's file; a mask of another size is brought to it.
    """
    from PIL import Image

    drawn = Image.fromarray(mask.astype(np.uint8) * 255)
    if drawn.size != size:
        drawn = drawn.resize(size, Image.Resampling.NEAREST)
    made: Mask = model.prepare(drawn.convert("RGB")).max(-1) > 127
    return made


def _drawn(view: CaseView, split: Split, region: Region) -> Finder:
    table, model = view.table(split), view.model()
    files = mask_files(table, region)
    may = np.zeros(len(table), bool)
    may[list(files.files)] = True

    def read(row: int, pixels: Pixels, size: Size) -> Mask:
        found = files.read(row, size)
        return np.zeros(pixels.shape[:2], bool) if found is None else onto(model, found, size)

    missing = int((~may).sum())
    notes = (f"{missing:,} of {len(table):,} images have no mask and took no part.",) if missing else ()
    return Finder(read, None, {"masks": files.fingerprint}, may, notes, files.problems)


def _segmented(view: CaseView, region: Region, given: str | None) -> Finder:
    assert given
    model = view.model()
    found = _open(given, getattr(model, "device", "cpu"))
    wanted = _wanted(found, region)

    def batch(_: Ints, images: Sequence[Image], pixels: Pixels) -> list[Mask]:
        try:
            masks = found.find(images, wanted, region.threshold)
        except UserError as problem:
            raise RetryError(f"segmenter: {problem}") from problem
        return [onto(model, mask, image.size) for mask, image in zip(masks, images, strict=True)]

    how = "as sure as is usual for it" if region.threshold is None else f"at least {region.threshold:g} sure"
    told = f"The region is where {clean(found.name, 60)} finds {clean(wanted, 60)!r} ({how}): its mistakes are part of the result."
    return Finder(None, batch, {"segmenter": found.fingerprint}, None, (told,))


def _open(given: str, device: str) -> Segmenter:
    """The model in a folder on this machine: an argument, which a language model may have written, fetches nothing."""
    from failsight.tools.experiments.segmenters import open_segmenter

    if not Path(given.strip()).expanduser().is_dir():
        raise RetryError(
            f"segmenter: There is no model folder {clean(given, 80)}. A model of the hub is named with --segmenter."
        )
    try:
        return open_segmenter(given.strip(), device)
    except UserError as problem:
        raise RetryError(f"segmenter: {problem}") from None


def _wanted(segmenter: Segmenter, region: Region) -> str:
    """What the segmenter is asked for: words, or the name of one of its classes."""
    if region.kind == "text":
        if segmenter.classes:
            raise RetryError(
                f"region: {clean(segmenter.name, 60)} takes no words; write object:NAME.",
                [clean(c, 40) for c in segmenter.classes],
            )
        return region.name
    if not segmenter.classes:
        raise RetryError(f"region: {clean(segmenter.name, 60)} has no classes of its own; write text:WORDS.")
    plain = region.name.casefold().replace("_", " ")
    near = [c for c in segmenter.classes if c.casefold().replace("_", " ") == plain]
    near = near or [  # ADE20K and others list synonyms: "television receiver, television, tv"
        c for c in segmenter.classes if plain in (part.strip() for part in c.casefold().split(","))
    ]
    if not near:
        raise RetryError(
            f"region: {clean(segmenter.name, 60)} has no class {clean(region.name, 40)!r}.",
            [clean(c, 40) for c in segmenter.classes],
        )
    return near[0]


# -- saliency ----------------------------------------------------------------------------------------


def _salient(view: CaseView, split: Split, region: Region, watched: int | None, learn: Ints | None) -> Finder:
    from failsight.tools.experiments.explainers import class_maps

    method, maps = class_maps(view, watched)
    key = {"map": method, "of": "predicted" if watched is None else watched}
    if region.average:
        if learn is None or not len(learn):
            raise RetryError(
                "region: saliency:place is chosen on images of its own, and there are none to spare."
            )
        place, used = _average(view, split, region, maps, learn)
        told = (
            f"The place was chosen where the maps ({_words(method)}) of {used:,} images are highest on average; none of them "
            "takes part in the test."
        )
        return Finder(lambda *_: place, None, {**key, "place": digest(np.packbits(place))}, None, (told,))

    def batch(_: Ints, __: Sequence[Image], pixels: Pixels) -> list[Mask]:
        found = maps(pixels)
        if region.kind == "saliency":
            return [_marked(one, region.share) for one in found]
        return [
            cut.by_saliency(cut.segments(picture, region.segments), one, region.rank) & bool(np.ptp(one) > 0)
            for picture, one in zip(pixels, found, strict=True)
        ]

    return Finder(None, batch, key, None, (SELF_CHOSEN.format(method=_words(method)),))


def _marked(saliency: Floats, share: float) -> Mask:
    """The most salient pixels, as far as the map says anything: where it is at its lowest it marks nothing."""
    made: Mask = most_salient(saliency, share) & (saliency > saliency.min())
    return made


def _words(method: str) -> str:
    return {"grad_cam": "Grad-CAM"}.get(method, method.replace("_", " "))


def _average(
    view: CaseView, split: Split, region: Region, maps: Callable[[Pixels], Floats], learn: Ints
) -> tuple[Mask, int]:
    """Where the maps of ``learn`` are highest on average, each weighing the same; and how many maps that are."""
    from failsight.tools.engine.local import batch_size

    height, width = view.model().preprocessing.size
    total, used = np.zeros((height, width)), 0
    rows = np.sort(np.random.default_rng([view.seed, 17]).permutation(learn)[:MOST_FOR_PLACE])
    with view.progress.job("choosing a place", len(rows)) as ticker:
        for part, pixels in view.pixels(rows, split, batch_size(view.model())):
            for one in maps(pixels).astype(np.float64):
                mass = float(np.abs(one).sum())
                if np.isfinite(mass) and mass > 0:
                    total += one / mass
                    used += 1
            ticker.advance(len(part))
    if not used:
        raise RetryError("region: the saliency maps are empty everywhere, so that no place stands out.")
    return _marked(total.astype(np.float32), region.share), used


# -- what a call depends on outside the case ----------------------------------------------------------


def region_print(arguments: Mapping[str, Any]) -> str:
    """Of the segmenter and the folder of masks that arguments of an experiment name: another text when a file of theirs changed;
    empty for none."""
    from failsight.tools.experiments.segmenters import folder_state

    named = [str(arguments.get("segmenter") or "")]
    spec = str(arguments.get("region") or arguments.get("cue") or "").strip()
    if spec.casefold().startswith("mask:"):
        named.append(spec.partition(":")[2].strip())
    made = []
    for name in named:
        try:
            folder = Path(name).expanduser()
            if name and folder.is_dir():
                made.append(folder_state(folder))
        except (OSError, ValueError):  # said by the tool, which opens it next
            continue
    return digest(made) if made else ""


__all__ = ["Batch", "onto", "open_places", "region_print"]
