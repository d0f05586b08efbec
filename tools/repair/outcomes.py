"""The two arms of a repair and the model before, on the same untouched images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from failsight.tools.changes.groups import (
    column_values,
    cross_names,
    finding_mask,
    finding_title,
    same_images,
    value_masks,
)
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Finding
from failsight.tools.inputs.base import Predictions, Split
from failsight.tools.notes import called
from failsight.tools.repair.untouched import JUDGES, untouched
from failsight.tools.repair.verdict import FEWEST, Kind, Losses
from failsight.tools.repair.versions import ModelVersion
from failsight.tools.slices.search import group_codes
from failsight.tools.text import clean, counted, listing
from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Groups = dict[tuple[Kind, str], Mask]
MOST_GROUPS = 200  # those with most images; each costs a few milliseconds and a share of the correction


@dataclass(frozen=True)
class Arms:
    """The versions of one repair, in pairs of equal seed.

    Attributes:
        repair, control: by seed, ascending; ``control`` is empty without a control arm.
        alone: versions whose seed the other arm lacks: they don't take part.
    """

    name: str
    repair: tuple[ModelVersion, ...]
    control: tuple[ModelVersion, ...]
    alone: tuple[str, ...]

    @property
    def versions(self) -> tuple[ModelVersion, ...]:
        return (*self.repair, *self.control)


def find_arms(versions: Sequence[ModelVersion], repair: str) -> Arms:
    """The arms of the repair called ``repair``, of the last one for an empty name. Raises RetryError for an unknown one."""
    names = list(dict.fromkeys(v.repair for v in versions))
    if not names:
        raise RetryError("No repair has made a version of the model yet: there is nothing to verify.")
    wanted = repair.strip().split(".")[0].upper() or names[-1]
    if wanted not in names:
        raise RetryError(f"There is no repair {clean(repair, 40)!r}.", names)
    own = [v for v in versions if v.repair == wanted]
    arms = {arm: {v.seed: v for v in own if v.arm == arm} for arm in ("repair", "control")}
    if not arms["repair"]:
        raise RetryError(f"{wanted} has a control arm only; its repair is not made yet.")
    seeds = sorted(arms["repair"])
    if arms["control"]:
        seeds = sorted(set(seeds) & set(arms["control"])) or seeds
    paired = [s for s in seeds if s in arms["control"]]
    alone = [v.name for arm in arms.values() for s, v in arm.items() if s not in seeds]
    return Arms(
        wanted,
        tuple(arms["repair"][s] for s in seeds),
        tuple(arms["control"][s] for s in paired) if len(paired) == len(seeds) else (),
        tuple(alone),
    )


@dataclass(frozen=True)
class Sample:
    """The untouched images, before any version is run. ``n`` of them, of one split or of several after another.

    Attributes:
        at: split → positions in the predictions of the case's own model.
        labels: (n,) true classes.
        target: (n,) images that the finding speaks of.
        title: what the target is called.
        others: the other groups.
        units: (n,) images of equal number belong together; None where each stands alone.
        notes: what was set aside.
    """

    at: Mapping[Split, Ints]
    labels: Ints
    target: Mask
    title: str
    others: Groups
    units: Ints | None
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)


def sample(
    view: CaseView,
    arms: Arms,
    finding: Finding | None,
    group_by: str | None,
    wronged: Mask | None = None,
) -> Sample:
    """The images that may judge, and their groups. Runs no version.

    Args:
        wronged: (k,) classes whose images were labelled as others in training: their images are the target, whatever the finding says;
            None where no labels were corrected.

    Raises:
        RetryError: no labelled image is untouched, or none of them is one that the finding speaks of.
    """
    target_of = None if wronged is not None else about_images(finding)
    splits = [s for s in JUDGES if s in view.splits() and bool((view.table(s).labels >= 0).any())]
    about = "deploy" if finding is not None and finding.kind == "distribution_shift" else ""
    parts: dict[Split, tuple[Ints, Mask, Groups]] = {}
    notes: list[str] = []
    for split in splits:
        free = untouched(view, split, finding, arms.versions)
        made = view.predictions(split)
        target = _target(view, split, made, target_of, about if about in splits else "")
        if wronged is not None:
            target = made.labelled & wronged[made.labels]
        notes += free.notes
        if target is None:
            notes.append(
                f"Which of the {called(split)} the finding speaks of is not known; they do not take part."
            )
        elif free.keep.any():
            at = np.flatnonzero(free.keep).astype(np.int64)
            parts[split] = (at, target[at], _groups(view, split, made, at, finding))
    if not parts:
        raise RetryError(
            "No labelled image is left that neither chose nor trained this repair: label new ones (--deploy), or keep some "
            "evaluation images out of it."
        )
    joined = _join(view, parts, group_by, by_all_errors=wronged is not None)
    title = "all images" if target_of is None else finding_title(target_of)
    if wronged is not None and not joined.target.all():
        title = listing([clean(c, 40) for c, w in zip(view.classes, wronged, strict=True) if w], 6)
    made_ = replace(joined, title=title, notes=tuple(dict.fromkeys(notes)))
    if not made_.target.any():
        raise RetryError(
            f"None of the {len(made_):,} untouched images is one that the finding speaks of ({clean(title, 80)})."
        )
    return made_


def about_images(finding: Finding | None) -> Finding | None:
    """The finding, as far as it says which images fail; None for all of them.

    Who labelled a training image says nothing of which other images the model then errs on: wrong labels harm all images
    (of the class that the finding speaks of).
    """
    if finding is None or finding.kind != "label_noise" or not finding.slice:
        return finding
    return replace(finding, slice=None) if finding.class_name else None


def _target(
    view: CaseView, split: Split, made: Predictions, finding: Finding | None, about: str
) -> Mask | None:
    if finding is None:
        return np.ones(len(made), bool)
    mask = finding_mask(view, split, made, finding)
    return mask if mask is None or not about or about == split else np.zeros(len(made), bool)


def _groups(view: CaseView, split: Split, made: Predictions, at: Ints, finding: Finding | None) -> Groups:
    """Classes, slices of the other confirmed findings, values of columns, and the finding's own columns class by class."""
    labels, rows = made.labels[at], made.rows[at]
    groups: Groups = {("class", clean(c, 60)): labels == i for i, c in enumerate(made.classes)}
    for _, other in view.findings():
        if (
            other.verdict != "confirmed"
            or (finding is not None and other.key == finding.key)
            or not (other.slice or other.class_name)
        ):
            continue  # fmt: skip
        mask = finding_mask(view, split, made, other)
        if mask is not None:
            groups.setdefault(("finding", finding_title(other)), mask[at])
    table = view.table(split)
    groups |= {("slice", name): mask for name, mask in value_masks(table, rows).items()}
    own = set((finding.slice or {}) if finding is not None else {})
    crossed = [c for c in column_values(table, rows) if c[0] in own]
    return groups | {("crossed", n): m for n, m in cross_names(crossed, labels, made.classes).items()}


