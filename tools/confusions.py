"""What stands in evidence of ``confusion_matrix``: cells, the images of each true class, and whether it is all of them.

The matrix of very many classes is shown for those with most errors only. Whoever reads it must not take the sum of a row that
was cut for the images of its class: such a table ends with a column that holds them.
"""

from __future__ import annotations

from dataclasses import dataclass

from failsight.tools.evidence import Evidence, Table

MATRIX = "Confusion matrix"  # title of the table
TOP = "Top confusions"  # title of the table of the most frequent ones: true class, predicted class, images, of, …
ALL = "all of the class"  # the column after the classes, where some are not shown


@dataclass(frozen=True, slots=True)
class Matrix:
    """Counts of images by true and predicted class.

    Attributes:
        names: the classes that are shown, in the order of rows and columns.
        counts: images by row (true class) and column (prediction).
        totals: images of each true class, whatever they were taken for; None where that is not known (evidence of before).
        images: all images that were counted, those of classes that are not shown included.
    """

    names: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    totals: tuple[int | None, ...]
    images: int

    @property
    def whole(self) -> bool:
        """Whether every image stands in a cell."""
        return sum(map(sum, self.counts)) == self.images


@dataclass(frozen=True, slots=True)
class Confusion:
    """Images of one class that are taken for another; ``of``: all images of the class, None where that is not known."""

    true: str
    predicted: str
    images: int
    of: int | None


def square(table: Table) -> bool:
    """Whether ``table`` is a matrix of classes: as many columns as rows beside the names, or one more that holds the totals."""
    n = len(table.rows)
    return (
        table.title == MATRIX and n > 0 and len(table.columns) in (n + 1, n + 2)
        and [str(r[0]) for r in table.rows] == [str(c) for c in table.columns[1 : n + 1]]
    )  # fmt: skip


def matrix(evidence: Evidence) -> Matrix | None:
    """The matrix in ``evidence``; None where there is none."""
    table = next((t for t in evidence.tables if square(t)), None)
    if table is None:
        return None
    n = len(table.rows)
    counts = tuple(tuple(_count(c) for c in row[1 : n + 1]) for row in table.rows)
    listed = sum(map(sum, counts))
    said = next((f.n for f in evidence.facts if f.name == "errors" and f.n is not None), listed)
    totals: tuple[int | None, ...]
    if len(table.columns) == n + 2:
        totals = tuple(_count(row[-1]) for row in table.rows)
    elif said == listed:
        totals = tuple(map(sum, counts))
    else:  # cut, and from before there was a column for it
        known = {c.true: c.of for c in _top(evidence)}
        totals = tuple(known.get(str(row[0])) for row in table.rows)
    return Matrix(tuple(str(row[0]) for row in table.rows), counts, totals, said)


def confusions(evidence: Evidence) -> list[Confusion]:
    """Every pair of classes that ``evidence`` counts, most images first, then the larger share of the true class.

    Of a matrix that was cut also the listed pairs whose classes are not shown in it.
    """
    made = {(c.true, c.predicted): c for c in _top(evidence)}
    shown = matrix(evidence)
    if shown is not None:
        for i, true in enumerate(shown.names):
            for j, predicted in enumerate(shown.names):
                k = shown.counts[i][j]
                if i != j and k:
                    made.setdefault((true, predicted), Confusion(true, predicted, k, shown.totals[i]))
    return sorted(made.values(), key=lambda c: (-c.images, -c.images / (c.of or 1), c.true, c.predicted))


def _top(evidence: Evidence) -> list[Confusion]:
    """The pairs of the table of the most frequent ones, which is of all classes."""
    return [
        Confusion(str(row[0]), str(row[1]), _count(row[2]), _count(row[3]))
        for table in evidence.tables
        if table.title == TOP
        for row in table.rows
        if len(row) > 3
    ]


def _count(cell: object) -> int:
    return cell if isinstance(cell, int) else 0
