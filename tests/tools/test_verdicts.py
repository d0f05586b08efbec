"""The verdict's rule, and the online correction: exact levels, and the promise over simulated sessions."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsight.tools.evidence import Evidence, Fact, Finding, Instrument, TestResult, Verdict
from failsight.tools.stats.intervals import bootstrap
from failsight.tools.stats.tests import sign_flip
from failsight.tools.text import p_beside
from failsight.tools.verdicts import (
    ONLINE_LEVEL,
    STANDING_LEVEL,
    Claim,
    Measured,
    chain,
    history,
    judge,
    online_q,
    weight,
)


def verdict(
    effect: float,
    low: float,
    high: float,
    p: float,
    *,
    q: float | None = None,
    n: int = 100,
    claim: Claim = "uses",
) -> Verdict:
    return judge(Measured(effect, (low, high), p, p if q is None else q, n, 0.03), 0.05, 0.05, claim).verdict


def test_the_rule_for_uses() -> None:
    assert verdict(0.2, 0.1, 0.3, 0.001) == "confirmed"
    assert verdict(0.2, 0.1, 0.3, 0.001, q=0.06) == "inconclusive"
    assert verdict(0.2, -0.01, 0.3, 0.001) == "inconclusive"
    assert verdict(0.04, 0.03, 0.06, 0.001) == "inconclusive"  # real, but whether it matters is open
    assert verdict(0.02, 0.01, 0.03, 0.001) == "refuted"  # real, but smaller than what matters
    assert verdict(0.0, -0.01, 0.01, 0.5) == "refuted"
    assert verdict(0.0, -0.1, 0.1, 0.5) == "inconclusive"
    assert verdict(-0.3, -0.4, -0.2, 1.0) == "refuted"


@pytest.mark.parametrize("claim", ["uses", "ignores"])
def test_a_stricter_level_holds_for_the_corrected_p_too(claim: Claim) -> None:
    effect, ci = (0.2, (0.1, 0.3)) if claim == "uses" else (0.0, (-0.01, 0.01))

    def judged(q: float, alpha: float) -> Verdict:
        return judge(Measured(effect, ci, 0.001, q, 100), 0.05, alpha, claim).verdict

    assert judged(0.009, STANDING_LEVEL) == "confirmed"
    assert judged(0.02, STANDING_LEVEL) == "inconclusive"  # that of a check which nobody asked for
    assert judged(0.02, 0.05) == "confirmed"
    assert judged(0.08, 0.2) == "inconclusive"  # a laxer one loosens nothing


def test_the_rule_for_ignores_is_its_mirror_image() -> None:
    assert verdict(0.0, -0.01, 0.01, 0.001, claim="ignores") == "confirmed"
    assert verdict(0.0, -0.01, 0.01, 0.001, q=0.2, claim="ignores") == "inconclusive"
    assert verdict(0.2, 0.1, 0.3, 0.9, claim="ignores") == "refuted"
    assert verdict(0.04, 0.0, 0.08, 0.3, claim="ignores") == "inconclusive"


@pytest.mark.parametrize(
    "wrong", [{"n": 1}, {"effect": float("nan")}, {"p": float("nan")}, {"ci": (float("nan"), 0.1)}]
)
def test_what_was_not_measured_decides_nothing(wrong: dict[str, Any]) -> None:
    whole = Measured(0.2, (0.1, 0.3), 0.001, 0.001, 100)
    assert judge(whole, 0.05, 0.05).verdict == "confirmed"
    assert judge(dataclasses.replace(whole, **wrong), 0.05, 0.05).verdict == "inconclusive"


def test_controls_that_raise_the_score_confirm_nothing() -> None:
    """An effect of 20 points of which the cue itself makes 2: the model does not rely on the cue."""
    whole = Measured(0.2, (0.1, 0.3), 0.001, 0.001, 100, fall=0.15)
    assert judge(whole, 0.05, 0.05).verdict == "confirmed"
    lifted = judge(dataclasses.replace(whole, fall=0.02), 0.05, 0.05)
    assert lifted.verdict == "inconclusive"
    assert "controls raise it" in lifted.reason
    assert judge(dataclasses.replace(whole, fall=0.02), 0.05, 0.05, "ignores").verdict == "inconclusive"


def test_few_images_refute_nothing() -> None:
    assert verdict(0.0, 0.0, 0.0, 1.0, n=7) == "inconclusive"


def test_the_weights_sum_to_one_and_fall() -> None:
    values = [weight(j) for j in range(1, 100_000)]
    assert sum(values) == pytest.approx(1, abs=1e-4)
    assert sum(values) < 1
    assert values == sorted(values, reverse=True)
    assert values[0] == 0.2


def test_q_by_hand() -> None:
    assert online_q(0.01, 0, 0) == pytest.approx(0.05)
    assert online_q(0.01, 1, 0) == pytest.approx(0.01 / (4 / 30))
    assert online_q(0.01, 1, 1) == pytest.approx(0.01 / (4 / 30) / 2)
    assert online_q(1.0, 9, 0) == 1
    with pytest.raises(ValueError):
        online_q(0.5, 1, 2)


@given(st.floats(0, 1), st.integers(0, 50), st.integers(0, 50))
def test_q_is_never_below_p_over_the_budget(p: float, earlier: int, confirmed: int) -> None:
    confirmed = min(confirmed, earlier)
    q = online_q(p, earlier, confirmed)
    assert p / (confirmed + 1) <= q <= 1


def evidence(plan: str, outcome: Verdict, n: int = 50) -> Evidence:
    test = TestResult("test_by_masking", 0.1, (0.0, 0.2), 0.01, n, outcome)
    finding = Finding("spurious_correlation", "features", "data_content", "s", tests=(test,))
    return Evidence("test_by_masking", "t", "s", facts=(Fact("plan", plan, "text"),), findings=(finding,))


def test_a_repeated_plan_is_one_test_and_keeps_its_place() -> None:
    told = [
        evidence("A", "confirmed"),
        evidence("B", "refuted"),
        evidence("A", "confirmed"),
        evidence("C", "confirmed"),
    ]
    assert (history(told, "D").earlier, history(told, "D").confirmed) == (3, 2)
    assert (history(told, "B").earlier, history(told, "B").confirmed) == (1, 1)
    assert history(told, "A").earlier == 0
    assert history([Evidence("test_by_masking", "t", "s")], "A").earlier == 0


@pytest.mark.parametrize(("n", "counted"), [(0, 0), (1, 0), (2, 1), (50, 1)])
def test_a_test_that_had_no_chance_to_reject_spends_nothing(n: int, counted: int) -> None:
    assert history([evidence("A", "inconclusive", n)], "B").earlier == counted


def session(
    rng: np.random.Generator, effects: list[float], noise: float = 0.15, n: int = 40
) -> list[tuple[bool, bool]]:
    """(is null, confirmed) of a session's tests in turn, on the same images: their noise is partly shared."""
    shared = rng.normal(0, noise / 2, n)
    made: list[tuple[bool, bool]] = []
    for j, effect in enumerate(effects):
        d = effect + shared + rng.normal(0, noise, n)
        p = sign_flip(d, "greater", resamples=999, seed=j)
        q = online_q(p, j, sum(c for _, c in made))
        m = Measured(float(d.mean()), bootstrap(d, resamples=200, method="percentile", seed=j), p, q, n)
        made.append((effect <= 0, judge(m, 0.01, 0.05).verdict == "confirmed"))
    return made


