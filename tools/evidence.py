"""Evidence: what one tool call measured, in a form that a planner, a person and the journal can all read.

A tool returns exactly one frozen :class:`Evidence`. Everything a person is ever shown as a number or a verdict
comes from here. Three faces: :meth:`Evidence.text` (short, for a planner), :meth:`Evidence.__rich__` and
:meth:`Evidence._repr_html_` (for people), :meth:`Evidence.to_dict` (for the journal).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Direction = Literal["higher_is_better", "lower_is_better", "neutral"]
Verdict = Literal["confirmed", "refuted", "inconclusive"]
Unit = Literal["share", "points", "count", "score", "seconds", "pixels", "bytes", "text", "ratio"]
Failure = Literal["correctness", "robustness", "unknown_unknowns", "features", "fairness", "process"]
Bug = Literal[
    "data_statistics", "data_content", "data_engineering", "training_parameter", "structural", "unknown"
]
Kind = Literal[
    "spurious_correlation",
    "rare_case",
    "label_noise",
    "distribution_shift",
    "leakage",
    "preprocessing",
    "class_order",
    "overfitting",
    "underfitting",
    "overconfidence",
    "overemphasised_feature",
    "missing_feature",
    "class_imbalance",
    "weak_slice",
]
Cell = str | int | float | bool | None
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Fact:
    """One measured value.

    Attributes:
        name: uniform snake_case name, the same for the same quantity in every tool (``accuracy``, ``recall``,
            ``error_rate``, ``n``, ``effect``, ``control_effect``, ``ece`` …).
        value: the value; a ``share`` lies in [0, 1], ``points`` is a difference of shares in [-1, 1].
        unit: how to read and print the value.
        of: what it is about: ``""`` for everything, else ``class kitchen``, ``slice television=yes``, ``split deploy`` …
        ci: 95 % interval in the same unit, where there is one.
        n: number of images behind it.
        direction: whether a higher value is better.
    """

    name: str
    value: float | int | str | bool | None
    unit: Unit = "share"
    of: str = ""
    ci: Interval | None = None
    n: int | None = None
    direction: Direction = "neutral"


@dataclass(frozen=True, slots=True)
class Table:
    """A small table. ``units`` (one per column, default ``text``) says how numbers in it are printed."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    units: tuple[Unit, ...] = ()
    caption: str = ""

    def to_dataframe(self) -> Any:
        """The table as a pandas ``DataFrame`` (pandas comes with datasets); shares stay in [0, 1]."""
        import pandas

        return pandas.DataFrame(self.rows, columns=list(self.columns))


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture on disk. ``path`` is relative to the case folder; ``alt`` tells a person who can't see it what it shows."""

    title: str
    path: str
    alt: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class ImageRef:
    """One image of the case, as an example: ``row`` is its row in the split's data table."""

    split: str
    row: int
    path: str
    label: str = ""
    prediction: str = ""
    confidence: float | None = None
    caption: str = ""


@dataclass(frozen=True, slots=True)
class TestResult:
    """The outcome of one test of a hypothesis. Effects are differences of shares or scores in [-1, 1]."""

    __test__ = False  # not a test class, whatever its name begins with

    tool: str
    effect: float
    ci: Interval
    p: float
    n: int
    verdict: Verdict
    control_effect: float | None = None
    statistic: str = ""
    q: float | None = None
    evidence: str = ""
    together: str = (
        ""  # column whose equal values were counted together; empty where each image counted by itself
    )


@dataclass(frozen=True, slots=True)
class Tried:
    """One group that a search or a table tested, whatever came of it: a finding is shown with all tests of its group.

    Attributes:
        slice: column → value, as findings name a group. class_name: the true class that it was tested within.
        test: what was measured. ``effect`` is a difference of shares in [-1, 1].
        apart: it says nothing for or against errors of this group: another one does as much or accounts for it, or something else was
            compared.
    """

    slice: Mapping[str, str]
    test: TestResult
    class_name: str | None = None
    split: str = "data"
    apart: bool = False

    @property
    def group(self) -> str:
        """The same text as :attr:`Finding.group` of a finding about this group."""
        return group_key(self.slice, self.class_name, self.split)


def group_key(slice_: Mapping[str, str] | None, class_name: str | None, split: str) -> str:
    """Which images a group is made of, whatever is said of them."""
    return "|".join(
        ("&".join(f"{k}={v}" for k, v in sorted((slice_ or {}).items())), class_name or "", split)
    )


