"""What the journal says about the work itself: what changed since when, who decided, what was agreed, where one stopped."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.narrate.words import who
from failsight.agent.people.signoff import sentence, signoffs
from failsight.agent.planners import words
from failsight.agent.planners.advice.numbers import judged, shown
from failsight.agent.planners.advice.words import stands
from failsight.tools.expectations.names import is_price
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.journal import Event
    from failsight.agent.planners.dialogue import Turn
    from failsight.knowledge_base.vocabulary import Mentions

MOST: Final = 12
_TIME: Final = r"(?:yesterday|the day before yesterday|today|this morning|last (?:time|week|session|month)|(?:the|our|my) (?:last|previous) (?:time|session|meeting|conversation|talk|visit)|(?:i|we) (?:were|was) (?:last )?here(?: last)?|then|(?:the )?(?:beginning|start)|monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
_CHANGED: Final = (
    rf"(?:what|anything|has anything|did anything|what all|is there anything)(?:'s| has| have| is| did)? (?:been )?(?:changed?|happened|happen|new|different|going on)(?: (?:here|in (?:here|this case|the case)))?(?: (?:since|from|after|in the meantime)(?: {_TIME})?)?(?: (?:today|yesterday))?",
    rf"what(?:'s| is) (?:new|the news)(?: (?:here|today|since {_TIME}))?|any(?:thing)? (?:news|new)(?: (?:here|today|since {_TIME}))?",
    rf"what did (?:we|you|i|they) (?:do|change|find|measure|decide)(?: since)? {_TIME}",
)
_WHERE: Final = (
    r"where (?:were|did|had) (?:we|i|you)(?: (?:stop|stopped|leave off|left off|leave it|get to))?(?: (?:last time|yesterday|again))?",
    r"(?:remind me|tell me|bring me up to speed|catch me up)(?: (?:where (?:we|i) (?:were|are|stopped|left off)|what we did(?: last time| yesterday)?))?",
    r"what (?:were|was) (?:we|i|you) (?:doing|working on|at|looking at)(?: (?:last time|yesterday|last))?",
)
_AGREED: Final = (
    r"what (?:did|have|had) (?:we|you|i|they|people) (?:agreed?|decided?|settled?|said|say)(?: (?:on|upon|about|to do|for))?(?: (?:last time|yesterday|so far|before|last week|already|today))?",
    r"what (?:was|is|has been|were) (?:agreed|decided|settled|demanded|required|expected)(?: (?:on|upon|of it|of the model|last time|so far|before|here))*",
    r"what are (?:the |our |my )?(?:requirements|demands|expectations|criteria|goals|targets|agreements)(?: (?:now|so far|right now|at the moment))?",
)
_WHO: Final = (
    r"(?:and )?who (?:has |had )?(?:decided?|changed?|set|said|agreed|demanded|wanted|wants|required|asked for|signed(?: it)?(?: off)?|approved|made)(?: (?:it|that|this|so|on (?:it|that|this)|these|those|them|the (?:requirements?|demands?|expectations?|decisions?|bound|change|verdict)|(?:to )?(?:that|this) (?:decision|change)))?(?: (?:last|that|and when))?",
    r"whose (?:decision|demand|requirement|idea|call) (?:was|is) (?:it|that|this)",
)


def answered(case: Case, text: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """The answer to a bare sentence about the record; None for other sentences."""
    if mentions.found:
        return None
    if stands(text, *_CHANGED):
        named = re.search(_TIME, text)
        return _changed(case, named[0] if named else "")
    if text != "remind me" and stands(text, *_WHERE):
        return _where(case)
    if stands(text, *_AGREED):
        return _agreed(case)
    return _who(case) if stands(text, *_WHO) else None


# --- since when --------------------------------------------------------------------------------------------------------

_MEASURED: Final = re.compile(r": measured \[(E\d+)\]: ")
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _time(event: Event) -> dt.datetime:
    return dt.datetime.fromisoformat(event.time.replace("Z", "+00:00"))


def _from(case: Case, since: str) -> tuple[dt.datetime | None, str]:
    """(the moment from which changes count, how it is said); None where all of the journal counts."""
    events = list(case.journal)
    now = _time(events[-1])
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    days = {
        "yesterday": 1,
        "the day before yesterday": 2,
        "today": 0,
        "this morning": 0,
        "last week": 7,
        "last month": 31,
    }
    if since in days:
        return day - dt.timedelta(days=days[since]), prompts.say(
            "advice.since.day", day=f"{day - dt.timedelta(days=days[since]):%Y-%m-%d}"
        )
    if since in _DAYS:
        back = (now.weekday() - _DAYS.index(since)) % 7 or 7
        return day - dt.timedelta(days=back), prompts.say(
            "advice.since.day", day=f"{day - dt.timedelta(days=back):%Y-%m-%d}"
        )
    if "beginning" in since or "start" in since:
        return None, prompts.say("advice.since.start")
    opened = [e for e in events if e.kind == "session.opened"]
    if len(opened) < 2:
        return None, prompts.say("advice.since.start")
    ended = next(
        (
            e
            for e in reversed(events)
            if e.seq < opened[-1].seq and e.kind not in ("session.closed", "session.opened")
        ),
        opened[-2],
    )
    return _time(ended) + dt.timedelta(microseconds=1), prompts.say("advice.since.last", time=_stamp(ended))


def _stamp(event: Event) -> str:
    return event.time[:16].replace("T", " ")


def _changed(case: Case, since: str) -> AIMessage:
    """What was changed, decided or found since then, by time and person; that nothing was, where nothing was."""
    start, said = _from(case, since)
    events = [e for e in case.journal if start is None or _time(e) >= start]
    lines = list(_told(case, events))
    if not lines:
        return words.message(prompts.say("advice.changed.none", since=said), words.choices(case))
    head = prompts.say("advice.changed", since=said)
    few = [x for x in lines if not _MEASURED.search(x)]
    if len(lines) > MOST and len(few) < len(
        lines
    ):  # what decided something counts more than what was looked at
        seen = [m[1] for x in lines if (m := _MEASURED.search(x)) is not None]
        lines = [
            *few,
            prompts.say(
                "advice.changed.measured",
                count=len(seen),
                ids=f"{seen[0]} to {seen[-1]}" if len(seen) > 1 else seen[0],
            ),
        ]
    left = len(lines) - MOST
    shown_ = lines[-MOST:]
    more = [prompts.say("advice.changed.more", count=left)] if left > 0 else []
    return words.message("\n".join([head, *more, *(f"- {x}" for x in shown_)]), words.choices(case))


def _told(case: Case, events: Iterable[Event]) -> Iterable[str]:
    """A line for each event that changed something: demands, verdicts, repairs, attributes, people's answers."""
    had = _bounds_before(case)
    new: list[str] = []
    for event in events:
        made = _line(case, event, had, new)
        if made:
            yield f"{_stamp(event)}: {made}"


