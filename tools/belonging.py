"""Which images belong together: several pictures of one patient, frames of one video, rooms of one house.

A case says it by the name of a metadata column (``--groups COLUMN``). It is then what every tool with an argument ``group_by``
goes by, and readiness too. A tool that is told ``none`` counts images as independent.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.tools.evidence import Evidence, Finding
    from failsight.tools.inputs.base import ImageTable, Split
    from failsight.tools.view import CaseView

Codes = npt.NDArray[np.int64]
UNSAID = "groups_unsaid"  # fact: groups by a column that nobody said anything of
NONE = "none"  # said of group_by: each image by itself, whatever the case says
FEWEST = 10  # different values from which a column may say what belongs together
REPEATED = 1.5  # images of a value, on average, from which it may
MOST_EACH = 50  # images of a value, on average, up to which a column names single things
#: what is measured of a person or thing, and says nothing of which one it is
QUANTITIES = frozenset([
    "age", "weight", "height", "length", "width", "depth", "size", "area", "volume", "speed", "score", "rating", "count", "share", "rate",
    "distance", "duration", "temperature", "humidity", "pressure", "angle", "altitude", "elevation", "latitude", "longitude", "income", "price",
    "time", "second", "seconds", "minute", "minutes", "hour", "hours", "day", "days", "weekday", "week", "weeks", "month", "months", "quarter",
    "season", "year", "years", "date",
])  # fmt: skip
_GERMAN = ("alter", "gewicht", "größe", "groesse", "länge", "laenge", "anzahl", "dauer", "abstand", "entfernung", "stunden", "jahre", "monate", "tage", "stunde", "jahr", "monat", "datum", "uhrzeit", "temperatur", "fläche", "flaeche", "breite", "tiefe")  # fmt: skip
# words in the name of such a column: anywhere in it, and as a word of its own
_ANYWHERE = re.compile(
    r"patient|subject|proband|participant|person|specimen|animal|video|sequence|sequenz|series|serie\b|session|household|recording|aufnahme"
)
_WORDS = frozenset(
    [
        "id",
        "ids",
        "pid",
        "uid",
        "pat",
        "case",
        "fall",
        "study",
        "studie",
        "visit",
        "clip",
        "movie",
        "film",
        "vid",
        "seq",
        "track",
        "shot",
        "scene",
        "house",
        "haus",
        "home",
        "room",
        "plot",
        "parcel",
        "farm",
        "field",
        "tree",
        "user",
        "owner",
        "customer",
        "donor",
        "family",
        "individual",
        "group",
        "folder",
        "burst",
        "event",
    ]
)


@dataclass(frozen=True, slots=True)
class Likely:
    """A column that looks as if it said what belongs together. ``images`` have a value, ``groups`` different ones."""

    column: str
    images: int
    groups: int


@dataclass(frozen=True, slots=True)
class Shared:
    """Groups of an evaluation split that the training images hold too.

    Attributes:
        split: which. column: that says what belongs together.
        groups, of_groups: shared ones, and all of the split. images, of_images: those in shared groups, and all with a value.
        rows: (images,) their row numbers in the split's table.
    """

    split: str
    column: str
    groups: int
    of_groups: int
    images: int
    of_images: int
    rows: Codes


def told(group_by: str | None) -> str | None:
    """The column that ``group_by`` names; None where it names none, or says that there is none."""
    return None if group_by is None or group_by.strip().casefold() in ("", NONE) else group_by


def column_of(view: CaseView) -> str:
    """The metadata column by which images of this case belong together; empty where nobody said so."""
    return str(getattr(view, "groups", "") or "")


def shown(view: CaseView) -> str:
    """The same as attributes call it now; empty where it was put aside."""
    name = column_of(view)
    for one in view.definitions() if name else ():
        if one.key == f"metadata:{clean(name, 80)}":
            return "" if one.dropped else one.name
    return clean(name, 80)


def default_for(view: CaseView, split: str) -> str | None:
    """What ``group_by`` is where nobody says it: the case's column, where the images of ``split`` have it."""
    name = column_of(view)
    if not name or split not in view.splits() or name not in view.table(split).columns:  # type: ignore[arg-type]
        return None
    return shown(view) or None


def independent_note(view: CaseView) -> list[str]:
    """That intervals take images for independent, where the case says that several belong together."""
    name = clean(column_of(view), 40)
    if not name:
        return []
    return [
        f"Intervals take images for independent and are too narrow where images of the same {name} are alike; slices, group comparisons "
        "and readiness count these together."
    ]


def codes(view: CaseView, split: Split) -> Codes | None:
    """(n,) group of each row of the split's predictions; None where the case says nothing, or this split has no such column.

    An image without a value is a group of its own.
    """
    if not column_of(view) or column_of(view) not in view.table(split).columns:
        return None
    return of_rows(view, split, view.predictions(split).rows)


def of_rows(view: CaseView, split: Split, rows: Codes) -> Codes | None:
    """(n,) group of each of ``rows`` of a split, with or without predictions; None where the case says nothing, or the split lacks
    the column. An image without a value is a group of its own."""
    name = column_of(view)
    if not name or name not in view.table(split).columns:
        return None
    values = view.table(split).columns[name]
    texts = [value_text(values[int(r)]) or f"\0{r}" for r in rows]
    made: Codes = np.unique(np.array(texts, object).astype(str), return_inverse=True)[1].astype(np.int64)
    return made