def family_key(kind: str) -> str:
    """What a plan is for that judges all findings of a kind which one search brings up. A rare case is a weak slice."""
    return f"{'weak_slice' if kind == 'rare_case' else kind}|*||"


@dataclass(frozen=True, slots=True)
class Instrument:
    """The planned test of a hypothesis, journalled before the first image is touched (Balayn et al. 2023, 4.3.5)."""

    finding: str
    tool: str
    arguments: Mapping[str, Any]
    statement: str
    statistic: str
    control: str
    minimum_effect: float
    alpha: float
    n_planned: int
    smallest_detectable_effect: float | None = None

    @property
    def id(self) -> str:
        """Digest of the content: registering the same plan twice is registering it once."""
        return "I-" + digest(dataclasses.asdict(self))[:12]

    def covers(self, finding: Finding, tool: str) -> bool:
        """Whether what ``tool`` measured of the finding was planned here: by a plan of its own, or by that of its whole family
        (:func:`family_key`), as one search judges every slice by the same rule."""
        if self.finding == finding.key:
            return True
        return self.tool == tool and self.finding == family_key(finding.kind)


@dataclass(frozen=True, slots=True)
class Finding:
    """A hypothesis joining a failure to a bug, with what has been measured about it so far.

    ``split`` says of which images it speaks; the same words about other images are another finding. ``verdict`` is None
    while the hypothesis is open (stated, not tested). Findings of equal :attr:`key` are the same finding; the journal's
    fold merges them (tests are appended; the latest non-None verdict holds). ``part`` is the share of the images it could
    have been counted on that ``n`` and the rates come from: about half where the others had suggested the group; None: not said.
    """

    kind: Kind
    failure: Failure
    bug: Bug
    statement: str
    slice: Mapping[str, str] | None = None
    class_name: str | None = None
    confused_with: str | None = None
    n: int | None = None
    error_rate: float | None = None
    base_error_rate: float | None = None
    ci: Interval | None = None
    p: float | None = None
    q: float | None = None
    verdict: Verdict | None = None
    tests: tuple[TestResult, ...] = ()
    note: str = ""
    about: str = ""
    split: str = "data"
    part: float | None = None

    @property
    def key(self) -> str:
        """What makes two findings the same: kind, slice, class and confusion, what it is ``about`` where one kind has several, and
        the split where that is not the evaluation images."""
        part = "&".join(f"{k}={v}" for k, v in sorted((self.slice or {}).items()))
        told = [t for t in (self.about, "" if self.split == "data" else f"@{self.split}") if t]
        return "|".join((self.kind, part, self.class_name or "", self.confused_with or "", *told))

    @property
    def group(self) -> str:
        """The group that it says fares worse; empty for findings that are about something else."""
        if self.kind not in ("weak_slice", "rare_case") or not self.slice:
            return ""
        return group_key(self.slice, self.class_name, self.split)


