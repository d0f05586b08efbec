"""What a search for failure modes found, in sentences, facts, tables and findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from failsight.tools.evidence import Cell, Fact, Finding, Instrument, Table, TestResult
from failsight.tools.experiments.barlow import Group, Grown, Known, Mode, Settings
from failsight.tools.experiments.barlow_attributes import Word
from failsight.tools.experiments.feature_reader import Source
from failsight.tools.stats.failure_tree import Condition, Leaf, simplified
from failsight.tools.stats.intervals import wilson
from failsight.tools.stats.power import smallest_rate_difference
from failsight.tools.text import clean, counted, interval, listing, number, p_value

TOOL = "explain_failures"
MOST_FINDINGS = 10  # confirmed
MOST_OTHERS = 5  # refuted, and as many left open
MOST_GROUPS = 30  # rows of the table of groups
MOST_MODES = 15  # rows of the table of failure modes
MOST_WORDS = 2  # attribute values that the summary names


@dataclass(frozen=True)
class Told:
    """What sentences are made of.

    Attributes:
        classes: class names.
        source: where features come from.
        correct: whether right answers are explained instead of wrong ones.
        settings: of the search.
        split: which images it is about.
    """

    classes: Sequence[str]
    source: Source
    correct: bool
    settings: Settings
    split: str = "data"

    def named(self, index: int | None) -> str:
        """A class, fit for display."""
        return "" if index is None else clean(self.classes[index], 60)

    def group(self, group: Group) -> str:
        """``kitchen images``, ``images called kitchen`` …"""
        true, predicted = self.named(group.true), self.named(group.predicted)
        if group.grouping == "label":
            return f"{true} images"
        if group.grouping == "prediction":
            return f"images called {predicted}"
        if group.grouping == "either":
            return f"images that are {true} or are called so"
        if group.grouping == "pairs":
            return f"{true} images called {true} or {predicted}"
        if group.classes:
            return f"{listing([self.named(c) for c in group.classes])} images"
        return "all images"

    def outcome(self, group: Group) -> str:
        """What is explained: ``are predicted wrong`` …"""
        if group.grouping == "pairs":
            return f"are called {self.named(group.true if self.correct else group.predicted)}"
        if group.grouping == "prediction":
            return "are called so rightly" if self.correct else "are called so wrongly"
        return "are predicted right" if self.correct else "are predicted wrong"

    def condition(self, one: Condition) -> str:
        """``feature #37 is low (< 0.12)``."""
        word, sign = ("low", "<") if one.low else ("high", "≥")
        return f"{self.source.feature(one.feature)} is {word} ({sign} {one.threshold:.3g})"

    def path(self, path: Sequence[Condition]) -> str:
        """The conditions of a path, joined."""
        return " and ".join(self.condition(one) for one in path)

    def short(self, path: Sequence[Condition]) -> str:
        """``feature #37 < 0.12 & feature #5 ≥ 1``."""
        return " & ".join(
            f"{self.source.feature(c.feature)} {'<' if c.low else '≥'} {c.threshold:.3g}" for c in path
        )

    def slice(self, path: Sequence[Condition]) -> Mapping[str, str]:
        """The path as the slice of a finding; two bounds of one feature become a range."""
        made: dict[str, str] = {}
        for one in path:
            name = self.source.feature(one.feature)
            text = f"{'<' if one.low else '≥'} {one.threshold:.3g}"
            made[name] = f"{made[name]}, {text}" if name in made else text
        return made

    def statement(self, group: Group, path: Sequence[Condition]) -> str:
        """The hypothesis in words."""
        whole = self.group(group)
        return (
            f"Among {whole}, those in which {self.path(path)} {self.outcome(group)} "
            "more often than the others."
        )


def plan(told: Told, group: Group, leaf: Leaf, arguments: Mapping[str, object]) -> Instrument:
    """The test of one failure mode, as it is written down before the confirmation half is looked at."""
    path = simplified(leaf.path)
    rest = leaf.of - leaf.n
    rate = (leaf.all_failures - leaf.failures) / rest if rest else 0.0
    return Instrument(
        finding=_open(told, group, path).key,
        tool=TOOL,
        arguments=dict(arguments),
        statement=told.statement(group, path),
        statistic="error rate in the leaf minus that of the rest of its group, on images that neither chose features nor "
        "grew the tree (Fisher's exact test, one-sided; Benjamini–Hochberg over all leaves of all groups)",
        control=f"the other {told.group(group).removeprefix('all ')}",
        minimum_effect=told.settings.delta,
        alpha=told.settings.q,
        n_planned=leaf.of,
        smallest_detectable_effect=smallest_rate_difference(leaf.n, rate, rest, told.settings.q),
    )