def _bounds_before(case: Case) -> Mapping[int, Any]:
    """Event of a demand → the event that set the same before; missing where none did."""
    last: dict[str, Event] = {}
    made: dict[int, Event] = {}
    for event in case.journal:
        if event.kind == "expectation.set":
            name = str(event.data["name"])
            if name in last:
                made[event.seq] = last[name]
            last[name] = event
    return made


def _line(case: Case, event: Event, had: Mapping[int, Any], told: list[str]) -> str:
    data = event.data
    if event.kind == "expectation.set":
        return _demand(event, had.get(event.seq))
    if event.kind == "evidence.recorded":
        return _recorded(case, data, told)
    if event.kind == "hypothesis.withdrawn":
        return prompts.say("advice.line.withdrawn", id=clean(data.get("id", ""), 20), by=who(data.get("by")))
    if event.kind == "signoff.given":
        return prompts.say(
            "advice.line.signoff",
            by=clean(data.get("by", ""), 120),
            decision=clean(data.get("decision", ""), 40).replace("_", " "),
        )
    if event.kind == "attribute.changed":
        made = data.get("definition") or {}
        return prompts.say(
            "advice.line.attribute",
            name=clean(made.get("name", ""), 80),
            action=clean(data.get("action", ""), 40),
        )
    if event.kind in ("model.added", "model.adopted"):
        return prompts.say(f"advice.line.{event.kind}", name=_version(data))
    if event.kind == "labels.imported":
        return prompts.say("advice.line.labels", file=clean(data.get("file", ""), 80))
    if event.kind == "form.answered":
        return prompts.say(
            "advice.line.form", form=clean(data.get("form", ""), 60), by=clean(data.get("by", ""), 120)
        )
    if event.kind == "groups.set":
        column = clean(data.get("column") or "", 60)
        return (
            prompts.say("advice.line.groups", column=column) if column else prompts.say("advice.line.alone")
        )
    return ""


