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
MOST_LINES: Final = 9  # of a first line with the counts that it rests on
FEW: Final = 4  # values that a count's own summary names
MOST_VALUES: Final = 31  # hours of a day, days of a month


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
        return "\n".join(_KINDS[kind](case, made, said or {})[:MOST_LINES])
    counts = [e for e in made if e.tool == TOOL]
    if len(counts) == 1 and (whole := values_told(counts[0])):
        return whole
    return "\n".join(of_count(e) for e in counts[:MOST]) if len(counts) > 1 else ""


def values_told(made: Evidence) -> str:
    """A count with each of its values, where its summary names only some, and whether one of them stands out; empty for all other counts."""
    rows = [
        (str(r[0]), int(str(r[2])), int(str(r[1]))) for t in made.tables[:1] for r in t.rows if len(r) > 3
    ]
    having = [str(c) for c in made.arguments.get("having") or ()]
    if not FEW < len(rows) <= MOST_VALUES or not having:
        return ""
    by = str(made.arguments.get("by") or "")
    lead = "" if by in ("true", "predicted") else f"{clean(by, 40)}="
    values = [f"{lead}{clean(v, 60)} {k:,} of {n:,} ({number(k / n)})" for v, k, n in rows if n]
    told = f"{_FIRST.split(made.summary)[0].rstrip('.')}: {listing(values, MOST_VALUES, 120)} [{made.id}]."
    return " ".join(
        filter(None, (told, _outstanding(rows, lead, grouped=bool(made.arguments.get("group_by")))))
    )


def _outstanding(rows: Sequence[tuple[str, int, int]], lead: str, *, grouped: bool) -> str:
    """Which values surely differ from all others together, at the level that holds for all of them; empty where images go together."""
    from failsight.tools.stats.intervals import newcombe

    k_all, n_all = sum(k for _, k, _ in rows), sum(n for _, _, n in rows)
    if grouped or not lead:
        return ""
    ends = [
        (v, newcombe(k, n, k_all - k, n_all - n, 1 - 0.05 / len(rows))) for v, k, n in rows if 0 < n < n_all
    ]
    high, low = ([f"{lead}{clean(v, 60)}" for v, ci in ends if (ci[0] > 0 if up else ci[1] < 0)] for up in (True, False))  # fmt: skip
    if not high and not low:
        return prompts.say("count.none_out")
    said = [prompts.say(f"count.{key}_out", names=listing(names, MOST_VALUES)) for key, names in (("high", high), ("low", low)) if names]  # fmt: skip
    return " ".join(said)


def of_count(made: Evidence) -> str:
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
    return [prompts.say(key, count=f"{whole:,}", n=f"{of:,}", share=_share(whole, of, ci), names=names, what=str(said.get("what") or "counted"), evidence=_cited(made)), *map(of_count, made)]  # fmt: skip


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


