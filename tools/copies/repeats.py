"""What repeated pictures mean: contradictory labels, leakage from training into evaluation, or mere copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from failsight.tools.attributes.repeats import Repeated, Repeats
from failsight.tools.copies.leakage import leaked_share
from failsight.tools.evidence import Fact, Finding, Table
from failsight.tools.inputs.base import ImageTable
from failsight.tools.notes import called, of_split
from failsight.tools.text import clean, counted, listing, number

MOST_GROUPS = 30
JUDGED = ("data", "deploy")  # splits on which the model is judged: training images have no business there


@dataclass(frozen=True, slots=True)
class Reported:
    """What repeated pictures add to the evidence."""

    sentence: str
    facts: tuple[Fact, ...] = ()
    tables: tuple[Table, ...] = ()
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()


def report_repeats(
    found: Repeats, tables: Mapping[str, ImageTable], classes: Sequence[str], sizes: Mapping[str, int]
) -> Reported:
    """Facts, tables and findings about repeated pictures.

    Args:
        found: the groups.
        tables: the splits they come from.
        classes: class names.
        sizes: how many pictures of each split were looked at.
    """
    exact, near = found.exact(), found.near()
    contradictory = [g for g in exact if g.contradictory]
    leaked = {
        s: [g for g in exact if {s, "train"} <= g.splits] for s in JUDGED if s in sizes and "train" in sizes
    }
    copies = sum(len(g.members) - 1 for g in exact)
    findings = [contradiction(contradictory, tables, classes)] if contradictory else []
    findings += [_leakage(groups, split, sizes[split], tables) for split, groups in leaked.items() if groups]
    facts = [
        Fact("exact_duplicates", copies, "count", direction="lower_is_better"),
        Fact("near_duplicates", sum(len(g.members) - 1 for g in near), "count", direction="lower_is_better"),
        Fact("contradictory_pictures", len(contradictory), "count", direction="lower_is_better"),
    ]
    facts += [
        Fact(
            "leaked_share",
            _members(g, s) / max(sizes[s], 1),
            "share",
            of_split(s),
            None,
            sizes[s],
            "lower_is_better",
        )
        for s, g in leaked.items()
    ]
    near_notes, near_steps = _near_words(near, found.cut)
    return Reported(
        sentence=_sentence(exact, near, contradictory, leaked),
        facts=tuple(facts),
        tables=tuple(
            t
            for t in (
                _table("Equal pictures", exact, tables, classes),
                _table("Pictures that look alike", near, tables, classes),
            )
            if t.rows
        ),
        findings=tuple(findings),
        notes=tuple(near_notes),
        next_steps=(*_steps(contradictory, leaked), *near_steps),
    )


def _members(groups: Sequence[Repeated], split: str) -> int:
    return sum(s == split for g in groups for s, _ in g.members)


def _sentence(
    exact: Sequence[Repeated],
    near: Sequence[Repeated],
    contradictory: Sequence[Repeated],
    leaked: Mapping[str, Sequence[Repeated]],
) -> str:
    alike = f" {len(near):,} {_plural(near, 'group', 'groups')} of pictures look alike." if near else ""
    if not exact:
        return f"No picture occurs twice.{alike}"
    parts = [f"{len(exact):,} {_plural(exact, 'picture occurs', 'pictures occur')} more than once"]
    if contradictory:
        parts.append(f"{len(contradictory):,} of them under different labels")
    parts += [
        f"{len(groups):,} of them in training and among the {called(s)} alike"
        for s, groups in leaked.items()
        if groups
    ]
    return ", ".join(parts) + "." + alike


def _plural(items: Sequence[object], one: str, many: str) -> str:
    return one if len(items) == 1 else many


def _near_words(near: Sequence[Repeated], cut: bool) -> tuple[list[str], list[str]]:
    notes, steps = [], []
    if near:
        notes.append(
            "Pictures that look alike are candidates found by perceptual hashes; whether they are copies is for a person to say."
        )
        if any(g.contradictory for g in near):
            steps.append("Look at the pictures that look alike but carry different labels.")
        if any("train" in g.splits and len(g.splits) > 1 for g in near):
            steps.append(
                "Look at the evaluation pictures that look like training pictures: they may have leaked."
            )
    if cut:
        notes.append(
            "So many pictures resemble each other that not every pair of them was compared; some candidates may be missing."
        )
    return notes, steps


def _steps(contradictory: Sequence[Repeated], leaked: Mapping[str, Sequence[Repeated]]) -> list[str]:
    steps = []
    if contradictory:
        steps.append(
            "Have the contradictory pictures relabelled, and drop the copies before judging the model again."
        )
    if any(leaked.values()):
        steps.append("Judge the model again without the pictures that it was trained on.")
    return steps


def names(group: Repeated, tables: Mapping[str, ImageTable], most: int = 3) -> str:
    """``a.jpg = b.jpg``, cleaned."""
    names = [clean(tables[s].paths[r], 80) for s, r in group.members]
    return " = ".join(names[:most]) + (f" = … ({len(names)} in all)" if len(names) > most else "")


def contradiction(
    groups: Sequence[Repeated], tables: Mapping[str, ImageTable], classes: Sequence[str]
) -> Finding:
    """That equal pictures carry two labels: at most one of each group can be right. Confirmed where that is clearly more than is
    tolerated; how many labels are wrong beyond these is another finding, which the search for wrong labels decides."""
    size = sum(int((t.labels >= 0).sum()) for t in tables.values())
    least = leaked_share(len(groups), size)  # the same share is tolerated as of leaked pictures
    labels = " and ".join(clean(classes[c], 40) for c in sorted({c for c in groups[0].labels if c >= 0})[:3])
    return Finding(
        "label_noise", "correctness", "data_engineering",
        f"{len(groups):,} {_plural(groups, 'picture is', 'pictures are')} labelled in two ways, for example {names(groups[0], tables)} as {labels}.",
        n=sum(len(g.members) for g in groups), p=least.p, verdict="confirmed" if least.verdict == "confirmed" else None,
        about="equal pictures under two labels",
        note="Equal byte for byte or pixel for pixel: of each group at most one label is right. That is a fact; "
        "how many labels are wrong beyond these is a matter of its own (label_noise).",
    )  # fmt: skip


def near_contradiction(
    groups: Sequence[Repeated], tables: Mapping[str, ImageTable], classes: Sequence[str]
) -> Finding:
    """That pictures which are one but for encoding, size or brightness carry several labels: in each group all but those of the most
    frequent label are wrong, or can't be told from it. Confirmed where these are clearly more than is tolerated of equal ones."""
    size = sum(int((t.labels >= 0).sum()) for t in tables.values())
    known = [[c for c in g.labels if c >= 0] for g in groups]
    least = leaked_share(sum(len(k) - max(map(k.count, k)) for k in known), size)
    shown = max(groups, key=lambda g: len({c for c in g.labels if c >= 0}))
    words = [clean(classes[c], 40) for c in sorted({c for c in shown.labels if c >= 0})]
    return Finding(
        "label_noise", "correctness", "data_engineering",
        f"{len(groups):,} {_plural(groups, 'group', 'groups')} of nearly equal pictures {_plural(groups, 'carries', 'carry')} several labels, "
        f"for example {names(shown, tables)} as {listing(words, 4)}.",
        n=sum(len(g.members) for g in groups), p=least.p, verdict="confirmed" if least.verdict == "confirmed" else None,
        about="nearly equal pictures under several labels",
        note="One picture but for encoding, size or small changes (verified on pixels; mirrored and cropped ones are not counted). Either a label "
        "of each group is wrong, or these classes can't be told apart by the picture: which of both is for a person to say.",
    )  # fmt: skip


