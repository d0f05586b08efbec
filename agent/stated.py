"""What a person demands in a sentence of a longer message, while a language model answers the rest of it.

The guided planner reads a message as one sentence. Said to a language model, a demand stands among other things (``it should get at
least 90 % right overall. Where do the errors go?``). Only a sentence that demands for sure is noted: who wants it and the bound are
named, and nothing of it is left over that could be a condition. A question, an observation or a group that isn't read states nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.planners.expectations import Criterion
from failsight.agent.planners.phrases import UNDO
from failsight.agent.planners.wishes import LONGEST, is_about_now, parse_wishes
from failsight.knowledge_base.vocabulary import Vocabulary, recognise
from failsight.tools.expectations.names import show_expected
from failsight.tools.text import listing

if TYPE_CHECKING:
    from failsight.agent.case import Case

SET, BACK = "expectation.set", "expectation.taken_back"
OTHER_CHANGES = ("attribute.changed", "model.added", "model.adopted")
_SENTENCES: Final = re.compile(r"(?<=[.?!;])\s+|\n+")
_LEAD: Final = r"(?:(?:and|but|so|well|ok|okay|then|again|please|also|as i said|as we said|like i said|to be clear|remember)[,:]? )*(?:(?:for|to) (?:the |our |my |us|me)?(?:\w+)?,? )?"
_MODAL: Final = r"(?:must|should|shall|has to|have to|needs to|need to|ought to)(?: (?:really|definitely|always|at the very least))?"
_GETS: Final = (
    r"(?:be|get|reach|have|achieve|hit|come to|give|answer|classify|recogni[sz]e|score|make|deliver|show)"
)
_SUBJECT: Final = (
    r"(?:it|this|that|they|the (?:model|classifier|network|system|thing|accuracy|tool|software))"
)
_WANT: Final = r"(?:need|want|expect|require|demand|insist on|am looking for|asked for|ask for|said|say|told you|(?:would|'d) (?:want|like|need|expect|require|be happy with))"
_WHO: Final = rf"(?:{_SUBJECT} {_MODAL} {_GETS}(?: to)?|(?:i|we|they)(?: (?:really|only|do|still|just))* ?{_WANT}(?: (?:to (?:have|see|get)|(?:it|the model) to {_GETS}|that {_SUBJECT} {_GETS}s?))?)"
_SIGN: Final = (
    r"(?:(?:at least|a minimum of|minimum|no less than|not (?:below|under|less than)|more than|over|above) )?"
)
_THINGS: Final = r"(?:(?:the |all |all the |my |our |its |all its )?(?:images?|pictures?|photos?|answers?|cases?|predictions?))"
_OVERALL: Final = r"(?:overall|in total|altogether|all in all|on the whole|on average|in general|of the time)"
_WHAT: Final = (
    rf"(?:(?:of )?(?:an? )?(?:overall |total )?accuracy|(?:of )?{_THINGS}|right|correct(?:ly)?|{_OVERALL})"
)
_DEMAND: Final = re.compile(
    rf"^{_LEAD}{_WHO} (?:an? )?(?P<before>(?:(?:overall |total )?accuracy of |{_WHAT} (?:in |for |to )?)?){_SIGN}(?P<n>\d{{1,3}}(?:[.,]\d+)?) ?(?:%|per ?cent)(?P<after>(?: {_WHAT})*)(?: (?:please|at least|in the end|before (?:we|i) (?:ship|use|release|sell) it))?[.!]?$",
    re.IGNORECASE,
)
_TELLS_WHAT: Final = re.compile(
    r"\b(?:accuracy|right|correct|correctly|overall|in total|altogether|all in all|on the whole)\b",
    re.IGNORECASE,
)
_WANTED: Final = re.compile(rf"\b(?:{_MODAL}|(?:i|we) (?:need|want|expect|require|demand))\b", re.IGNORECASE)


_SMALL: Final = frozenset(("the", "a", "an", "for", "on", "of", "class", "ones"))
_CLAUSES: Final = re.compile(r"[,;]\s*(?:and|but|with|plus)?\s+|\s+(?:and|but|plus)\s+", re.IGNORECASE)
_ALSO: Final = re.compile(
    rf"^(?:and |but |with |plus )*(?:for |in |on )?(?:the )?(?P<who>\w[\w -]*?)(?: (?:pictures|images|items))?(?: {_MODAL} {_GETS})? (?:(?:of )?at least|a minimum of|no less than|not (?:below|under)|under|below|over|above) (?P<n>\d{{1,3}}(?:\.\d+)?)(?: ?%| ?per ?cent)?(?: (?:right|correct|recogni[sz]ed|recall|please))*[.!]?$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Stated:
    """Demands in a message. ``alone``: nothing else stands in it."""

    demands: tuple[Criterion, ...] = ()
    alone: bool = False


def stated(text: str, classes: Sequence[str], names: Vocabulary | None = None) -> Stated:
    """The demands that single sentences of ``text`` state for sure; none where a demand contradicts another one of it."""
    if len(text) > LONGEST or not any(c.isdigit() for c in text):
        return Stated()
    pieces = [p.strip() for p in _SENTENCES.split(text.strip()) if p.strip()]
    found = [_of_sentence(p, classes, names) for p in pieces]
    made = {c.name: c for some in found for c in some}
    if any(made[c.name].bound != c.bound for some in found for c in some):
        return Stated()
    return Stated(tuple(made.values()), alone=all(found))


def _of_sentence(text: str, classes: Sequence[str], names: Vocabulary | None) -> list[Criterion]:
    if text.endswith("?"):
        return []
    bare = " ".join(text.split())
    several = _of_clauses(bare, classes, names)
    if several:
        return several
    match = _DEMAND.match(bare)
    if match is not None and _TELLS_WHAT.search(f"{match['before']} {match['after']}"):
        bound = float(match["n"].replace(",", ".")) / 100
        return [Criterion("accuracy", bound, at_least=True)] if 0 < bound <= 1 else []
    if is_about_now(bare) or not _WANTED.search(bare):
        return []
    return parse_wishes(bare, classes, names)[0]


def _of_clauses(text: str, classes: Sequence[str], names: Vocabulary | None) -> list[Criterion]:
    """``I need 85 percent right overall, and film at least 75``: a demand on all, and demands on classes that lean on it; else none."""
    first, *others = [c for c in _CLAUSES.split(text) if c.strip()]
    if not others or not _DEMAND.match(first):
        return []
    made = _of_sentence(first, classes, names)
    for clause in others:
        found = _ALSO.match(clause.strip())
        who = _who(found["who"], classes, names) if found is not None else ""
        wish = (
            parse_wishes(f"recall of {who} at least {found['n']} %", classes, names)[0]
            if found is not None and who
            else []
        )
        if not wish:
            return []
        made += wish
    return made


def _who(said: str, classes: Sequence[str], names: Vocabulary | None) -> str:
    """The one class that is named, or every class; empty for anything else."""
    if re.fullmatch(
        r"(?:every|each|any|all|no)(?: (?:single|other))? (?:class(?:es)?|kinds?|one|ones)",
        said,
        re.IGNORECASE,
    ):
        return "every class"
    found = recognise(said, names or Vocabulary(classes=classes))
    named = found.of("class")
    rest = "".join(said[: m.start] + said[m.end :] for m in found.found[:1]).split()
    return named[0] if len(named) == 1 and len(found.found) == 1 and not set(rest) - _SMALL else ""


# --- taken back -------------------------------------------------------------------------------------------------------


def take_back(case: Case, text: str) -> str:
    """Take back the demands that were noted of the newest turn, and say so; empty for a sentence that isn't ``undo that``, and where
    that turn noted none, or changed something else that may be meant.

    To be called before ``text`` itself is journalled.
    """
    if not UNDO.match(text):
        return ""
    events = list(case.journal.events)
    spoken = [i for i, e in enumerate(events) if e.kind == "message" and e.data.get("role") == "person"]
    turn = events[spoken[-1] :] if spoken else []
    if any(e.kind in (BACK, *OTHER_CHANGES) for e in turn):
        return ""
    gone, again = [], []
    for event in reversed([e for e in turn if e.kind == SET]):
        name = event.data["name"]
        earlier = [e for e in events if e.seq < event.seq and e.data.get("name") == name]
        was = next((e.data for e in reversed(earlier) if e.kind in (SET, BACK)), {})
        gone.append(_shown(case, name))
        case.record(BACK, name=name, **{k: was[k] for k in ("bound", "at_least", "by") if k in was})
        again += [_shown(case, name)] if name in case.state().expectations else []
    if not gone:
        return ""
    stands = prompts.say("expectation_again", demands=listing(again)) if again else ""
    return f"{prompts.say('expectation_taken_back', demands=listing(gone))} {stands}".strip()


def _shown(case: Case, name: str) -> str:
    one = case.state().expectations[name]
    return show_expected(name, one.at_least, one.bound)
