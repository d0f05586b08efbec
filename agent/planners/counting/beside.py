"""Which of several counts is worse, or more, and how sure that is: the first line above counts that stand beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from failsight import prompts
from failsight.agent.planners.counting.read import OUTCOMES, denied, parts
from failsight.agent.planners.counting.said import said_in_words
from failsight.tools.evidence import Evidence
from failsight.tools.notes import called
from failsight.tools.stats.intervals import newcombe
from failsight.tools.text import clean, interval, number

_LARGE: Final = ("more", "worse")


class Side(NamedTuple):
    """One count: what tells it from the others, how many of how many, its interval, the conditions of its images."""

    name: str
    k: int
    n: int
    ci: tuple[float, float] | None
    among: frozenset[str]
    split: str
    grouped: bool

    @property
    def share(self) -> float:
        return self.k / self.n if self.n else 0.0


def first_line(made: Sequence[Evidence], how: str, *, asked: bool = False) -> str:
    """The first line; empty where nothing is to be said beyond the counts.

    Args:
        how: ``worse``, ``better``, ``more`` or ``less``; ``beside`` for no more than the difference.
        asked: whether it was asked if the first is so, beside the second.
    """
    sides = [s for s in map(side, made, _names(made)) if s is not None]
    if len(sides) < 2 or len(sides) < len(made):
        return ""
    having = tuple(made[0].arguments.get("having") or ())
    if any(tuple(e.arguments.get("having") or ()) != having for e in made):
        return ""
    right = having == ("correct",)
    what = _what(having)
    large = (how in ("worse", "more", "beside")) != (right and how in ("worse", "better", "beside"))
    top, *rest = sorted(sides, key=lambda s: s.share, reverse=large)
    sure = all(apart(top, s) for s in rest[:1])
    word = {"beside": "worse"}.get(how, how)
    if how == "beside" and having not in (("correct",), ("wrong",)):
        word = "more"
    if how == "difference":
        return _difference(sides, what) if len(sides) == 2 else ""
    if asked and len(sides) == 2:
        return _yes_or_no(sides, top, word, what)
    key = f"compared.{word}" if sure else "compared.unsure"
    fields = {"name": top.name, "share": _rate(top), "what": what, "others": "; ".join(f"{s.name} {_rate(s)}" for s in rest)}  # fmt: skip
    if not sure:
        fields["how"] = prompts.say(f"compared.how.{word}")
    return prompts.say(key, **fields)


def _what(having: Sequence[str]) -> str:
    """What is said of so many: ``wrong in``, ``called dog in``."""
    if tuple(having) in (("correct",), ("wrong",)):
        return prompts.say("compared.right" if having[0] == "correct" else "compared.wrong")
    name, sign, value = parts(having[0]) if len(having) == 1 else ("", "", "")
    if name == "predicted" and sign == "=" and "|" not in value:
        return prompts.say("compared.called", name=clean(value.replace("_", " "), 60))
    if len(having) == 1 and sign and name not in ("true", "confidence"):
        return prompts.say("compared.having", what=clean(said_in_words(having), 80))
    return prompts.say("compared.counted")


def _yes_or_no(sides: Sequence[Side], top: Side, how: str, what: str) -> str:
    """Whether the first of two is so beside the second."""
    first, second = sides
    fields = {"name": first.name, "share": _rate(first), "what": what, "others": f"{second.name} {_rate(second)}"}  # fmt: skip
    if not apart(first, second):
        return prompts.say("compared.open", **fields)
    return prompts.say("compared.yes" if top is first else "compared.no", **fields)


def _difference(sides: Sequence[Side], what: str) -> str:
    """By how much two counts differ, with the interval of that where the two share no image."""
    a, b = sorted(sides, key=lambda s: -s.share)
    sure = _disjoint(a, b) and not a.grouped and not b.grouped
    ci = interval(newcombe(a.k, a.n, b.k, b.n), "points") if sure else ""
    gap = f"{number(a.share - b.share, 'points')} {ci}".strip()
    return prompts.say("compared.difference", name=a.name, share=_rate(a), what=what, others=f"{b.name} {_rate(b)}", gap=gap)  # fmt: skip


def _rate(side: Side) -> str:
    return f"{number(side.share)} {interval(side.ci)}".strip()


def side(made: Evidence, name: str) -> Side | None:
    facts = {
        f.name: f for f in reversed(made.facts) if f.name in ("counted", "images")
    }  # the first of each: all of the base
    whole = [f for f in made.facts if f.name == "share" and f.ci is not None]
    if len(facts) < 2 or not whole:
        return None
    given = made.arguments
    k, n = (int(float(str(facts[x].value))) for x in ("counted", "images"))
    ci = whole[0].ci
    pair = (float(ci[0]), float(ci[1])) if ci is not None else None
    return Side(name, k, n, pair, frozenset(given.get("among") or ()), str(given.get("split") or "data"), bool(given.get("group_by")))  # fmt: skip


def apart(a: Side, b: Side) -> bool:
    """Whether the difference is sure: by its own interval where the two share no image, else by intervals that don't meet."""
    if not a.grouped and not b.grouped and _disjoint(a, b):
        low, high = newcombe(a.k, a.n, b.k, b.n)
        return low > 0 or high < 0
    return bool(a.ci and b.ci and (a.ci[1] < b.ci[0] or b.ci[1] < a.ci[0]))


def _disjoint(a: Side, b: Side) -> bool:
    if a.split != b.split:
        return True
    own = {denied(c) for c in a.among}
    held = {name: set(value.split("|")) for name, sign, value in map(parts, a.among) if sign == "="}
    other = any(
        sign == "=" and name in held and not held[name] & set(value.split("|"))
        for name, sign, value in map(parts, b.among)
    )
    return other or any(c in own for c in b.among if parts(c)[1])


def _names(made: Sequence[Evidence]) -> list[str]:
    """What tells each count from the others: its class, its group, its split."""
    rows = [[*(e.arguments.get("among") or ())] for e in made]
    splits = [str(e.arguments.get("split") or "data") for e in made]
    shared = set(rows[0]).intersection(*rows[1:]) if rows else set()
    names = []
    for row, split in zip(rows, splits, strict=True):
        own = [_spoken(c) for c in row if c not in shared]
        own += [called(split)] if len(set(splits)) > 1 else []
        names.append(" ".join(own) or "all images")
    return names


def _spoken(condition: str) -> str:
    name, sign, value = parts(condition)
    if condition in OUTCOMES:
        return condition
    if name == "true":
        return clean((value if sign == "=" else f"not {value}").replace("_", " ").replace("|", " or "), 60)
    return clean(said_in_words([condition]), 80)
