"""The state of a case: a fold over its journal, so that whatever is on the screen can be rebuilt from the record."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from failsight.agent.group_tests import weighed, with_tests
from failsight.agent.journal import Event
from failsight.agent.records import FindingRecord as FindingRecord
from failsight.agent.records import merge_findings, not_proposed, planned, set_aside
from failsight.tools.attributes.definitions import Definition, definition_from_dict
from failsight.tools.errors import UserError
from failsight.tools.evidence import (
    Correction,
    Evidence,
    Finding,
    Instrument,
    TestResult,
    digest,
    evidence_from_dict,
    instrument_from_dict,
)
from failsight.tools.repair.versions import ModelVersion, version_from_dict
from failsight.tools.text import clean
from failsight.tools.view import Expectation

DERIVED = (
    "readiness",
    "propose_correction",
)  # what these say follows from verdicts, repairs and expectations
STAGES = ("see failure", "context", "hypothesis", "instrument", "test", "correct", "readiness")


@dataclass(frozen=True, slots=True)
class Declined:
    """A call that a person said no to, and that nobody made since. ``stage``: where the case was when it was asked about."""

    tool: str
    arguments: Mapping[str, Any]
    stage: str
    seq: int

    def covers(self, tool: str, arguments: Mapping[str, Any]) -> bool:
        """Whether a call is this one: the same tool about the same finding; without a finding, the arguments that were asked
        about, and perhaps defaults beside them."""
        about = self.arguments.get("finding")
        if about is not None:
            return tool == self.tool and str(arguments.get("finding", "")).upper() == str(about).upper()
        return tool == self.tool and all(arguments.get(k) == v for k, v in self.arguments.items())


@dataclass(frozen=True, slots=True)
class Said:
    """One message of the conversation."""

    role: str  # person | planner
    text: str
    seq: int


@dataclass
class CaseState:
    """What the journal adds up to.

    ``calls`` maps the digest of (tool, arguments, fingerprints) to the evidence that answered it: an identical call is
    answered from here. ``requests`` maps the id of a planner's call that was begun to its evidence, empty without one.
    ``answered`` maps a question id to the evidence that answered it last.
    """

    config: dict[str, Any] = field(default_factory=dict)
    expectations: dict[str, Expectation] = field(default_factory=dict)
    groups: str | None = None  # column of images that belong together; empty: none do; None: nobody said
    groups_at: int = -1  # event that said so last
    evidence: list[Evidence] = field(default_factory=list)
    measured: dict[str, int] = field(default_factory=dict)  # evidence → seq
    calls: dict[str, str] = field(default_factory=dict)
    requests: dict[str, str] = field(default_factory=dict)
    records: dict[str, FindingRecord] = field(default_factory=dict)
    instruments: dict[str, tuple[Instrument, int]] = field(default_factory=dict)
    answered: dict[str, str] = field(default_factory=dict)
    said: list[Said] = field(default_factory=list)
    failed: list[Mapping[str, Any]] = field(default_factory=list)
    refused: set[str] = field(
        default_factory=set
    )  # tools of which a person declined a call that was not made since
    declined: list[Declined] = field(default_factory=list)  # calls to which a person said no, not made since
    denied: set[str] = field(default_factory=set)  # by the policy of this session
    denied_at: dict[str, int] = field(default_factory=dict)  # tool → seq of the last such no
    relabelled: dict[str, dict[str, Mapping[str, Any]]] = field(
        default_factory=dict
    )  # split → path → verdict
    labels_at: int = -1  # event that brought the last of them
    stage: str = STAGES[0]
    stages: list[tuple[str, str, int]] = field(default_factory=list)  # stage, trigger, seq
    model_use: dict[str, float] = field(
        default_factory=dict
    )  # calls, tokens, usd, seconds of a language model
    raised: dict[str, int] = field(default_factory=dict)  # cap of the budget → how often a person doubled it
    forms: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # form → answers: who, what
    definitions: dict[str, Definition] = field(default_factory=dict)  # attributes, by key
    attribute_changes: int = 0
    attributes_seen: dict[str, str] = field(default_factory=dict)  # evidence → digest of the definitions then
    judged_by: dict[str, str] = field(default_factory=dict)  # evidence → digest of the expectations then
    versions: dict[str, ModelVersion] = field(default_factory=dict)  # models that repairs made, by name
    current: str = ""  # the version that the case went on with; empty: the model as given
    adopted: list[tuple[str, str, int]] = field(default_factory=list)  # version, finding that it mends, seq
    made_with: dict[str, str] = field(default_factory=dict)  # evidence → version that it was measured with
    stood: dict[str, dict[str, str | None]] = field(
        default_factory=dict
    )  # evidence that was derived → verdict of each finding then
    made_from: dict[str, str] = field(default_factory=dict)  # version → version that it was made from
    prints: dict[str, str] = field(
        default_factory=dict
    )  # of the current version and its data, where there is one
    tried: dict[str, list[TestResult]] = field(
        default_factory=dict
    )  # group → its tests with the current version, oldest first, those that did not confirm it too
    seq: int = 0
    _before: tuple[str, dict[str, Definition]] = ("", {})  # a request that runs, and the attributes before it
    _expected: str = field(default="", compare=False)  # digest of the expectations, once it was needed

    def apply(self, event: Event) -> None:
        """Fold one event in. Unknown kinds are kept in the journal and change nothing.

        Raises:
            UserError: it is of a known kind and not of its form.
        """
        self.seq = event.seq
        handler = getattr(self, "_on_" + event.kind.replace(".", "_"), None)
        if handler is None:
            return
        try:
            handler(event.data, event.seq)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
            raise UserError(
                f"Event {event.seq} of the journal ({clean(event.kind, 40)}) can't be read: {clean(repr(error), 160)}.",
                "Another version of Failsight wrote it, or somebody by hand: start a new case with --out.",
            ) from error

    def _on_case_created(self, data: Mapping[str, Any], seq: int) -> None:
        self.config = dict(data)

    def _on_case_configured(self, data: Mapping[str, Any], seq: int) -> None:
        self.config.update(data)

    def _on_expectation_set(self, data: Mapping[str, Any], seq: int) -> None:
        made = Expectation(
            data["name"], float(data["bound"]), bool(data["at_least"]), str(data.get("by", ""))
        )
        self.expectations[made.name] = made
        self._expected = ""

    def _on_expectation_taken_back(self, data: Mapping[str, Any], seq: int) -> None:
        if "bound" in data:  # what was expected before it
            self._on_expectation_set(data, seq)
        else:
            self.expectations.pop(str(data["name"]), None)
            self._expected = ""

    def _on_groups_set(self, data: Mapping[str, Any], seq: int) -> None:
        self.groups, self.groups_at = str(data["column"]), seq

    def _on_message(self, data: Mapping[str, Any], seq: int) -> None:
        self.said.append(Said(data["role"], data["text"], seq))

    def _on_stage_entered(self, data: Mapping[str, Any], seq: int) -> None:
        self.stage = data["stage"]
        self.stages.append((data["stage"], data["trigger"], seq))

    def _on_instrument_registered(self, data: Mapping[str, Any], seq: int) -> None:
        self.instruments.setdefault(data["id"], (instrument_from_dict(data["instrument"]), seq))

    def _on_tool_started(self, data: Mapping[str, Any], seq: int) -> None:
        request = str(data.get("request", ""))
        if not request:
            return
        self.requests.setdefault(request, "")
        if (
            self._before[0] == request
        ):  # it was interrupted and begins anew: what it had changed by then does not count
            self.definitions = dict(self._before[1])
        self._before = request, dict(self.definitions)

    def _on_tool_failed(self, data: Mapping[str, Any], seq: int) -> None:
        self.failed.append(data)
        self._before = "", {}

    def _on_approval_given(self, data: Mapping[str, Any], seq: int) -> None:
        tool, by_policy = str(data.get("tool", data["call"])), data.get("by") == "policy"
        if data["decision"] == "reject" and by_policy:
            self.denied.add(tool)
            self.denied_at[tool] = seq
        elif data["decision"] == "reject":
            self.refused.add(tool)
            call = Declined(tool, dict(data.get("arguments") or {}), self.stage, seq)
            self.declined = [d for d in self.declined if not d.covers(tool, call.arguments)] + [call]

    def _on_session_opened(self, data: Mapping[str, Any], seq: int) -> None:
        self.denied.clear()  # another session may have another policy

    def _on_form_answered(self, data: Mapping[str, Any], seq: int) -> None:
        self.forms.setdefault(data["form"], []).append({"by": data["by"], "answers": data["answers"]})

    def _on_model_called(self, data: Mapping[str, Any], seq: int) -> None:
        used = self.model_use
        used["calls"] = used.get("calls", 0) + 1
        used["tokens"] = used.get("tokens", 0) + data["input_tokens"] + data["output_tokens"]
        used["usd"] = used.get("usd", 0) + (data.get("usd") or 0)
        used["seconds"] = used.get("seconds", 0) + data["seconds"]

    def looked_at(self, split: str) -> dict[str, str]:
        """Labels on which people decided: path → the class that they say is right, which may be the given one."""
        return decided(self.relabelled.get(split, {}))

    @property
    def budget_raised(self) -> int:
        """How often a person gave a language model more, of whatever."""
        return sum(self.raised.values())

    def _on_budget_raised(self, data: Mapping[str, Any], seq: int) -> None:
        self.raised[str(data["what"])] = self.raised.get(str(data["what"]), 0) + 1

    def _on_labels_imported(self, data: Mapping[str, Any], seq: int) -> None:
        self.relabelled.setdefault(str(data["split"]), {}).update(data["verdicts"])
        self.labels_at = seq

    def _on_attribute_changed(self, data: Mapping[str, Any], seq: int) -> None:
        made = definition_from_dict(data["definition"])
        self.definitions[made.key] = made
        self.attribute_changes += 1

    def _on_model_added(self, data: Mapping[str, Any], seq: int) -> None:
        made = version_from_dict(data["version"])
        self.versions[made.name] = made
        self.made_from.setdefault(made.name, self.current)

    def _on_model_adopted(self, data: Mapping[str, Any], seq: int) -> None:
        """The case goes on with another version: what was measured before is not said of it, but for what it mends."""
        name, finding = str(data["version"]), str(data["finding"])
        if name not in self.versions:
            raise ValueError(f"there is no version {name}")
        kept: dict[str, FindingRecord] = {}
        for key, record in self.records.items():
            if record.id == finding:
                record = dataclasses.replace(record, mended=name)
            if not record.mended and not record.earlier:
                key, record = set_aside(record)
            kept[key] = record
        self.records = kept
        told = {e for r in self.records.values() if r.mended for e in r.evidence}
        self.answered = {q: e for q, e in self.answered.items() if e in told}
        self.failed.clear()
        self.tried.clear()
        self.current, self.prints = name, dict(data.get("prints", {}))
        self.adopted.append((name, finding, seq))

    def _on_evidence_recorded(self, data: Mapping[str, Any], seq: int) -> None:
        made = evidence_from_dict(data["evidence"])
        self.evidence.append(made)
        self.measured[made.id] = seq
        self.calls[data["call"]] = made.id
        if data.get("request"):
            self.requests[str(data["request"])] = made.id
        self._before = "", {}
        left = [d for d in self.declined if not d.covers(made.tool, made.arguments)]
        if left != self.declined and not any(d.tool == made.tool for d in left):
            self.refused.discard(made.tool)  # all that was declined of it was asked for after all
        self.declined = left
        self.judged_by[made.id] = self.expectations_now()
        self.made_with[made.id] = self.current
        if self.definitions:
            self.attributes_seen[made.id] = self.attributes_now()
        for question in made.questions:
            self.answered[question] = made.id
        if made.tool in DERIVED:
            self.stood[made.id] = {r.id: r.finding.verdict for r in self.now()}
        for finding in made.findings:
            self._merge(finding, made)
        self._attach(made)
        self._forget_proposals({c.finding for c in made.corrections if c.status == "proposed"})
        for correction in made.corrections:
            self._correct(correction)

    def _merge(self, finding: Finding, evidence: Evidence) -> None:
        old = self.records.get(finding.key)
        if (
            old is not None and old.mended and old.version != self.current
        ):  # looked for again, in what mended it
            key, kept = set_aside(old, earlier=False)
            self.records = {key if k == finding.key else k: v for k, v in self.records.items()}
            self.records[key], old = kept, None
        tests = tuple(dataclasses.replace(t, evidence=t.evidence or evidence.id) for t in finding.tests)
        finding = dataclasses.replace(finding, tests=tests)
        registered = tuple(i for i, (plan, _) in self.instruments.items() if planned(plan, finding, evidence))
        if old is None:
            record = FindingRecord(
                f"F{len(self.records) + 1}", finding, (evidence.id,), evidence.questions, registered,
                version=self.current,
            )  # fmt: skip
        else:
            record = dataclasses.replace(
                old,
                finding=merge_findings(old.finding, finding),
                evidence=(*old.evidence, evidence.id),
                questions=tuple(dict.fromkeys((*old.questions, *evidence.questions))),
                instruments=tuple(dict.fromkeys((*old.instruments, *registered))),
                withdrawn="",
            )
            if record.finding.verdict not in (None, "confirmed"):  # nobody repairs what is not so
                record = dataclasses.replace(record, corrections=not_proposed(record))
        self.records[finding.key] = record

    def _attach(self, made: Evidence) -> None:
        """Every test of a group goes to what is said of it, whatever it was made in and whatever came of it."""
        for one in made.tried:
            if not one.apart:
                test = dataclasses.replace(one.test, evidence=made.id)
                self.tried.setdefault(one.group, []).append(test)
        touched = {t.group for t in made.tried} | {f.group for f in made.findings}
        for key, record in self.records.items():
            group = record.finding.group
            if group and group in touched and not record.earlier and record.version == self.current:
                finding = weighed(with_tests(record.finding, self.tried.get(group, ()), self.measured))
                self.records[key] = dataclasses.replace(record, finding=finding)

    def _on_hypothesis_withdrawn(self, data: Mapping[str, Any], seq: int) -> None:
        named = (
            k for k, r in self.records.items() if r.id == data.get("id")
        )  # a key may be another version's by now
        key = next(named, data["finding"])
        record = self.records.get(key)
        if record is not None and record.finding.verdict is None:
            self.records[key] = dataclasses.replace(record, withdrawn=str(data["by"]))
            # stating it again is no repeated call: it opens it again
            stated = {e.id for e in self.evidence if e.tool == "state_hypothesis" and e.id in record.evidence}
            self.calls = {call: made for call, made in self.calls.items() if made not in stated}

    def _forget_proposals(self, keys: set[str]) -> None:
        """What was proposed before is replaced by what is proposed now: one list of a finding, not two of different age."""
        for key in keys & self.records.keys():
            record = self.records[key]
            self.records[key] = dataclasses.replace(record, corrections=not_proposed(record))

    def _correct(self, correction: Correction) -> None:
        record = self.records.get(correction.finding)
        if record is None:
            return
        tried = any(c.strategy == correction.strategy and c.status != "proposed" for c in record.corrections)
        if tried and correction.status == "proposed":
            return  # proposed once more, it is still what came of it
        others = tuple(c for c in record.corrections if c.strategy != correction.strategy)
        self.records[correction.finding] = dataclasses.replace(record, corrections=(*others, correction))

    def attributes_now(self) -> str:
        """Digest of all definitions as they stand; empty while nothing was defined."""
        return digest([dataclasses.asdict(d) for d in self.definitions.values()]) if self.definitions else ""

    def expectations_now(self) -> str:
        """Digest of what is expected as of now."""
        self._expected = self._expected or digest(list(self.expectations.values()))
        return self._expected

    def out_of_date(self, judged: Evidence) -> bool:
        """Whether something else was expected when ``judged`` was measured."""
        return self.judged_by.get(judged.id, self.expectations_now()) != self.expectations_now()

    def confirmed(self) -> list[FindingRecord]:
        """The headlines: confirmed findings of the version that the case is at, and what it mends; in order of appearance."""
        return [r for r in self.now() if r.finding.verdict == "confirmed"]

    def now(self) -> list[FindingRecord]:
        """Findings of the version that the case is at, and those that it mends: all, while it is at the model as given."""
        return [r for r in self.records.values() if not r.earlier]

    def measured_now(self) -> list[Evidence]:
        """Evidence of the version that the case is at, oldest first: all of it, while it is at the model as given."""
        return [e for e in self.evidence if self.made_with.get(e.id, "") == self.current]

    def open(self) -> list[FindingRecord]:
        """Hypotheses stated, neither tested nor taken back."""
        return [r for r in self.records.values() if r.standing == "open"]

    def find(self, finding_id: str) -> FindingRecord | None:
        """The record called ``F3``, whatever the case of the letter."""
        return next((r for r in self.records.values() if r.id == finding_id.upper()), None)

    def latest(self, tool: str) -> Evidence | None:
        """The newest evidence of ``tool``, of the version that the case is at."""
        return next((e for e in reversed(self.measured_now()) if e.tool == tool), None)

    def whole(self, tool: str) -> Evidence | None:
        """The newest evidence of ``tool`` about the whole case, with no argument given: what somebody looks at beside it (one
        split, one class) is no other state of the case."""
        made = (e for e in reversed(self.measured_now()) if e.tool == tool)
        return next((e for e in made if all(v in (None, "", (), []) for v in e.arguments.values())), None)


def decided(verdicts: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Path → the class that somebody said is right, of verdicts on labels that decide something."""
    return {
        p: str(v.get("new", "")) for p, v in verdicts.items() if v["verdict"] in ("relabelled", "confirmed")
    }


def fold(events: Iterable[Event]) -> CaseState:
    """The state after ``events``."""
    state = CaseState()
    for event in events:
        state.apply(event)
    return state
