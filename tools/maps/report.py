"""What embedding_map shows: sentences, facts, the table of regions, the map and its pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Cell, Fact, Figure, ImageRef, Table
from failsight.tools.examples import contact_sheet
from failsight.tools.figures.scatter import Cloud, scatter
from failsight.tools.figures.sketch import MARKS
from failsight.tools.maps.colours import Colouring
from failsight.tools.maps.layout import CALLED, Map, agreement
from failsight.tools.notes import called, of_split
from failsight.tools.slices.columns import encode_columns
from failsight.tools.stats.intervals import mean_interval, wilson
from failsight.tools.stats.projection import Region
from failsight.tools.text import clean, interval, listing, number, p_value
from failsight.tools.view import CaseView

METHODS = {"tsne": "t-SNE", "pca": "principal components", "umap": "UMAP"}
PICTURES = 4  # wrong images of each region
MAINLY = 0.3  # share of a region's errors from which one mistake stands for them
CHANCE = 0.05  # share of shuffles up to which a region is said to be thicker than they are
TELLING = 0.3  # further share of an attribute value in a region that is worth naming
TRUSTED = 0.5  # share of neighbours kept below which the map is said to mislead


@dataclass(frozen=True)
class Told:
    """A region with what its images have in common."""

    letter: str
    region: Region
    mistaken: str
    shared: str


def told(view: CaseView, made: Map) -> tuple[Told, ...]:
    """The regions, lettered, with their commonest mistake and the attribute values that they have more than others."""
    shared = _shared(view, made)
    found = []
    for i, region in enumerate(made.regions):
        wrong = region.rows[made.wrong[region.rows]]
        assert made.predicted is not None
        pairs = Counter(zip(made.labels[wrong].tolist(), made.predicted[wrong].tolist(), strict=True))
        (true, answer), times = pairs.most_common(1)[0]
        words = f"{clean(view.classes[true], 30)} taken for {clean(view.classes[answer], 30)} ({times} of {len(wrong)})"
        if times < MAINLY * len(wrong):
            words = f"mixed, first {words}"
        found.append(Told(MARKS[i].upper(), region, words, shared[i]))
    return tuple(found)


def _shared(view: CaseView, made: Map) -> list[str]:
    """Of each region the two attribute values that it has most beyond the other images."""
    if not made.regions:
        return []
    try:
        table = view.attributes(made.split)
    except RetryError:
        return [""] * len(made.regions)
    keep = np.isin(table.rows, made.rows)
    coded, _ = encode_columns(table, keep, None)
    place = np.searchsorted(table.rows[keep], made.rows)
    lines = []
    for region in made.regions:
        inside = np.zeros(len(made.rows), bool)
        inside[region.rows] = True
        ranked = []
        for one in coded:
            codes = one.codes[place]
            for code, value in enumerate(one.values):
                has = codes == code
                gap = float(has[inside].mean() - has[~inside].mean())
                ranked.append((gap, one.name, value, int(has[inside].sum()), float(has[~inside].mean())))
        ranked.sort(key=lambda r: -r[0])
        words: dict[str, str] = {}
        for gap, name, value, n, elsewhere in ranked[:6]:
            if gap >= TELLING and name not in words and len(words) < 2:
                words[name] = (
                    f"{clean(name, 30)}={clean(value, 40)} {n} of {len(region.rows)} (else {number(elsewhere)})"
                )
        lines.append("; ".join(words.values()))
    return lines


def facts(made: Map) -> tuple[Fact, ...]:
    where = of_split(made.split)
    found = [
        Fact("images", len(made.rows), "count", where),
        Fact("neighbours_kept", made.kept, "share", where, None, len(made.rows), "higher_is_better"),
    ]
    for axis, share in zip(("first", "second"), made.explained, strict=False):
        found.append(Fact("variance_explained", share, "share", of_split(made.split, f"{axis} axis")))
    together, errors = class_agreement(made), error_agreement(made)
    if len(together) > 1:
        share, ci, n = float(together.mean()), _bounded(together), len(together)
        found.append(Fact("neighbours_of_own_class", share, "share", where, ci, n, "higher_is_better"))
        found.append(Fact("neighbours_of_own_class_by_chance", _chance(made), "share", where, None, n))
    if len(errors) > 1:
        k, n, shown = int(made.wrong.sum()), int(made.known.sum()), of_split(made.split, "images on the map")
        found.append(Fact("error_rate", k / n, "share", shown, wilson(k, n), n, "lower_is_better"))
        found.append(
            Fact("errors_near_errors", float(errors.mean()), "share", where, _bounded(errors), len(errors))
        )
    return tuple(found)


def class_agreement(made: Map) -> npt.NDArray[np.float64]:
    """Of each labelled image the share of its neighbours that have its label."""
    return agreement(made.near, made.labels, made.labels >= 0)


def error_agreement(made: Map) -> npt.NDArray[np.float64]:
    """Of each wrong image the share of its neighbours that are wrong, too."""
    codes = np.where(made.known, made.wrong.astype(np.int64), -1)
    return agreement(made.near, codes, made.wrong)


def _chance(made: Map) -> float:
    """Share of an image's neighbours that would have its label if they were any labelled images."""
    labels = made.labels[made.labels >= 0]
    return float(((np.bincount(labels) / len(labels)) ** 2).sum())