def _join(
    view: CaseView,
    parts: Mapping[Split, tuple[Ints, Mask, Groups]],
    group_by: str | None,
    *,
    by_all_errors: bool,
) -> Sample:
    """The splits one after another; a group that one of them does not know has no images there.

    ``by_all_errors``: the target is measured otherwise, so that a group of the same images is another.
    """
    sizes = {s: len(at) for s, (at, _, _) in parts.items()}
    target = np.concatenate([t for _, t, _ in parts.values()])
    labels = np.concatenate([view.predictions(s).labels[at] for s, (at, _, _) in parts.items()])
    names = list(dict.fromkeys(key for _, _, groups in parts.values() for key in groups))
    others: Groups = {("overall", "all images"): np.ones(len(labels), bool)}
    for key in names:
        others[key] = np.concatenate([g.get(key, np.zeros(sizes[s], bool)) for s, (_, _, g) in parts.items()])
    if len(parts) > 1:
        others |= {
            ("split", called(s)): np.repeat([s == other for other in sizes], list(sizes.values()))
            for s in sizes
        }
    at = {s: positions for s, (positions, _, _) in parts.items()}
    kept = _distinct(others, np.zeros_like(target) if by_all_errors else target)
    return Sample(at, labels.astype(np.int64), target, "", kept, _units(view, at, group_by), ())


