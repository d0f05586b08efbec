"""What people say about the talk and the work: feelings, doubts, who suffers, a person's own score, labels that are no class.

Each gets what the record has, or that it has nothing and how that is found out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.narrate.plain import for_users
from failsight.agent.planners import readers, words
from failsight.agent.planners.advice.numbers import accuracy, largest, of_classes
from failsight.agent.planners.advice.words import stands
from failsight.agent.planners.step import Step
from failsight.tools.registry import registry
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.knowledge_base.vocabulary import Mentions

_DISASTER: Final = (
    r"(?:this|that|it)(?:'s| is| looks| sounds| was) (?:like )?(?:all )?(?:such )?(?:a |an )?(?:total |complete |real |absolute )?(?:disaster|mess|catastrophe|nightmare|hopeless|terrible|awful|horrible|useless|rubbish|crap|depressing|shocking|frustrating|bad news)(?: (?:isn'?t it|right|then|for us))?",
    r"(?:what a (?:disaster|mess|nightmare|shame)|(?:i am|i'm|im) (?:frustrated|desperate|worried|shocked|disappointed|lost with this)|(?:my|the|our) (?:boss|ceo|manager|client|professor|team) (?:is going to|will|is gonna) (?:kill|fire|sack|shout at) (?:me|us))",
)
_FINE: Final = r"(?:is |are |so )?(?:the |all )?.{2,60}? ?(?:is|are)? (?:then )?(?:fine|ok|okay|alright|all right|good enough|no problem)(?: then)?"
_RIGHT: Final = (
    r"(?:was|were|am|is|are) (?:i|we|my (?:suspicion|hypothesis|guess|idea|hunch)) (?:right|correct|wrong|true|mistaken|confirmed)(?: (?:about (?:it|that|this)|or (?:not|wrong)|with (?:it|that|my (?:suspicion|guess|idea))))*",
    r"did (?:my (?:suspicion|hypothesis|guess|idea|hunch)|it) (?:hold|turn out(?: to be)? (?:right|true|correct))(?: up)?",
)
_NOT_ANSWERED: Final = (
    r"(?:you|that|this) (?:did ?n'?t|did not|have ?n'?t|does ?n'?t|does not|do ?n'?t|has ?n'?t) (?:really )?(?:answer(?:ed)?|address(?:ed)?|say|reply to)(?: (?:my question|it|that|what i asked|me|the question))?",
    r"(?:that|this) (?:was|is)(?: not|n'?t) (?:what i (?:asked|meant|wanted)(?: for)?|an answer|my question|the answer)|(?:that's|that is) not (?:what i (?:asked|meant|wanted)(?: for)?|an answer|my question)|i asked (?:for )?something else|answer (?:my|the) question",
)
_SUM: Final = (
    r"(?:that|this|it|these(?: numbers)?|the numbers?) (?:does ?n'?t|do ?n'?t|does not|do not|can'?t|cannot) (?:add up|match|fit|be right|be|agree|make (?:any )?sense)(?:[,.;:].{0,120})?",
    r"(?:but )?you (?:said|told me|told us|wrote|claimed) (?:it was |it is |that |something else|.{0,10})?\d.{0,80}",
    r"(?:that|this) contradicts .{2,100}|(?:isn'?t )?(?:that|this) (?:is )?a contradiction",
)
_WHOM: Final = (
    r"(?:and )?for (?:whom|who)(?:[?.,;:]? ?(?:who|which people|which users).{0,60})?",
    r"who(?: (?:would|will|does|actually|really|exactly))* (?:suffers?|is (?:affected|hurt|harmed|concerned|hit)|gets? hurt|is harmed)(?: (?:from|by) (?:this|that|it))?(?: (?:most|the most))?",
    r"which (?:people|users|customers|patients) (?:would |will |does )?(?:suffer|are affected|are hurt|are harmed|does it (?:hit|hurt|concern)|get hurt)(?: (?:from|by) (?:this|that|it))?(?: most)?",
)
_HUMAN: Final = re.compile(
    r"^(?:how (?:good|well|accurate|often right|reliable)|what|is|would|does|do|are|could|can|better than|as good as)\b.{0,50}\b(?:an? (?:human|person|expert|doctor|specialist|radiologist|average person|layman|blind person)|humans?|people|experts?)\b.{0,50}$"
)
_HUMAN_HOW: Final = re.compile(
    r"\b(?:how (?:good|well|accurate|often right|reliable)\b.{0,12}\b(?:would|is|are|do|does|could|can)|better (?:at (?:it|this) )?than|as good as|worse than|beat)\b"
)
_COMPETITOR: Final = r"(?:what|how (?:good|well|accurate)) (?:would|do|does|is|are|could) (?:an? |the |our |other )?(?:competitors?|competing (?:model|product)s?|other (?:models?|companies|products|vendors)|state of the art|sota)(?: (?:have|get|reach|do|be|at this|model|here))*"
_WRONG_LABEL: Final = re.compile(
    r"^(?:(?:that|this|you|it)(?:'s| is|'re| are) (?:wrong|not (?:right|true|correct)|incorrect|mistaken)|no|nonsense|false)?[ ,.;:]*(?:(?:the|that|this) (?:picture|image|photo|one|label)|it|that|this) (?:clearly |really |actually |obviously )*(?:shows?|is|depicts?|says?|should be|must be)(?: (?:clearly|really|actually|obviously|in fact))? (?:an? |the )?(?P<what>.{2,60})$"
)
_YOU_WRONG: Final = r"(?:you|that|this|it)(?:'re|'s| are| is) (?:just |simply |plainly |completely |totally )*(?:wrong|mistaken|incorrect|false|not (?:right|true|correct))(?: (?:about (?:that|this|it)))?|(?:are you|you are|you're) (?:just )?(?:making (?:this|that|it) up|lying|guessing|hallucinating|inventing (?:this|that|it))(?: (?:just|all|as you go))*|(?:are you just making this up)"
_HANDED: Final = re.compile(r"\b(?:give|hand) (?:this|that|it)\b")
_SHOW: Final = r"(?:can|may|could|should) (?:i|we) (?:show|send|give|forward|present|hand) (?:this|that|it|the (?:report|results?|findings))(?: on)?(?: to)? (?P<who>(?:my |the |our |a )?[\w ]{2,40})"
_BIGGER: Final = (
    r"would (?:an? |the )?(?:bigger|larger|deeper|better|other|different|newer|more powerful) (?:model|network|architecture|backbone)(?: (?:be better|help|do better|solve (?:it|this)|fix (?:it|this)|improve (?:it|things)))?",
    r"(?:should|shall|do|can) (?:i|we) (?:just )?(?:use|take|train|buy|try|need) (?:an? )?(?:bigger|larger|deeper|better|different|newer|more powerful) (?:model|network|architecture|backbone)",
)
_HAVE: Final = (
    r"what (?:have|do) you (?:got|have)(?: (?:for me|here|so far|there|in stock|on offer))?",
    r"what(?:'s| is) (?:this|the) case(?: about)?|what (?:are|is) (?:we|this) (?:looking at|about)(?: here)?|what(?:'s| is) (?:there|in here|this all about|all this)",
)
_ABOUT: Final = re.compile(r"^(?:what|how|where|why|is|are|does|do|show)\b")
_WORST: Final = re.compile(
    r"^(?:at |in |on |for |with |by )?(?:which|what) (?P<what>[\w /.°-]{3,50}?)(?:'s| is| are| does| do| has| have| fails?| gets?)\b.*\b(?:worst|weakest|hardest|best|fail\w*|most errors|least|bad|badly|difficult|strongest|wrong|highest|lowest|errors)\b"
)


def _hands_over(text: str, who: str) -> bool:
    """Whether it is the model that is given to somebody: no document is named, and who gets it is no reader of reports."""
    return _HANDED.search(text) is not None and readers.audience_of(who) in ("", "end_user")


def answered(case: Case, text: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | Step | None:
    """The answer to a bare sentence about the talk itself; None for other sentences."""
    plain = not mentions.found
    if plain and stands(text, *_HAVE):
        from failsight.agent.planners.first_steps import helped

        return helped(case)
    if plain and stands(text, *_DISASTER):
        return _comfort(case)
    if plain and stands(text, *_RIGHT):
        return _was_right(case)
    if plain and (stands(text, *_NOT_ANSWERED)):
        return _again(case, before)
    if stands(text, *_SUM) and not mentions.of("finding"):
        return _splits(case)
    if plain and stands(text, *_WHOM):
        return _whom(case)
    if (_HUMAN.match(text) and _HUMAN_HOW.search(text)) or stands(text, _COMPETITOR):
        return words.message(
            prompts.say("advice.human" if not stands(text, _COMPETITOR) else "advice.competitor"),
            words.choices(case),
        )
    if plain and stands(text, *_BIGGER):
        return _bigger(case)
    if (found := stands(text, _SHOW)) is not None and plain and not _hands_over(text, found["who"]):
        return words.message(
            prompts.say("advice.show", who=clean(found["who"], 40)),
            ["Write the report", *words.choices(case)],
        )
    return (
        _fine_class(case, text, mentions)
        or _wrong_label(case, text, mentions)
        or _doubted(case, text, before)
        or _column(case, text, mentions)
        or _left_out(case, text, mentions)
    )


def _comfort(case: Case) -> AIMessage | Step:
    """What is bad in one line, what is not, and the one thing to do."""
    from failsight.agent.planners.advice.summaries import told

    made = told(case, 2)
    if isinstance(made, Step):
        return made
    state = case.state()
    best = of_classes(state, case.classes, "recall")
    name = max(best, key=lambda c: best[c].value) if best else ""
    good = (
        prompts.say(
            "advice.comfort.best", name=clean(name, 60), rate=str(best[name]), evidence=best[name].evidence
        )
        if name
        else ""
    )
    return words.message(f"{prompts.say('advice.comfort')} {good}\n{made.text}", words.choices(case))


def _was_right(case: Case) -> AIMessage:
    """The verdict on what a person suspected last."""
    state = case.state()
    stated = [e for e in state.evidence if e.tool == "state_hypothesis"]
    found = next((r for e in reversed(stated) for r in state.records.values() if e.id in r.evidence), None)
    if found is None:
        return words.message(prompts.say("advice.right.none"), words.choices(case))
    key = (
        found.standing if found.standing in ("confirmed", "refuted", "inconclusive", "withdrawn") else "open"
    )
    return words.message(
        f"{prompts.say(f'advice.right.{key}', id=found.id)}\n- {words.finding_line(found)}",
        [f"Why {found.id}?", *words.choices(case)],
    )


def _again(case: Case, before: Sequence[Turn]) -> AIMessage:
    """Which question was not answered, and how to say it so that it is understood."""
    from failsight.agent.planners.first_steps import to_try

    last = next((t for t in reversed(before) if t.said), None)
    asked = clean(last.said, 160) if last is not None else ""
    read = [a.tool for a in last.acts] if last is not None else []
    if not asked:
        text = prompts.say("advice.again.none")
    elif read:
        text = prompts.say("advice.again.read", asked=asked, tool=read[0])
    else:
        text = prompts.say("advice.again", asked=asked)
    tries = to_try(case)
    return words.message("\n".join([text, *(f"- {x}" for x in tries)]), [*tries, *words.choices(case)])


def _splits(case: Case) -> AIMessage | Step:
    """Which figure is of which images: the usual reason why two figures seem to contradict each other."""
    state = case.state()
    found = {s: r for s in ("data", "train", "deploy") if (r := accuracy(state, s)) is not None}
    if not found:
        return Step("", "evaluate", prompts.say("advice.why.sum"))
    lines = [prompts.say("advice.splits")]
    lines += [
        prompts.say(
            "advice.splits.line",
            where=prompts.say(f"advice.where.{s}"),
            rate=str(r),
            n=f"{r.n:,}",
            evidence=r.evidence,
        )
        for s, r in found.items()
    ]
    lines.append(prompts.say("advice.splits.ask"))
    return words.message("\n- ".join(lines[:-1]) + "\n" + lines[-1], words.choices(case))


def _whom(case: Case) -> AIMessage:
    """Whose pictures are answered wrongly more often; that the record holds pictures and not people."""
    told = [(r, for_users(r.finding)) for r in largest(case.state())]
    lines = [f"- {text} [{r.id}]" for r, text in told if text][:5]
    head = prompts.say("advice.whom") if lines else prompts.say("advice.whom.none")
    return words.message("\n".join([head, *lines, prompts.say("advice.whom.people")]), words.choices(case))


def _bigger(case: Case) -> AIMessage:
    """What is known about whether another model would help: the data faults that no size mends, and that only training one tells."""
    state = case.state()
    under = next((r for r in state.now() if r.finding.kind == "underfitting" and r.finding.verdict), None)
    lines = [prompts.say("advice.bigger")]
    if under is not None:
        lines.append(
            prompts.say(
                "advice.bigger.under",
                id=under.id,
                standing=under.standing,
                statement=clean(under.finding.statement, 240).rstrip("."),
            )
        )
    data = [r.id for r in largest(state) if any(c.family == "dataset" for c in r.corrections)]
    if data:
        lines.append(prompts.say("advice.bigger.data", ids=listing(data, 6)))
    return words.message(" ".join(lines), words.choices(case))


def _fine_class(case: Case, text: str, mentions: Mentions) -> AIMessage | Step | None:
    """``so bedrooms are fine?``: how the class is recognised, how often its answer is right, and in real use."""
    names = mentions.of("class")
    if len(names) != 1 or any(m.role != "class" for m in mentions.found) or not stands(text, _FINE):
        return None
    name, state = names[0], case.state()
    lines = []
    for split in ("data", "deploy"):
        found, said = (
            of_classes(state, [name], "recall", split),
            of_classes(state, [name], "precision", split),
        )
        if name in found:
            one = prompts.say(
                "advice.class", name=clean(name, 60), recall=str(found[name]), n=f"{found[name].n:,}"
            )
            tail = prompts.say("advice.class.said", precision=str(said[name])) if name in said else "."
            where = prompts.say(f"advice.where.{split}")
            lines.append(f"- {where[:1].upper() + where[1:]}: {one}{tail} [{found[name].evidence}]")
    if not lines:
        return None
    about = [r for r in largest(state) if name in (r.finding.class_name, r.finding.confused_with)][:4]
    key = "advice.fine.not" if about else "advice.fine.none"
    fields = {"ids": listing([r.id for r in about])} if about else {}
    head = prompts.say(key, name=clean(name, 60), **fields)
    return words.message(
        "\n".join([head, *lines, *(f"- {words.finding_line(r)}" for r in about[:2])]), words.choices(case)
    )


def _wrong_label(case: Case, text: str, mentions: Mentions) -> AIMessage | Step | None:
    """A person's own judgement of a picture: which picture, and how it is taken down."""
    found = _WRONG_LABEL.match(text)
    names = mentions.of("class")
    if found is None or len(names) != 1 or any(m.role not in ("class", "image") for m in mentions.found):
        return None
    rest = found["what"].replace("_", " ").replace(names[0].replace("_", " ").lower(), " ")
    if re.sub(r"\b(?:s|an?|the|one|room|picture|image|photo)\b", " ", rest).strip():
        return None  # what it is said to be is more than a class
    if mentions.of("image"):
        return None  # the picture that is named is judged by the tool for it
    return words.message(prompts.say("advice.label", name=clean(names[0], 60)), words.choices(case))