def test_sessions_of_nulls_confirm_nothing_more_often_than_promised() -> None:
    rng = np.random.default_rng(0)
    runs = 120
    any_confirmed = sum(any(c for _, c in session(rng, [0.0] * 8)) for _ in range(runs))
    assert any_confirmed <= runs * ONLINE_LEVEL + 2 * (runs * 0.05 * 0.95) ** 0.5


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("effects", [[0.0] * 20, [0.0, 0.0, 0.2] * 6, [0.2] * 3 + [0.0] * 12])
def test_the_false_discovery_rate_of_a_session(effects: list[float]) -> None:
    rng = np.random.default_rng(1)
    rates = []
    for _ in range(600):
        made = session(rng, effects)
        rates.append(sum(c and null for null, c in made) / max(1, sum(c for _, c in made)))
    assert np.mean(rates) <= ONLINE_LEVEL + 2 * np.std(rates) / 600**0.5


def test_the_chain_tells_hypothesis_instrument_evidence_and_verdict() -> None:
    finding = dataclasses.replace(evidence("A", "refuted").findings[0], verdict="refuted")
    plan = Instrument(finding.key, "test_by_masking", {}, "s", "mean fall", "elsewhere", 0.05, 0.05, 50)
    other = dataclasses.replace(plan, finding="another")
    assert [s.stage for s in chain(finding, [plan, other])] == [
        "hypothesis",
        "instrument",
        "evidence",
        "verdict",
    ]
    assert chain(dataclasses.replace(finding, tests=(), verdict=None))[-1].text == "open: not tested"


@pytest.mark.parametrize(
    ("p", "ci", "told"),
    [
        (1.0, (-0.173, -0.159), "1.000 (one-sided: of an effect above zero)"),
        (0.9999, (0.1, 0.2), "1.000 (one-sided: of an effect below zero)"),
        (1.0, (-0.1, 0.1), "1.000"),
        (0.0001, (0.1, 0.2), "< 0.001"),
        (float("nan"), (0.1, 0.2), "–"),
        (1.0, None, "1.000"),
    ],
)
def test_a_p_that_seems_to_contradict_its_interval_says_that_it_is_one_sided(
    p: float, ci: tuple[float, float] | None, told: str
) -> None:
    assert p_beside(p, ci) == told


def test_wherever_a_test_is_told_its_p_fits_its_interval() -> None:
    low = TestResult("training_record", -0.167, (-0.173, -0.159), 1.0, 2500, "refuted")
    found = Finding("underfitting", "correctness", "training_parameter", "It has not learnt.", verdict="refuted", tests=(low,))  # fmt: skip
    from failsight.agent.narrate.phrases import result
    from failsight.agent.ui.renderables import test_line as line

    for said in (result(low), line(low), chain(found)[1].text):
        assert "1.000 (one-sided: of an effect above zero)" in said
