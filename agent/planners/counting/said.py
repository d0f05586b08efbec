"""The first lines of answers that are worked out of several counts, or picked out of one measurement. Nothing is measured here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.tools.evidence import Evidence, Fact
from failsight.tools.notes import called
from failsight.tools.text import clean, interval, listing, number, number_text

if TYPE_CHECKING:
    from failsight.agent.case import Case

TOOL: Final = "count_images"
SAID: Final = "counted"  # of a call: what is worked out of what it and those after it count
_BEST: Final = r"(?:best|strongest|easiest|most (?:reliable|accurate)|most often right)"
_WORST: Final = (
    r"(?:worst|weakest|hardest|poorest|least (?:reliable|accurate)|most often wrong|wrong most often)"
)
_CLASS: Final = r"(?:class(?:es)?|rooms?|categor(?:y|ies)|labels?|kinds? of rooms?|ones?|of (?:the|them|those|these)(?: (?:\w+ )?(?:class(?:es)?|rooms?|categories|two|three|four|five))?)"
#: ``which class is the best?``, ``which of the rooms is it worst at?``, ``the two worst classes``
RANKS: Final = re.compile(
    rf"\b(?:which|what)(?: {_CLASS})?(?: (?:is|are|does|do|has|was))?(?: (?:it|the model|its?))?(?: (?:do|perform|fare|recogni[sz]ed|get))?(?: (?:at|the|its))*(?: (?:two|three|four|\d))? ?(?P<a>{_BEST}|{_WORST})\b"
    rf"|\b(?P<b>{_BEST}|{_WORST}) (?:class(?:es)?|rooms?|categor(?:y|ies))\b|\b(?:only |just )?(?:the )?(?:two|three|\d) (?P<c>{_BEST}|{_WORST})\b|\b(?P<d>{_BEST}|{_WORST}) first\b",
    re.IGNORECASE,
)
IS_BEST: Final = re.compile(_BEST, re.IGNORECASE)
_FIRST: Final = re.compile(r"(?<=[%\w])\. (?=(?:These|This|By) )")
_UNKNOWN: Final = "it is not known"  # of a count's notes: images of which a condition can't be told
MOST: Final = 6
FEW: Final = 4  # values that a count's own summary names
MOST_VALUES: Final = 12


def answer(case: Case, evidence: Sequence[str], said: Mapping[str, Any] | None) -> str:
    """The first lines of an answer; empty where the last evidence says all by itself.

    Args:
        evidence: ids of what was measured in this turn, in its order.
        said: what is to be worked out, as the call of the turn carries it.
    """
    known = {e.id: e for e in case.state().evidence}
    made = [known[i] for i in dict.fromkeys(evidence) if i in known]
    if not made:
        return ""
    kind = str((said or {}).get("kind", ""))
    if kind in _KINDS:
        return "\n".join(_KINDS[kind](case, made, said or {})[:MOST])
    counts = [e for e in made if e.tool == TOOL]
    if len(counts) == 1 and (whole := _all_values(counts[0])):
        return whole
    return "\n".join(_told(e) for e in counts[:MOST]) if len(counts) > 1 else ""


def _all_values(made: Evidence) -> str:
    """A count with each of its values, where its summary names only some."""
    rows = [r for t in made.tables[:1] for r in t.rows]
    if not FEW < len(rows) <= MOST_VALUES or not made.arguments.get("having"):
        return ""
    by = str(made.arguments.get("by") or "")
    lead = "" if by in ("true", "predicted") else f"{clean(by, 40)}="
    values = [f"{lead}{clean(str(r[0]), 60)} {r[2]:,} of {r[1]:,} ({number(float(str(r[3])))})" for r in rows]
    return f"{_FIRST.split(made.summary)[0].rstrip('.')}: {listing(values, MOST_VALUES, 120)} [{made.id}]."


def _told(made: Evidence) -> str:
    """The answer of one count, and the values that it tells."""
    first, *rest = _FIRST.split(made.summary)
    by = next((f" {r}" for r in rest if r.startswith("By ")), "")
    return f"{first.rstrip('.')}.{by} [{made.id}]"


def _fact(made: Evidence, name: str) -> Fact | None:
    return next((f for f in made.facts if f.name == name), None)


def _numbers(made: Evidence) -> tuple[int, int]:
    """Of a count: how many, of how many."""
    counted, images = _fact(made, "counted"), _fact(made, "images")
    n = int(float(images.value)) if images is not None else 0  # type: ignore[arg-type]
    return (int(float(counted.value)) if counted is not None else n), n  # type: ignore[arg-type]


def _cited(made: Sequence[Evidence]) -> str:
    return "".join(f"[{e.id}]" for e in made)


def _any(case: Case, made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """At least one of several things: what is left when those that have none are taken away."""
    from failsight.tools.stats.intervals import wilson

    names = listing([clean(str(n), 40) for n in said.get("names", ())], 8)
    none, n_none = _numbers(made[-1])
    if len(made) == 1:
        whole, of = n_none - none, n_none
        without = _fact(made[0], "share")  # of those with none: the rest has the interval that is left
        ci = (
            (1 - without.ci[1], 1 - without.ci[0]) if without is not None and without.ci is not None else None
        )
        told = prompts.say("count.any", count=f"{whole:,}", n=f"{of:,}", share=_share(whole, of, ci), names=names, none=f"{none:,}", evidence=_cited(made))  # fmt: skip
        return [told]
    every, n_every = _numbers(made[0])
    whole, of = every - none, n_every - n_none
    ci = None if made[0].arguments.get("group_by") else wilson(whole, of)  # of groups: only their rows tell
    unknown = any(
        _UNKNOWN in note for note in made[-1].notes
    )  # what is in no group is left with those that have one
    key = "count.any_of.unknown" if unknown else "count.any_of"
    return [prompts.say(key, count=f"{whole:,}", n=f"{of:,}", share=_share(whole, of, ci), names=names, what=str(said.get("what") or "counted"), evidence=_cited(made)), *map(_told, made)]  # fmt: skip


def _share(k: int, n: int, ci: tuple[float, float] | None) -> str:
    return f"{number(k / n)} {interval(ci)}".strip() if n else "–"


def _rank(case: Case, made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """The classes by recall, the best or the worst first."""
    split = str(said.get("split") or "data")
    of = "class {}" if split == "data" else f"split {split}, class {{}}"
    facts = [(c, next((f for f in made[-1].facts if f.name == "recall" and f.of == of.format(c)), None)) for c in case.classes]  # fmt: skip
    rows = [(c, float(f.value), f.ci, f.n or 0) for c, f in facts if f is not None and isinstance(f.value, int | float)]  # fmt: skip
    return _ranked("recall", called(split), rows, said, made[-1].id)


def _rank_by(case: Case, made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """The values of a column by the share of images that are right (or that are counted), the best or the worst first."""
    last, wrong = made[-1], bool(said.get("wrong"))
    rows = by_share(last, str(said.get("by") or ""), best=bool(said.get("best")) != wrong)
    images = called(str(last.arguments.get("split") or "data"))
    return _ranked("wrong" if wrong else "right", images, rows, said, last.id)


def by_share(made: Evidence, by: str, *, best: bool) -> list[tuple[str, float, Any, int]]:
    """The values of a count's ``by`` with share, interval and images, the largest share first (``best``) or the smallest."""
    prefix = "class " if by == "true" else "called " if by == "predicted" else f"slice {by}="
    rows = {}
    for fact in made.facts:
        if fact.name != "share" or not fact.n or not isinstance(fact.value, int | float):
            continue
        name = next((p for p in reversed(fact.of.split(", ")) if p.startswith(prefix)), "")
        if name and " or " not in name and "|" not in name:
            name = name.removeprefix("slice ").removeprefix(prefix if "=" not in prefix else "")
            rows[name] = (name, float(fact.value), fact.ci, fact.n)
    return sorted(rows.values(), key=lambda r: r[1], reverse=best)


