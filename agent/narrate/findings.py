"""``findings.json``: what is known about the failures of a model, for other programs to read.

The format (``failsight.findings/1``) is described by ``findings.schema.json`` beside this file. Everything but the
``journal`` block depends on the evidence alone, never on clocks or on how often a session was interrupted.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from failsight.agent.journal import GENESIS, Event
from failsight.agent.narrate.bank import told_with
from failsight.agent.narrate.outcomes import repairs_of
from failsight.agent.narrate.schema import findings_schema, misfits
from failsight.agent.narrate.versions import name_of
from failsight.agent.people.signoff import as_json, signoffs
from failsight.agent.state import CaseState, FindingRecord
from failsight.tools.confusions import confusions, matrix
from failsight.tools.errors import UserError
from failsight.tools.evidence import Correction, Evidence, Fact, TestResult, digest, jsonable
from failsight.tools.expectations.criteria import criteria_of
from failsight.tools.text import clean, escaped
from failsight.tools.verdicts import at_stake

SCHEMA = "failsight.findings/1"
ORDER = {"confirmed": 0, "inconclusive": 1, "refuted": 2, None: 3}
FIRST = ("preprocessing", "class_order")
"""Before these are mended every other figure is one of a model that nobody will run."""
_METRICS = ("precision", "recall", "f1")


def findings_document(state: CaseState, events: Sequence[Event]) -> dict[str, Any]:
    """The findings of a case in the public format ``failsight.findings/1``.

    Args:
        state: the fold of ``events``.
        events: the journal, oldest first.
    """
    records = ordered(state)
    document = {
        "schema": SCHEMA,
        "case": _case(state.config),
        "performance": _performance(state),
        "findings": [_finding(state, r) for r in records if r.finding.verdict is not None],
        "open": [_finding(state, r) for r in records if r.finding.verdict is None],
        "readiness": _readiness(state),
        **_signoffs(state, events),
        "journal": {
            "events": len(events),
            "head": events[-1].hash if events else GENESIS,
            "told_with": told_with(),
        },
    }
    made: dict[str, Any] = jsonable(document)
    return made


def findings_bytes(document: Mapping[str, Any]) -> bytes:
    """The document as the bytes of ``findings.json``: UTF-8, two spaces of indentation, fixed order of keys."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return escaped(text).encode("utf-8")  # lone surrogates become escapes, too


def findings_digest(document: Mapping[str, Any]) -> str:
    """SHA-256 of what was found: the document without its ``journal`` block."""
    return digest({k: v for k, v in document.items() if k != "journal"})


def ordered(state: CaseState) -> list[FindingRecord]:
    """Findings as a reader wants them: confirmed, inconclusive, refuted, open; last what is said of a version that the case is no longer at.

    In each what feeds the model wrongly comes first, for every other figure hangs on it; then what has most errors at stake among all
    images; then by effect, which tests of different kinds measure in different units.
    """
    return sorted(
        state.records.values(),
        key=lambda r: (
            r.earlier,
            ORDER[r.finding.verdict],
            r.finding.kind not in FIRST,
            -round(at_stake(r.finding), 6),
            -effect_of(r),
            int(r.id.lstrip("F")),
        ),
    )


def effect_of(record: FindingRecord) -> float:
    """How large a finding is, in [0, 1]: the effect of its deciding test, else the excess of its error rate."""
    finding = record.finding
    test = deciding(record)
    if test is not None:
        return abs(_finite(test.effect))
    if finding.error_rate is None:
        return 0.0
    return abs(_finite(finding.error_rate) - _finite(finding.base_error_rate))


def deciding(record: FindingRecord) -> TestResult | None:
    """The test on which the verdict stands: the last one of that verdict, experiments with a control before others."""
    fitting = [t for t in record.finding.tests if t.verdict == record.finding.verdict]
    controlled = [t for t in fitting if t.control_effect is not None]
    chosen = controlled or fitting
    return chosen[-1] if chosen else None


def _finite(value: float | None) -> float:
    """``value``, or 0 where nothing was measured (the journal holds null for NaN)."""
    return value if value is not None and math.isfinite(value) else 0.0


def _case(config: Mapping[str, Any]) -> dict[str, Any]:
    model, data = config.get("model"), (config.get("data") or {}).get("data")
    return {
        "name": clean(config.get("name") or ""),
        "created": config.get("created"),
        "model": {k: model.get(k) for k in ("fingerprint", "format")} if model else None,
        "data": {**{k: data.get(k) for k in ("fingerprint", "n")}, "classes": list(data.get("classes") or ())}
        if data
        else None,
    }


def _finding(state: CaseState, record: FindingRecord) -> dict[str, Any]:
    finding = record.finding
    repairs = repairs_of(state, record)
    return {
        "id": record.id,
        "failure": finding.failure,
        "bug": finding.bug,
        "kind": finding.kind,
        "statement": clean(finding.statement, 600),
        "slice": dict(sorted(finding.slice.items())) if finding.slice else None,
        # only where it is another: documents of before, which knew no splits, stay word for word what the journal tells
        **({"split": finding.split} if finding.split != "data" else {}),
        "class": finding.class_name,
        "confused_with": finding.confused_with,
        "n": finding.n,
        "error_rate": finding.error_rate,
        "base_error_rate": finding.base_error_rate,
        "ci": finding.ci,
        "p": finding.p,
        "q": finding.q,
        "verdict": finding.verdict,
        "tests": [_test(t) for t in finding.tests],
        "questions": list(record.questions),
        "evidence": list(record.evidence),
        "corrections": [_correction(c) for c in record.corrections],
        **({"repairs": repairs} if repairs else {}),
        **({"model_version": name_of(record.version), "stands": not record.earlier} if state.adopted else {}),
    }


