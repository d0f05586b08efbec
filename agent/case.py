"""The Case: everything known about one failing model, in a folder on disk.

A Case is the CaseView that tools measure through, the one door through which every tool call passes
(:meth:`Case.call`), and the owner of the journal. Heavy things load on first use.
"""

from __future__ import annotations

import dataclasses
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from failsight.agent.attributes import check_name, with_definitions
from failsight.agent.calls import call_key
from failsight.agent.config import CaseConfig
from failsight.agent.journal import Journal
from failsight.agent.methods import as_method
from failsight.agent.naming import assumed_of
from failsight.agent.places import shown_place
from failsight.agent.secrets import redact
from failsight.agent.shown import shown as with_pictures
from failsight.agent.state import STAGES, CaseState, FindingRecord, fold
from failsight.agent.wanting import Wanting
from failsight.tools.belonging import default_for, shown, told
from failsight.tools.errors import RetryError, UserError
from failsight.tools.evidence import Evidence, Finding, Instrument, canonical, jsonable
from failsight.tools.experiments.regions_named import with_rows
from failsight.tools.hypotheses.instruments import LEAST, registered_least
from failsight.tools.inputs.base import AttributeTable, Split
from failsight.tools.needs import LACKING, has
from failsight.tools.repair.versions import FOLDER as REPAIRS
from failsight.tools.repair.versions import check_version, find_version
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from failsight.tools.attributes.definitions import Definition
    from failsight.tools.registry import ToolSpec
    from failsight.tools.repair.versions import ModelVersion
    from failsight.tools.view import CaseView, Progress

May = Callable[["ToolSpec", Mapping[str, Any]], bool]
PEOPLE = ("person", "api")  # who may state what a person judged


