"""Reports for somebody, and what people have to judge: which report is for whom, and where their own answers go in.

``write a report for the ethics board`` writes the report of the audience that such readers are; ``what must the doctor judge?`` names what
no measurement decides: errors, forms, the signature.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.places import shown_place
from failsight.agent.planners import words
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case

LONGEST: Final = 160
_LEAD: Final = r"^\W*(?:(?:so|and|but|ok(?:ay)?|well|now|then|please|can you|could you|would you|i (?:want|need) (?:you )?to|i'd like (?:you )?to|let'?s|just|we need|i need|i want|give me|send me)\b\W*)*"
_WRITE: Final = (
    r"(?:(?:write|make|create|generate|produce|export|print|build|prepare|draw up|compile|get|do)\s+)?"
)
_A: Final = r"(?:(?:me|us|an?|the|some|one|short|full|final|new|separate|html|pdf|written|plain|version of the|summary)\s+)*"
_FOR: Final = re.compile(
    rf"{_LEAD}{_WRITE}{_A}(?:report|write-?up|documentation|document)s?(?: (?:of|on|about) (?:this|it|the (?:model|case|results|findings)))? (?:for|to|that (?:suits|fits)|addressed to|(?:that|which) (?:i|we|you) (?:can|could|may|must|will|have to|want to|should) (?:send|give|show|hand|mail|forward|pass(?: on)?)(?: on)? to)\s+"
    r"(?:(?:the|our|my|an?|all|some)\s+)*(?P<who>[^?.!,;]{2,60}?)(?:,? (?:please|now|too|as well))*\W*$",
    re.IGNORECASE,
)
_DOCUMENT: Final = re.compile(
    rf"{_LEAD}{_WRITE}{_A}(?P<what>model ?-?card|data ?-?sheet)s?(?: (?:for|of|about) (?:this|it|the (?:model|case|data)))?(?:,? (?:please|now))*\W*$",
    re.IGNORECASE,
)
#: who reads → audience; the first that fits
READERS: Final = (
    ("requester", re.compile(r"\b(?:management|managers?|boss(?:es)?|board|committee|commission|council|director\w*|ceo|client\w*|customer\w*|requester\w*|sponsor\w*|authorit\w+|regulator\w*|auditor\w*|audit|notified body|ministry|government|lawyer\w*|legal|purchas\w+|procurement|decision ?-?makers?|stakeholders?|insur\w+)\b", re.IGNORECASE)),
    ("domain_expert", re.compile(r"\b(?:doctors?|physicians?|clinicians?|radiologists?|pathologists?|dermatologists?|surgeons?|nurses?|medics?|specialists?|experts?|biologists?|geologists?|inspectors?|annotators?|labell?ers?|scientists?(?<!data scientists)(?<!data scientist)|ward|clinic|department)\b", re.IGNORECASE)),
    ("developer", re.compile(r"\b(?:developers?|engineers?|programmers?|data scientists?|colleagues?|(?:dev|ml|ai|data|technical|research) (?:team|department|people)|supplier|vendor|maintainers?)\b", re.IGNORECASE)),
    ("end_user", re.compile(r"\b(?:end-?users?|users?|patients?|public|citizens?|operators?|staff|consumers?|everybody|laypeople|people who use it|workers?|pilots?|drivers?)\b", re.IGNORECASE)),
)  # fmt: skip
_ETHICS: Final = re.compile(
    r"\b(?:ethic\w*|irb|fairness|equality|rights?|regulator\w*|authorit\w+|notified body|auditor\w*|audit)\b",
    re.IGNORECASE,
)
_PERSON: Final = r"(?:a |an |the |our |my |some )?(?:doctors?|physicians?|clinicians?|radiologists?|experts?|specialists?|human(?:s| being)?|people|persons?|someone|somebody|we|i|domain experts?|inspectors?|users?|requesters?|engineers?)"
_JUDGE: Final = re.compile(
    rf"{_LEAD}(?:tell me |show me )?(?:what|which (?:things|questions|decisions)) (?:must|should|does|do|has|have|needs?|can|is|are) (?:only )?{_PERSON}? ?(?:still )?(?:only )?(?:have to |has to |need to |needs to |to |left for {_PERSON} to )?(?:judge|decide|answer|say|sign)"
    r"(?: (?:on|about|for us|themselves|himself|herself|by (?:themselves|hand)|here))*(?:,? (?:please|now))*\W*$",
    re.IGNORECASE,
)
_NOT_ME: Final = _PERSON.replace("|we|i|", "|")
_ERRORS: Final = r"which (?:errors?|pictures|images|cases|mistakes|scans|ones)"
_LOOKS: Final = r"(?:look at|check|review|see|inspect|go through|examine|judge)"
_OUGHT: Final = r"(?:must|should|does|do|has|have|needs?|can|could)"
_HAND: Final = (
    r"(?: (?:by hand|by eye|manually|themselves|himself|herself|ourselves|myself|personally|one by one))"
)
_BY_HAND: Final = re.compile(
    rf"{_LEAD}(?:(?:what|{_ERRORS}) {_OUGHT} {_PERSON} (?:have to |has to |need to |to )?{_LOOKS}{_HAND}|{_ERRORS} {_OUGHT} {_NOT_ME} (?:have to |has to |need to |to )?{_LOOKS}"
    rf"|what {_OUGHT} {_NOT_ME} (?:have to |has to |need to |to )?(?:look at|review|inspect|go through|examine))(?: first)?(?:,? (?:please|now))*\W*$",
    re.IGNORECASE,
)  # fmt: skip


def by_hand(question: str) -> bool:
    """Whether it is asked which errors people should look at themselves."""
    return len(question) <= LONGEST and _BY_HAND.match(" ".join(question.split())) is not None


def answered(case: Case, question: str) -> AIMessage | None:
    """The answer to a wish for a report for somebody, or to what people must judge; None for other sentences."""
    text = " ".join(question.split())
    if len(text) > LONGEST:
        return None
    if (document := _DOCUMENT.match(text)) is not None:
        return written(case, "", "datasheet" if "sheet" in document["what"].lower() else "model-card")
    if (asked := _FOR.match(text)) is not None:
        return _report(case, asked["who"].strip())
    return _judging(case) if _JUDGE.match(text) and not _BY_HAND.match(text) else None


def audience_of(who: str) -> str:
    """The audience that such readers are: ``ethics board`` is ``requester``; empty where the words do not tell."""
    return next((name for name, pattern in READERS if pattern.search(who)), "")


def _report(case: Case, who: str) -> AIMessage:
    audience = audience_of(who)
    return written(case, audience, who) if audience else for_whom(case, who)


def for_whom(case: Case, who: str) -> AIMessage:
    """Which of the kinds of readers somebody is, where the words do not tell."""
    from failsight.agent.narrate.audiences import AUDIENCES

    kinds = [f"{name.lower()} ({what})" for name, what in AUDIENCES.values()]
    offers = [f"A report for the {name.lower()}" for name, _ in AUDIENCES.values()]
    text = prompts.say("report.whom", who=clean(who, 60), kinds=listing(kinds))
    return words.message(text, [*offers, *words.choices(case)])


def written(case: Case, audience: str, what: str) -> AIMessage:
    """The report of one audience, or a model card or datasheet, written by the code of ``failsight report``."""
    from failsight.agent.narrate import write_reports
    from failsight.agent.narrate.audiences import AUDIENCES

    formats = ("html", "md") if audience else (what,)
    made = write_reports(case.folder, case.state(), case.journal.events, formats, audience=audience)
    names = listing([p.name for p in made])
    if not audience:
        text = prompts.say("report.document", names=names, folder=shown_place(case.folder), format=what)
        return words.message(text, words.choices(case))
    name, gets = AUDIENCES[audience]
    option = audience.replace("_", "-")
    lines = [
        prompts.say(
            "report.audience", who=clean(what, 60), name=name.lower(), gets=gets, names=names, folder=shown_place(case.folder), option=option
        )
    ]  # fmt: skip
    if _ETHICS.search(what):
        lines.append(prompts.say("report.ethics"))
    return words.message("\n".join(lines), words.choices(case))


def _judging(case: Case) -> AIMessage:
    """What no measurement decides, and where it is said."""
    from failsight.knowledge_base.elicitation import forms

    asked = [f"`/form {f.id}` ({f.title})" for f in forms().values() if f.ask == "domain_expert"]
    lines = [
        prompts.say("judge.what"),
        f"- {prompts.say('judge.errors')}",
        f"- {prompts.say('judge.forms', forms=listing(asked))}",
        f"- {prompts.say('judge.labels')}",
        f"- {prompts.say('judge.signoff')}",
    ]
    offers = ["Which errors should people look at by hand?", "A report for the domain expert"]
    return words.message("\n".join(lines), [*offers, *words.choices(case)])
