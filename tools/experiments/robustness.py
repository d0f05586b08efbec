"""What natural perturbations and attacks do to the answers on one sample of images: the passes, and the numbers."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from failsight.tools.engine.local import batch_size, cache_key
from failsight.tools.engine.singly import scored_singly
from failsight.tools.evidence import Interval
from failsight.tools.experiments import attacks
from failsight.tools.experiments.perturbations import perturb
from failsight.tools.inputs.base import Pixels, Split
from failsight.tools.inputs.decisions import answers
from failsight.tools.stats.intervals import newcombe_paired, wilson
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.stats.tests import mcnemar_exact
from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
LINF = (1.0, 2.0, 4.0, 8.0)  # largest change of a value, in steps of 1/255
L2 = (0.5, 1.0, 2.0)  # root mean square change of a value, in steps of 1/255
BLIND = 4.0  # budget (l∞) at which blind search is compared with PGD
_LAYOUT = 1  # raise when perturbations or attacks change what they compute


@dataclass(frozen=True)
class Sample:
    """The images that are perturbed.

    Attributes:
        rows: row numbers, ascending. labels: true classes. clean: whether the model is right on them as they are. (n,)
        found: labelled images it was drawn from.
    """

    split: Split
    rows: Ints
    labels: Ints
    clean: Mask
    found: int


@dataclass(frozen=True, slots=True)
class Cell:
    """One perturbation at one severity, on the whole sample.

    Attributes:
        right: images answered right. rate, ci: their share.
        drop, drop_ci: share right as they are, minus this share; paired.
        p, q: McNemar's exact one-sided p; Benjamini–Hochberg over all cells.
    """

    name: str
    severity: int
    right: int
    n: int
    rate: float
    ci: Interval
    drop: float
    drop_ci: Interval
    p: float
    q: float = 1.0


@dataclass(frozen=True)
class Panel:
    """All cells, and the answers behind them: ``right`` (perturbations, severities, n).

    ``silent``: to how many perturbed pictures the model gives no answer (it fails on them, or its scores are not finite); they are not right.
    """

    sample: Sample
    names: tuple[str, ...]
    severities: tuple[int, ...]
    right: Mask
    cells: tuple[Cell, ...]
    silent: int = 0

    def of(self, name: str) -> tuple[Cell, ...]:
        """The cells of one perturbation, from weak to strong."""
        return tuple(c for c in self.cells if c.name == name)


def draw_sample(view: CaseView, split: Split, most: int, of_class: int | None) -> Sample:
    """At most ``most`` labelled and predicted images: each class in its own proportion, at least one of each, seeded."""
    made = view.predictions(split)
    keep = made.labelled if of_class is None else made.labels == of_class
    at = np.flatnonzero(keep)
    chosen = at[stratified(made.labels[at], most, view.seed)]
    return Sample(split, made.rows[chosen], made.labels[chosen], made.correct[chosen], len(at))


def stratified(labels: Ints, most: int, seed: int) -> Ints:
    """Places of at most ``most`` of the labels, ascending: classes in proportion (largest remainder), one of each at least."""
    n = len(labels)
    if n <= most:
        return np.arange(n)
    classes, counts = np.unique(labels, return_counts=True)
    exact = counts * most / n
    share = np.maximum(np.floor(exact), 1 if most >= len(classes) else 0).astype(np.int64)
    for i in np.argsort(-(exact - share), kind="stable")[: max(0, most - int(share.sum()))]:
        share[i] += 1
    while share.sum() > most:
        share[np.argmax(share)] -= 1
    rng = np.random.default_rng([seed, n, most])
    parts = [
        rng.choice(np.flatnonzero(labels == c), k, replace=False) for c, k in zip(classes, share, strict=True)
    ]
    return np.sort(np.concatenate(parts)).astype(np.int64)


def measure(view: CaseView, sample: Sample, names: tuple[str, ...], severities: tuple[int, ...]) -> Panel:
    """Run the model on every image under every perturbation and severity; finished pieces are kept and read back."""
    model, table = view.model(), view.table(sample.split)
    base = [_LAYOUT, cache_key(table, model), view.seed]
    right = np.zeros((len(names), len(severities), len(sample.rows)), bool)
    seen, silent = np.zeros(len(sample.rows), bool), 0
    total = len(sample.rows) * len(names) * len(severities)
    with view.progress.job("perturbed images", total) as ticker:
        for rows, pixels in view.pixels(sample.rows, sample.split, batch=batch_size(model)):
            at = np.searchsorted(sample.rows, rows)
            seen[at] = True
            for i, name in enumerate(names):
                answers = _answers(view, base, name, severities, rows, pixels)
                right[i][:, at] = answers == sample.labels[at]
                silent += int((answers < 0).sum())
                ticker.advance(answers.size)
    kept = replace(sample, rows=sample.rows[seen], labels=sample.labels[seen], clean=sample.clean[seen])
    cells = cells_of(kept.clean, right[:, :, seen], names, severities)
    return Panel(kept, names, severities, right[:, :, seen], cells, silent)


def _answers(
    view: CaseView, base: list[Any], name: str, severities: Sequence[int], rows: Ints, pixels: Pixels
) -> Ints:
    """(severities, b) predicted classes; −1 where the model fails on the picture or its scores are not finite."""
    key = {
        "what": "perturbed answers",
        "of": base,
        "name": name,
        "severities": list(severities),
        "rows": rows.tolist(),
    }
    known = view.cached(key)
    if known is not None:
        return known["answers"].astype(np.int64)
    made = np.empty((len(severities), len(rows)), np.int64)
    for k, severity in enumerate(severities):
        shown = perturb(name, severity, pixels, rows, view.seed)
        scores, _ = scored_singly(view.model().scores, shown, len(view.classes))
        made[k] = np.where(np.isfinite(scores).all(1), answers(view, np.nan_to_num(scores)), -1)
    view.store(key, {"answers": made})
    return made


def cells_of(clean: Mask, right: Mask, names: Sequence[str], severities: Sequence[int]) -> tuple[Cell, ...]:
    """The numbers of every cell, from (n,) clean and (perturbations, severities, n) right answers."""
    made = []
    n = len(clean)
    for i, name in enumerate(names):
        for k, severity in enumerate(severities):
            r = right[i, k]
            both, lost, won = int((clean & r).sum()), int((clean & ~r).sum()), int((~clean & r).sum())
            made.append(
                Cell(
                    name, severity, both + won, n, (both + won) / max(n, 1), wilson(both + won, n),
                    (lost - won) / max(n, 1), newcombe_paired(both, lost, won, n - both - lost - won),
                    mcnemar_exact(lost, won, "greater"),
                )
            )  # fmt: skip
    q = benjamini_hochberg([c.p for c in made])
    return tuple(replace(c, q=float(v)) for c, v in zip(made, q, strict=True))


@dataclass(frozen=True)
class Attacks:
    """What deliberate changes do to some of the sample.

    Attributes:
        rows: images attacked. n: their number.
        clean: how many are right as they are.
        found: one per norm.
        still: how many of the right ones have a gradient of exactly zero.
        slipped: right ones that withstand PGD at the budget ``BLIND`` but not noise or blind search: gradients are masked.
    """

    rows: Ints
    n: int
    clean: int
    found: tuple[attacks.Attacked, ...]
    still: int
    slipped: int

    @property
    def masked(self) -> bool:
        """Whether the attacks' silence says nothing about strength."""
        return self.still >= max(2, 0.1 * self.clean) or self.slipped >= max(2, 0.05 * self.clean)


