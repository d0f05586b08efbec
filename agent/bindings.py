"""The tool registry as langchain tools: one door, typed messages out, errors turned into words the planner can act on."""

# no `from __future__ import annotations`: langchain finds the hidden ToolRuntime argument by its evaluated type
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from langchain.tools import ToolRuntime
from langchain_core.tools import StructuredTool

from failsight.agent.events import EvidenceMade, ToolFailed, ToolStarted
from failsight.agent.planner_text import told as told_planner
from failsight.prompts import fenced, unfenced
from failsight.tools.errors import RetryError, UserError
from failsight.tools.evidence import digest
from failsight.tools.registry import ToolSpec, registry

if TYPE_CHECKING:
    from failsight.agent.case import Case, May

TEXT_LIMIT = 3000
#: stages of tools that belong to them whatever the workflow names
BESIDE = {
    "state_hypothesis": "hypothesis",
    "withdraw_hypothesis": "hypothesis",
    "test_by_masking": "test",
    "test_by_adding": "test",
    "test_by_swapping": "test",
}


Limit = Callable[[], int]


def bind(case: "Case", may: "May | None" = None, limit: Limit | None = None) -> list[StructuredTool]:
    """Every tool of the registry, bound to ``case``. ``may`` is asked right before one runs (:meth:`Case.call`).

    ``limit``: how many characters a reply to a language model may have; None where the built-in planner plans.

    A tool's reply is the evidence's text; its artifact is the evidence's id. ``RetryError`` and ``UserError`` become
    replies that begin with ``FAILED``, so that the planner can mend its call or tell the person; bugs propagate.
    """
    lock = threading.Lock()  # a planner may ask for several calls at once; the journal takes them one by one
    return [_bind(case, spec, lock, may, limit) for spec in registry().values()]


def _bind(
    case: "Case", spec: ToolSpec, lock: threading.Lock, may: "May | None", limit: Limit | None
) -> StructuredTool:
    def run(runtime: ToolRuntime, **arguments: Any) -> tuple[str, str | None]:
        why, request = _reason(runtime), _request(runtime, spec.name, arguments)
        runtime.stream_writer(ToolStarted(spec.name, arguments, why))
        try:
            with lock:
                made, reused = case.call(
                    spec.name, arguments, by="planner", why=why, may=may, request=request
                )
                text = told_planner(made, case, limit()) if limit else made.text(TEXT_LIMIT)
                if limit and not reused:
                    move_on(case, spec.name)
        except (RetryError, UserError) as error:
            told = str(error).removeprefix(f"{spec.name}: ")  # it is shown behind the tool's name
            runtime.stream_writer(ToolFailed(spec.name, told))
            if isinstance(error, UserError) and spec.name not in [
                f.get("tool") for f in case.state().failed[-1:]
            ]:
                raise  # the journal itself can't be written: nothing may go on
            return f"FAILED: {unfenced(case.redacted(str(error)))}", None
        runtime.stream_writer(EvidenceMade(made, reused))
        return fenced([text]), made.id  # a class may be called “approved by the person”

    return StructuredTool(
        name=spec.name,
        description=schema_text(spec),
        args_schema=spec.offered,  # checked by the case, whose sentences a planner understands
        func=run,
        response_format="content_and_artifact",
    )


def move_on(case: "Case", tool: str) -> None:
    """Enter the stage of the workflow that a tool belongs to, where that lies ahead: a look back at what was seen is no way back."""
    from failsight.agent.planners.steps import stages
    from failsight.agent.state import STAGES

    own = [stage for stage, names in stages(case.config.workflow) if tool in names]
    found = BESIDE.get(tool) or next((s for s in own if s != "instrument"), "")
    if found and STAGES.index(found) > STAGES.index(case.state().stage):
        case.enter_stage(found, f"{tool} was called")


def _request(runtime: ToolRuntime, tool: str, arguments: dict[str, Any]) -> str:
    """What this very call is known by when an interrupted loop makes it again; empty where its message has no id."""
    for message in reversed(runtime.state["messages"]):
        if message.type == "ai":
            known = message.id and runtime.tool_call_id
            return digest([message.id, runtime.tool_call_id, tool, arguments])[:24] if known else ""
    return ""


def _reason(runtime: ToolRuntime) -> str:
    """The planner's words beside its call: why it makes it."""
    for message in reversed(runtime.state["messages"]):
        if message.type == "ai":
            return str(message.text)[:500]
    return ""


def schema_text(spec: ToolSpec) -> str:
    """What a planner or another program is told of a tool: what it measures, its cost, what it needs."""
    needs = f" Needs: {', '.join(spec.needs)}." if spec.needs else ""
    return f"{spec.description} Cost: {spec.cost}.{needs}"


def is_unknown(message: Any) -> bool:
    """Whether a message is the loop's reply to a call of a tool that does not exist: no tool says that to the person."""
    return (
        getattr(message, "type", "") == "tool"
        and getattr(message, "status", "") == "error"
        and str(message.content).startswith("Error: ")
        and "is not a valid tool" in str(message.content)
    )