def _version(data: Mapping[str, Any]) -> str:
    made = data.get("version")
    return clean(made.get("name", "") if isinstance(made, Mapping) else made or data.get("name", ""), 40)


def _demand(event: Event, old: Event | None) -> str:
    d = event.data
    name, by = str(d["name"]), who(d.get("by"))
    now = (
        f"{clean(name, 80)} {float(d['bound']):g}"
        if is_price(name)
        else shown(name, float(d["bound"]), at_least=bool(d["at_least"]))
    )
    if old is None:
        return prompts.say("advice.line.demand", criterion=now, by=by)
    from failsight.tools.expectations.names import show_value

    return prompts.say(
        "advice.line.demand.changed", criterion=now, by=by, old=show_value(name, float(old.data["bound"]))
    )


def _recorded(case: Case, data: Mapping[str, Any], told: list[str]) -> str:
    """A measurement with the findings that it decided for the first time in this list."""
    made = data.get("evidence") or {}
    id_ = str(made.get("id", ""))
    decided = [
        r.id
        for r in case.state().records.values()
        if id_ in r.evidence and r.finding.verdict and r.id not in told
    ]
    told += decided
    title = clean(made.get("title", ""), 100)
    if decided:
        standings = {i: (r.standing if (r := case.state().find(i)) is not None else "") for i in decided}
        shown_ = listing([f"{i} {s}" for i, s in standings.items()], 6)
        return prompts.say("advice.line.decided", id=id_, title=title, findings=shown_)
    return prompts.say("advice.line.measured", id=id_, title=title)


# --- where, what and who -------------------------------------------------------------------------------------------------


def _where(case: Case) -> AIMessage:
    """Where one stopped: the last thing asked, what stands, and the next step."""
    state = case.state()
    events = list(case.journal)
    opened = [e.seq for e in events if e.kind == "session.opened"]
    asked = [e for e in events if e.kind == "message" and e.data.get("role") == "person"]
    asked = [e for e in asked if opened and e.seq < opened[-1]] or asked[:-1]
    lines = []
    if asked:
        lines.append(
            prompts.say(
                "advice.where.asked", time=_stamp(asked[-1]), said=clean(asked[-1].data.get("text", ""), 120)
            )
        )
    confirmed = state.confirmed()
    ids = listing([r.id for r in confirmed], 8)
    lines.append(
        prompts.say(
            "advice.where.found",
            evidence=len(state.evidence),
            count=len(confirmed),
            ids=f" ({ids})" if ids else "",
            stage=state.stage or "see failure",
        )
    )
    made = judged(state)
    if made is not None:
        lines.append(f"{made.evidence.summary} [{made.evidence.id}]")
    lines += words.next_lines(case)[-1:]
    return words.message("\n".join(lines), words.choices(case))


def _agreed(case: Case) -> AIMessage:
    """What people said that the model must do, who and when; who signed it off, or that nobody did."""
    lines = list(_demands(case))
    if not lines:
        lines = [prompts.say("advice.agreed.none")]
    else:
        lines = [prompts.say("advice.agreed"), *(f"- {x}" for x in lines)]
    return words.message("\n".join([*lines, *_signed(case)]), words.choices(case))


def _demands(case: Case) -> Iterable[str]:
    had = _bounds_before(case)
    last = {str(e.data["name"]): e for e in case.journal if e.kind == "expectation.set"}
    return [f"{_stamp(e)}: {_demand(e, had.get(e.seq))}" for e in last.values()]


def _signed(case: Case) -> list[str]:
    made = [o for o in signoffs(list(case.journal), case.state()) if not o.replaced]
    return [sentence(o) for o in made] or [prompts.say("advice.unsigned")]


def _who(case: Case) -> AIMessage:
    """Who decided: the newest demand with who set it and when, who signed it off; verdicts are the measurements'."""
    sets = [e for e in case.journal if e.kind == "expectation.set"]
    lines = []
    if sets:
        last = sets[-1]
        lines.append(
            prompts.say(
                "advice.who.demand", time=_stamp(last), line=_demand(last, _bounds_before(case).get(last.seq))
            )
        )
        people = list(dict.fromkeys(re.sub(r"\s+", " ", who(e.data.get("by"))) for e in sets))
        if len(people) > 1:
            lines.append(prompts.say("advice.who.all", people=listing(people)))
    else:
        lines.append(prompts.say("advice.agreed.none"))
    lines += _signed(case)
    lines.append(prompts.say("advice.who.verdicts"))
    return words.message("\n".join(lines), words.choices(case))