def _distinct(others: Groups, target: Mask) -> Groups:
    """Without those that are the target itself, or the same images twice; the largest, where there are too many."""
    kept: Groups = {}
    seen: dict[bytes, str] = {}
    for key, mask in sorted(others.items(), key=lambda item: (-int(item[1].sum()), item[0][0] == "slice")):
        if not mask.any() or same_images(mask, target) or mask.tobytes() in seen:
            continue
        seen[mask.tobytes()] = key[1]
        kept[key] = mask
        if len(kept) >= MOST_GROUPS:
            break
    return kept


def _units(view: CaseView, at: Mapping[Split, Ints], group_by: str | None) -> Ints | None:
    if not group_by:
        return None
    parts, start = [], 0
    for split, positions in at.items():
        keep = np.zeros(len(view.predictions(split)), bool)
        keep[positions] = True
        table = view.attributes(split)
        known = (
            split == "data" or group_by in table.columns
        )  # images of a split without the column each stand alone
        codes = group_codes(table, keep, group_by) if known else np.arange(len(positions), dtype=np.int64)
        assert codes is not None
        parts.append(codes + start)
        start += int(codes.max(initial=-1)) + 1
    made: Ints = np.concatenate(parts)
    return made


@dataclass(frozen=True)
class Answers:
    """What the model before and every version answered. ``v``: before, the repair arm by seed, the control arm by seed.

    Attributes:
        keep: (n,) images of the sample that all of them answered; the rest is of those m images.
        labels: (m,)
        predicted: (v, m)
        confidence: (v, m) of the predicted class.
        has_scores: whether confidences mean anything.
        seeds: of each arm.
        bounds: (v,) confidence below which an answer is left to a person; 0 for never.
        notes: what was left out.
    """

    keep: Mask
    labels: Ints
    predicted: Ints
    confidence: Floats
    has_scores: bool
    seeds: int
    bounds: tuple[float, ...]
    notes: tuple[str, ...]

    @property
    def deferred(self) -> float:
        """Share of the images that the repair leaves to a person, mean over seeds."""
        return float(1 - self._given()[1 : 1 + self.seeds].mean())

    def answered(self, inside: Mask) -> tuple[float, float]:
        """Share of the images of a group that the repair leaves to a person, and share of wrong ones among the answers that it gives
        there; means over seeds (NaN where it gives none)."""
        given = self._given()[1 : 1 + self.seeds, inside]
        wrong = given & (self.predicted != self.labels)[1 : 1 + self.seeds, inside]
        with np.errstate(invalid="ignore"):
            rates = wrong.sum(1) / given.sum(1)
        return float(1 - given.mean()), float(rates.mean())

    def _given(self) -> Mask:
        """(v, m) images that are answered, not left to a person."""
        given: Mask = self.confidence >= np.asarray(self.bounds)[:, None]
        return given

    def losses(self, calibration: bool, units: Ints | None, ways: Mask | None = None) -> Losses:
        """Errors, or the parts of the calibration error, of the m images; with ``ways``, (k, k) of true and answered class, those errors only.

        An answer that is left to a person is no error; the control arm then leaves as many to people, by lot: each of its
        errors counts for the share that would be left over on average.
        """
        right = self.predicted == self.labels
        if calibration:
            values = np.stack([calibration_parts(c, y) for c, y in zip(self.confidence, right, strict=True)])
        else:
            given = self._given()
            wrong = ~right if ways is None else ways[self.labels, self.predicted]
            values = (wrong & given).astype(np.float64)
            if any(self.bounds) and len(values) > 1 + self.seeds:
                values[1 + self.seeds :] *= given[1 : 1 + self.seeds].mean(1, keepdims=True)
        s, control = self.seeds, values[1 + self.seeds :]
        return Losses(values[0], values[1 : 1 + s], control if len(control) else None, units)


