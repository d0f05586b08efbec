"""What a record settles without a number in the sentence: balance, labels, copies, likeness of splits, what was done with which tool.

Each property is a pattern with its sense, and a value that the record gives for a split or for everything. A sentence
that says the contrary is wrong; one about a split for which the record has no value is left to the other rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from failsight.agent.grounding.claims import Claim, weighed
from failsight.agent.grounding.hedges import hedged
from failsight.agent.grounding.reading import Reading
from failsight.agent.state import CaseState
from failsight.tools.evidence import Evidence, Fact

_EVEN = 1.5  # most frequent class to rarest one: balanced below
_APART = 0.5  # standard deviations by which a measurement has to move before pictures are said to differ
_NOT = re.compile(
    r"\b(?:not?|none|never|nothing|neither|nor|without|hardly|barely|zero|isn't|aren't|wasn't|weren't|don't|doesn't|didn't|haven't|hasn't|cannot|can't|free of)\b|\b0\b",
    re.IGNORECASE,
)
_BALANCE = re.compile(
    r"(?P<even>\b(?:well )?balanced\b|\bevenly (?:spread|distributed|represented|split)\b|\b(?:equal|same|even) (?:number|share|amount|mix|class)|\bequally (?:often|frequent|represented|large|many)\b|\bsame size\b|\beven (?:class )?distribution\b)|"
    r"(?P<odd>\bimbalanc\w*|\bunbalanced\b|\bskew\w*|\boutnumber\w*|\bdominat\w+ (?:by|the (?:training|evaluation|set|data))|\buneven\w*|\bunequal\w*|\blop-?sided\b|\b(?:over|under)-?represented class)",
    re.IGNORECASE,
)
_LABELS = re.compile(
    r"(?P<none>\bunlabell?ed\b|\b(?:no|without|lack(?:s|ing)?|missing|carry no|have no|has no|came without|come without) (?:any |class |ground[- ]truth )?labels?\b|\bnot labell?ed\b|\blabels? (?:(?:of|for) (?:the )?[\w ]{3,30} )?(?:are|is|were) missing\b)|"
    r"(?P<all>\b(?:fully |all )?labell?ed\b|\b(?:have|has|carry|carries|come with|came with|with) (?:class |ground[- ]truth )?labels\b)",
    re.IGNORECASE,
)
_LABEL_WORDS = re.compile(
    r"as\b|collect|propos|at least|more|\d ?labell?ed|unlabell?ed deployment", re.IGNORECASE
)
_COPIES = re.compile(
    r"\boccurs? twice\b|\bexact(?:ly)? (?:cop(?:y|ies)|duplicates?|the same)\b|\bexact \w+ (?:cop(?:y|ies)|duplicates?)\b|(?<!near-)(?<!near )\bduplicate[sd]?\b|\bidentical (?:images|pictures|copies)\b|\bappears? (?:more than once|twice)\b|\bcopies (?:across|between|among|in)\b|\bfound (?:\w+ )?copies\b",
    re.IGNORECASE,
)
_LEAKS = re.compile(
    r"\bleak\w*(?! into (?!(?:\w+ ){0,2}(?:train|eval|test|deploy|valid|data|set|split)\w*))|\bcop(?:y|ies) of (?:a )?training\b|\b(?:also )?occurs? in (?:the )?training\b|\b(?:slipped|crept|found (?:its|their) way|got|strayed) into\b|\bcontaminat\w+|\balso (?:in|among) (?:the )?training\b|\boverlaps? (?:with )?(?:the )?training\b",
    re.IGNORECASE,
)
_CLASH = re.compile(r"\b(?:contradict\w*|conflicting|different) labels\b", re.IGNORECASE)
_ALIKE = re.compile(
    r"(?P<same>\blooks? (?:just |exactly |much |very much |almost )?(?:like|the same|alike|identical)\b|\b(?:are|is) (?:\w+ly |almost )?(?:indistinguishable|identical|the same|similar|alike)\b|\b(?:hardly|barely|scarcely) (?:differs?|different)\b|\b(?:hardly|barely|scarcely) any difference\b|\b(?:nothing|little) (?:\w+ )?(?:sets|separates|distinguishes)\b|\b(?:do|does)(?: not|n't) differ\b|\bno (?:\w+ )?difference\b|\bmatch(?:es)? the\b|\b(?:have|has|share) (?:\w+ )?(?:the )?(?:same|similar|identical) )|"
    r"(?P<differ>\bdiffers?\b|\b(?:are|is|look|looks) (?:\w+ )?different\b|\bdifferent (?:world|from)\b|\bunlike\b)",
    re.IGNORECASE,
)
_OF_PICTURES = re.compile(
    r"\b(?:images?|pictures?|photos?|sets?|brightness|contrast|sharpness|saturation|colou?rfulness|jpeg|quality|measur\w+|look|data)\b",
    re.IGNORECASE,
)
_MEASURED = {
    "brightness": r"bright|dark", "contrast": r"contrast", "saturation": r"saturat", "sharpness": r"sharp|blur",
    "colourfulness": r"colou?rful", "jpeg quality": r"jpeg|compress", "file size": r"file size|\bfiles\b",
}  # fmt: skip
_DIFFERS_MOST = re.compile(
    r"\b(?:differs?|chang\w+|mov\w+|shift\w*|stands? out|(?:is|are) (?:furthest|farthest) apart)\b(?: \w+){0,3}? (?P<word>most|furthest|least)\b|\b(?:largest|biggest|greatest|strongest|most marked) (?:\w+ )?(?:difference|change|shift|gap)\b",
    re.IGNORECASE,
)
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_COUNT_OF = re.compile(
    rf"\b(?P<n>{'|'.join(_NUMBERS)}|\d+) (?:out )?of (?:the )?(?P<m>{'|'.join(_NUMBERS)}|\d+)\b",
    re.IGNORECASE,
)
_SIGNIFICANTLY = re.compile(r"\bsignifican\w+", re.IGNORECASE)
_DIFFERING = re.compile(r"\bdiffer\w*|\bchang\w+|\bmov(?:es?|ed)\b", re.IGNORECASE)
_LOOKS = re.compile(
    r"\b(?:brighter|darker|dimmer|blurrier|sharper|less sharp|less blurr\w+|more blurr\w+|less bright|more saturated|less saturated|more contrast|less contrast|(?:more|less) (?:heavily |strongly )?compressed|more colou?rful|less colou?rful)\b",
    re.IGNORECASE,
)
_SIZE = re.compile(
    r"\b(?P<w>\d{2,5}) ?(?:×|x|by) ?(?P<h>\d{2,5})\b(?= ?(?:px|pixels?|images?|pictures?|instead|rather|not|against|and|,|\.|$))",
    re.IGNORECASE,
)
_POINTS_TO = re.compile(
    r"\bpoints? (?:to|at)\b (?:the )?(?:\w+ ){0,2}?(?P<what>data|training|model|preprocessing|deployment)\b",
    re.IGNORECASE,
)
_SPLIT_WORDS = {
    "train": "training images",
    "deploy": "deployment images",
    "pool": "pool images",
    "data": "evaluation images",
}


_TOPIC = re.compile(r"\W*(?:(?:from|into|in|of) [^.:;|]{0,40})?(?:\*\*)?(?:[:|]| \[)")
_PART_OF = re.compile(r"^\W*\d[\d,]* of (?:the )?\d[\d,]* [^.;]*$")
_SO_MANY = re.compile(r"\d[\d,]* $")


def _is_topic(at: Reading, match: re.Match[str]) -> bool:
    """``**Leakage:** …``: what a line is on, and not that there is any."""
    lead = at.part[: match.start()]
    return re.fullmatch(r"[\W\d]*", lead) is not None and _TOPIC.match(at.part, match.end()) is not None


class Properties:
    """Settled properties of a case."""

    def __init__(self, state: CaseState) -> None:
        self._facts: dict[tuple[str, str], tuple[Fact, str]] = {}
        for made in state.evidence:
            for fact in made.facts:
                split = re.search(r"split (\w+)", fact.of)
                if isinstance(fact.value, int | float) and (not fact.of or split):
                    self._facts[fact.name, split[1] if split else "data"] = fact, made.id
        self._unlabelled = dict(_column(state, "unlabelled"))
        self._shifts = dict(_shifts(state, "standardised difference"))
        self._distances = {k: v[0] for k, v in _shifts(state, "distance")}
        self._levels = {k: v[0] for k, v in _shifts(state, "q")}
        self._families = dict(_families(state))

    def claims(self, at: Reading) -> Iterator[Claim]:
        """What a sentence says of them, checked."""
        yield from self._balance(at)
        yield from self._labels(at)
        yield from self._counts(at)
        yield from self._likeness(at)
        yield from self._pointing(at)
        yield from self._most(at)
        yield from self._size(at)
        yield from self._moved(at)

    def _value(self, name: str, split: str) -> tuple[float, str] | None:
        found = self._facts.get((name, split))
        return (
            (float(found[0].value), found[1]) if found and isinstance(found[0].value, int | float) else None
        )

    def _balance(self, at: Reading) -> Iterator[Claim]:
        match = _BALANCE.search(at.part)
        if match is not None and re.match(r" (?:is |of )?\d", at.part[match.end() :]):
            return  # the quantity, with its value
        if (
            match is None
            or hedged(at.part, match.start())
            or re.search(r"\baccuracy\b|\bat equal\b", at.part, re.IGNORECASE)
        ):
            return
        if at.pairs or re.match(r"\W*the (?:mix-?up|confusion)", at.part, re.IGNORECASE):
            return  # which way a confusion goes
        splits = at.whole.splits or {"data"}
        found = [v for s in splits if (v := self._value("class_imbalance", s)) is not None]
        if not found or at.whole.attributes:
            return
        even = all(v <= _EVEN for v, _ in found)
        yield _said(at, match, even == ((match["even"] is not None) != _denied(at, match)), found[0][1])

    def _labels(self, at: Reading) -> Iterator[Claim]:
        match = _LABELS.search(at.part)
        if match is None or not at.whole.splits or hedged(at.part, match.start()):
            return
        if _SO_MANY.search(at.part[: match.start()]):
            return  # so many of them, checked as a number
        if _LABEL_WORDS.match(at.part[match.end() :].lstrip()) or re.search(
            r"collect|propos|\bat least\b|re-?estimat", at.part, re.IGNORECASE
        ):
            return
        splits = [m.name for m in at.mentions if m.kind == "split"]
        near = min(
            splits,
            key=lambda s: min(
                abs(m.start - at.sentence.start - match.start()) for m in at.mentions if m.name == s
            ),
        )
        found = self._unlabelled.get(near)
        if found is not None:
            twice = match["none"] is not None and re.search(r"\bnot $", at.part[: match.start()])
            says_none = not twice and (match["none"] is not None) != (
                _denied(at, match) and match["none"] is None
            )
            yield _said(at, match, (found[0] > 0) == says_none, found[1])

    def _counts(self, at: Reading) -> Iterator[Claim]:
        """Copies, leaks and contradictory labels: there are some or none."""
        for pattern, name in (
            (_COPIES, "exact_duplicates"),
            (_LEAKS, "leaked_share"),
            (_CLASH, "contradictory_pictures"),
        ):
            match = pattern.search(at.part)
            if (
                match is None
                or hedged(at.part, match.start())
                or re.search(r"\b(?:alike|resembl\w+|candidates?|near)\b", at.part)
                or _is_topic(at, match)
                or _PART_OF.search(at.part[: match.start()])  # a count that is checked as a number
            ):
                continue
            found = next(
                (v for s in ("data", *at.whole.splits) if (v := self._value(name, s)) is not None), None
            )
            if found is not None:
                some = found[0] > 0
                says_some = _NOT.search(at.part[: match.end()]) is None and not re.match(
                    r"\W*(?:(?:is|are|was|were) )?(?:0|zero|none|no|not)\b|[^.,]*\b(?:is|are) (?:0|zero|none)\b",
                    at.part[match.end() :],
                )
                yield _said(at, match, some == says_some, found[1])

    def _likeness(self, at: Reading) -> Iterator[Claim]:
        """Whether the pictures of two splits look alike, as a whole or in one measurement."""
        match = _ALIKE.search(at.part)
        if (
            match is None
            or hedged(at.part, match.start())
            or not _OF_PICTURES.search(at.part)
            or at.whole.attributes
            or at.whole.classes
        ):
            return
        splits = at.whole.splits | ({"data"} if len(at.whole.splits) == 1 else set())
        moved = self._shifts.get(frozenset(splits))
        if re.search(r"\ba (?:little|bit)\b|\bslight|\bsignifican|\bsomewhat\b", at.part):
            return
        if moved is None and len(splits) == 2 and "deploy" in splits:
            others = [m for pair, m in self._shifts.items() if "deploy" in pair]
            same = [
                m
                for pair, m in self._shifts.items()
                if pair == (splits - {"deploy"}) | {"data"} and max(m[0].values(), default=9) < _APART
            ]
            moved = others[0] if others and same else None  # one of them looks like a third that was
        if moved is None or re.search(r"\bclass(?:es)? (?:mix|proportions?)\b", at.part):
            return
        named = [
            n
            for n, p in _MEASURED.items()
            if re.search(p, at.part[max(0, match.start() - 70) :], re.IGNORECASE) and n in moved[0]
        ]
        sizes = [moved[0][n] for n in named] or [max(moved[0].values(), default=0.0)]
        differ = max(sizes) >= _APART
        yield _said(at, match, differ == ((match["differ"] is not None) != _denied(at, match)), moved[1])

    def _moved(self, at: Reading) -> Iterator[Claim]:
        """``The pool is darker``: a measurement that did not change significantly was not found to differ."""
        match = _LOOKS.search(at.part) or (
            _DIFFERING.search(at.part) if _SIGNIFICANTLY.search(at.part) else None
        )
        if match is None or hedged(at.part, match.start()) or at.whole.entities:
            return
        splits = at.whole.splits | ({"data"} if len(at.whole.splits) == 1 else set())
        levels = self._levels.get(frozenset(splits), {})
        spoken = at.part if match.re is _DIFFERING else match[0]
        named = next((n for n, p in _MEASURED.items() if re.search(p, spoken, re.IGNORECASE)), "")
        said = _SIGNIFICANTLY.search(at.part)
        if said is not None and named in levels:
            denied = _NOT.search(re.sub(r"\bno\b(?! sig)", "", at.part[: said.start()])) is not None
            yield _said(at, said, (levels[named] <= 0.05) != denied, "")
        elif levels.get(named, 0.0) > 0.05 and not _denied(at, match):
            yield _said(at, match, False, "")

    def _size(self, at: Reading) -> Iterator[Claim]:
        """``96 by 96 pixels``: the size of an image or of the input."""
        match = _SIZE.search(at.part)
        if match is None:
            return
        known = {
            float(f.value)
            for (name, _), (f, _) in self._facts.items()
            if re.search(r"width|height", name) and isinstance(f.value, int | float)
        }
        if known:
            every = list(_SIZE.finditer(at.part))
            match = next((m for m in every if not {float(m["w"]), float(m["h"])} <= known), match)
            yield _said(
                at,
                match,
                {float(match["w"]), float(match["h"])} <= known,
                next(iter(self._facts.values()))[1],
            )

    def _most(self, at: Reading) -> Iterator[Claim]:
        """``Deployment differs most from evaluation in JPEG quality``: by one of the measures of difference."""
        match = _DIFFERS_MOST.search(at.part)
        splits = at.whole.splits | ({"data"} if len(at.whole.splits) == 1 else set())
        moved = self._shifts.get(frozenset(splits) if splits else frozenset({"data", "deploy"}))
        if match is None or moved is None or hedged(at.part, match.start()) or at.whole.entities:
            return
        named = sorted(
            (m.start(), n)
            for n, p in _MEASURED.items()
            if (m := re.search(p, at.part, re.IGNORECASE)) and n in moved[0]
        )
        if named:
            ahead = [n for spot, n in named if spot < match.start()]
            who = (
                ahead[0]
                if ahead
                and re.search(r"\bfollowed\b|\bthen\b|\bahead of\b|\bbefore\b|\bwhere\b|\bwhat\b", at.part)
                else (ahead[-1] if ahead else named[0][1])
            )
            pick = min if match["word"] == "least" else max
            ok = any(
                pick(sizes, key=lambda n: sizes[n]) == who
                for sizes in (moved[0], self._distances.get(frozenset(splits), moved[0]))
                if sizes
            )
            yield _said(at, match, ok, moved[1])

    def _pointing(self, at: Reading) -> Iterator[Claim]:
        """``Most of the treated findings point to the data``."""
        match = _POINTS_TO.search(at.part)
        counted = _COUNT_OF.search(at.part[: match.start()]) if match else None
        if match is not None and counted is not None and self._families:
            family = {"data": "dataset"}.get(match["what"].lower(), match["what"].lower())
            ok = self._families.get(family, 0) == _number(counted["n"]) and sum(
                self._families.values()
            ) == _number(counted["m"])
            yield _said(at, match, ok, "")
            return
        amount = re.search(
            r"\b(?P<most>most|majority|mainly|mostly|bulk|nearly all|almost all)\b|\b(?P<few>few|minority|hardly any|none)\b",
            at.part[: match.start()] if match else "",
            re.IGNORECASE,
        )
        if match is None or amount is None or not self._families:
            return
        total = sum(self._families.values())
        family = {"data": "dataset", "training": "training", "model": "model"}.get(
            match["what"].lower(), match["what"].lower()
        )
        share = self._families.get(family, 0) / total
        yield _said(at, match, (share > 0.5) == (amount["most"] is not None), "")


def _said(at: Reading, match: re.Match[str], ok: bool, ref: str) -> Claim:
    start = at.sentence.start + match.start()
    return weighed(
        "status", start, start + len(match[0]), ok, (ref,) if ok and ref else (), "the record says otherwise"
    )


def _number(word: str) -> int:
    return int(word) if word.isdigit() else _NUMBERS.index(word.lower())


def _denied(at: Reading, match: re.Match[str]) -> bool:
    return _NOT.search(at.part[max(0, match.start() - 30) : match.start()]) is not None


def _column(state: CaseState, column: str) -> Iterator[tuple[str, tuple[float, str]]]:
    """Split → the number of a column of a table whose rows are splits."""
    words = {v: k for k, v in _SPLIT_WORDS.items()}
    for made in state.evidence:
        for table in made.tables:
            if column in table.columns:
                at = table.columns.index(column)
                for row in table.rows:
                    if str(row[0]) in words and isinstance(row[at], int | float):
                        yield words[str(row[0])], (float(row[at] or 0), made.id)


def _shifts(state: CaseState, column: str) -> Iterator[tuple[frozenset[str], tuple[dict[str, float], str]]]:
    """Two splits → by how many standard deviations each measurement differs between them."""
    words = {v: k for k, v in _SPLIT_WORDS.items()}
    for made in state.evidence:
        for table in made.tables:
            sides = frozenset(words[c] for c in table.columns if c in words)
            if len(sides) == 2 and column in table.columns:
                at = table.columns.index(column)
                yield sides, (dict(_sizes(table.rows, at)), made.id)


def _sizes(rows: object, at: int) -> Iterator[tuple[str, float]]:
    for row in rows if isinstance(rows, list | tuple) else ():
        try:
            yield str(row[0]), abs(float(str(row[at]).replace("−", "-").removeprefix("< ")))
        except ValueError:
            continue


def _families(state: CaseState) -> Mapping[str, int]:
    """To what the findings that were treated point: the family of the first proposal for each."""
    made: dict[str, int] = {}
    latest: Evidence | None = state.latest("propose_correction")
    seen: set[str] = set()
    for correction in latest.corrections if latest is not None else ():
        if correction.finding not in seen:
            seen.add(correction.finding)
            made[correction.family] = made.get(correction.family, 0) + 1
    return made