def _bounded(shares: npt.NDArray[np.float64]) -> tuple[float, float]:
    low, high = mean_interval(shares)
    return max(0.0, low), min(1.0, high)


def summary(made: Map, regions: Sequence[Told], name: str | None) -> str:
    of = f" of {clean(name, 60)}" if name else ""
    some = f" (a sample of {made.total:,})" if made.total > len(made.rows) else ""
    lines = [
        f"{len(made.rows):,} {called(made.split)}{of}{some} laid out by {METHODS[made.method]} from {CALLED[made.space]}."
    ]
    together = class_agreement(made)
    labels = made.labels[made.labels >= 0]
    if len(together) > 1 and len(np.unique(labels)) > 1:
        share, ci = number(float(together.mean())), interval(_bounded(together))
        lines.append(
            f"Of an image's {made.near.shape[1]} nearest, {share} {ci} have its label ({number(_chance(made))} by chance)."
        )
    errors = error_agreement(made)
    if len(errors) > 1:
        rate = float(made.wrong[made.known].mean())
        near, ci = number(float(errors.mean())), interval(_bounded(errors))
        lines.append(f"Beside a wrong image {near} {ci} are wrong, {number(rate)} of all.")
    if regions:
        first, beyond = regions[0], sum(r.region.p <= CHANCE for r in regions)
        many = "one region" if len(regions) == 1 else f"{len(regions)} regions"
        than = {0: "none of them thicker", len(regions): "thicker"}.get(beyond, f"{beyond} of them thicker")
        lines.append(
            f"Errors lie thickest in {many}, {than} than when errors are shuffled within classes; first {first.letter}: "
            f"{first.region.wrong} of {len(first.region.rows)} wrong, {first.mistaken}."
        )
    return " ".join(lines)


def table(regions: Sequence[Told]) -> Table | None:
    """One row a region."""
    if not regions:
        return None
    rows: list[tuple[Cell, ...]] = [
        (
            one.letter,
            f"{one.region.wrong} of {len(one.region.rows)}",
            one.mistaken,
            one.shared,
            p_value(one.region.p),
        )
        for one in regions
    ]
    return Table(
        "Where errors lie thickest",
        ("region", "wrong", "mistake", "more than elsewhere", "shuffles"),
        tuple(rows),
        caption="Chosen because errors lie thick there: other images of the kind are wrong less often. Shuffles: share of "
        "random exchanges of errors within classes that make some neighbourhood as thick; an illustration, not a test.",
    )


