"""Scores of played cases: shares with Wilson 95 % intervals, as Markdown and as JSON values.

A case in which a player crashed or ran out of time counts against it in every score.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from failsight.tools.stats.intervals import wilson

CALLS = 12  # a first finding after more tool calls comes too late
TRUE = ("right", "consequence", "elsewhere")
RESAMPLES = 2000
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


def replicated(row: Row) -> bool:
    """Whether everything that is confirmed shows on pictures that nobody saw, with the whole interval above zero."""
    return all((s.get("again") or (0, 0.0, 0.0, 0.0))[2] > 0 for s in standing(row))


def tried_again(rows: Iterable[Row]) -> list[Row]:
    """The cases whose statements say what the reserve shows of them: results of before don't."""
    return [r for r in rows if all("again" in s for s in standing(r))]


Score = Callable[[Row], bool]
SCORES: Sequence[tuple[str, Score]] = (
    ("first finding right", first_right),
    ("planted fault named within 12 calls", in_time),
    ("all planted found", all_found),
    ("nothing false", nothing_false),
)
NULL_SCORES: Sequence[tuple[str, Score]] = (
    ("nothing confirmed", says_nothing),
    ("nothing false confirmed", nothing_false),
)
REPLICATED = "nothing confirmed that does not replicate"


def share(rows: Iterable[Row], score: Score) -> str:
    """``k/n = share [interval]``."""
    return _told(_share(rows, score))


def _share(rows: Iterable[Row], score: Score) -> dict[str, Any]:
    hits = [score(r) and not r.get("failed") for r in rows]
    if not hits:
        return {"hits": 0, "of": 0, "share": None, "interval": None}
    low, high = wilson(sum(hits), len(hits))
    return {
        "hits": sum(hits),
        "of": len(hits),
        "share": sum(hits) / len(hits),
        "interval": [round(low, 4), round(high, 4)],
    }


def _told(one: Mapping[str, Any]) -> str:
    if one["share"] is None:
        return "–"
    low, high = one["interval"]
    return f"{one['hits']}/{one['of']} = {one['share']:.2f} [{low:.2f}, {high:.2f}]"


def false_share(rows: Sequence[Row]) -> dict[str, Any]:
    """Share of all statements that are false, with a 95 % interval from resampling cases (statements of one hang together)."""
    counts = np.array([[sum(s["judgement"] == "false" for s in standing(r)), len(standing(r))] for r in rows])
    if not len(rows) or not counts[:, 1].sum():
        return {"hits": 0, "of": 0, "share": None, "interval": None}
    hits, total = (int(v) for v in counts.sum(0))
    drawn = np.random.default_rng(0).integers(0, len(rows), (RESAMPLES, len(rows)))
    sums = counts[drawn].sum(1)
    low, high = np.quantile(sums[:, 0] / np.maximum(sums[:, 1], 1), (0.025, 0.975))
    return {
        "hits": hits,
        "of": total,
        "share": hits / total,
        "interval": [round(float(low), 4), round(float(high), 4)],
    }


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """The scores of one player, as JSON values."""
    played = [r for r in rows if "statements" in r]
    planted, null = [r for r in played if r["bugs"]], [r for r in played if not r["bugs"]]
    made: dict[str, Any] = {name: _share(planted, score) for name, score in SCORES}
    made |= {f"null cases: {name}": _share(null, score) for name, score in NULL_SCORES}
    made[f"null cases: {REPLICATED}"] = _share(tried_again(null), replicated)
    made["statements that are false"] = false_share(played)
    made["statements"] = dict(Counter(s["judgement"] for r in played for s in standing(r)).most_common())
    made["of the right kind in a wrong place"] = sum(bool(s.get("misplaced")) for r in played for s in standing(r))  # fmt: skip
    made["failed"] = sum(bool(r.get("failed")) for r in played)
    made["not made"] = sum("statements" not in r for r in rows)
    done = [r for r in played if not r.get("failed")]
    if done:
        made["median calls"] = float(np.median([r["calls"] for r in done]))
        made["median seconds"] = round(float(np.median([r["seconds"] for r in done])), 2)
        made["tokens"] = int(sum(r["tokens"] for r in done))
        made["usd"] = round(sum(r["usd"] for r in done), 4)
    return made


# -- one player -----------------------------------------------------------------------------------------


