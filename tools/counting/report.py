"""What count_images says of its count: sentences, facts, a table, a figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from failsight.tools.counting.counts import Counted, Images, Value
from failsight.tools.counting.words import about, base_words, short_words, verb_words
from failsight.tools.evidence import Cell, Fact, Figure, Table, Unit
from failsight.tools.experiments.population import OUTCOMES, PREDICTED_NAMES, TRUE_NAMES, Filter
from failsight.tools.figures.charts import MOST_ROWS, Mark, rates
from failsight.tools.notes import called, of_split
from failsight.tools.stats.operating import Rate
from failsight.tools.text import clean, counted, interval, listing, number
from failsight.tools.view import CaseView

NAMED = 4  # values named in the summary


@dataclass(frozen=True, slots=True)
class Asked:
    """What is counted: among which images, which of them, by what."""

    among: tuple[Filter, ...]
    having: tuple[Filter, ...]
    by: str | None
    top: int
    group_by: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A count with what it was asked.

    Attributes:
        whole: those counted, of the base. part: the base, of all images; None where nothing is counted in it.
        values: of ``by``, the largest count first. without: images that have none.
    """

    asked: Asked
    images: Images
    made: Counted
    whole: Rate
    part: Rate | None = None
    values: tuple[Value, ...] = ()
    without: int = 0

    @property
    def split(self) -> str:
        return self.images.split

    @property
    def shown(self) -> tuple[Value, ...]:
        return self.values[: self.asked.top]


def summary(told: Report) -> str:
    """The answer, then the values of ``by`` with the largest counts."""
    asked, whole = told.asked, told.whole
    of = [] if not asked.having else list(asked.among)
    if not whole.n:
        return f"There are no {base_words(of, told.split)}, so there is nothing to count."
    if not (asked.among or asked.having):
        first = f"There {'is' if whole.n == 1 else 'are'} {whole.n:,} {base_words((), told.split, whole.n)}."
    else:
        done = verb_words(asked.having or asked.among, whole.k)
        first = f"{whole.k:,} of {whole.n:,} {base_words(of, told.split)} {done}: {_rate(whole)}."
    return first + _part_of_all(told) + _by(told)


def _part_of_all(told: Report) -> str:
    """How large the base is among all images, where something else is counted in it."""
    if told.part is None or not told.part.k or told.part.k == told.part.n:
        return ""
    one = told.part
    noun = "image makes" if one.k == 1 else "images make"
    return f" {'This' if one.k == 1 else 'These'} {one.k:,} {noun} up {number(one.value)} of the {one.n:,} {called(told.split)}."


def _by(told: Report) -> str:
    if told.asked.by is None or not told.shown:
        return ""
    if told.asked.having:
        parts = [
            f"{_before_count(told, v.name)} {v.rate.k:,} of {v.rate.n:,} ({number(v.rate.value)})"
            for v in told.shown
        ]
    else:
        parts = [
            f"{_before_count(told, v.name)} {v.rate.k:,} ({number(v.rate.value)} of them)" for v in told.shown
        ]
    return f" By {_named(told.asked.by)}: {listing(parts, NAMED, 120)}."


def _before_count(told: Report, name: str) -> str:
    """A value before its count; one that ends in a digit with its column and a colon, so that the two do not run together: ``line 2:``."""
    text = clean(name, 60)
    if not text[-1:].isdigit():
        return text
    return f"{_named(told.asked.by)} {text}:" if text[:1].isdigit() and told.asked.by else f"{text}:"


def _rate(one: Rate) -> str:
    return f"{number(one.value)} {interval(one.ci)}"


def _named(by: str) -> str:
    return "true class" if by in TRUE_NAMES else "answer" if by in PREDICTED_NAMES else clean(by, 60)


def facts(told: Report) -> tuple[Fact, ...]:
    """``images`` of the base, ``counted`` of them and their ``share``; the same for each value of ``by``; the base as part of all.

    Where right or wrong answers are counted, ``accuracy`` and ``error_rate`` of the base too.
    """
    asked, base = told.asked, about(told.asked.among)
    made = _facts(told, told.whole, base) if asked.having else [_size(told, told.whole, base)]
    made += _outcome(told, asked.having, told.whole, base)
    for one in told.shown:
        inside = ", ".join(p for p in (base, _value(asked.by or "", one.name)) if p)
        made += [*_facts(told, one.rate, inside), *_outcome(told, asked.having, one.rate, inside)[:1]]
    part = told.part if asked.having else told.whole
    if part is not None and part.n and asked.among:
        of = of_split(told.split, base)
        made.append(Fact("share_of_images", part.value, "share", of, part.ci, part.n))
        made.append(Fact("images", part.n, "count", of_split(told.split)))
    if not asked.having and len(asked.among) == 1:  # all errors: an error rate of everything
        made += _outcome(told, asked.among, told.whole, "")
    return tuple(dict.fromkeys(made))