def _leakage(groups: Sequence[Repeated], split: str, size: int, tables: Mapping[str, ImageTable]) -> Finding:
    """Confirmed by the rule that duplicates_and_leakage registers; equal pictures alone can only be fewer than it finds."""
    n = _members(groups, split)
    found = leaked_share(n, size)
    return Finding(
        "leakage", "correctness", "data_engineering",
        f"{n:,} of {size:,} {called(split)} ({number(n / max(size, 1))}) {'is' if n == 1 else 'are'} also among the training images, "
        f"for example {names(groups[0], tables)}.",
        slice={"split": split} if split != "data" else None, n=n, p=found.p,
        verdict="confirmed" if found.verdict == "confirmed" else None,
        note="Equal byte for byte or pixel for pixel. What the model scores on them says nothing about new pictures.",
    )  # fmt: skip


def _table(
    title: str, groups: Sequence[Repeated], tables: Mapping[str, ImageTable], classes: Sequence[str]
) -> Table:
    """The groups, contradictory ones first, then those across splits."""
    order = sorted(groups, key=lambda g: (not g.contradictory, len(g.splits) == 1))
    rows = tuple(
        (
            names(g, tables),
            len(g.members),
            ", ".join(sorted({clean(classes[c], 40) for c in g.labels if c >= 0})),
            ", ".join(called(s) for s in sorted(g.splits)),
        )
        for g in order[:MOST_GROUPS]
    )
    left = len(groups) - len(rows)
    caption = f"{counted(left, 'more group is', 'more groups are')} not shown." if left > 0 else ""
    return Table(
        title, ("pictures", "number", "labels", "splits"), rows, ("text", "count", "text", "text"), caption
    )
