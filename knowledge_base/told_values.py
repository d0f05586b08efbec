"""Values and limits that a sentence tells of a column beside its name: ``line 3``, ``wards A and B``, ``lamp hours over 800``.

What can't be told by itself (a numeral, a letter, ``yes``) is a value where its column stands beside it. A limit on a column of numbers is
read with the whole name of the column, with a part of it (``lamps with more than 800 hours``) or with its unit (``above 40 cm``), as long
as one column alone fits. Each becomes one name of the sentence, with the role ``value`` and the condition as its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from failsight.knowledge_base.calendar import decade_of, times_in
from failsight.knowledge_base.condition_text import column_of, either, parts
from failsight.knowledge_base.own_words import own_words
from failsight.knowledge_base.people import are_numbers, is_age
from failsight.knowledge_base.vocabulary import (
    Mention,
    Mentions,
    Vocabulary,
    masked,
    tellable,
    words_of,
)

Columns = Mapping[str, Sequence[str]]
_WORDS_TEXT: Final = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty"
NUMERALS: Final = {w: str(n) for n, w in enumerate(_WORDS_TEXT.split())}
_N: Final = r"(?P<n>-?\d{1,3}(?:,\d{3})+(?:\.\d+)?|-?\d+(?:\.\d+)?)(?![\w.,]*\d)"
_OVER: Final = r"more than|over|above|greater than|higher than|larger than|bigger than|longer than|older than|taller than|heavier than|faster than|later than|beyond|past|exceeding|exceeds?|>"
_LEAST: Final = (
    r"at least|no less than|not less than|not under|not below|minimum(?: of)?|since|starting (?:at|from)|>=|≥"
)
_UNDER: Final = r"less than|under|below|lower than|fewer than|smaller than|shorter than|younger than|lighter than|slower than|earlier than|<"
_MOST: Final = r"at most|no more than|not more than|not over|not above|up to|until|maximum(?: of)?|<=|≤"
_OPS: Final = ((_LEAST, ">="), (_MOST, "<="), (_OVER, ">"), (_UNDER, "<"))
_OP: Final = rf"(?P<op>{_LEAST}|{_MOST}|{_OVER}|{_UNDER})"
_TIME: Final = {"after": ">", "before": "<"}
_MORE: Final = r"(?: ?(?!(?:and|or)\b)(?P<unit>(?:[^\W\d_]+|°[cf]?|[€$£]|m[²2])))?(?P<more> (?:and|or) (?:(?:more|over|above|older|higher|larger|later|longer|up|beyond)|(?:less|fewer|under|below|younger|lower|smaller|earlier|shorter))\b(?!(?: than)? ?[€$£]?\d))?"
_IS: Final = r"\s*(?:(?:that |which )?(?:is|are|was|were|being|has|have|having|lies?|of|at|with)\b\s*)*"
_AFTER: Final = re.compile(rf"^{_IS}{_OP}\s*[€$£]?{_N}{_MORE}", re.IGNORECASE)
_AND_ALSO: Final = re.compile(rf"^[\s,]*(?:or|and|but)\s+{_OP}\s*[€$£]?{_N}", re.IGNORECASE)
_OR_MORE: Final = re.compile(rf"^{_IS}[€$£]?{_N}{_MORE}", re.IGNORECASE)
_BETWEEN: Final = re.compile(
    rf"^{_IS}(?:between|from) (?P<low>\d+(?:\.\d+)?) ?[^\W\d_]* ?(?:and|to|-|–) (?P<high>\d+(?:\.\d+)?)",
    re.IGNORECASE,
)
_DASH: Final = re.compile(r"^\s+(?P<low>\d+(?:\.\d+)?) ?[-–] ?(?P<high>\d+(?:\.\d+)?)(?![\w.,-]*\d)")
#: words of columns whose largest value is followed by the smallest
_ROUND: Final = frozenset(("hour", "time", "clock", "month", "weekday", "minute", "angle", "direction", "heading", "orientation"))  # fmt: skip
_HOURS: Final = frozenset(("hour", "time", "clock"))
_H: Final = r"(?::00)? ?(?:o['’]?clock|h\b|hours?\b(?! (?:of|after|before|later)))"
_FROM_TO: Final = re.compile(
    rf"\b(?:between|from) (?P<low>\d{{1,2}})(?::00)?(?: ?o['’]?clock| ?h\b)? ?(?:and|to|until|till|-|–) (?P<high>\d{{1,2}}){_H}",
    re.IGNORECASE,
)
_AT: Final = re.compile(
    r"\b(?P<op>after|before|at|from|since|until|till) (?P<n>\d{1,2})(?::00)? ?o['’]?clock(?! (?:and|to|until|till|-) \d)",
    re.IGNORECASE,
)
_AT_SIGNS: Final = {
    "after": ">=",
    "from": ">=",
    "since": ">=",
    "before": "<",
    "until": "<=",
    "till": "<=",
    "at": "=",
}
_WHEN: Final = re.compile(r"\b(?P<op>after|before|since|until|from) (?:the )?$", re.IGNORECASE)
_THEN: Final = re.compile(rf"^ {_N}(?: on(?:wards)?\b)?", re.IGNORECASE)
_JOIN: Final = r"\s*(?:,\s*(?:and|or)?|and|or|&|/)\s*"
_WRITTEN: Final = re.compile(r"\s*(?P<op>==|!=|<=|>=|≤|≥|=|<|>)\s*", re.IGNORECASE)
_SIGNS: Final = {"==": "=", "≤": "<=", "≥": ">="}
#: behind a number: it counts or measures something else than a column
_COUNTED: Final = re.compile(
    r"^ ?(?:%|per ?cent\b|percentage|points?\b|(?:of )?(?:the )?(?:images?|pictures?|photos?|errors?|mistakes?|misses|classes|samples?|examples?|items?|times|others?|more|findings?|groups?|sure|certain|confiden\w+|of)\b)",
    re.IGNORECASE,
)
#: before a limit: what is limited is a figure of the model, or a demand
_FIGURE: Final = re.compile(
    r"\b(?:accurac\w+|recall|precision|confiden\w+|certain\w*|sure|scores?|thresholds?|probabilit\w+|f1|ece|error rates?|sensitivity|specificity|effects?|gaps?|differences?|cost|costs)\W*(?:\w+\W+){0,3}$",
    re.IGNORECASE,
)
_SMALL_TEXT: Final = "with of that which who whose have has had having is are was were being been a an the at in run ran used for by value values from to as s"
_BETWEEN_WORDS: Final = frozenset(_SMALL_TEXT.split())
#: one spelling for what a unit and a column call alike
_UNITS: Final = {
    "h": "hour", "hr": "hour", "km": "km", "kilometer": "km", "kilometre": "km", "centimeter": "cm", "centimetre": "cm", "millimeter": "mm", "millimetre": "mm",
    "kilo": "kg", "kilogram": "kg", "gram": "g", "milligram": "mg", "euro": "eur", "€": "eur", "dollar": "usd", "$": "usd", "pound": "gbp", "£": "gbp", "min": "minute", "sec": "second",
    "degree": "celsius", "°c": "celsius", "°": "celsius", "yr": "year", "old": "age", "percent": "percent", "meter": "m", "metre": "m", "liter": "l", "litre": "l",
}  # fmt: skip


def with_told_values(mentions: Mentions, vocabulary: Vocabulary) -> Mentions:
    """``mentions`` with the values and limits that stand beside the names of their columns, or their units, as names of their own."""
    text, columns = mentions.sentence, vocabulary.attributes
    if not columns:
        return mentions
    held = [(m.start, m.end) for m in mentions.found if m.role in ("image", "finding", "evidence")]
    made: list[Mention] = []

    def take(ones: Iterator[Mention]) -> None:
        for one in ones:
            if not any(a < one.end and one.start < b for a, b in [*held, *((m.start, m.end) for m in made)]):
                made.append(one)

    take(_written(text, columns))
    take(_clock(text, columns))
    named = [(m.start, m.end) for m in mentions.found if m.role in ("class", "object", "value")]
    take(_value(w.condition, w.start, w.end) for w in times_in(text, columns) if not any(a < w.end and w.start < b for a, b in named))  # fmt: skip
    take(_value(w.condition, w.start, w.end) for w in own_words(mentions, vocabulary))
    for one in mentions.found:
        column = _column(one, columns)
        if column and not any(m.start <= one.start < m.end for m in made):
            take(_beside(text, one, column, columns))
    take(_letters(text, columns))
    take(_limits(text, mentions, columns, made))
    take(_continued(text, list(made)))
    if not made:
        return mentions
    made = _joined_by_or(text, made)
    kept = [m for m in mentions.found if not any(t.start < m.end and m.start < t.end for t in made)]
    found = tuple(sorted([*kept, *made], key=lambda m: (m.start, m.end)))
    return replace(mentions, found=found, masked=masked(text, found))


def _column(one: Mention, columns: Columns) -> str:
    """The column that a name is, or that a class or a thing is called as."""
    if one.role == "attribute":
        return one.name
    key = words_of(one.name)
    return next((c for c in columns if words_of(c) == key), "") if one.role in ("class", "object") else ""


def _value(condition: str, start: int, end: int) -> Mention:
    return Mention("value", condition, start, end, told=True)


def _written(text: str, columns: Columns) -> Iterator[Mention]:
    """``line=3``, ``lamp_hours>800``, ``dirty != no``: conditions as the program writes them."""
    for name in sorted(columns, key=len, reverse=True):
        spoken = re.escape(name.replace("_", " ")).replace(r"\ ", r"[ _]")
        for found in re.finditer(rf"(?<![\w.]){spoken}{_WRITTEN.pattern}", text, re.IGNORECASE):
            op, rest = _SIGNS.get(found["op"], found["op"]), text[found.end() :]
            value = _known(rest, columns[name]) if op in ("=", "!=") else ""
            decade = decade_of(rest, name, columns[name]) if op in ("=", "!=") and not value else None
            if decade is not None:  # ``decade=1950`` of a column that writes 1950s
                yield _value(f"{name}{op}{decade[0]}", found.start(), found.end() + decade[1])
                continue
            number = re.match(_N, rest)
            if not value and number is not None and are_numbers(columns[name]) and (op not in ("=", "!=") or not columns[name]):  # fmt: skip
                value = number["n"]
            if value:
                yield _value(f"{name}{op}{value}", found.start(), found.end() + len(value))


def _known(rest: str, values: Sequence[str]) -> str:
    """The value of a column that a text begins with, as it is typed where the column has it so."""
    fitting = [v for v in values if v.strip() and re.match(rf"{re.escape(v)}(?![\w.]*\w)", rest)]
    if fitting:
        return max(fitting, key=len)
    return ""


def _beside(text: str, one: Mention, column: str, columns: Columns) -> Iterator[Mention]:
    """What stands beside the name of a column: a limit, a range, values."""
    values, rest, before = columns[column], text[one.end :], text[: one.start]
    if are_numbers(values):
        limit = list(_limit_beside(rest, before, one, column, values))
        if limit:
            yield from limit
            return
    if one.role == "attribute":
        yield from _values_beside(rest, one, column, values)


def _limit_beside(
    rest: str, before: str, one: Mention, column: str, values: Sequence[str]
) -> Iterator[Mention]:
    if (found := _BETWEEN.match(rest) or _DASH.match(rest)) is not None:
        yield from _range(column, found, one.start, one.end)
    elif (found := _AFTER.match(rest)) is not None and not re.match(r" ?%", rest[found.end("n") :]):
        yield _value(
            f"{column}{_sign(found['op'])}{_plain(found['n'])}", one.start, one.end + _end(found, column)
        )
    elif (found := _OR_MORE.match(rest)) is not None and found["more"]:
        sign = ">=" if _is_more(found["more"]) else "<="
        yield _value(f"{column}{sign}{_plain(found['n'])}", one.start, one.end + found.end())
    elif (when := _WHEN.search(before)) is not None and (found := _THEN.match(rest)) is not None:
        word = when["op"].lower()
        if word == "from" and not found[0].rstrip().endswith(("on", "onwards")):
            return
        sign = _TIME.get(word) or ("<=" if word == "until" else ">=")
        yield _value(f"{column}{sign}{_plain(found['n'])}", when.start(), one.end + found.end())
    elif (
        not values
        and (found := re.search(rf"{_OP}\s*{_N}(?: \w+(?: of)?)? $", before, re.IGNORECASE)) is not None
    ):
        yield _value(f"{column}{_sign(found['op'])}{_plain(found['n'])}", found.start(), one.end)


def _range(column: str, found: re.Match[str], start: int, offset: int) -> Iterator[Mention]:
    """``between 5 and 22``; from 22 to 5 goes on over midnight where a column goes round, and is the same range turned round elsewhere.

    Args:
        start: where the condition begins. offset: of the text in which the range was found.
    """
    low, high, middle = found["low"], found["high"], offset + found.start("high")
    if float(low) > float(high) and set(words_of(column)) & _ROUND:
        yield _value(either([f"{column}>={low}", f"{column}<={high}"]), start, offset + found.end())
        return
    low, high = (high, low) if float(low) > float(high) else (low, high)
    yield _value(f"{column}>={low}", start, middle - 1)
    yield _value(f"{column}<={high}", middle, offset + found.end())


def _clock(text: str, columns: Columns) -> Iterator[Mention]:
    """``between 22 and 5 o'clock``, ``after 22 o'clock``: on the one column of hours."""
    hours = [n for n, v in columns.items() if set(words_of(n)) & _HOURS and are_numbers(v)]
    if len(hours) != 1:
        return
    for found in _FROM_TO.finditer(text):
        yield from _range(hours[0], found, found.start(), 0)
    for found in _AT.finditer(text):
        yield _value(f"{hours[0]}{_AT_SIGNS[found['op'].lower()]}{found['n']}", *found.span())


def _continued(text: str, made: Sequence[Mention]) -> Iterator[Mention]:
    """``age over 70 or under 20``: a second limit right behind one is on the same column."""
    for one in made:
        column, sign, _ = parts(one.name)
        found = _AND_ALSO.match(text[one.end :]) if sign in ("<", "<=", ">", ">=") else None
        if found is not None and not _COUNTED.match(text[one.end + found.end() :]):
            start = one.end + found.start("op")
            yield _value(f"{column}{_sign(found['op'])}{_plain(found['n'])}", start, one.end + found.end())


def _joined_by_or(text: str, made: Sequence[Mention]) -> list[Mention]:
    """Limits on one column with ``or`` between them as one condition: ``hour>=22 or hour<=5``."""
    joined: list[Mention] = []
    for one in sorted(made, key=lambda m: m.start):
        last = joined[-1] if joined else None
        both = [last.name, one.name] if last is not None else []
        if (
            last is not None
            and re.fullmatch(r"\W*or\W*(?:(?:at|on|is|with)\W+)?", text[last.end : one.start], re.IGNORECASE)
            and all(parts(c)[1] in ("<", "<=", ">", ">=") for c in both)
            and column_of(last.name) == column_of(one.name)
        ):
            joined[-1] = _value(either(both), last.start, one.end)
        else:
            joined.append(one)
    return joined


def _end(found: re.Match[str], column: str) -> int:
    """Where a limit ends: behind its unit, if that is one."""
    unit = found["unit"]
    is_unit = bool(unit) and (
        _canonical(unit) in _names(column) or _canonical(unit) != unit.casefold().rstrip("s") or len(unit) < 3
    )
    return found.end() if found["more"] or is_unit else found.end("n")


def _values_beside(rest: str, one: Mention, column: str, values: Sequence[str]) -> Iterator[Mention]:
    """``line 3``, ``lines 1, 2 and 3``, ``ward B``, ``line three``: values that are no names by themselves."""
    short = [v for v in values if not tellable(v)]
    if not short:
        return
    start, at = one.start, 0
    lead = r"\s+(?:(?:no\.?|number|nr\.?|is|are) )?"
    while (found := _short(rest[at:], lead, short)) is not None:
        length, value = found
        yield _value(f"{column}={value}", start, one.end + at + length)
        at += length
        lead = rf"{_JOIN}(?:{re.escape(one.name)} )?"
        start = one.end + at + len(_space(rest[at:], _JOIN))  # a name that is said again belongs to its value


_LETTER: Final = re.compile(
    r"\b(?:on|at|in|from|of)\s+(?P<v>[A-Z])(?P<end>\s*(?:$|[,.;:?!)]|(?:and|or|at|on|in|with|when|where|is|are|was|too|only|alone)\b))|(?:^\s*|[,.;:(]\s*|\b(?:and|or|but|so|only|just|not|no|yes|is|are|was|for|that|then|if|when|than|leave|take)\s+)(?P<w>[B-HJ-Z])\s+(?:at|on|in the)\s+[a-z]",
)


def _letters(text: str, columns: Columns) -> Iterator[Mention]:
    """``the nights on C``, ``C at night``: a capital letter that one column alone has as a value, where a place is named."""
    owners: dict[str, list[str]] = {}
    for column, values in columns.items():
        for value in values:
            owners.setdefault(str(value), []).append(column)
    for found in _LETTER.finditer(text):
        name = "v" if found["v"] else "w"
        if len(owned := owners.get(found[name], [])) == 1:
            yield _value(f"{owned[0]}={found[name]}", found.start(name), found.end(name))


def _space(rest: str, lead: str) -> str:
    found = re.match(lead, rest, re.IGNORECASE)
    return found[0] if found else ""


def _short(rest: str, lead: str, values: Sequence[str]) -> tuple[int, str] | None:
    """A value that a text begins with, and where it ends: numerals also as words, letters as they are written."""
    joined = re.match(lead, rest, re.IGNORECASE)
    if joined is None:
        return None
    found = re.match(r"[\"“'‘]?(?P<v>[^\W_]+(?:[.-][^\W_]+)*)[\"”'’]?", rest[joined.end() :])
    if found is None or (_COUNTED.match(rest[joined.end() + found.end() :]) and not lead.startswith(r"\s+")):
        return None
    if re.match(r" ?%", rest[joined.end() + found.end() :]):
        return None
    typed = found["v"]
    numeral = NUMERALS.get(typed.lower(), typed)
    own = typed if typed in values else numeral if numeral in values else None
    if own is None or own.casefold() in ("yes", "no", "true", "false", "none", "nan", "other", "unknown"):
        return None
    return joined.end() + found.end(), own


def _limits(text: str, mentions: Mentions, columns: Columns, made: Sequence[Mention]) -> Iterator[Mention]:
    """Limits away from the whole name of a column: told by its unit, by a part of the name before it, or as its one column is named."""
    amounts = {n: _names(n) for n, v in columns.items() if are_numbers(v) and not is_age(n)}
    if not amounts:
        return
    counted = {n for n, names in amounts.items() if columns[n] and len(names) == 1}  # 3 lines are not line 3
    for found in re.finditer(rf"(?<![\w.=]){_OP}\s*[€$£]?{_N}{_MORE}", text, re.IGNORECASE):
        rest, before = text[found.end("n") :], text[: found.start()]
        if any(m.start < found.end() and found.start() < m.end for m in made) or _FIGURE.search(before):
            continue
        unit = _canonical(found["unit"] or "") or _mark(text[found.start() : found.end()])
        if _COUNTED.match(rest) and not any(unit in names for names in amounts.values()):
            continue
        if any(unit in amounts[n] for n in counted):
            continue
        yield from _limit(text, found, unit, amounts, mentions)


def _limit(
    text: str, found: re.Match[str], unit: str, amounts: Mapping[str, frozenset[str]], mentions: Mentions
) -> Iterator[Mention]:
    before = text[: found.start()]
    start, near = _noun(before)
    by_unit = {n for n, names in amounts.items() if unit and unit in names}
    by_noun = {n for n, names in amounts.items() if near and near in names}
    fitting = by_unit & by_noun or by_unit or (by_noun if not unit or not by_unit else set())
    condition = f"{_sign(found['op'])}{_plain(found['n'])}"
    if len(fitting) == 1:
        name = next(iter(fitting))
        begin = start if name in by_noun else found.start()
        yield _value(
            f"{name}{condition}", begin, found.end() if found["more"] or name in by_unit else found.end("n")
        )
        return
    named = [
        m for m in mentions.found if m.role == "attribute" and m.name in amounts and m.end <= found.start()
    ]
    if fitting or len({m.name for m in named}) != 1 or (found["unit"] and _is_noun(found["unit"])):
        return
    one = named[-1]
    yield _value(f"{one.name}{condition}", one.start, one.end)
    yield _value(f"{one.name}{condition}", found.start(), found.end("n"))


def _is_noun(word: str) -> bool:
    """Whether a word behind a number says what it counts, and is no small word."""
    return word.casefold() not in (*_BETWEEN_WORDS, "and", "or", "but", "on", "than", "when", "if", "called", "wrong", "right", "please")  # fmt: skip


def _noun(before: str) -> tuple[int, str]:
    """The word before a limit, small words skipped, and where it begins: ``lamps`` of ``lamps with``."""
    for found in reversed(list(re.finditer(r"[^\W_]+", before))[-5:]):
        word = found[0].casefold()
        if word not in _BETWEEN_WORDS:
            return found.start(), _canonical(word)
    return len(before), ""


def _names(column: str) -> frozenset[str]:
    """The words of a column's name, units in one spelling."""
    return frozenset(_canonical(w) for w in words_of(column))


def _canonical(word: str) -> str:
    """A word in the singular, units in one spelling."""
    plain = "".join(words_of(word)) or word.casefold()
    return _UNITS.get(plain, plain)


def _mark(text: str) -> str:
    return next((_UNITS[c] for c in "€$£" if c in text), "")


def _sign(word: str) -> str:
    return next(sign for pattern, sign in _OPS if re.fullmatch(pattern, word, re.IGNORECASE))


def _is_more(text: str) -> bool:
    return re.search(r"\b(?:more|over|above|older|higher|larger|later|longer|up|beyond)$", text) is not None


def _plain(number: str) -> str:
    return number.replace(",", "")
