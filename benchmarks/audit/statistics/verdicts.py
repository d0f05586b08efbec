"""Verdicts of experiments: confirmed, refuted, inconclusive, at and around the minimum effect; alone and in a session; the whole tools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from benchmarks.audit.statistics.cells import FEW, Cell, Promise, Rng
from benchmarks.audit.statistics.intervals import KINDS, effects
from failsight.tools.experiments.masking import Measurements
from failsight.tools.experiments.paired import summarise
from failsight.tools.verdicts import Claim, Judgement, Measured, judge, online_q

LEAST = 0.05  # minimum effect
ALPHA = 0.05
REFUTES = Promise("at most", 0.025, 0.02)


def measurements(rng: Rng, n: int, kind: str, effect: float) -> Measurements:
    """Scores of n pictures: masking the cue costs ``effect`` more on average than masking a control (which costs 2 points)."""
    made = effects(rng, n, kind, effect)
    clean = np.full(n, 0.9)
    control = clean[:, None] - 0.02 - rng.normal(0, 0.01, (n, 8))
    zeros = np.zeros(n, np.int64)
    return Measurements(
        rows=np.arange(n),
        watched=zeros,
        clean=clean,
        cue=control.mean(1) - made,
        control=control,
        top_clean=zeros,
        top_cue=zeros,
        top_control=np.zeros((n, 8), np.int64),
        share=np.full(n, 0.1),
        change=np.ones(n),
        same_shape=np.ones(n, bool),
        out_rows=zeros[:0],
        out_reasons=zeros[:0],
    )


def verdict(
    rng: Rng, n: int, kind: str, effect: float, claim: Claim, earlier: int = 0, confirmed: int = 0
) -> Judgement:
    """One experiment, judged as the tools do."""
    made = summarise(
        measurements(rng, n, kind, effect),
        minimum_effect=LEAST,
        alpha=ALPHA,
        claim=claim,
        seed=int(rng.integers(2**31)),
    )
    q = online_q(made.p, earlier, confirmed)
    return judge(
        Measured(made.effect, made.ci, made.p, q, made.n, made.detectable, made.cue_effect),
        LEAST,
        ALPHA,
        claim,
    )


def cells() -> Iterator[Cell]:
    for n in (8, 20, 60, 200):
        for kind in KINDS:
            for effect in (0.0, LEAST / 2, LEAST, 2 * LEAST, 4 * LEAST):
                yield _alone(n, kind, effect, "uses")
            yield _alone(n, kind, LEAST, "ignores")
            yield _alone(n, kind, 0.0, "ignores")
    for n in (20, 100):
        for real in (0, 2):
            yield _session(n, real)
    yield _masking()
    yield _cues()


def _alone(n: int, kind: str, effect: float, claim: Claim) -> Cell:
    promises: dict[str, Promise | None] = {"confirmed": None, "refuted": None, "inconclusive": None}
    if claim == "uses":
        promises["confirmed"] = FEW if effect <= 0 else None
        promises["refuted"] = REFUTES if effect >= LEAST else None
    else:
        promises["confirmed"] = FEW if effect >= LEAST else None

    def trial(rng: Rng) -> Mapping[str, float]:
        said = verdict(rng, n, kind, effect, claim).verdict
        return {name: float(name == said) for name in promises}

    area = "Verdict of one experiment" if claim == "uses" else "Verdict that a cue is ignored"
    return Cell(
        area, f"{n} images, {kind}, true effect {100 * effect:g} points (minimum 5)", promises, trial, 300, 10
    )


def _session(n: int, real: int) -> Cell:
    """Six experiments in a row, ``real`` of them about cues that cost 20 points."""

    def trial(rng: Rng) -> Mapping[str, float]:
        truth = rng.permutation(6) < real
        said: list[bool] = []
        for here in truth:
            made = verdict(rng, n, str(rng.choice(KINDS)), 0.2 * here, "uses", len(said), sum(said))
            said.append(made.verdict == "confirmed")
        false = sum(s and not t for s, t in zip(said, truth, strict=True))
        told = {"false share of the confirmed": false / max(sum(said), 1)}
        return told | (
            {"real ones confirmed": float(np.mean(np.array(said)[truth]))}
            if real
            else {"any confirmed": float(false > 0)}
        )

    return Cell("Six experiments in one case", f"{n} images each, {real} real",
                {"false share of the confirmed": FEW, "any confirmed": FEW, "real ones confirmed": None}, trial, 200, 5)  # fmt: skip


def _masking() -> Cell:
    """``test_by_masking`` itself, where every place of a picture matters alike."""
    from failsight.tools.test_by_masking import test_by_masking
    from tests.tools.test_masking_null import null_case

    def trial(rng: Rng) -> Mapping[str, float]:
        told = test_by_masking(
            null_case(int(rng.integers(2**31))),
            region="box:cue",
            class_name="day",
            draws=4,
            minimum_effect=0.001,
            second_fill=None,
        )
        p = float(str(told.fact("p").value))
        return {"p ≤ 0.05": float(p <= 0.05), "confirmed": float(told.findings[0].verdict == "confirmed")}

    return Cell("test_by_masking, whole", "every place matters alike, 30 images of 16 × 16",
                {"p ≤ 0.05": Promise("at most", 0.05, 0.01), "confirmed": FEW}, trial, 300, 5)  # fmt: skip


def _cues() -> Cell:
    """``cue_profile`` itself: the model reads the brightness of the whole picture, no place is special."""
    from failsight.tools.cue_profile import cue_profile
    from tests.fakes.view import FakeModel, FakeTable, FakeView

    def bright(p: np.ndarray) -> np.ndarray:
        return np.stack([12 * (p.mean((1, 2, 3)) - 0.5), np.zeros(len(p))], 1)

    def trial(rng: Rng) -> Mapping[str, float]:
        pixels = rng.integers(0, 256, (80, 8, 8, 1)).repeat(4, 1).repeat(4, 2).repeat(3, 3)
        light = rng.random(80) < 0.5
        pixels = np.clip(pixels * np.where(light, 1.15, 0.85)[:, None, None, None], 0, 255)
        table = FakeTable(pixels, (~light).astype(int).tolist(), ("day", "night"))
        view = FakeView(
            {"data": table}, FakeModel(bright, ("day", "night"), (32, 32)), seed=int(rng.integers(2**31))
        )
        made = cue_profile(view, max_images=64, minimum_effect=0.02)
        return {"a place confirmed": float(any(f.verdict == "confirmed" for f in made.findings))}

    return Cell(
        "cue_profile, whole",
        "no place is special, 80 images of 32 × 32",
        {"a place confirmed": FEW},
        trial,
        60,
        2,
    )