def _open(told: Told, group: Group, path: Sequence[Condition]) -> Finding:
    """The hypothesis of a failure mode, before its test."""
    true, predicted = group.true, group.predicted
    return Finding(
        kind="weak_slice",
        failure="correctness",
        bug="unknown",
        statement=told.statement(group, path),
        slice=told.slice(path),
        class_name=None if true is None else told.classes[true],
        confused_with=None if predicted is None or group.grouping == "either" else told.classes[predicted],
        split=told.split,
    )


def finding(told: Told, group: Group, mode: Mode, words: Sequence[Word]) -> Finding:
    """A tested failure mode as a finding."""
    leaf = mode.leaf
    result = TestResult(
        tool=TOOL,
        effect=mode.effect,
        ci=mode.ci,
        p=mode.p,
        n=leaf.of,
        verdict=mode.verdict,
        statistic="error rate in the leaf minus that of the rest of its group, confirmation half",
        q=mode.q,
    )
    notes = [f"Measured on {leaf.of:,} images that neither chose the features nor grew the tree."]
    if words:
        notes.append(f"Goes with {_words(words)}.")
    if not told.source.own:
        notes.append(
            "The feature belongs to another model: it describes the pictures, not what this model uses."
        )
    stated = _open(told, group, mode.path)
    named = next((w for w in words if w.difference > 0 and w.inside > 0.5), None)
    if named is not None:  # a number of a feature says nothing to a person; what most of its images are does
        most = f"most of them are {clean(named.attribute, 40)}={clean(named.value, 40)}"
        stated = replace(stated, statement=f"{stated.statement.rstrip('.')}; {most}.")
    return replace(
        stated,
        n=leaf.n,
        error_rate=leaf.error_rate,
        base_error_rate=mode.rest_rate if leaf.of > leaf.n else None,
        ci=wilson(leaf.failures, leaf.n),
        p=mode.p,
        q=mode.q,
        verdict=mode.verdict,
        tests=(result,),
        note=" ".join(notes),
    )


def _words(words: Sequence[Word]) -> str:
    """``television yes (63.0 % of them, 8.0 % of the others) and …``"""
    made = [
        f"{clean(w.attribute, 40)} {clean(w.value, 40)} ({number(w.inside)} of them, {number(w.outside)} of the others)"
        for w in words
    ]
    return " and ".join([", ".join(made[:-1]), made[-1]]) if len(made) > 1 else made[0]


def findings(
    told: Told, trees: Sequence[Grown], modes: Sequence[Mode], words: Mapping[int, Sequence[Word]]
) -> tuple[Finding, ...]:
    """Confirmed failure modes first; then what was refuted or left open, so that nobody tries it again unknowingly."""
    if told.correct:
        return ()
    kept = []
    for verdict, most in (
        ("confirmed", MOST_FINDINGS),
        ("refuted", MOST_OTHERS),
        ("inconclusive", MOST_OTHERS),
    ):
        kept += [i for i in ranked(modes) if modes[i].verdict == verdict][:most]
    return tuple(finding(told, trees[modes[i].group].group, modes[i], words.get(i, ())) for i in kept)


def ranked(modes: Sequence[Mode]) -> list[int]:
    """Numbers of the modes: confirmed ones first, then by importance (IV) on the confirmation half."""
    order = {"confirmed": 0, "inconclusive": 1, "refuted": 2}
    return sorted(
        range(len(modes)), key=lambda i: (order[modes[i].verdict], -modes[i].leaf.importance, modes[i].p)
    )


