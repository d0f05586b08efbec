"""find_marks: does the model go by a mark that nobody named? A stamp, a sticker, a frame, a stroke: proposed by pictures, tested by pasting."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Finding
from failsight.tools.experiments.population import class_index
from failsight.tools.marks import report
from failsight.tools.marks.search import halves, search
from failsight.tools.marks.testing import TOOL, finding, subjects, test
from failsight.tools.notes import left_out_notes
from failsight.tools.registry import tool
from failsight.tools.view import CaseView

FEWEST = 60  # evaluation pictures, half of which propose and half of which test


@tool(
    cost="pass",
    needs=("model",),
    answers=("features_global.6", "questionable_features.7"),
    decides=("spurious_correlation", "overemphasised_feature"),
    passes=2.0,
    sample=600,
    reads_attributes=True,
    # heeds nothing: a mark that a finding names by now was tested all the same, and its result is of that very finding; to
    # heed the kinds that it confirms itself would make every call a new one
)
def find_marks(
    view: CaseView,
    class_name: Annotated[
        str | None, Field(description="Only marks that may stand for this class. Default: any class.")
    ] = None,
    max_images: Annotated[
        int,
        Field(description="Pictures that are looked at for marks in each split.", ge=60, le=5_000),
    ] = 360,
    minimum_effect: Annotated[
        float,
        Field(
            description="Least share of other classes' pictures that the mark must bring to the class beyond its control.",
            ge=0.02,
            le=0.9,
        ),
    ] = 0.15,
) -> Evidence:
    """Look unasked for marks (stickers, stamps, frames, strokes) that many pictures of a class share, and test whether they draw pictures to it.

    What recurs nearly alike, pixel by pixel, in the training pictures of a class or in what is taken for it, and in few others, is
    proposed on one half of the evaluation pictures (and training pictures where given) and tested on the other half: pasted into
    pictures of other classes against a piece of the same shape, with exact paired tests at 1 %, corrected over all marks tested;
    and covered where it is. Things seen from many sides don't recur alike and are no marks. It needs the model's probabilities only.

    Raises:
        RetryError: no such class, no model to run, or fewer than 60 readable evaluation pictures.
    """
    view.model()  # says what is missing for a black box, before anything else is looked at
    only = None if class_name is None else class_index(view.classes, class_name)
    if len(view.classes) < 2:
        raise RetryError("A model with a single class can't be drawn to another one.")
    made = view.predictions("data")
    if len(made.rows) < FEWEST:
        raise RetryError(
            f"Only {len(made.rows)} evaluation pictures can be read; it takes {FEWEST} to look for marks and test them."
        )
    first, second = halves(view)
    found, fates = search(view, first, max_images, only)
    looked = len(fates)
    named = subjects(view, found, second)
    known = [one for one in named if one.stated]
    tested = test(view, [one for one in named if not one.stated], second, minimum_effect)
    confirmed = [one for one in tested if one.confirmed]
    stated: dict[str, Finding] = {}
    for one in confirmed:  # two marks that an attribute calls the same are one finding, that of the stronger
        stated.setdefault(finding(one).key, finding(one))
    return Evidence(
        tool=TOOL,
        arguments={"class_name": class_name, "max_images": max_images, "minimum_effect": minimum_effect},
        title="Marks that the model goes by",
        summary=report.summary(tested, known, looked),
        facts=report.facts(tested, known, looked),
        tables=(*report.tables(tested), *report.proposed(view, fates)),
        figures=tuple(f for f in (report.sheet(view, one) for one in confirmed) if f is not None),
        images=(*(i for one in confirmed for i in report.images(view, one)), *report.seen_in(view, fates)),
        questions=("features_global.6", "questionable_features.7") if named else (),
        findings=tuple(stated.values()),
        notes=(*report.notes(tested, known), *left_out_notes("data", made.left_out)),
        next_steps=report.next_steps(confirmed, known, [f for f in fates if f.out], view.classes),
    )
