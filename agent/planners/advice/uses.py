"""Uses that the case is not about: another task (``can I count people with it?``) or other images (``would it work on outdoor photos?``).

What was measured is one task on the images of the case. So it is said what that was, and what would have to be tested; a verdict about the
case's own task would be no answer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.planners import grouped, looks, slots, words
from failsight.agent.planners.advice.numbers import accuracy
from failsight.agent.planners.advice.words import MODEL, stands
from failsight.agent.planners.step import Step
from failsight.knowledge_base.vocabulary import words_of
from failsight.tools.registry import registry
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.knowledge_base.vocabulary import Mentions

HALF_WIDTH: Final = 0.05  # of the interval that a test on other images should reach
_WHO: Final = r"(?:i|we|you|one|they|people|somebody|someone|my (?:boss|team|users|company)|our (?:users|team|customers))"
_ALSO: Final = r"(?: (?:also|even|still|just|safely|really|actually|maybe|perhaps|as well))*"
_TASKS: Final = (
    rf"(?:can|could|may|should|might|shall){_ALSO} {_WHO}{_ALSO} (?:use|take|apply|employ|trust|rely on|reuse|repurpose|run) {MODEL}{_ALSO} (?:to|in order to|for) (?P<task>.+)",
    rf"(?:is it|would it be) (?:safe|ok|okay|fine|possible|reasonable|allowed|wise|a good idea|legitimate|fair|right|sensible)(?: enough)?(?: for {_WHO})? to (?:use {MODEL} (?:to|for) )?(?P<task>.+)",
    rf"(?:is|would){_ALSO} {MODEL} (?:be )?{_ALSO}(?:suitable|usable|useful|good|fit|meant|made|appropriate|valid|safe|reliable|any good|okay|ok)(?: enough)?(?: to use)? (?:for|to|as) (?P<task>.+)",
    rf"(?:can|could|will|would|does){_ALSO} {MODEL}{_ALSO} (?P<task>(?:count|estimate|measure|locate|localise|segment|track|caption|guess|price|diagnose) .+)",
    rf"(?:can|could|may|should) {_WHO}{_ALSO} (?P<task>(?:count|estimate|measure|infer|derive|predict|track|monitor|diagnose) .+ (?:from|with|using|by|through) {MODEL}.*)",
)
_IMAGES: Final = (
    rf"(?:will|would|does|do|can|could|should|might){_ALSO} {MODEL}{_ALSO} (?:work|function|hold|hold up|do well|perform|generali[sz]e|transfer|apply|cope|be (?:useful|usable|good|suitable|ok|any good|right|reliable))(?: (?:well|fine|too|as well|also|equally well|just as well))* (?:on|for|with|to|in|at|when given) (?P<images>.+)",
    rf"(?:can|could|may|should|might){_ALSO} {_WHO}{_ALSO} (?:use|take|apply|employ|trust|rely on|try|run) {MODEL}{_ALSO} (?:on|with|in|at) (?P<images>.+)",
    rf"(?:is|would){_ALSO} {MODEL} (?:be )?(?:suitable|usable|useful|good|fit|valid|reliable|safe|any good|ok|okay)(?: enough)? (?:on|with|in) (?P<images>.+)",
    rf"(?:what|how) about (?:using {MODEL} (?:on|for) )(?P<images>.+)",
)
#: words that tell no other task and no other images
_PLAIN_TEXT: Final = (
    "a an the of on in at to for from with by and or any some all our my your their its it this that these those them new other more real life use users user customers people production "
    "practice field live future data image images picture pictures photo photos set everyone everybody us me again now then yet today tomorrow here there well one ones same kind case cases as is "
    "be are not no only just even very own model network classifier predictions prediction answers answer output outputs unseen whole every each deployment deploy release ship launch go "
    "world company product app service server home work job purpose task day week month year clients client public else anything something what which"
)
_PLAIN: Final = frozenset(_PLAIN_TEXT.split())
#: what the model does anyway, and what people do with the case
_OWN_TEXT: Final = (
    "recognise recognize classify identify name tell label sort distinguish detect find call predict say decide see know improve compare explain understand show test check help trust use "
    "retrain train ask say believe assume conclude think delete remove drop skip stop start add change fix repair mend write report evaluate judge give make get"
)
_OWN: Final = frozenset(_OWN_TEXT.split())
#: what other tools answer: figures, how pictures look or are disturbed, the record
_ANSWERED: Final = re.compile(
    r"\b(?:accurac\w*|recall|precision|errors?|mistakes?|confidence|calibrat\w*|thresholds?|interval|labels?|attributes?|slices?|findings?|reports?|blur\w*|nois\w*|jpe?g|compress\w*|tilt\w*|rotat\w*|flip\w*|mirror\w*|"
    r"bright\w*|dark\w*|contrast|crop\w*|occlu\w*|adversarial|attack\w*|resolution|gr[ae]y\w*|shift\w*|patch\w*|cover\w*|masked|without|percent|%|\d)\b|%",
    re.IGNORECASE,
)
_FROM: Final = re.compile(
    rf"\s+(?:from|with|using|by|through|based on|out of|via)\s+(?:{MODEL}|these (?:answers|predictions|images)|its (?:answers|predictions|output)).*$"
)


def answered(case: Case, text: str, mentions: Mentions) -> AIMessage | Step | None:
    """The answer to a bare sentence about a use that was not measured; the figure of a group, a split or a class that one names; None for
    other sentences."""
    task, images = _asked(text)
    what = task or images
    if not what or any(m.role in ("finding", "evidence", "image") for m in mentions.found):
        return None
    why = prompts.say("why.question", question=clean(text, 120))
    here = words.names(case, what)
    group, named = grouped.group_in(case, here), slots.splits(what)
    told = {m.role for m in here.found}
    if (
        images
        and group.conditions
        and not group.unsure
        and not group.looked
        and not told & {"class", "object"}
    ):
        where = looks.placed(case, "compare_group", {"where": group.conditions})
        return Step("", "compare_group", why, where) if "compare_group" in registry() else None
    if _ANSWERED.search(what) or group.each or group.people:
        return None
    if task:
        return _told(case, "task", task) if _is_task(case, task) else _of_class(case, task)
    strange = _strange(case, slots.SPLIT_WORDS.sub(" ", images))
    if len(named) == 1 and not told and not strange:
        return Step("", "evaluate", why, {"split": named[0]})
    return _told(case, "images", images) if strange and not told and not named else None


def _asked(text: str) -> tuple[str, str]:
    """The task, or the images, that it is asked to be used for; two empty texts where nothing of that kind is asked."""
    found = stands(text, *_TASKS)
    if found is None:
        said = stands(text, *_IMAGES)
        return "", said["images"] if said is not None else ""
    task = _FROM.sub("", found["task"])
    after_for = re.search(r"\b(?:for|as) $", text[: found.start("task")]) is not None
    if after_for and not re.match(r"[a-z]+ing\b", task):
        return "", task  # good for garages: no task is named, so it is the same one
    return task, ""


def _is_task(case: Case, task: str) -> bool:
    """Whether something else is wanted than the name of a class: by its verb, or by a noun that nothing here is about."""
    first = task.split()[0]
    if first in _OWN:
        return bool(_strange(case, task)) and not _names(case, task) and first not in _DONE
    return first not in _PLAIN and first not in _known(case)


_NAMING_TEXT: Final = (
    "recognise recognize classify identify name tell label sort distinguish detect find predict"
)
_DONE: Final = _OWN - frozenset(_NAMING_TEXT.split())


def _of_class(case: Case, task: str) -> Step | None:
    """How often one class is recognised, where that is all that it is to be used for."""
    named = words.names(case, task)
    names, first = named.of("class"), task.split()[0]
    if first not in _OWN - _DONE or len(names) != 1 or len(named.found) > 1 or _strange(case, task):
        return None
    why = prompts.say("why.question", question=clean(task, 120))
    return Step("", "count_images", why, {"among": [f"true={names[0]}"], "having": ["correct"]})


def _names(case: Case, what: str) -> bool:
    """Whether the words name a class, a group or a split of the case."""
    mentions = words.names(case, what)
    return bool(mentions.found) or slots.SPLIT_WORDS.search(what) is not None


def _strange(case: Case, what: str) -> list[str]:
    """The words that neither the case nor its task knows."""
    known = _known(case)
    return [w for w in re.findall(r"[^\W\d_]{2,}", what) if w not in _PLAIN and w not in _OWN and _stem(w) not in known and w not in known]  # fmt: skip


def _known(case: Case) -> set[str]:
    """What the case is about, word by word: its task, its classes, its columns."""
    names = [*case.classes, *words.vocabulary(case).attributes, *words.vocabulary(case).objects]
    told = {w for n in names for w in words_of(n)} | set(re.findall(r"[^\W\d_]{2,}", case.task.lower()))
    return {*told, *map(_stem, told)} - _PLAIN


def _stem(word: str) -> str:
    return re.sub(r"(?:ies|es|s|ing|ed)$", "", word)


def _told(case: Case, kind: str, what: str) -> AIMessage:
    """What was measured, that this is something else, and what would have to be tested."""
    state = case.state()
    right, field = accuracy(state), accuracy(state, "deploy")
    shown = clean(what, 100)
    lines = [
        prompts.say(f"uses.{kind}", what=shown, count=len(case.classes), classes=listing([clean(c.replace("_", " "), 40) for c in case.classes], 6))
    ]  # fmt: skip
    if right is not None:
        lines.append(prompts.say("uses.measured", rate=str(right), n=f"{right.n:,}", evidence=right.evidence))
        if field is not None:
            lines.append(
                prompts.say("uses.field", rate=str(field), n=f"{field.n:,}", evidence=field.evidence)
            )
    else:
        lines.append(prompts.say("uses.unmeasured", n=f"{len(case.table()):,}"))
    if kind == "images":
        lines.append(prompts.say("uses.test.images", n=_needed(right.value if right is not None else 0.5)))
    else:
        lines.append(prompts.say("uses.test.task"))
    return words.message("\n".join(lines), words.choices(case))


def _needed(rate: float) -> str:
    """About how many images tell a share to five points, two digits of it: at a half no share needs more."""
    spread = max(rate * (1 - rate), 0.09)
    return f"{round(1.96**2 * spread / HALF_WIDTH**2, -1):,.0f}"
