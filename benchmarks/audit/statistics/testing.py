"""Do tests reject a true null hypothesis in at most 5 % of all samples, and families of tests keep what they promise?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from benchmarks.audit.statistics.cells import ALPHA, Cell, Promise, Rng
from benchmarks.audit.statistics.intervals import KINDS, effects
from failsight.tools.stats.association import prediction_association
from failsight.tools.stats.contingency import breslow_day, general_association, mantel_haenszel
from failsight.tools.stats.groups import gap
from failsight.tools.stats.multiplicity import benjamini_hochberg, holm
from failsight.tools.stats.sample_shift import categorical_shift, numeric_shift
from failsight.tools.stats.stratified import compare_within
from failsight.tools.stats.tests import fisher_exact, mcnemar_exact, sign_flip, two_rates
from failsight.tools.stats.trend import mann_kendall
from failsight.tools.stats.two_sample import fold_numbers, permutation_p, reduced
from failsight.tools.verdicts import online_q

STRICT = Promise("at most", 0.005, 0.0025)
FDR = Promise("at most", 0.05, 0.005)


def null(
    area: str,
    where: str,
    make: Callable[[Rng], float],
    runs: int = 4000,
    batch: int = 200,
    judged: bool = True,
) -> Cell:
    """A test whose null hypothesis is true: how often p ≤ 0.05, and ≤ 0.005."""

    def trial(rng: Rng) -> Mapping[str, float]:
        p = make(rng)
        return {"p ≤ 0.05": float(p <= 0.05), "p ≤ 0.005": float(p <= 0.005)}

    promises = {"p ≤ 0.05": ALPHA if judged else None, "p ≤ 0.005": STRICT if judged else None}
    return Cell(area, where, promises, trial, runs, batch)


def cells() -> Iterator[Cell]:
    yield from _two_groups()
    yield from _paired()
    yield from _within_classes()
    yield from _samples()
    yield from _series()
    yield from _families()
    yield from _one_by_one()


def _two_groups() -> Iterator[Cell]:
    for n1, n0 in ((20, 980), (100, 900), (500, 500)):
        for rate in (0.02, 0.1, 0.5):
            where = f"n {n1} and {n0}, rate {rate:g}"
            yield null("Fisher, two rates", where,
                       lambda rng, a=n1, b=n0, p=rate: fisher_exact(int(rng.binomial(a, p)), a, int(rng.binomial(b, p)), b))  # type: ignore[misc]  # fmt: skip
            yield null("z-test, two rates (no tool uses it)", where, lambda rng, a=n1, b=n0, p=rate: two_rates(int(rng.binomial(a, p)), a, int(rng.binomial(b, p)), b))  # type: ignore[misc]  # fmt: skip


def _paired() -> Iterator[Cell]:
    for n in (10, 40, 200):
        for share in (0.05, 0.3):

            def discordant(rng: Rng, n: int = n, share: float = share) -> float:
                first, second, _ = rng.multinomial(n, [share / 2, share / 2, 1 - share])
                return mcnemar_exact(int(first), int(second))

            yield null("McNemar, before and after", f"n {n}, {share:.0%} changed", discordant)
    for n in (8, 20, 60, 300):
        for kind in KINDS:
            even = not kind.startswith(
                "skewed"
            )  # the null hypothesis is symmetry; a mean of 0 alone is not what it tests
            where = f"n {n}, {kind}{'' if even else ' (mean 0, but not symmetric)'}"
            yield null("Sign flips, one-sided", where,
                       lambda rng, n=n, k=kind: sign_flip(effects(rng, n, k), "greater", resamples=2000, seed=int(rng.integers(2**31))), 800, 20, even)  # type: ignore[misc]  # fmt: skip


def _labels(rng: Rng, n: int, even: bool) -> np.ndarray:
    return rng.choice(5, n, p=[0.2] * 5 if even else [0.6, 0.2, 0.1, 0.07, 0.03])


def _within_classes() -> Iterator[Cell]:
    """Classes of unequal difficulty, the group goes with the class: only comparing within classes is fair."""
    hard = np.linspace(0.03, 0.4, 5)
    for n in (200, 1000, 5000):
        for even in (True, False):
            where = f"n {n:,}, classes {'even' if even else '60 to 3 %'}, group goes with class"

            def world(rng: Rng, n: int = n, even: bool = even) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
                label = _labels(rng, n, even)
                inside = rng.random(n) < np.array([0.02, 0.1, 0.2, 0.3, 0.5])[label]
                return (rng.random(n) < hard[label]).astype(float), inside, label

            yield null(
                "Stratified exact or Pearson III, errors",
                where,
                lambda rng, w=world: compare_within(*w(rng)).p,
                3000,
                100,
            )  # type: ignore[misc]

            def loss(
                rng: Rng, w: Callable[[Rng], tuple[np.ndarray, np.ndarray, np.ndarray]] = world
            ) -> float:
                _, inside, label = w(rng)
                return compare_within(rng.beta(0.4, 4 - 3 * hard[label]), inside, label).p

            yield null("Stratified Pearson III, a loss", where, loss, 3000, 100)

            def tables(
                rng: Rng, w: Callable[[Rng], tuple[np.ndarray, np.ndarray, np.ndarray]] = world
            ) -> np.ndarray:
                y, inside, label = w(rng)
                made = np.zeros((5, 2, 2))
                np.add.at(made, (label, (~inside).astype(int), (y == 0).astype(int)), 1)
                return made

            yield null("Mantel–Haenszel", where, lambda rng, t=tables: mantel_haenszel(t(rng)).p)  # type: ignore[misc]
            yield null(
                "Breslow–Day–Tarone (no tool uses it)", where, lambda rng, t=tables: breslow_day(t(rng)).p
            )  # type: ignore[misc]

            def guess(rng: Rng, n: int = n, even: bool = even) -> float:
                """The strongest pull of a value towards an answer, after Holm over all; the model ignores the attribute."""
                label = _labels(rng, n, even)
                wrong = rng.random(n) < hard[label]
                said = np.where(wrong, (label + rng.integers(1, 5, n)) % 5, label)
                value = np.where(rng.random(n) < 0.5, label % 3, rng.integers(0, 3, n))
                return min(
                    (p.adjusted for p in prediction_association(value, label, said, resamples=2).pulls),
                    default=1.0,
                )

            yield null("Spurious correlation, strongest pull after Holm", where, guess, 600, 20)

            def houses(rng: Rng, n: int = n, even: bool = even) -> float:
                """Pictures of one house share their luck; the group is made of whole houses."""
                house = np.arange(n) // 5
                luck = rng.normal(0, 1, house.max() + 1)[house]
                group = (rng.random(house.max() + 1) < 0.25)[house]
                label = np.zeros(n, np.int64)
                wrong = rng.random(n) < 1 / (1 + np.exp(2 - luck))
                return gap(wrong, group, ~group, label, house).p

            if even:
                yield null(
                    "Gap of a group, pictures of one source together",
                    f"n {n:,}, five a source",
                    houses,
                    2000,
                    100,
                )


def _samples() -> Iterator[Cell]:
    for n, m in ((60, 60), (400, 100)):
        for mix in (False, True):
            where = f"{n} and {m} images, class mix {'changed' if mix else 'the same'}"

            def pair(rng: Rng, n: int = n, m: int = m, mix: bool = mix) -> tuple[np.ndarray, np.ndarray]:
                label = np.concatenate([_labels(rng, n, True), _labels(rng, m, not mix)])
                return label, np.arange(n + m) >= n

            def number(rng: Rng, p: Callable[[Rng], tuple[np.ndarray, np.ndarray]] = pair) -> float:
                label, target = p(rng)
                made = numeric_shift(
                    rng.normal(label, 1),
                    target,
                    label,
                    permutations=199,
                    resamples=2,
                    seed=int(rng.integers(2**31)),
                )
                return made.p if made else 1.0

            def category(rng: Rng, p: Callable[[Rng], tuple[np.ndarray, np.ndarray]] = pair) -> float:
                label, target = p(rng)
                value = np.where(rng.random(len(label)) < 0.4, label % 4, rng.integers(0, 4, len(label)))
                made = categorical_shift(value, target, label, resamples=2)
                return made.p if made else 1.0

            def classifier(rng: Rng, p: Callable[[Rng], tuple[np.ndarray, np.ndarray]] = pair) -> float:
                label, target = p(rng)
                x = reduced(rng.normal(size=(len(label), 12)) + label[:, None] * 0.7)
                folds = fold_numbers(target, label, int(rng.integers(2**31)))
                return permutation_p(x, target, folds, label, int(rng.integers(2**31)), 199)

            yield null("Shift of a number, permutations", where, number, 600, 20)
            yield null("Shift of a category", where, category, 2000, 100)
            yield null("Domain classifier, permutations", where, classifier, 400, 10)

    def any_table(rng: Rng) -> float:
        return general_association(rng.multinomial(12, np.full(12, 1 / 12), 30).reshape(30, 3, 4)).p

    yield null("Generalised Mantel–Haenszel", "30 classes of 12, 3 × 4 values", any_table, 3000, 100)


def _series() -> Iterator[Cell]:
    for n in (6, 12, 40):
        for tied in (0.0, 0.5):

            def curve(rng: Rng, n: int = n, tied: float = tied) -> float:
                x = rng.normal(size=n)
                for i in range(1, n):
                    x[i] = tied * x[i - 1] + (1 - tied**2) ** 0.5 * x[i]
                return mann_kendall(x).p_up

            # a short correlated series looks like a trend; the test does not claim to tell them apart
            yield null(
                "Mann–Kendall, one-sided",
                f"n {n}, autocorrelation {tied:g}",
                curve,
                2000,
                100,
                judged=tied == 0 or n > 20,
            )


def _p_values(rng: Rng, m: int, real: int, tied: float) -> tuple[np.ndarray, np.ndarray]:
    """One-sided p-values of m means that share noise; the first ``real`` hypotheses are true effects of 3 deviations."""
    from scipy.special import ndtr

    z = tied**0.5 * rng.normal() + (1 - tied) ** 0.5 * rng.normal(size=m)
    truth = np.arange(m) < real
    made: np.ndarray = ndtr(-(z + 3.0 * truth))
    return made, truth


def _families() -> Iterator[Cell]:
    for m in (5, 20, 100):
        for tied in (0.0, 0.5, 0.9):
            for real in (0, m // 5):

                def family(rng: Rng, m: int = m, tied: float = tied, real: int = real) -> Mapping[str, float]:
                    p, truth = _p_values(rng, m, real, tied)
                    found, sure = benjamini_hochberg(p) <= 0.05, holm(p) <= 0.05
                    return {
                        "false share, BH": float((found & ~truth).sum() / max(found.sum(), 1)),
                        "any false, Holm": float((sure & ~truth).any()),
                    }

                yield Cell("Families of tests", f"{m} tests, {real} real, correlation {tied:g}",
                           {"false share, BH": FDR, "any false, Holm": FDR}, family, 4000, 200)  # fmt: skip


def _one_by_one() -> Iterator[Cell]:
    """LOND over a session: tests come one by one, and each is judged once."""
    for m in (6, 20):
        for tied in (0.0, 0.5, 0.9):
            for real in (0, m // 3):

                def session(
                    rng: Rng, m: int = m, tied: float = tied, real: int = real
                ) -> Mapping[str, float]:
                    p, truth = _p_values(rng, m, real, tied)
                    order = rng.permutation(m)
                    said = np.zeros(m, bool)
                    for earlier, i in enumerate(order):
                        said[i] = online_q(float(p[i]), earlier, int(said.sum())) <= 0.05 and p[i] <= 0.05
                    false = int((said & ~truth).sum())
                    made = {"false share, LOND": false / max(int(said.sum()), 1)}
                    return made if real else made | {"any false": float(false > 0)}

                yield Cell("Experiments one by one (LOND)", f"{m} tests, {real} real, correlation {tied:g}",
                           {"false share, LOND": FDR, "any false": FDR}, session, 3000, 200)  # fmt: skip