def calibration_parts(confidence: Floats, right: Mask, bins: int = 15) -> Floats:
    """Each image's part of the expected calibration error: their mean is the error itself.

    With the bins and the signs of their gaps as they are, the error is a plain mean of ±(confidence − right), which
    images and seeds can be resampled in like any other loss. Few images make it too large for every model alike, so that
    a repair that calibrates perfectly looks a little less good than it is.

    Args:
        confidence: (n,) of the predicted class, in [0, 1].
        right: (n,)
    """
    c, y = np.asarray(confidence, np.float64), np.asarray(right, np.float64)
    edges = np.linspace(0.0, 1.0, bins + 1)
    place = np.clip(np.searchsorted(edges, c, side="left") - 1, 0, bins - 1)
    gap = np.bincount(place, c - y, minlength=bins)
    made: Floats = np.where(gap >= 0, 1.0, -1.0)[place] * (c - y)
    return made


def answers(view: CaseView, arms: Arms, made: Sample) -> Answers:
    """Run every version on the images of ``made`` (or take its answers from the cache).

    Raises:
        RetryError: a version answers none of them.
    """
    predicted: list[list[Ints]] = []
    confidence: list[list[Floats]] = []
    known: list[Mask] = []
    has_scores = True
    for split, at in made.at.items():
        base = view.predictions(split)
        rows = base.rows[at]
        sides = [base, *(view.version(v.name).predictions(split) for v in arms.versions)]
        places = [np.searchsorted(p.rows, rows).clip(max=max(len(p.rows) - 1, 0)) for p in sides]
        there = [
            p.rows[i] == rows if len(p.rows) else np.zeros(len(rows), bool)
            for p, i in zip(sides, places, strict=True)
        ]
        for name, ok in zip(("", *(v.name for v in arms.versions)), there, strict=True):
            if not ok.any():
                raise RetryError(
                    f"{name or 'The model'} gives no finite scores for any of the {called(split)}."
                )
        known.append(np.all(there, 0))
        usable = [p if len(p.rows) else base for p in sides]
        predicted.append([p.predicted[i] for p, i in zip(usable, places, strict=True)])
        confidence.append([p.confidence[i].astype(np.float64) for p, i in zip(usable, places, strict=True)])
        has_scores &= all(p.has_scores for p in sides)
    keep = np.concatenate(known)
    notes = []
    if not keep.all():
        notes.append(
            f"{counted(int((~keep).sum()), 'image is left out: not every version gives finite scores for it', 'images are left out: not every version gives finite scores for them')}."
        )
    return Answers(
        keep,
        made.labels[keep],
        np.stack([np.concatenate(parts) for parts in zip(*predicted, strict=True)])[:, keep],
        np.stack([np.concatenate(parts) for parts in zip(*confidence, strict=True)])[:, keep],
        has_scores,
        len(arms.repair),
        (0.0, *(_bound(v) for v in arms.versions)),
        tuple(notes),
    )


def _bound(version: ModelVersion) -> float:
    value = version.data.get("threshold", 0.0)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def enough(n: int, few: Sequence[str]) -> list[str]:
    """Remarks on sizes: of the target, and names of the groups that are too small to compare."""
    notes = [f"Only {n} untouched images are ones that the finding speaks of."] if n < FEWEST else []
    return notes + ([f"Too few images to compare (under {FEWEST}): {listing(list(few), 6)}."] if few else [])
