"""Which images an experiment is about: filters such as ``television=yes``, ``true=kitchen|bathroom``, ``confidence>=0.9``.

``not(line=3&shift=night)`` is all images but those that meet both conditions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.dates import as_grouped
from failsight.tools.errors import NotRecorded, RetryError
from failsight.tools.inputs.base import SPLITS, Box, ImageTable, Predictions, Split
from failsight.tools.text import clean
from failsight.tools.view import CaseView

_FILTER = re.compile(r"^\s*(?P<name>.+?)\s*(?P<op>!=|<=|>=|=|<|>)\s*(?P<value>.*?)\s*$")
TRUE_NAMES = ("true", "true_class", "label")
PREDICTED_NAMES = ("predicted", "prediction", "predicted_class")
CONFIDENCE = "confidence"  # the score of the class answered, where no attribute has this name
NO_SCORES = (
    "These predictions come without class probabilities, so nothing is known about how sure an answer is."
)
OR = "|"  # between values of which one has to be met
MISSING = ("missing", "?")  # values that stand for none, where no image has them as a value of its own
NOT = "not"  # the sign of a condition that holds where others do not hold together
_NOT = re.compile(r"^\s*not\s*\((?P<inside>.*)\)\s*$", re.IGNORECASE | re.DOTALL)
OUTCOMES = {"correct": True, "right": True, "wrong": False, "failures": False, "errors": False}


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition on an image: ``name op value``, or the bare word ``wrong`` or ``correct`` (then ``op`` is empty).

    With ``op`` ``not`` the name is the text of conditions that do not hold together: ``line=3&shift=night``.
    """

    name: str
    op: str
    value: str

    def __str__(self) -> str:
        return f"{NOT}({self.name})" if self.op == NOT else f"{self.name}{self.op}{self.value}"

    @property
    def inside(self) -> tuple[Filter, ...]:
        """The conditions that do not hold together, or the condition itself."""
        return parse_filters(self.name) if self.op == NOT else (self,)

    @property
    def attribute(self) -> bool:
        """True when this is about an attribute, not about the true or predicted class or the confidence."""
        if self.op == NOT:
            return all(one.attribute for one in self.inside)
        return bool(self.op) and self.name not in (*TRUE_NAMES, *PREDICTED_NAMES, CONFIDENCE)

    @property
    def values(self) -> tuple[str, ...]:
        """The values of a list: ``kitchen|bathroom`` is two."""
        return tuple(v for part in self.value.split(OR) if (v := part.strip())) or (self.value,)


@dataclass(frozen=True, slots=True)
class Population:
    """The images of an experiment.

    Attributes:
        rows: row numbers in the split's image table, ascending, after sampling.
        found: how many images the filters left, before sampling.
        filters: the parsed filters.
    """

    split: Split
    rows: npt.NDArray[np.int64]
    found: int
    filters: tuple[Filter, ...]

    def slice(self) -> dict[str, str]:
        """The attribute equalities among the filters, as a slice."""
        return {f.name: f.value for f in self.filters if f.attribute and f.op == "="}


def check_split(view: CaseView, split: str) -> Split:
    """``split`` when the case has it. Raises RetryError naming the splits that exist."""
    for known in SPLITS:
        if known == split and known in view.splits():
            return known
    raise RetryError(f"This case has no {clean(split, 40)!r} images.", view.splits())


def class_index(classes: Sequence[str], name: str) -> int:
    """Index of the class called ``name`` (case-insensitive). Raises RetryError naming the classes that exist."""
    for i, known in enumerate(classes):
        if known == name:
            return i
    folded = [i for i, known in enumerate(classes) if known.casefold() == name.strip().casefold()]
    if len(folded) == 1:
        return folded[0]
    raise RetryError(f"There is no class {clean(name, 60)!r}.", [clean(c, 60) for c in classes])


def parse_filters(where: str | Sequence[str]) -> tuple[Filter, ...]:
    """``where`` as filters: a list of conditions, or one string whose conditions are joined by ``&``."""
    texts = apart(where) if isinstance(where, str) else [piece for one in where for piece in _joined(one)]
    made = []
    for text in texts:
        if not text.strip():
            continue
        found, denied = _FILTER.match(text), _NOT.match(text)
        if denied or re.match(r"\s*not\s*\(", text, re.IGNORECASE):
            inside = parse_filters(denied["inside"]) if denied else ()
            if not inside or any(one.op == NOT for one in inside):
                raise RetryError(
                    f"where: {clean(text, 60)!r} is not a condition; write not(name=value&name=value)."
                )
            made.append(Filter("&".join(map(str, inside)), NOT, ""))
        elif found:
            made.append(Filter(found["name"], found["op"], found["value"]))
        elif text.strip().casefold() in OUTCOMES:
            made.append(Filter(text.strip().casefold(), "", ""))
        else:
            raise RetryError(
                f"where: {clean(text, 60)!r} is not a condition; write name=value (also !=, <, <=, >, >=, name=a|b, not(name=value&name=value)), 'wrong' or 'correct'."
            )
    return tuple(made)


