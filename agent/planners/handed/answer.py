"""Sentences that divide the work between people and a model, and the counts that answer them.

A sentence may say which groups go to people, how sure an answer has to be, how many errors are accepted or how many pictures people can look
at; a later one goes on with it. The limits are proposed here and counted by ``count_images`` like every other number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.planners import words
from failsight.agent.planners.advice.numbers import largest
from failsight.agent.planners.counting.base import call_of, why
from failsight.agent.planners.counting.read import Count
from failsight.agent.planners.counting.said import TOOL
from failsight.agent.planners.dialogue import last_act
from failsight.agent.planners.handed import clauses, groups, limits
from failsight.agent.planners.handed import words as h
from failsight.agent.planners.handed.groups import Group
from failsight.agent.planners.handed.kept import Division, keep, kept
from failsight.agent.planners.known.counts import at_hand
from failsight.knowledge_base.condition_text import TOGETHER, parts
from failsight.tools.errors import RetryError
from failsight.tools.experiments.population import parse_filters, rows_meeting
from failsight.tools.hypotheses.typed import conditions_of
from failsight.tools.notes import labelled_splits
from failsight.tools.registry import registry

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.knowledge_base.vocabulary import Mentions

KIND: Final = "handed"
LONGEST: Final = 400
MOST_FOUND: Final = 3  # groups of confirmed findings that are proposed
BARE: Final = 9  # words of a sentence that only asks whether a goal is reached
BARS: Final = (0.8, 0.9)
_PART: Final = re.compile(r"\b(?:which|what) (?:part|portion|share|pictures?|images?|ones?)\b|\bget there\b|\bpossible\b|\breach\b", re.IGNORECASE)  # fmt: skip
_GROWS: Final = re.compile(r"\b(?:too|also|as well|in addition|additionally|plus|add)\b", re.IGNORECASE)
_KEEPS_OUT: Final = re.compile(
    r"\b(?:without|leav(?:e|ing)\b[^.?!]*\bout|except(?:ing)?|exclud(?:e|ing)|apart from|other than|minus|but not)\b",
    re.IGNORECASE,
)
_NO_WORK: Final = re.compile(  # what is done alone is no answering
    r"\b(?:annotat\w*|labell?(?:ed|ing)|train\w*|retrain\w*|repair\w*|reports?|tests?|search\w*|updates?|scripts?|journal|you)\b",
    re.IGNORECASE,
)
_NO_PICTURES: Final = re.compile(  # what is handed on is no picture
    r"\b(?:reports?|weights|licen[cs]es?|letters?|(?:give|hand|send|pass)(?: on| over| away)? (?:it|this|(?:the|this|our|my) (?:model|code|case|findings|results)))\b",
    re.IGNORECASE,
)
_SWAP: Final = re.compile(r"^\W*(?:(?:no|and|but|so|wait|sorry|it'?s|that'?s|just|exactly)\b\W*)*the other way (?:a)?round\b\W*(?P<rest>.*)$", re.IGNORECASE)  # fmt: skip
_ADDS: Final = re.compile(r"\b(?:too|also|as well|in addition|additionally|plus|add)\b", re.IGNORECASE)
_FIGURE: Final = re.compile(r"\b(?:how (?:good|well|bad|many|much|often|sure|right|wrong|is)|what (?:is|'s|would|share|part)|what's|is it|wrong|right|correct|errors?|mistakes?|accura\w+)\b", re.IGNORECASE)  # fmt: skip
_ABOVE: Final = re.compile(r"\b(?:over|above|more than|at least|from)\s+\d", re.IGNORECASE)
_IF: Final = re.compile(r"\b(?:if|when|suppose|without|switch\w*)\b", re.IGNORECASE)
_MAY_I: Final = re.compile(r"\b(?:can|could|may|might|should|shall) (?:i|we|it|one|you)\b", re.IGNORECASE)
_OF_IT: Final = re.compile(r"\b(?:rule|model|it)\b", re.IGNORECASE)
#: how many answers stay, if it says nothing where it is unsure, is told by the limit's own reader
_QUIET: Final = re.compile(
    r"\b(?:kept|keeps?|stay(?:s|ed)?) (?:quiet|silent)\b|\babstain\w*|\bif (?:i|we) only (?:let|allow)\b|\b(?:answers?|decides?|speaks?) only (?:when|if|where)\b",
    re.IGNORECASE,
)
_SO_MANY: Final = re.compile(r"\bhow many (?:pictures|images|photos|records|ones|items|scans|is that|would that|are that)\b", re.IGNORECASE)  # fmt: skip


def answered(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """The call, or the words, for a sentence that divides the work; None for every other sentence.

    Args:
        mentions: the names of the case in the sentence.
        before: the turns so far.
    """
    text = " ".join(question.split())
    if len(text) > LONGEST or any(m.role in ("image", "finding", "evidence") for m in mentions.found):
        return None
    if TOOL not in registry() or "data" not in labelled_splits(case):  # type: ignore[arg-type]
        return None
    old = kept(case)
    if h.DROP.match(text):
        return _dropped(case, old)
    if h.DOES.match(text):
        return None
    goes_on = goes_on_with(before)
    if (
        not goes_on and (bar := _only_sure(before)) and h.bar(text) is None
    ):  # the sure answers are what is left
        grown = _grouped(case, text, Division((), bar), goes_on=True, grown=True)
        if grown is not None:
            return grown
    swapped = _swapped(case, text, old) if goes_on and old else None
    if swapped is not None:
        return swapped
    text = _SWAP.sub(lambda m: m["rest"], text) if goes_on and old else text
    sided = h.BY_PEOPLE.search(text) is not None
    if not (h.divides(text) or sided or h.RUN.search(text) or h.accepted(text) is not None or goes_on or old):
        return None
    shared = _shared(case, text, before, old, goes_on=goes_on)
    if shared is not None:
        return shared
    return (
        _accepting(case, text, old, goes_on=goes_on)
        or _limited(case, text, old, goes_on=goes_on)
        or _grouped(case, text, old, goes_on=goes_on)
        or _plain(case, text, old, goes_on=goes_on)
    )


def _swapped(case: Case, text: str, old: Division) -> AIMessage | None:
    """``the other way round``: what went to people is left to the model, and the others go to people."""
    found = _SWAP.match(text)
    if found is None or re.search(r"\w", found["rest"]):
        return None
    if old.bar or not old.groups:
        return words.message(prompts.say("handed.no_swap"), words.choices(case))
    return _divided(
        case, text, Division(groups.complement([groups.as_answered(g) for g in old.groups])), rule=True
    )


def _shared(
    case: Case, text: str, before: Sequence[Turn], old: Division, *, goes_on: bool
) -> AIMessage | None:
    """A sentence that says who does which part; what can't be read of it is asked back, and no rule is kept."""
    if (
        not (h.BY_PEOPLE.search(text) or h.BY_MODEL.search(text))
        or _NO_PICTURES.search(text)
        or h.accepted(text) is not None
    ):
        return None
    if h.LOOK_AT.search(text) or (
        h.WRONG_MANY.search(text) and h.goal(text) is None and not h.BY_PEOPLE.search(text)
    ):
        return None
    written, unclear = clauses.spelt(case, text, before)
    made = clauses.read(case, written)
    only = made is None and h.BY_PEOPLE_ALONE.search(text) is not None and h.BY_MODEL.search(text) is None
    taken = groups.read(case, written, sided=True) if only or unclear else None
    if made is None and (taken is None or not (taken.groups or unclear)):
        return None
    unclear = unclear or (made.unclear if made is not None else clauses.not_read(taken.strict) if taken is not None and taken.strict else "")  # fmt: skip
    if unclear:
        known = clauses.kept_words(old)
        return words.message(" ".join(x for x in (unclear, known) if x), words.choices(case))
    if made is None:
        people = taken.groups if taken is not None else ()
        grown = bool(old) and _ADDS.search(text) is not None
        made = clauses.Shared(_with(old.groups, people) if grown else people)
    bar = h.bar(text)
    more = {"unsaid": made.unsaid} if made.unsaid else {}
    return _divided(case, text, Division(made.people, bar if bar is not None else 0.0), rule=True, more=more)


