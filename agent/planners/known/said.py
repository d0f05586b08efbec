"""The first lines of an answer that was counted for the things of a sentence: the count, what stands beside it, a finding about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.planners.counting import beside
from failsight.agent.planners.counting.said import of_count, said_in_words, values_told
from failsight.agent.planners.known import findings
from failsight.knowledge_base.condition_text import parts
from failsight.tools.notes import called
from failsight.tools.stats.intervals import newcombe
from failsight.tools.text import clean, interval, listing, number

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.tools.evidence import Evidence

MOST_CLASSES: Final = 8
_NO_GROUP: Final = ("wrong", "correct", "confidence")  # what is said of the answers, and not of the images


def told(case: Case, made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """The lines of an answer of this package. ``said``: as the call of the turn carries it, with its kind."""
    from failsight.agent.planners.known import cutoff, doubt, merging, shown, verdicts, weights

    kinds: Mapping[str, Callable[[], list[str]]] = {
        "alarms": lambda: alarms(made, str(said.get("name") or "")),
        "sure_only": lambda: sure_only(case, made, said),
        cutoff.KIND: lambda: cutoff.lines(made, said),
        doubt.KIND: lambda: doubt.lines(case, made, said),
        merging.KIND: lambda: merging.lines(made, said),
        shown.KIND: lambda: shown.lines(made),
        verdicts.KIND: lambda: verdicts.lines(case, made, said),
        verdicts.OF: lambda: verdicts.of_lines(case, made, said),
        weights.KIND: lambda: weights.lines(made, said),
    }
    one = kinds.get(str(said.get("kind") or ""))
    return one() if one is not None else lines(case, made, said)


def lines(case: Case, made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """The lines. ``said``: as the call of the turn carries it."""
    kinds = [str(k) for k in said.get("beside") or ()]
    own = list(made[: len(made) - len(kinds)]) if len(made) > len(kinds) else list(made)
    rest = dict(zip(kinds, made[len(own) :], strict=False))
    lead = [str(one) for one in said.get("lead") or ()]
    beside_them = _beside(own, rest)
    counted = beside_them if "by_class" in rest and any(beside_them) else [*map(_own, own), *beside_them]
    text = ["\n".join([*lead, *([" ".join(counted)] if own else [])])]
    text += [str(one) for one in said.get("lines") or ()]
    if said.get("assumed"):
        text.append(str(said["assumed"]))
    records = (case.state().find(str(i)) for i in said.get("findings") or ())
    return [*text, *(f"- {findings.line(r)}" for r in records if r is not None)]


def sure_only(case: Case, made: Sequence[Evidence], said: Mapping[str, Any]) -> list[str]:
    """How many answers stay where only sure ones are given, and how many of them are right."""
    whole, text = int(said.get("of") or 0), [str(one) for one in said.get("lead") or ()]
    for bar, one in zip(said.get("bars") or (), made, strict=False):
        side = beside.side(one, "")
        if side is None or not side.n:
            text.append(prompts.say("known.sure_only.none", bar=number(float(bar)), evidence=one.id))
            continue
        images = called(str(one.arguments.get("split") or "data"))
        left = {"n": f"{side.n:,}", "images": images}
        if whole:
            left |= {"whole": f"{whole:,}", "share": number(side.n / whole), "gone": f"{whole - side.n:,}"}
        else:
            left |= {"group": group_words(one)}
        stay = prompts.say("known.sure_only.of" if whole else "known.sure_only.stay", **left)
        text.append(
            prompts.say(
                "known.sure_only",
                bar=number(float(bar)),
                stay=stay,
                right=f"{number(side.share)} {interval(side.ci)}".strip(),
                wrong=f"{side.n - side.k:,}",
                evidence=one.id,
            )
        )
    return text


def alarms(made: Sequence[Evidence], name: str) -> list[str]:
    """How often an answer is given to images of other classes, and how many of these answers are false."""
    sides = [beside.side(one, "") for one in made[:2]]
    if len(sides) < 2 or any(s is None or not s.n for s in sides):
        return [of_count(one) for one in made]
    others, answers = (s for s in sides if s is not None)
    return [
        prompts.say(
            "known.alarms", name=clean(name.replace("_", " "), 60), k=f"{others.k:,}", n=f"{others.n:,}", share=f"{number(others.share)} {interval(others.ci)}".strip(),
            m=f"{answers.n:,}", k2=f"{answers.k:,}", share2=f"{number(answers.share)} {interval(answers.ci)}".strip(), first=made[0].id, second=made[1].id,
        )
    ]  # fmt: skip


def _own(made: Evidence) -> str:
    """A count of the things; that there is nothing to count, where there is not."""
    if made.arguments.get("by") == "predicted" and (told := _taken(made)):
        return told
    if not made.summary.startswith("There are no "):
        return values_told(made) or of_count(made)
    images = called(str(made.arguments.get("split") or "data"))
    return prompts.say("known.unmeasured", images=images, group=group_words(made), evidence=made.id)


def group_words(made: Evidence) -> str:
    """The images of a count as people read them: ``bathroom pictures with lighting=dark``."""
    held = [str(c) for c in made.arguments.get("among") or () if parts(str(c))[0] not in _NO_GROUP]
    names = [
        clean(c, 80).removeprefix("true=").replace("_", " ").replace("|", " or ") for c in held if c.startswith("true=")
    ]  # fmt: skip
    others = said_in_words([c for c in held if not c.startswith("true=")])
    pictures = prompts.say("known.pictures_of", name=names[0]) if names else prompts.say("known.any")
    return prompts.say("known.with", pictures=pictures, group=others) if others else pictures


def _classes(first: Evidence, second: Evidence) -> str:
    """By class, how much more often the images of the group are wrong than the others, the largest difference first."""
    there, others = (
        {str(r[0]): (_whole(r[2]), _whole(r[1])) for r in e.tables[0].rows} if e.tables else {}
        for e in (first, second)
    )
    rows = []
    for name, (k, n) in there.items():
        k0, n0 = others.get(name, (0, 0))
        if n and n0:
            low, high = newcombe(k, n, k0, n0)
            rows.append((k / n - k0 / n0, name, (low, high), f"{k:,} of {n:,} against {k0:,} of {n0:,}"))
    rows.sort(reverse=True)
    names = [
        f"{clean(c.replace('_', ' '), 60)} {number(d, 'points')} {interval(ci, 'points')} ({of})"
        for d, c, ci, of in rows
    ]
    return (
        prompts.say(
            "known.by_class", names=listing(names, MOST_CLASSES, 160), first=first.id, second=second.id
        )
        if names
        else ""
    )


def _taken(made: Evidence) -> str:
    """What wrong answers were given instead, most frequent first."""
    rows = [r for t in made.tables[:1] for r in t.rows]
    n = sum(_whole(r[1]) for r in rows)
    names = listing(
        [f"{clean(str(r[0]).replace('_', ' '), 60)} {_whole(r[1]):,}" for r in rows], MOST_CLASSES, 80
    )
    images = called(str(made.arguments.get("split") or "data"))
    return (
        prompts.say(
            "known.taken", n=f"{n:,}", images=images, group=group_words(made), names=names, evidence=made.id
        )
        if n
        else ""
    )


def _whole(cell: Any) -> int:
    """A cell of a table that holds a number of images."""
    return int(cell)


def _beside(own: Sequence[Evidence], rest: Mapping[str, Evidence]) -> list[str]:
    """The counts that stand beside: the rest of the images, and the whole group where the first count is of one class of it."""
    made = []
    first = beside.side(own[0], "") if own else None
    for kind, one in rest.items():
        if kind == "by_class":
            made.append(_classes(own[0], one))
            continue
        side = beside.side(one, "")
        if side is None or not side.n:
            continue
        share = f"{number(side.share)} {interval(side.ci)}".strip()
        group = group_words(one)
        fields = {"k": f"{side.k:,}", "n": f"{side.n:,}", "share": share, "evidence": one.id}
        made.append(
            prompts.say("known.rest", **fields)
            if kind == "rest"
            else prompts.say("known.all", group=group, **fields)
        )
        if kind == "rest" and first is not None and first.n and not beside.apart(first, side):
            made.append(prompts.say("known.chance"))
    return made
