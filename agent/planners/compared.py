"""Sentences that set what was asked about beside each other, or beside something else: ``which of the two is worse?``, ``compare that to
bedrooms``, ``is that more than for kitchens?``, ``both in deployment?``.

What they speak of is what the last answers were about (``antecedents.py``); it is counted, and the counts say which is worse. Where nothing
was asked about that could be meant, what is meant is asked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.planners import antecedents, looks, words
from failsight.agent.planners.advice import ranking
from failsight.agent.planners.advice.words import bare
from failsight.agent.planners.antecedents import RIGHT, About, outcome
from failsight.agent.planners.counting import (
    bigger,
    blamed,
    classes,
    crossed,
    differs,
    follow,
    held_fixed,
    labelled,
    measured,
    narrowed,
    precision,
    sides,
    there,
)
from failsight.agent.planners.counting import words as w
from failsight.agent.planners.counting.base import call_of, columns_of, marks, names_of, why
from failsight.agent.planners.counting.read import Count, parts, read
from failsight.agent.planners.counting.said import TOOL
from failsight.agent.planners.denied import denies
from failsight.agent.planners.references import is_elliptic
from failsight.knowledge_base.condition_text import column_of
from failsight.tools.notes import called
from failsight.tools.registry import registry
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.knowledge_base.vocabulary import Mention, Mentions

MOST_OTHERS: Final = 5  # other classes that are counted one by one
LONGEST: Final = 120  # characters of a sentence that only compares
_WORSE: Final = r"worse|worst|weaker|weakest|poorer|poorest|harder|hardest|less (?:accurate|reliable|good)|least (?:accurate|reliable)|(?:more often )?wrong(?: more often)?|more errors|more mistakes"
_BETTER: Final = r"better|best|stronger|strongest|easier|easiest|more (?:accurate|reliable)|most (?:accurate|reliable)|fewer errors|fewer mistakes|(?:more often )?right(?: more often)?"
_MORE: Final = r"more|most|higher|highest|larger|largest|bigger|biggest|greater|greatest|more often"
_LESS: Final = r"less|least|fewer|fewest|lower|lowest|smaller|smallest|less often"
_HOW: Final = rf"(?P<how>{_WORSE}|{_BETTER}|{_MORE}|{_LESS})"
_KINDS: Final = (("worse", _WORSE), ("better", _BETTER), ("more", _MORE), ("less", _LESS))
_NOUN: Final = r"(?:ones?|class(?:es)?|rooms?|groups?|categor(?:y|ies)|kinds?|sides?)"
_OF: Final = r"(?:of|from|among|between|out of) (?:all )?(?:the|these|those|them|both)(?: (?:two|three|four|five|both|groups|classes|rooms|ones))*"
_IS: Final = r"(?:is|are|was|were|does|do|did|has|have|gets?|looks?|performs?|works?|fares?|comes? out)"
_DOING: Final = r"(?:it|the model|the|doing|do|perform|performing|recogni[sz]ed|there|then|even|much|a|an)"
_LEAD: Final = r"(?:(?:and|so|but|then|ok|now|or)\W+)*"
#: ``which (of the two) is worse?``, ``what one does worse``, ``the worse one``, ``the worst of those``
_WHICH: Final = re.compile(
    rf"{_LEAD}(?:(?:which|what|who)(?: {_NOUN})?(?P<of> {_OF})?(?: {_IS})?(?: {_DOING})*|(?:(?:show|tell|give|name)(?: me| us)? )?the|is) {_HOW}(?: {_NOUN})?(?P<of2> {_OF})?(?: (?:then|there|here))?"
)
_IT: Final = (
    r"(?:that|this|it|them|those|these|they|both|the (?:two|result|number|figure|rate|last (?:one|result)))"
)
#: ``compare that to bedrooms``, ``how does it compare with the others``, ``versus kitchens``, ``than for kitchens?``
_BESIDE: Final = (
    rf"{_LEAD}(?:(?:can|could) (?:you|we) )?(?:please )?(?:compare|contrast) (?:to|with|against) (?P<tail>.+)",
    rf"{_LEAD}(?:(?:can|could) (?:you|we) )?(?:please )?(?:compare|contrast|put|hold|set) (?:{_IT} )(?:to|with|against|beside|next to|and|vs\.?|versus) (?P<tail>.+)",
    rf"{_LEAD}how (?:does|do|would|did) {_IT} compare (?:to|with|against) (?P<tail>.+)",
    rf"{_LEAD}(?:{_IT} )?(?:versus|vs\.?|compared (?:to|with)|in comparison (?:to|with)) (?P<tail>.+)",
    rf"{_LEAD}(?:is|are|was|were) {_IT} (?:\w+ )?{_HOW}(?: (?:images|often|wrong|right|errors|mistakes))* (?:than|as|then) (?P<tail>.+)",
    rf"{_LEAD}(?:more|less|worse|better|higher|lower|fewer) than (?P<tail>.+)",
)
_BOTH: Final = re.compile(
    rf"{_LEAD}(?:what about |how about |show |compare |the same for )?both(?: of (?:them|those|these))? (?P<tail>(?:in|on|at|with|without|for|when|where|under|by)\b.+)"
)
_TWO: Final = re.compile(
    rf"{_LEAD}(?:(?:can|could) (?:you|we) )?(?:please )?(?:compare|contrast) (?:the two|these two|those two|them|those|these|both|the (?:classes|rooms|groups))(?: (?:of them|to each other|with each other|with one another|directly|side by side))?"
)
_BY: Final = re.compile(
    rf"{_LEAD}(?:by how (?:much|many(?: points)?)|how (?:much|many points) (?:worse|better|more|less|lower|higher|fewer)(?: (?:is|are|was) (?:it|that|this|they|those))?|how (?:big|large) is (?:the|that) (?:difference|gap)|what(?:'s| is) the (?:difference|gap)(?: (?:in points|between (?:them|the two|those)))?)"
)
_ALL: Final = re.compile(
    r"(?:for |in |of |on |with )*(?:all(?: of)?(?: the)?(?: images| classes| rooms)?|the (?:average|mean|whole|overall)(?: \w+)?|(?:overall|average)(?: accuracy)?|everything)"
)
_OTHERS: Final = re.compile(
    r"(?:for |in |of |on |with )*(?:the |all (?:the )?)*(?:others?|rest|other (?:classes|rooms|ones|groups))"
)
#: tools whose answer is about groups that can be counted; what another tool measured is measured again of the other class
_COUNTED: Final = frozenset(
    (TOOL, "compare_classes", "compare_group", "confusion_matrix", "show_images", "evaluate", "disaggregate")
)


def answered(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """The call, or what is asked back, for a sentence that compares what was spoken of; None for every other sentence."""
    text = bare(w.spelt(question))
    if not text or len(text) > LONGEST or TOOL not in registry():
        return None
    if len(mentions.of("finding")) > 1 and (made := _of_findings(case, question, mentions)) is not None:
        return made
    if _elsewhere(mentions):
        return None
    found = antecedents.recent(case, before)
    return (
        _out_of(case, text, mentions, found)
        or _which(case, question, text, mentions, found)
        or _by_how_much(case, question, text, mentions, found)
        or _two(question, text, mentions, found)
        or _of_named(case, question, mentions)
        or _beside(case, question, text, found)
        or _both(case, question, text, found)
        or _narrowed(case, question, mentions, found)
    )


def opposed(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """The counts for a sentence that itself sets two sides beside each other, or asks which of two things it is; None for every other
    sentence."""
    return (
        bigger.answered(case, question, mentions, before)
        or blamed.answered(case, question, mentions, before)
        or precision.answered(case, question, mentions)
        or labelled.answered(case, question, mentions, before)
        or measured.answered(case, question, mentions, before)
        or differs.answered(case, question, mentions, before)
        or held_fixed.answered(case, question, mentions, before)
        or crossed.answered(case, question, before)
        or sides.answered(case, question, mentions)
    )


def continued(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """The count for a sentence that goes on with the images, or the class, of the last answer, or asks which class is wrong most; None for
    every other sentence."""
    return (
        narrowed.answered(case, question, mentions, before)
        or there.answered(case, question, mentions, before)
        or classes.answered(case, question, mentions, before)
    )


_FROM: Final = re.compile(
    rf"{_LEAD}(?:(?:on |from |out of )?how many (?:images|pictures|photos|samples|cases)?(?: (?:is|are|was|were|does|did|do))? (?:that|this|it|those|these)(?: (?:is|are|was|were))? ?(?:from|of|on|based on|measured on|about|out of|over|rest on)?|(?:what|how large)(?:'s| is| was) the sample(?: size)?)"
)


def _out_of(case: Case, text: str, mentions: Mentions, found: Sequence[About]) -> AIMessage | None:
    """``how many images is that from?`` after a measurement that is no count."""
    act = found[0].act if found else None
    if act is None or act.tool == TOOL or mentions.found or not _FROM.fullmatch(text):
        return None
    made = next((e for e in case.state().evidence if e.id == act.evidence), None)
    wholes = [(f.of.removeprefix("split ") or "data", f.n) for f in made.facts if f.name == "accuracy" and f.n] if made is not None else []  # fmt: skip
    told = [f"{n:,} {called(split)}" for split, n in wholes if split in case.splits()]
    if made is None or not told:
        return None
    return words.message(
        prompts.say("compared.of", images=listing(told), evidence=made.id), words.choices(case)
    )


def _elsewhere(mentions: Mentions) -> bool:
    return any(m.role in ("image", "finding", "evidence") for m in mentions.found)


def _which(
    case: Case, question: str, text: str, mentions: Mentions, found: Sequence[About]
) -> AIMessage | None:
    said = _WHICH.fullmatch(text)
    if said is None or mentions.found:
        return None
    if re.fullmatch(r"(?:\w+ )*(?:wrong|right)(?: \w+)*", said["how"]) and not re.match(
        r"(?:\W|and|so|but|then|ok|now|or)*(?:which|what|who)\b", text
    ):
        return None  # the wrong ones: pictures
    points = bool(said["of"] or said["of2"]) or re.search(r"\bone\b", text) is not None
    highest = re.search(r"(?:st|most)\b", said["how"]) is not None
    by = found[0].act.arguments.get("by") if found and found[0].act is not None else None
    if highest and (by or not points):
        return None  # the worst of all, or of the values that were counted, which the counts read
    about = antecedents.gathered(found)
    how = _kind(said["how"])
    if about.counts and not about.several and found[0].act is not None and found[0].act.tool not in _COUNTED:
        return None
    if not about.several:
        if highest or (found and found[0].act is not None and not found[0].counts and not _idle(found[0])):
            return None
        return _which_two(case, about, how)
    if about.findings:
        return ranking.of_those(case, about.findings, least=how in ("better", "less"))
    return _counted(question, about.counts, how)


def _idle(about: About) -> bool:
    """Whether the last measurement has nothing that another measurement could be better or worse than."""
    tool = about.act.tool if about.act is not None else ""
    return not tool.startswith(("compare_", "propose_", "verify_", "retrain", "test_"))


def _kind(how: str) -> str:
    return next((k for k, pattern in _KINDS if re.fullmatch(pattern, how)), "")


def _which_two(case: Case, about: About, how: str) -> AIMessage:
    """What is to be compared, where one thing or none was spoken of."""
    known = [c for one in about.counts if (c := antecedents.class_of(one))]
    names = [clean(n.replace("_", " "), 60) for n in [*known, *(c for c in case.classes if c not in known)]]
    offers = [f"Compare {names[0]} with {n}" for n in names[1:3]] if len(names) > 1 else []
    ranked = "best" if how in ("better", "more") else "worst"
    return words.message(
        prompts.say("compared.which"), [*offers, f"Which class is the {ranked}?", *words.choices(case)]
    )


def _by_how_much(
    case: Case, question: str, text: str, mentions: Mentions, found: Sequence[About]
) -> AIMessage | None:
    """The size of the difference that was asked about last."""
    if _BY.fullmatch(text) is None or mentions.found or not found:
        return None
    act = found[0].act
    made = next((e for e in case.state().evidence if act is not None and e.id == act.evidence), None)
    if act is not None and made is not None and act.tool.startswith("compare_"):
        return words.message(f"{made.summary} [{made.id}]", words.choices(case))
    about = antecedents.gathered(found)
    return _counted(question, about.counts, "difference") if len(about.counts) == 2 else None


def _two(question: str, text: str, mentions: Mentions, found: Sequence[About]) -> AIMessage | None:
    """``compare the two``: two classes by what tells them apart, anything else by the counts."""
    if _TWO.fullmatch(text) is None or mentions.found:
        return None
    about = antecedents.gathered(found)
    if not about.counts or not about.several:
        return None
    names = [antecedents.class_of(c) for c in about.counts]
    plain = all(len(c.among) == 1 for c in about.counts)
    if len(names) == 2 and all(names) and plain and len(set(names)) == 2 and "compare_classes" in registry():
        split = about.counts[0].splits[:1]
        given = {"class_a": names[0], "class_b": names[1], **({"split": split[0]} if split else {})}
        return call_of(("compare_classes", given), [], why(question))
    return _counted(question, about.counts, "beside")


def _of_named(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """``is bathroom or kitchen worse?``, ``which is worse, at night or by day?``: groups that the sentence names beside each other."""
    whole = _with_columns(mentions)
    some = [m for m in whole if m.role in ("class", "value", "object")]
    if len(some) < 2 or len(some) != len(whole):
        return None
    groups = _groups(question, some)
    how = _asked_of(question, [replace(g[0], end=g[-1].end) for g in groups])
    named = [tuple(f"true={m.name}" if m.role == "class" else m.name if m.role == "value" else f"{m.name}=yes" for m in g) for g in groups]  # fmt: skip
    if len({any(c.startswith("true=") for c in g) for g in named}) > 1:
        return None
    counts = [Count(g, RIGHT) for g in dict.fromkeys(named)]
    return _counted(question, _placed(case, counts), how) if how and len(counts) > 1 else None


_JOINED: Final = re.compile(r"\s+(?:(?:(?!or\b|and\b)[^\W\d_]+\s+)?(?:at|in|on|with|during|under|from|by|of)\s+(?:(?:the|an?)\s+)?)?", re.IGNORECASE)  # fmt: skip


def _groups(question: str, some: Sequence[Mention]) -> list[list[Mention]]:
    """Names that together name one group: ``line 3 at night``."""
    made: list[list[Mention]] = []
    for one in some:
        last = made[-1][-1] if made else None
        if last is not None and one.role != "class" and _JOINED.fullmatch(question[last.end : one.start]):
            made[-1].append(one)
        else:
            made.append([one])
    return made


def _with_columns(mentions: Mentions) -> list[Mention]:
    """The names of a sentence, the name of a column right beside its value as a part of that: ``old cameras``."""
    made: list[Mention] = []
    for one in mentions.found:
        last = made[-1] if made else None
        near = last is not None and one.start - last.end == 1
        if near and last is not None and {last.role, one.role} == {"value", "attribute"}:
            value, column = (last, one) if last.role == "value" else (one, last)
            if column_of(value.name) == column.name:
                made[-1] = replace(value, start=last.start, end=one.end)
                continue
        made.append(one)
    return made


def _of_findings(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """``F8 or F11, which is worse?``: by the errors at stake."""
    some = [m for m in mentions.found if m.role == "finding"]
    how = _asked_of(question, some) if len(some) == len(mentions.found) else ""
    return ranking.of_those(case, [m.name for m in some], least=how in ("better", "less")) if how else None


_LISTED: Final = (
    r"(?:the |in |at |on |for |with |a )*#(?:(?: or| and| vs| versus)? (?:the |in |at |on |for |with |a )*#)+"
)
_NAMED: Final = (
    rf"{_LEAD}{_IS} (?:it )?(?:{_HOW} )?{_LISTED}(?: (?P<then>{_WORSE}|{_BETTER}|{_MORE}|{_LESS}))?(?: (?:images|ones))?",
    rf"{_LEAD}(?:which|what)(?: {_NOUN}| (?!of\b)[a-z]+)?(?: {_OF})?(?: {_IS})?(?: {_DOING})* {_HOW}(?: {_NOUN})? {_LISTED}",
    rf"{_LEAD}{_IS} (?:it|the model) (?:{_DOING} )*{_HOW} (?:for|on|in|at|with|of) (?:the |an? )?# than (?:for |on |in |at |with |of )?(?:the |an? )?#",
    rf"{_LISTED} (?:which|what)(?: {_NOUN})?(?: {_OF})?(?: {_IS})?(?: {_DOING})* {_HOW}",
)


def _asked_of(question: str, some: Sequence[Mention]) -> str:
    """In what way names are compared by a sentence that does nothing else; empty for every other sentence."""
    text = list(question.lower())
    for one in some:
        text[one.start : one.end] = "#" * (one.end - one.start)
    plain = " ".join(re.sub(r"#+", "#", "".join(text)).replace("?", " ").replace(",", " ").split())
    said = next((m for p in _NAMED if (m := re.fullmatch(p, plain.strip(" .!"))) is not None), None)
    return _kind(said["how"] or said.groupdict().get("then") or "") if said is not None else ""


def _beside(case: Case, question: str, text: str, found: Sequence[About]) -> AIMessage | None:
    """What was asked about, and the same of something else."""
    said = next((m for p in _BESIDE if (m := re.fullmatch(p, text)) is not None), None)
    if said is None:
        return None
    how = _kind(said.groupdict().get("how") or "")
    tail = said["tail"]
    if not _ALL.fullmatch(tail) and not _OTHERS.fullmatch(tail) and _said_in(case, tail) is None:
        return None
    if not found or not found[0].counts:
        return words.message(prompts.say("compared.nothing"), words.choices(case)) if not found else None
    base = found[0]
    if base.act is not None and base.act.tool not in _COUNTED:
        return None
    made = _changed(case, base.counts, tail)
    counts = list(dict.fromkeys([*base.counts, *made]))
    if len(counts) < 2:
        return None
    if base.act is not None and base.act.tool == TOOL and not how:
        how = "beside"
    return _counted(question, counts, how or "worse", yes_no="than" in text and len(counts) == 2)


def _both(case: Case, question: str, text: str, found: Sequence[About]) -> AIMessage | None:
    said = _BOTH.fullmatch(text)
    if said is None or _said_in(case, said["tail"]) is None:
        return None
    about = antecedents.gathered(found)
    if len(about.counts) != 2:
        return None
    return _counted(question, _changed(case, about.counts, said["tail"]), "worse")


def _narrowed(case: Case, question: str, mentions: Mentions, found: Sequence[About]) -> AIMessage | None:
    """``and at night?`` after two classes were compared: the comparison itself knows no groups of images, so both are counted there."""
    act = found[0].act if found else None
    if act is None or act.tool != "compare_classes" or mentions.of("class") or len(question.split()) > 8:
        return None
    said = _said_in(case, question)
    if said is None or not said.among:
        return None
    return _counted(question, _changed(case, found[0].counts, question), "worse")


def _said_in(case: Case, tail: str) -> Count | None:
    """What a few words name; None where they name nothing, or say more."""
    mentions = names_of(case, tail)
    made = read(
        mentions, columns_of(case), lambda m, low: looks.condition(case, m, low), marks(case, mentions)
    )
    if len(made) != 1 or made[0].unread or made[0].head:
        return None
    looked = bool(made[0].among) and not mentions.found  # night, read off how images look
    if not looked and not is_elliptic(mentions, ("night", "day", "dark", "bright")):
        return None
    return made[0] if made[0].among or made[0].splits else None


def _changed(case: Case, base: Sequence[Count], tail: str) -> list[Count]:
    if _ALL.fullmatch(tail):
        return [Count((), base[0].having, base[0].splits)]
    if _OTHERS.fullmatch(tail):
        return _others(case, base)
    said = _said_in(case, tail)
    if said is None:
        return []
    return _placed(case, [follow.patched(b, said, tail) for b in base])


def _others(case: Case, base: Sequence[Count]) -> list[Count]:
    """Each of the other classes; all of them as one where they are many; the images outside of a group."""
    names = {antecedents.class_of(b) for b in base}
    if "" in names:
        return [replace(o, by="") for b in base if (o := follow.others(b)) is not None]
    left = [c for c in case.classes if c not in names]
    told = [f"true={c}" for c in left] if len(left) <= MOST_OTHERS else ["true=" + "|".join(left)]
    return [
        replace(base[-1], among=tuple(t if parts(c)[0] == "true" else c for c in base[-1].among))
        for t in told
    ]


def _placed(case: Case, counts: Sequence[Count]) -> list[Count]:
    """Each of the split that alone has such images, where none is named."""
    made = []
    for one in counts:
        split = looks.only_in(case, one.among)
        made.append(replace(one, splits=(split,)) if split and not one.splits else one)
    return list(dict.fromkeys(made))


def _counted(question: str, counts: Sequence[Count], how: str, *, yes_no: bool = False) -> AIMessage:
    """The counts beside each other, with which of them is worse (or more)."""
    if how in ("worse", "better") and not all(outcome(c) for c in counts) and not _alike(counts):
        counts = [replace(c, having=RIGHT) for c in counts]
    calls = [(TOOL, c.arguments(s)) for c in counts for s in (c.splits or ("",))]
    first, *rest = list({repr(c): c for c in calls}.values())
    asked = yes_no and not denies(question)  # yes and no to what is denied would be read either way
    said = {"kind": "compared", "how": how, "asked": asked}
    return call_of(first, rest, why(question), said)


def _alike(counts: Sequence[Count]) -> bool:
    """Whether the same kind of confusion is counted of each: the more there is of it the worse."""
    return all(any(parts(c)[0] == "predicted" for c in one.having) for one in counts)
