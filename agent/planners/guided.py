"""The guided planner: a chat model that needs no language model.

It is a ``BaseChatModel``, so that the agent loop is the same whoever plans. Its policy reads the state of the case: in
a workflow turn it makes the next step's call and, at the end of a stage, says what came out; to what a person types it
answers with a measurement (``answering.py``), and to a suspicion with a typed hypothesis and the test that decides it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import PrivateAttr

from failsight import prompts
from failsight.agent.planners import answering, asides, closing, phrases, recap, several, words
from failsight.agent.planners.step import Step
from failsight.agent.planners.steps import next_step
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.agent.case import Case

#: what a turn is: everything to the end, one stage, or an answer to a question (HumanMessage.additional_kwargs["mode"])
AUTO, STAGE, ASK = "auto", "stage", "ask"


class GuidedPlanner(BaseChatModel):
    """The built-in planner. ``level`` changes its words, never its measurements."""

    level: str = "intermediate"
    _case: Case = PrivateAttr()

    def __init__(self, case: Case, level: str = "intermediate") -> None:
        super().__init__()
        self.level = level
        self._case = case

    @property
    def _llm_type(self) -> str:
        return "failsight-guided"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> GuidedPlanner:
        """The planner knows the registry; nothing to bind."""
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self.plan(messages))])

    def plan(self, messages: Sequence[BaseMessage]) -> AIMessage:
        """The next message: a tool call with its reason, or words for the person."""
        start = max((i for i, m in enumerate(messages) if m.type == "human"), default=0)
        human, since = messages[start], list(messages[start + 1 :])
        mode = human.additional_kwargs.get("mode", ASK)
        if mode == ASK:
            return self._answer(str(human.text), since)
        return self._work(mode, since)

    # --- the workflow ----------------------------------------------------------------------------------------------

    def _work(self, mode: str, since: Sequence[BaseMessage]) -> AIMessage:
        step = next_step(self._case, asks=mode == STAGE)
        begun = [m for m in since if m.type == "ai"]
        first = begun[0].additional_kwargs.get("stage") if begun else None
        if step is None:
            return recap.closing(self._case, closing.closing(self._case), since)
        if mode == STAGE and first is not None and step.stage != first:
            done = words.stage_done(self._case, self.level, str(first), step.stage, self._evidence(since))
            return recap.after_no(self._case, done, since)
        return self._act(step)

    def _act(self, step: Step) -> AIMessage:
        self._enter(step)
        return words.call(step.tool, step.arguments, step.why, stage=step.stage)

    def _enter(self, step: Step) -> None:
        case = self._case
        if step.stage == "test" and case.state().stage not in ("instrument", "test"):
            case.enter_stage("instrument", "a hypothesis was stated")
        case.enter_stage(step.stage, step.trigger)

    def _evidence(self, since: Sequence[BaseMessage]) -> list[str]:
        return [str(m.artifact) for m in since if isinstance(m, ToolMessage) and m.artifact]

    # --- typed questions -------------------------------------------------------------------------------------------

    def _answer(self, question: str, since: Sequence[BaseMessage]) -> AIMessage:
        at = several.begun(since)
        if at is None:
            return self._one(question, since)
        wish = since[at].additional_kwargs[several.WISH]
        made = self._one(str(wish["now"]), since[at:])
        return made if made.tool_calls else several.answered(self._case, wish, made, answering.one_wish)

    def _one(self, question: str, since: Sequence[BaseMessage]) -> AIMessage:
        """The next message for one question, of which ``since`` was said and done so far."""
        if not since:
            return self._first(question)
        last = since[-1]
        failed = not isinstance(last, ToolMessage) or words.failed(last)
        more = None if failed else self._more(question, since)
        if more is not None:
            return more
        replies = [m for m in since if m.type == "tool"]
        if not replies:  # a language model gave up in the middle of this turn: the question is as new
            return self._first(question)
        made = words.answer(self._case, self.level, self._evidence(since), replies[-1])
        made = asides.completed(self._case, question, made, self._evidence(since), since)
        return recap.after_no(self._case, made, since)

    def _first(self, question: str) -> AIMessage:
        """The first message of a turn; a recap tells what was declined, and what it repeats that is out of date."""
        made = answering.first_message(self._case, question)
        if made.tool_calls:
            return made
        sums_up = phrases.NEXT.match(question) is not None or phrases.asked(question) is not None
        return recap.completed(self._case, made) if sums_up else recap.dated(self._case, made)

    def _more(self, question: str, since: Sequence[BaseMessage]) -> AIMessage | None:
        """The next call of a turn that takes several: further edits of attributes, or the test of a hypothesis."""
        begun = next((m for m in reversed(since) if m.type == "ai"), None)
        then = list(begun.additional_kwargs.get("then", ())) if begun is not None else []
        if then:
            (name, arguments), *rest = then
            why = prompts.say("why.question", question=clean(question, 120))
            return words.call(name, arguments, why, then=rest)
        made = next((e for e in self._case.state().evidence if e.id == str(since[-1].artifact)), None)  # type: ignore[attr-defined]
        return answering.instrument_message(self._case, made) if made is not None else None