def _every(case: Case, made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """Whether each value of a column reaches a share that is right: the lowest tells, with its interval.

    That one is below it is said where its interval would be below also at the level that holds for all of them together.
    """
    from failsight.tools.stats.intervals import normal_quantile

    last, bound = made[-1], float(said["bound"])
    rows = [r for r in by_share(last, str(said.get("by") or ""), best=False) if r[2]]
    if not rows:
        return []
    wider = normal_quantile(1 - 0.05 / len(rows)) / normal_quantile(
        0.95
    )  # one of many is below by chance alone
    below = [r for r in rows if r[1] + wider * (r[2][1] - r[1]) < bound]
    open_ = [r for r in rows if r[2][0] < bound]
    key = "count.every_no" if below else "count.every_open" if open_ else "count.every_yes"
    shown = (below or rows)[0]
    name, share, ci, n = shown
    lowest = f"{clean(name.replace('_', ' '), 60)} {number(share)} {interval(ci)} of {n:,}"
    reach = [clean(r[0].replace("_", " "), 60) for r in rows if r[2][0] >= bound]
    told = prompts.say(key, bound=number(bound), lowest=lowest, images=called(str(last.arguments.get("split") or "data")), evidence=last.id)  # fmt: skip
    some = prompts.say("count.every_reach", names=listing(reach, MOST_VALUES))
    which = some if reach else prompts.say("count.every_none")
    others = [r for r in rows if r is not shown][: MOST_VALUES - 1]
    rest = [f"{clean(r[0].replace('_', ' '), 60)} {number(r[1])} {interval(r[2])}" for r in others]
    lines = [f"{told} {which}" if key != "count.every_yes" else told]
    lines += [prompts.say("count.every_others", names=listing(rest, len(rest), 160))] if rest else []
    return lines


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
    if said.get("rest") is None:
        return _priced(made, [said], "")
    cost, rest = float(said["cost"]), float(said["rest"])
    total = pair * cost + (wrong - pair) * rest
    images = called(str(made[0].arguments.get("split") or "data"))
    line = prompts.say(
        "count.cost", per=number_text(round(1000 * total / n, 1)), images=images, n=f"{n:,}", pair=f"{pair:,}", cost=number_text(cost), others=f"{wrong - pair:,}",
        rest=number_text(rest), true=clean(str(said["true"]), 60), predicted=clean(str(said["predicted"]), 60), evidence=_cited(made),
    )  # fmt: skip
    return [line, *([prompts.say("count.cost_rest")] if said.get("unsaid") else [])]


def _costs(case: Case, made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """What errors cost for each thousand images, where several kinds of error have a price of their own.

    The counts are those of all errors, then one for each price in order; an error that two prices fit is counted at the first.
    """
    (wrong, n), *each = (_numbers(e) for e in made)
    prices = list(said.get("prices", ()))
    if not n or len(each) != len(prices):
        return []
    if said.get("rest") is None:
        return _priced(made, prices, str(said.get("unit") or ""))
    unit, left, total, told = str(said.get("unit") or ""), wrong, 0.0, list[str]()
    counted: dict[str, int] = {}
    for price, (k, _) in zip(prices, each, strict=True):
        own = k - (counted.get(str(price["true"]), 0) if not price.get("predicted") else 0)
        counted[str(price["true"])] = counted.get(str(price["true"]), 0) + own
        left, total = left - own, total + own * float(price["cost"])
        name = clean(str(price["true"]), 60)
        what = prompts.say("count.cost_pair", true=name, predicted=clean(str(price["predicted"]), 60)) if price.get("predicted") else prompts.say("count.cost_missed", true=name)  # fmt: skip
        told.append(
            prompts.say("count.cost_one", count=f"{own:,}", what=what, cost=number_text(float(price["cost"])))
        )
    rest = float(said["rest"])
    total += left * rest
    told.append(
        prompts.say(
            "count.cost_one", count=f"{left:,}", what=prompts.say("count.cost_others"), cost=number_text(rest)
        )
    )
    per = f"{1000 * total / n:,.1f} {unit}".strip()
    images = called(str(made[0].arguments.get("split") or "data"))
    line = prompts.say("count.costs", per=per, images=images, n=f"{n:,}", parts=listing(told, len(told), 160), evidence=_cited(made))  # fmt: skip
    return [line, *([prompts.say("count.cost_rest")] if said.get("unsaid") else [])]


def _priced(made: Sequence[Evidence], prices: Sequence[Mapping[str, Any]], unit: str) -> list[str]:
    """What the errors that have a price come to, over the images and for each thousand of them; the others have none."""
    (wrong, n), *each = (_numbers(e) for e in made)
    left, total, told = wrong, 0.0, list[str]()
    counted: dict[str, int] = {}
    for price, (k, _) in zip(prices, each, strict=True):
        name, into = str(price["true"]), str(price.get("predicted") or "")
        own = (
            k if into else k - counted.get(name, 0)
        )  # a miss that has a price of its own was counted with it
        counted[name] = counted.get(name, 0) + own
        left, total = left - own, total + own * float(price["cost"])
        what = prompts.say("count.cost_pair" if into else "count.cost_missed", true=clean(name, 60), **({"predicted": clean(into, 60)} if into else {}))  # fmt: skip
        cost = f"{float(price['cost']):,.10g} {unit}".strip()
        told.append(prompts.say("count.cost_one", count=f"{own:,}", what=what, cost=cost))
    images = called(str(made[0].arguments.get("split") or "data"))
    line = prompts.say(
        "count.priced", total=f"{total:,.10g} {unit}".strip(), per=f"{round(1000 * total / n, 1):,.10g} {unit}".strip(), images=images, n=f"{n:,}",
        parts=listing(told, len(told), 160), evidence=_cited(made),
    )  # fmt: skip
    return [line, *([prompts.say("count.unpriced", left=f"{left:,}")] if left else [])]


def _demanded(case: Case, made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """Whether what a sentence demands holds, by readiness: of these demands alone, whatever else is expected."""
    from failsight.tools.expectations.criteria import criteria_of
    from failsight.tools.expectations.names import show_expected, show_range, show_value

    names = list(said.get("names", ()))
    rows = [c for c in criteria_of(made[-1]) if c["name"] in names]
    if not rows:
        return []
    told = []
    for c in rows:
        ci = (float(c["ci"][0]), float(c["ci"][1])) if c["ci"] else None
        value = f"{show_value(c['name'], c['value'])} {show_range(c['name'], ci)}".strip() if c["value"] is not None else "–"  # fmt: skip
        holds = {True: "holds", False: "fails", None: "open_one"}[c["holds"]]
        told.append(prompts.say(f"demanded.{holds}", what=show_expected(c["name"], c["at_least"], c["bound"]), value=value, n=f"{c['n']:,}" if c["n"] else "–"))  # fmt: skip
    verdict = (
        "no" if any(c["holds"] is False for c in rows) else "yes" if all(c["holds"] for c in rows) else "open"
    )
    return [prompts.say(f"demanded.{verdict}", evidence=made[-1].id), *(f"- {line}" for line in told)]


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


def _compared(case: Case, made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """Which of several counts is worse (or more), how sure that is, and each of them."""
    from failsight.agent.planners.counting.beside import first_line

    counts = [e for e in made if e.tool == TOOL]
    line = first_line(counts, str(said.get("how") or ""), asked=bool(said.get("asked")))
    assumed = [str(said["assumed"])] if said.get("assumed") else []
    return [*([line] if line else []), *map(of_count, counts), *assumed]


def _strengths(case: Case, made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """What the model does well, once that was measured for the question."""
    from failsight.agent.planners.advice import strengths

    return strengths.lines(case)


def _known(case: Case, made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """What is known of the things that a sentence names."""
    from failsight.agent.planners.known import said as known

    return known.told(case, made, said)


def _handed(case: Case, made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """What goes to people and what is left to the model; lists, denied suppositions and the figure of all images."""
    from failsight.agent.planners import denied, outright
    from failsight.agent.planners.handed import exported, load
    from failsight.agent.planners.handed import said as handed

    if said.get("kind") == load.KIND:
        return load.lines([e for e in made if e.tool == TOOL], said)

    others = {exported.SUSPECT: exported.suspects, denied.KIND: denied.lines, outright.KIND: outright.lines}
    return others.get(str(said.get("kind")), handed.lines)(case, made, said)


def _labelled(case: Case, made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """What the check of the labels says of a person, and the images on which label and answer differ."""
    first, *known = [str(line) for line in said.get("lines", ())]
    counted = [values_told(e) or of_count(e) for e in made if e.tool == TOOL]
    return [*known, first, *counted]


def _crossed(case: Case, made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """Which of two things it is that were asked as alternatives."""
    from failsight.agent.planners.counting import crossed

    return crossed.lines([e for e in made if e.tool == TOOL], said)


def _differs(case: Case, made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """What a column, another thing, or two groups have to do with the errors."""
    from failsight.agent.planners.counting import bigger, blamed, differs, held_fixed

    counts = [e for e in made if e.tool == TOOL]
    kind = str(said.get("kind"))
    if kind == differs.KIND:
        return differs.lines(case, counts, said)
    others = {bigger.KIND: bigger.lines, blamed.KIND: blamed.lines}
    return others.get(kind, held_fixed.lines)(counts, said)


def said_in_words(conditions: Sequence[str]) -> str:
    """Conditions as people read them: ``site=Ost and month=12, 1 or 2``."""
    from failsight.tools.counting.words import in_words
    from failsight.tools.experiments.population import parse_filters

    return " and ".join(in_words(one) for one in parse_filters(list(conditions)))


_KINDS: Final[Mapping[str, Callable[[Any, Sequence[Evidence], Mapping[str, Any]], list[str]]]] = {
    "demanded": _demanded, "costs": _costs, "any": _any, "rank": _rank, "rank_by": _rank_by, "every": _every, "cost": _cost, "day": _day, "good": _good, "compared": _compared, "strengths": _strengths, "crossed": _crossed, "labelled": _labelled, **dict.fromkeys(("differs", "fixed", "bigger", "blamed"), _differs), **dict.fromkeys(("handed", "suspects", "denied", "outright", "load"), _handed), **dict.fromkeys(("known", "sure_only", "alarms", "doubt", "confidence", "trusted", "weighed", "merged", "verdict", "verdict_of"), _known),
}  # fmt: skip
