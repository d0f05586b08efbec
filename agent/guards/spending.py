"""What a language model cost and may cost: calls, tokens, money, time; added up from the journal, which gets a line for every try."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from failsight.tools.errors import UserError

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.agent.state import CaseState

PER_TOKEN = 4  # characters, where a server does not count
PER_PICTURE = 800  # tokens that a picture of 512 pixels counts for there
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
    tokens: float = 2_500_000
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

    def doubled(self, name: str, times: int = 1) -> Budget:
        """With one cap doubled so many times."""
        return replace(self, **{name: getattr(self, name) * 2.0**times})


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


def budget_of(case: Case) -> Budget:
    """The caps of a case, each doubled as often as a person agreed."""
    made = Budget.parse(case.config.budget)
    for name, times in case.state().raised.items():
        if name in LABELS:
            made = made.doubled(name, times)
    return made


def amount(value: float) -> str:
    """A number of calls, tokens, dollars or minutes as people write it: ``1,000,000``, ``0.5``."""
    return f"{round(value, 2):,.10g}" if value >= 0.1 else f"{value:.2g}"


def in_words(case: Case) -> str:
    """What the language model has cost in this case, of how much, a line for each cap."""
    state, budget = case.state(), budget_of(case)
    used, known = spent(state), case.config.planner.partition(":")[2]
    if not used.calls and not known:
        return "No language model was asked in this case. The guided planner costs nothing."
    lines = [
        f"- {amount(getattr(used, f.name))} of {amount(getattr(budget, f.name))} {LABELS[f.name]}"
        + f" ({100 * getattr(used, f.name) / getattr(budget, f.name):.0f} %)"
        for f in fields(budget)
    ]
    if used.calls:
        lines.append(f"- {amount(round(used.tokens / used.calls))} tokens a call on average")
    if used.calls and not used.usd:
        lines.append("- No price is known for this model; put one into prices.yaml in Failsight's home.")
    return "\n".join(["What the language model has used of its budget (`--budget` changes it):", *lines])


def journal_call(
    case: Case, model: str, messages: Sequence[Any], answer: Any, seconds: float, **more: Any
) -> None:
    """Journal one request to a model.

    Args:
        messages: what it was sent.
        answer: what came back; None where it broke off, and what it had said by then is not known.
        seconds: how long that took.
        more: further fields of the event.
    """
    usage: Mapping[str, Any] = getattr(answer, "usage_metadata", None) or {}
    tokens_in, tokens_out = int(usage.get("input_tokens", 0)), int(usage.get("output_tokens", 0))
    if not usage:
        told = int((getattr(answer, "response_metadata", None) or {}).get("characters_sent") or 0)
        tokens_in = told // PER_TOKEN or sum(_size(m.content) for m in messages)
        calls = getattr(answer, "tool_calls", None) or ()
        tokens_out = _size(getattr(answer, "content", "")) + sum(_size(str(c["args"])) for c in calls)
    case.record(
        "model.called",
        model=model,
        input_tokens=tokens_in,
        output_tokens=tokens_out,
        counted=bool(usage),
        usd=price(model, tokens_in, tokens_out),
        seconds=round(seconds, 3),
        **more,
    )


def _size(content: Any) -> int:
    """About how many tokens a message's content has."""
    if isinstance(content, str):
        return len(content) // PER_TOKEN
    parts = content if isinstance(content, list) else [content]
    return sum(
        PER_PICTURE if isinstance(p, dict) and p.get("type") == "image_url" else len(str(p)) // PER_TOKEN
        for p in parts
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