def summary(
    told: Told,
    known: Known,
    trees: Sequence[Grown],
    modes: Sequence[Mode],
    words: Mapping[int, Sequence[Word]],
) -> str:
    """One to four sentences."""
    rate = "success" if told.correct else "error"
    what = "right answers" if told.correct else "failures"
    images = sum(len(one.group.at) for one in trees)
    begun = (
        f"Trees over the features of {told.source.words} were grown for {counted(len(trees), 'group')} "
        f"({images:,} images, {known.features.shape[1]:,} features)."
    )
    if not modes:
        return (
            f"{begun} No leaf holds at least {number(told.settings.tau)} of a group's {what} at an {rate} rate "
            f"{number(told.settings.delta, 'points').lstrip('+')} above the group's."
        )
    held = [i for i in ranked(modes) if modes[i].verdict == "confirmed"]
    refuted = sum(m.verdict == "refuted" for m in modes)
    told_of = (
        f"{counted(len(modes), 'failure mode' if not told.correct else 'pattern')} found on one half of the images; "
        f"{len(held) or 'none'} hold{'s' * (len(held) == 1)} on the other half"
        + (f", {refuted} refuted" if refuted else "")
        + "."
    )
    sentences = [begun, told_of]
    if held:
        first = modes[held[0]]
        sentences.append(sentence(told, trees[first.group].group, first, words.get(held[0], ())))
    return " ".join(sentences)


def sentence(told: Told, group: Group, mode: Mode, words: Sequence[Word]) -> str:
    """One failure mode with the numbers that matter."""
    leaf = mode.leaf
    made = (
        f"Of the {told.group(group).removeprefix('all ')} in which {told.path(mode.path)}, {number(leaf.error_rate)} "
        f"{interval(wilson(leaf.failures, leaf.n))} {told.outcome(group)}, of the others {number(mode.rest_rate)} "
        f"(q {p_value(mode.q)}); they hold {number(leaf.coverage)} of the "
        f"{'right answers' if told.correct else 'failures'}"
    )
    return f"{made}, and go with {_words(words[:MOST_WORDS])}." if words else f"{made}."


def facts(
    told: Told,
    known: Known,
    trees: Sequence[Grown],
    modes: Sequence[Mode],
    words: Mapping[int, Sequence[Word]],
    left: int,
) -> tuple[Fact, ...]:
    """Uniform facts; rates are those of the confirmation half."""
    kind = "success" if told.correct else "error"
    lower = "neutral" if told.correct else "lower_is_better"
    with_mode = sum(bool(one.modes) for one in trees)
    held = {m.group for m in modes if m.verdict == "confirmed"}
    share, holding = (
        (k / len(trees), wilson(k, len(trees))) if trees else (None, None) for k in (with_mode, len(held))
    )
    made = [
        Fact("n", sum(len(one.group.at) for one in trees), "count"),
        Fact("features", known.features.shape[1], "count"),
        Fact("groups", len(trees), "count"),
        Fact("groups_with_valid_leaf", share[0], "share", "", share[1], len(trees)),
        Fact("groups_with_confirmed_leaf", holding[0], "share", "", holding[1], len(trees)),
        Fact("leaves_tested", len(modes), "count"),
        Fact("leaves_confirmed", sum(m.verdict == "confirmed" for m in modes), "count"),
        Fact("leaves_refuted", sum(m.verdict == "refuted" for m in modes), "count"),
        Fact("left_out", left, "count"),
    ]
    for one in trees[:MOST_GROUPS]:
        assert one.after is not None
        name, whole = told.group(one.group), one.after.leaves[0]
        ci = wilson(whole.all_failures, whole.of)
        made.append(Fact(f"base_{kind}_rate", whole.base_error_rate, "share", name, ci, whole.of, lower))  # type: ignore[arg-type]
        made.append(Fact("average_leaf_error_rate", one.after.aler, "share", name, n=whole.of))
    for i in ranked(modes)[:MOST_MODES]:
        m = modes[i]
        name = f"{told.group(trees[m.group].group)}, {told.short(m.path)}"
        ci = wilson(m.leaf.failures, m.leaf.n)
        made += [
            Fact(f"{kind}_rate", m.leaf.error_rate, "share", name, ci, m.leaf.n, lower),  # type: ignore[arg-type]
            Fact("error_coverage", m.leaf.coverage, "share", name, n=m.leaf.all_failures),
            Fact("importance_value", m.leaf.importance, "ratio", name),
            Fact("effect", m.effect, "points", name, m.ci, m.leaf.of),
            Fact("q", m.q, "score", name),
        ]
        rest, bad = m.leaf.of - m.leaf.n, m.leaf.all_failures - m.leaf.failures
        if rest:
            made.append(Fact(f"rest_{kind}_rate", m.rest_rate, "share", name, wilson(bad, rest), rest, lower))  # type: ignore[arg-type]
        for w in words.get(i, ())[:MOST_WORDS]:
            of = f"{name}, {clean(w.attribute, 40)} {clean(w.value, 40)}"
            made += [
                Fact("attribute_share", w.inside, "share", of, n=m.leaf.n),
                Fact("rest_attribute_share", w.outside, "share", of, n=rest),
                Fact("attribute_difference", w.difference, "points", of, w.ci, m.leaf.of),
            ]
    return tuple(made)


