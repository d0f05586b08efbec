"""Sentences about the answers themselves: what this is for in short, shorter answers, a letter in easy words, ``ok do that``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.planners import phrases, readers, words
from failsight.agent.planners.advice.numbers import accuracy, judged, largest
from failsight.agent.planners.known import subjects
from failsight.tools.notes import called
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.knowledge_base.vocabulary import Mentions

LONGEST: Final = 240
SHORTEST: Final = 20  # characters of a line that says something
_CLAUSE: Final = re.compile(r"[.!?;,:]+(?:\s+|$)|\s+(?:and|so|but)\s+", re.IGNORECASE)
_THING: Final = r"(?:failsight|(?:this|the|your|that) (?:whole )?(?:thing|program(?:me)?|tool|app|application|software|system|site|page|assistant|chat|bot|screen|window)(?: here)?|this(?: here)?|all (?:of )?this|you)"
_SHORTLY: Final = r"(?:,? (?:here|exactly|actually|really|please|short|shortly|briefly|in short|quickly|in (?:one|two|a few) (?:sentences?|words)|in (?:easy|plain|simple) words))*"
_FOR: Final = re.compile(
    rf"^\W*(?:(?:so|and|but|ok|hello|hi|please|tell me|say|explain|first|can you (?:tell me|explain)|i want to know|what i want to know is)\b\W*)*(?:what(?:'?s| is| are| does| do| can| could) {_THING}(?: (?:even|actually))?(?: (?:for|about|good for|do|all about|used for|supposed to do|meant for|doing))+(?: for (?:me|us))?"
    rf"|what(?:'?s| is) (?:the )?(?:purpose|point|use) of {_THING}|what(?:'?s| is) (?:failsight|this (?:thing|program|tool|app|software|site))|who are you){_SHORTLY}\W*$",
    re.IGNORECASE,
)
_SHORTER: Final = re.compile(
    r"\b(?:explain|say|tell|put|make|keep|give|write|answer|be)\b.{0,30}\b(?:short(?:er|ly)?|brief(?:er|ly)?|in fewer words|in (?:one|two) sentences?|less long)\b|\bwithout (?:the |any |all (?:the |these )?)?(?:tables?|figures|charts|lists?)\b|\b(?:short|shorter|brief) answers?\b|\b(?:no|fewer|less) tables?\b",
    re.IGNORECASE,
)
_LEVEL: Final = re.compile(
    r"\b(?:change|set|switch|choose|put|make)\b.{0,20}\b(?:level|mode)\b|\b(?:level|mode)\b.{0,20}\b(?:novice|beginner|expert|easy)\b",
    re.IGNORECASE,
)
_DOCUMENT: Final = re.compile(
    r"\b(?:write|make|give|draft|prepare|send|compose|draw up|create|i (?:need|want)|we (?:need|want))\b(?: (?:me|us|up|out))?(?: (?:an?|the|one|some|short|simple|easy|small|little|plain|brief|nice))*"
    r" (?P<what>let+ers?|reports?|pages?|one-?pagers?|memos?|notes?|mails?|e-?mails?|texts?|messages?|leaflets?|summar(?:y|ies)|overviews?)\b(?P<rest>.*)$",
    re.IGNORECASE | re.DOTALL,
)
_WHOM: Final = re.compile(
    r"\b(?:for|to) (?:(?:the|our|my|all|some|an?|these|those)\s+)*(?P<who>[\w' -]{2,40}?)(?=\s+(?:that|which|who|so|with|about|in|on|and|to|what|from)\b|[,.;!?]|$)",
    re.IGNORECASE,
)
_EASY: Final = re.compile(r"\b(?:easy|plain|simple|everyday|normal)(?: to (?:read|understand))?(?: (?:words|language|english|terms))?\b|\b(?:they|everybody|everyone|people|anyone|anybody|all) (?:can |will )?understand", re.IGNORECASE)  # fmt: skip
_LAY: Final = re.compile(
    r"\b(?:members?|residents?|famil(?:y|ies)|relatives|parents|neighbou?rs|visitors?|people|everyone|audience|readers?|blind|community|association|club|customers? at home|mother|father|kids|children|school)\b",
    re.IGNORECASE,
)
_DO_THAT: Final = re.compile(
    r"^\W*(?:(?:ok(?:ay)?|yes|yeah|good|fine|then|please|so|well|alright|all right|go ahead(?: and)?|let'?s|we)\b\W*)*do (?:that|it|this|so)(?: (?:then|please|now))*\W*$",
    re.IGNORECASE,
)
_REPAIRS: Final = "propose_correction"


def introduced(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """What this is for, in two sentences, at any time; None where the sentence does not ask that."""
    if len(question) > LONGEST or any(m.role in ("finding", "evidence", "image") for m in mentions.found):
        return None
    clauses = [c for c in _CLAUSE.split(" ".join(question.split())) if c.strip()]
    if len(clauses) < 2 or not any(_FOR.match(c) for c in clauses):
        return None  # a sentence that asks for nothing else has an introduction of its own
    lines = [
        prompts.say(
            "known.intro",
            name=clean(case.name, 60),
            classes=listing([clean(c.replace("_", " "), 40) for c in case.classes], 6),
        ),
        *_so_far(case),
    ]
    return words.message(" ".join(lines), words.choices(case))


def _so_far(case: Case) -> list[str]:
    """What came out so far: how often it is right, and whether it is ready."""
    state = case.state()
    parts = [
        f"{r} of {r.n:,} {called(s)} [{r.evidence}]"
        for s in ("data", "deploy")
        if s in case.splits() and (r := accuracy(state, s)) is not None
    ]
    if not parts:
        return []
    known, ready = judged(state), ""
    if known is not None and known.verdict in ("ready", "not_ready", "undecided"):
        verdict = known.verdict if subjects.holds(state, known) else "outdated"
        ready = prompts.say(f"known.intro.{verdict}", evidence=known.evidence.id)
    return [
        prompts.say(
            "known.intro.found",
            right=listing(parts, 2, 200),
            count=len(state.confirmed()),
            ready=f" {ready}" if ready else "",
        )
    ]


def shortened(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """The last answer in its first sentence, and how long answers are made; None where the sentence does not ask that."""
    if len(question) > LONGEST:
        return None
    if _LEVEL.search(question) and re.search(
        r"\b(?:novice|beginner|expert|level of|easy|levels?)\b", question, re.IGNORECASE
    ):
        return words.message(prompts.say("known.level"), words.choices(case))
    if mentions.found:
        return None
    if not _SHORTER.search(question) or _DOCUMENT.search(question):
        return None
    own = prompts.say("known.shorter", first="")
    reply = next((t.reply for t in reversed(before) if t.reply and not t.reply.startswith(own)), "")
    first = _first_sentence(reply)
    head = prompts.say("known.shorter", first=first) if first else ""
    return words.message(f"{head} {prompts.say('known.short_answers')}".strip(), words.choices(case))


def _first_sentence(reply: str) -> str:
    lines = (x.strip(" -") for x in reply.replace("**", "").splitlines())
    line = next((x for x in lines if len(x) > SHORTEST and not x.endswith(":")), "")
    found = re.match(rf".{{{SHORTEST},}}?[.](?= [A-Z]|$)", line)
    return clean(found[0] if found else line, 300)


def written(case: Case, question: str) -> AIMessage | None:
    """A letter, a page, a report for somebody or in easy words: the report that such readers have; None for other sentences."""
    found = _DOCUMENT.search(" ".join(question.split()))
    if found is None or len(question) > LONGEST:
        return None
    whom = _WHOM.search(found["rest"])
    who = whom["who"].strip() if whom is not None else ""
    easy = _EASY.search(found["rest"]) is not None
    audience = readers.audience_of(who) if who else ""
    if not audience and (_LAY.search(who) or easy):
        audience = "end_user"
    if not audience or (found["what"].lower().startswith("report") and not (easy or _LAY.search(who))):
        return None
    return readers.written(case, audience, who or prompts.say("known.easy"))


def done(case: Case, question: str, before: Sequence[Turn]) -> AIMessage | None:
    """``ok do that``: what the last answer proposed, to be said by its name; None for other sentences, and where nothing was proposed."""
    if not _DO_THAT.match(question):
        return None
    state = case.state()
    turn = next((t for t in reversed(before) if t.acts or not phrases.is_aside(t.said)), None)
    made = next(
        (e for e in state.evidence if turn is not None and turn.acts and e.id == turn.acts[0].evidence), None
    )
    if turn is None:
        return None
    if (made is not None and made.tool == _REPAIRS) or re.search(r"\brepair F\d", turn.reply, re.IGNORECASE):
        open_ = [r for r in largest(state) if any(c.status == "proposed" for c in r.corrections)]
        named = [r for r in open_ if re.search(rf"\b{r.id}\b", turn.reply)] or open_
        if named:
            how = next(c.action for c in named[0].corrections if c.status == "proposed")
            text = prompts.say("known.do.repair", id=named[0].id, action=clean(how, 200).rstrip("."))
            return words.message(text, [*(f"Repair {r.id}" for r in named[:3]), *words.choices(case)])
    steps = [clean(s, 200) for s in made.next_steps[:2]] if made is not None else []
    text = prompts.say("known.do.steps", steps=" ".join(steps)) if steps else prompts.say("known.do.which")
    return words.message(text, words.choices(case))