@dataclass(frozen=True, slots=True)
class Correction:
    """A repair strategy for a finding (Balayn et al. 2023, A.2.1). ``before`` and ``after`` are error rates in [0, 1].

    ``finding`` is the finding's key; ``action`` says in words of this case what to do; tools propose and measure,
    a person approves.
    """

    finding: str
    strategy: str
    family: Literal["dataset", "training", "model", "setup"]
    action: str
    status: Literal["proposed", "approved", "applied", "verified", "rejected"] = "proposed"
    before: float | None = None
    after: float | None = None
    q: float | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """The result of one tool call.

    Attributes:
        tool: name of the tool.
        arguments: its validated arguments, JSON values only.
        title: a headline of a few words, without numbers.
        summary: one to four plain sentences with the numbers that matter.
        questions: ids of the question bank that this answers (``performance.1``).
        findings: hypotheses raised (verdict None) or tested.
        corrections: repair strategies proposed, applied or verified.
        tried: groups that were tested, those that did not hold too.
        notes: what was left out, what is missing, warnings: one sentence each.
        next_steps: what a careful person would look at next, one sentence each.
        id: ``E1``, ``E2`` … given by the journal.
        seconds: what the call cost.
    """

    tool: str
    title: str
    summary: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    facts: tuple[Fact, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
    images: tuple[ImageRef, ...] = ()
    questions: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    corrections: tuple[Correction, ...] = ()
    tried: tuple[Tried, ...] = ()
    notes: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()
    id: str = ""
    seconds: float = 0.0

    def fact(self, name: str, of: str = "") -> Fact:
        """The fact called ``name`` about ``of``; ``of`` of a class, group or split may be its bare name (``"kitchen"``).

        Raises:
            KeyError: there is none, or several are called so; those that there are are named.
        """
        named = [fact for fact in self.facts if fact.name == name]
        found = [fact for fact in named if fact.of == of]
        if not found and of:
            found = [fact for fact in named if fact.of.partition(" ")[2] == of]
        if len(found) == 1 or (found and found[0].of == of):
            return found[0]
        raise KeyError(self._no_fact(name, of))

    def _no_fact(self, name: str, of: str) -> str:
        """What there is where a fact was not found."""
        from difflib import get_close_matches

        about = [f.of for f in self.facts if f.name == name]
        names = list(dict.fromkeys(f.name for f in self.facts))
        told = f"no fact {name!r}{f' of {of!r}' if of else ''} in {self.tool}"
        if about:
            near = get_close_matches(of, about, 8, 0.4) or about
            return f"{told}; there is {name!r} of {', '.join(repr(a) for a in near[:8])}"
        near = get_close_matches(name, names, 8, 0.4) or names
        return f"{told}; there are {', '.join(near[:8])}"

    def text(self, limit: int = 2400) -> str:
        """Short plain text for a planner: numbers, no arrays; at most about ``limit`` characters."""
        from failsight.tools.faces import evidence_text

        return evidence_text(self, limit)

    def __rich__(self) -> Any:
        from failsight.tools.faces import evidence_rich

        return evidence_rich(self)

    def _repr_html_(self) -> str:
        from failsight.tools.faces import evidence_html

        return evidence_html(self)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready dictionary; :func:`evidence_from_dict` reads it back unchanged."""
        return {k: v for k, v in jsonable(dataclasses.asdict(self)).items() if v not in ([], {}, "")}


def evidence_from_dict(raw: Mapping[str, Any]) -> Evidence:
    """Evidence from its JSON form (:meth:`Evidence.to_dict`)."""
    made = dict(raw)
    made["facts"] = tuple(Fact(**{**f, "ci": _pair(f.get("ci"))}) for f in raw.get("facts", ()))
    made["tables"] = tuple(
        Table(
            t["title"],
            tuple(t["columns"]),
            tuple(tuple(r) for r in t["rows"]),
            tuple(t.get("units", ())),
            t.get("caption", ""),
        )
        for t in raw.get("tables", ())
    )
    made["figures"] = tuple(Figure(**f) for f in raw.get("figures", ()))
    made["images"] = tuple(ImageRef(**i) for i in raw.get("images", ()))
    made["findings"] = tuple(finding_from_dict(f) for f in raw.get("findings", ()))
    made["corrections"] = tuple(Correction(**c) for c in raw.get("corrections", ()))
    made["tried"] = tuple(Tried(**{**t, "test": _test(t["test"])}) for t in raw.get("tried", ()))
    for name in ("questions", "notes", "next_steps"):
        made[name] = tuple(raw.get(name, ()))
    return Evidence(**made)


def finding_from_dict(raw: Mapping[str, Any]) -> Finding:
    """Finding from its JSON form."""
    made = dict(raw)
    made["ci"] = _pair(raw.get("ci"))
    made["tests"] = tuple(_test(t) for t in raw.get("tests", ()))
    return Finding(**made)


def _test(raw: Mapping[str, Any]) -> TestResult:
    return TestResult(**{**raw, "ci": _pair(raw["ci"])})


def instrument_from_dict(raw: Mapping[str, Any]) -> Instrument:
    """Instrument from its JSON form."""
    return Instrument(**raw)


def _pair(value: Any) -> Interval | None:
    return None if value is None else (_number(value[0]), _number(value[1]))


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def jsonable(value: Any) -> Any:
    """``value`` with numpy scalars, tuples and mappings turned into JSON values; NaN and infinities become None."""
    if isinstance(value, Mapping):
        return {str(k): jsonable(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(v) for v in value]
    if isinstance(value, bool | str) or value is None:
        return value
    if hasattr(value, "tolist"):  # numpy scalar or array
        return jsonable(value.tolist())
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return jsonable(dataclasses.asdict(value))
    return str(value)


def canonical(value: Any) -> str:
    """The one JSON text of ``value``: sorted keys, no spaces, UTF-8; what digests and hash chains are made of."""
    return json.dumps(
        jsonable(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )


def digest(value: Any) -> str:
    """SHA-256 of :func:`canonical`, in hexadecimal."""
    return hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()
