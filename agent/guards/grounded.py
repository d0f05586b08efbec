"""What a language model says is checked against the record before a person sees it; its placeholders are filled in."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from langchain.agents.middleware import AgentMiddleware, hook_config
from langchain_core.messages import AIMessage, HumanMessage

from failsight import prompts
from failsight.agent.grounding import Checked, Checker, Claim
from failsight.agent.grounding.filling import fill
from failsight.agent.grounding.hints import hints
from failsight.agent.grounding.numbers import numbers, sentences
from failsight.agent.guards.steady import by_guided
from failsight.agent.guards.turns import INTERNAL
from failsight.agent.planners.streamed import CUT_OFF, WITHHELD
from failsight.agent.secrets import redact
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.agent.case import Case

LONGEST = 20_000  # characters of an answer that are kept: more is no answer
ORDER = 8_000  # characters of what it is to correct
QUOTED = 300  # of one sentence of it


class Grounded(AgentMiddleware[Any, Any, Any]):
    """Marks what the record does not hold; asks the model once a turn to correct itself; the journal keeps both."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.case = case
        self._checker: Checker | None = None  # made anew only when something was measured
        self._known: tuple[int, ...] = ()
        self._broken = ""  # what the check of the newest answer broke at

    @hook_config(can_jump_to=["model"])
    def after_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """Check the newest answer, or the words beside its tool calls."""
        messages: Sequence[Any] = state["messages"]
        last = messages[-1]
        if not isinstance(last, AIMessage):
            return None
        if by_guided(last):  # its words are filled in from the record
            return {"messages": [last]}
        if last.invalid_tool_calls and not last.tool_calls:
            return self._mend(last, messages)
        text = str(redact(str(last.text)[:LONGEST]))
        if not text.strip():
            return None if last.tool_calls else self._silent(last, messages)
        checked = self.check(text)
        if checked.unverified and not (last.tool_calls or self._broken or self._asked(messages)):
            self._journal(checked, final=False)
            order = prompts.say("grounding.correct", claims=self._order(checked))
            return {"messages": [HumanMessage(order, additional_kwargs={INTERNAL: True})], "jump_to": "model"}
        if checked.claims:
            self._journal(checked, final=True)
        broken = prompts.say("grounding.broke", error=self._broken) if self._broken else ""
        early = _ended_early(last) if not last.tool_calls else ""
        mark = prompts.say("grounding.mark") if checked.unverified and not (last.tool_calls or broken) else ""
        shown = "\n\n".join(filter(None, (checked.marked(), mark, broken, early)))
        return {"messages": [self._instead(last, shown)]}

    def _order(self, checked: Checked) -> str:
        """What is to be corrected, sentence by sentence, all of it; what no longer fits is counted."""
        said, lines = checked.text, list[str]()
        for sentence in sentences(said):
            wrong = [c for c in checked.unverified if sentence.start <= c.start < sentence.end]
            if not wrong:
                continue
            reasons = dict.fromkeys(
                f"“{clean(said[c.start : c.end], 60)}”: {c.reason}{self._recorded(said, c)}" for c in wrong
            )
            quoted = clean(" ".join(said[sentence.start : sentence.end].split()), QUOTED)
            lines.append(f"- {quoted}\n" + "\n".join(f"  - {r}" for r in reasons))
        kept, size = list[str](), 0
        for line in lines:
            size += len(line)
            if kept and size > ORDER:
                kept.append(f"- … and {len(lines) - len(kept)} more sentences.")
                break
            kept.append(line)
        return "\n".join(kept)

    def check(self, text: str) -> Checked:
        """``text`` against the record as it is now. A fault of the check costs nobody the answer: it is shown as unchecked."""
        self._broken = ""
        try:
            return self._checked(text)
        except Exception as error:
            at = traceback.extract_tb(error.__traceback__)[-1]
            self._broken = type(error).__name__
            self.case.record(
                "grounding.failed", error=self._broken, at=f"{at.filename.rpartition('/')[2]}:{at.lineno}"
            )
            return unchecked(text, self.case)

    def _checked(self, text: str) -> Checked:
        state = self.case.state()
        known = (len(state.evidence), len(state.records), len(state.expectations))
        if self._checker is None or self._known != known:
            columns = self.case.table().columns
            values = {n: {str(v) for v in column if isinstance(v, str)} for n, column in columns.items()}
            self._checker, self._known = Checker(state, self.case.classes, values), known
        return self._checker.check(text)

    def _recorded(self, said: str, claim: Claim) -> str:
        """What the record does hold about a claim, for the model that is to say it again."""
        try:
            found = hints(said, claim, self.case.state(), self._checker.lexicon) if self._checker else ""
        except Exception:  # a hint less
            found = ""
        return f" (recorded: {found})" if found else ""

    def _mend(self, last: AIMessage, messages: Sequence[Any]) -> dict[str, Any]:
        """A tool call that can't be read: the model is told, once a turn; then the turn ends with what it said."""
        if self._asked(messages):
            return {"messages": [self._instead(last, str(last.text) or prompts.say("model.unreadable"))]}
        bad = last.invalid_tool_calls[0]
        order = prompts.say(
            "model.mend", tool=clean(bad.get("name") or "?", 60), error=clean(bad.get("error") or "", 200)
        )
        return {"messages": [HumanMessage(order, additional_kwargs={INTERNAL: True})], "jump_to": "model"}

    def _silent(self, last: AIMessage, messages: Sequence[Any]) -> dict[str, Any]:
        if why := _ended_early(last, silent=True):  # the same again would end the same way
            return {"messages": [self._instead(last, why)]}
        if self._asked(messages):
            return {"messages": [self._instead(last, prompts.say("model.silent"))]}
        order = HumanMessage(prompts.say("model.speak"), additional_kwargs={INTERNAL: True})
        return {"messages": [order], "jump_to": "model"}

    def _asked(self, messages: Sequence[Any]) -> bool:
        """Whether the model was corrected in this turn already."""
        for message in reversed(messages):
            if message.type == "human":
                return bool(message.additional_kwargs.get(INTERNAL))
        return False

    def _instead(self, last: AIMessage, text: str) -> AIMessage:
        """The same message with other words."""
        return AIMessage(
            text, id=last.id, tool_calls=last.tool_calls, additional_kwargs={"grounded": True},
            usage_metadata=last.usage_metadata,
        )  # fmt: skip

    def _journal(self, checked: Checked, *, final: bool) -> None:
        self.case.record(
            "grounding.checked",
            text=checked.text,
            final=final,
            claims=len(checked.claims),
            unverified=[
                {"text": checked.text[c.start : c.end], "kind": c.kind, "reason": c.reason}
                for c in checked.unverified
            ],
        )


def unchecked(text: str, case: Case) -> Checked:
    """``text`` with its placeholders filled in where that can be done, and every number in it unverified."""
    try:
        filled = fill(text, case.state())
        text = filled.text
        held = [(c.start, c.end) for c in filled.made]
        stated = [n for n in numbers(text) if not any(a <= n.start < b for a, b in held)]
        claims = (Claim("number", n.start, n.end, False, (), "it was not checked") for n in stated)
        return Checked(text, (*filled.made, *filled.unknown, *claims))
    except Exception:  # whatever the check broke at may be there too
        return Checked(text, ())


def _ended_early(last: AIMessage, *, silent: bool = False) -> str:
    """What a person is told of an answer that its server did not let end; empty for one that came to its end."""
    reason = CUT_OFF[0] if len(str(last.text)) > LONGEST else str(last.response_metadata.get("finish_reason"))
    key = {**dict.fromkeys(CUT_OFF, "model.cut"), WITHHELD: "model.withheld"}.get(reason)
    return prompts.say(key + ".silent" * silent) if key else ""
