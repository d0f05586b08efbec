"""What the pipelines said, as facts, a table, figures, one finding and the line to change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from failsight.tools.evidence import (
    Cell,
    Fact,
    Figure,
    Finding,
    ImageRef,
    Instrument,
    Table,
    TestResult,
    Verdict,
)
from failsight.tools.experiments.figures import Tile, sheet
from failsight.tools.figures.charts import MOST_ROWS, Mark, rates
from failsight.tools.inputs.base import BadImage, Preprocessing
from failsight.tools.notes import called, of_split
from failsight.tools.pipelines.candidates import Pipeline
from failsight.tools.pipelines.choice import Choice, Tested, winner
from failsight.tools.pipelines.feeding import Bench, Outcomes
from failsight.tools.pipelines.recalls import UNEQUAL, fallen, mean_recall, recall_facts
from failsight.tools.stats.intervals import newcombe_paired, wilson
from failsight.tools.text import clean, interval, number, p_value

TOOL = "preprocessing_probe"
CLAIM = "The model is fed wrongly: another input pipeline than the declared one does better."
STATISTIC = (
    "difference of accuracy on the same images, exact one-sided McNemar test (of the classes' mean recall, random signs, where one class has "
    "more than three times as many images as the others on average); Holm over all that are tested"
)
SHOWN = 4
CHART_TITLE = "Right answers under each input pipeline"


@dataclass(frozen=True)
class Probe:
    """Everything that was measured.

    Attributes:
        second: outcomes on the confirming part: the declared pipeline first, then those tested in order.
        turned: how many of the sampled pictures carry an EXIF orientation.
    """

    split: str
    bench: Bench
    choice: Choice
    tests: tuple[Tested, ...]
    second: Outcomes
    turned: int

    @cached_property
    def winner(self) -> Tested | None:
        """The confirmed pipeline to speak of; None when none is."""
        return winner(self.tests, self.second)

    @property
    def lead(self) -> Tested:
        """The test to speak of: the winner, else the one nearest to winning."""
        return self.winner or max(self.tests, key=lambda t: (t.judgement.verdict != "refuted", t.effect))

    @property
    def verdict(self) -> Verdict:
        """Confirmed by any test, refuted by all of them, else open."""
        if self.winner:
            return "confirmed"
        return "refuted" if all(t.judgement.verdict == "refuted" for t in self.tests) else "inconclusive"


def plan(arguments: dict[str, object], n: int, minimum: float, alpha: float, seen: float) -> Instrument:
    """The plan of the test, journalled before the first picture is fed."""
    return Instrument(
        finding=Finding("preprocessing", "correctness", "data_engineering", CLAIM).key,
        tool=TOOL,
        arguments=arguments,
        statement=CLAIM,
        statistic=STATISTIC + "; the pipelines are chosen on other images",
        control="the declared pipeline on the same images; on training images the other must not be worse; and it must bring back a third of what "
        "was lost since the training record; without either, a crop must be better than the declared pipeline with what it cuts away covered",
        minimum_effect=minimum,
        alpha=alpha,
        n_planned=n,
        smallest_detectable_effect=seen,
    )


def summary(made: Probe) -> str:
    """Two or three sentences."""
    tried, n = len(made.choice.tried) - 1, made.lead.n
    head = f"{tried} other ways to feed {called(made.split)} were tried, the best of them tested on {n:,} further ones. "
    return head + (statement(made) if made.winner else _nothing_better(made))


def statement(made: Probe) -> str:
    """The finding's sentence."""
    lead = made.lead
    if made.winner is None:
        return CLAIM
    fed, what = lead.pipeline.fed, called(made.split)
    gain = f"{number(lead.effect, 'points')} {interval(lead.ci, 'points')}"
    if lead.balanced is None:
        text = f"The model is right in {number(lead.accuracy)} of the {what} when {fed}, and in {number(lead.declared)} as declared: {gain}."
    else:
        text = mean_recall(lead, what)
    return f"{text}{fallen(lead, made.bench.view.classes)}"


def _nothing_better(made: Probe) -> str:
    lead = made.lead
    has = (
        f"has a mean recall of {number(lead.balanced[0])}"
        if lead.balanced
        else f"is right in {number(lead.declared)}"
    )
    told = (
        f"None is better than the declared one, which {has}: the best, {lead.pipeline.title}, makes "
        f"{number(lead.effect, 'points')} {interval(lead.ci, 'points')}. {power(made)}"
    )
    if made.verdict == "refuted":
        return told
    told = told.replace("None is better", "None was shown to be better", 1)
    if not kept(lead):
        return told
    # the gain itself is sure: what kept it from being confirmed is said, and nothing of what would have been seen
    return f"{told.removesuffix(power(made)).rstrip()} That gain alone would confirm it (p {p_value(lead.p)}). {lead.judgement.reason}"


def kept(one: Tested) -> bool:
    """Whether a gain that is large and sure enough was kept from confirming by a safeguard (training images, the border, what was lost)."""
    return one.judgement.verdict == "inconclusive" and one.alone == "confirmed"


