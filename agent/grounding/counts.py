"""How many classes lie beyond a threshold, how many findings are of a kind, and who comes first: counted in the record."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from failsight.agent.grounding.claims import Claim, weighed
from failsight.agent.grounding.hedges import hedged
from failsight.agent.grounding.measures import Measures
from failsight.agent.grounding.names import only
from failsight.agent.grounding.numbers import Number
from failsight.agent.grounding.operators import NEGATOR, Clause, clauses
from failsight.agent.grounding.reading import Reading
from failsight.agent.grounding.wording import quantity
from failsight.agent.state import CaseState

_MANY = {
    w: n
    for n, w in enumerate(
        ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    )
}
_MANY |= {"none": 0, "all": -1, "every": -1, "both": 2, "neither": 0, "each": -1, "a single": 1}
_CLASSES = re.compile(
    r"\b(?P<n>no|none|one|two|three|four|five|six|seven|eight|nine|ten|all|every|each|\d{1,2})\b(?P<rest>(?: of (?:the|your|its|all))*(?: (?:five|four|three|six|\d+|other|remaining|others|of them|the))* ?(?:class(?:es)?|rooms?|categories|others?))\b",
    re.IGNORECASE,
)
_BEYOND = re.compile(
    r"\b(?:(?P<above>above|over|exceed(?:s|ing)?|more than|at least|beyond|past|clears?|reach(?:es)?|tops?|beats?)|(?P<below>below|under|less than|fewer than|short of|beneath|miss(?:es)?|lower than|at most))\b(?: (?:the|your|a|an|their|demanded|required|about|even))* ?$",
    re.IGNORECASE,
)
_QUANTITY = (
    (re.compile(r"\bprecision\b|\btrust", re.IGNORECASE), "precision"), (re.compile(r"\bf1\b", re.IGNORECASE), "f1"),
    (re.compile(r"\brecall\b|recogni[sz]|\bfound\b|threshold|\bbar\b", re.IGNORECASE), "recall"),
)  # fmt: skip
_ALWAYS = re.compile(
    r"\b(?:(?P<often>(?:nearly|almost|practically|virtually) always|almost without exception|with confidence|blindly|safely)|(?:hardly|scarcely|almost never|rarely|seldom)(?: ever)?)\b",
    re.IGNORECASE,
)
_BELIEVE = re.compile(
    r"\bbeliev\w*|\btrust\w*|\brel(?:y|ies) on\b|\bbank on\b|\btake its word\b|\bcount on\b", re.IGNORECASE
)
_EVEN_ODDS = re.compile(
    r"\b(?:right|wrong|correct|incorrect)(?:ly)? (?:almost |about |nearly |roughly |just )?as often as (?:it is |they are |it's |not |not being )?(?:right|wrong|correct|incorrect)?",
    re.IGNORECASE,
)
_OTHER_WAY = re.compile(
    r"\b(?P<way>more|less) (?:often|frequently|commonly) than (?:the other way(?: round| around)?|vice versa|the reverse|the opposite|in the other direction)\b",
    re.IGNORECASE,
)
_AVERAGE = re.compile(
    r"\bmore than (?:the )?(?:average|overall|mean)(?: drop| loss)?\b|\babove(?: the)? average\b",
    re.IGNORECASE,
)
_LOSS = re.compile(r"\b(?:los\w+|drop\w*|fall\w*|suffer\w*|hit|declin\w*)\b", re.IGNORECASE)
_ORDINAL = re.compile(
    r"^(?:s|es)?(?: (?:comes?|ranks?|is|takes?|stands?|being|in|at|as|the|place))* (?P<nth>first|second|third|fourth|last)\b(?! (?:half|time|step|proposal|thing))",
    re.IGNORECASE,
)
_PLACES = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": 99}
_LOWEST = re.compile(r"\b(?:lowest|worst|weakest|smallest|least|fewest|from the bottom)\b", re.IGNORECASE)
_COST = re.compile(
    r"\b(?:cost\w*|at stake|excess|lever\w*|biggest problem|most errors|impact\w*)\b", re.IGNORECASE
)
_FIRST = re.compile(r"\b(?:most|biggest|largest|highest|costliest|top|greatest|worst)\b", re.IGNORECASE)
_LEAST = re.compile(r"\b(?:least|fewest|smallest|lowest)\b", re.IGNORECASE)


class Counts:
    """What can be counted in a record without being told there."""

    def __init__(self, state: CaseState, measures: Measures, classes: Sequence[str]) -> None:
        self._measures, self._classes = measures, classes
        self._kinds: dict[str, int] = {}
        for record in state.records.values():
            if record.finding.verdict == "confirmed":
                self._kinds[record.finding.kind] = self._kinds.get(record.finding.kind, 0) + 1

    def claims(self, at: Reading, inside: Sequence[Number]) -> Iterator[Claim]:
        """Counts and orders of a sentence, checked."""
        found = [
            *self._beyond(at, inside), *self._average(at),             *self._of_kind(at), *self._one_way(at),
            *self._even_odds(at), *self._ordered(at), *self._costliest(at),
        ]  # fmt: skip
        yield from self._believed(at)
        yield from (c for c in found if not hedged(at.part, c.start - at.sentence.start))

    def _beyond(self, at: Reading, inside: Sequence[Number]) -> Iterator[Claim]:
        """``Four of the five classes exceed 70 % precision``."""
        for part in clauses(at):
            match = _CLASSES.search(part.text)
            if match is None or part.of("attribute") or NEGATOR.search(part.text[match.end() :]):
                continue
            for number in inside:
                if (
                    number.family != "percent"
                    or number.word
                    or not part.start <= number.start < part.start + len(part.text)
                ):
                    continue
                side = _BEYOND.search(part.text[: number.start - part.start])
                if side is None or side.start() < match.start():
                    continue
                metric = next((m for words, m in _QUANTITY if words.search(part.text)), "")
                split = only(part.names("split") or at.about.splits) or "data"
                values = self._measures.by_class(metric, split) if metric else {}
                if len(values) < 2:
                    continue
                beyond = {c for c, (v, _) in values.items() if (v > number.value) == bool(side["above"])}
                said = match["n"].lower()
                many = int(said) if said.isdigit() else _MANY[said]
                named = part.names("class")
                ok = len(beyond) == (len(values) if many < 0 else many)
                ok = ok and (not named or many < 0 or named == beyond or len(named) != many)
                ref = next(iter(values.values()))[1]
                start = part.start + match.start()
                yield weighed("rank", start, number.end, ok, (ref,), "the record counts others")

    def _average(self, at: Reading) -> Iterator[Claim]:
        """``Two classes suffer more than the average drop in deployment: bathroom and living room``."""
        match, many = _AVERAGE.search(at.part), _CLASSES.search(at.part)
        if match is None or many is None or not _LOSS.search(at.part) or at.whole.attributes:
            return
        values = self._measures.by_class("drop", "deploy")
        whole = (
            self._measures.value("accuracy", _side("data")),
            self._measures.value("accuracy", _side("deploy")),
        )
        if len(values) < 2 or whole[0] is None or whole[1] is None:
            return
        drop = whole[0][0] - whole[1][0]
        beyond = {c for c, (v, _) in values.items() if v > drop}
        said = many["n"].lower()
        count = int(said) if said.isdigit() else _MANY[said]
        ok = len(beyond) == (len(values) if count < 0 else count) and (
            len(at.whole.classes) != count or at.whole.classes == beyond
        )
        start = at.sentence.start + many.start()
        yield weighed(
            "rank", start, at.sentence.start + max(match.end(), many.end()), ok, (next(iter(values.values()))[1],), "the record counts others",
        )  # fmt: skip

    def _believed(self, at: Reading) -> Iterator[Claim]:
        """``If it says living room, you can nearly always believe it``."""
        match = next(
            (m for m in _ALWAYS.finditer(at.part) if _BELIEVE.search(at.part, m.end(), m.end() + 30)), None
        )
        if match is None or len(at.whole.classes) != 1 or at.whole.attributes or not _BELIEVE.search(at.part):
            return
        found = self._measures.by_class("precision", only(at.about.splits) or "data").get(
            only(at.whole.classes)
        )
        if found is not None and not NEGATOR.search(at.part[: match.start()]):
            low, high = (80.0, 100.0) if match["often"] else (0.0, 30.0)
            start = at.sentence.start + match.start()
            ok = low <= found[0] <= high
            yield weighed("rank", start, start + len(match[0]), ok, (found[1],), "it is not as often")

    def _even_odds(self, at: Reading) -> Iterator[Claim]:
        """``Where it says living room, it is wrong almost as often as it is right``."""
        match = _EVEN_ODDS.search(at.part)
        if (
            match is None
            or len(at.whole.classes) > 1
            or at.whole.attributes
            or hedged(at.part, match.start())
        ):
            return
        split = only(at.about.splits) or "data"
        said = re.search(r"\b(?:say|says|answer\w*|call\w*|predict\w*)\b", at.part, re.IGNORECASE)
        values = self._measures.by_class("precision" if said else "recall", split)
        found = (
            values.get(only(at.whole.classes))
            if at.whole.classes
            else self._measures.value("accuracy", _side(split))
        )
        if found is not None:
            start = at.sentence.start + match.start()
            yield weighed(
                "rank", start, start + len(match[0]), 38 <= found[0] <= 62, (found[1],), "it is not as often"
            )

    def _one_way(self, at: Reading) -> Iterator[Claim]:
        """``Living rooms end up as bedrooms more often than the other way round``."""
        match = _OTHER_WAY.search(at.part)
        if (
            match is None
            or len(at.pairs) != 1
            or at.whole.attributes
            or NEGATOR.search(at.part[: match.start()])
        ):
            return
        pairs = self._measures.by_pair(only(at.about.splits) or "data")
        one, other = at.pairs[0]
        there, back = pairs.get((one, other), (0.0, ""))[0], pairs.get((other, one), (0.0, ""))[0]
        if there or back:
            more = match["way"].lower() == "more"
            start = at.sentence.start + match.start()
            ref = pairs.get((one, other), pairs.get((other, one), (0.0, "")))[1]
            yield weighed(
                "comparison",
                start,
                start + len(match[0]),
                (there > back) == more,
                (ref,),
                "it is the other way",
            )

    def _of_kind(self, at: Reading) -> Iterator[Claim]:
        """``four are rare cases and six are spurious correlations``."""
        if re.search(
            r"\bmask|\bproven|\bprove|\bexperiment|\btest|\btreated|\bclass\b", at.part, re.IGNORECASE
        ):
            return
        for kind, many in self._kinds.items():
            words = kind.replace("_", " ")
            match = re.search(
                rf"\b(?P<n>one|two|three|four|five|six|seven|eight|nine|ten|\d{{1,2}}) (?:(?:are|is|of them are|were|concern|confirmed|the) )*{words}s?\b",
                at.part,
                re.IGNORECASE,
            )
            if match is not None and not at.whole.entities:
                said = match["n"].lower()
                ok = (int(said) if said.isdigit() else _MANY[said]) == many
                start = at.sentence.start + match.start()
                yield weighed("rank", start, start + len(match[0]), ok, (), "the record counts others")

    def _ordered(self, at: Reading) -> Iterator[Claim]:
        """``By drop in deployment, bathroom comes first and living room second``."""
        places: list[tuple[int, str, int]] = []
        for mention in at.mentions:
            if mention.kind != "class":
                continue
            match = _ORDINAL.match(at.text[mention.end : mention.end + 40])
            if match is not None:
                places.append((_PLACES[match["nth"].lower()], mention.name, mention.start))
        if len(places) < 2 or at.pairs or at.whole.attributes or len({p for p, _, _ in places}) < len(places):
            return
        metric, sense = quantity(at.part, 0) if not _LOSS.search(at.part) else ("drop", 1)
        metric = {"accuracy": "recall", "error": "recall"}.get(metric, metric)
        split = only(at.about.splits) or "data"
        values = self._measures.by_class(metric, "deploy" if metric == "drop" and split == "data" else split)
        if any(name not in values for _, name, _ in places):
            return
        row = [values[name][0] for _, name, _ in sorted(places)]
        low = _LOWEST.search(at.part) is not None
        ok = row == sorted(row, reverse=(sense > 0) != low)
        start = places[0][2]
        yield weighed("rank", start, start + 1, ok, (values[places[0][1]][1],), "the order is another")

    def _costliest(self, at: Reading) -> Iterator[Claim]:
        """``F1 costs the most errors of all findings``."""
        ids = [m for m in at.mentions if m.kind == "finding"]
        if not ids or not _COST.search(at.part) or at.whole.entities:
            return
        part = next((p for p in clauses(at) if p.of("finding") and _COST.search(p.text)), None)
        if (
            part is None
            or NEGATOR.search(part.text)
            or re.search(r"\b(?:second|third|next|after|of the)\b", part.text)
        ):
            return
        most, least = _FIRST.search(part.text), _LEAST.search(part.text)
        values: Mapping[Any, tuple[float, str]] = self._measures.by_finding("excess")
        first = part.of("finding")[0].name
        match = most or least
        if match is None or (most and least) or first not in values or len(values) < 2:
            return
        best = (max if most else min)(v for v, _ in values.values())
        start = part.start + match.start()
        yield weighed(
            "rank",
            start,
            start + len(match[0]),
            values[first][0] == best,
            (values[first][1],),
            "another one is",
        )


def _side(split: str) -> Any:
    from failsight.agent.grounding.measures import Side

    return Side(split=split)


__all__ = ["Clause", "Counts"]