def markdown(rows: Sequence[Row]) -> str:
    """All tables of one player: planted cases by score, by fault, null cases, statements, cost."""
    played = [r for r in rows if "statements" in r]
    planted, null = [r for r in played if r["bugs"]], [r for r in played if not r["bugs"]]
    lines = ["| planted cases | |", "|---|---|"]
    lines += [f"| {name} | {share(planted, score)} |" for name, score in SCORES]
    lines += ["", "| null cases | |", "|---|---|"]
    lines += [f"| {name} | {share(null, score)} |" for name, score in NULL_SCORES]
    lines += [f"| {REPLICATED} | {share(tried_again(null), replicated)} |"]
    made = Counter(s["judgement"] for r in played for s in standing(r))
    total = sum(made.values())
    told = ", ".join(f"{name} {n}" for name, n in made.most_common())
    lines += ["", f"{total} statements confirmed in {len(played)} cases: {told or 'none'}."]
    lines += _cost(played)
    lines += ["", "| fault | cases | found | first right |", "|---|---|---|---|"]
    for bug in sorted({b for r in planted for b in r["bugs"]}):
        mine = [r for r in planted if bug in r["bugs"]]
        found = sum(any(s["bug"] == bug and s["judgement"] == "right" for s in standing(r)) for r in mine)
        lines.append(f"| {bug} | {len(mine)} | {found} | {sum(map(first_right, mine))} |")
    failed = [f"{r['case']} ({r['failed']})" for r in played if r.get("failed")]
    if failed:
        lines += ["", "Failed, counted as wrong: " + "; ".join(failed[:20])]
    left = [f"{r['case']} ({r['problem']})" for r in rows if "statements" not in r]
    if left:
        lines += ["", "Not played: " + "; ".join(left[:20])]
    return "\n".join(lines)


def _cost(played: Sequence[Row]) -> list[str]:
    done = [r for r in played if not r.get("failed")]
    if not done:
        return []
    calls, seconds, made = (np.median([r.get(k, 0) for r in done]) for k in ("calls", "seconds", "made"))
    lines = [f"Median of a case: {calls:.0f} tool calls, {seconds:.0f} s; making it {made:.0f} s."]
    tokens, usd = sum(r.get("tokens", 0) for r in done), sum(r.get("usd", 0.0) for r in done)
    if tokens:
        lines.append(f"Tokens in all {tokens:,}, of a case {tokens / len(done):,.0f}; {usd:.2f} US dollars.")
    return lines


# -- several players ------------------------------------------------------------------------------------

COLUMNS: Sequence[tuple[str, str]] = (
    ("first finding right", "first finding right"),
    ("all planted found", "all planted found"),
    ("nothing false", "nothing false (planted)"),
    ("null cases: nothing confirmed", "null: nothing said"),
    ("statements that are false", "statements false"),
)


def compared(rows: Sequence[Row], titles: Mapping[str, str] | None = None) -> str:
    """One line for each player, in the order in which they come; every score with its interval.

    Args:
        rows: of all players; the first is compared with the others.
        titles: player → what to call it.
    """
    players = list(dict.fromkeys(r["planner"] for r in rows))
    made = {p: summary([r for r in rows if r["planner"] == p]) for p in players}
    costs = any(m.get("tokens") for m in made.values())
    heads = ["", *(head for _, head in COLUMNS), "statements", "median s", *(["tokens", "US $"] if costs else [])]  # fmt: skip
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for player in players:
        one = made[player]
        cells = [(titles or {}).get(player, player), *(_told(one[name]) for name, _ in COLUMNS)]
        cells += [str(sum(one["statements"].values())), f"{one.get('median seconds', 0):.1f}"]
        if costs:
            cells += [f"{one.get('tokens', 0):,}", f"{one.get('usd', 0):.2f}"]
        lines.append("| " + " | ".join(cells) + " |")
    if len(players) > 1:
        lines += ["", _ahead(made, players[0], titles or {})]
    return "\n".join(lines)


def _ahead(made: Mapping[str, Mapping[str, Any]], own: str, titles: Mapping[str, str]) -> str:
    """On which scores the first player is not ahead of which other, intervals apart."""
    short = []
    for name, head in COLUMNS:
        lower = name == "statements that are false"
        near = [
            titles.get(other, other) for other in made
            if other != own and not _apart(made[own][name], made[other][name], lower)
        ]  # fmt: skip
        if near:
            short.append(f"{head} ({', '.join(near)})")
    called = titles.get(own, own)
    if not short:
        return f"{called} is ahead of every other on each score, with intervals that do not overlap."
    return f"Intervals of {called} overlap, or it is behind: {'; '.join(short)}. Everywhere else it is ahead, without overlap."  # fmt: skip


def _apart(own: Mapping[str, Any], other: Mapping[str, Any], lower: bool) -> bool:
    if own["share"] is None or other["share"] is None:
        return False
    if lower:
        return bool(own["interval"][1] < other["interval"][0])
    return bool(own["interval"][0] > other["interval"][1])
