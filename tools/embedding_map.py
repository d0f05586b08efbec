"""embedding_map: the images in two dimensions, as the model sees them, and where its errors lie."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from failsight.tools.evidence import Evidence
from failsight.tools.experiments.arguments import AnySpace
from failsight.tools.experiments.population import check_split, class_index
from failsight.tools.inputs.base import Split
from failsight.tools.maps import report
from failsight.tools.maps.colours import colouring
from failsight.tools.maps.layout import Method, lay_out
from failsight.tools.notes import left_out_notes
from failsight.tools.registry import tool
from failsight.tools.view import CaseView

QUESTIONS = ("features_global.1", "performance.3")


@tool(cost="pass", answers=QUESTIONS, reads_attributes=True)
def embedding_map(
    view: CaseView,
    colour: Annotated[
        str,
        Field(
            description="What colours the dots: error, class, prediction, confidence, or the name of an attribute.",
            max_length=200,
        ),
    ] = "error",
    method: Annotated[
        Method,
        Field(
            description="tsne keeps neighbours together; pca is linear; umap needs the package umap-learn."
        ),
    ] = "tsne",
    space: AnySpace = None,
    class_name: Annotated[
        str | None, Field(description="Only images of this true class.", max_length=200)
    ] = None,
    points: Annotated[
        int, Field(description="Most images on the map; more are sampled.", ge=50, le=5000)
    ] = 2000,
    split: Annotated[Split, Field(description="Which images: data, train, deploy or pool.")] = "data",
) -> Evidence:
    """Draw a map of the images in two dimensions (t-SNE, principal components or UMAP), coloured by error, class, prediction, confidence or an attribute.

    Says how far the map keeps neighbours together, how often neighbours share a class, and in which neighbourhoods
    errors lie thickest, with pictures. Shown as illustration: no finding comes from it.

    Raises:
        RetryError: an unknown class, attribute or split; the space or method is not to be had.
    """
    split = check_split(view, split)
    within = class_index(view.classes, class_name) if class_name else None
    name = view.classes[within] if within is not None else None
    made = lay_out(view, split, space=space, method=method, within=within, points=points)
    notes: list[str] = []
    colours = colouring(view, made, colour, notes)
    regions = report.told(view, made)
    images, sheet = report.pictures(view, made, regions)
    figure = report.figure(view, made, colours, regions, name)
    table = report.table(regions)
    return Evidence(
        tool="embedding_map",
        arguments={
            "colour": colour,
            "method": method,
            "space": space,
            "class_name": class_name,
            "points": points,
            "split": split,
        },
        title="A map of the images",
        summary=report.summary(made, regions, name),
        facts=report.facts(made),
        tables=(table,) if table else (),
        figures=(figure, sheet) if sheet else (figure,),
        images=images,
        questions=QUESTIONS if made.known.any() else QUESTIONS[:1],
        notes=(*notes, *report.notes(made, regions), *left_out_notes(split, view.table(split).left_out)),
        next_steps=tuple(report.next_steps(made, regions)),
    )