def power(made: Probe) -> str:
    """What would have been seen."""
    seen = 100 * made.lead.detectable
    return f"A pipeline that is better by {seen:.1f} points would have been seen (80 % power, {made.lead.n} images)."


def finding(made: Probe) -> Finding:
    """The one finding, whatever its verdict."""
    lead, n = made.lead, made.lead.n
    wrong = round((1 - lead.declared) * n) if n else 0
    counted = (
        bool(n) and lead.balanced is None
    )  # shares of errors would tell another story than the mean recall
    return Finding(
        kind="preprocessing",
        failure="correctness",
        bug="data_engineering",
        statement=statement(made),
        n=n,
        error_rate=1 - lead.declared if counted else None,
        base_error_rate=1 - lead.accuracy if counted else None,
        ci=wilson(wrong, n) if counted else None,
        p=lead.p,
        q=lead.q,
        verdict=made.verdict,
        tests=tuple(_result(t) for t in ([made.winner] if made.winner else made.tests)),
        note=_note(made),
    )


def _result(one: Tested) -> TestResult:
    statistic = f"{one.pipeline.title}: {STATISTIC}"
    return TestResult(
        TOOL, one.effect, one.ci, one.p, one.n, one.judgement.verdict, statistic=statistic, q=one.q
    )


def _note(made: Probe) -> str:
    lead = made.lead
    if made.winner is None:
        return lead.judgement.reason if kept(lead) else f"{lead.judgement.reason} {power(made)}"
    if lead.pipeline.benign:
        why = (
            "Only the way pictures are resized, cropped or coloured differs. That can help a model that is declared as it was trained "
            "(objects look larger in training than at test time), so check the training code before calling it a mistake."
        )
    elif lead.pipeline.arithmetic:
        why = (
            "The arithmetic of the pixels differs: a model trained as declared hardly gains by that, unless it weakens something that misleads the "
            "model (a mark, a colour)."
        )
    else:
        why = "Arithmetic and geometry of the pictures both differ."
    return f"{lead.judgement.reason} {why}"


def facts(made: Probe) -> tuple[Fact, ...]:
    """The declared accuracy, then effect, likelihood and power of each test."""
    of, lead = of_split(made.split), made.lead
    right = int(made.second.right[0].sum())
    found = [
        Fact("accuracy", lead.declared, "share", _of(of, "as declared"), wilson(right, lead.n), lead.n, "higher_is_better"),
        Fact("pipelines_tried", len(made.choice.tried) - 1, "count", of),
        Fact("verdict", made.verdict, "text", of),
    ]  # fmt: skip
    for i, one in enumerate(made.tests):
        about = _of(of, one.pipeline.title)
        k = int(made.second.right[i + 1].sum())
        found += [
            Fact("accuracy", one.accuracy, "share", about, wilson(k, one.n), one.n, "higher_is_better"),
            Fact("effect", one.effect, "points", about, one.ci, one.n, "lower_is_better"),
            Fact("p", one.p, "score", about, None, one.n),
            Fact("q", one.q, "score", about, None, one.n),
            Fact("log_likelihood_difference", one.truth, "score", about, one.truth_ci, one.n, "lower_is_better"),
            Fact("smallest_detectable_effect", one.detectable, "points", about, None, one.n),
        ]  # fmt: skip
        if one.balanced is not None:
            found.append(
                Fact("balanced_accuracy", one.balanced[1], "share", about, None, one.n, "higher_is_better")
            )
    if lead.balanced is not None:
        found.append(
            Fact(
                "balanced_accuracy",
                lead.balanced[0],
                "share",
                _of(of, "as declared"),
                None,
                lead.n,
                "higher_is_better",
            )
        )
    return (*found, *(recall_facts(lead, made.bench.view.classes, of) if made.winner else ()))  # fmt: skip


def _of(split: str, title: str) -> str:
    return f"{split}, pipeline {title}" if split else f"pipeline {title}"


def table(made: Probe) -> Table:
    """Every pipeline that was tried, the best first; those tested with the figures of the confirming part."""
    tested = {t.pipeline: t for t in made.tests}
    base = made.choice.tried[0]
    rows: list[tuple[Cell, ...]] = []
    for one in sorted(made.choice.tried, key=lambda t: t.rank, reverse=True):
        test, n = tested.get(one.pipeline), len(one.right)
        if test is not None:
            rows.append(
                (one.pipeline.title, "confirming", test.n, test.accuracy, test.effect, interval(test.ci, "points"),
                 test.truth, p_value(test.p), p_value(test.q))
            )  # fmt: skip
            continue
        gained, lost = int((one.right & ~base.right).sum()), int((base.right & ~one.right).sum())
        both = int((one.right & base.right).sum())
        ci = newcombe_paired(both, gained, lost, n - both - gained - lost)
        same = one is base
        gain = (one.rank[0] - base.rank[0] if made.lead.balanced else gained - lost) / n
        rows.append(
            (one.pipeline.title, "choosing", n, float(one.right.mean()), None if same else gain,
             "" if same or made.lead.balanced else interval(ci, "points"), None if same else float((one.truth - base.truth).mean()), "–", "–")
        )  # fmt: skip
    of = " of the classes' mean recall" if made.lead.balanced else ""
    return Table(
        "Every pipeline that was tried",
        ("pipeline", "part", "images", "right", "difference", "interval", "log likelihood", "p", "q"),
        tuple(rows),
        ("text", "text", "count", "share", "points", "text", "score", "text", "text"),
        f"Differences{of} are to the declared pipeline on the same images. The choosing part only chooses: "
        "p and q belong to what was carried to the confirming part (q: Holm).",
    )