def tables(
    told: Told, trees: Sequence[Grown], modes: Sequence[Mode], words: Mapping[int, Sequence[Word]]
) -> tuple[Table, ...]:
    """Failure modes, groups, and what goes with the modes."""
    return tuple(
        t
        for t in (_modes(told, trees, modes), _groups(told, trees, modes), _named(told, trees, modes, words))
        if t
    )


def _modes(told: Told, trees: Sequence[Grown], modes: Sequence[Mode]) -> Table | None:
    rows: list[tuple[Cell, ...]] = []
    for i in ranked(modes)[:MOST_MODES]:
        m = modes[i]
        rows.append(
            (
                told.group(trees[m.group].group),
                told.short(m.path),
                m.found.error_rate,
                m.leaf.n,
                m.leaf.error_rate,
                m.rest_rate,
                m.leaf.coverage,
                m.leaf.importance,
                m.effect,
                m.ci[0],
                m.ci[1],
                p_value(m.q),
                m.verdict,
                m.detectable,
            )
        )
    if not rows:
        return None
    return Table(
        "Failure modes" if not told.correct else "What goes with right answers",
        ("group", "condition", "ER when found", "n", "ER", "ER of the rest", "EC", "IV", "effect", "from", "to", "q",
         "verdict", "detectable"),
        tuple(rows),
        ("text", "text", "share", "count", "share", "share", "share", "ratio", "points", "points", "points", "text",
         "text", "points"),
        "Measured on the half that tests, but for 'ER when found'. ER: error rate; EC: share of the group's errors; IV = ER "
        "× EC; effect: ER minus that of the rest; detectable: smallest effect seen with 80 % power."
        + (" With correct=true, right answers stand in for errors." if told.correct else ""),
    )  # fmt: skip


def _groups(told: Told, trees: Sequence[Grown], modes: Sequence[Mode]) -> Table | None:
    rows: list[tuple[Cell, ...]] = []
    for i, one in enumerate(trees[:MOST_GROUPS]):
        assert one.after is not None
        best = ", ".join(str(c) for c in one.columns[:3].tolist())
        held = sum(m.group == i and m.verdict == "confirmed" for m in modes)
        rows.append(
            (
                told.group(one.group),
                len(one.group.at),
                one.tree.base_error_rate,
                one.tree.aler,
                one.after.base_error_rate,
                one.after.aler,
                len(one.modes),
                held,
                best,
                float(np.round(one.information[0], 4)) if len(one.information) else None,
            )
        )
    if not rows:
        return None
    return Table(
        "Trees by group",
        ("group", "n", "BER when grown", "ALER when grown", "BER", "ALER", "modes found", "modes confirmed",
         "most informative features", "information"),
        tuple(rows),
        ("text", "count", "share", "share", "share", "share", "count", "count", "text", "ratio"),
        "BER: error rate of the group; ALER: average leaf error rate; both also on the half that tests. At least one leaf "
        "has an error rate of at least ALER. Information: of the first feature, in nats.",
    )  # fmt: skip


def _named(
    told: Told, trees: Sequence[Grown], modes: Sequence[Mode], words: Mapping[int, Sequence[Word]]
) -> Table | None:
    rows: list[tuple[Cell, ...]] = []
    for i, found in words.items():
        for w in found:
            where = f"{told.group(trees[modes[i].group].group)}, {told.short(modes[i].path)}"
            rows.append(
                (
                    where,
                    clean(w.attribute, 40),
                    clean(w.value, 40),
                    w.inside,
                    w.outside,
                    w.difference,
                    *w.ci,
                    p_value(w.q),
                )
            )
    if not rows:
        return None
    return Table(
        "What the images of a failure mode have in common",
        ("failure mode", "attribute", "value", "in it", "in the rest", "difference", "from", "to", "q"),
        tuple(rows),
        ("text", "text", "text", "share", "share", "points", "points", "points", "text"),
        "Attribute values that go with the condition, on the half that tests; they help to name a feature.",
    )
