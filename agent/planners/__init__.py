"""Who plans: the built-in guided planner, an OpenAI-compatible model, or a script for tests. One loop for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from failsight.tools.errors import UserError

if TYPE_CHECKING:
    from failsight.agent.case import Case


def make_planner(name: str, case: Case, level: str) -> Any:
    """The chat model called ``name``: ``guided`` or ``openai:MODEL``.

    Raises:
        UserError: no such planner, or its key is missing.
    """
    if name == "guided":
        from failsight.agent.planners.guided import GuidedPlanner

        return GuidedPlanner(case, level)
    if name.startswith("openai:"):
        from failsight.agent.planners.llm import openai_planner

        return openai_planner(name.removeprefix("openai:"))
    raise UserError(f"There is no planner {name!r}.", "Use --planner guided or --planner openai:MODEL.")
