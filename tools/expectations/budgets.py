"""What a person may demand of a model's speed and size, and how such numbers are written. Light: no numpy here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Budget:
    """One demand: its unit as written, whether it is a lower bound, what it is called in a sentence."""

    unit: str
    at_least: bool
    words: str


BUDGETS = {
    "latency_ms": Budget("ms", False, "latency"),
    "throughput": Budget("images/s", True, "throughput"),
    "memory_mb": Budget("MB", False, "peak memory"),
    "parameters_m": Budget("million", False, "parameters"),
}
"""Names of expectations that the tool ``efficiency`` measures; its facts carry the same names."""


def is_budget(name: str) -> bool:
    """Whether ``name`` is an expectation about speed or size."""
    return name.strip() in BUDGETS


def show(name: str, value: float | None) -> str:
    """``12.3 ms`` for a value of ``latency_ms``."""
    if value is None or value != value:
        return "–"
    text = (
        "∞"
        if value in (float("inf"), float("-inf"))
        else f"{value:,.0f}"
        if value >= 1000
        else f"{value:.3g}"
    )
    return f"{text} {BUDGETS[name.strip()].unit}"


def show_interval(name: str, ci: tuple[float, float] | None) -> str:
    """``[11.9, 13] ms``; empty without one."""
    if ci is None:
        return ""
    low, high = (show(name, c).split(" ", 1)[0] for c in ci)
    return f"[{low}, {high}] {BUDGETS[name.strip()].unit}"
