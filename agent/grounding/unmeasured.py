"""Numbers that state no measurement: bounds of a group, settings of what was done, what the person said, what is advised.

The bound of a group has to be one that a label or a sentence of the record holds, a setting one of the cited evidence, and
what is demanded a number that the person said; what is merely advised, or seen in pictures, no record could hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from failsight.agent.grounding.numbers import Number, numbers
from failsight.agent.grounding.reading import Reading
from failsight.agent.grounding.scope import Scope
from failsight.agent.state import CaseState

_LOOKING = ("look_at", "show_images")
_BOUND = re.compile(r"[<>≤≥]=? ?$")
_RANGE_FROM = re.compile(r"[(,] ?$")
_RANGE = re.compile(r" ?(?:to|–|-) ?[\d.,]+[),]")
_RANGE_END = re.compile(r"[(,] ?[\d.,]+ ?(?:to|–|-) ?$")
_LEVEL = re.compile(r"\b[pqn]\W{0,3}$", re.IGNORECASE)
_DEMAND_BEFORE = re.compile(
    r"(?:\b(?:not|against|what|your|want(?:ed|s)?|need(?:ed)?|than|to reach|reaching|asked for)|\b(?:no|none|not|never|nothing|nor)\b[^,;:]*\breach\w*"
    r"(?: quite)?)(?: (?:the|at least|about))* $",
    re.IGNORECASE,
)
_DEMAND_BEHIND = re.compile(
    r" ?(?:%|percent)?\W{0,2}(?: (?:accuracy|recall))? (?:means?|would (?:take|need|mean|require)|needs?|requires?|that you|you (?:want|asked|need))\b",
    re.IGNORECASE,
)
#: "I have noted your targets: 85 % overall and 75 % for film"
_NOTED = re.compile(
    r"\b(?:noted|(?:your|the) (?:targets?|goals?|demands?|requirements?))(?:\b(?!.*\b(?:reach\w*|miss\w*|gets?|got|now|today|measured|stands?|is at)\b)[^.;]*)$",
    re.IGNORECASE,
)
_TOWARDS = re.compile(r"\b(?:has|have|must|needs?|got) (?:to )?[^.;]*\bfrom [\d.]+ ?%(?: \[[^\]]*\] ?%?)?(?: \[E\d+\])? to $", re.IGNORECASE)  # fmt: skip
_MORE = ("above", "over", "from", "beyond", "more than", "at least")
_LIMIT_WORD = re.compile(
    r"\b(above|over|below|under|from|beyond|more than|less than|at least|at most) $", re.IGNORECASE
)
_LIMIT = re.compile(
    r"\b(?P<word>above|over|below|under|from|beyond|more than|less than|at least|at most) (?P<n>\d+(?:\.\d+)?) ?(?:%|percent|per cent)",
    re.IGNORECASE,
)
_ADVISED = re.compile(
    r"\b(?:I|we)(?: would(?! say\b| call\b| put\b| estimate\b| sum\b| expect\b)|'d| suggest| recommend| propose| need| could)\b|\bwhat (?:I|we) (?:would )?need\b|\b(?:need|would help) from you\b|"
    r"^\W*(?:a sensible (?:use|step)\b[^.]{0,4}|keep|look at|send|ask|open|running|run)\b",
    re.IGNORECASE,
)
_MEASURED = re.compile(r"\s?(?:%|of the\b|(?:\w+ )?(?:are|is|were|was|have|had)\b)")
_SEEN = re.compile(r"\b(?:I|we) (?:have )?(?:looked|saw|see|viewed)\b", re.IGNORECASE)
_DEFINITE = re.compile(r"\b(?:the|these|those|both|of the|each of the) $", re.IGNORECASE)
_OF_KIND = re.compile(
    r" (?:\w+ )?(?:rooms|classes|groups|categories|answers|words|lines|patterns|columns|kinds|others)\b(?! (?:are|were|is|was) (?:confirmed|refuted|wrong))|(?= by | in | of (?:them|these)|[.,;:)])"
)
_SAMPLE = re.compile(r" (?:\w+ )?(?:images|pictures|photos)\b")
_OR_MORE = re.compile(r"\b(\d+(?:\.\d+)?) points or more\b")
_SETTING = re.compile(r"\d+(?:\.\d+)?")


class Unmeasured:
    """The numbers of a case that are no results."""

    def __init__(self, state: CaseState) -> None:
        self._bounds = {float(t) for text in _labels(state) for t in _SETTING.findall(text.replace(",", ""))}
        self._settings = {
            e.id: {float(t) for v in e.arguments.values() if isinstance(v, str) for t in _SETTING.findall(v)}
            for e in state.evidence
        }
        self._least = {
            float(m[1]) for e in state.evidence for t in (e.summary, *e.notes) for m in _OR_MORE.finditer(t)
        } | {
            round(100 * float(f.value), 4)
            for e in state.evidence for f in e.facts
            if f.name == "minimum_effect" and isinstance(f.value, int | float)
        }  # fmt: skip
        self._samples = {e.id: e.arguments.get("max_images") for e in state.evidence}
        self.looked = any(e.tool.startswith(_LOOKING) for e in state.evidence)
        said = [n.value for s in state.said if s.role != "planner" for n in numbers(s.text, words=False)]
        self._limits = {
            (m["word"].lower() in _MORE, float(m["n"]))
            for s in state.said
            if s.role != "planner"
            for m in _LIMIT.finditer(s.text)
        }
        self._asked = {*said, *(100 * e.bound for e in state.expectations.values())}
        self.asked = sorted(v for v in self._asked if 50 <= v < 100)

    def __call__(self, number: Number, at: Reading, scope: Scope) -> bool:
        """Whether a number that no recorded value holds states nothing that one could."""
        before = at.text[at.sentence.start : number.start]
        after = at.text[number.end : at.sentence.end]
        return (
            self._is_bound(number, before, after)
            or self._is_setting(number, at, scope)
            or self._is_of_the_test(number, after)
            or self._is_demanded(number, before, after, head=scope.head)
            or (number.family == "plain" and self._is_no_result(number, at, before, after))
        )

    def _is_bound(self, number: Number, before: str, after: str) -> bool:
        """``brightness < 0.35``, ``(2.8 to 11, n = 36)``: a bound that the record has too."""
        written = _BOUND.search(before) is not None and _LEVEL.search(_BOUND.sub("", before)) is None
        ranged = _RANGE_FROM.search(before) and _RANGE.match(after)
        if not (written or ranged or _RANGE_END.search(before)) or number.family not in ("plain", "percent"):
            return False
        return any(abs(abs(number.value) - b) <= number.half * 1.0001 for b in self._bounds)

    def _is_setting(self, number: Number, at: Reading, scope: Scope) -> bool:
        """``the outer 10 %``: an argument of the evidence that the sentence cites, else its line, else the lines over it."""
        if number.word or number.signed or number.family not in ("plain", "percent"):
            return False
        ids = at.whole.evidence or scope.near or scope.over
        if _SAMPLE.match(at.text, number.end) and any(self._samples.get(i) == number.value for i in ids):
            return True
        shares = (v for i in ids for v in self._settings.get(i, ()) if 0 < v < 1)
        return number.family == "percent" and any(abs(number.value - 100 * v) < 1e-6 for v in shares)

    def _is_of_the_test(self, number: Number, after: str) -> bool:
        """``a gap of five points or more``: how large the record says that a gap has to be to count."""
        if number.family != "points" or not re.match(r",? or (?:more|larger|above)\b", after):
            return False
        return abs(number.value) in self._least

    def _is_demanded(self, number: Number, before: str, after: str, *, head: bool) -> bool:
        """``90 % would take …``, ``above 90 %``: what the person asked for, or about, or a limit in the person's words."""
        if number.word or number.family != "percent" or number.value not in self._asked:
            return False
        limit = _LIMIT_WORD.search(before)
        if limit is not None and (limit[1].lower() in _MORE, number.value) in self._limits:
            return True
        return head or bool(
            _DEMAND_BEFORE.search(before)
            or _NOTED.search(before)
            or _TOWARDS.search(before)
            or _DEMAND_BEHIND.match(after)
        )

    def _is_no_result(self, number: Number, at: Reading, before: str, after: str) -> bool:
        """What is advised, what was seen in pictures, and ``the two rooms`` that were spoken of."""
        if number.word and _DEFINITE.search(before) and _OF_KIND.match(after):
            return True
        if number.word and self.looked and _SEEN.search(at.part):
            return True
        return _ADVISED.search(at.part) is not None and not _MEASURED.match(after)


def _labels(state: CaseState) -> Iterable[str]:
    """The labels by which the record tells groups apart, and its sentences."""
    for made in state.evidence:
        yield from (f.of for f in made.facts)
        yield from (str(c) for t in made.tables for r in t.rows for c in r if isinstance(c, str))
        yield from (made.summary, *made.notes)
    for record in state.records.values():
        yield record.finding.statement
        yield from (str(v) for v in (record.finding.slice or {}).values())
