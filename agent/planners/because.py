"""Why a class does badly: how often it is recognised, what it is taken for, and what was found about it, from the journal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.planners import explaining, words
from failsight.agent.planners.slots import without_names
from failsight.agent.planners.step import Step
from failsight.agent.state import CaseState, FindingRecord
from failsight.tools.confusions import confusions
from failsight.tools.errors import RetryError
from failsight.tools.text import clean, interval, listing, number

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.knowledge_base.vocabulary import Mentions

MOST: Final = 5  # findings told, and classes named that it is taken for
ANSWERS: Final = 2  # most frequent wrong answers of which the cues are told
OWN_SHARE: Final = 0.6  # of the images of a group, from which on it is a group of the class
_ASKS: Final = re.compile(
    r"^\W*(?:(?:so|and|but|ok(?:ay)?|well|then|hm+|please|tell me|explain|can you (?:tell me|explain)|do you know)\b\W*)*"
    r"(?:why|how come|for what reason|what(?:'?s| is) (?:wrong|the (?:problem|matter|trouble|issue)) with|what makes)\b",
    re.IGNORECASE,
)
_BAD: Final = re.compile(
    r"\b(?:bad(?:ly)?|worse|worst|weak(?:est|er)?|poor(?:ly)?|wrong\w*|fail\w*|hard(?:er|est)?|difficult|low(?:er|est)?|struggl\w+|trouble|problem\w*|err(?:s|ors?)?|mistak\w+|misclassif\w+|confus\w+|"
    r"terrible|horrible|issue|matter|so (?:few|seldom|rarely)|not recogni[sz]ed|miss\w*|unreliable|inaccurate)\b",
    re.IGNORECASE,
)
_MODEL: Final = re.compile(
    r"\b(?:it|this|the (?:model|network|classifier)|my (?:model|network|classifier))\b(?! (?:picture|image|photo|class))",
    re.IGNORECASE,
)
_BARE: Final = re.compile(
    r"^\W*(?:(?:and|so|ok(?:ay)?)\W+)?(?:(?:what|how) about|for|with|the|an?|\W)*\W*$", re.IGNORECASE
)
LONGEST: Final = 160  # characters of a sentence that asks for one class
_ELSEWHERE: Final = re.compile(
    r"\b(?:some|certain|a few|several|these|those|which|features?|neurons?|heat ?maps?|labels?|labell?ed)\b",
    re.IGNORECASE,
)


def told(case: Case, question: str, mentions: Mentions) -> AIMessage | Step | None:
    """What is known of why a class does badly; the measurement to begin with where nothing is; None for other sentences.

    Args:
        mentions: the names of the case in the sentence: one class and nothing else.
    """
    if mentions.split not in (None, "data") or len(question) > LONGEST:
        return None
    asks = _ASKS.match(question) and _BAD.search(question) and not _ELSEWHERE.search(question)
    state = case.state()
    if not mentions.found and asks and _MODEL.search(question) and state.confirmed():
        return words.message("\n".join(_whole(state)), words.choices(case))
    names = mentions.of("class")
    if len(names) != 1 or any(m.role != "class" for m in mentions.found):
        return None
    if not asks and not _BARE.match(without_names(mentions)):
        return None
    name = names[0]
    known = [*recall(state, name), *_taken_for(state, name)]
    found = about(case, state, name)
    if not known and not found:
        return Step(
            "",
            "confusion_matrix",
            prompts.say("why.class_first", question=clean(question, 120)),
            {"true_class": name},
        )
    return words.message("\n".join([*known, *_findings(found, name)]), [*_offers(name), *words.choices(case)])


def _whole(state: CaseState) -> list[str]:
    """The confirmed findings, when it is asked why the model as a whole does badly."""
    confirmed = state.confirmed()
    lines = [prompts.say("why_model.findings", count=len(confirmed))]
    lines += [f"- {words.finding_line(r)}" for r in confirmed[:MOST]]
    if len(confirmed) > MOST:
        lines.append(f"- {prompts.say('told.more', count=len(confirmed) - MOST)}")
    return lines


def about(case: Case, state: CaseState, name: str) -> list[FindingRecord]:
    """Findings that bear on images of a class: groups of them, cues that draw them to other answers, what the class's own score
    goes by; confirmed ones first, refuted ones left out."""
    groups = [
        r
        for r in state.records.values()
        if r.finding.class_name is None and r.finding.slice and _is_own(case, r, name)
    ]
    matrix = explaining.matrix(state)
    taken = [c.predicted for c in confusions(matrix) if c.true == name] if matrix is not None else []
    answers = taken[:ANSWERS]
    own = explaining.of_class(state, name)
    cues = explaining.of_cue(state, [name])
    ordered = [*(r for r in own if r not in cues), *groups, *explaining.of_cue(state, answers), *cues]
    kept = [
        r for r in {r.id: r for r in ordered}.values() if r.standing in ("confirmed", "inconclusive", "open")
    ]
    return sorted(
        kept,
        key=lambda r: (
            r.standing != "confirmed",
            r.standing != "inconclusive",
            r.finding.kind == "distribution_shift",
        ),
    )


def _is_own(case: Case, record: FindingRecord, name: str) -> bool:
    """Whether most images of a finding's group carry the class as their label."""
    from failsight.tools.experiments.population import parse_filters, rows_meeting

    conditions = [f"{k}={v}" for k, v in (record.finding.slice or {}).items()]
    try:
        meets, _ = rows_meeting(case, "data", parse_filters(conditions))  # type: ignore[arg-type]
    except RetryError:  # an attribute that was put aside since
        return False
    labels = case.table().labels[meets]
    return len(labels) > 0 and float((labels == list(case.classes).index(name)).mean()) >= OWN_SHARE


