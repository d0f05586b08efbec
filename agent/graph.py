"""The one agent loop, whoever plans: langchain's ``create_agent`` with a SQLite checkpointer and approval middleware."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware

from failsight.agent.bindings import bind
from failsight.agent.foreseen import takes_long
from failsight.agent.lacking import runs_not
from failsight.agent.planners.repairs import check
from failsight.agent.policy import load_policy
from failsight.agent.proposals.consent import LOOK
from failsight.tools.errors import RetryError
from failsight.tools.evidence import canonical
from failsight.tools.registry import ToolSpec, registry

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from failsight.agent.case import Case
    from failsight.agent.journal import Event

REPAIRS = ("select_data", "generate_repair_data", "retrain")
"""Tools that a case opened with ``--repair`` may use unattended."""
ENDS = ("evidence.recorded", "tool.failed")  # events that end a run of a tool
THREAD = {"configurable": {"thread_id": "main"}, "recursion_limit": 1200}


class Approvals:
    """Which tool calls wait for a person, and what a policy answers for them.

    Tools that write always wait; heavy ones wait unless their kind was approved before. With ``policy`` ``"auto"``
    what the case's policy allows does not wait: its yes is journalled instead. What it denies, of whatever cost, waits for
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

    def judge(self, name: str, arguments: Mapping[str, Any] | None = None) -> tuple[bool, str]:
        """What the case's policy says to a call of this tool: (yes or no, why not)."""
        if name == LOOK:
            return False, "pictures are sent to a model only after a person's yes (--send-images)"
        if name not in registry():
            return False, "there is no such tool"
        seconds = 0.0 if self.rules.seconds is None else _expected(self.case, name, arguments or {})
        return self.rules.judge(registry()[name], seconds)

    def waits(self, spec: ToolSpec, arguments: Mapping[str, Any]) -> bool:
        """Whether this call needs a yes, as one that takes long does, by its kind or as measured on this case. A call that the journal
        already answers costs nothing and never waits; nor does one that fails at once for what the case lacks, which is then said."""
        asks = needs_yes(spec)
        if spec.name in self.allowed or not (asks or self.policy == "auto" or spec.passes or spec.fits):
            return False
        try:
            checked = self.case.checked(spec, arguments)
            if not (asks or self.policy == "auto" or takes_long(self.case, spec, checked)):
                return False
            if self.case.answered(spec, checked) or runs_not(self.case, spec, checked):
                return False
            key = self.case.call_key(spec, checked)
        except RetryError:
            return False  # it will be refused anyway
        if self.policy == "auto" and self.judge(spec.name, checked)[0]:
            if asks and key not in self._granted:
                self._granted.add(key)
                self.case.record(
                    "approval.given",
                    call=key,
                    tool=spec.name,
                    arguments=checked,
                    decision="approve",
                    by="policy",
                    rule=self.rules.name,
                )
            return False
        return True

    def may(self, spec: ToolSpec, checked: Mapping[str, Any]) -> bool:
        """Whether a call that is about to run may: nobody has to say yes to it, or somebody did in this turn.

        :meth:`waits` is asked when a planner names its calls. Whatever else it named beside this one may have run since, so that
        an answer which stood in the journal then does not answer any more.
        """
        return not self.waits(spec, checked) or self._approved(spec, checked)

    def _approved(self, spec: ToolSpec, checked: Mapping[str, Any]) -> bool:
        """Whether a yes to this call was given in this turn and is not used up: each is for one run.

        It is of a tool with its arguments, and holds although other calls of the same message changed the case meanwhile:
        nobody is asked twice. The journal remembers it, so that it outlives a crash.
        """
        wanted, left = canonical(self.case.redacted(checked)), 0
        for event in _this_turn(self.case.journal.events):
            data, ends = event.data, event.kind in ENDS
            made = data.get("evidence", data)
            if not (ends or event.kind == "approval.given") or made.get("tool") != spec.name:
                continue
            given = made.get("arguments", {} if ends else None)
            if self._same(spec, given, wanted):
                left = max(0, left - 1) if ends else left + (data.get("decision") == "approve")
        return left > 0

    def _same(self, spec: ToolSpec, arguments: Any, wanted: str) -> bool:
        try:
            return canonical(self.case.redacted(self.case.checked(spec, arguments))) == wanted
        except (RetryError, TypeError):  # no arguments, or of another version of the tool
            return False

    def middleware(self) -> HumanInTheLoopMiddleware[Any, Any, Any]:
        """The middleware that interrupts the loop before a call that waits."""

        def config(spec: ToolSpec) -> dict[str, Any]:
            return {
                "allowed_decisions": ["approve", "reject"],
                "when": lambda request: self.waits(spec, dict(request.tool_call["args"])),
                "description": spec.description,
            }

        waiting: dict[str, Any] = {s.name: config(s) for s in registry().values()}
        return HumanInTheLoopMiddleware(interrupt_on=waiting | self.further)


def _this_turn(events: Sequence[Event]) -> Sequence[Event]:
    """What was journalled since a person last said something, or let the rest run."""
    for at in range(len(events) - 1, -1, -1):
        event = events[at]
        if event.kind == "auto.started" or (event.kind == "message" and event.data.get("role") == "person"):
            return events[at:]
    return events


def needs_yes(spec: ToolSpec) -> bool:
    """Whether a person is asked before such a tool runs."""
    return spec.writes or spec.cost == "heavy"


def _expected(case: Case, name: str, arguments: Mapping[str, Any]) -> float:
    """Seconds that a call of this tool is expected to take on this case."""
    from failsight.agent.planners.order import expected_seconds

    return expected_seconds(case, case.state(), registry()[name], arguments)


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
        bind(case, approvals.may, next((m.reply for m in outer if hasattr(m, "reply")), None)),
        system_prompt=system,
        middleware=[*outer, approvals.middleware(), *inner],
        checkpointer=checkpoints,
        name="failsight",
    )