def _joined(text: str) -> list[str]:
    """A condition of a list that joins several by ``&``; a value with that sign in it (``brand=H&M``) stays whole."""
    pieces = apart(text)
    whole = all(_FILTER.match(p) or _NOT.match(p) or p.strip().casefold() in OUTCOMES for p in pieces)
    return pieces if whole else [text]


def apart(text: str, signs: str = "&") -> list[str]:
    """The conditions of a text, parted at ``signs``, not inside of ``not(…)``."""
    pieces, depth, start = list[str](), 0, 0
    for at, letter in enumerate(text):
        if letter == "(" and (depth or text[:at].rstrip().lower().endswith(NOT)):
            depth += 1
        elif letter == ")" and depth:
            depth -= 1
        elif letter in signs and not depth:
            pieces.append(text[start:at])
            start = at + 1
    return [*pieces, text[start:]]


def boxed_objects(table: ImageTable) -> dict[str, int]:
    """Objects that have boxes: name → number of images that show it; empty when the data has no boxes."""
    counts: dict[str, int] = {}
    for boxes in table.boxes or ():
        for name, found in boxes.items():
            if len(found):
                counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def shows(table: ImageTable, name: str) -> npt.NDArray[np.bool_]:
    """Per row: whether the image has at least one box of the object ``name``."""
    boxes = table.boxes
    if boxes is None:
        return np.zeros(len(table), bool)
    return np.fromiter((len(b.get(name, ())) > 0 for b in boxes), bool, len(table))


def overlaps(table: ImageTable, name: str, rows: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[np.float64]]:
    """How much of the object ``name`` lies in the boxes of other objects: other → largest share of one of its boxes, per row.

    Shares in [0, 1], measured box against box in the whole image; an object that never overlaps is left out."""
    made: dict[str, npt.NDArray[np.float64]] = {}
    for i, row in enumerate(rows.tolist()):
        boxes = table.boxes[row] if table.boxes is not None else {}
        for other, found in boxes.items():
            if other == name:
                continue
            share = max((_covered(one, by) for one in boxes.get(name, ()) for by in found), default=0.0)
            if share > 0:
                made.setdefault(other, np.zeros(len(rows)))[i] = share
    return made


def _covered(box: Box, by: Box) -> float:
    """Share of ``box`` that lies inside ``by``."""
    width = min(box[2], by[2]) - max(box[0], by[0])
    height = min(box[3], by[3]) - max(box[1], by[1])
    whole = (box[2] - box[0]) * (box[3] - box[1])
    return width * height / whole if width > 0 and height > 0 and whole > 0 else 0.0


def resolve(
    view: CaseView,
    split: Split,
    filters: Sequence[Filter],
    *,
    within: npt.NDArray[np.bool_] | None = None,
    most: int,
    seed: int,
) -> Population:
    """The images of ``split`` that meet all ``filters`` (and ``within``), at most ``most`` of them by seeded sampling.

    Args:
        within: extra condition per table row, for example presence of a boxed object.

    Raises:
        RetryError: an unknown attribute, value or class; or no image is left, saying which condition emptied the set.
    """
    table = view.table(split)
    keep = np.ones(len(table), bool) if within is None else within.copy()
    start = int(keep.sum())
    for one in filters:
        before = int(keep.sum())
        keep &= _mask(view, split, one)
        if before and not keep.any():
            raise RetryError(
                f"where: no image is left by {clean(one, 80)!r} (there were {before} before it)."
            )
    rows = np.flatnonzero(keep).astype(np.int64)
    if not len(rows):
        raise RetryError(f"No image to test: {start} of {len(table)} images of {split} show the region.")
    found = len(rows)
    if found > most:
        rows = np.sort(np.random.default_rng([seed, found, most]).choice(rows, most, replace=False))
    return Population(split, rows, found, tuple(filters))