def _ranked(what: str, images: str, rows: list[Any], said: Mapping[str, Any], evidence: str) -> list[str]:
    if len(rows) < 2:
        return []
    best = bool(said.get("best"))
    rows.sort(key=lambda r: r[1], reverse=best != (what == "wrong"))
    shown = rows[: max(1, min(int(said.get("n") or 1), len(rows)))]
    told = [f"{clean(r[0].replace('_', ' '), 60)} {number(r[1])} {interval(r[2])} of {r[3]:,}" for r in shown]
    following = rows[len(shown)] if len(shown) < len(rows) else None
    key = "count.best" if best else "count.worst"
    line = prompts.say(key, names=listing(told, len(told), 160), images=images, what=prompts.say(f"count.by_{what}"), evidence=evidence)  # fmt: skip
    if following is None:
        return [line]
    apart = _apart(shown[-1][2], following[2])
    after = f"{clean(following[0].replace('_', ' '), 60)} {number(following[1])} {interval(following[2])}"
    return [f"{line} {prompts.say('count.next' if apart else 'count.near', after=after)}"]


def _apart(a: Any, b: Any) -> bool:
    return bool(a and b and (a[1] < b[0] or b[1] < a[0]))


def _cost(case: Case, made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """What errors cost, for each thousand images: one confusion for itself, every other error alike."""
    (wrong, n), (pair, _) = _numbers(made[0]), _numbers(made[-1])
    if not n:
        return []
    cost, rest = float(said["cost"]), float(said["rest"])
    total = pair * cost + (wrong - pair) * rest
    images = called(str(made[0].arguments.get("split") or "data"))
    line = prompts.say(
        "count.cost", per=number_text(round(1000 * total / n, 1)), images=images, n=f"{n:,}", pair=f"{pair:,}", cost=number_text(cost), others=f"{wrong - pair:,}",
        rest=number_text(rest), true=clean(str(said["true"]), 60), predicted=clean(str(said["predicted"]), 60), evidence=_cited(made),
    )  # fmt: skip
    return [line, *([prompts.say("count.cost_rest")] if said.get("unsaid") else [])]


def _day(case: Case, made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """How many of so many answers are wrong."""
    lines = []
    for one in made:
        share = _fact(one, "share")
        if share is None or share.ci is None or not isinstance(share.value, int | float):
            continue
        n = float(said["n"])
        low, high = (number_text(round(n * end, 1)) for end in share.ci)
        lines.append(
            prompts.say(
                "count.day", count=number_text(round(n * float(share.value), 1)), low=low, high=high, n=number_text(n),
                images=called(str(one.arguments.get("split") or "data")), share=number(float(share.value)), evidence=one.id,
            )
        )  # fmt: skip
    return lines


def _good(case: Case, made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """The groups that are answered right most often, by the lower end of their interval."""
    rows = [r for t in made[-1].tables if t.title == "Groups" for r in t.rows if len(r) > 3]
    found = []
    for name, n, right, ci, *_ in rows:
        of = f"{n:,}" if isinstance(n, int) else str(n)
        ends = re.findall(r"[\d.]+", str(ci))
        if len(ends) == 2 and isinstance(right, int | float):
            found.append((float(ends[0]), f"{clean(str(name), 60)} {number(float(right))} {ci} of {of}"))
    found.sort(reverse=True)
    if not found:
        return []
    return [prompts.say("count.good", names=listing([t for _, t in found[:3]], 3, 160), evidence=made[-1].id)]


_KINDS: Final[Mapping[str, Callable[[Any, Sequence[Evidence], Mapping[str, Any]], list[str]]]] = {
    "any": _any, "rank": _rank, "rank_by": _rank_by, "cost": _cost, "day": _day, "good": _good,
}  # fmt: skip
