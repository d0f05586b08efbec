"""Verdicts over one place in all images: few of them may show anything there, and a mean then says little of those that do."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from failsight.tools.experiments import arms as two_arms
from failsight.tools.experiments import paired
from failsight.tools.experiments.arms import Arms
from failsight.tools.experiments.masking import Measurements
from failsight.tools.experiments.regions import parse_region
from failsight.tools.stats.power import smallest_paired_effect
from failsight.tools.test_by_masking import test_by_masking as mask
from failsight.tools.verdicts import Fixed, Measured, judge
from tests.fakes.view import FakeModel, FakeTable, FakeView

LEAST = 0.05
SIDE = 32


def masked(seed: int, n: int, *, marked: float, effect: float, control: float, noise: float) -> Measurements:
    """Scores of a masking test: ``marked`` of the images lose ``effect`` with the cue; each control costs ``control``."""
    rng = np.random.default_rng([seed, n])
    clean, k, zeros = np.full(n, 0.6), 8, np.zeros(n, np.int64)
    cue = clean - rng.normal(0, noise, n) - effect * (rng.random(n) < marked)
    controls = clean[:, None] - control - rng.normal(0, noise, (n, k))
    many, ones = np.zeros((n, k), np.int64), np.ones(n)
    return Measurements(
        np.arange(n), zeros, clean, cue, controls, zeros, zeros, many, ones, ones, ones > 0, zeros[:0], zeros[:0]
    )  # fmt: skip


def verdict(m: Measurements, fixed: bool = True) -> str:
    s = paired.summarise(m, minimum_effect=LEAST, alpha=0.05, claim="uses", seed=1)
    place = paired.fixed_place(m, LEAST, 1) if fixed else None
    return judge(
        Measured(s.effect, s.ci, s.p, s.p, s.n, s.detectable, s.cue_effect, place=place), LEAST, 0.05
    ).verdict


@pytest.mark.parametrize("noise", [0.05, 0.15])
@pytest.mark.parametrize("control", [0.02, 0.06])
def test_a_mark_in_a_quarter_of_the_images_is_not_refuted(noise: float, control: float) -> None:
    """Four times the smallest effect that matters, in a quarter of the images; controls cost something, too."""
    worlds = [masked(s, 400, marked=0.25, effect=4 * LEAST, control=control, noise=noise) for s in range(12)]
    assert Counter(verdict(m) for m in worlds)["refuted"] == 0
    if control > LEAST:  # for a cue that each image is known to show, the very numbers refute
        assert Counter(verdict(m, fixed=False) for m in worlds)["refuted"] >= 10


def test_a_strong_mark_in_a_tenth_is_seen_in_the_tail() -> None:
    for seed in range(8):
        m = masked(seed, 400, marked=0.1, effect=8 * LEAST, control=0.04, noise=0.04)
        place = paired.fixed_place(m, LEAST, 1)
        assert place.p < 0.01 and place.reached is not None and place.reached > 1.5 * LEAST
        assert place.moved is not None and place.chance is not None
        assert 0.05 < place.moved < 0.16 and place.chance < 0.02
        assert verdict(m) == "inconclusive"


@pytest.mark.parametrize("control", [0.0, 0.01])
def test_a_place_of_no_effect_is_refuted_with_enough_images(control: float) -> None:
    worlds = [masked(s, 300, marked=0, effect=0, control=control, noise=0.1) for s in range(20)]
    assert Counter(verdict(m) for m in worlds)["refuted"] >= 18


def measured(place: Fixed | None, detectable: float = 0.01, claim: str = "uses", n: int = 106) -> Measured:
    return Measured(0.001, (-0.01, 0.02), 0.6 if claim == "uses" else 0.0001, 0.0001, n, detectable, 0.001, place=place)  # fmt: skip


@pytest.mark.parametrize(
    ("place", "detectable", "said"),
    [
        (Fixed(0.0, 0.01), 0.06, "would not reliably show an effect of 5.0 points (only one of 6.0 points)"),
        (Fixed(0.07, 0.01), 0.01, "the model suffers from any patch"),
        (Fixed(0.0, 0.055), 0.01, "may change the score by 5.5 points by itself"),
        (Fixed(0.0, 0.01, 0.1, 0.2, 0.01, 0.004), 0.01, "it reaches 10.0 points in 20.0 % of the images, where controls do in 1.0 %"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("claim", ["uses", "ignores"])
def test_each_reason_is_said(place: Fixed, detectable: float, said: str, claim: str) -> None:
    made = judge(measured(place, detectable, claim), LEAST, 0.05, claim)  # type: ignore[arg-type]
    assert made.verdict == "inconclusive" and said in made.reason


def test_what_a_refutation_covers_is_said_of_a_fixed_place_alone() -> None:
    fixed = judge(measured(Fixed(0.0, 0.01)), LEAST, 0.05)
    assert fixed.verdict == "refuted"
    assert (
        "over all 106 images, whether or not anything is there: an effect in few of them would be diluted"
        in fixed.reason
    )
    assert "diluted" not in judge(measured(None), LEAST, 0.05).reason


def test_which_regions_are_one_place() -> None:
    one = ("rect:0,0,0.5,0.5", "grid:1,1/2x2", "border:0.1", "corners:0.2", "point:0.5,0.5,0.1", "click:0.5,0.5", "saliency:place10%")  # fmt: skip
    other = ("box:tv", "colour:red", "point:@spot", "segment:red", "saliency:top10%", "like:data/0,0,0,0.5,0.5", "text:a cup")  # fmt: skip
    for spec in (*one, *other):
        assert parse_region(spec, {"tv": 3}, ("a", "b"), ("spot",)).fixed == (spec in one), spec


def test_two_arms_are_compared_with_each_other() -> None:
    """Pieces of few donors show the cue: as many draws fall short as reach the minimum, unless there is one."""
    rng = np.random.default_rng(0)
    n, k = 150, 4
    donors = rng.integers(0, 60, (n, k, 2))
    for effect, few in ((0.0, False), (0.4, True)):
        has = (donors[..., 0] < 12) * effect
        clean, zeros = np.full(n, 0.3), np.zeros(n, np.int64)
        cue = clean[:, None] + rng.normal(0, 0.05, (n, k)) + has
        control = clean[:, None] + rng.normal(0, 0.05, (n, k))
        many = np.zeros((n, k), np.int64)
        made = Arms(zeros, zeros, clean, cue, control, zeros, many, many, clean, clean, donors, zeros[:0], zeros[:0])  # fmt: skip
        assert (two_arms.fixed_place(made, 1, LEAST, 3).p <= 0.05) == few


def world(marked: float, textured: float, n: int = 240) -> FakeView:
    """The upper left quarter is plain but for a red square in ``marked`` of the images, which raises the score by about 20 points; so
    does, a little, all contrast elsewhere (``textured``)."""
    rng = np.random.default_rng(3)
    pixels = rng.integers(90, 160, (n, SIDE, SIDE, 1)).repeat(3, 3).astype(np.uint8)
    pixels[:, :8, :8] = 125
    red = rng.random(n) < marked
    pixels[red, 1:7, 1:7] = (220, 30, 30)

    def rule(x: np.ndarray) -> np.ndarray:
        shown = (x[:, :8, :8, 0] - x[:, :8, :8, 1] > 0.5).mean((1, 2)) > 0.3
        contrast = np.abs(x[..., 1] - 125 / 255).mean((1, 2))
        logit = 0.85 * shown + textured * (contrast - 0.06)
        return np.stack([logit, np.zeros(len(x))], 1)

    return FakeView({"data": FakeTable(pixels, [0] * n, ("bed", "bath"))}, FakeModel(rule, ("bed", "bath"), (SIDE, SIDE)))  # fmt: skip


def test_the_whole_tool_leaves_a_diluted_mark_open_and_refutes_an_empty_place() -> None:
    given = {"region": "rect:0,0,0.25,0.25", "class_name": "bed", "minimum_effect": LEAST, "draws": 4, "second_fill": None}  # fmt: skip
    diluted = mask(world(0.2, 45.0), **given)  # type: ignore[arg-type]
    assert diluted.fact("effect").ci[1] < LEAST  # type: ignore[index]
    assert diluted.findings[0].verdict == "inconclusive"
    assert any("like:SPLIT/ROW" in step for step in diluted.next_steps)
    empty = mask(world(0.0, 1.0), **given)  # type: ignore[arg-type]
    assert empty.findings[0].verdict == "refuted"
    assert "over all 240 images, whether or not anything is there" in empty.summary
    assert "over all 240 images, whether or not anything is there" in empty.findings[0].note
    assert "] points" not in empty.summary and "] points" not in diluted.summary
    sd = float(np.asarray(empty.fact("effect_sd").value))
    assert (smallest_paired_effect(sd, 240, 0.05, two_sided=False) or 0) < LEAST
