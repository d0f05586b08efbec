"""Beside which images a slice is seen, and of which images its shares are: those without a value are of neither side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from failsight.tools.notes import called
from failsight.tools.slices.causes import TrainShare
from failsight.tools.slices.search import Mask, Search, Span
from failsight.tools.text import clean, interval, listing, number

MOSTLY = 0.8  # share of a recorded group that lies inside a slice, from which it is part of it
TELLING = 1 / 3  # share of a slice's excess errors that such a group has, to be named
MORE = 1.25  # times the excess errors of a slice that one of its conditions alone has, to be told instead
MEASURED = "computed"


def told_simpler(found: Search, spans: Sequence[Span], inside: Mask) -> str:
    """What one recorded value alone explains, where a slice joins it to measured qualities: the smaller group has the higher rate, the
    value has more of the errors, and can be looked up and collected.

    Of the slice's recorded conditions the one with most excess errors, where these are clearly more than the slice's own. Counted on the half
    that tests; empty for slices of one condition, of recorded or of measured conditions alone.

    Args:
        inside: (n,) images of the slice.
    """
    recorded = [s for s in spans if found.attributes[s[0]].source != MEASURED]
    if not recorded or len(recorded) == len(spans):
        return ""
    half = found.confirmation
    best, told = MORE * _excess(found, inside & half, half & ~inside), ""
    for a, low, high in recorded:
        codes = found.attributes[a].codes
        own = half & (codes >= low) & (codes <= high)
        other = half & (codes >= 0) & ~own
        more = _excess(found, own, other)
        if more > best:
            value = f"{clean(found.attributes[a].name, 40)}={clean(found.attributes[a].span(low, high), 60)}"
            rates = f"{number(found.wrong[own].mean())} of {int(own.sum()):,} are wrong, {number(found.wrong[other].mean())} elsewhere"
            best, told = more, f" {value} alone has more of the errors: {rates}."
    return told


def _excess(found: Search, own: Mask, other: Mask) -> float:
    """Errors of ``own`` beyond the rate of ``other``, in images; 0 where either is empty."""
    if not own.any() or not other.any():
        return 0.0
    return float((found.wrong[own].mean() - found.wrong[other].mean()) * own.sum())


def told_recorded(
    found: Search, spans: Sequence[Span], inside: Mask, merged: Sequence[tuple[tuple[Span, ...], int | None]]
) -> str:
    """What people recorded of the images of a slice that only measured qualities describe: a station can be visited, a contrast can't.

    Of the groups that the slice accounts for the one by a single recorded value that lies inside, is worse than the whole slice, and
    has most of its excess errors. Counted on the half that tests; empty where there is no such group.

    Args:
        inside: (n,) images of the slice. merged: conditions and class of the groups that it accounts for.
    """
    if any(found.attributes[a].source != MEASURED for a, *_ in spans):
        return ""
    there, half = inside & found.confirmation, found.confirmation
    n, k = int(there.sum()), int((there & found.wrong).sum())
    other = half & ~inside
    base = float(found.wrong[other].mean()) if other.any() else 0.0
    best = None
    for group, class_index in merged:
        if len(group) != 1 or class_index is not None or found.attributes[group[0][0]].source == MEASURED:
            continue
        a, low, high = group[0]
        codes = found.attributes[a].codes
        own = half & (codes >= low) & (codes <= high)
        both = own & there
        m, r = int(both.sum()), int((both & found.wrong).sum())
        if not m or m < MOSTLY * own.sum() or r * n <= k * m or r - base * m < TELLING * (k - base * n):
            continue
        rank = (
            r - base * m,
            found.attributes[a].edges is None and not _number(found.attributes[a].span(low, high)),
        )
        if best is None or rank > best[0]:
            best = rank, a, low, high, m, r
    if best is None:
        return ""
    _, a, low, high, m, r = best
    value = f"{clean(found.attributes[a].name, 40)}={clean(found.attributes[a].span(low, high), 60)}"
    return (
        f" Those with {value}, {m:,} of these {n:,}, have {r:,} of the {k:,} errors ({number(r / m)} wrong)."
    )


def _number(value: str) -> bool:
    return value[:1].isdigit()


def told_beside(found: Search, spans: Sequence[Span], class_index: int | None) -> str:
    """Beside which images those of a slice are seen: images without a value are of neither side, and that is said."""
    inside = np.ones(len(found.labels), bool) if class_index is None else found.labels == class_index
    missing = [a for a, *_ in spans if (found.attributes[a].codes[inside] == -1).any()]
    gaps = dict.fromkeys(found.attributes[a].name for a in missing)
    if not gaps:
        return "elsewhere" if class_index is None else "in the rest of the class"
    others = "the other images" if class_index is None else "the others of the class"
    return f"among {others} {whose(tuple(gaps))}"


def whose(names: tuple[str, ...]) -> str:
    """``whose bath_style is known``: which images a rate is of where others have no value."""
    return f"whose {listing(names, 3, 40)} {'is' if len(names) == 1 else 'are'} known"


def told_shares(found: Search, class_index: int | None, share: TrainShare) -> str:
    """The share of a slice in training and here, each with the images that it is of."""
    of = "" if class_index is None else f"{clean(found.classes[class_index], 40)} "
    known = f"of those {whose(share.gaps)} " if share.gaps else ""
    there = f"{number(share.share)} {interval(share.ci)} of {share.n:,} {of}training images"
    here = f"{number(share.here)} of {share.n_here:,} {of}{called(found.split)}"
    return f"{known}{there}, {here}"
