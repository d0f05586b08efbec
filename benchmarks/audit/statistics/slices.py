"""The slice search: false alarms on coin flips; false discoveries, power and intervals where slices are planted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from benchmarks.audit.statistics.cells import COVERS, FEW, Cell, Promise, Rng, Trial
from benchmarks.audit.statistics.intervals import inside
from failsight.tools.stats.slices import Conjunction, SearchSettings, SliceReport, TestedSlice, find_slices
from tests.stats.tables import attributes, errors

Array = np.ndarray[Any, Any]
SHARES = ((0.2,) * 5, (0.6, 0.2, 0.1, 0.07, 0.03))
HOUSES = {5: "five", 20: "twenty"}  # pictures of one house
NEARLY = 0.01  # a slice that in truth is worse by less than a point is a false discovery


def cells() -> Iterator[Cell]:
    for n in (400, 2000, 10_000):
        for rate in (0.03, 0.15, 0.4):
            yield _null(n, rate, 8, 0.3)
    for count in (4, 16):
        for dependence in (0.0, 0.7, 0.95):
            yield _null(2000, 0.15, count, dependence)
    for even in (True, False):
        yield _null(2000, 0.15, 8, 0.3, classes=2 - even)
    yield _null(2000, 0.15, 8, 0.3, loss=True)
    for pictures in (5, 20):
        yield _null(2000, 0.15, 8, 0.3, house=pictures)
        yield _null(2000, 0.15, 8, 0.3, house=pictures, told=False)
    for n in (1000, 4000):
        for base in (0.05, 0.2):
            for dependence in (0.0, 0.6, 0.9):
                yield _planted(n, base, 8, dependence)
    for count in (4, 16):
        yield _planted(2000, 0.1, count, 0.6)
    yield _planted(2000, 0.1, 8, 0.6, uneven=True)
    for n in (600, 2000, 8000):
        yield _at_the_floor(n)


def _world(
    rng: Rng, n: int, rate: float, count: int, dependence: float, classes: int = 0
) -> tuple[Array, Array, int | None]:
    """(codes, chance of an error, class column): attributes go with the class, classes are of unequal difficulty."""
    codes = attributes(rng, n, list(rng.integers(2, 6, count)), dependence)
    chance, column = np.full(n, rate), None
    if classes:
        label = rng.choice(5, n, p=SHARES[classes - 1])
        chance = np.linspace(rate / 3, 3 * rate, 5)[label]
        codes[:, 0] = np.where(rng.random(n) < 0.6, label % (codes[:, 0].max() + 1), codes[:, 0])
        codes, column = np.column_stack([codes, label]), count
    return codes, chance, column


def _null(
    n: int, rate: float, count: int, dependence: float, *, classes: int = 0, loss: bool = False, house: int = 0, told: bool = True
) -> Cell:  # fmt: skip
    def trial(rng: Rng) -> Mapping[str, float]:
        codes, chance, column = _world(rng, n, rate, count, dependence, classes)
        groups = None
        if house:  # so many pictures of a house share their luck and half of their attributes
            one = np.arange(n) // house
            for j in range(0, count, 2):
                codes[:, j] = codes[one * house, j]
            chance = 1 / (1 + np.exp(-(np.log(rate / (1 - rate)) + rng.normal(0, 1, one.max() + 1)[one])))
            groups = one if told else None
        target = rng.beta(0.5, 3, n) if loss else errors(rng, chance)
        report = find_slices(
            codes,
            target,
            groups=groups,
            settings=SearchSettings(seed=int(rng.integers(2**31)), class_column=column),
        )
        return {"runs that confirm anything": float(bool(report.confirmed))}

    world = ", classes of unequal difficulty" + (" and size" if classes == 2 else "") if classes else ""
    world += ", a loss" if loss else ""
    world += f", {HOUSES[house]} pictures a house{'' if told else ', not told'}" if house else ""
    where = f"n {n:,}, rate {rate:g}, {count} attributes correlated {dependence:g}{world}"
    promise = FEW if told else None
    return Cell(
        "Slice search, nothing there",
        where,
        {"runs that confirm anything": promise},
        trial,
        400 if n <= 4000 else 200,
        10,
    )


def held(codes: Array, conjunction: Conjunction) -> Array:
    made: Array = np.all([codes[:, a] == v for a, v in conjunction.conditions], axis=0)
    return made


def excess(codes: Array, chance: Array, strata: Array, conjunction: Conjunction) -> float:
    """By how much the slice is worse in truth: than the rest within classes, and than the rest of each parent; the least of these."""
    own = held(codes, conjunction)
    over = chance - (np.bincount(strata, chance) / np.maximum(np.bincount(strata), 1))[strata]
    gaps = [float(over[own].mean() - over[~own].mean())]
    for parent in conjunction.parents():
        rest = held(codes, parent) & ~own
        gaps.append(float(over[own].mean() - over[rest].mean()) if rest.any() else 0.0)
    return min(gaps)


def _planted(n: int, base: float, count: int, dependence: float, uneven: bool = False) -> Cell:
    where = f"n {n:,}, rate {base:g}, {count} attributes correlated {dependence:g}{', classes of unequal size' if uneven else ''}"
    promises: dict[str, Promise | None] = {
        "false share of the confirmed": FEW,
        "single found": None,
        "pair found": None,
        "copies among the confirmed": None,
        "interval covers, all carried": COVERS,
        "interval covers, confirmed": Promise("at least", 0.9, 0.03),
        "effect's interval covers, all carried": COVERS,
    }
    return Cell(
        "Slice search, two planted", where, promises, _two(n, base, count, dependence, uneven), 200, 5
    )


def _two(n: int, base: float, count: int, dependence: float, uneven: bool) -> Trial:
    """A single value (a tenth of the rows, 20 points worse) and a pair (some 6 %, 25 points worse)."""

    def trial(rng: Rng) -> Mapping[str, float]:
        codes, chance, column = _world(rng, n, base, count, dependence, 2 if uneven else 0)
        strata = codes[:, column] if column is not None else np.zeros(n, np.int64)
        codes[:, 1] = rng.integers(1, 4, n)
        codes[rng.permutation(n)[: n // 10], 1] = 0
        single, pair = Conjunction(((1, 0),)), _pair(codes)
        chance = np.clip(
            np.maximum(chance + 0.2 * held(codes, single), chance + 0.25 * held(codes, pair)), 0, 0.98
        )
        report = find_slices(
            codes,
            errors(rng, chance),
            settings=SearchSettings(seed=int(rng.integers(2**31)), class_column=column),
        )
        return _told(report, codes, chance, strata, single, pair)

    return trial


def _pair(codes: Array) -> Conjunction:
    """The conjunction of values of columns 2 and 3 whose share comes nearest to 6 %."""
    found = {
        (a, b): abs(float(((codes[:, 2] == a) & (codes[:, 3] == b)).mean()) - 0.06)
        for a in np.unique(codes[:, 2]).tolist()
        for b in np.unique(codes[:, 3]).tolist()
    }
    a, b = min(found, key=lambda k: found[k])
    return Conjunction(((2, int(a)), (3, int(b))))


def _told(
    report: SliceReport, codes: Array, chance: Array, strata: Array, single: Conjunction, pair: Conjunction
) -> Mapping[str, float]:
    said = [s.conjunction for s in report.confirmed]
    made = {
        "false share of the confirmed": float(
            np.mean([excess(codes, chance, strata, c) < NEARLY for c in said])
        )
        if said
        else 0.0,
        "single found": float(single in said),
        "pair found": float(pair in said),
    }
    if said:
        made["copies among the confirmed"] = float(np.mean([c not in (single, pair) for c in said]))
        made["interval covers, confirmed"] = _cover(report, report.confirmed, codes, chance)
    carried = (*report.confirmed, *report.others)
    if carried:
        made["interval covers, all carried"] = _cover(report, carried, codes, chance)
        if strata.max() == 0:
            made["effect's interval covers, all carried"] = float(
                np.mean([inside(s.effect_ci, _gap(report, codes, chance, s)) for s in carried])
            )
    return made


def _cover(report: SliceReport, slices: tuple[TestedSlice, ...], codes: Array, chance: Array) -> float:
    """Share of the slices whose interval holds the expected rate of their rows in the confirmation half."""
    hits = []
    for s in slices:
        rows = held(codes, s.conjunction) & ~report.discovery
        hits.append(inside(s.ci, float(chance[rows].mean())))
    return float(np.mean(hits))


def _gap(report: SliceReport, codes: Array, chance: Array, tested: TestedSlice) -> float:
    own, tests = held(codes, tested.conjunction), ~report.discovery
    return float(chance[own & tests].mean() - chance[~own & tests].mean())


def _at_the_floor(n: int) -> Cell:
    """One value that is exactly as much worse as the floor asks: to refute it is an error."""

    def trial(rng: Rng) -> Mapping[str, float]:
        codes = attributes(rng, n, [4, 4, 4, 4], 0.0)
        codes[:, 0] = rng.integers(1, 4, n)
        codes[rng.permutation(n)[: n // 4], 0] = 0
        weak = Conjunction(((0, 0),))
        # some of the rest of the table is worse too, so that the weak value is carried and its interval may fall short
        chance = np.where(codes[:, 0] == 0, 0.2, 0.15)
        report = find_slices(
            codes,
            errors(rng, chance),
            settings=SearchSettings(seed=int(rng.integers(2**31)), min_effect=0.05),
        )
        found = {s.conjunction: s.verdict for s in (*report.confirmed, *report.others)}
        if weak not in found:
            return {}
        return {"refuted": float(found[weak] == "refuted"), "confirmed": float(found[weak] == "confirmed")}

    return Cell("Slice search, exactly at the minimum effect", f"n {n:,}", {"refuted": Promise("at most", 0.025, 0.005), "confirmed": None},
                trial, 600, 20)  # fmt: skip