def _size(told: Report, one: Rate, inside: str) -> Fact:
    return Fact("images", one.k, "count", of_split(told.split, inside), None, one.n)


def _facts(told: Report, one: Rate, inside: str) -> list[Fact]:
    of = of_split(told.split, inside)
    if not told.asked.having:
        return [_size(told, one, inside), Fact("share", one.value, "share", of, one.ci, one.n)]
    counted = ", ".join(p for p in (of, about(told.asked.having)) if p)
    made = [Fact("images", one.n, "count", of), Fact("counted", one.k, "count", counted, None, one.n)]
    return [*made, Fact("share", one.value, "share", counted, one.ci, one.n)] if one.n else made


def _outcome(told: Report, filters: Sequence[Filter], one: Rate, inside: str) -> list[Fact]:
    """The accuracy and the error rate of the images ``inside`` where ``filters`` is right or wrong alone, the one asked for first."""
    if len(filters) != 1 or filters[0].op or not one.n:
        return []
    right, wrong = (one, one.rest) if OUTCOMES[filters[0].name] else (one.rest, one)
    of = of_split(told.split, inside)
    made = [
        Fact("accuracy", right.value, "share", of, right.ci, right.n, "higher_is_better"),
        Fact("error_rate", wrong.value, "share", of, wrong.ci, wrong.n, "lower_is_better"),
    ]
    return made if OUTCOMES[filters[0].name] else made[::-1]


def _value(by: str, name: str) -> str:
    if by in TRUE_NAMES:
        return f"class {clean(name, 60)}"
    if by in PREDICTED_NAMES:
        return f"called {clean(name, 60)}"
    return f"answered {name}" if by == "outcome" else f"slice {clean(by, 60)}={clean(name, 60)}"


def tables(told: Report) -> tuple[Table, ...]:
    """One row for each value of ``by``."""
    if told.asked.by is None:
        return ()
    name = _named(told.asked.by)
    left = len(told.values) - len(told.shown)
    caption = f"{counted(left, 'more value is', 'more values are')} not shown." if left else ""
    rows: list[tuple[Cell, ...]] = []
    for v in told.shown:
        sizes: tuple[Cell, ...] = (v.rate.n, v.rate.k) if told.asked.having else (v.rate.k,)
        rows.append((clean(v.name, 80), *sizes, v.rate.value, interval(v.rate.ci)))
    middle = ("images", short_words(told.asked.having)) if told.asked.having else ("images",)
    counts: list[Unit] = ["count" for _ in middle]
    units: tuple[Unit, ...] = ("text", *counts, "share", "text")
    return (Table(f"By {name}", (name, *middle, "share", "interval"), tuple(rows), units, caption),)


def figures(view: CaseView, told: Report) -> tuple[Figure, ...]:
    """The share of each value of ``by`` with its interval."""
    drawn = told.shown[:MOST_ROWS]
    if not drawn:
        return ()
    name = _named(told.asked.by or "")
    what = verb_words(told.asked.having, 2) if told.asked.having else "has the value"
    words = listing([f"{v.name} {number(v.rate.value)}" for v in drawn], 8)
    alt = f"Share of images that {what}, by {name}, with 95 % intervals: {words}."
    marks = [Mark(v.rate.value, *v.rate.ci) for v in drawn]
    axis = f"share that {what}" if told.asked.having else "share of all that are counted"
    svg = rates(f"By {name}", alt, [v.name for v in drawn], [("share", marks)], axis)
    return (view.save_figure("counts", svg, title=f"By {name}", alt=alt),)


def notes(told: Report) -> list[str]:
    """What can't be told of some images, and what intervals take for granted."""
    made, asked, said = told.made, told.asked, []
    which = called(told.split)
    if made.unknown_base:
        said.append(
            f"Of {made.unknown_base:,} more of the {which} it is not known whether they belong to these ({_columns(asked.among)}): they are not counted."
        )
    if made.unknown:
        more = base_words(asked.among if asked.having else (), told.split)
        why = _columns(asked.having or asked.among)
        said.append(f"Of {made.unknown:,} more {more} it is not known ({why}): they are not counted.")
    if told.without:
        said.append(
            f"{told.without:,} of the images that are counted have no value of {_named(asked.by or '')}."
        )
    if asked.group_by is not None:
        said.append(f"Intervals count images of the same {clean(asked.group_by, 40)} together.")
    return said


def _columns(filters: Sequence[Filter]) -> str:
    """What conditions ask of an image: ``cat and true class``."""
    names = []
    for one in (part for made in filters for part in made.inside):
        truth = not one.op or one.name in TRUE_NAMES
        names.append("true class" if truth else clean(one.name, 60))
    return listing(list(dict.fromkeys(names)))