class Case(Wanting):
    """One failing model under investigation. Use :func:`failsight.agent.open_case` to make or open one.

    Every tool is also a method: ``case.find_slices(depth=2)`` is ``case.call("find_slices", {"depth": 2})[0]``.
    """

    def __init__(
        self, folder: Path, config: CaseConfig, journal: Journal, progress: Progress | None = None
    ) -> None:
        super().__init__(folder, config, progress)
        self.journal = journal
        self._state = fold(journal)
        self._folding = threading.RLock()  # an event is folded once, whichever thread asks for the state
        self.assumed = assumed_of(self._state.config)
        self._knowledge: Any = None
        self._names = ""  # of the data, once something looked like a key
        self.listeners: list[Callable[[Any], None]] = []

    # --- what the journal says -------------------------------------------------------------------------------------

    def _pictures_alone(self, split: Split) -> bool:
        begun = self.state().config.get("data", {}).get(split) or {}
        return str(begun.get("format", "predictions")) != "predictions"

    def state(self) -> CaseState:
        """The state of the case: the fold of its journal."""
        with self._folding:
            for event in self.journal.events[self._state.seq :]:
                self._state.apply(event)
        return self._state

    def record(self, kind: str, **data: Any) -> None:
        """Append one event to the journal, keys struck out: what is hashed holds none."""
        event = self.journal.append(kind, self.redacted(data))
        for listener in self.listeners:
            listener(event)

    def redacted(self, value: Any) -> Any:
        """JSON values without keys. Names of the data stay, whatever they look like: the record is about them."""
        return redact(jsonable(value), self._named)

    def _named(self) -> str:
        """Everything that the data call by name, as one text; what can't be opened now is left out, and looked for again."""
        if not self._names:
            config = self.config
            made = [*config.sources().values(), config.model, config.predictions, *self.state().definitions]
            try:
                made += self.classes
                for table in map(self.table, self.splits()):
                    made += table.paths
                    made += (str(v) for name, column in table.columns.items() for v in (name, *column))
            except (RetryError, UserError, OSError):
                return "\n".join(made)
            self._names = "\n".join(dict.fromkeys(made))
        return self._names

    def withdraw(self, finding_id: str, *, by: str = "", why: str = "") -> FindingRecord:
        """Take back a hypothesis that was stated and not tested: nobody plans for it any more; it stays in the journal.

        Args:
            by: who does; empty: whoever called the tool that is running, else a person.

        Raises:
            RetryError: no such hypothesis, or one with a verdict: what was measured stays.
        """
        record = self.state().find(finding_id)
        if record is None:
            listed = ", ".join(r.id for r in self.state().open()) or "none"
            raise RetryError(f"There is no {clean(finding_id, 20)}. Open hypotheses: {listed}.")
        if record.finding.verdict is not None:
            raise RetryError(f"{record.id} was tested ({record.finding.verdict}): what was measured stays.")
        if not record.withdrawn:
            last = self.journal.events[-1]
            by = by or (str(last.data["by"]) if last.kind == "tool.started" else "person")
            self.record("hypothesis.withdrawn", finding=record.finding.key, id=record.id, by=by, why=why)
        return record

    def enter_stage(self, stage: str, trigger: str) -> bool:
        """Journal that the workflow moved on; False when it is there already."""
        if stage not in STAGES:
            raise ValueError(stage)
        state = self.state()
        if state.stage == stage and state.stages:
            return False
        self.record("stage.entered", stage=stage, trigger=trigger)
        return True

    def findings(self) -> Sequence[tuple[str, Finding]]:
        return [(r.id, r.finding) for r in self.state().now()]

    def evidence(self, tool: str | None = None) -> Sequence[Evidence]:
        return [e for e in self.state().measured_now() if tool in (None, e.tool)]

    def looked_at(self, split: Split = "data") -> Mapping[str, str]:
        return self.state().looked_at(split)

    def register(self, instrument: Instrument) -> str:
        if instrument.id not in self.state().instruments:
            self.record("instrument.registered", id=instrument.id, instrument=dataclasses.asdict(instrument))
        return instrument.id

    # --- the one door for tool calls -------------------------------------------------------------------------------

    def call(
        self,
        tool: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        by: str = "api",
        why: str = "",
        may: May | None = None,
        request: str = "",
    ) -> tuple[Evidence, bool]:
        """Run a tool and journal it: (evidence, whether it was answered from the journal).

        Args:
            may: asked right before the tool runs, with what is known by then: whether the call is allowed. An answer from
                the journal needs no leave.
            request: id of the very call of a planner. Made again, as by a loop that was interrupted, it has its evidence
                already, or goes on with the leave that it had.

        Raises:
            RetryError: unknown tool, bad argument, something that this case lacks, or nobody allowed it.
            UserError: a file or disk problem that only a person can mend.
        """
        from failsight.tools.registry import registry

        spec = registry()[tool]
        checked = self.checked(spec, arguments or {})
        if by not in PEOPLE and any(checked[name] for name in spec.personal):
            raise RetryError(
                f"Only a person may fill {listing(spec.personal)} of {tool}: nobody else's judgement is kept as theirs."
            )
        if self.recorded is None:
            self._check_needs(spec)
        state, known = self.state(), {"request": request} if request else {}
        key = self.call_key(spec, checked)
        found = state.requests.get(request) or self.answered(spec, checked)
        if found:
            return next(e for e in state.evidence if e.id == found), True
        if self.recorded is not None:
            raise self.recorded.error(f"{spec.name} was not measured so, or something changed since. ")
        if may is not None and request not in state.requests and not may(spec, checked):
            raise RetryError(
                f"By now {tool} would run anew, and nobody has said yes to that. Call it again, by itself."
            )
        return self._measured(spec, checked, {"call": key, **known}, by, why), False

    def _measured(
        self, spec: ToolSpec, checked: Mapping[str, Any], known: Mapping[str, str], by: str, why: str
    ) -> Evidence:
        """Run a tool and journal it; ``known``: what its events are known by."""
        self.record("tool.started", **known, tool=spec.name, arguments=checked, by=by, why=why)
        started = time.monotonic()
        try:
            made = spec.function(self, **checked)
        except (RetryError, UserError) as error:
            self.record("tool.failed", **known, tool=spec.name, arguments=checked, message=str(error))
            raise
        except OSError as error:
            raise disk_error(error, self.folder) from error
        made = dataclasses.replace(
            made,
            id=f"E{len(self.state().evidence) + 1}",
            arguments=checked,
            seconds=round(time.monotonic() - started, 3),
        )
        self.record("evidence.recorded", **known, evidence=made.to_dict())
        recorded = self.state().evidence[-1]
        self._write_copy(recorded)
        return recorded

    def checked(self, spec: ToolSpec, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Validated arguments as the tool gets them: without keys, so that no answer can repeat one. Raises RetryError."""
        given = with_rows(spec.check(self._as_registered(spec, arguments)), self.state().evidence)
        made = self._with_groups(self._with_segmenter(given))
        plain = jsonable(made)
        bare = self.redacted(plain)
        return made if bare == plain else spec.check(bare)

    def _as_registered(self, spec: ToolSpec, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """``arguments``, with the smallest effect with which the finding to be tested was stated, where they say none."""
        wanted = str(arguments.get("finding") or "").strip().upper()
        if not wanted or LEAST in arguments or LEAST not in spec.arguments.model_fields:
            return arguments
        state = self.state()
        record = state.find(wanted)
        found = None if record is None else registered_least(state.evidence, record.finding)
        return arguments if found is None else {**arguments, LEAST: found}

    def _with_groups(self, checked: dict[str, Any]) -> dict[str, Any]:
        """``checked`` arguments, with what belongs together as the case says it where they do not say it themselves."""
        if "group_by" not in checked:
            return checked
        if not self.groups:
            return {**checked, "group_by": told(checked["group_by"])}
        if checked["group_by"] is not None:
            return checked
        if self.recorded is not None:
            return {**checked, "group_by": shown(cast("CaseView", self)) or None}
        return {
            **checked,
            "group_by": default_for(cast("CaseView", self), str(checked.get("split") or "data")),
        }

    def answered(self, spec: ToolSpec, checked: Mapping[str, Any]) -> str:
        """Id of the evidence that answers a call without running anything; empty where the tool would run.

        What judges the whole case is answered by its last judgement alone: an older one may fit again, and would not be
        the one that reports and exit codes tell.
        """
        state = self.state()
        found = state.calls.get(self.call_key(spec, checked), "")
        if found and spec.stateful and spec.cost != "heavy" and not spec.writes:
            then = next(e.arguments for e in state.evidence if e.id == found)
            last = next(e for e in reversed(state.evidence) if e.tool == spec.name and e.arguments == then)
            return found if last.id == found else ""
        return found

    def call_key(self, spec: ToolSpec, checked: Mapping[str, Any]) -> str:
        """What makes two calls the same: tool, arguments, content of model and data, what of the case it heeds, other models."""
        return call_key(self, spec, self._with_segmenter(checked))

    def _with_segmenter(self, checked: Mapping[str, Any]) -> dict[str, Any]:
        """``checked`` arguments, with the case's segmenter where their region needs one and they name none."""
        region = str(checked.get("region") or checked.get("cue") or "").strip().casefold()
        if checked.get("segmenter", "x") is None and region.startswith(("object:", "text:")):
            return {**checked, "segmenter": self.segmenter() or None}
        return dict(checked)

    def _check_needs(self, spec: ToolSpec) -> None:
        for need in spec.needs:
            if not self.has(need):
                raise RetryError(f"{spec.name} needs {LACKING[need]}. It would show: {spec.description}")

    def has(self, need: str) -> bool:
        """Whether the case has what a tool may need (see ``tools.registry.Need``)."""
        return has(cast("CaseView", self), need)

    def _write_copy(self, made: Evidence) -> None:
        """A copy for other programs; the journal holds the original, so a failure here is not one of the case."""
        try:
            folder = self.folder / "evidence"
            folder.mkdir(exist_ok=True)
            part = (
                folder / f".{made.id}.part"
            )  # whole or not at all: half a copy would look like one that was edited
            part.write_text(canonical(made.to_dict()), encoding="utf-8", errors="surrogatepass")
            os.replace(part, folder / f"{made.id}.json")
        except OSError:
            pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        from failsight.tools.registry import registry

        if name not in registry():
            raise AttributeError(f"a case has no {name!r}; its tools are {', '.join(registry())}")
        return as_method(
            registry()[name], lambda arguments: with_pictures(self.call(name, arguments)[0], self.folder)
        )

    def __dir__(self) -> list[str]:
        from failsight.tools.registry import registry

        return [*super().__dir__(), *registry()]

    # --- attributes and knowledge ---------------------------------------------------------------------------------

    def attributes(self, split: Split = "data") -> AttributeTable:
        now = self.state().attributes_now()
        if split not in self._given:
            self._given[split] = self._given_attributes(split)
        seen, table = self._attributes.get(split, ("", self._given[split]))
        if seen != now:
            table, whole = with_definitions(self, split, self._given[split], self._known_sources())
            if whole:  # what a source lacks now it may have at the next look
                self._attributes[split] = now, table
        return table

    def definitions(self) -> Sequence[Definition]:
        return tuple(self.state().definitions.values())

    def define(self, definition: Definition, *, action: str, why: str = "") -> None:
        check_name(self, definition)
        if self.state().definitions.get(definition.key) != definition:
            self.record(
                "attribute.changed", action=action, why=why, definition=dataclasses.asdict(definition)
            )

    # --- versions of the model --------------------------------------------------------------------------------------

    def workspace(self, name: str) -> Path:
        safe = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in name).strip(".")
        if not safe:
            raise ValueError(f"{name!r} can't name a folder")
        folder = self.folder / REPAIRS / safe[:80]
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def versions(self) -> Sequence[ModelVersion]:
        return tuple(self.state().versions.values())

    def add_version(self, version: ModelVersion) -> None:
        check_version(version, self.versions())
        if self.state().versions.get(version.name) != version:
            self.record("model.added", version=dataclasses.asdict(version))

    def version(self, name: str) -> CaseView:
        if not name:
            return cast("CaseView", self)
        found = find_version(self.versions(), name)
        if found.name not in self._versions:
            from failsight.agent.versions import VersionView

            self._versions[found.name] = cast("CaseView", VersionView(self, found))
        return self._versions[found.name]

    @property
    def polish_prompts(self) -> Any:
        """Who puts prompts for generated pictures into better words; None without a language model."""
        from failsight.agent.proposals.rewording import rewording

        return rewording(self)

    @property
    def knowledge(self) -> Any:
        if self._knowledge is None:
            self._knowledge = _load_knowledge()
        return self._knowledge

    def close(self) -> None:
        """Close the journal; the case can be opened again at any time."""
        self.journal.close()

    def __enter__(self) -> Case:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = self.state()
        return f"<Case {self.name!r}: {len(state.evidence)} evidence, {len(state.confirmed())} confirmed findings>"


def _load_knowledge() -> Any:
    from failsight.knowledge_base import load

    try:
        return load()
    except AttributeError as error:  # inside a property it would pass for a missing tool
        raise RuntimeError(f"the knowledge base could not be loaded: {error}") from error


def disk_error(error: OSError, folder: Path) -> UserError:
    """An operating-system error as a sentence for the person who can mend it."""
    where = error.filename or shown_place(folder)
    return UserError(
        f"{where}: {error.strerror or error}.",
        "Mend that and run the same command again: it goes on where it stopped.",
    )
