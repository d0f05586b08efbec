"""Scores of played cases: shares with Wilson 95 % intervals, as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from failsight.tools.stats.intervals import wilson

CALLS = 12  # a first finding after more tool calls comes too late
TRUE = ("right", "consequence", "elsewhere")
Row = Mapping[str, Any]


def standing(row: Row) -> list[Mapping[str, Any]]:
    """The statements of a case that are confirmed at its end, in the order in which they were first confirmed."""
    return [s for s in row["statements"] if s.get("stands", True)]


def first_right(row: Row) -> bool:
    """Whether the first finding tells of a planted fault, or of what follows from it."""
    said = standing(row)
    return bool(said) and said[0]["judgement"] in ("right", "consequence")


def in_time(row: Row) -> bool:
    """Whether a planted fault is named by its kind and place within twelve tool calls."""
    return any(s["judgement"] == "right" and s.get("call", 0) <= CALLS for s in standing(row))


def all_found(row: Row) -> bool:
    """Whether every planted fault is named by its kind and place."""
    return set(row["bugs"]) <= {s["bug"] for s in standing(row) if s["judgement"] == "right"}


def nothing_false(row: Row) -> bool:
    """Whether nothing is confirmed that neither was planted nor holds on the reserve."""
    return all(s["judgement"] in TRUE or s["judgement"] == "wrong_kind" for s in standing(row))


def says_nothing(row: Row) -> bool:
    """Whether nothing at all is confirmed."""
    return not standing(row)


SCORES: Sequence[tuple[str, Callable[[Row], bool]]] = (
    ("first finding right", first_right),
    ("planted fault named within 12 calls", in_time),
    ("all planted found", all_found),
    ("nothing false", nothing_false),
)


def share(rows: Iterable[Row], score: Callable[[Row], bool]) -> str:
    """``k/n, share [interval]``."""
    hits = [score(r) for r in rows]
    if not hits:
        return "–"
    low, high = wilson(sum(hits), len(hits))
    return f"{sum(hits)}/{len(hits)} = {sum(hits) / len(hits):.2f} [{low:.2f}, {high:.2f}]"


def markdown(rows: Sequence[Row]) -> str:
    """All tables: planted cases by score, by fault, null cases, statements, cost."""
    played = [r for r in rows if "statements" in r]
    planted, null = [r for r in played if r["bugs"]], [r for r in played if not r["bugs"]]
    lines = ["| planted cases | |", "|---|---|"]
    lines += [f"| {name} | {share(planted, score)} |" for name, score in SCORES]
    lines += ["", "| null cases | |", "|---|---|"]
    lines += [f"| nothing confirmed | {share(null, says_nothing)} |"]
    lines += [f"| nothing false confirmed | {share(null, nothing_false)} |"]
    made = Counter(s["judgement"] for r in played for s in standing(r))
    total = sum(made.values())
    told = ", ".join(f"{name} {n}" for name, n in made.most_common())
    lines += ["", f"{total} statements confirmed in {len(played)} cases: {told or 'none'}."]
    if played:
        calls, seconds = (np.median([r[k] for r in played]) for k in ("calls", "seconds"))
        lines += [
            f"Median of a case: {calls:.0f} tool calls, {seconds:.0f} s; making it {np.median([r['made'] for r in played]):.0f} s."
        ]
    lines += ["", "| fault | cases | found | first right |", "|---|---|---|---|"]
    for bug in sorted({b for r in planted for b in r["bugs"]}):
        mine = [r for r in planted if bug in r["bugs"]]
        found = sum(any(s["bug"] == bug and s["judgement"] == "right" for s in standing(r)) for r in mine)
        lines.append(f"| {bug} | {len(mine)} | {found} | {sum(map(first_right, mine))} |")
    left = [r for r in rows if "statements" not in r]
    if left:
        lines += ["", "Not played: " + "; ".join(f"{r['case']} ({r['problem']})" for r in left[:20])]
    return "\n".join(lines)
