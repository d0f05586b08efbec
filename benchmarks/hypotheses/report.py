"""The results as Markdown: shares with Wilson 95 % intervals, and every case that went wrong by name."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence

from benchmarks.hypotheses.trials import Result
from failsight.tools.stats.intervals import wilson

SHORT = {"test_by_masking": "masking", "test_by_adding": "adding"}
DECOYS = {
    "known": "plant, demo's model: goes with bedrooms in training and evaluation",
    "late": "goes with a class in evaluation only, demo's model",
    "trained": "goes with a class in training, ignored by its network",
}


def share(count: int, n: int) -> str:
    """``20/20 1.00 [0.84, 1.00]``."""
    if not n:
        return "–"
    low, high = wilson(count, n)
    return f"{count}/{n} {count / n:.2f} [{low:.2f}, {high:.2f}]"


def counted(results: Iterable[Result], holds: Callable[[Result], bool]) -> str:
    """The share of some results for which something holds."""
    kept = list(results)
    return share(sum(map(holds, kept)), len(kept))


def markdown(results: Sequence[Result]) -> list[str]:
    """All tables."""
    return [
        *_bugs([r for r in results if r.family == "bug"]),
        "",
        *_decoys([r for r in results if r.family != "bug" and r.wanted == "refuted"]),
        "",
        *_taken_up([r for r in results if r.family == "trained"]),
        "",
        *_misses(results),
    ]


def _bugs(results: Sequence[Result]) -> list[str]:
    lines = [
        "## Planted bugs",
        "",
        "| bug | instrument | confirmed | refuted | doses monotone | effect, median (least) | true effect, median | images | s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for cue, label, tool in dict.fromkeys((r.cue, r.label, r.tool) for r in _sorted(results)):
        own = [r for r in results if (r.cue, r.tool) == (cue, tool)]
        effects = [r.effect for r in own]
        lines.append(
            f"| {cue} → {label.replace('_', ' ')} | {SHORT[tool]} | {counted(own, _confirmed)} | {counted(own, _refuted)} "
            f"| {counted(own, lambda r: r.monotone)} | {_points(statistics.median(effects))} ({_points(min(effects))}) "
            f"| {_points(statistics.median(r.true_effect for r in own))} | {_range(r.n for r in own)} "
            f"| {statistics.median(r.seconds for r in own):.1f} |"
        )
    both = _pairs(results)
    lines += [
        "",
        f"Confirmed by both instruments: {counted_pairs(both, lambda pair: all(map(_confirmed, pair)))}; with monotone "
        f"doses in both: {counted_pairs(both, lambda pair: all(_confirmed(r) and r.monotone for r in pair))}.",
    ]
    return lines


def _decoys(results: Sequence[Result]) -> list[str]:
    lines = [
        "## Decoys",
        "",
        "| decoy | instrument | refuted | confirmed | effect, median (largest) | true effect, median (largest) | "
        "detectable, median (largest) | power said |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for family, about in DECOYS.items():
        for tool, name in SHORT.items():
            own = [r for r in results if (r.family, r.tool) == (family, tool)]
            if own:
                lines.append(f"| {about} | {name} | {_decoy(own)} |")
    lines.append(f"| all | both | {_decoy(list(results))} |")
    return lines


def _decoy(own: Sequence[Result]) -> str:
    effects, true = [r.effect for r in own], [r.true_effect for r in own]
    seen = [r.detectable for r in own if r.detectable is not None]
    detectable = f"{_points(statistics.median(seen))} ({_points(max(seen))})" if seen else "–"
    return (
        f"{counted(own, _refuted)} | {counted(own, _confirmed)} | {_points(statistics.median(effects))} "
        f"({_points(max(effects))}) | {_points(statistics.median(true))} ({_points(max(true))}) | {detectable} "
        f"| {counted([r for r in own if _refuted(r)], lambda r: r.told)}"
    )


def _taken_up(results: Sequence[Result]) -> list[str]:
    """What the trained networks did with their cue, by the twins."""
    lines = [
        "## Trained networks",
        "",
        "| by the twins the network … | instrument | confirmed | refuted | inconclusive | true effect, median |",
        "|---|---|---|---|---|---|",
    ]
    words = {
        "uses": "uses its cue (at least 5 points)",
        "between": "may or may not",
        "ignores": "ignores it (less than 5 points)",
    }
    for state, told in words.items():
        for tool, name in SHORT.items():
            own = [r for r in results if (r.state, r.tool) == (state, tool)]
            if own:
                lines.append(
                    f"| {told} | {name} | {counted(own, _confirmed)} | {counted(own, _refuted)} "
                    f"| {counted(own, lambda r: r.verdict == 'inconclusive')} "
                    f"| {_points(statistics.median(r.true_effect for r in own))} |"
                )
    return lines


def _misses(results: Sequence[Result]) -> list[str]:
    wrong = [r for r in _sorted(results) if r.wanted is not None and r.verdict != r.wanted]
    lines = ["## Not as wanted", ""]
    lines += [
        f"- {r.family} {r.seed}: {r.cue} → {r.label} by {SHORT[r.tool]}: {r.verdict}, {_points(r.effect)} "
        f"[{_points(r.low)}, {_points(r.high)}], q {r.q:.3g}, n = {r.n}; twins {_points(r.true_effect)} "
        f"[{_points(r.true_low)}, {_points(r.true_high)}]"
        for r in wrong
    ]
    unlike = [
        r
        for r in _sorted(results)
        if r.family != "trained" and r.state != ("uses" if r.family == "bug" else "ignores")
    ]
    lines += [
        f"- {r.family} {r.seed}: {r.cue} → {r.label}: by the twins ({SHORT[r.tool]}'s images) {r.state}, "
        f"{_points(r.true_effect)} [{_points(r.true_low)}, {_points(r.true_high)}]"
        for r in unlike
    ]
    return lines if wrong or unlike else [*lines, "Nothing."]


def _pairs(results: Sequence[Result]) -> list[list[Result]]:
    made: dict[tuple[int, str], list[Result]] = {}
    for r in results:
        made.setdefault((r.seed, r.cue), []).append(r)
    return list(made.values())


def counted_pairs(pairs: Sequence[list[Result]], holds: Callable[[list[Result]], bool]) -> str:
    """The share of pairs (masking, adding) for which something holds."""
    return share(sum(map(holds, pairs)), len(pairs))


def _confirmed(r: Result) -> bool:
    return r.verdict == "confirmed"


def _refuted(r: Result) -> bool:
    return r.verdict == "refuted"


def _sorted(results: Sequence[Result]) -> list[Result]:
    return sorted(results, key=lambda r: (r.family, r.cue, r.tool != "test_by_masking", r.seed))


def _points(value: float) -> str:
    return f"{100 * value:+.1f}"


def _range(values: Iterable[int]) -> str:
    kept = sorted(values)
    return f"{kept[0]}" if kept[0] == kept[-1] else f"{kept[0]}–{kept[-1]}"
