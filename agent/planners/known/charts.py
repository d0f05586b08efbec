"""A measurement as a picture: where its figure lies and what it shows; where it has none, that, with the figures that there are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.planners import words
from failsight.tools.text import clean

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.agent.planners.dialogue import Turn
    from failsight.knowledge_base.vocabulary import Mentions
    from failsight.tools.evidence import Evidence

LONGEST: Final = 160
MOST: Final = 3
_CHART: Final = r"(?:heat ?-?maps?|charts?|plots?|diagrams?|graphs?|graphics?|figures?|histograms?|visuali[sz]ations?|bar charts?|curves?)"
_WANTS: Final = re.compile(
    rf"\b(?:show|draw|see|give|have|get|make|plot|display|want|like|put|turn|visuali[sz]e|is there|as|open|where)\b.{{0,60}}\b{_CHART}\b|\b(?:plot|draw|visuali[sz]e|chart|graph)\b(?: (?:me|us|it|that|this|them|those|these|the|of|a|for))+",
    re.IGNORECASE,
)
_IT: Final = re.compile(r"\b(?:that|it|this|them|those|these)\b", re.IGNORECASE)
_SALIENCY: Final = re.compile(r"\b(?:saliency|attention|grad-?cam|where it looks?|looks? at|pixels?|explain\w*|these (?:images|pictures|photos))\b", re.IGNORECASE)  # fmt: skip
_VALUE: Final = re.compile(
    r"\b(?:last|that|this|the|which|your) (?:figures?)\b(?! of)", re.IGNORECASE
)  # a figure that is a number
#: what a figure is of, by the words for it → the tool that draws it
_OF: Final = (
    (re.compile(r"\bconfus\w+|\bmix\w*|\btaken for\b|\bmatrix\b", re.IGNORECASE), "confusion_matrix"),
    (
        re.compile(r"\b(?:sure|confiden\w+|certain\w*|calibrat\w+|reliab\w+)\b", re.IGNORECASE),
        "confidence_profile",
    ),
    (
        re.compile(
            r"\b(?:accura\w+|recall|precision|by class|each class|per class|classes)\b", re.IGNORECASE
        ),
        "evaluate",
    ),
)
_EXAMPLES: Final = ("count_images", "compare_group")  # their figures are pictures of the images
_PICTURES: Final = (
    "show_images",
    "nearest",
    "saliency",
    "prototypes_and_criticisms",
    "what_if",
    "compare_images",
)


def answered(case: Case, question: str, mentions: Mentions, before: Sequence[Turn]) -> AIMessage | None:
    """Where the figure is that a sentence asks for; None for every other sentence."""
    if len(question) > LONGEST or mentions.found or not _WANTS.search(question):
        return None
    if _SALIENCY.search(question) or (
        _VALUE.search(question) and not re.search(r"\b(?:draw|plot|as an?)\b", question)
    ):
        return None
    about = _asked(case, question, before)
    if about is None or about.tool in _PICTURES:
        return None
    if about.figures and about.tool not in _EXAMPLES:
        lines = [
            prompts.say("known.chart", title=clean(f.title, 120), path=clean(str(case.folder / f.path), 300), alt=clean(f.alt, 400).rstrip("."), evidence=about.id)
            for f in about.figures[:MOST]
        ]  # fmt: skip
        return words.message("\n".join(lines), [f"/evidence {about.id}", *words.choices(case)])
    drawn = {e.tool: e for e in case.state().evidence if e.figures and e.tool not in (*_PICTURES, *_EXAMPLES)}
    others = [
        f"{clean(e.title, 80)} [{e.id}]: {clean(str(case.folder / e.figures[0].path), 300)}"
        for e in list(drawn.values())[-MOST:]
    ]
    lines = [
        prompts.say("known.chart.none", summary=clean(about.summary, 300), evidence=about.id),
        *(f"- {o}" for o in others),
    ]
    return words.message("\n".join(lines), words.choices(case))


def _asked(case: Case, question: str, before: Sequence[Turn]) -> Evidence | None:
    """The measurement that is to be drawn: the one that the sentence names, else the last one."""
    made = case.state().evidence
    tool = next((name for pattern, name in _OF if pattern.search(question)), "")
    if tool:
        whole = (
            e for e in reversed(made) if e.tool == tool and e.figures
        )  # of all classes, and not of the pictures of one cell
        return next(
            (
                e
                for e in whole
                if not any(e.arguments.get(k) for k in ("true_class", "predicted_class", "class_name"))
            ),
            None,
        )
    if not _IT.search(question):
        return None
    known = {e.id: e for e in made}
    turn = next((t for t in reversed(before) if any(a.evidence in known for a in t.acts)), None)
    return (
        next((known[a.evidence] for a in turn.acts if a.evidence in known), None)
        if turn is not None
        else None
    )
