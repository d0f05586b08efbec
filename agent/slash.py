"""Slash commands of a session: what a person does themselves, without a planner."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failsight.agent.arguments import typed
from failsight.agent.events import (
    EvidenceMade,
    ImagesOpened,
    MatrixOpened,
    Notice,
    PictureOpened,
    PlannerSaid,
    SessionEvent,
)
from failsight.agent.places import shown_place
from failsight.agent.planners import words
from failsight.agent.planners.wishes import doubt, parse_bounds
from failsight.agent.state import CaseState
from failsight.tools.errors import RetryError
from failsight.tools.registry import registry
from failsight.tools.text import clean, counted

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case

ACTIONS = {
    "/help": "what you can type",
    "/evidence": "/evidence E3: show that evidence again; without an id: list all",
    "/findings": "hypotheses and findings with their verdicts",
    "/why": "/why F3: how a finding came to its verdict, link by link; without an id: what the last answer rests on",
    "/withdraw": "/withdraw F3 because …: take back a hypothesis that was not tested",
    "/expect": "/expect recall of kitchen at least 85 %: set a criterion for readiness",
    "/form": "/form expectations: questions that only people can answer; without a name: list all",
    "/reviews": "errors for people to judge, written to a page; /reviews FILE.csv by Ann: their judgements back in",
    "/versions": "/versions R1.1: what a repair changed, beside the model as it was; without a name: the versions that repairs made",
    "/signoff": "/signoff ready by Ann: note: who says that it may be used (or not-ready, conditional); without more: what to decide on",
    "/attributes": "/attributes rename tv to television: change attributes (drop, merge, add …); without more: list them",
    "/whatif": "/whatif kitchen_0012.png: turn knobs on one picture and watch the prediction; with edits behind the name: keep them as evidence",
    "/images": "/images kitchen > living room: page through pictures (also wrong, television=yes, unsure, deploy, E3); without more: all",
    "/confusion": "/confusion deploy: which class is taken for which, as a map to walk about in; each cell opens its pictures",
    "/pictures": "/pictures off: no more pictures of this case to the language model (on: yes); without more: what holds",
    "/cost": "what the language model has cost so far, and what it may cost",
    "/tools": "the measuring tools and what each is for",
    "/tool": "/tool find_slices depth=3: run one tool yourself",
    "/auto": "do the rest of the workflow without asking",
    "/report": "write report.md, report.html and findings.json",
    "/verify": "check the journal for changes made outside Failsight",
}


def _examples(case: Case) -> dict[str, str]:
    """Names of the practice rooms, as the examples have them, → names of the case."""
    first, *others = [clean(c, 40) for c in case.classes]
    table = case.table()
    thing = next((name for row in table.boxes or () for name in sorted(row)), "")
    column = next(
        (
            f"{name}={value}"
            for name, values in table.columns.items()
            for value in values
            if isinstance(value, str) and value
        ),
        "",
    )
    held = f"{thing}=yes" if thing else column
    return {
        "kitchen_0012.png": f"#{max(0, min(12, len(table) - 1))}",
        "kitchen > living room": f"{first} > {others[0] if others else first}",
        "of kitchen": f"of {first}",
        ", television=yes": f", {clean(held, 60)}" if held and " " not in held else "",
    }


class SlashCommands:
    """The part of a :class:`failsight.agent.session.Session` that answers lines that begin with a slash."""

    _names: dict[str, str] | None = None  # names of the practice rooms → names of this case, once asked for

    if TYPE_CHECKING:  # what the session gives
        case: Case
        folder: Path
        level: str

        def state(self) -> CaseState: ...
        def auto(self) -> Iterator[SessionEvent]: ...
        def write_report(self, formats: tuple[str, ...] = ...) -> list[Path]: ...
        def _said(self, made: AIMessage) -> Iterator[SessionEvent]: ...
        def _expect(self, criterion: Any) -> Iterator[SessionEvent]: ...

    @property
    def workflow(self) -> str:
        """The name of the order of steps that the case follows."""
        return self.case.config.workflow

    def actions(self) -> dict[str, str]:
        """Every command with what it does; classes, pictures and attributes in the examples are those of the case."""
        return {name: self._filled(text) for name, text in ACTIONS.items()}

    def _filled(self, text: str) -> str:
        """``text`` with names of this case in place of the practice rooms'."""
        if self._names is None:
            self._names = _examples(self.case)
        for said, here in self._names.items():
            text = text.replace(said, here)
        return text

    def act(self, command: str) -> Iterator[SessionEvent]:
        """Run a slash command."""
        name, _, rest = command.partition(" ")
        handler = getattr(self, "_act_" + name.removeprefix("/"), None)
        if name not in ACTIONS or handler is None:
            yield Notice(f"There is no {clean(name, 40)}. Try {', '.join(ACTIONS)}.", "warning")
            return
        self.case.progress.reset()  # what was stopped before is not this
        yield from handler(rest.strip())

    def _act_help(self, rest: str) -> Iterator[SessionEvent]:
        lines = [f"- `{name}` {text}" for name, text in self.actions().items()]
        yield PlannerSaid(
            "Type a question in your own words, `go on` for the next stage, or:\n" + "\n".join(lines),
            tuple(words.choices(self.case)),
        )

    def _act_evidence(self, rest: str) -> Iterator[SessionEvent]:
        evidence = self.state().evidence
        found = next((e for e in evidence if e.id.lower() == rest.lower()), None)
        if found:
            yield EvidenceMade(found, reused=True)
        elif rest:
            yield Notice(f"There is no evidence {clean(rest, 40)}.", "warning")
        else:
            lines = [f"- **{e.id}** {e.tool}: {e.title}" for e in evidence]
            yield PlannerSaid("\n".join(lines) or "Nothing has been measured yet.", ())

    def _act_findings(self, rest: str) -> Iterator[SessionEvent]:
        lines = [f"- {words.finding_line(r)}" for r in self.state().records.values()]
        yield PlannerSaid("\n".join(lines) or "No hypothesis has been stated yet.", ())

    def _act_why(self, rest: str) -> Iterator[SessionEvent]:
        yield from words.explained(self.case, rest)

    def _act_expect(self, rest: str) -> Iterator[SessionEvent]:
        names = words.vocabulary(self.case)
        wanted = parse_bounds(rest, self.case.classes, names)
        if not wanted and (asked := doubt(rest, self.case.classes, names)):
            yield Notice(asked, "warning")
        elif not wanted:
            yield Notice(self._filled("Write it like `/expect recall of kitchen at least 85 %`."), "warning")
        for criterion in wanted:
            yield from self._expect(criterion)

    def _act_form(self, rest: str) -> Iterator[SessionEvent]:
        from failsight.agent.people import forms
        from failsight.knowledge_base.elicitation import forms as all_forms

        if not rest:
            lines = [
                f"- `/form {f.id}` {f.title} (for the {f.ask.replace('_', ' ')})"
                for f in all_forms().values()
            ]
            yield PlannerSaid("\n".join(lines), ())
            return
        name, _, given = rest.partition(" ")
        if given:  # /form expectations FILE.md: a filled-in form
            made = forms.read_back(self.case, Path(given.strip()))
            told = [
                f"{made.form.title}: {counted(len(made.answers), 'answer by', 'answers by')} {clean(made.by)}."
            ]
            told += [f"- expected now: {e}" for e in made.expectations]
            told += [f"- {clean(d, 300)}" for d in made.disagreements]
            yield PlannerSaid("\n".join(told), tuple(words.choices(self.case)))
            return
        target = self.folder / f"form-{forms.form_named(name).id}.md"
        forms.export(self.case, name, target)
        form = forms.form_named(name)
        lines = [f"**{form.title}.** {form.why}", *(f"- {f.label}" for f in form.fields)]
        lines.append(f"\nIt is written to `{target}`: fill it in, then `/form {form.id} {target}`.")
        yield PlannerSaid("\n".join(lines), ())

    def _act_reviews(self, rest: str) -> Iterator[SessionEvent]:
        from failsight.agent.people.reviews import converse

        yield PlannerSaid(converse(self.case, rest), tuple(words.choices(self.case)))

    def _act_withdraw(self, rest: str) -> Iterator[SessionEvent]:
        name, _, why = rest.partition(" ")
        try:
            record = self.case.withdraw(name, why=clean(why, 500))
        except RetryError as error:
            yield Notice(str(error), "warning")
            return
        yield Notice(f"{record.id} is taken back: {clean(record.finding.statement, 200)}")

    def _act_versions(self, rest: str) -> Iterator[SessionEvent]:
        from failsight.agent.commands.versions import lines

        if rest:
            yield from self._act_tool(f"compare_models after={rest}")
        else:
            yield PlannerSaid(
                "\n".join(lines(self.state(), Path(shown_place(self.folder)))),
                tuple(words.choices(self.case)),
            )

    def _act_signoff(self, rest: str) -> Iterator[SessionEvent]:
        from failsight.agent.people.signoff import converse

        yield PlannerSaid(converse(self.case, rest), tuple(words.choices(self.case)))

    def _act_attributes(self, rest: str) -> Iterator[SessionEvent]:
        from failsight.agent.people.attribute_list import listed
        from failsight.agent.planners import edits

        calls = edits.calls(rest, edits.names_of(self.case), surely=True) if rest else [(edits.LIST, {})]
        if not calls:
            yield Notice(edits.USAGE, "warning")
        for tool, arguments in calls:
            if tool == edits.LIST:
                lines = [f"- {one.line}" for one in listed(self.case)]
                yield PlannerSaid("\n".join(lines) or "There are no attributes.", ())
                continue
            try:
                made, reused = self.case.call(tool, arguments, by="person")
            except RetryError as error:
                yield Notice(str(error), "warning")
                return
            yield EvidenceMade(made, reused)

    def _act_whatif(self, rest: str) -> Iterator[SessionEvent]:
        from failsight.agent.whatif import Probe, read

        image, edits = read(rest)
        if not image:
            yield Notice("Which picture? Write for example `/whatif #12`.", "warning")
            return
        try:
            if edits:
                made, reused = self.case.call("what_if", {"image": image, "edits": edits}, by="person")
                yield EvidenceMade(made, reused)
                return
            probe = Probe(self.case, image)
        except RetryError as error:
            yield Notice(str(error), "warning")
            return
        yield PlannerSaid(probe.lines(), ())
        yield PictureOpened(probe)

    def _act_images(self, rest: str) -> Iterator[SessionEvent]:
        from failsight.agent.gallery import gallery, page_of

        asked, page = page_of(rest)
        try:
            yield ImagesOpened(gallery(self.case, asked), page)
        except RetryError as error:
            yield Notice(str(error), "warning")

    def _act_confusion(self, rest: str) -> Iterator[SessionEvent]:
        try:
            made, reused = self.case.call("confusion_matrix", {"split": rest or "data"}, by="person")
        except RetryError as error:
            yield Notice(str(error), "warning")
            return
        yield EvidenceMade(made, reused)
        yield MatrixOpened(made)

    def _act_pictures(self, rest: str) -> Iterator[SessionEvent]:
        from failsight.agent.proposals.consent import allow_images, images_allowed, refuse_images, server

        if rest in ("on", "off"):
            (allow_images if rest == "on" else refuse_images)(self.case)
        elif rest:
            yield Notice("Write /pictures on or /pictures off.", "warning")
            return
        may = "may" if images_allowed(self.case) else "may not"
        yield Notice(f"Pictures of this case {may} be sent to {server()} (small, no metadata).")

    def _act_cost(self, rest: str) -> Iterator[SessionEvent]:
        from failsight.agent.guards.spending import in_words

        yield PlannerSaid(in_words(self.case), ())

    def _act_tools(self, rest: str) -> Iterator[SessionEvent]:
        lines = [f"- `{s.name}` ({s.cost}) {s.description}" for s in registry().values()]
        yield PlannerSaid("\n".join(lines), ())

    def _act_tool(self, rest: str) -> Iterator[SessionEvent]:
        if not rest:
            yield Notice(
                "Which one? `/tools` lists them; write for example `/tool find_slices depth=2`.", "warning"
            )
            return
        name, _, given = rest.partition(" ")
        try:
            made, reused = self.case.call(name, typed(name, given), by="person")
        except RetryError as error:
            yield Notice(str(error), "warning")
            return
        yield EvidenceMade(made, reused)

    def _act_auto(self, rest: str) -> Iterator[SessionEvent]:
        yield from self.auto()

    def _act_report(self, rest: str) -> Iterator[SessionEvent]:
        formats = tuple(rest.split()) or ("md", "html", "json")
        written = self.write_report(formats)
        yield Notice("Written: " + ", ".join(map(shown_place, written)))

    def _act_verify(self, rest: str) -> Iterator[SessionEvent]:
        from failsight.agent.journal import verify

        count, problems = verify(self.folder)
        for problem in problems:
            yield Notice(problem.sentence, "error")
        if not problems:
            yield Notice(f"The journal is whole: {count} events, none changed.")