def together_note(view: CaseView) -> list[str]:
    """That associations count images that belong together as one, and rates with their intervals do not."""
    name = clean(column_of(view), 40)
    return [
        f"In every Cramér's V images of one {name} count as one image; rates and their intervals take images for independent, and these "
        f"intervals are too narrow where images of the same {name} are alike."
    ]


def value_text(value: Any) -> str:
    """A value of such a column as text; empty for none."""
    if value is None or (isinstance(value, float | np.floating) and not np.isfinite(value)):
        return ""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    text = str(value).strip()
    return "" if text.casefold() in ("nan", "none") else text


def likely(table: ImageTable) -> Likely | None:
    """The column of ``table`` that looks most as if it said what belongs together: by its name, and as its values come again.

    Of several the one with the fewest values: whoever counts its images together does so for the finer ones, too.
    """
    found = [one for name, values in table.columns.items() if (one := _likely(name, values)) is not None]
    return min(found, key=lambda one: one.groups, default=None)


def fine(values: Sequence[Any]) -> bool:
    """Whether a column has many values, each of few images: it names things that were pictured, not kinds of them."""
    texts = [t for v in values if (t := value_text(v))]
    groups = len(set(texts))
    return groups >= FEWEST and groups * MOST_EACH >= len(texts)


def _likely(name: str, values: Sequence[Any]) -> Likely | None:
    said = re.sub(r"(?<=[a-zäöü])(?=[A-Z])", " ", name).lower()
    head = re.split(r"(?<![a-z])of(?![a-z])", said)[0] or said  # "age_of_owner" is an age
    words = re.findall(r"[a-zäöüß]+", head)
    if any(map(_quantity, words)) or not (_ANYWHERE.search(head) or _WORDS & set(words)):
        return None
    texts = [t for v in values if (t := value_text(v))]
    groups = len(set(texts))
    if groups < FEWEST or len(texts) < REPEATED * groups or _measured(values):
        return None
    return Likely(name, len(texts), groups)


def _measured(values: Sequence[Any]) -> bool:
    """Whether the values are measurements, whatever the column is called: numbers, of which some have a fraction."""
    known = [v for v in values if value_text(v)]
    numbers = all(isinstance(v, int | float | np.number) and not isinstance(v, bool) for v in known)
    return numbers and any(not float(v).is_integer() for v in known)


def _quantity(word: str) -> bool:
    """Whether a word is what is measured of somebody: ``age``, and of German also as the end of one, ``patientenalter``."""
    ends = (word.removesuffix(q) for q in _GERMAN if word.endswith(q))
    return word in QUANTITIES or any(not left or _ANYWHERE.search(left) for left in ends)


def command(folder: object, column: str) -> str:
    """What to type so that images with the same value of ``column`` count together."""
    return f"failsight run {shlex.quote(str(folder))} --groups {shlex.quote(column)}"


def shared_with_training(view: CaseView, split: Split, column: str) -> Shared | None:
    """Groups that the training images hold too; None where either split lacks the column or any value in it."""
    if "train" not in view.splits() or split not in view.splits():
        return None
    own, there = view.table(split).columns.get(column), view.table("train").columns.get(column)
    if own is None or there is None:
        return None
    trained = {t for v in there if (t := value_text(v))}
    texts = [value_text(v) for v in own]
    known = [t for t in texts if t]
    if not trained or not known:
        return None
    rows = np.flatnonzero([bool(t) and t in trained for t in texts]).astype(np.int64)
    both = trained & set(known)
    return Shared(split, column, len(both), len(set(known)), len(rows), len(known), rows)


def counted_alone(
    findings: Iterable[tuple[str, Finding]], evidence: Sequence[Evidence], column: str
) -> dict[str, str]:
    """Findings that were tested as if each of their images stood alone, though the case says that several belong together.

    Args:
        findings: (id, finding). evidence: all of it, oldest first. column: of the case; without one nothing is said.

    Returns:
        Id → a sentence about it, with the evidence that tested it.
    """
    made: dict[str, str] = {}
    name = clean(column, 40)
    for i, finding in findings if column else ():
        if finding.verdict is None:
            continue
        if any(t.together for t in finding.tests):
            continue
        places = [
            at
            for at, e in enumerate(evidence)
            if "group_by" in e.arguments and any(f.key == finding.key for f in e.findings)
        ]
        if not places or told(evidence[places[-1]].arguments["group_by"]) is not None:
            continue
        before = evidence[places[-1]]
        sentence = (
            f"{i} was tested as if each image stood alone ({before.tool}, {before.id}), not with images of the same {name} "
            "together: it may not hold."
        )
        again = [e for e in evidence[places[-1] + 1 :] if _same_question(before, e)]
        if again:
            sentence += f" Measured again with these together ({again[-1].id}), it was not found."
        made[i] = sentence
    return made


def _same_question(before: Evidence, now: Evidence) -> bool:
    """Whether a measurement was made again, with what belongs together counted so."""
    rest: list[Mapping[str, Any]] = [
        {k: v for k, v in e.arguments.items() if k != "group_by"} for e in (before, now)
    ]
    return before.tool == now.tool and rest[0] == rest[1] and told(now.arguments.get("group_by")) is not None
