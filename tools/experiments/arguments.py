"""Arguments that several experiments take, with what a planner is told of them and their bounds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

FindingId = Annotated[
    str | None,
    Field(description="Id of the finding that this tests, such as F1; the result is attached to it."),
]
MinimumEffect = Annotated[
    float, Field(description="The smallest effect on the score, in (0, 1], that would matter.", gt=0, le=1)
]
Alpha = Annotated[float, Field(description="Significance level of the test.", gt=0, le=0.2)]
MaxImages = Annotated[
    int, Field(description="Most images to test; a seeded sample of them beyond that.", ge=1, le=100_000)
]
Space = Literal["features", "encoder", "pixels"]
AnySpace = Annotated[
    Space | None,
    Field(
        description="Likeness by the model's own features, by the encoder that knows words, or by small copies of the pixels. Default: the first that is there."
    ),
]
AnySplit = Annotated[str, Field(description="Which images of the case: data, train or deploy.")]
Segmenter = Annotated[
    str | None,
    Field(
        description="For regions object:NAME and text:WORDS: folder of the model that finds them: SegFormer, "
        "Mask2Former or DETR for its own classes; CLIPSeg, OWL-ViT or Grounding DINO for any words. Default: the case's own."
    ),
]
