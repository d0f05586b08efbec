"""Do 95 % intervals hold the truth in 95 % of all samples?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from benchmarks.audit.statistics.cells import COVERS, GUARANTEED, Cell, Interval, Promise, Rng, Trial
from failsight.tools.stats.calibration import calibration_error_interval, overconfidence
from failsight.tools.stats.contingency import cramers_v_interval, risk_difference
from failsight.tools.stats.crossed import crossed_mean
from failsight.tools.stats.floors import all_above, exact, mean_cost
from failsight.tools.stats.intervals import (
    bootstrap,
    difference_interval,
    mean_interval,
    mean_share_interval,
    newcombe,
    newcombe_paired,
    wilson,
)
from failsight.tools.stats.prior_shift import label_shift
from failsight.tools.stats.quantiles import quantile_interval
from failsight.tools.stats.two_sample import auc

ONE_SIDED = Promise("at least", 0.975, 0.0)


def inside(ci: Interval, truth: float) -> float:
    return float(ci[0] - 1e-12 <= truth <= ci[1] + 1e-12)


def covers(
    area: str, where: str, truth: float, make: Callable[[Rng], Interval], runs: int = 4000, batch: int = 200
) -> Cell:
    return Cell(
        area, where, {"covers": COVERS}, lambda rng: {"covers": inside(make(rng), truth)}, runs, batch
    )


def cells() -> Iterator[Cell]:
    yield from _rates()
    yield from _differences()
    yield from _means()
    yield from _strata()
    yield from _scores()
    yield from _classes()
    yield from _runs()


def _rates() -> Iterator[Cell]:
    for n in (20, 50, 200, 1000, 10_000):
        for p in (0.01, 0.05, 0.2, 0.5):
            yield covers(
                "Wilson, one rate",
                f"n {n:,}, rate {p:g}",
                p,
                lambda rng, n=n, p=p: wilson(int(rng.binomial(n, p)), n),
            )  # type: ignore[misc]

            def sides(rng: Rng, n: int = n, p: float = p) -> Mapping[str, float]:
                low, high = exact(int(rng.binomial(n, p)), n)
                return {"lies above": float(low > p), "lies below": float(high < p)}

            yield Cell(
                "Clopper–Pearson, floors",
                f"n {n:,}, rate {p:g}",
                {"lies above": GUARANTEED, "lies below": GUARANTEED},
                sides,
                4000,
                200,
            )
    for k, n in ((5, 40), (10, 100)):

        def lowest(rng: Rng, k: int = k, n: int = n) -> Mapping[str, float]:
            rates = np.linspace(0.9, 0.99, k)
            low, high = all_above(rng.binomial(n, rates).tolist(), [n] * k)
            return {"lies above": float(low > 0.9), "lies below": float(high < 0.9)}

        yield Cell(
            "Lowest of several rates",
            f"{k} classes of {n}",
            {"lies above": GUARANTEED, "lies below": Promise("at most", 0.05)},
            lowest,
            4000,
            200,
        )


def _differences() -> Iterator[Cell]:
    for n1, n0 in ((20, 980), (50, 50), (100, 900), (500, 500)):
        for p1, p0 in ((0.02, 0.02), (0.1, 0.1), (0.3, 0.1), (0.5, 0.5)):
            yield covers("Newcombe, two rates", f"n {n1} and {n0}, rates {p1:g} and {p0:g}", p1 - p0,
                         lambda rng, a=n1, b=n0, p=p1, q=p0: newcombe(int(rng.binomial(a, p)), a, int(rng.binomial(b, q)), b))  # type: ignore[misc]  # fmt: skip
    for n in (30, 100, 500):
        for p1, p0, tied in ((0.1, 0.1, 0.0), (0.1, 0.1, 0.8), (0.3, 0.2, 0.5), (0.05, 0.02, 0.5)):

            def paired(rng: Rng, n: int = n, p: float = p1, q: float = p0, tied: float = tied) -> Interval:
                same = rng.random(n) < tied
                u = rng.random(n)
                a, b = u < p, np.where(same, u, rng.random(n)) < q
                return newcombe_paired(
                    int((a & b).sum()), int((a & ~b).sum()), int((~a & b).sum()), int((~a & ~b).sum())
                )

            yield covers(
                "Newcombe, paired", f"n {n}, rates {p1:g} and {p0:g}, {tied:.0%} in common", p1 - p0, paired
            )
    for n1, n0, s1 in ((10, 10, 1.0), (8, 40, 4.0), (30, 300, 3.0)):
        yield covers("Welch, two means", f"n {n1} and {n0}, deviations {s1:g} and 1", 0.5,
                     lambda rng, a=n1, b=n0, s=s1: difference_interval(rng.normal(0.5, s, a), rng.normal(0, 1, b)), 2000)  # type: ignore[misc]  # fmt: skip


def effects(rng: Rng, n: int, kind: str, mean: float = 0.0) -> np.ndarray:
    """Paired effects with the mean ``mean``: smooth; mostly zero with a few large; skewed to either side."""
    if kind == "smooth":
        made = rng.normal(0, 0.2, n)
    elif kind == "mostly zero":
        made = np.where(rng.random(n) < 0.2, rng.normal(0, 0.5, n), 0.0)
    else:
        made = (rng.beta(0.6, 2.4, n) - 0.2) * (1 if kind == "skewed up" else -1)
    return made + mean


KINDS = ("smooth", "mostly zero", "skewed up", "skewed down")


def _means() -> Iterator[Cell]:
    for n in (8, 20, 60, 300):
        for kind in KINDS:
            yield covers("Bootstrap (BCa), paired mean", f"n {n}, {kind}", 0.0,
                         lambda rng, n=n, k=kind: bootstrap(effects(rng, n, k), seed=int(rng.integers(2**31))), 600, 20)  # type: ignore[misc]  # fmt: skip
            yield covers(
                "Student, mean",
                f"n {n}, {kind}",
                0.0,
                lambda rng, n=n, k=kind: mean_interval(effects(rng, n, k)),
                2000,
            )  # type: ignore[misc]
    for n in (5, 10, 30):
        for a, b in ((2.0, 2.0), (0.6, 2.4), (8.0, 1.0)):
            yield covers("Logit t, mean of shares", f"n {n}, beta({a:g}, {b:g})", a / (a + b),
                         lambda rng, n=n, a=a, b=b: mean_share_interval(rng.beta(a, b, n)), 2000)  # type: ignore[misc]  # fmt: skip
    for n in (20, 100, 1000):
        for share in (0.5, 0.95):
            yield covers("Quantile, order statistics", f"n {n}, share {share:g}", float(-np.log(1 - share)),
                         lambda rng, n=n, s=share: quantile_interval(rng.exponential(size=n), s)[1], 2000)  # type: ignore[misc]  # fmt: skip


def _strata() -> Iterator[Cell]:
    for strata, each, lean in ((1, 200, 0.5), (5, 100, 0.5), (5, 100, 0.1), (40, 8, 0.3)):
        for gap in (0.0, 0.2):

            def table(
                rng: Rng, h: int = strata, m: int = each, lean: float = lean, gap: float = gap
            ) -> Interval:
                base = np.linspace(0.05, 0.5, h) if h > 1 else np.array([0.1])
                n1 = np.maximum(rng.binomial(m, lean, h), 1)
                n0 = np.maximum(m - n1, 1)
                y1, y0 = rng.binomial(n1, base + gap), rng.binomial(n0, base)
                return risk_difference(
                    np.stack([np.stack([y1, n1 - y1], 1), np.stack([y0, n0 - y0], 1)], 1)
                ).ci

            yield covers(
                "Klingenberg, difference in strata",
                f"{strata} classes of {each}, {lean:.0%} inside, difference {gap:g}",
                gap,
                table,
            )
    for n, classes in ((100, 1), (400, 4), (2000, 4)):
        for strength in (0.0, 0.2, 0.5):

            def association(rng: Rng, n: int = n, h: int = classes, s: float = strength) -> Interval:
                cell = np.array([[1 + s, 1 - s], [1 - s, 1 + s]]) / 4
                return cramers_v_interval(
                    rng.multinomial(n // h, cell.ravel(), h).reshape(h, 2, 2),
                    seed=int(rng.integers(2**31)),
                    resamples=500,
                )[1]

            yield covers(
                "Cramér's V, bootstrap",
                f"n {n:,}, {classes} classes, V {strength:g}",
                strength,
                association,
                1000,
                50,
            )


def _scores() -> Iterator[Cell]:
    from statistics import NormalDist

    for n1, n0 in ((20, 20), (20, 500), (300, 300)):
        for apart in (0.0, 1.0, 2.5):
            truth = NormalDist().cdf(apart / 2**0.5)

            def area(rng: Rng, a: int = n1, b: int = n0, d: float = apart) -> Interval:
                scores = np.concatenate([rng.normal(d, 1, a), rng.normal(0, 1, b)])
                return auc(scores, np.arange(a + b) < a).ci

            yield covers("DeLong, AUC", f"n {n1} and {n0}, AUC {truth:.2f}", truth, area, 2000)
    for n in (100, 500, 3000):
        for off in (0.0, 0.1, 0.25):
            yield Cell(
                "Calibration error",
                f"n {n:,}, {off:g} too sure",
                {"covers": COVERS, "overconfidence covers": COVERS, "said to be above 0": Promise("at most", 0.025, 0.01) if off == 0 else None},
                _calibration(n, off),
                300,
                10,
            )  # fmt: skip


def _calibration(n: int, off: float) -> Trial:
    """Confidences from beta(5, 1.5), right with the chance confidence − off; the truth is the error within the bins."""

    def chance(c: np.ndarray) -> np.ndarray:
        return np.clip(c - off, 0, 1)

    grid = np.random.default_rng(0).beta(5, 1.5, 400_000)
    place = np.clip(np.ceil(grid * 15) - 1, 0, 14).astype(int)
    truth = float(np.abs(np.bincount(place, chance(grid) - grid)).sum() / len(grid))
    gap = float((grid - chance(grid)).mean())

    def trial(rng: Rng) -> Mapping[str, float]:
        c = rng.beta(5, 1.5, n)
        right = rng.random(n) < chance(c)
        ci = calibration_error_interval(c, right, resamples=400, seed=int(rng.integers(2**31)))
        over = overconfidence(c, right, seed=int(rng.integers(2**31)))[1]
        return {
            "covers": inside(ci, truth),
            "overconfidence covers": inside(over, gap),
            "said to be above 0": float(ci[0] > 0),
        }

    return trial


def _classes() -> Iterator[Cell]:
    recall = np.array([[0.85, 0.1, 0.05], [0.1, 0.8, 0.1], [0.05, 0.15, 0.8]])
    for n, m in ((200, 200), (1000, 300)):
        for mix in ((0.34, 0.33, 0.33), (0.8, 0.15, 0.05)):

            def shares(rng: Rng, n: int = n, m: int = m, mix: tuple[float, ...] = mix) -> Mapping[str, float]:
                per = rng.multinomial(n, [1 / 3] * 3)
                confusion = np.stack([rng.multinomial(k, r) for k, r in zip(per, recall, strict=True)])
                answers = sum(
                    rng.multinomial(k, r) for k, r in zip(rng.multinomial(m, mix), recall, strict=True)
                )
                made = label_shift(confusion, np.asarray(answers), seed=int(rng.integers(2**31)))
                truth = float(np.array(mix) @ np.diag(recall))
                return {
                    "covers": float(
                        np.mean([inside((c[0], c[1]), t) for c, t in zip(made.ci, mix, strict=True)])
                    ),
                    "accuracy covers": inside(made.accuracy_ci, truth),
                }

            yield Cell("Class mix without labels", f"{n:,} and {m} images, largest class {max(mix):.0%}",
                       {"covers": COVERS, "accuracy covers": COVERS}, shares, 300, 10)  # fmt: skip
    costs = np.array([[0, 1, 20.0], [1, 0, 1], [5, 1, 0]])
    for n in (60, 300, 2000):

        def cost(rng: Rng, n: int = n) -> Mapping[str, float]:
            per = np.full(3, n // 3)
            counts = np.stack([rng.multinomial(k, r) for k, r in zip(per, recall, strict=True)])
            truth = float((recall * costs).sum(1).mean())
            low, high = mean_cost(counts, costs)[1]
            return {"not above": float(low <= truth), "not below": float(high >= truth)}

        yield Cell(
            "Expected cost", f"n {n:,}", {"not above": ONE_SIDED, "not below": ONE_SIDED}, cost, 1500, 50
        )


def _runs() -> Iterator[Cell]:
    for n, runs, between in ((40, 3, 0.0), (40, 3, 0.5), (300, 3, 0.2), (300, 3, 0.5), (300, 5, 0.3)):

        def arms(rng: Rng, n: int = n, runs: int = runs, between: float = between) -> Mapping[str, float]:
            hard = rng.normal(0, 1.5, n)
            sides = [
                rng.random((runs, n)) < 1 / (1 + np.exp(-(hard - 1 + rng.normal(0, between, (runs, 1)))))
                for _ in range(2)
            ]
            made = crossed_mean(sides[0].astype(float) - sides[1])
            return {"covers": inside(made.ci, 0.0), "p ≤ 0.05": float(made.p() <= 0.05)}

        yield Cell("Repair against control, images × runs", f"{n} images, {runs} seeds that differ by {between:g}",
                   {"covers": COVERS, "p ≤ 0.05": Promise("at most", 0.05, 0.02)}, arms, 1500, 50)  # fmt: skip
