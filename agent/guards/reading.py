"""A language model reads an evidence of the record again, or the rest of it: from the journal, nothing is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from langchain.agents.middleware import AgentMiddleware
from langchain_core.tools import StructuredTool
from pydantic import Field

from failsight import prompts
from failsight.agent.guards.context import ContextWindow
from failsight.agent.planner_text import READ_ON, part_of, told
from failsight.tools.errors import RetryError
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.agent.case import Case


def read_again(case: Case, evidence: str, part: str, first: int, limit: int) -> str:
    """One evidence of the record again, or one part of it from a row on, in about ``limit`` characters.

    Raises:
        RetryError: there is no such evidence, part or row.
    """
    every = case.state().evidence
    wanted = evidence.strip().strip("[]{}")
    made = next((e for e in every if e.id == wanted), None)
    if made is None:
        raise RetryError(
            f"There is no {clean(evidence, 20)}; there are E1 to E{len(every)}."
            if every
            else "Nothing was measured yet."
        )
    return part_of(made, case, part, first, limit) if part.strip() else told(made, case, limit)


class Reading(AgentMiddleware[Any, Any, Any]):
    """Offers ``show_evidence``.

    Args:
        window: says how long a reply may be.
    """

    def __init__(self, case: Case, window: ContextWindow) -> None:
        super().__init__()
        self.case, self.window = case, window
        self.tools = [
            StructuredTool.from_function(
                self.show_evidence, name=READ_ON, description=prompts.say("evidence.tool")
            )
        ]

    def show_evidence(
        self,
        evidence: Annotated[str, Field(description="Its id, like E4")],
        part: Annotated[
            str,
            Field(
                description="Title of one of its tables, or values, images, notes, next; left out: all of it, as far as it fits"
            ),
        ] = "",
        first: Annotated[int, Field(description="From which row of that part on", ge=1)] = 1,
    ) -> str:
        """One evidence again, or one part of it from a row on."""
        try:
            text = read_again(self.case, evidence, part, first, self.window.reply())
        except RetryError as error:
            return f"FAILED: {prompts.unfenced(self.case.redacted(str(error)))}"
        return prompts.fenced([text])