def recall(state: CaseState, name: str) -> list[str]:
    """How often the class is recognised, beside all classes."""
    made = next(
        (
            e
            for e in reversed(state.evidence)
            if e.tool == "evaluate" and e.arguments.get("split") in (None, "data")
        ),
        None,
    )
    if made is None:
        return []
    rate = next((f for f in made.facts if f.name == "recall" and f.of == f"class {name}"), None)
    whole = next((f for f in made.facts if f.name == "accuracy" and f.of in ("", "split data")), None)
    if (
        rate is None
        or whole is None
        or not isinstance(rate.value, float)
        or not isinstance(whole.value, float)
    ):
        return []
    return [
        prompts.say(
            "why_class.recall", name=clean(name, 60), recall=number(rate.value), ci=interval(rate.ci),
            n=f"{rate.n or 0:,}", accuracy=number(whole.value), evidence=made.id,
        )
    ]  # fmt: skip


def _taken_for(state: CaseState, name: str) -> list[str]:
    """What the images of the class are taken for, most frequent first."""
    made = explaining.matrix(state)
    if made is None:
        return []
    counts = [c for c in confusions(made) if c.true == name]
    if not counts:
        return []
    parts = [f"{clean(c.predicted, 60)} {c.images:,}" for c in counts[:MOST]]
    return [prompts.say("why_class.taken", others=listing(parts), evidence=made.id)]


def _findings(found: list[FindingRecord], name: str) -> list[str]:
    if not found:
        return ["", prompts.say("why_class.nothing", name=clean(name.replace("_", " "), 60))]
    lines = ["", prompts.say("why_class.findings"), *(f"- {words.finding_line(r)}" for r in found[:MOST])]
    if len(found) > MOST:
        lines.append(f"- {prompts.say('why_class.more', count=len(found) - MOST)}")
    return lines


def _offers(name: str) -> list[str]:
    spoken = clean(name.replace("_", " "), 60)
    return [f"Show me wrong {spoken} images", f"On which {spoken} images does it fail?"]