def figure(
    view: CaseView, made: Map, colours: Colouring, regions: Sequence[Told], name: str | None
) -> Figure:
    """The map."""
    letters = tuple((*np.median(made.at[one.region.rows], axis=0).tolist(), one.letter) for one in regions)
    hints = [_hint(view, made, i) for i in range(len(made.rows))]
    cloud = Cloud(made.at, colours.codes, colours.kinds, hints, letters)
    of = f" of {clean(name, 40)}" if name else ""
    title = f"Map of the {called(made.split)}{of} by {colours.words}"
    size = np.bincount(colours.codes, minlength=len(colours.kinds)).tolist()
    groups = listing([f"{k.name} {n:,}" for k, n in zip(colours.kinds, size, strict=True) if n], 9)
    thick = "; ".join(
        f"{r.letter}: {r.region.wrong} of {len(r.region.rows)} wrong, {r.mistaken}" for r in regions
    )
    alt = (
        f"Scatter of {len(made.rows):,} images by {METHODS[made.method]}: {groups}. "
        f"{number(made.kept)} of each image's {made.near.shape[1]} nearest are near on the map."
    ) + (f" Errors lie thickest at {thick}." if thick else "")
    note = f"{METHODS[made.method]} of {CALLED[made.space]}; {number(made.kept)} of neighbours kept"
    caption = f"{title}. {note}. The figure's own file names each image on hovering."
    return view.save_figure("map", scatter(title, alt, cloud, note), title=title, alt=alt, caption=caption)


def _hint(view: CaseView, made: Map, i: int) -> str:
    """``kitchen taken for bedroom (97.0 %): img/17.jpg``."""
    row, label = int(made.rows[i]), int(made.labels[i])
    words = clean(view.classes[label], 40) if label >= 0 else "no label"
    if made.predicted is not None and label >= 0 and made.predicted[i] == label:
        words += ", right"
    elif made.predicted is not None:
        words += f" taken for {clean(view.classes[int(made.predicted[i])], 40)}"
    if made.confidence is not None and made.has_scores:
        words += f" ({number(float(made.confidence[i]))})"
    return f"{words}: {clean(view.table(made.split).paths[row], 80)}"


def pictures(
    view: CaseView, made: Map, regions: Sequence[Told]
) -> tuple[tuple[ImageRef, ...], Figure | None]:
    """The wrong images in the middle of each region, side by side."""
    images = []
    table = view.table(made.split)
    for one in regions:
        assert made.predicted is not None
        assert made.confidence is not None
        for i in one.region.rows[made.wrong[one.region.rows]][:PICTURES].tolist():
            row = int(made.rows[i])
            images.append(
                ImageRef(
                    split=made.split,
                    row=row,
                    path=table.paths[row],
                    label=view.classes[int(made.labels[i])],
                    prediction=view.classes[int(made.predicted[i])],
                    confidence=float(made.confidence[i]) if made.has_scores else None,
                    caption=one.letter,
                )
            )
    if not images:
        return (), None
    alt = f"{len(images)} misclassified images, {listing([f'{r.letter}: {r.mistaken}' for r in regions])}."
    title = "Errors where they lie thickest"
    return tuple(images), contact_sheet(view, images, name="map-regions", title=title, alt=alt)


def notes(made: Map, regions: Sequence[Told]) -> list[str]:
    made_notes = list(made.notes)
    if made.total > len(made.rows):
        made_notes.append(
            f"A seeded sample of {len(made.rows):,} of {made.total:,} images is shown; raise points for more."
        )
    if made.kept < TRUSTED:
        made_notes.append(
            f"Only {number(made.kept)} of the nearest neighbours are near on the map: two dimensions hold part of what the features tell."
        )
    made_notes.append(
        "Sizes of clusters and distances between them mean little on such a map; nearness is roughly true."
    )
    if regions:
        shared = (
            ""
            if made.space != "features"
            else " In the model's own features errors gather where it hesitates between classes, whatever the cause."
        )
        made_notes.append(f"The regions are an illustration and no finding.{shared}")
    if made.space == "pixels":
        made_notes.append("Small copies tell colours and coarse shapes, not what is in the pictures.")
    return made_notes


def next_steps(made: Map, regions: Sequence[Told]) -> list[str]:
    steps = []
    if regions:
        steps.append(
            "Test groups of errors on images set aside (unknown_unknowns), or find the words for them (find_slices)."
        )
    if made.method == "pca":
        steps.append("Draw it with method tsne: neighbours stay together better.")
    return steps
