"""The numbers of a recorded table: each is about what its row, its column and the table's title name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from failsight.agent.grounding.conditions import Condition, conditions, qualified
from failsight.agent.grounding.lexicon import SAID, recorded
from failsight.agent.grounding.names import Lexicon, Names
from failsight.agent.grounding.numbers import numbers
from failsight.agent.grounding.sources import NOTHING, Atom, replace, told, values, words_of
from failsight.tools.evidence import Cell, Table

_LABELS = re.compile(r"class|slice|attribute|taken for|towards|region|measure|property|name|confidence|finding|true|predicted|images|labels|splits|pictures", re.IGNORECASE)  # fmt: skip
_PROSE = 5  # words: a longer cell is a sentence
_NUMBERED = frozenset({"seed", "severity", "dose", "budget", "version"})  # numbers that tell rows apart
_OPAQUE = frozenset({"version"})  # its other labels say what it is
_TOLD = frozenset({"verdict", "why", "interval", "q", "p", "source"})  # texts that tell no rows apart


def table(shown: Table, base: Atom, lexicon: Lexicon, about: Mapping[str, Names]) -> Iterator[Atom]:
    """All numbers of ``shown``."""
    if "statement" in shown.columns:
        return  # it repeats the findings
    units = tuple(shown.units) or ("text",) * len(shown.columns)
    title = lexicon.find(shown.title)
    splits = [_splits(lexicon, c) for c in shown.columns]
    keys = [_key(row, among) for among in (_keys(shown, units),) for row in shown.rows]
    under = conditions(keys, lexicon)
    heads = _heads(shown.columns, lexicon)
    yield from _answers_of_matrix(shown, base, lexicon)
    for key, row in zip(keys, shown.rows, strict=True):
        labels = [
            (c, str(v)) for c, v, u in zip(shown.columns, row, units, strict=False)
            if isinstance(v, str) and u == "text" and (c == shown.columns[0] or (_LABELS.search(c) and not _is_value(v)))
        ]  # fmt: skip
        atom, metric = _row(labels, base, title, lexicon, shown.columns, about)
        if key in under and not metric and not atom.row:
            atom = replace(atom, when=(under[key],))
        yield from _rates_of_matrix(shown, row, atom, lexicon)
        last = "error"
        for at, (column, cell, unit) in enumerate(zip(shown.columns, row, units, strict=False)):
            here = replace(atom, names=replace(atom.names, splits=splits[at])) if splits[at] else atom
            if column == "share" and at and splits[at - 1]:
                here = replace(atom, names=replace(atom.names, splits=splits[at - 1]), metric="proportion")
                yield from _cell(cell, unit, here, "proportion", lexicon)
                continue
            if column == "source":
                continue  # years and section numbers of papers measure nothing
            if isinstance(cell, str) and len(re.findall(r"[A-Za-z]{2,}", cell)) >= _PROSE:
                yield from told(cell, lexicon, replace(here, when=()))
            elif (column, cell) not in labels or recorded(column) in ("confidence",):
                kind = last if column == "interval" else _metric(column, metric, splits[at])
                if heads[at] and kind not in SAID and "is right" in shown.title:
                    kind = "accuracy"  # a column for each severity
                last = "pull_gap" if column == "without" else kind
                here = _column(column, here, row, shown, lexicon)
                yield from _cell(cell, unit, replace(here, when=(*here.when, *heads[at])), kind, lexicon)


def _rates_of_matrix(shown: Table, row: Sequence[Cell], atom: Atom, lexicon: Lexicon) -> Iterator[Atom]:
    """What a row of a confusion matrix says of its class: the share that is taken for each other one, and how many are."""
    counts = {
        c: v for c, v in zip(shown.columns, row, strict=False) if c in lexicon.classes and isinstance(v, int)
    }
    true = str(row[0])
    total = sum(counts.values())
    if shown.columns[0] != "true class" or true not in counts or len(counts) < 2 or not total:
        return
    for name, count in counts.items():
        if name != true:
            names = replace(atom.names, classes=frozenset({true, name}))
            pair = replace(atom, names=names, pair=(true, name), metric="confusion")
            yield from values(count / total, "share", pair)
    yield replace(atom, value=float(total - counts[true]), family="plain", metric="error", part="count")
    yield replace(atom, value=float(total), family="plain", metric="images", part="n")


def _answers_of_matrix(shown: Table, base: Atom, lexicon: Lexicon) -> Iterator[Atom]:
    """How often each class is the answer: the sum of its column, where the matrix has a row for every class."""
    if shown.columns[0] != "true class" or {str(r[0]) for r in shown.rows} != set(lexicon.classes):
        return
    splits = _splits(lexicon, shown.title) or base.names.splits
    for at, name in enumerate(shown.columns):
        counts = [r[at] for r in shown.rows]
        if name in lexicon.classes and all(isinstance(c, int) for c in counts):
            names = replace(base.names, classes=frozenset({name}), splits=splits)
            total = float(sum(c for c in counts if isinstance(c, int)))
            yield replace(
                base, value=total, family="plain", names=names, metric="answers", part="n", loose=NOTHING
            )


def _keys(shown: Table, units: Sequence[str]) -> list[int]:
    """The columns that tell the rows apart: the first, and further labels until no two rows have the same."""
    kept: list[int] = []
    for at, (column, unit) in enumerate(zip(shown.columns, units, strict=False)):
        named = unit == "text" and not any(_is_value(str(row[at])) for row in shown.rows if row[at])
        if (at and not (named or column in _NUMBERED)) or column in _TOLD:
            continue
        kept.append(at)
        if shown.columns[0] not in _OPAQUE and len({_key(row, kept) for row in shown.rows}) == len(
            shown.rows
        ):
            break
    return kept


def _key(row: Sequence[Cell], among: Sequence[int]) -> str:
    """The label of a row; shares as people write them."""
    return " ; ".join(_written(row[at]) for at in among if at < len(row) and row[at] is not None)


def _written(cell: Cell) -> str:
    return f"{100 * cell:g} %" if isinstance(cell, float) and 0 < abs(cell) <= 1 else str(cell)


def _heads(columns: Sequence[str], lexicon: Lexicon) -> list[tuple[Condition, ...]]:
    """What the head of each column adds to its quantity: ``held-out accuracy``, ``severity 3`` beside ``severity 4``."""
    alike = Counter(re.sub(r"\d+", "", c) for c in columns)
    counted = conditions(
        [c for c in columns if alike[re.sub(r"\d+", "", c)] > 1 and re.search(r"\d", c)], lexicon
    )
    return [tuple(c for c in (qualified(name), counted.get(name)) if c is not None) for name in columns]


def _splits(lexicon: Lexicon, column: str) -> frozenset[str]:
    return lexicon.find(column).splits


def _is_value(text: str) -> bool:
    return bool(re.match(r"^[\s<>=+\-−–\[]*\d|^(?:orange|–)", text))


def _row(
    labels: Sequence[tuple[str, str]],
    base: Atom,
    title: Names,
    lexicon: Lexicon,
    columns: Sequence[str],
    about: Mapping[str, Names],
) -> tuple[Atom, str]:
    """What a whole row is about, and the quantity where the row's label names one."""
    text = " ; ".join(v for _, v in labels)
    names = lexicon.find(re.sub(r"\bbox:", "box of ", text))
    splits = names.splits or title.splits or base.names.splits
    asked = NOTHING if names.classes or not names.attributes else base.names.classes
    about_row = replace(
        names, classes=names.classes or asked, splits=splits, findings=NOTHING, evidence=NOTHING
    )
    atom = replace(base, names=about_row, loose=asked)
    if names.findings:
        found = [about[f] for f in names.findings if f in about]
        atom = replace(atom, refs=(*base.refs, *names.findings))
        if found and not names.entities:
            atom = replace(
                atom, names=replace(found[0], splits=title.splits or found[0].splits), loose=found[0].entities
            )
    elif not names.entities:
        atom = replace(atom, names=replace(base.names, splits=splits), loose=base.loose)
    metric = ""
    plain = labels and _LABELS.search(labels[0][0]) and "=" not in labels[0][1]  # other labels are conditions
    if plain and not names.entities and not names.splits and not names.findings:
        metric = recorded(labels[0][1].lower())
        if metric not in SAID:
            metric = ""
            atom = replace(atom, row=tuple(words_of(labels[0][1]))[:3])
    pair = [v for c, v in labels if v in lexicon.classes]
    if len(pair) == 2 and any("predicted" in c or "taken" in c for c in columns):
        atom = replace(atom, pair=(pair[0], pair[1]))
    elif any("towards" in c for c in columns):
        atom = replace(atom, loose=atom.names.classes)
    return atom, metric


