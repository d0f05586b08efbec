"""What a language model may cost: calls, tokens, money, time. At 80 % it is said, at 100 % the session pauses and asks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from langchain.agents.middleware import AgentMiddleware, hook_config
from langchain_core.messages import AIMessage
from langgraph.config import get_stream_writer
from langgraph.types import interrupt

from failsight import prompts
from failsight.agent.events import BUDGET, Notice
from failsight.agent.guards.steady import by_guided
from failsight.tools.errors import UserError

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.agent.state import CaseState

WARN_AT = 0.8
LABELS = {
    "calls": "calls of the language model",
    "tokens": "tokens",
    "usd": "US dollars",
    "minutes": "minutes of waiting for the language model",
    "tool_minutes": "minutes of measuring",
}


@dataclass(frozen=True, slots=True)
class Budget:
    """Caps of one case. ``minutes`` are those that the model takes to answer; ``usd`` counts only for models whose price is known (``prompts/prices.yaml``)."""

    calls: float = 200
    tokens: float = 1_000_000
    usd: float = 5
    minutes: float = 120
    tool_minutes: float = 60

    @classmethod
    def parse(cls, text: str) -> Budget:
        """``calls=50,usd=2``; what is not named keeps its default.

        Raises:
            UserError: an unknown name, or something that is no number above zero.
        """
        made = cls()
        for item in filter(None, (part.strip() for part in text.split(","))):
            name, _, value = item.partition("=")
            known = [f.name for f in fields(cls)]
            try:
                number = float(value)
            except ValueError:
                number = -1.0
            if name.strip() not in known or not number > 0:
                raise UserError(
                    f"--budget {item!r} can't be read.",
                    f"Write for example --budget calls=50,usd=2 (of {', '.join(known)}).",
                )
            made = replace(made, **{name.strip(): number})
        return made

    def times(self, factor: float) -> Budget:
        """All caps multiplied."""
        return Budget(*(factor * getattr(self, f.name) for f in fields(self)))


@dataclass(frozen=True, slots=True)
class Spent:
    """What was used so far, in the units of :class:`Budget`."""

    calls: float = 0
    tokens: float = 0
    usd: float = 0
    minutes: float = 0
    tool_minutes: float = 0

    def fullest(self, budget: Budget) -> tuple[str, float]:
        """The cap that is nearest, and how much of it is used (1 is all)."""
        shares = {f.name: getattr(self, f.name) / getattr(budget, f.name) for f in fields(budget)}
        name = max(shares, key=lambda k: shares[k])
        return name, shares[name]


def spent(state: CaseState) -> Spent:
    """The sum over the journal: model calls with their tokens and price, and the tools' seconds."""
    used = state.model_use
    return Spent(
        used.get("calls", 0),
        used.get("tokens", 0),
        used.get("usd", 0),
        used.get("seconds", 0) / 60,
        sum(e.seconds for e in state.evidence) / 60,
    )


class BudgetGuard(AgentMiddleware[Any, Any, Any]):
    """Journals what each call of the model costs; warns, then pauses.

    ``ask``: whether a person can be asked; else the turn ends with a sentence.
    """

    def __init__(self, case: Case, model: str, ask: Any) -> None:
        super().__init__()
        self.case, self.model, self.ask = case, model, ask
        self.base = Budget.parse(case.config.budget)
        self._warned = 0.0

    @property
    def budget(self) -> Budget:
        """The caps, raised as often as a person agreed."""
        return self.base.times(1 + self.case.state().budget_raised)

    @hook_config(can_jump_to=["end"])
    def before_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """Pause before a call that the budget no longer covers."""
        name, share = spent(self.case.state()).fullest(self.budget)
        if share >= 1:
            words = {"what": LABELS[name], "cap": f"{getattr(self.budget, name):g}"}
            if not self.ask():
                self.case.record("budget.stopped", what=name)
                return {"messages": [AIMessage(prompts.say("budget.ended", **words))], "jump_to": "end"}
            text = prompts.say("budget.full", **words)
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
        """Call the model and journal what that cost, whether or not its answer is of use; the guided planner is free."""
        began = time.monotonic()
        response = handler(request)
        made = getattr(response, "result", None) or [response]
        if not by_guided(made[-1]):
            self._journal(request, made[-1], time.monotonic() - began)
        return response

    def _journal(self, request: Any, last: Any, seconds: float) -> None:
        usage: Mapping[str, Any] = getattr(last, "usage_metadata", None) or {}
        tokens_in, tokens_out = int(usage.get("input_tokens", 0)), int(usage.get("output_tokens", 0))
        if not usage:  # servers that do not count: about four characters a token
            tokens_in = sum(len(str(m.content)) for m in request.messages) // 4
            tokens_out = len(str(getattr(last, "content", ""))) // 4
        self.case.record(
            "model.called",
            model=self.model,
            input_tokens=tokens_in,
            output_tokens=tokens_out,
            counted=bool(usage),
            usd=price(self.model, tokens_in, tokens_out),
            seconds=round(seconds, 3),
        )


def price(model: str, tokens_in: int, tokens_out: int) -> float:
    """US dollars by the price table (per million tokens; the longest name that the model's begins with); else 0."""
    table = prices()
    name = max((n for n in table if model.startswith(n)), key=len, default="")
    if not name:
        return 0.0
    return (tokens_in * table[name]["input"] + tokens_out * table[name]["output"]) / 1e6


@cache
def prices() -> dict[str, dict[str, float]]:
    """The shipped price table, with the person's own ``prices.yaml`` in Failsight's home over it."""
    from importlib.resources import files

    import yaml

    from failsight.agent.places import home

    made: dict[str, dict[str, float]] = yaml.safe_load(
        files("failsight.prompts").joinpath("prices.yaml").read_text("utf-8")
    )
    own = home() / "prices.yaml"
    if own.is_file():
        made |= yaml.safe_load(own.read_text("utf-8")) or {}
    return made