def goes_on_with(before: Sequence[Turn]) -> bool:
    """Whether the last answer divided the work."""
    return bool(before) and prompts.say("handed.mark") in before[-1].reply


def _only_sure(before: Sequence[Turn]) -> float:
    """The limit of the last answer, where it told how many answers stay above one; 0 for every other answer."""
    act = last_act(before[-1:])
    if act is None or act.tool != TOOL or list(act.arguments.get("having") or ()) != ["correct"]:
        return 0.0
    held = [parts(str(c)) for c in act.arguments.get("among") or ()]
    return float(held[0][2]) if len(held) == 1 and held[0][:2] == ("confidence", ">=") else 0.0


def _dropped(case: Case, old: Division) -> AIMessage | None:
    if not old:
        return None
    keep(case, Division())
    return words.message(prompts.say("handed.dropped"), words.choices(case))


# --- so many errors, so many pictures --------------------------------------------------------------------------------------


def _accepting(case: Case, text: str, old: Division, *, goes_on: bool) -> AIMessage | None:
    """``at most one wrong in twenty``: the limit that keeps to it, outside of the groups that go to people."""
    accepted = h.accepted(text)
    if accepted is None:
        return None
    if not (goes_on or h.divides(text) or _PART.search(text) or h.SURENESS.search(text)):
        return None
    read = groups.read(case, text)
    held = _with(old.groups, read.groups) if read.groups and goes_on else read.groups or old.groups
    return _limit(case, text, Division(held, 0.0, accepted), read.unread if read.groups else ())