def _metric(column: str, row: str, split: frozenset[str]) -> str:
    if split and row:
        return row
    found = recorded(column)
    if column in ("value", "low", "high", "bound"):
        return "bound" if column == "bound" else row or found
    return "images" if split and found == "images" else found


def _column(column: str, atom: Atom, row: Sequence[Cell], shown: Table, lexicon: Lexicon) -> Atom:
    """What a column adds: the other class of a matrix, the side without, the value elsewhere."""
    predicted = shown.columns[0] == "predicted class"
    if column in lexicon.classes and atom.names.classes:
        (true,) = list(atom.names.classes)[:1]
        names = replace(atom.names, classes=atom.names.classes | {column})
        return replace(atom, names=names, pair=(true, column) if true != column else None, part="count")
    if column == "reverse rate" and atom.pair:
        return replace(atom, pair=(atom.pair[1], atom.pair[0]))
    if column == "without":
        other = frozenset((a, "no" if v == "yes" else v) for a, v in atom.names.values)
        return replace(atom, names=replace(atom.names, values=other), elsewhere=True)
    if column == "elsewhere":
        return replace(atom, elsewhere=True)
    if column in ("low", "high", "gap from", "gap to", "interval"):
        return replace(atom, part="end")
    if predicted and column == "images":
        return replace(atom, metric="answers", part="n")
    if predicted and column == "right":
        return replace(atom, metric="precision")
    return atom


def _cell(cell: Cell, unit: str, atom: Atom, metric: str, lexicon: Lexicon) -> Iterator[Atom]:
    atom = replace(atom, metric=_quantity(atom, metric, lexicon))
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        if atom.part == "count":
            yield replace(atom, value=float(cell), family="plain")
            return
        yield from values(float(cell), unit, atom)
    elif isinstance(cell, str):
        for at, number in enumerate(numbers(cell, words=False)):
            family = "percent" if number.family == "plain" and cell.endswith("%") else number.family
            part = atom.part if at == 0 else "end"
            yield replace(atom, value=number.value, family=family, half=number.half, part=part)


_COLUMNS = {
    "with_it": "pull",
    "without": "pull",
    "first_half": "error",
    "other_half": "error",
    "share_of_area": "area",
}


def _quantity(atom: Atom, metric: str, lexicon: Lexicon) -> str:
    """The quantity of a cell, from its column and its row."""
    if metric in lexicon.classes:  # a cell of a confusion matrix: the diagonal is what was recognised
        return "confusion" if atom.pair else "recall"
    if atom.pair and metric in ("images", "reverse"):
        return "confusion"
    if (metric, atom.metric) in (("accuracy", "precision"), ("images", "answers")):
        return atom.metric
    return _COLUMNS.get(metric, metric)