def attack_sample(view: CaseView, sample: Sample, most: int) -> Attacks:
    """FGSM, PGD (l∞, l2), noise and blind search on at most ``most`` of the sample.

    Raises:
        attacks.NoGradient: the model has no gradients that can be followed.
    """
    model = view.model()
    if model.torch_module() is None:
        raise attacks.NoGradient("the model is not a torch module of any batch size")
    at = stratified(sample.labels, most, view.seed)
    rows, labels = sample.rows[at], sample.labels[at]
    key = {
        "what": "attacks",
        "of": [_LAYOUT, cache_key(view.table(sample.split), model), view.seed],
        "rows": rows.tolist(),
    }
    known = view.cached(key)
    if known is None:
        known = _attacked(view, sample.split, rows, labels)
        view.store(key, known)
    rows = known["rows"]
    linf = attacks.Attacked("linf", LINF, known["fgsm"], known["linf"], known["linf_noise"])
    l2 = attacks.Attacked("l2", L2, known["l2_fgsm"], known["l2"], known["l2_noise"])
    return Attacks(
        rows,
        len(rows),
        int(known["clean"].sum()),
        (linf, l2),
        int(known["still"].sum()),
        int(known["slipped"].sum()),
    )


def _attacked(view: CaseView, split: Split, rows: Ints, labels: Ints) -> dict[str, npt.NDArray[Any]]:
    """All outcomes, one column an image that can be read."""
    model = view.model()
    target: attacks.Victim | None = None
    parts: list[dict[str, npt.NDArray[Any]]] = []
    with view.progress.job("attacked images", len(rows)) as ticker:
        for got, pixels in view.pixels(rows, split, batch=batch_size(model)):
            if target is None:
                target = attacks.victim(model, pixels[:4])
            parts.append(_attack_batch(target, pixels, labels[np.searchsorted(rows, got)], got, view.seed))
            ticker.advance(len(got))
    if not parts:
        raise attacks.NoGradient("none of these images can be read")
    return {name: np.concatenate([p[name] for p in parts], axis=-1) for name in parts[0]}


def _attack_batch(
    target: attacks.Victim, pixels: Pixels, labels: Ints, rows: Ints, seed: int
) -> dict[str, npt.NDArray[Any]]:
    def rngs(what: str, of: Ints) -> list[np.random.Generator]:
        return [np.random.default_rng([seed, zlib.crc32(what.encode()), int(row)]) for row in of]

    linf = attacks.attack(target, pixels, labels, "linf", LINF, rngs("linf", rows))
    l2 = attacks.attack(target, pixels, labels, "l2", L2, rngs("l2", rows))
    clean = attacks.right(target, pixels, labels)
    strong = linf.pgd[LINF.index(BLIND)]
    slipped = strong & ~linf.noise[LINF.index(BLIND)]
    at = np.flatnonzero(strong & ~slipped)
    if len(at):
        slipped[at] = attacks.blind_search(target, pixels[at], labels[at], BLIND, rngs("blind", rows[at]))
    return {
        "rows": rows,
        "clean": clean,
        "fgsm": linf.fgsm,
        "l2_fgsm": l2.fgsm,
        "linf": linf.pgd,
        "linf_noise": linf.noise,
        "l2": l2.pgd,
        "l2_noise": l2.noise,
        "still": clean & attacks.still(target, pixels, labels),
        "slipped": slipped,
    }