def _doubted(case: Case, text: str, before: Sequence[Turn]) -> AIMessage | None:
    """To ``you are wrong``: what the last answer rests on, and how to have it measured otherwise."""
    if not stands(text, _YOU_WRONG):
        return None
    last = next((t for t in reversed(before) if t.acts), None)
    ids = listing([f"[{a.evidence}]" for a in last.acts if a.evidence]) if last is not None else ""
    return words.message(
        prompts.say("advice.doubt.last", evidence=ids) if ids else prompts.say("advice.doubt"),
        words.choices(case),
    )


# --- names of the data in other words --------------------------------------------------------------------------------------

_PICTURES: Final = re.compile(
    r"\b(?:pictures?|images?|photos?|sorts?|kinds?|types?|class(?:es)?|groups?|conditions?|findings?)\b"
)
_SPLIT: Final = re.compile(r"[^0-9a-zäöüßéèàçñ]+")
#: words for places, people and times that columns are called by in other languages
_SAME: Final = (
    frozenset(("location", "site", "place", "standort", "ort", "lieu", "station", "position", "camera", "kamera", "spot", "room")),
    frozenset(("observer", "annotator", "labeller", "labeler", "rater", "beobachter", "beobachterin", "reader", "person", "observateur")),
    frozenset(("weather", "wetter", "météo", "meteo")),
    frozenset(("light", "licht", "lighting", "beleuchtung", "daylight", "lumière", "daytime")),
    frozenset(("season", "jahreszeit", "month", "monat", "saison")),
    frozenset(("distance", "distanz", "entfernung")),
    frozenset(("temperature", "temp", "temperatur")),
    frozenset(("scanner", "device", "gerät")),
    frozenset(("hospital", "clinic", "klinik", "krankenhaus", "centre", "center")),
    frozenset(("zip", "zipcode", "postcode", "postal", "plz")),
)  # fmt: skip


