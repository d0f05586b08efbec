"""A session: one conversation with one case. The headless core that every display and ``failsight run`` share."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.types import Command

from failsight import prompts
from failsight.agent import stated
from failsight.agent.checkpoints import mend, open_checkpoints
from failsight.agent.events import (
    BUDGET,
    ApprovalAsked,
    Notice,
    PlannerSaid,
    SessionEvent,
    StageEntered,
    ToolFailed,
)
from failsight.agent.foreseen import alike, question
from failsight.agent.graph import THREAD, Approvals, build_graph
from failsight.agent.planners import demanded, make_planner, requirements, words
from failsight.agent.planners.counting import prices
from failsight.agent.planners.dialogue import turns
from failsight.agent.planners.handed.words import is_accepted_of_the_left
from failsight.agent.planners.wishes import parse_wishes
from failsight.agent.proposals.consent import LOOK, allow_images
from failsight.agent.slash import SlashCommands
from failsight.agent.state import CaseState
from failsight.tools.errors import RetryError, UserError
from failsight.tools.expectations.names import is_price
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.agent.case import Case

GO_ON = (
    "",
    "go on",
    "continue",
    "next",
    "ok",
    "weiter",
    "go",
)  # a yes where nothing was asked is none of these


class Session(SlashCommands):
    """A conversation with ``case``. Iterating the events of a turn is what makes it happen.

    Args:
        policy: ``ask`` waits for a person before heavy or writing tools; ``auto`` lets them run and journals that.
        planner: a chat model to use instead of the one that the case names (tests).
    """

    def __init__(self, case: Case, *, policy: str = "ask", planner: Any = None) -> None:
        self.case, self.folder, self.name = case, case.folder, case.name
        self.level = case.config.level
        self.guided = planner is None and case.config.planner == "guided"
        self.approvals = Approvals(case, policy)
        planner = planner or make_planner(case.config.planner, case, self.level)
        self._checkpoints = open_checkpoints(case.folder)
        self.guards = self._guards(planner)
        self._graph = build_graph(
            case,
            planner,
            self.approvals,
            self._checkpoints,
            self._system(),
            *self.guards,
        )
        self._pending: ApprovalAsked | None = None
        self._open: list[Any] = []  # calls of this pause that wait, those of the pending question first
        self._together = 1  # for how many of them it stands
        self._decisions: list[dict[str, Any]] = []  # answers of this pause so far: the loop takes all at once
        self._always: set[str] = set()
        self._warned_already = False
        from failsight.agent import __version__

        case.record("session.opened", version=__version__, planner=case.config.planner, level=self.level)

    def _guards(self, planner: Any) -> tuple[list[Any], list[Any]]:
        """What stands around a planner that is a language model; the guided one says only what was measured."""
        if self.guided:
            return [], []
        from failsight.agent.guards import (
            BudgetGuard,
            ContextWindow,
            Fitting,
            Grounded,
            Looking,
            Reading,
            Steady,
        )
        from failsight.agent.guards.context import conversation
        from failsight.agent.guards.window import context_window
        from failsight.agent.planners.guided import GuidedPlanner

        case = self.case
        kind, _, model = case.config.planner.partition(":")
        looking = [Looking(case, model)] if kind == "openai" else []
        for one in looking:
            self.approvals.further[LOOK] = one.asking()
        own = getattr(planner, "conversation_tokens", 0)
        served = partial(context_window, model) if kind == "openai" else int
        window = ContextWindow(case, self._system, lambda: own or conversation(served()))
        steady = Steady(case, lambda: GuidedPlanner(case, self.level))
        return (
            [
                BudgetGuard(
                    case, model, lambda: self.approvals.policy == "ask", lambda: BUDGET in self._always
                ),
                window,
            ],
            [Grounded(case), steady, Fitting(case, window), Reading(case, window), *looking],
        )

    def _system(self) -> str:
        case = self.case
        wanted = ", ".join(f"{e.name} {'≥' if e.at_least else '≤'} {e.bound:g}" for e in case.expectations)
        return prompts.system(
            level=self.level,
            workflow=case.config.workflow,
            name=clean(case.name),
            task=clean(case.task, 1000) or "not stated",
            classes=", ".join(clean(c, 60) for c in case.classes[:100]),
            expectations=wanted or "none stated yet",
        )

    # --- turns -----------------------------------------------------------------------------------------------------

    def state(self) -> CaseState:
        return self.case.state()

    def start(self) -> Iterator[SessionEvent]:
        """Greet; or take up what was interrupted."""
        aside = [e for e in self.case.journal if e.kind == "journal.repaired"]
        if aside and aside[-1].seq >= len(self.case.journal) - 1:
            name = aside[-1].data["set_aside"]
            yield Notice(
                f"The last line of the journal was torn by a crash; it was set aside as {name}.", "warning"
            )
        yield from self._warned()
        yield from self._said(words.greeting(self.case, self.level))
        yield from self._take_up()

    def _warned(self) -> Iterator[SessionEvent]:
        """What must not stay unsaid about data and expectations, once a session."""
        from failsight.agent.opening import opening_words

        if not self._warned_already:
            self._warned_already = True
            for text in opening_words(self.case):
                yield Notice(text, "warning")

    def _take_up(self) -> Iterator[SessionEvent]:
        """Finish what a crash or a closed terminal interrupted."""
        mend(self._graph)
        waiting = self._graph.get_state(THREAD)
        if waiting.interrupts:
            yield from self._asked(waiting.interrupts[0].value)
        elif waiting.next:
            yield Notice("The last turn was interrupted; going on with it.")
            yield from self._run(None)

    def say(self, text: str) -> Iterator[SessionEvent]:
        """One turn of the person. Slash commands and expectations are handled here, the rest by the planner."""
        # before it reaches the journal, the checkpoints or a planner
        text = str(self.case.redacted(text.strip()))
        if text.startswith("/"):
            yield from self.act(text)
            return
        if self._pending is not None:
            yield from self._waiting()
            return
        back = "" if self.guided else stated.take_back(self.case, text)
        self.case.record("message", role="person", text=text)
        if back:
            yield from self._said(words.message(back, words.choices(self.case)))
            return
        names = words.vocabulary(self.case)
        of_the_left = is_accepted_of_the_left(text)  # of what the model answers alone, and no demand on all
        wanted, doubt = ([], "") if of_the_left else requirements.changed(self.case, text) or parse_wishes(text, self.case.classes, names)  # fmt: skip
        asked = [] if wanted or doubt or of_the_left else demanded.asked(text, self.case.classes, names)
        if not self.guided and not (wanted or asked or of_the_left):
            found = stated.stated(text, self.case.classes, names)
            wanted, asked = ([*found.demands], []) if found.alone else ([], [*found.demands])
            doubt = "" if found.demands else doubt
        priced = self._priced(text, wanted) if wanted or not (doubt or asked) else []
        asked, wanted = asked or priced, [] if priced else wanted
        for criterion in wanted or asked:
            yield from self._expect(criterion, told=not asked)
        if doubt:
            yield from self._said(words.message(doubt, words.choices(self.case)))
        if wanted or doubt:
            return
        said = " ".join(text.lower().rstrip(".!").replace(",", " ").split())
        bare = said.removeprefix("please ").removesuffix(" please")
        going_on = bare in GO_ON or text.startswith(f"{words.GO_ON}: ")  # as the choices put it
        mode = "stage" if going_on else "ask"
        yield from self._run({"messages": [HumanMessage(text or "Go on.", additional_kwargs={"mode": mode})]})

    def _priced(self, text: str, wanted: Sequence[Any]) -> list[Any]:
        """Prices of errors that a sentence notes or changes and whose sum with today's errors answers it; none for every other sentence."""
        if not wanted:
            return prices.repriced(self.case, text, turns(self.case, text))
        told = all(is_price(c.name) for c in wanted) and prices.told_at_once(self.case, text)
        return list(wanted) if told else []

    @property
    def pending(self) -> ApprovalAsked | None:
        """The question that waits for a yes or no, if any."""
        return self._pending

    def _waiting(self) -> Iterator[SessionEvent]:
        """Put the pending question once more."""
        if self._pending is not None:
            yield Notice("A question waits for your yes or no first.", "warning")
            yield self._pending

    def _expect(self, criterion: Any, *, told: bool = True) -> Iterator[SessionEvent]:
        """Note what is demanded. ``told``: as the answer of the turn; else in passing, where the answer judges it."""
        from failsight.agent.people.expect import awaited, check

        by = criterion.by or "person"
        try:
            check(criterion.name, criterion.bound, self.case.classes, self.case)
        except UserError as problem:
            yield Notice(f"Nothing was noted. {problem}", "warning")
            return
        known = self.case.state().expectations.get(criterion.name)
        if (
            not self.guided
            and known
            and (known.bound, known.at_least) == (criterion.bound, criterion.at_least)
            and not told
        ):
            return  # said once more in passing
        old = requirements.before(self.case.state().expectations.get(criterion.name), criterion)
        self.case.expect(criterion.name, criterion.bound, at_least=criterion.at_least, by=by)
        for text in awaited(self.case, criterion.name):
            yield Notice(text, "warning")
        undo = "" if self.guided else prompts.say("expectation_undo")
        parts = (prompts.say("expectation_set", criterion=str(criterion)), criterion.heard, old, undo)
        text = " ".join(part for part in parts if part)
        if told:
            yield from self._said(words.message(text, words.choices(self.case)))
        else:
            yield Notice(text)

    def decide(self, yes: bool, *, always: bool = False, by: str = "person") -> Iterator[SessionEvent]:
        """Answer the pending approval; ``always`` lets tools of this kind run for the rest of the session.

        Where a planner asked for several calls at once, one question stands for those of one kind that follow each other; then the
        next one is asked about, and with the last answer all go on.
        """
        if self._pending is None:
            return
        asked, self._pending = self._pending, None
        if yes and always:
            self._always.add(asked.tool)
        # what was answered before, or by a rule, is call by call
        for _ in range(self._together if by == "person" else 1):
            self._decided(asked.tool, yes, by)
        while self._open and self._open[0]["name"] in self._always:
            self._decided(self._open[0]["name"], True, by)
        if self._open:
            yield from self._next_question()
            return
        yield from self._run(Command(resume={"decisions": self._decisions}))
        # only now: on resuming, the middleware asks again which calls wait
        self.approvals.allowed |= self._always

    def _decided(self, tool: str, yes: bool, by: str) -> None:
        decision = "approve" if yes else "reject"
        if yes and tool == LOOK:
            allow_images(self.case, by=by)
        given = self._open[0]["args"] if self._open else {}
        self.case.record("approval.given", call=tool, tool=tool, arguments=given, decision=decision, by=by)
        who = "policy of this run" if by == "policy" else "person"
        refusal = {} if yes else {"message": f"the {who} declined {tool}."}
        self._open = self._open[1:]
        self._decisions.append({"type": decision, **refusal})

    def auto(self) -> Iterator[SessionEvent]:
        """The whole workflow to its end, approvals by policy."""
        yield from self._warned()
        if self._pending is None and self._graph.get_state(THREAD).next:
            yield from self._take_up()
        yield from self._by_policy(budget=self.approvals.policy != "ask")
        if self._pending is not None:
            yield from self._waiting()  # "the rest without asking" is no leave to spend more
            return
        self.case.record("auto.started", policy=self.approvals.rules.name)
        policy, self.approvals.policy = self.approvals.policy, "auto"
        try:
            text = "Work through the whole workflow without asking, then sum up what was confirmed and whether it is ready."
            yield from self._run({"messages": [HumanMessage(text, additional_kwargs={"mode": "auto"})]})
            yield from self._by_policy(budget=False)
        finally:
            self.approvals.policy = policy

    def _by_policy(self, *, budget: bool) -> Iterator[SessionEvent]:
        """Answer what is pending as the case's policy says, question by question; more of the budget where ``budget``."""
        while (asked := self.pending) is not None and (budget or asked.tool != BUDGET):
            yes, why = (
                (True, "") if asked.tool == BUDGET else self.approvals.judge(asked.tool, asked.arguments)
            )
            if not yes:
                yield Notice(f"{asked.tool} was not run: {why}.", "warning")
            yield from self.decide(yes, by="policy")

    def _run(self, given: Any) -> Iterator[SessionEvent]:
        self.case.progress.reset()
        stages = len(self.state().stages)
        try:
            for kind, chunk in self._graph.stream(given, THREAD, stream_mode=["updates", "custom"]):
                for stage, trigger, _ in self.state().stages[stages:]:
                    yield StageEntered(stage, trigger)
                stages = len(self.state().stages)
                if kind == "custom":
                    yield chunk
                else:
                    yield from self._updates(chunk)
        except (RetryError, UserError):
            raise
        except sqlite3.OperationalError as error:  # the conversation's checkpoints: a full disk, a quota
            raise UserError(
                f"{self.case.folder / 'checkpoints.sqlite'}: {error}.",
                "Mend that and run the same command again: it goes on where it stopped.",
            ) from error
        except Exception as error:
            from failsight.agent.planners.server_errors import endpoint_error

            plain = None if self.guided else endpoint_error(error)
            if plain is None:
                raise
            raise plain from error

    def _updates(self, chunk: Any) -> Iterator[SessionEvent]:
        from failsight.agent.bindings import is_unknown

        for node, update in chunk.items():
            if node == "__interrupt__":
                yield from self._asked(update[0].value)
            elif isinstance(update, dict):
                for made in update.get("messages", ()):
                    if node == "tools" and is_unknown(made):
                        yield ToolFailed(clean(made.name, 60), prompts.say("tools.unknown"))
                    if isinstance(made, AIMessage) and not made.tool_calls and self._speaks(node, made):
                        yield from self._said(made)

    def _speaks(self, node: str, made: AIMessage) -> bool:
        """Whether a message of this node is for the person: a language model's words only after their check."""
        if self.guided:
            return node == "model"
        return node != "model" and node.split(".")[0] in {g.name for some in self.guards for g in some}

    def _said(self, made: AIMessage) -> Iterator[SessionEvent]:
        text = str(made.text)
        self.case.record("message", role="planner", text=text)
        yield PlannerSaid(text, tuple(made.additional_kwargs.get("choices", ())))

    def _asked(self, value: Any) -> Iterator[SessionEvent]:
        self._open, self._decisions = list(value["action_requests"]), []
        yield from self._next_question()

    def _next_question(self) -> Iterator[SessionEvent]:
        calls = [(str(request["name"]), dict(request["args"])) for request in self._open]
        self._together = alike(self.case, calls)
        self._pending = question(
            self.case, calls[: self._together], str(self._open[0].get("description", ""))
        )
        asked = self._pending
        self.case.record("approval.asked", call=asked.tool, tool=asked.tool, arguments=asked.arguments)
        yield asked

    def cancel(self) -> None:
        """Stop the running turn at its next progress tick (from any thread)."""
        self.case.progress.cancel()

    def write_report(self, formats: tuple[str, ...] = ("md", "html", "json")) -> list[Path]:
        """Write the reports into the case folder."""
        from failsight.agent.narrate import write_reports

        return write_reports(self.folder, self.state(), self.case.journal.events, formats)

    def close(self) -> None:
        """Journal the end, close the checkpoints and the case. A full disk does not keep it from closing."""
        with contextlib.suppress(UserError):
            self.case.record("session.closed")
        self._checkpoints.conn.close()
        self.case.close()
