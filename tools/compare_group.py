"""compare_group: does this group, named beforehand, fare worse than the other images of its classes?"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from failsight.tools.evidence import Evidence, jsonable
from failsight.tools.experiments.arguments import Alpha, FindingId
from failsight.tools.hypotheses.group_report import evidence
from failsight.tools.hypotheses.group_test import Asked, make_plan, run
from failsight.tools.inputs.base import Split
from failsight.tools.registry import tool
from failsight.tools.view import CaseView


@tool(
    cost="pass",
    answers=("performance.3",),
    decides=("weak_slice", "rare_case", "spurious_correlation"),
    reads_attributes=True,
)
def compare_group(
    view: CaseView,
    where: Annotated[
        tuple[str, ...] | str,
        Field(
            description="The group: conditions on attributes like lighting=dark, stove=no, brightness<0.3."
        ),
    ] = (),
    class_name: Annotated[
        str | None,
        Field(
            description="Only images of this true class. Default: the finding's, else all.", max_length=200
        ),
    ] = None,
    called: Annotated[
        str | None,
        Field(
            description="Count the images wrongly called this class instead of all errors. Default: the finding's.",
            max_length=200,
        ),
    ] = None,
    finding: FindingId = None,
    minimum_effect: Annotated[
        float,
        Field(description="The smallest difference of rates, in (0, 1], that would matter.", gt=0, le=1),
    ] = 0.05,
    alpha: Alpha = 0.05,
    group_by: Annotated[
        str | None,
        Field(
            description="Column whose equal values belong together (house, patient, video): such images are counted together. "
            "Default: as an earlier table of the case did for this group.",
            max_length=200,
        ),
    ] = None,
    split: Annotated[Split, Field(description="Which images: data, train or deploy.")] = "data",
) -> Evidence:
    """Test whether one group of images, named beforehand, fails more than the other images of the same classes.

    The group is given, not searched for, so all images test it; where a search of this case had brought it up (or a group that shares a
    condition with it), only those images that did not suggest it, and where a table had compared it on all, its q stands. Rates are compared within true classes (Mantel–Haenszel,
    one-sided exact test), the minimum effect is fixed beforehand, and several such tests in a case are corrected one after
    the other. With ``called`` the share called so is compared. A rare case must besides be rarer in training.

    Raises:
        RetryError: no group is named; an unknown finding, attribute, value or class; no labels; nothing to compare.
    """
    asked = Asked(where, class_name, called, finding, minimum_effect, alpha, split, group_by)
    plan = make_plan(view, asked)
    plan_id = view.register(plan.instrument)
    return evidence(view, plan, plan_id, run(view, plan), jsonable(asked.given()))
