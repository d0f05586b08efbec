"""What is said around the answer of a measurement: the direct answer to a yes or no question, what explains a confusion, how a
slip of the keyboard was read, and which words were not understood."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from langchain_core.messages import AIMessage, BaseMessage

from failsight import prompts
from failsight.agent.planners import (
    carried,
    explaining,
    figures,
    grouped,
    qualities,
    rephrased,
    whether,
    words,
)
from failsight.agent.planners.counting import said as counting_said
from failsight.knowledge_base.calendar import times_in, unrecorded
from failsight.knowledge_base.counts import named
from failsight.knowledge_base.spelling import misread
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.knowledge_base.vocabulary import Mentions, Vocabulary

UNREAD: Final = "unread"  # of a call: words of the sentence that it does not carry out


def completed(
    case: Case, question: str, made: AIMessage, evidence: Sequence[str], since: Sequence[BaseMessage]
) -> AIMessage:
    """The answer ``made`` to ``question`` with what belongs around it.

    Args:
        evidence: ids of what was measured in this turn.
        since: the messages of the turn; its first call says which words it left out.
    """
    names = words.vocabulary(case)
    begun = next((m for m in since if m.type == "ai"), None)
    unread = list(begun.additional_kwargs.get(UNREAD, ())) if begun is not None else []
    head = [not_understood(unread)] if unread else []
    mentions = named(rephrased.spoken_of(question[:400], names), names)
    left, tool = carried.left_out(case, mentions, since)
    head += [grouped.left_out(left, tool)] if left else []
    head += _untold_times(question, names, since)
    answer = _direct(case, question, evidence, mentions, begun)
    body = str(made.text)
    if answer:
        head.append(answer)
        body = _after(case, evidence, body, answer)
    if (told := _times(question, names, since)) and body:
        body = f"{body}\n{told}"
    elif told and head:
        head.append(told)
    if (taken := qualities.assumed(case, question[:400], _calls(since))) and body:
        body = f"{body}\n{taken}"
    head = [*_untold_classes(mentions, since, "\n".join([*head, body])), *head]
    tail = explaining.confusions(case, evidence) or explaining.groups(case, evidence)
    text = "\n".join([*head, *([body] if body else []), *(["", *tail] if tail else [])])
    return read_as(question, AIMessage(text, additional_kwargs=_with_next(made, begun)), names)


def _calls(since: Sequence[BaseMessage]) -> str:
    """The arguments of the turn's calls as text."""
    return str([c["args"] for m in since for c in getattr(m, "tool_calls", ())])


def _times(question: str, names: Vocabulary, since: Sequence[BaseMessage]) -> str:
    """What was assumed of words for times (which months are winter), where a call of the turn is of such images."""
    columns = names.attributes
    calls = str([c["args"] for m in since for c in getattr(m, "tool_calls", ())])
    held = [w for w in times_in(question[:400], columns) if w.assumed and w.condition in calls]
    what = list(dict.fromkeys(w.assumed for w in held))
    return prompts.say("calendar.assumed", what="; ".join(what)) if what else ""


def _untold_times(question: str, names: Vocabulary, since: Sequence[BaseMessage]) -> list[str]:
    """That words for times were left out, which no column records."""
    lost = unrecorded(question[:400], names.attributes)
    if not lost or not _of_images(since):
        return []
    return [prompts.say("calendar.unrecorded", words=listing([f"“{clean(w, 40)}”" for w in lost]))]


def _untold_classes(mentions: Mentions, since: Sequence[BaseMessage], text: str) -> list[str]:
    """That a class of the sentence is neither in the calls of the turn nor in the answer."""
    if not _of_images(since):
        return []
    calls = str([c["args"] for m in since for c in getattr(m, "tool_calls", ())])
    told = f"{text} {calls}".replace("_", " ").casefold()
    lost = [c for c in mentions.of("class") if c.replace("_", " ").casefold() not in told]
    return [grouped.left_out([c.replace("_", " ") for c in lost], _first_tool(since))] if lost else []


def _first_tool(since: Sequence[BaseMessage]) -> str:
    return next((str(c["name"]) for m in since for c in getattr(m, "tool_calls", ())), "")


def _of_images(since: Sequence[BaseMessage]) -> bool:
    """Whether the first call of a turn is about images that a sentence can name."""
    call = next((c for m in since for c in getattr(m, "tool_calls", ())), None)
    return call is not None and grouped.is_of_images(call["name"], call["args"])


def _with_next(made: AIMessage, begun: BaseMessage | None) -> dict[str, Any]:
    """What may be said next: what fits the things that the answer is about goes before what always fits."""
    more = dict(made.additional_kwargs)
    following = (
        (begun.additional_kwargs.get(counting_said.SAID) or {}).get("next") if begun is not None else None
    )
    if following:
        more["choices"] = list(dict.fromkeys([*map(str, following), *more.get("choices", ())]))
    return more


def _counts(begun: BaseMessage | None) -> bool:
    """Whether a turn counts images: its calls carry all that the sentence names, and the count is the answer."""
    calls = begun.tool_calls if isinstance(begun, AIMessage) else []
    return bool(calls) and calls[0]["name"] == counting_said.TOOL


def _direct(
    case: Case, question: str, evidence: Sequence[str], mentions: Mentions, begun: BaseMessage | None
) -> str:
    """The first words of the answer: what was counted, whether it is so, or the figure that is asked for."""
    counted = begun.additional_kwargs.get(counting_said.SAID) if begun is not None else None
    made = counting_said.answer(case, evidence, counted)
    if made or _counts(begun):
        return made
    return whether.answer(case, question, evidence, mentions) or figures.answer(
        case, question, evidence, mentions
    )


def _after(case: Case, evidence: Sequence[str], body: str, answer: str) -> str:
    """What follows a direct answer: of the summary, which stands above on its own, the ids that the answer rests on and does not cite."""
    told = [i for i in dict.fromkeys(evidence) if f"[{i}]" not in answer]
    for one in reversed(case.state().evidence):
        said = f"{one.summary} [{one.id}]"
        if one.id in evidence and body.startswith(said):
            rest = body.removeprefix(said)
            every = list(dict.fromkeys(evidence))
            return (
                f"{prompts.say('whether.rests', evidence=']['.join(every))}{rest}"
                if told
                else rest.lstrip("\n")
            )
    return body


def read_as(question: str, made: AIMessage, names: Vocabulary) -> AIMessage:
    """``made``, beginning with how misspelt names were read: ``(bathrom: read as bathroom)``."""
    slips = misread(question, names)
    if made.tool_calls or not slips:
        return made
    shown = [
        prompts.say("read_as", typed=clean(typed, 40), name=clean(name.replace("_", " "), 60))
        for typed, name in slips[:3]
    ]
    return AIMessage(f"({'; '.join(shown)})\n{made.text}", additional_kwargs=made.additional_kwargs)


def not_understood(unread: Sequence[str]) -> str:
    """Which words of a wish were not understood."""
    return prompts.say("show.unread", words=listing([f"“{clean(w, 40)}”" for w in unread]))


def nothing_shown(case: Case, unread: Sequence[str]) -> str:
    """That a wish for pictures was not understood, with the columns of the case by which pictures can be shown."""
    known = [clean(n.replace("_", " "), 40) for n in words.vocabulary(case).attributes][:6]
    names = listing(known) if known else "“wrong”"
    return prompts.say("show.unknown", words=listing([f"“{clean(w, 40)}”" for w in unread]), names=names)
