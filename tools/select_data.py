"""select_data: which of many unlabelled images are worth a label."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, ImageRef
from failsight.tools.examples import contact_sheet, references
from failsight.tools.notes import called, labelled_splits
from failsight.tools.registry import tool
from failsight.tools.selection import report
from failsight.tools.selection.methods import BY_SLICES, Method, Pool, open_pool, pick
from failsight.tools.selection.weak_slices import WeakSlices, learn
from failsight.tools.text import clean
from failsight.tools.view import CaseView

SHOWN = 12


@tool(cost="pass", needs=("pool",), answers=("input.9",), stateful=True, passes=1.0, reads_attributes=True)
def select_data(
    view: CaseView,
    budget: Annotated[int, Field(description="How many images can be labelled.", ge=1, le=100_000)] = 100,
    method: Annotated[
        Method,
        Field(
            description="failsight: failing slices, likeliest errors first; hibug: HiBug's, least confident first; baselines: random, coreset (cover the features), confidence (least sure)."
        ),
    ] = "failsight",
    beta: Annotated[
        float,
        Field(
            description="failsight, hibug: share of the evaluation errors that the slices must hold.",
            ge=0.01,
            le=1,
        ),
    ] = 0.9,
    attributes: Annotated[
        tuple[str, ...] | None,
        Field(
            description="Slices of these attributes only. Default: those that go with errors.", max_length=30
        ),
    ] = None,
    split: Annotated[
        Literal["pool", "deploy"], Field(description="Where to choose: pool or deploy.")
    ] = "pool",
) -> Evidence:
    """Choose which unlabelled images to have labelled, so that a given budget repairs most: a list of files, and in words what to collect.

    Slices with the highest error rates among the evaluation images are taken until they hold ``beta`` of the errors; the
    budget is shared among them in proportion to their errors (Chen et al. 2023, HiBug, appendix 7.1). HiBug then picks
    the images of each slice that the model is least sure of; but a model that follows a cue is sure where it errs, so by
    default those come first that a head fitted to the evaluation labels calls wrong. Random, core-set and
    least-confidence selection run on the same budget, to compare with. The ranked rows are also stored under
    :func:`stored_key`.
    """
    pool = open_pool(view, split)
    if not len(pool.rows):
        why = f" {clean(pool.notes[0], 200)}" if pool.notes else ""
        raise RetryError(f"None of the {called(split)} can be used.{why}")
    weak = _weak(view, pool, method, beta, attributes)
    picks = pick(view, pool, weak, method, budget)
    made = report.Selection(pool, weak, picks, method, beta)
    key = stored_key(view, budget=budget, method=method, beta=beta, attributes=attributes, split=split)
    view.store(key, {"rows": pool.rows[picks.at], "share": picks.place[picks.at]})
    images = report.captions(made, _examples(view, pool, picks.at[:SHOWN]))
    figure = contact_sheet(
        view,
        images,
        name="selected",
        title="The first images to label",
        alt=f"{len(images)} images to label first, each with the predicted class, its confidence and its share",
    )
    return report.evidence(view, made, images, figure)


def stored_key(view: CaseView, **arguments: Any) -> dict[str, Any]:
    """Where ``view.cached`` finds the whole ranked list of a call: ``rows`` (k,) of the split, ``share`` (k,) of each from 0, −1 for none."""
    return {
        "what": "select_data",
        "arguments": {k: list(v) if isinstance(v, tuple) else v for k, v in arguments.items()},
        "data": view.table("data").fingerprint,
        "split": view.table(arguments["split"]).fingerprint,
        "model": view.model().fingerprint if view.has_model() else "",
        "seed": view.seed,
    }


def _weak(
    view: CaseView, pool: Pool, method: Method, beta: float, attributes: tuple[str, ...] | None
) -> WeakSlices | None:
    """The slices; None without labelled evaluation images, which the ways by slices can't do without."""
    if "data" not in labelled_splits(view):
        if method in BY_SLICES:
            raise RetryError(
                f"method={method} needs labelled evaluation images, to see where the model fails.",
                ["random", "coreset", "confidence"],
            )
        return None
    return learn(
        view.predictions("data"),
        view.attributes("data"),
        pool.attributes,
        view.findings(),
        beta=beta,
        wanted=attributes,
        by_class=pool.predictions is not None,
        of_there=called(pool.split),
    )


def _examples(view: CaseView, pool: Pool, at: np.ndarray[Any, np.dtype[np.int64]]) -> tuple[ImageRef, ...]:
    if pool.predictions is not None:
        return references(view, pool.predictions, pool.where[at])
    paths = view.table(pool.split).paths
    return tuple(ImageRef(pool.split, int(r), paths[int(r)]) for r in pool.rows[at])