def _limit(case: Case, text: str, wanted: Division, unread: Sequence[str] = ()) -> AIMessage:
    accepted = wanted.accepted or 0.0
    if not at_hand(case):
        return words.call("evaluate", {}, why(text))
    calls: list[tuple[str, dict[str, Any]]] = []
    named: list[str] = []

    def count(name: str, among: Sequence[str]) -> None:
        if (one := _call(among)) not in calls:
            calls.append(one)
            named.append(name)

    bar = limits.lowest(case, wanted.outside, accepted)
    sure = limits.lowest(case, wanted.outside, accepted, surely=True)
    nearest = limits.least_wrong(case, wanted.outside) if bar is None else None
    made = replace(wanted, bar=bar or 0.0)
    if bar is not None:
        count("limit", made.left)
    elif nearest is not None:
        count("nearest", replace(wanted, bar=nearest).left)
    count("outside" if wanted.groups else "all", wanted.outside)
    if sure is not None and sure != bar:
        count("sure", replace(wanted, bar=sure).left)
    found = [] if wanted.groups else _found(case)
    if found:
        count("found", Division(tuple(g for _, g in found)).left)
    new = bool(made) and kept(case) != made
    keep(case, made)
    said = {
        "ask": "limit", "rule": new, "accepted": accepted, "names": named, "bar": bar or nearest or 0.0, "sure": sure or 0.0, "found": [i for i, _ in found],
        "groups": [list(g) for g in wanted.groups], "scores": case.has("scores"), "true": _true_of(wanted),
    }  # fmt: skip
    return _said(case, text, calls, said, unread)


def _limited(case: Case, text: str, old: Division, *, goes_on: bool) -> AIMessage | None:
    """``and if they may look at 300?``: the groups first, then the answers that the model is least sure of, up to so many."""
    found = h.most(text)
    if found is None or not (goes_on or old or h.divides(text)):
        return None
    if not at_hand(case):
        return words.call("evaluate", {}, why(text))
    n = len(case.predictions("data").rows)
    most = round(found[0] * n) if found[1] else int(found[0])
    alone = limits.sureness(case, old.outside)
    taken = n - len(alone[0]) if alone is not None else 0
    bar = limits.within(case, old.outside, most - taken)
    made = replace(old, bar=bar or 0.0)
    more = {"most": most, "scores": case.has("scores")}
    if not made:
        return (
            words.message(prompts.say("handed.no_scores"), words.choices(case))
            if not more["scores"]
            else None
        )
    return _divided(case, text, made, more=more)


# --- groups ------------------------------------------------------------------------------------------------------------------


