"""The answer to a division of the work: how many images go to people, how many are left to the model, and how many of these are wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.planners.advice.numbers import accuracy
from failsight.agent.planners.counting import beside
from failsight.knowledge_base.condition_text import parts
from failsight.tools.notes import called
from failsight.tools.text import clean, interval, listing, number

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.agent.planners.counting.beside import Side
    from failsight.agent.planners.handed.kept import Division
    from failsight.tools.evidence import Evidence

MOST_CLASSES: Final = 12
_CLASS: Final = {
    ("true", False): "handed.true", ("true", True): "handed.true.not", ("predicted", False): "handed.predicted", ("predicted", True): "handed.predicted.not",
}  # fmt: skip
_SIGNS: Final = {"=": "", "!=": "not "}
_UNKNOWN: Final = "it is not known"  # of a count's notes


def lines(case: Case, made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """The lines. ``said``: as the call of the turn carries it; ``names`` tells what each count is of."""
    named = list(zip(map(str, said.get("names") or ()), made, strict=False))
    if said.get("ask") == "divided":
        return _divided(case, named, said)
    if said.get("ask") == "cost":
        from failsight.agent.planners.handed import costs

        return costs.lines(named, said)
    if said.get("ask") == "limit":
        return _limit(named, said)
    return _which(named, said)


def say(key: str, **fields: str) -> str:
    """A text with those of the fields that stand in it."""
    return prompts.say(key, **{name: fields[name] for name in prompts.fields_of(prompts.template(key))})


def group_words(group: Sequence[str]) -> str:
    """Conditions as people read them: ``fonds City Housing Office and colour black and white``."""
    made = []
    for one in group:
        name, sign, value = parts(str(one))
        spoken, shown = clean(name.replace("_", " "), 60), clean(value.replace("|", " or "), 80)
        if name in ("true", "predicted"):
            made.append(prompts.say(_CLASS[name, sign == "!="], name=shown.replace("_", " ")))
        elif name == "confidence":
            made.append(prompts.say("handed.unsure", bar=number(float(value))))
        else:
            made.append(f"{spoken} {_SIGNS.get(sign, f'{sign} ')}{shown}")
    return listing(made, len(made), 200)


def rule_words(rule: Division) -> str:
    """What goes to people, in words."""
    told = [group_words(g) for g in rule.groups]
    return "; ".join([*told, *([group_words((f"confidence<{rule.bar:.6g}",))] if rule.bar else [])])


# --- what goes where ---------------------------------------------------------------------------------------------------------


def _divided(case: Case, named: Sequence[tuple[str, Evidence]], said: Mapping[str, Any]) -> list[str]:
    (_, first), *others = named
    left, away = beside.side(first, ""), [(n, e, beside.side(e, "")) for n, e in others]
    gone = sum(s.n for _, _, s in away if s is not None)
    most = int(said.get("most") or 0)
    text = [prompts.say("handed.too_many", gone=f"{gone:,}", most=f"{most:,}")] if 0 < most < gone else []
    if said.get("goal") and left is not None and left.n:
        text.append(_reaches(first, left, gone, float(said["goal"])))
    text.append(_first(first, left, gone))
    groups = iter(said.get("groups") or ())
    for i, (name, one, side) in enumerate(away):
        what = group_words(next(groups) if name == "part" else (f"confidence<{said['bar']}",))
        k, n = (side.k, side.n) if side is not None else (0, 0)
        key = "handed.part" if i == 0 else "handed.part.more"
        text.append(prompts.say(key, what=what, n=f"{n:,}", k=f"{k:,}", evidence=one.id))
    if said.get("per") and left is not None and gone + left.n:
        text.append(_per(first, left, gone, int(said["per"])))
    text += [prompts.say("handed.unsaid")] if said.get("unsaid") else []
    text += _by_class(first) if said.get("by_class") else []
    text += _most(gone, said)
    if left is not None and left.n and said.get("accepted") is not None:
        text.append(_held_to(left, float(said["accepted"])))
    text += [prompts.say("handed.known", names=_names(said["true"]))] if said.get("true") else []
    text += _unknown(first)
    whole = accuracy(case.state())
    if whole is not None and left is not None:
        k = round(whole.n * (1 - whole.value))
        text.append(prompts.say("handed.whole", k=f"{k:,}", n=f"{whole.n:,}", evidence=whole.evidence))
    return [*text, *([prompts.say("handed.kept")] if said.get("rule") else [])]


def _reaches(made: Evidence, left: Side, gone: int, goal: float) -> str:
    """Whether so many are right: of what is left to the model, and of all with people right on theirs."""
    rate, whole = 1 - left.share, gone + left.n
    low, high = (1 - left.ci[1], 1 - left.ci[0]) if left.ci else (rate, rate)
    key = "yes" if low >= goal else "here" if rate >= goal else "near" if high >= goal else "no"
    together = (whole - left.k) / whole
    told = say(f"handed.goal.{key}", goal=number(goal), rate=number(rate), low=number(low), high=number(high), left=f"{left.n:,}", right=f"{left.n - left.k:,}", evidence=made.id)  # fmt: skip
    sides = "yes" if together >= goal else "no"
    return f"{told} {say(f'handed.goal.all.{sides}', goal=number(goal), rate=number(together), right=f'{whole - left.k:,}', n=f'{whole:,}')}"


def _per(made: Evidence, left: Side, gone: int, per: int) -> str:
    whole = gone + left.n
    return prompts.say("handed.per", per=f"{per:,}", gone=f"{round(per * gone / whole):,}", left=f"{per - round(per * gone / whole):,}", k=f"{round(per * left.k / whole):,}", evidence=made.id)  # fmt: skip


def _first(made: Evidence, left: Side | None, gone: int) -> str:
    images = called(str(made.arguments.get("split") or "data"))
    if left is None or not left.n:
        return prompts.say("handed.none_left", n=f"{gone:,}", images=images, evidence=made.id)
    return prompts.say(
        "handed.divided", gone=f"{gone:,}", n=f"{gone + left.n:,}", images=images, left=f"{left.n:,}", k=f"{left.k:,}", right=f"{left.n - left.k:,}",
        share=f"{number(left.share)} {interval(left.ci)}".strip(), rate=number(1 - left.share), evidence=made.id,
    )  # fmt: skip


def _most(gone: int, said: Mapping[str, Any]) -> list[str]:
    """Whether it keeps to the number of pictures that people can look at."""
    if not said.get("most"):
        return []
    most = int(said["most"])
    if gone > most:
        return []
    if not said.get("scores"):
        return [prompts.say("handed.no_scores")]
    return [prompts.say("handed.most", most=f"{most:,}", bar=number(float(said["bar"])))]


def _by_class(made: Evidence) -> list[str]:
    rows = [(str(r[0]), _whole(r[2]), _whole(r[1])) for t in made.tables[:1] for r in t.rows if _whole(r[1])]
    told = [f"{clean(name.replace('_', ' '), 60)} {k:,} of {n:,} ({number(k / n)})" for name, k, n in rows]
    names = listing(told, MOST_CLASSES, 160)
    return [prompts.say("handed.by_class", names=names, evidence=made.id)] if told else []


def _whole(cell: Any) -> int:
    """A cell of a table that holds a number of images."""
    return int(cell)


def _unknown(made: Evidence) -> list[str]:
    return [clean(n, 300) for n in made.notes if _UNKNOWN in n][:1]


def _names(names: Sequence[Any]) -> str:
    return listing(list(dict.fromkeys(clean(str(n).replace("_", " "), 60) for n in names)), 6)


# --- so many errors are accepted -----------------------------------------------------------------------------------------------


def _limit(named: Sequence[tuple[str, Evidence]], said: Mapping[str, Any]) -> list[str]:
    counts = {name: (e, s) for name, e in named if (s := beside.side(e, "")) is not None}
    accepted = float(said["accepted"])
    base = counts.get("outside") or counts.get("all")
    text = []
    if base is not None:
        text.append(_reached(counts, base, said, accepted))
    if "sure" in counts:
        made, side = counts["sure"]
        text.append(prompts.say("handed.surely", bar=number(float(said["sure"])), **_fields(side), evidence=made.id))  # fmt: skip
    if base is not None:
        key = "handed.outside" if said.get("groups") else "handed.everything"
        fields = {"groups": _all_groups(said)} if said.get("groups") else {}
        text.append(prompts.say(key, **_fields(base[1]), **fields, evidence=base[0].id))
    text += _found(counts, said, accepted)
    text += [prompts.say("handed.known", names=_names(said["true"]))] if said.get("true") else []
    text += [prompts.say("handed.kept")] if said.get("rule") else []
    return [*text, prompts.say("handed.chosen")]


def _reached(
    counts: Mapping[str, tuple[Evidence, Side]],
    base: tuple[Evidence, Side],
    said: Mapping[str, Any],
    accepted: float,
) -> str:
    """Which limit keeps to what is accepted, and how sure that is."""
    share = number(accepted)
    if "limit" in counts:
        made, side = counts["limit"]
        fields = _fields(side) | {"gone": f"{base[1].n - side.n:,}", "whole": f"{base[1].n:,}", "part": number(side.n / max(base[1].n, 1))}  # fmt: skip
        told = prompts.say("handed.limit", accepted=share, bar=number(float(said["bar"])), **fields, evidence=made.id)  # fmt: skip
        return f"{told} {_held_to(side, accepted)}"
    if "nearest" in counts:
        made, side = counts["nearest"]
        return prompts.say("handed.no_limit", accepted=share, bar=number(float(said["bar"])), **_fields(side), evidence=made.id)  # fmt: skip
    return prompts.say("handed.no_scores.accepted", accepted=share)


def _held_to(side: Side, accepted: float) -> str:
    """Whether so few errors are sure, are so on these images only, or are not."""
    low, high = side.ci or (side.share, side.share)
    key = "sure" if high <= accepted else "here" if side.share <= accepted else "near" if low <= accepted else "not"  # fmt: skip
    return say(f"handed.held.{key}", accepted=number(accepted), high=number(high), n=f"{side.n:,}")


def _found(
    counts: Mapping[str, tuple[Evidence, Side]], said: Mapping[str, Any], accepted: float | None
) -> list[str]:
    """What handing over the groups of confirmed findings alone would bring."""
    if "found" not in counts or not said.get("found"):
        return []
    made, side = counts["found"]
    ids = listing(list(map(str, said["found"])), 6)
    told = prompts.say("handed.found", ids=ids, **_fields(side), evidence=made.id)
    return [f"{told} {_held_to(side, accepted)}" if accepted is not None else told]


def _all_groups(said: Mapping[str, Any]) -> str:
    return "; ".join(group_words(g) for g in said.get("groups") or ())


def _fields(side: Side) -> dict[str, str]:
    return {
        "n": f"{side.n:,}",
        "k": f"{side.k:,}",
        "share": f"{number(side.share)} {interval(side.ci)}".strip(),
    }


# --- which part ----------------------------------------------------------------------------------------------------------------


def _which(named: Sequence[tuple[str, Evidence]], said: Mapping[str, Any]) -> list[str]:
    counts = {name: (e, s) for name, e in named if (s := beside.side(e, "")) is not None}
    if "all" not in counts:
        return []
    made, whole = counts["all"]
    images = called(str(made.arguments.get("split") or "data"))
    text = [prompts.say("handed.all", images=images, **_fields(whole), right=number(1 - whole.share), evidence=made.id)]  # fmt: skip
    if said.get("ask") != "which":
        return text
    for name, (one, side) in counts.items():
        if name.startswith("bar:") and side.n:
            bar = number(float(name.removeprefix("bar:")))
            text.append(prompts.say("handed.bar", bar=bar, **_fields(side), gone=f"{whole.n - side.n:,}", evidence=one.id))  # fmt: skip
    text += _found(counts, said, None)
    text += [prompts.say("handed.chosen")] if said.get("found") else []
    return [*text, prompts.say("handed.ask")]
