"""How things are, as a condition on the recorded number that says so: ``damp`` of ``humidity``, ``cold`` of ``temperature``.

Where a confirmed finding has a limit of that number, the word means its side of it; else the third of the images that has most, or least, of it. What was
taken is said with the answer. A word that is a value of the case itself is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from failsight import prompts
from failsight.agent.planners import words
from failsight.knowledge_base.condition_text import parts
from failsight.knowledge_base.counts import named
from failsight.knowledge_base.people import are_numbers
from failsight.knowledge_base.vocabulary import words_of
from failsight.tools.hypotheses.suggested import conditions_behind
from failsight.tools.text import number_text

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.knowledge_base.vocabulary import Vocabulary

#: words in the name of a column → words for much of it, words for little of it; speed, height, weight, price, age: see ``known.things``
_SCALES: Final[tuple[tuple[frozenset[str], str, str], ...]] = (
    (frozenset(("humidity", "moisture", "dampness", "wetness")), r"damp|humid|moist|muggy|wet|clammy", r"dry|arid"),
    (frozenset(("temperature", "temp", "heat")), r"hot|warm|boiling", r"cold|cool|chilly|freezing|frosty"),
    (frozenset(("wind", "windspeed")), r"windy|stormy|gusty", r"calm|windless"),
    (frozenset(("rain", "rainfall", "precipitation")), r"rainy|rains|raining|pouring", r"rainless"),
    (frozenset(("distance", "range")), r"far|distant|far away", r"near|close|close up|nearby"),
    (frozenset(("depth",)), r"deep", r"shallow"),
    (frozenset(("dust", "dirt", "soiling")), r"dusty|dirty|soiled", r"clean"),
    (frozenset(("noise",)), r"noisy|loud", r"quiet|noiseless"),
    (frozenset(("fill", "filling")), r"full|crowded|overloaded", r"empty|nearly empty"),
)  # fmt: skip
#: before the word: it is said of the images or of what was around them
_BEFORE: Final = re.compile(
    r"\b(?:when|if|while|whenever|where|on|in|with|at|for|during|under)\b[^,.;?!]{0,30}$|\b(?:is|are|was|were|it'?s|gets?|got|too|so|very|really|the)\s+$",
    re.IGNORECASE,
)
_WHEN: Final = re.compile(
    r"(?:\b(?:when|if|while|whenever|where)\s+)?(?:\b(?:it|they|the \w+|things)(?:'s| is|'re| are| was| were| gets?| got)?\s+|\b(?:it'?s|its)\s+)?(?:(?:too|so|very|really|rather|quite|pretty)\s+)*$",
    re.IGNORECASE,
)
THIRD: Final = 1 / 3


class Quality(NamedTuple):
    """A word of a sentence that is read as a condition.

    ``start`` and ``end``: of what the condition takes the place of; ``finding``: whose limit it is, empty for a third of the images.
    """

    start: int
    end: int
    word: str
    condition: str
    finding: str = ""


def written(case: Case, text: str, names: Vocabulary) -> str:
    """``text`` with such words as conditions: ``when it's damp`` as ``with humidity>=71``."""
    for one in reversed(list(qualities(case, text, names))):
        text = f"{text[: one.start]}with {one.condition}{text[one.end :]}"
    return text


def assumed(case: Case, question: str, calls: str) -> str:
    """What such words were taken for, where a call is of it; empty for nothing."""
    made = [q for q in qualities(case, question, words.vocabulary(case)) if q.condition in calls]
    return " ".join(
        prompts.say("quality.finding", word=q.word, condition=_said(q.condition), finding=q.finding)
        if q.finding
        else prompts.say("quality.third", word=q.word, condition=_said(q.condition))
        for q in dict.fromkeys(made)
    )


def qualities(case: Case, text: str, names: Vocabulary) -> Iterator[Quality]:
    """Such words in ``text``, in their order."""
    mentions = named(text, names)
    taken = [(m.start, m.end) for m in mentions.found]
    own = {w for key in names.names for w in key}
    for column, much, little in _scales(names):
        if any(parts(v)[0] == column for v in mentions.of("value")):
            continue  # ``humidity over 80 when it's damp`` says its own limit
        for pattern, high in ((much, True), (little, False)):
            for found in re.finditer(rf"\b(?:{pattern})(?:er|est)?\b", text, re.IGNORECASE):
                inside = any(a < found.end() and found.start() < b for a, b in taken)
                if inside or set(words_of(found[0])) & own or not _BEFORE.search(text[: found.start()]):
                    continue
                condition, finding = _limit(case, column, high)
                if condition:
                    before = _WHEN.search(text[: found.start()])
                    start = before.start() if before is not None else found.start()
                    yield Quality(start, found.end(), found[0].lower(), condition, finding)


def _scales(names: Vocabulary) -> Iterator[tuple[str, str, str]]:
    """Columns of numbers that a scale is of; none where two columns are."""
    for about, much, little in _SCALES:
        mine = [
            c for c, values in names.attributes.items() if about & set(words_of(c)) and are_numbers(values)
        ]
        if len(mine) == 1:
            yield mine[0], much, little


def _limit(case: Case, column: str, high: bool) -> tuple[str, str]:
    """The condition, and the finding whose limit it has; empty where the column has no two numbers."""
    signs = (">", ">=") if high else ("<", "<=")
    for record in case.state().records.values():
        if record.finding.verdict != "confirmed":
            continue
        for one in conditions_behind(record.finding.slice):
            if one.name == column and one.op in signs and _is_number(one.value):
                return f"{column}{one.op}{one.value}", record.id
    table = case.table()
    if column not in table.columns:
        return "", ""
    values = np.asarray([v for v in table.columns[column] if _is_number(v)], np.float64)
    values = values[np.isfinite(values)]
    if len(values) < 2 or values.min() == values.max():
        return "", ""
    cut = float(np.quantile(values, 1 - THIRD if high else THIRD, method="inverted_cdf"))
    return f"{column}{'>=' if high else '<='}{number_text(cut)}", ""


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True


def _said(condition: str) -> str:
    name, sign, value = parts(condition)
    return f"{name.replace('_', ' ')} {sign} {value}"
