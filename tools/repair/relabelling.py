"""Corrected labels of training images: what somebody said of which image, and which labels of a careless source nobody has looked at.

Once a source of labels (an annotator, a batch) is confirmed careless, its labels that nobody looked at are still as wrong as before among
what the list missed, and a network learns them. They can be left out: pruning by confident learning (Northcutt, Jiang & Chuang 2021, J. Artif. Intell. Res.
70:1373, section 4) of a whole source, with what people looked at kept. The control arm leaves out as many images by lot.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Finding
from failsight.tools.repair import additions
from failsight.tools.repair.piles import Ints, Mask, inside_of
from failsight.tools.text import clean, counted, listing

if TYPE_CHECKING:
    from failsight.tools.view import CaseView

Unseen = Literal["auto", "keep", "leave_out"]
LOOKED = "looked"  # column of a file of labels that says whether anybody looked
YES = "yes"
LEAST_LEFT = 0.5  # share of the training images that must stay to learn from
FEWEST_LEFT = 10  # images of each class that must stay


@dataclass(frozen=True)
class Corrections:
    """What a file says of training labels.

    Attributes:
        changed: row → class, where it is another than the given one.
        looked: rows that somebody looked at, the confirmed ones included.
        told: where it comes from.
    """

    changed: Mapping[int, int]
    looked: frozenset[int]
    told: str

    def moves(self, view: CaseView) -> list[list[int]]:
        """``[class that was given, corrected class, how many labels]``, the most frequent first."""
        labels = view.table("train").labels
        counts = Counter((int(labels[row]), c) for row, c in self.changed.items() if labels[row] >= 0)
        return [
            [given, true, n]
            for (given, true), n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        ]


def corrections(view: CaseView, data: str | None) -> Corrections:
    """Corrected labels of training images.

    Args:
        data: a CSV with ``path`` and ``label`` (or ``new_label``), and perhaps ``looked``: whether somebody looked at the image; without
            that column, at every image with a label. None for what ``failsight labels import --split train`` wrote into the case.

    Raises:
        RetryError: there are none.
    """
    place = Path(data).expanduser() if data else additions.repair_root(view) / "labels-train.csv"
    if not place.is_file():
        raise RetryError(
            "No corrected labels of training images are known. List the suspects (failsight labels export CASE FILE.csv "
            "--split train), have them looked at, and read them back (failsight labels import)."
        )
    table = view.table("train")
    known, rows = additions.by_path(table), additions.read_rows(place)
    labels = additions.class_numbers(view, [additions.label_of(row) for row in rows])
    found = [
        (at, int(c), LOOKED not in row or str(row[LOOKED]).strip().lower() == YES)
        for row, c in zip(rows, labels.tolist(), strict=True)
        if (at := additions.place_of(row, known)) is not None
    ]
    if not found:
        raise RetryError(f"{clean(place.name)} names no training image.")
    unknown = sorted(
        {w for r, c in zip(rows, labels.tolist(), strict=True) if c < 0 and (w := additions.label_of(r))}
    )
    if unknown:
        raise RetryError(
            f"{clean(place.name)} names classes that there are not: {listing(unknown)}.", view.classes
        )
    changed = {at: c for at, c, _ in found if c >= 0 and c != int(table.labels[at])}
    looked = frozenset(at for at, c, seen in found if c >= 0 and (seen or at in changed))
    return Corrections(changed, looked, clean(place.name))


def unseen_rows(
    view: CaseView, finding: Finding | None, made: Corrections, rows: Ints, wanted: Unseen, notes: list[str]
) -> Ints:
    """Rows, of ``rows``, of the source that a finding calls careless and that nobody looked at, where they are to be left out.

    Args:
        wanted: ``auto``: where label_noise confirmed the source on the training labels themselves.
        notes: a sentence on what was done, or why not, is added.

    Raises:
        RetryError: they are to be left out, and no finding names their source.
    """
    nothing = np.zeros(0, np.int64)
    inside = _of_source(view, finding)
    if wanted == "leave_out" and inside is None:
        raise RetryError(
            "unseen=leave_out needs a finding that names whose labels are wrong (an annotator, a batch), known of the training images."
        )
    if inside is None or wanted == "keep" or (wanted == "auto" and not _confirmed(view, finding)):
        return nothing
    seen = np.isin(rows, np.fromiter(made.looked, np.int64, len(made.looked)))
    out: Mask = inside[rows] & ~seen
    if not out.any():
        return nothing
    assert finding is not None
    source = listing([f"{clean(k, 40)}={clean(v, 60)}" for k, v in (finding.slice or {}).items()])
    if not _enough(view, made, rows[~out], len(rows)):
        if wanted == "leave_out":
            raise RetryError(
                f"Without the labels with {source} that nobody looked at too few training images are left: have more of them looked at."
            )
        notes.append(
            f"{counted(int(out.sum()), f'label with {source} that nobody looked at is', f'labels with {source} that nobody looked at are')} learned from: without them too few images would be left."
        )
        return nothing
    notes.append(
        f"{int(out.sum()):,} training images with {source} whose labels nobody looked at are left out; the control arm leaves out as many "
        "images by lot (unseen=keep learns from them)."
    )
    return rows[out]


def _of_source(view: CaseView, finding: Finding | None) -> Mask | None:
    """(rows of the training table,) images of the source that a finding is about; None where it names none that is known of them."""
    if finding is None or finding.kind != "label_noise" or not finding.slice:
        return None
    table = view.table("train")
    inside = inside_of(view, table, finding.slice, "train")
    if finding.class_name in table.classes:
        inside = inside & (table.labels == table.classes.index(finding.class_name))
    return inside if inside.any() else None


def _confirmed(view: CaseView, finding: Finding | None) -> bool:
    """Whether label_noise confirmed the finding on training labels: who was careless elsewhere need not have been here."""
    assert finding is not None
    return any(
        one.arguments.get("split") == "train"
        and any(f.key == finding.key and f.verdict == "confirmed" for f in one.findings)
        for one in view.evidence("label_noise")
    )


def _enough(view: CaseView, made: Corrections, kept: Ints, total: int) -> bool:
    """Whether enough images of every class are left."""
    labels = view.table("train").labels
    now = np.array([made.changed.get(r, int(labels[r])) for r in kept.tolist()], np.int64)
    there = np.bincount(labels[labels >= 0], minlength=len(view.classes)) > 0
    left = np.bincount(now[now >= 0], minlength=len(view.classes))
    return len(kept) >= LEAST_LEFT * total and bool((left[there] >= FEWEST_LEFT).all())