def _grouped(case: Case, text: str, old: Division, *, goes_on: bool, grown: bool = False) -> AIMessage | None:
    """Groups that go to people, or that the model may have back; an answer that has to be surer.

    Args:
        grown: groups are added to what was spoken of, whatever the words.
    """
    to_people, alone = h.TO_PEOPLE.search(text) is not None, h.ALONE.search(text) is not None
    bar = h.bar(text)
    below = bar is not None and h.BY_PEOPLE.search(text) is not None and _ABOVE.search(text) is None
    if not (to_people or alone or goes_on or below) or _NO_PICTURES.search(text):
        return None
    read = groups.read(case, text, away=goes_on or (alone and _KEEPS_OUT.search(text) is not None))
    if not read.groups:
        of_sure = goes_on or ((below or (alone and not _NO_WORK.search(text))) and not _QUIET.search(text))
        asked = {"accepted": _demanded(case)} if _MAY_I.search(text) and _demanded(case) is not None else {}
        return (
            _divided(case, text, replace(old, bar=bar), more=asked) if bar is not None and of_sure else None
        )
    if goes_on and h.BACK.search(text):
        left = tuple(g for g in old.groups if not any(set(b) <= set(g) for b in read.groups))
        return _divided(case, text, replace(old, groups=left)) if left != old.groups else None
    if h.LOOK_AT.search(text) and not h.LEFT.search(text) and not h.RULE.search(text):
        return None
    if read.strict and (to_people or alone):  # of a rule no word is passed over
        return words.message(
            " ".join(x for x in (clauses.not_read(read.strict), clauses.kept_words(old)) if x),
            words.choices(case),
        )
    if to_people:
        grown = grown or (goes_on and _GROWS.search(text) is not None)
        made = Division(_with(old.groups, read.groups), old.bar if bar is None else bar, old.accepted) if grown else Division(read.groups, bar or 0.0)  # fmt: skip
        return _divided(case, text, made, read.unread, rule=True)
    if alone:
        if _NO_WORK.search(text):
            return None
        away = read.groups if _KEEPS_OUT.search(text) else groups.complement([groups.as_answered(g) for g in read.groups])  # fmt: skip
        return _divided(case, text, Division(away, bar or 0.0), read.unread)
    if (
        _KEEPS_OUT.search(text) and _FIGURE.search(text) and not _ADDS.search(text)
    ):  # a question about the others
        return None
    if h.OUT.search(text) or _KEEPS_OUT.search(text):
        if old.accepted is not None and bar is None:
            return _limit(
                case, text, Division(_with(old.groups, read.groups), 0.0, old.accepted), read.unread
            )
        made = replace(old, groups=_with(old.groups, read.groups), bar=old.bar if bar is None else bar)
        return _divided(case, text, made, read.unread)
    return None


def _with(old: Sequence[Group], new: Sequence[Group]) -> tuple[Group, ...]:
    return tuple(dict.fromkeys((*old, *new)))


# --- what is left, what people look at ---------------------------------------------------------------------------------------


def _plain(case: Case, text: str, old: Division, *, goes_on: bool) -> AIMessage | None:
    """Sentences that name no group: what is left, what people look at, which part may be left to the model, how many would be wrong."""
    named = groups.read(case, text).groups
    if named and (not goes_on or _KEEPS_OUT.search(text)):
        return None
    bare = len(text.split()) <= BARE and not _IF.search(text)  # only the goal, no other division
    if h.goal(text) is not None and not bare:
        return None
    if old and not named and ((bare and h.goal(text) is not None) or (goes_on and h.per(text))):
        return _divided(case, text, old)
    looks = h.LOOK_AT.search(text) is not None
    by_class = h.BY_CLASS.search(text) is not None
    of_rule = goes_on or h.divides(text) or _OF_IT.search(text) is not None
    of_left = (of_rule and h.LEFT.search(text)) or (goes_on and (by_class or h.WRONG_MANY.search(text)))
    if old and (looks or of_left):
        return _divided(case, text, old, by_class=by_class)
    if _NO_WORK.search(text) or h.bar(text) is not None:  # how many answers are so sure is read elsewhere
        return None
    if h.WRONG_MANY.search(text) and (h.RUN.search(text) or h.ALONE.search(text)):
        said: dict[str, Any] = {"ask": "all", "names": ["all"]}
        return _said(case, text, [_call(())], said)
    alone = h.ALONE.search(text) is not None or h.RUN.search(text) is not None
    if (alone and h.WHICH.search(text)) or (looks and (goes_on or _SO_MANY.search(text))):
        return _which(case, text, old)
    return None