def _mask(view: CaseView, split: Split, one: Filter) -> npt.NDArray[np.bool_]:
    """Rows that meet a condition; one whose value is not known meets none, neither ``=`` nor ``!=``."""
    table = view.table(split)
    if one.op == NOT:
        return met_and_failed(view, split, one)[0]
    if not one.op:
        p = view.predictions(split)
        return _spread(len(table), p, p.labelled & (p.correct == OUTCOMES[one.name]))
    if one.name in TRUE_NAMES:
        return _signed(one, np.isin(table.labels, _classes(view, one))) & (table.labels >= 0)
    if one.name in PREDICTED_NAMES:
        p = view.predictions(split)
        return _spread(len(table), p, _signed(one, np.isin(p.predicted, _classes(view, one))))
    if one.name == CONFIDENCE and not has_attribute(view, split, one.name):
        return _confidence_mask(view, split, one)
    return _attribute_mask(view, split, one)


def _classes(view: CaseView, one: Filter) -> list[int]:
    """Indices of the classes that a condition names; a class whose own name holds the sign of a list is one."""
    if OR in one.value and one.value not in view.classes:
        return [class_index(view.classes, name) for name in one.values]
    return [class_index(view.classes, one.value)]


def has_attribute(view: CaseView, split: Split, name: str) -> bool:
    """Whether the data itself has a column or boxed object of this name."""
    table = view.table(split)
    return name in table.columns or any(name in boxes for boxes in table.boxes or ())


def _confidence_mask(view: CaseView, split: Split, one: Filter) -> npt.NDArray[np.bool_]:
    """Rows whose answer has such a score. Raises RetryError without scores, or for what is no share."""
    text, predictions = one.value.strip(), view.predictions(split)
    if not predictions.has_scores:
        raise RetryError(NO_SCORES)
    try:
        bound = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        bound = -1.0
    if not 0 <= bound <= 1:
        raise RetryError(
            f"where: a confidence lies between 0 and 1, not at {clean(text, 40)!r}; write 0.9 or 90%."
        )
    met = _OPERATORS[one.op](np.asarray(predictions.confidence, np.float32), np.float32(bound))
    return _spread(len(view.table(split)), predictions, met)