def _test(test: TestResult) -> dict[str, Any]:
    return {name: getattr(test, name) for name in ("tool", "effect", "ci", "p", "control_effect", "n")}


def _correction(correction: Correction) -> dict[str, Any]:
    return {name: getattr(correction, name) for name in ("strategy", "status", "before", "after", "q")}


def latest_on(state: CaseState, tool: str, split: str = "data") -> Evidence | None:
    """The newest evidence of ``tool`` about ``split``."""
    return next(
        (
            e
            for e in reversed(state.measured_now())
            if e.tool == tool and (e.arguments.get("split") or "data") == split
        ),
        None,
    )


def fact_or_none(evidence: Evidence | None, name: str, of: str = "") -> Fact | None:
    """The fact ``name`` about ``of``, or None."""
    return next((f for f in evidence.facts if f.name == name and f.of == of), None) if evidence else None


def _performance(state: CaseState) -> dict[str, Any] | None:
    evaluated = latest_on(state, "evaluate")
    accuracy = fact_or_none(evaluated, "accuracy")
    if evaluated is None or accuracy is None:
        return None
    return {
        "n": accuracy.n,
        "accuracy": accuracy.value,
        "accuracy_ci": accuracy.ci,
        "per_class": per_class(evaluated),
        **_confusion(counted(state)),
    }


def per_class(evaluated: Evidence) -> dict[str, dict[str, Any]]:
    """Class → precision, recall, F1 (None where undefined) and its number of images."""
    made: dict[str, dict[str, Any]] = {}
    for fact in evaluated.facts:
        if fact.name in _METRICS and fact.of.startswith("class "):
            entry = made.setdefault(fact.of.removeprefix("class "), dict.fromkeys((*_METRICS, "n")))
            entry[fact.name] = fact.value
            if fact.name == "recall":
                entry["n"] = fact.n
    return made


def counted(state: CaseState) -> Evidence | None:
    """The newest evidence of ``confusion_matrix`` over all classes of the evaluation images."""
    return next(
        (
            e
            for e in reversed(state.measured_now())
            if e.tool == "confusion_matrix"
            and (e.arguments.get("split") or "data") == "data"
            and matrix(e) is not None
        ),
        None,
    )


def _confusion(evidence: Evidence | None) -> dict[str, Any]:
    """True class → predicted class → images (zeros left out); where some of it is not there, also how much is."""
    shown = matrix(evidence) if evidence else None
    if evidence is None or shown is None:
        return {"confusion": {}}
    cells = {
        name: {other: k for other, k in zip(shown.names, row, strict=True) if k}
        for name, row in zip(shown.names, shown.counts, strict=True)
    }
    if shown.whole:
        return {"confusion": cells}
    totals = {name: n for name, n in zip(shown.names, shown.totals, strict=True) if n is not None}
    for one in confusions(evidence):  # the most frequent pairs of all classes, shown in the matrix or not
        cells.setdefault(one.true, {})[one.predicted] = one.images
        if one.of is not None:
            totals[one.true] = one.of
    listed = sum(k for row in cells.values() for k in row.values())
    return {
        "confusion": cells,
        "confusion_partial": {"listed": listed, "images": shown.images, "class_images": totals},
    }


def _signoffs(state: CaseState, events: Sequence[Event]) -> dict[str, Any]:
    """Who decided what, where somebody did."""
    made = [as_json(one) for one in signoffs(events, state)]
    return {"signoffs": made} if made else {}


def _readiness(state: CaseState) -> dict[str, Any] | None:
    """From the latest evidence of ``readiness``: its fact ``readiness`` and its table of criteria; undecided where something
    else is expected since."""
    evidence = state.latest("readiness")
    verdict = fact_or_none(evidence, "readiness")
    if evidence is None or verdict is None:
        return None
    return {
        "verdict": "undecided" if state.out_of_date(evidence) else verdict.value,
        "criteria": criteria(evidence),
    }


def criteria(evidence: Evidence) -> list[dict[str, Any]]:
    """The criteria that ``readiness`` judged: name, bound, value, interval, whether it holds (None: undecided)."""
    return [{k: c[k] for k in ("name", "bound", "value", "ci", "holds")} for c in criteria_of(evidence)]


def load_findings(path: Path) -> dict[str, Any]:
    """Read a ``findings.json`` (or the one of a case folder) and check its form.

    Raises:
        UserError: there is no such file, it is not JSON, or it is not of the format ``failsight.findings/1``.
    """
    path = path / "findings.json" if path.is_dir() else path
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise UserError(
            f"There is no {path}.", "Write it with `failsight report CASE --format json`."
        ) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}).") from None
    except ValueError:
        raise UserError(
            f"{path} is not JSON.", "Write it anew with `failsight report CASE --format json`."
        ) from None
    found = document.get("schema") if isinstance(document, dict) else None
    if found != SCHEMA:
        raise UserError(f"{path} is not of the format {SCHEMA} but of {clean(found or 'another one')}.")
    wrong = next(misfits(document, findings_schema()), None)
    if wrong:
        raise UserError(
            f"{path} does not fit the format {SCHEMA}: {wrong}.", "Write it anew with `failsight report`."
        )
    made: dict[str, Any] = document
    return made
