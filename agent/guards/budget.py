"""What a language model may cost: calls, tokens, money, time. At 80 % it is said, at 100 % the session pauses and asks."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from langchain.agents.middleware import AgentMiddleware, hook_config
from langchain_core.messages import AIMessage
from langgraph.config import get_stream_writer
from langgraph.types import interrupt

from failsight import prompts
from failsight.agent.events import BUDGET, Notice
from failsight.agent.guards.spending import (
    LABELS,
    Budget,
    Spent,
    amount,
    budget_of,
    journal_call,
    price,
    spent,
)
from failsight.agent.guards.steady import by_guided

if TYPE_CHECKING:
    from failsight.agent.case import Case

__all__ = ["LABELS", "Budget", "BudgetGuard", "Spent", "price", "spent"]

WARN_AT = 0.8


class BudgetGuard(AgentMiddleware[Any, Any, Any]):
    """Journals what each call of the model costs; warns, then pauses.

    Args:
        ask: whether a person can be asked; else the turn ends with a sentence.
        always: whether a person said that it may always have more.
    """

    def __init__(
        self, case: Case, model: str, ask: Callable[[], bool], always: Callable[[], bool] = bool
    ) -> None:
        super().__init__()
        self.case, self.model, self.ask, self.always = case, model, ask, always
        Budget.parse(case.config.budget)  # what it gets wrong is said now
        self._warned = 0.0

    @property
    def budget(self) -> Budget:
        """The caps, raised as often as a person agreed."""
        return budget_of(self.case)

    @hook_config(can_jump_to=["end"])
    def before_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """Pause before a call that the budget no longer covers."""
        name, share = spent(self.case.state()).fullest(self.budget)
        if share >= 1:
            cap = getattr(self.budget, name)
            words = {"what": LABELS[name], "cap": amount(cap)}
            if not self.ask():
                self.case.record("budget.stopped", what=name)
                return {"messages": [AIMessage(prompts.say("budget.ended", **words))], "jump_to": "end"}
            if self.always():
                self.case.record("budget.raised", what=name)
                text = prompts.say("budget.doubled", what=LABELS[name], cap=amount(2 * cap))
                get_stream_writer()(Notice(text, "warning"))
                return None
            text = prompts.say("budget.full", **words, twice=amount(2 * cap))
            request = {"name": BUDGET, "args": {"what": name}, "description": text}
            answer = interrupt({"action_requests": [request], "review_configs": []})
            if answer["decisions"][0]["type"] != "approve":
                self.case.record("budget.stopped", what=name)
                return {"messages": [AIMessage(prompts.say("budget.stopped"))], "jump_to": "end"}
            self.case.record("budget.raised", what=name)
        elif share >= WARN_AT and self._warned != self.case.state().budget_raised + 1:
            self._warned = self.case.state().budget_raised + 1
            text = prompts.say("budget.near", what=LABELS[name], share=f"{100 * share:.0f}")
            get_stream_writer()(Notice(text, "warning"))
        return None

    def wrap_model_call(self, request: Any, handler: Any) -> Any:
        """Call the model and journal what that cost, whether or not its answer is of use; the guided planner is free.

        Tries that broke off are journalled where they are made again (``steady.py``).
        """
        began, used = time.monotonic(), len(self.case.journal)
        response = handler(request)
        made = getattr(response, "result", None) or [response]
        if not by_guided(made[-1]):
            tried = sum(
                float(e.data["seconds"]) for e in self.case.journal.events[used:] if e.kind == "model.called"
            )
            seconds = max(0.0, time.monotonic() - began - tried)
            journal_call(self.case, self.model, request.messages, made[-1], seconds)
        return response