def rows_meeting(
    view: CaseView, split: Split, filters: Sequence[Filter]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Per table row: whether it meets all ``filters``, and whether all that they ask is known of it.

    Raises RetryError for an unknown attribute, value or class.
    """
    n = len(view.table(split))
    meets, known = np.ones(n, bool), np.ones(n, bool)
    for one in filters:
        made, fails = met_and_failed(view, split, one)
        meets &= made
        known &= made | fails
    return meets, known


def met_and_failed(
    view: CaseView, split: Split, one: Filter
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Per table row: whether it meets a condition, and whether it meets the opposite; neither where the value is not known.

    Raises RetryError for an unknown attribute, value or class.
    """
    if one.op == NOT:
        each = [met_and_failed(view, split, part) for part in one.inside]
        return np.logical_or.reduce([f for _, f in each]), np.logical_and.reduce([m for m, _ in each])
    if one.op:
        against = Filter(one.name, _OPPOSITE[one.op], one.value)
    else:
        against = Filter("wrong" if OUTCOMES[one.name] else "correct", "", "")
    return _mask(view, split, one), _mask(view, split, against)


_OPPOSITE = {"=": "!=", "!=": "=", "<": ">=", ">=": "<", "<=": ">", ">": "<="}


def _signed(one: Filter, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    if one.op not in ("=", "!="):
        raise RetryError(f"where: classes can only be compared with = and !=, not {one.op!r}.")
    return mask if one.op == "=" else ~mask


def _spread(n: int, predictions: Predictions, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """``mask`` over predicted rows as a mask over all ``n`` table rows."""
    full = np.zeros(n, bool)
    full[predictions.rows[mask]] = True
    return full


def _attribute_mask(view: CaseView, split: Split, one: Filter) -> npt.NDArray[np.bool_]:
    """Rows whose attribute meets the condition: metadata first, then boxed objects, then the computed table.

    Values that people renamed or merged go by their present names, and by the old ones where no value is called so now.
    """
    table = view.table(split)
    if one.name in table.columns:
        if edited(view, one.name):
            try:
                return _of_table(view, split, one)
            except (RetryError, KeyError):  # an old name, or a split without predictions
                pass
        column = table.columns[one.name]
        named = set(one.values) & {v for v in column if isinstance(v, str)}  # a day of a column of dates
        return compare(one, np.asarray(column if named else as_grouped(column), object))
    objects = boxed_objects(table)
    if one.name in objects and one.value.casefold() in ("yes", "no"):
        return _signed(one, shows(table, one.name) == (one.value.casefold() == "yes"))
    attributes = view.attributes(split)
    if one.name not in attributes.columns:
        known = [*TRUE_NAMES[:1], *PREDICTED_NAMES[:1], *objects, *attributes.columns]
        raise NotRecorded(f"where: there is no attribute {clean(one.name, 60)!r}.", dict.fromkeys(known))
    return _of_table(view, split, one)


def _of_table(view: CaseView, split: Split, one: Filter) -> npt.NDArray[np.bool_]:
    """Rows whose attribute, as it is called now, meets the condition."""
    attributes = view.attributes(split)
    full = np.zeros(len(view.table(split)), bool)
    full[attributes.rows[compare(one, np.asarray(attributes.columns[one.name], object))]] = True
    return full


def edited(view: CaseView, name: str) -> bool:
    """Whether people changed the values of the metadata column ``name``, which has kept its name."""
    return any(
        d.key == f"metadata:{clean(name, 80)}"
        and d.name == name
        and not d.dropped
        and bool(d.renamed or d.also)
        for d in view.definitions()
    )


def missing_word(values: Iterable[object]) -> str:
    """The word by which the images without a value are named beside these values: the first of ``MISSING`` that none of them is."""
    taken = {str(v).casefold() for v in values}
    return next((word for word in MISSING if word not in taken), "(no value)")


def compare(one: Filter, values: npt.NDArray[np.object_]) -> npt.NDArray[np.bool_]:
    """Rows whose value meets the condition; a missing value meets ``NAME=missing`` alone. Raises RetryError where the two can't be
    compared."""
    known = np.fromiter((v is not None and v == v for v in values), bool, len(values))
    if one.op in ("=", "!=") and _asks_for_none(one.value, values[known]):
        if known.all():
            raise RetryError(f"where: {clean(one.name, 60)!r} is missing in none of these images.")
        return ~known if one.op == "=" else known
    numeric = all(isinstance(v, int | float) for v in values[known])
    if OR in one.value and (numeric or one.value not in {str(v) for v in values[known]}):
        return _one_of(one, values)
    made = np.zeros(len(values), bool)
    if (asked := _TRUTHS.get(one.value.strip().casefold())) is not None and one.op in ("=", "!="):
        truths = [_TRUTHS.get(str(v).casefold()) for v in values[known]]
        if truths and None not in truths:  # True of a table and yes of a person are one value
            made[known] = (np.array(truths, bool) == asked) == (one.op == "=")
            return made
    if numeric:
        try:
            bound = float(one.value)
        except ValueError:
            raise RetryError(
                f"where: {clean(one.name, 60)!r} is a number; {clean(one.value, 40)!r} is not."
            ) from None
        made[known] = _OPERATORS[one.op](values[known].astype(float), bound)
        return made
    if one.op not in ("=", "!="):
        raise RetryError(f"where: {clean(one.name, 60)!r} holds names; compare it with = or !=.")
    texts = np.array([str(v) for v in values[known]], object)
    if one.value not in texts:
        raise RetryError(
            f"where: {clean(one.name, 60)!r} is never {clean(one.value, 60)!r}.",
            [clean(v, 60) for v in sorted(set(texts.tolist()))],
        )
    made[known] = (texts == one.value) == (one.op == "=")
    return made


_TRUTHS = {"true": True, "yes": True, "false": False, "no": False}


def _one_of(one: Filter, values: npt.NDArray[np.object_]) -> npt.NDArray[np.bool_]:
    """Rows whose value is one of a list; with ``!=`` none of it."""
    if one.op not in ("=", "!="):
        raise RetryError(f"where: a list of values can be compared with = or !=, not with {one.op!r}.")
    each = [compare(Filter(one.name, one.op, value), values) for value in one.values]
    made: npt.NDArray[np.bool_] = np.logical_or.reduce(each) if one.op == "=" else np.logical_and.reduce(each)
    return made


def _asks_for_none(value: str, known: npt.NDArray[np.object_]) -> bool:
    """Whether a condition is about images without a value: its word is none of the values that there are."""
    word = value.strip().casefold()
    return word in MISSING and all(str(v).casefold() != word for v in known)


_OPERATORS: dict[str, np.ufunc] = {
    "=": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
