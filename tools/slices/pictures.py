"""Pictures of the slices that hold: cards with examples, and the lattice of their conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Figure
from failsight.tools.figures.charts import Mark
from failsight.tools.figures.lattice import Node, lattice, lattice_alt
from failsight.tools.figures.slice_cards import (
    MOST_RIGHT,
    MOST_WRONG,
    PER_FIGURE,
    Example,
    SliceCard,
    cards_alt,
    slice_cards,
)
from failsight.tools.inputs.base import BadImage
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import clean
from failsight.tools.view import CaseView

if TYPE_CHECKING:
    from failsight.tools.slices.findings import Found
    from failsight.tools.slices.search import Search, Span

Mask = npt.NDArray[np.bool_]
MOST_CARDS = 4
TRIED = 3  # images opened at most for each that is shown: bad ones are passed over


def slice_figures(
    view: CaseView, found: Search, shown: Sequence[Found], again: Mapping[int, tuple[int, int]] | None = None
) -> tuple[Figure, ...]:
    """Cards of the first slices, and the lattice of all of them; nothing without slices.

    Args:
        found, shown: the search and the slices to show.
        again: place of a slice → (times found again, searches) with the images halved differently.
    """
    if not shown:
        return ()
    made = [_card(view, found, one, (again or {}).get(i)) for i, one in enumerate(shown[:MOST_CARDS])]
    figures = []
    for start in range(0, len(made), PER_FIGURE):
        page = made[start : start + PER_FIGURE]
        title = "Slice cards" if start == 0 else "Slice cards, continued"
        alt = cards_alt(page)
        svg = slice_cards(title, alt, page)
        figures.append(view.save_figure(f"slice-cards-{start // PER_FIGURE + 1}", svg, title=title, alt=alt))
    nodes = _nodes(found, shown)
    if len(nodes) > 2:
        title, alt = f"Lattice of the slices{_among(found)}", lattice_alt(nodes)
        figures.append(view.save_figure("slice-lattice", lattice(title, alt, nodes), title=title, alt=alt))
    return tuple(figures)


def _card(view: CaseView, found: Search, one: Found, again: tuple[int, int] | None) -> SliceCard:
    e = one.errors
    taken: list[tuple[str, float]] = []
    if e.into is not None:
        taken.append((found.classes[e.into], e.into_share))
    k_out = round(e.rate_out * e.n_out)
    outside = Mark(e.rate_out, *wilson(k_out, e.n_out)) if e.n_out else None
    return SliceCard(
        name="",
        conditions=(*[_words(found, span) for span in one.spans], *_called(found)),
        class_name=None if one.class_index is None else found.classes[one.class_index],
        n=e.n,
        inside=Mark(e.rate, *e.ci),
        outside=outside,
        q=one.q,
        mistaken=tuple(taken),
        stability=again if again and again[1] else None,
        examples=(
            *_examples(view, found, one.inside & found.wrong, MOST_WRONG),
            *_examples(view, found, one.inside & ~found.wrong, MOST_RIGHT),
        ),
    )


def _examples(view: CaseView, found: Search, which: Mask, most: int) -> list[Example]:
    """The surest of ``which`` that can be opened."""
    at = np.flatnonzero(which)
    at = at[np.argsort(-found.confidence[at], kind="stable")][: most * TRIED]
    table = view.table(found.split)
    made: list[Example] = []
    for i in at.tolist():
        if len(made) == most:
            break
        position = int(found.positions[i])
        try:
            picture = table.open(int(found.predictions.rows[position])).convert("RGB")
        except BadImage:
            continue
        picture.thumbnail((256, 256))
        sure = float(found.confidence[i]) if found.predictions.has_scores else None
        label, answer = found.classes[int(found.labels[i])], found.classes[int(found.predicted[i])]
        made.append(Example(np.asarray(picture), clean(label, 40), clean(answer, 40), sure))
    return made


def _called(found: Search) -> tuple[str, ...]:
    return () if found.called is None else (f"called {clean(found.classes[found.called], 40)}",)


def _among(found: Search) -> str:
    """What all images of the search have in common."""
    within = found.prepared.within
    if within is not None and found.class_column is None:
        return f" among images of {clean(found.classes[within], 40)}"
    return f" among images {_called(found)[0]}" if found.called is not None else ""


def _words(found: Search, span: Span) -> str:
    a, low, high = span
    coded = found.attributes[a]
    return f"{clean(coded.name, 40)}={clean(coded.span(low, high), 60)}"


def _nodes(found: Search, shown: Sequence[Found]) -> list[Node]:
    """Every shown slice and every part of its conditions, counted on the half that tests; and all images."""
    masks: dict[str, Mask] = {}
    made: dict[frozenset[str], Node] = {}
    for one in shown:
        conditions = []
        for span in one.spans:
            a, low, high = span
            codes = found.attributes[a].codes
            words = _words(found, span)
            masks[words] = (codes >= low) & (codes <= high)
            conditions.append(words)
        if one.class_index is not None and found.class_column is not None:
            words = clean(found.classes[one.class_index], 40)
            masks[words] = found.labels == one.class_index
            conditions.append(words)
        for size in range(len(conditions) + 1):
            for some in combinations(conditions, size):
                held = size == len(conditions)
                if frozenset(some) not in made or held:
                    made[frozenset(some)] = _node(found, some, masks, held)
    return list(made.values())


def _node(found: Search, conditions: tuple[str, ...], masks: Mapping[str, Mask], held: bool) -> Node:
    inside = found.confirmation.copy()
    for words in conditions:
        inside &= masks[words]
    n, k = int(inside.sum()), int((inside & found.wrong).sum())
    return Node(conditions, n, Mark(k / n if n else 0.0, *wilson(k, n)), held)
