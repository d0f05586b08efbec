"""What a language model is sent fits it: few tools in full, the others by name, and less of everything for a small window.

The schemas of all tools are several times as long as a conversation. Those that most questions need stand first and in a fixed
order, so that servers that remember the beginning of a prompt need not read it again; what a stage adds comes behind.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.tools import StructuredTool
from langgraph.config import get_stream_writer
from pydantic import Field

from failsight import prompts
from failsight.agent.events import Notice
from failsight.agent.guards.context import FINDINGS, ContextWindow, shortened
from failsight.agent.planners import schemas
from failsight.agent.planners.server_errors import too_long
from failsight.agent.planners.steps import stages
from failsight.tools.errors import RetryError
from failsight.tools.registry import registry
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.agent.case import Case

DESCRIBE = "describe_tools"
CORE = (  # in full, whatever the stage; the first ones are all that a very small window gets
    "evaluate", "confusion_matrix", "find_slices", "count_images", "describe_case", "show_images",
    "state_hypothesis", "test_by_masking", "propose_correction", "readiness", "search_knowledge",
)  # fmt: skip
FEWEST = 3
OPENED = (
    12  # tools at most that stand in full because the model asked for them or called them: those used last
)
MOST_NAMES = 6  # tools told at once
REPLY = 12_000  # characters of that
#: tokens of conversation, characters of a tool's reply, how many core tools, findings; the first is what the session gives
STEPS: tuple[tuple[int, int, int, int], ...] = (
    (0, 0, 0, FINDINGS), (10_000, 4000, 0, 20), (4000, 1200, 0, 10), (1500, 600, 5, 2), (600, 300, FEWEST, 0),
)  # fmt: skip
TRIES = 6  # requests at most that are sent to find out what fits
MARGIN = 0.95  # of what should fit: tokens are guessed from letters


class Fitting(AgentMiddleware[Any, Any, Any]):
    """Chooses the tools that a model is told of; sends less when the server says that a request was too long for it.

    Args:
        window: what cuts the conversation.
    """

    def __init__(self, case: Case, window: ContextWindow) -> None:
        super().__init__()
        self.case, self.window = case, window
        self.most = 0  # characters of a request that this server takes; 0: not known
        self.tools = [
            StructuredTool.from_function(
                self.describe_tools, name=DESCRIBE, description=prompts.say("tools.describe")
            )
        ]

    def describe_tools(self, names: Annotated[list[str] | str, Field(description="Names of tools")]) -> str:
        """Every argument of some tools, which can be called in full from then on."""
        given = [n.strip() for n in (names.split(",") if isinstance(names, str) else names)]
        told: list[str] = []
        left = given[MOST_NAMES:]
        for at, name in enumerate(given[:MOST_NAMES]):
            try:
                text = schemas.in_full(registry()[name])
            except RetryError as error:
                text = f"FAILED: {clean(error, 300)}"
            if told and sum(map(len, told)) + len(text) > REPLY:  # whole or not at all
                left = given[at:]
                break
            told.append(text)
        told += (
            [f"Not told: {', '.join(clean(n, 60) for n in left)}. Ask for them by themselves."]
            if left
            else []
        )
        return "\n\n".join(told) or "FAILED: name at least one tool."

    def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """Send what fits; where the server refuses it as too long, send less.

        The guided planner in a failed model's place reads what the person said, and nothing put behind it.
        """
        from failsight.agent.planners.guided import GuidedPlanner

        if isinstance(request.model, GuidedPlanner):
            return handler(request)
        refused = 0
        for _ in range(TRIES):
            made, size = self.fitting(request)
            if size == refused:  # there is nothing left to leave out
                break
            try:
                return handler(made)
            except Exception as error:
                found = too_long(error)
                if found is None:
                    raise
                failure, refused = error, size
                share = found.window / found.needed if found.window and found.needed else 0.7
                if not self.most:
                    get_stream_writer()(Notice(_smaller(found.window), "warning"))
                self.most = int(size * min(share * MARGIN, 0.9))
        raise failure

    def fitting(self, request: Any) -> tuple[Any, int]:
        """(the largest form of a request that fits, its characters); the smallest where none is known to."""
        for step in range(len(STEPS)):
            made = self._form(request, step)
            size = _size(made)
            if not self.most or size <= self.most:
                break
        return made, size

    def _form(self, request: Any, step: int) -> Any:
        tokens, reply, core, findings = STEPS[step]
        tools = list(self._tools(request, core or len(CORE), brief=step == len(STEPS) - 1))
        messages = list(request.messages)
        if step:
            spoken = request.state.get("messages") or messages
            messages = shortened(self.window.fitting(spoken, min(tokens, self.window.tokens)), reply)
        return request.override(tools=tools, messages=self.window.with_standing(messages, findings))

    # --- tools ------------------------------------------------------------------------------------------------------

    def _tools(self, request: Any, core: int, *, brief: bool) -> Iterator[dict[str, Any]]:
        """Tools as the protocol tells them: those that are always there, what is no tool of the registry, the others by
        name, what belongs to the stage, what the model asked about."""
        known = registry()
        first = [n for n in CORE[:core] if n in known]
        for name in first:
            yield schemas.function(known[name])
        others = [n for n in known if n not in first]
        for tool in request.tools:
            name = tool["function"]["name"] if isinstance(tool, dict) else tool.name
            if name in known:
                continue
            words, arguments = ("", {}) if isinstance(tool, dict) else (tool.description, tool.args_schema)
            if name == DESCRIBE:
                words += "\n" + (
                    "; ".join(others) if brief else "\n".join(schemas.line(known[n]) for n in others)
                )
            if isinstance(tool, dict):
                yield tool
            else:
                schema = arguments if isinstance(arguments, dict) else arguments.model_json_schema()
                yield schemas.named_function(name, words, schema)
        belonging = self._of_stage() if core == len(CORE) else []
        opened = self._opened(request.state.get("messages", ()))[-OPENED if core == len(CORE) else -2 :]
        for name in dict.fromkeys([*belonging, *opened]):
            if name in others:
                yield schemas.function(known[name])

    def _of_stage(self) -> list[str]:
        now = self.case.state().stage
        return [name for stage, names in stages(self.case.config.workflow) if stage == now for name in names]

    def _opened(self, messages: Sequence[Any]) -> list[str]:
        """Tools that the model asked about, or called without having been told of them, the last one named last."""
        found: list[str] = []
        for message in messages:
            for call in message.tool_calls if isinstance(message, AIMessage) else ():
                asked = call["args"].get("names", ()) if call["name"] == DESCRIBE else ()
                asked = (
                    asked.split(",") if isinstance(asked, str) else asked if isinstance(asked, list) else ()
                )
                found += [str(n).strip() for n in asked]
                found.append(call["name"])
        named = [n for n in found if n in registry() and n not in CORE]
        newest = set(list(dict.fromkeys(reversed(named)))[:OPENED])  # which stay; each keeps its place
        return [n for n in dict.fromkeys(named) if n in newest]


def _size(request: Any) -> int:
    """Characters of what is sent."""
    system = request.system_message.content if request.system_message else ""
    spoken: Sequence[AnyMessage] = request.messages
    said = sum(
        len(str(m.content)) + len(json.dumps(getattr(m, "tool_calls", []), default=str)) for m in spoken
    )
    return len(str(system)) + said + len(json.dumps(request.tools, default=str, ensure_ascii=False))


def _smaller(window: int) -> str:
    return prompts.say("context.smaller", window=f" ({window:,} tokens)" if window else "")