def _stems(name: str) -> set[str]:
    return {w.removesuffix("s") if len(w) > 3 else w for w in _SPLIT.split(name.casefold()) if w}


def column_of(case: Case, what: str) -> str | None:
    """The column that words mean: by its own words, singular or plural, or by a word of the same meaning; None where no single one fits."""
    wanted = _stems(what)
    names = list(case.table().columns)
    exact = [n for n in names if _stems(n) and _stems(n) == wanted]
    if exact:
        return exact[0]
    scored = []
    for name in names:
        own = _stems(name)
        alike = sum(1 for group in _SAME if own & group and wanted & group)
        if score := 2 * len(own & wanted) + alike:
            scored.append((score, name))
    best = max((s for s, _ in scored), default=0)
    chosen = [n for s, n in scored if s == best]
    return chosen[0] if len(chosen) == 1 else None


def _column(case: Case, text: str, mentions: Mentions) -> Step | None:
    """``which camera location is the worst?``: the groups of the column that is meant, compared; None where none is."""
    found = _WORST.match(text)
    if (
        found is None
        or "find_slices" not in registry()
        or any(m.role in ("class", "attribute", "value", "object") for m in mentions.found)
    ):
        return None
    if _PICTURES.search(found["what"]):
        return None
    name = column_of(case, found["what"])
    if name is None or name in case.attributes().unusable:
        return None
    return Step(
        "",
        "find_slices",
        prompts.say("advice.why.column", words=clean(found["what"], 60), column=clean(name, 60)),
        {"attributes": [name]},
    )


def _left_out(case: Case, text: str, mentions: Mentions) -> AIMessage | None:
    """What becomes of images whose label is no class of the model, where a sentence asks about that label."""
    if mentions.found or not _ABOUT.match(text):
        return None
    said = _stems(text)
    for split in case.splits():
        for one in getattr(case.table(split), "unmatched", ()):
            if (own := _stems(one.label)) and own <= said:
                where = prompts.say(
                    f"advice.where.{split if split in ('data', 'train', 'deploy') else 'other'}"
                )
                key = "advice.left_out.purpose" if one.on_purpose else "advice.left_out"
                told = prompts.say(key, name=clean(one.label, 60), n=f"{one.images:,}", where=where)
                return words.message(told, words.choices(case))
    return None
