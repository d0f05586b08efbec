"""What attribute_overview shows: sentences, facts, tables, histograms and heat maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from failsight.tools.attributes.definitions import ASSIGNED
from failsight.tools.checks.attribute_profile import NEARLY, Grid, Profile, Strength
from failsight.tools.evidence import Cell, Fact, Figure, Table
from failsight.tools.figures.cells import Cells, cells
from failsight.tools.figures.charts import Mark
from failsight.tools.figures.histograms import MOST_BARS, Bar, Block, histograms
from failsight.tools.hypotheses.suggested import WORST
from failsight.tools.notes import called, of_split
from failsight.tools.slices.columns import Coded
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import clean, counted, interval, listing, number
from failsight.tools.view import CaseView

LEAST = 10  # judged images below which an error rate is not shaded
FEW = 20  # judged images below which a value is not called the worst
TOLD = 0.1  # Cramér's V below which an attribute is not said to go with anything
BLOCK_ROWS = 32  # rows of one figure of histograms; two figures at most
MOST_ATTRIBUTES, MOST_VALUES = 60, 60  # rows of the tables
ROWS, COLUMNS = 24, 20  # of the heat maps
FACTS = 4


@dataclass(frozen=True)
class Overview:
    """Everything measured.

    Attributes:
        n: images; ``judged`` of them with a label and a prediction, ``wrong`` of these wrong.
        profiles: one an attribute, the most telling first.
        grid: classes by attribute values; None without labels.
        name: the class that was asked for, or None.
        together: the column whose equal values count as one image in every association; empty without.
    """

    split: str
    classes: tuple[str, ...]
    n: int
    judged: int
    wrong: int
    profiles: tuple[Profile, ...]
    grid: Grid | None
    name: str | None
    together: str = ""

    @property
    def overall(self) -> float | None:
        """Error rate of all judged images."""
        return self.wrong / self.judged if self.judged else None


def summary(made: Overview) -> str:
    of = f" of {clean(made.name, 60)}" if made.name else ""
    if not made.profiles:
        return f"No attribute of the {made.n:,} {called(made.split)}{of} has values that differ, so there is nothing to set side by side."
    lines = [f"{len(made.profiles)} attributes of {made.n:,} {called(made.split)}{of} were looked at."]
    told = [p for p in made.profiles if p.error and p.error.value >= TOLD]
    if told:
        first = told[0]
        lines.append(
            f"Errors go most with {_name(first)} (V {_v(first.error)}, within classes{_together(made)}){_worst_words(first)}."
        )
    elif made.judged:
        lines.append(f"No attribute goes with errors by more than V {number(TOLD, 'ratio')} within classes.")
    tied = sorted((p for p in made.profiles if p.label), key=lambda p: -p.label.value if p.label else 0)
    if tied and tied[0].label and tied[0].label.value >= TOLD:
        what = "They differ from the other classes most in" if made.name else "The class goes most with"
        lines.append(f"{what} {_name(tied[0])} (V {_v(tied[0].label)}).")
    pairs = twin_pairs(made.profiles)
    if pairs:
        words = listing([f"{a} and {b}" for a, b, _ in pairs], 3)
        lines.append(f"Nearly the same: {words}.")
    return " ".join(lines)


def _together(made: Overview) -> str:
    return f", images of one {clean(made.together, 40)} counted together" if made.together else ""


def _worst_words(made: Profile) -> str:
    value = made.worst(FEW)
    if value is None:
        return ""
    rate, ci = float(made.rates[value]), interval(made.interval(value))
    return f": {number(rate)} {ci} wrong where it is {clean(made.coded.values[value], 50)}"


def _name(made: Profile) -> str:
    return clean(made.coded.name, 40)


def _v(made: Strength | None) -> str:
    return "" if made is None else f"{number(made.value, 'ratio')} {interval(made.ci, 'ratio')}"


def twin_pairs(found: Sequence[Profile]) -> list[tuple[str, str, float]]:
    """Pairs of attributes that tell nearly the same, strongest first, each pair once."""
    pairs = {
        tuple(sorted((clean(p.coded.name, 40), clean(name, 40)))): v for p in found for name, v in p.twins
    }
    return sorted(((a, b, v) for (a, b), v in pairs.items()), key=lambda t: (-t[2], t[0]))


def facts(made: Overview) -> tuple[Fact, ...]:
    about = f"class {made.name}" if made.name else ""
    found = [Fact("images", made.n, "count", of_split(made.split, about))]
    if made.overall is not None:
        found.append(
            Fact("error_rate", made.overall, "share", of_split(made.split, about), wilson(made.wrong, made.judged), made.judged, "lower_is_better")
        )  # fmt: skip
    for one in made.profiles[:FACTS]:
        where = of_split(made.split, f"attribute {one.coded.name}" + (f", {about}" if about else ""))
        n = int(one.counts.sum())
        for name, by in (
            ("association_with_error", one.error),
            ("association_with_class", one.label),
            ("association_with_prediction", one.prediction),
        ):
            if by is not None:
                found.append(Fact(name, by.value, "ratio", where, by.ci, n))
    return tuple(found)


def tables(made: Overview) -> tuple[Table, ...]:
    built = [_attributes(made), _strengths(made), _values(made), _twins(made)]
    return tuple(t for t in built if t is not None)


def _attributes(made: Overview) -> Table | None:
    if not made.profiles:
        return None
    rows: list[tuple[Cell, ...]] = []
    for one in made.profiles[:MOST_ATTRIBUTES]:
        worst = one.worst(FEW)
        rows.append(
            (
                one.coded.name,
                one.coded.source.replace("_", " "),
                len(one.coded.values),
                one.missing / max(made.n, 1),
                None if worst is None else one.coded.values[worst],
                None if worst is None else float(one.rates[worst]),
                None if worst is None else interval(one.interval(worst)),
            )
        )
    left = len(made.profiles) - len(rows)
    return Table(
        "Attributes, the most telling first",
        ("attribute", "source", "values", "missing", WORST, "error", "interval"),
        tuple(rows),
        ("text", "text", "count", "share", "text", "share", "text"),
        f"Missing: without a value, or the source was unsure. Most wrong: of the values of at least {FEW} images."
        + (f" {counted(left, 'more attribute is', 'more attributes are')} not shown." if left > 0 else ""),
    )


def _strengths(made: Overview) -> Table | None:
    rows = [
        (one.coded.name, _v(one.error) or None, _v(one.label) or None, _v(one.prediction) or None)
        for one in made.profiles[:MOST_ATTRIBUTES]
    ]
    if not any(any(row[1:]) for row in rows):
        return None
    return Table(
        "What each attribute goes with",
        ("attribute", "errors", "class", "prediction"),
        tuple(rows),
        caption="Cramér's V: 0 tells nothing, 1 everything, with 95 % intervals; with errors it is measured within true classes"
        + (", with the class between this one and all others. " if made.name else ". ")
        + (f"Images of one {clean(made.together, 40)} count as one. " if made.together else "")
        + "An association is no cause.",
    )


def _values(made: Overview) -> Table | None:
    rows: list[tuple[Cell, ...]] = []
    for one in made.profiles:
        for v in np.argsort(-one.counts, kind="stable")[:MOST_BARS].tolist():
            judged = int(one.judged[v])
            rows.append(
                (
                    f"{clean(one.coded.name, 40)}={clean(one.coded.values[v], 60)}",
                    int(one.counts[v]),
                    float(one.counts[v] / max(one.counts.sum(), 1)),
                    float(one.rates[v]) if judged else None,
                    interval(one.interval(v)) if judged else "",
                )
            )
    if not rows:
        return None
    left = len(rows) - MOST_VALUES
    return Table(
        "How often each value occurs, and how often the model errs there",
        ("value", "images", "share", "error", "interval"),
        tuple(rows[:MOST_VALUES]),
        ("text", "count", "share", "share", "text"),
        f"{counted(left, 'more value is', 'more values are')} not shown." if left > 0 else "",
    )


def _twins(made: Overview) -> Table | None:
    pairs = twin_pairs(made.profiles)
    if not pairs:
        return None
    return Table(
        "Attributes that tell nearly the same",
        ("attribute", "other", "V"),
        tuple(pairs[:20]),
        ("text", "text", "ratio"),
        f"Cramér's V of at least {number(NEARLY, 'ratio')}: a finding about one of them is a finding about both.",
    )


def figures(view: CaseView, made: Overview) -> tuple[Figure, ...]:
    """Histograms, then shares and error rates of classes by values."""
    drawn = _histograms(view, made)
    if made.grid is not None and made.grid.columns and len(made.grid.rows) > 1:
        drawn.append(_heat(view, made, made.grid, error=False))
        if made.judged:
            drawn.append(_heat(view, made, made.grid, error=True))
    return tuple(drawn)


def _histograms(view: CaseView, made: Overview) -> list[Figure]:
    pages: list[list[Block]] = [[]]
    used = 0
    for one in made.profiles:
        block = _block(one)
        rows = len(block.bars) + 2
        if used + rows > BLOCK_ROWS and pages[-1]:
            if len(pages) == 2:
                break
            pages.append([])
            used = 0
        pages[-1].append(block)
        used += rows
    drawn = []
    for i, blocks in enumerate(p for p in pages if p):
        title = "Histograms of the attributes" + ("" if i == 0 else ", continued")
        alt = f"Bars of how often each value occurs, with error rates: {_bar_words(blocks)}."
        svg = histograms(title, alt, blocks, made.overall)
        drawn.append(view.save_figure(f"attributes-{i + 1}", svg, title=title, alt=alt))
    return drawn


def _block(one: Profile) -> Block:
    order = np.arange(len(one.counts))
    if len(order) > MOST_BARS:
        order = np.sort(np.argsort(-one.counts, kind="stable")[: MOST_BARS - 1])
    bars = [_bar(one, int(v)) for v in order]
    rest = int(one.counts.sum()) - sum(b.n for b in bars)
    if rest:
        bars.append(Bar(counted(len(one.counts) - len(order), "other value"), rest, quiet=True))
    if one.missing:
        bars.append(Bar("unsure" if one.coded.source in ASSIGNED else "no value", one.missing, quiet=True))
    by = f"V with errors {_v(one.error)}" if one.error else ""
    with_class = f"with class {number(one.label.value, 'ratio')}" if one.label else ""
    words = "; ".join(w for w in (one.coded.source.replace("_", " "), by, with_class) if w)
    return Block(clean(one.coded.name, 40), words, tuple(bars))


def _bar(one: Profile, v: int) -> Bar:
    error = None
    if one.judged[v]:
        error = Mark(float(one.rates[v]), *one.interval(v))
    return Bar(one.coded.values[v], int(one.counts[v]), error)


def _bar_words(blocks: Sequence[Block]) -> str:
    told = []
    for block in blocks[:6]:
        known = [b for b in block.bars if b.error is not None and b.n >= FEW]
        if known:
            worst = max(known, key=lambda b: b.error.value if b.error else 0)
            told.append(
                f"{block.name}, most wrong at {worst.name} ({number(worst.error.value if worst.error else None)})"
            )
        else:
            told.append(
                f"{block.name}, most often {max(block.bars, key=lambda b: b.n).name}"
                if block.bars
                else block.name
            )
    return "; ".join(told)


def _heat(view: CaseView, made: Overview, grid: Grid, *, error: bool) -> Figure:
    rows = [made.classes[c] if c >= 0 else "all other classes" for c in grid.rows.tolist()]
    columns = [_short(grid.coded[p], v) for p, v in grid.columns]
    values = grid.rates if error else grid.share
    n = grid.judged if error else grid.known
    what = "wrong" if error else "of the images of the class"
    shown = Cells(rows, columns, [p for p, _ in grid.columns], values, n, what)
    title = (
        "Error rate by class and attribute value" if error else "How often each value occurs in each class"
    )
    alt = f"Heat map of {len(rows)} classes by {len(columns)} attribute values: {_extremes(shown)}."
    note = (
        f"figures: % wrong · hatched: fewer than {LEAST} images"
        if error
        else f"figures: % of the images of the class · hatched: fewer than {LEAST} images"
    )
    name = "attributes-error" if error else "attributes-share"
    return view.save_figure(name, cells(title, alt, shown, least=LEAST, note=note), title=title, alt=alt)


def _short(one: Coded, v: int) -> str:
    """``brightness: very dark``, without the figures of the range."""
    value = one.values[v]
    words = value.rpartition(" (")[0] if one.edges is not None else value
    return f"{clean(one.name, 18)}: {clean(words or value, 22)}"


def _extremes(shown: Cells) -> str:
    usable = np.where((shown.n >= LEAST) & np.isfinite(shown.values), shown.values, -1.0)
    told = []
    for at in np.argsort(-usable, axis=None, kind="stable")[:4].tolist():
        i, j = divmod(at, usable.shape[1])
        if usable[i, j] >= 0:
            told.append(f"{clean(shown.rows[i], 30)} with {shown.columns[j]} {number(float(usable[i, j]))}")
    return f"highest {listing(told)}" if told else "no cell rests on enough images"


def notes(made: Overview, many: bool) -> list[str]:
    """What is missing, and how to read it."""
    lines = []
    if not made.judged:
        lines.append(
            "Without labels and predictions nothing can be said about errors: only how often values occur."
        )
    elif many and made.profiles:
        lines.append(
            "With so many classes, errors are compared within classes of similar error rate, not within each class."
        )
    if made.grid is not None and made.name is None and len(made.grid.rows) < len(made.classes):
        lines.append(
            f"The heat maps show the {len(made.grid.rows)} classes whose shares differ most from the others'."
        )
    if made.profiles:
        lines.append(
            "Many attributes were looked at and nothing was tested: what stands out may be chance (find_slices tests)."
        )
    return lines


def next_steps(made: Overview) -> tuple[str, ...]:
    told = [p for p in made.profiles if p.error and p.error.value >= TOLD]
    steps = []
    if told:
        steps.append("Test on images set aside where it fails more than elsewhere (find_slices).")
    if not any(p.coded.source in ASSIGNED for p in made.profiles):
        steps.append("Propose attributes in words that people find telling (propose_attributes).")
    return tuple(steps)
