"""The one agent loop, whoever plans: langchain's ``create_agent`` with a SQLite checkpointer and approval middleware."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware

from failsight.agent.bindings import bind
from failsight.agent.planners.repairs import check
from failsight.agent.policy import load_policy
from failsight.agent.proposals.consent import LOOK
from failsight.tools.errors import RetryError
from failsight.tools.registry import ToolSpec, registry

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from failsight.agent.case import Case

REPAIRS = ("select_data", "generate_repair_data", "retrain")
"""Tools that a case opened with ``--repair`` may use unattended."""
THREAD = {"configurable": {"thread_id": "main"}, "recursion_limit": 1200}


class Approvals:
    """Which tool calls wait for a person, and what a policy answers for them.

    Tools that write always wait; heavy ones wait unless their kind was approved before. With ``policy`` ``"auto"``
    what the case's policy allows does not wait: its yes is journalled instead. What it denies waits for
    :meth:`judge`'s no. ``allowed`` holds kinds approved for the session.
    """

    def __init__(self, case: Case, policy: str = "ask") -> None:
        self.case, self.policy = case, policy
        self.rules = load_policy(case.config.policy)
        if case.config.repair:
            check(case.config.repair)
            self.rules = self.rules.with_allowed(*REPAIRS)
        self.allowed: set[str] = set()
        self.further: dict[str, Any] = {}  # what else waits for a person, as the middleware takes it
        self._granted: set[str] = set()  # calls whose yes is journalled: a loop that resumes asks again

    def judge(self, name: str) -> tuple[bool, str]:
        """What the case's policy says to a call of this tool: (yes or no, why not)."""
        if name == LOOK:
            return False, "pictures are sent to a model only after a person's yes (--send-images)"
        if name not in registry():
            return False, "there is no such tool"
        return self.rules.judge(registry()[name], _expected(self.case, name))

    def waits(self, spec: ToolSpec, arguments: dict[str, Any]) -> bool:
        """Whether this call needs a yes. A call that the journal already answers costs nothing and never waits."""
        if not (spec.writes or spec.cost == "heavy") or spec.name in self.allowed:
            return False
        try:
            key = self.case.call_key(spec, spec.check(arguments))
        except RetryError:
            return False  # it will be refused anyway
        if key in self.case.state().calls:
            return False
        if self.policy == "auto" and self.judge(spec.name)[0]:
            if key not in self._granted:
                self._granted.add(key)
                self.case.record(
                    "approval.given",
                    call=key,
                    tool=spec.name,
                    decision="approve",
                    by="policy",
                    rule=self.rules.name,
                )
            return False
        return True

    def middleware(self) -> HumanInTheLoopMiddleware[Any, Any, Any]:
        """The middleware that interrupts the loop before a call that waits."""

        def config(spec: ToolSpec) -> dict[str, Any]:
            return {
                "allowed_decisions": ["approve", "reject"],
                "when": lambda request: self.waits(spec, dict(request.tool_call["args"])),
                "description": spec.description,
            }

        waiting: dict[str, Any] = {
            s.name: config(s) for s in registry().values() if s.writes or s.cost == "heavy"
        }
        return HumanInTheLoopMiddleware(interrupt_on=waiting | self.further)


def _expected(case: Case, name: str) -> float:
    """Seconds that a call of this tool is expected to take on this case."""
    from failsight.agent.planners.order import promise

    return promise(case, case.state(), registry()[name], {}).seconds


def build_graph(
    case: Case,
    planner: BaseChatModel,
    approvals: Approvals,
    checkpoints: Any,
    system: str,
    outer: Sequence[Any] = (),
    inner: Sequence[Any] = (),
) -> Any:
    """The compiled agent loop over the tools of ``case``.

    ``outer`` and ``inner``: middleware around a language model. What a model said passes the inner ones, last first,
    then the approvals: nothing is approved that was not checked.
    """
    return create_agent(
        planner,
        bind(case),
        system_prompt=system,
        middleware=[*outer, approvals.middleware(), *inner],
        checkpointer=checkpoints,
        name="failsight",
    )
