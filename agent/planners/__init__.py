"""Who plans: the built-in guided planner, an OpenAI-compatible or a local model, or a script for tests. One loop for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from failsight.tools.errors import UserError
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.agent.case import Case


def make_planner(name: str, case: Case, level: str) -> Any:
    """The chat model called ``name``: ``guided`` ``openai:MODEL`` or ``local:PATH``.

    Raises:
        UserError: no such planner, its key is missing, or its folder can't be used.
    """
    if name == "guided":
        from failsight.agent.planners.guided import GuidedPlanner

        return GuidedPlanner(case, level)
    if name.startswith("openai:"):
        from failsight.agent.planners.llm import openai_planner

        return openai_planner(name.removeprefix("openai:"))
    if name.startswith("local:"):
        from failsight.agent.planners.local import local_planner

        return local_planner(name.removeprefix("local:"), device=case.config.device, progress=case.progress)
    raise _unknown(name)


def check_planner(name: str) -> None:
    """Raises UserError where ``name`` is no planner at all; whether its model can be reached is seen when it is made."""
    kind, colon, model = name.partition(":")
    if name != "guided" and not (colon and model and kind in ("openai", "local")):
        raise _unknown(name)


def _unknown(name: str) -> UserError:
    return UserError(
        f"There is no planner {clean(name, 60)!r}.",
        "Use --planner guided, --planner openai:MODEL or --planner local:FOLDER.",
    )