def _which(case: Case, text: str, old: Division) -> AIMessage:
    """Which part may be left to the model: by what is accepted, where that is known; else what each limit and each group would bring."""
    accepted = old.accepted if old.accepted is not None else _demanded(case)
    if accepted is not None:
        return _limit(case, text, replace(old, bar=0.0, accepted=accepted))
    if old:
        return _divided(case, text, old)
    if not at_hand(case):
        return words.call("evaluate", {}, why(text))
    calls, named = [_call(())], ["all"]
    found = limits.sureness(case, ())
    for bar in BARS if found is not None else ():
        if int((found[0] >= bar).sum()) >= limits.FEWEST:  # type: ignore[index]
            calls.append(_call((f"confidence>={bar:g}",)))
            named.append(f"bar:{bar:g}")
    groups_ = _found(case)
    if groups_:
        calls.append(_call(Division(tuple(g for _, g in groups_)).left))
        named.append("found")
    said = {"ask": "which", "names": named, "found": [i for i, _ in groups_], "next": [prompts.say("handed.example")]}  # fmt: skip
    return _said(case, text, calls, said)


def _demanded(case: Case) -> float | None:
    """The share of errors that the demanded accuracy accepts."""
    demand = case.state().expectations.get("accuracy")
    return round(1 - demand.bound, 6) if demand is not None and demand.at_least else None


def _found(case: Case) -> list[tuple[str, Group]]:
    """Groups that confirmed findings are about and that are known beforehand, those with most errors at stake first."""
    made: list[tuple[str, Group]] = []
    for record in largest(case.state()):
        one = record.finding
        plain = one.kind in ("weak_slice", "rare_case") and one.split == "data" and not one.class_name
        held = tuple(map(str, conditions_of(one.slice))) if plain and one.slice else ()
        if held and not any(set(held) >= set(g) for _, g in made) and _can_be_met(case, held):
            made.append((record.id, held))
    return made[:MOST_FOUND]


def _can_be_met(case: Case, held: Group) -> bool:
    """Whether a group can be counted and left out; one by a range of a measured quality is told by words alone."""
    try:
        rows_meeting(case, "data", parse_filters(list(held)))  # type: ignore[arg-type]
    except RetryError:
        return False
    return not any(c.startswith(TOGETHER) for c in held)


# --- calls -------------------------------------------------------------------------------------------------------------------


def _call(among: Sequence[str], by: str = "") -> tuple[str, dict[str, Any]]:
    return TOOL, Count(tuple(among), ("wrong",), (), by).arguments()


def _divided(
    case: Case,
    text: str,
    made: Division,
    unread: Sequence[str] = (),
    *,
    rule: bool = False,
    by_class: bool = False,
    more: dict[str, Any] | None = None,
) -> AIMessage:
    """The counts of what is left to the model and of what goes to people, in parts that share no image."""
    rule = rule or (bool(made) and kept(case) != made)
    keep(case, made)
    if not made:
        return _said(case, text, [_call(())], {"ask": "all", "names": ["all"]})
    calls = [_call(made.left, "predicted" if by_class else ""), *map(_call, made.parts())]
    said = {
        "ask": "divided", "names": ["left", *("part" for _ in made.groups), *(["unsure"] if made.bar else [])], "groups": [list(g) for g in made.groups],
        "bar": made.bar, "rule": rule, "true": _true_of(made), "by_class": by_class, "accepted": made.accepted,
        "goal": h.goal(text), "per": h.per(text), **(more or {}),
    }  # fmt: skip
    return _said(case, text, calls, said, unread)


def _true_of(made: Division) -> list[str]:
    """The true classes that groups name: nobody knows them before somebody has looked."""
    return [parts(c)[2] for g in made.groups for c in g if parts(c)[0] == "true"]


def _said(
    case: Case,
    text: str,
    calls: Sequence[tuple[str, dict[str, Any]]],
    said: dict[str, Any],
    unread: Sequence[str] = (),
) -> AIMessage:
    following = [prompts.say("handed.next.list")] if said["ask"] in ("divided", "limit") else []
    return call_of(
        calls[0], calls[1:], why(text), {"kind": KIND, "next": following, **said}, unread=list(unread)
    )
