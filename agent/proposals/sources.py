"""The sources of attributes that depend on how the case was opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from failsight.agent.config import CaseConfig
    from failsight.tools.attributes.sources import AttributeSource


def sources_for(config: CaseConfig) -> Mapping[str, AttributeSource]:
    """Source name → source. Cheap: models load when they are first asked."""
    from failsight.agent.proposals.vision import VisionModel
    from failsight.tools.attributes.vqa import Vqa

    path = "" if config.vqa.startswith("openai:") else config.vqa
    return {"vqa": Vqa(path, config.device), "vision_model": VisionModel()}
