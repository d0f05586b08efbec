"""What operating_points says of its measurements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from shlex import quote
from typing import TYPE_CHECKING

from failsight.tools.evidence import Cell, Fact, Figure, Table
from failsight.tools.figures.charts import Mark
from failsight.tools.figures.curves import Panel, small_multiples
from failsight.tools.inputs.base import Predictions, Split
from failsight.tools.notes import called, of_split
from failsight.tools.stats.operating import Point, Rate, precision_at
from failsight.tools.text import clean, interval, number

if TYPE_CHECKING:
    from failsight.tools.evidence import Unit
    from failsight.tools.operating_points import Measured, Wish
    from failsight.tools.view import CaseView

DRAWN = (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98)  # thresholds of the figure


def with_groups(made: Measured, column: str) -> Measured:
    """The same, told as counted by that column."""
    return replace(made, grouped=column)


def summary(made: Measured, split: Split, prevalence: float | None) -> str:
    """The class, how well its score ranks, the present operating point, and the threshold for each rate that is wanted."""
    name, where = clean(made.name, 60), f" (a threshold of {made.at:g})" if made.at is not None else ""
    parts = [
        f"{name} on {made.n:,} {called(split)}, {made.own:,} of them {name}: the AUC of its score is {made.area.value:.3f} "
        f"[{made.area.ci[0]:.3f}, {made.area.ci[1]:.3f}].",
        f"As the model answers now{where} {_words(made.now, name)}.",
    ]
    if prevalence is not None:
        value, ci = precision_at(made.now, prevalence)
        parts.append(
            f"Where {number(prevalence)} of the images are {name}, {number(value)} {interval(ci)} of the answers {name} are right."
        )
    if (asked := _asked(made)) is not None:
        parts.append(f"At a threshold of {made.named:g} {_words(asked, name)}.")
    parts += [_wanted(wish, name, prevalence) for wish in made.wishes]
    return " ".join(parts)


def _asked(made: Measured) -> Point | None:
    """What the threshold that somebody asked about comes to."""
    return next((at for bar, at in made.points if bar == made.named), None)


def _words(at: Point, name: str) -> str:
    right = (
        f"{_rate(at.precision)} of the answers {name} are right"
        if at.precision.n
        else f"it never answers {name}"
    )
    return f"it finds {_rate(at.recall)} of {name}, {right}, and {_rate(at.alarms)} of the other images are false alarms"


def _rate(one: Rate) -> str:
    return f"{number(one.value)} {interval(one.ci)}"


def _wanted(wish: Wish, name: str, prevalence: float | None) -> str:
    """What came of a rate that is wanted: the threshold, what it gives on each half, and whether that is as wanted."""
    asked = wanted_words(wish, prevalence)
    if wish.few:
        whose = "of the other classes" if wish.measure == "specificity" else f"of {name}"
        return f"There are too few images {whose} to choose a threshold for {asked} on one half and confirm it on the other."
    if wish.chosen is None or wish.first is None or wish.second is None:
        lacking = {
            "recall": f"no image of {name} has a score above 0",
            "precision": "too few images have a score above 0",
            "specificity": "no image has a score above 0",
        }
        return f"No threshold can be chosen for {asked}: on the half that would choose it, {lacking[wish.measure]}."
    there, told = (_part(wish, at, name, prevalence) for at in (wish.first, wish.second))
    other = f"on the other half, which did not choose it, {_words(wish.second, name)}"
    if wish.measure == "specificity" or (wish.measure == "precision" and prevalence is not None):
        other += f"; so {told}"
    if not wish.reached:
        return f"No threshold reaches {asked} on the half of the images that chooses it. {wish.chosen:g} comes nearest: there {there}; {other}."
    extreme = "largest" if wish.measure == "recall" else "smallest"
    return (
        f"{asked[0].upper()}{asked[1:]} takes a threshold of {wish.chosen:g}: it is the {extreme} that reaches it on one half of the images, where "
        f"{there}; {other}. {_verdict(wish, prevalence)}"
    )


def wanted_words(wish: Wish, prevalence: float | None) -> str:
    """``a recall of 95.0 %``, ``a precision of 90.0 % where 8.0 % of the images are of the class``."""
    meant = f" at a prevalence of {number(prevalence)}" if wish.measure == "precision" and prevalence else ""
    return f"a {wish.measure} of {number(wish.share)}{meant}"


def _part(wish: Wish, at: Point, name: str, prevalence: float | None) -> str:
    value, ci = _rate_of(wish, at, prevalence)
    share = f"{number(value)} {interval(ci)}" if value == value else "none"
    if wish.measure == "recall":
        return f"{share} are found"
    if wish.measure == "specificity":
        return f"{share} of the other images are rightly not called {name}"
    return f"{share} of the answers {name} are right" + (
        " at that prevalence" if prevalence is not None else ""
    )


def _rate_of(wish: Wish, at: Point, prevalence: float | None) -> tuple[float, tuple[float, float]]:
    """The rate that is wanted, at a point; nan where nothing is called so."""
    if wish.measure == "precision" and prevalence is not None:
        return precision_at(at, prevalence)
    one = {"recall": at.recall, "precision": at.precision, "specificity": at.alarms.rest}[wish.measure]
    return one.value, one.ci


def _verdict(wish: Wish, prevalence: float | None) -> str:
    assert wish.second is not None
    value, (low, high) = _rate_of(wish, wish.second, prevalence)
    if value != value:
        return f"So that {wish.measure} could not be confirmed."
    verdict = "is less than" if high < wish.share else "is at least" if low >= wish.share else "agrees with"
    return f"That {wish.measure} {verdict} the one wanted."


def facts(made: Measured, split: Split, prevalence: float | None) -> tuple[Fact, ...]:
    """The AUC, the rates as they are now, and those of each threshold that was chosen, on the half that did not choose it."""
    of = of_split(split, f"class {made.name}")
    found = [
        Fact("auc", made.area.value, "ratio", of, made.area.ci, made.area.n, "higher_is_better"),
        *_rates(made.now, of, prevalence),
    ]
    if made.at is not None:
        found.append(Fact("threshold", made.at, "score", f"{of}, now"))
    if (asked := _asked(made)) is not None:
        found += _rates(asked, f"{of}, threshold {made.named:g}", prevalence)
    for wish in made.wishes:
        found += _wish_facts(wish, of, prevalence)
    return tuple(dict.fromkeys(found))


def _wish_facts(wish: Wish, of: str, prevalence: float | None) -> list[Fact]:
    if wish.chosen is None or wish.first is None or wish.second is None:
        return []
    relation = "for" if wish.reached else "nearest to"
    found = [
        Fact("threshold", wish.chosen, "score", f"{of}, {relation} {wanted_words(wish, prevalence)}"),
        *_rates(wish.second, f"{of}, threshold {wish.chosen:g}, other half", prevalence),
    ]
    if wish.measure == "specificity":
        rest = wish.second.alarms.rest
        about = f"{of}, threshold {wish.chosen:g}, other half"
        found.append(Fact("specificity", rest.value, "share", about, rest.ci, rest.n, "higher_is_better"))
    value, ci = _rate_of(wish, wish.first, prevalence)
    if value == value:
        about = f"{of}, threshold {wish.chosen:g}, half that chose it"
        found.append(Fact(wish.measure, value, "share", about, ci, None, "higher_is_better"))
    return found


def _rates(at: Point, of: str, prevalence: float | None) -> list[Fact]:
    found = [
        Fact(name, one.value, "share", of, one.ci, one.n, direction)  # type: ignore[arg-type]
        for name, one, direction in (
            ("recall", at.recall, "higher_is_better"),
            ("precision", at.precision, "higher_is_better"),
            ("false_alarm_rate", at.alarms, "lower_is_better"),
        )
        if one.n
    ]
    if prevalence is not None:
        value, ci = precision_at(at, prevalence)
        if value == value:
            about = f"{of}, at a prevalence of {number(prevalence)}"
            found.append(Fact("precision", value, "share", about, ci, None, "higher_is_better"))
    return found


def table(made: Measured, prevalence: float | None) -> Table:
    """Every threshold of the grid, with the present operating point marked."""
    lines: list[tuple[str, Point, str]] = [
        (f"{bar:g}", at, _mark(made, bar))
        for bar, at in made.points
        if at.precision.n or bar in (made.at, made.named)
    ]
    if made.at is None:
        lines.insert(0, ("as it is", made.now, "now"))
    rows: list[tuple[Cell, ...]] = []
    for text, at, mark in lines:
        row: list[Cell] = [text]
        for one in (at.recall, at.precision, at.alarms):
            row += [one.value if one.n else None, interval(one.ci) if one.n else ""]
        if prevalence is not None:
            value, ci = precision_at(at, prevalence)
            row += [value if value == value else None, interval(ci) if value == value else ""]
        rows.append((*row, at.precision.n, mark))
    more: Sequence[str] = () if prevalence is None else (f"precision at {number(prevalence)}", "its interval")
    units: list[Unit] = ["text", *(("share", "text") * (4 if prevalence is not None else 3)), "count", "text"]
    return Table(
        f"Thresholds on the score of {clean(made.name, 40)}",
        (
            "threshold", "recall", "recall interval", "precision", "precision interval", "false alarms", "false alarms interval",
            *more, "images called so", "",
        ),
        tuple(rows),
        tuple(units),
        "Called so: the images whose score of the class reaches the threshold. Thresholds that no image reaches are left out.",
    )  # fmt: skip


def _mark(made: Measured, bar: float) -> str:
    marks = [word for word, at in (("now", made.at), ("asked", made.named)) if at == bar]
    several = len(made.wishes) > 1
    marks += [
        f"{'chosen' if w.reached else 'nearest'}{f' for {w.measure}' if several else ''}"
        for w in made.wishes
        if w.chosen == bar
    ]
    return ", ".join(marks)


def figure(view: CaseView, made: Measured) -> Figure:
    """Recall, precision and false alarms over the threshold."""
    shown = [(bar, at) for bar, at in made.points if bar in DRAWN]

    def panel(title: str, rates: Sequence[tuple[float, Rate]]) -> Panel:
        return Panel(title, [(f"{bar:g}", Mark(r.value, *r.ci)) for bar, r in rates if r.n])

    panels = [
        panel("recall", [(bar, at.recall) for bar, at in shown]),
        panel("precision", [(bar, at.precision) for bar, at in shown]),
        panel("false alarms", [(bar, at.alarms) for bar, at in shown]),
    ]
    told = "; ".join(
        f"at {bar:g} recall {number(at.recall.value)}, precision {number(at.precision.value)}, false alarms {number(at.alarms.value)}"
        for bar, at in shown
    )
    alt = f"Recall, precision and false alarms of {clean(made.name, 60)} over the threshold: {told}."
    svg = small_multiples("What a threshold costs", alt, panels)
    return view.save_figure("operating_points", svg, title="What a threshold costs", alt=alt)


def notes(made: Measured, predictions: Predictions, prevalence: float | None) -> list[str]:
    """What the numbers rest on."""
    name = clean(made.name, 60)
    found = []
    if prevalence is None:
        found.append(
            f"Precision holds where {number(made.own / made.n)} of the images are {name}, as here. Where it is rarer, fewer of the answers "
            f"{name} are right; recall and false alarms do not depend on it. Name the share to have precision told for it."
        )
    if made.at is None and len(predictions.classes) > 2:
        found.append(
            f"No threshold on this score calls the same images {name} as the model does now: other classes' scores have their say, too."
        )
    if made.grouped:
        found.append(
            f"Images with the same {clean(made.grouped, 60)} were counted together: in the intervals, and in the halves."
        )
    return found


def next_steps(made: Measured) -> tuple[str, ...]:
    """How a threshold is set."""
    bar = next((b for b in (*(w.chosen for w in made.wishes if w.reached), made.named) if b is not None), 0.2)
    return (
        f"To have the model judged at a threshold, open a case with --threshold {quote(f'{clean(made.name, 60)}={bar:g}')}, or write "
        '"thresholds" into model.json (docs/models.md).',
    )