def chart(made: Probe) -> tuple[str, str, str]:
    """(SVG, title, alternative text) of the accuracy of each pipeline on the choosing part, and of those tested on the other."""
    order = sorted(made.choice.tried, key=lambda t: t.rank, reverse=True)[:MOST_ROWS]
    if made.choice.tried[0] not in order:
        order[-1] = made.choice.tried[0]
    second = {Pipeline(): _mark(made.second.right[0])}
    second |= {t.pipeline: _mark(made.second.right[i + 1]) for i, t in enumerate(made.tests)}
    first: list[Mark | None] = [_mark(t.right) for t in order]
    names = [t.pipeline.title for t in order]
    lead = made.lead
    alt = (
        f"Share of right answers under {len(order)} input pipelines. On the confirming part: as declared {number(lead.declared)}, "
        + "; ".join(f"{t.pipeline.title} {number(t.accuracy)}" for t in made.tests)
        + "."
    )
    series: list[tuple[str, Sequence[Mark | None]]] = [
        ("choosing part", first),
        ("confirming part", [second.get(t.pipeline) for t in order]),
    ]
    return rates(CHART_TITLE, alt, names, series, "share that is right"), CHART_TITLE, alt


def _mark(right: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Mark:
    k, n = int(right.sum()), len(right)
    return Mark(k / n if n else 0.0, *wilson(k, n))


def shown_pictures(made: Probe) -> Figure | None:
    """The first pictures as they reach the model: as declared, and below as the tested pipeline has them."""
    bench, lead = made.bench, made.lead
    pipelines = [Pipeline()] + ([lead.pipeline] if made.winner else [])
    rows: list[list[Tile]] = [[] for _ in pipelines]
    for row in made.second.rows[:SHOWN].tolist():
        try:
            images = [bench.open(row, p) for p in pipelines]
        except BadImage:
            continue
        for tiles, p, image in zip(rows, pipelines, images, strict=True):
            tiles.append(Tile(bench.picture(image, row, p), (clean(p.title, 30),)))
    if not rows[0]:
        return None
    alt = f"{len(rows[0])} pictures after resizing and cropping, as the declared pipeline hands them to the model"
    alt += f"; below, {lead.pipeline.title}." if made.winner else "."
    return bench.view.save_figure(
        "what_the_model_is_shown", sheet(rows), title="What the model is shown", alt=alt
    )


def examples(made: Probe, most: int = 8) -> tuple[ImageRef, ...]:
    """Pictures that are wrong as declared and right under the confirmed pipeline."""
    if made.winner is None:
        return ()
    i = made.tests.index(made.winner) + 1
    at = np.flatnonzero(made.second.right[i] & ~made.second.right[0])[:most]
    table_, classes = made.bench.table, made.bench.view.classes
    return tuple(
        ImageRef(
            made.bench.split,
            row,
            table_.paths[row],
            label=classes[int(table_.labels[row])],
            caption=f"right when {clean(made.winner.pipeline.fed, 80)}",
        )
        for row in made.second.rows[at].tolist()
    )


def notes(made: Probe, declared: Preprocessing) -> list[str]:
    """What limits the result."""
    found = []
    base = made.choice.tried[0]
    if made.lead.balanced is not None:
        found.append(UNEQUAL)
    same = [
        t.pipeline.title
        for t in made.choice.tried[1:]
        if len(t.pipeline.changes) == 1 and np.array_equal(t.truth, base.truth)
    ]
    if same:
        found.append(f"These make no difference on these images: {', '.join(same)}.")
    if not made.bench.arithmetic:
        found.append(
            "This model can't be fed other numbers than the declared ones: value ranges and layout were not tried."
        )
    if made.bench.own_geometry:
        found.append("Resizing is the model's own; interpolation was not varied by itself.")
    if made.turned:
        found.append(f"{made.turned} of the sampled pictures carry an EXIF orientation.")
    if declared.channels == "GRAY":
        found.append("The model takes grey pictures: the order of channels does not matter.")
    lead = made.winner
    if lead and lead.truth <= 0:
        found.append(
            "The likelihood of the true class does not rise along with the accuracy: look at the confidences."
        )
    if lead and not lead.pipeline.arithmetic:
        found.append(
            f"A change of geometry counts only from {number(lead.minimum, 'points')}: smaller gains are common in "
            "models that are declared correctly."
        )
    return found
