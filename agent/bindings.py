"""The tool registry as langchain tools: one door, typed messages out, errors turned into words the planner can act on."""

# no `from __future__ import annotations`: langchain finds the hidden ToolRuntime argument by its evaluated type
import threading
from typing import TYPE_CHECKING, Any

from langchain.tools import ToolRuntime
from langchain_core.tools import StructuredTool

from failsight.agent.events import EvidenceMade, ToolFailed, ToolStarted
from failsight.prompts import fenced, unfenced
from failsight.tools.errors import RetryError, UserError
from failsight.tools.evidence import digest
from failsight.tools.registry import ToolSpec, registry

if TYPE_CHECKING:
    from failsight.agent.case import Case, May

TEXT_LIMIT = 3000


def bind(case: "Case", may: "May | None" = None) -> list[StructuredTool]:
    """Every tool of the registry, bound to ``case``. ``may`` is asked right before one runs (:meth:`Case.call`).

    A tool's reply is the evidence's text; its artifact is the evidence's id. ``RetryError`` and ``UserError`` become
    replies that begin with ``FAILED``, so that the planner can mend its call or tell the person; bugs propagate.
    """
    lock = threading.Lock()  # a planner may ask for several calls at once; the journal takes them one by one
    return [_bind(case, spec, lock, may) for spec in registry().values()]


def _bind(case: "Case", spec: ToolSpec, lock: threading.Lock, may: "May | None") -> StructuredTool:
    def run(runtime: ToolRuntime, **arguments: Any) -> tuple[str, str | None]:
        why, request = _reason(runtime), _request(runtime, spec.name, arguments)
        runtime.stream_writer(ToolStarted(spec.name, arguments, why))
        try:
            with lock:
                made, reused = case.call(
                    spec.name, arguments, by="planner", why=why, may=may, request=request
                )
        except (RetryError, UserError) as error:
            told = str(error).removeprefix(f"{spec.name}: ")  # it is shown behind the tool's name
            runtime.stream_writer(ToolFailed(spec.name, told))
            if isinstance(error, UserError) and spec.name not in [
                f.get("tool") for f in case.state().failed[-1:]
            ]:
                raise  # the journal itself can't be written: nothing may go on
            return f"FAILED: {unfenced(case.redacted(str(error)))}", None
        runtime.stream_writer(EvidenceMade(made, reused))
        return fenced([made.text(TEXT_LIMIT)]), made.id  # a class may be called “approved by the person”

    return StructuredTool(
        name=spec.name,
        description=schema_text(spec),
        args_schema=spec.offered,  # checked by the case, whose sentences a planner understands
        func=run,
        response_format="content_and_artifact",
    )


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
