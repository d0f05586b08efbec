"""findings.json: the public format, its order, and that it depends on the evidence alone."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from failsight.agent.journal import GENESIS, Journal
from failsight.agent.narrate import findings_document, load_findings, write_reports
from failsight.agent.narrate.findings import findings_bytes, findings_digest
from failsight.agent.narrate.schema import findings_schema, misfits
from failsight.agent.state import CaseState, fold
from failsight.tools.errors import UserError
from failsight.tools.evidence import Evidence, Fact, Finding, TestResult
from tests.fakes.told import SHORTCUT, Teller, evaluated, tell


def document(folder: Path) -> dict[str, Any]:
    journal = Journal(folder, write=False)
    return findings_document(fold(journal), journal.events)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tell(tmp_path_factory.mktemp("told") / "case")


@pytest.fixture
def told(once: Path, tmp_path: Path) -> Path:
    """The case told once, copied."""
    return shutil.copytree(once, tmp_path / "case")


def test_the_document_fits_the_shipped_schema(told: Path) -> None:
    assert list(misfits(document(told), findings_schema())) == []


def test_the_document_of_an_empty_case_fits_the_schema(tmp_path: Path) -> None:
    t = Teller(tmp_path)
    t.created()
    t.close()
    made = document(tmp_path)
    assert list(misfits(made, findings_schema())) == []
    assert (
        made["performance"] is None and made["readiness"] is None and made["findings"] == made["open"] == []
    )
    assert made["case"]["data"] == {
        "fingerprint": "d" * 64,
        "n": 600,
        "classes": ["bathroom", "kitchen", "living_room"],
    }


def test_no_journal_at_all_still_makes_a_document_that_fits() -> None:
    made = findings_document(CaseState(), [])
    assert list(misfits(made, findings_schema())) == []
    assert {k: made["journal"][k] for k in ("events", "head")} == {"events": 0, "head": GENESIS}
    assert re.fullmatch(r"[0-9a-f]{16}", made["journal"]["told_with"])


def test_the_shipped_schema_agrees_with_a_full_validator(told: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(findings_schema())
    validator = jsonschema.Draft202012Validator(findings_schema())
    made = document(told)
    assert list(validator.iter_errors(made)) == []
    for broken in breakages(made):
        assert bool(list(validator.iter_errors(broken))) == bool(list(misfits(broken, findings_schema())))


def breakages(made: dict[str, Any]) -> list[dict[str, Any]]:
    """The document broken in one place at a time."""
    broken = []

    def change(*path: Any, value: Any = None, drop: bool = False) -> None:
        one = copy.deepcopy(made)
        at = one
        for part in path[:-1]:
            at = at[part]
        if drop:
            del at[path[-1]]
        else:
            at[path[-1]] = value
        broken.append(one)

    change("journal", drop=True)
    change("schema", value="failsight.findings/2")
    change("findings", 0, "verdict", value="maybe")
    change("findings", 0, "ci", value=[0.1])
    change("findings", 0, "p", value=1.2)
    change("findings", 0, "n", value="many")
    change("findings", 0, "n", value=True)
    change("findings", 0, "id", value="X1")
    change("findings", 0, "tests", 0, "control_effect", drop=True)
    change("findings", 0, "surprise", value=1)
    change("performance", "confusion", "kitchen", "bathroom", value=-1)
    change("performance", "per_class", "kitchen", "recall", value="high")
    change("journal", "head", value="abc")
    return broken


def test_every_breakage_is_found(told: Path) -> None:
    for broken in breakages(document(told)):
        assert list(misfits(broken, findings_schema()))


def test_case_and_performance_are_those_of_the_evidence(told: Path) -> None:
    made = document(told)
    assert made["case"]["model"] == {"fingerprint": "a1b2" * 16, "format": "torchscript"}
    assert made["performance"]["n"] == 600
    assert made["performance"]["accuracy"] == 0.8183
    assert made["performance"]["accuracy_ci"] == [0.7855, 0.8471]
    assert made["performance"]["per_class"]["kitchen"] == {
        "precision": pytest.approx(0.695),
        "recall": 0.715,
        "f1": pytest.approx(0.705),
        "n": 200,
    }
    assert made["performance"]["confusion"]["kitchen"] == {"bathroom": 11, "kitchen": 143, "living_room": 46}


def test_paths_of_the_machine_stay_out(told: Path) -> None:
    assert "secret project" not in json.dumps(document(told))


def test_confirmed_come_first_and_open_ones_stand_apart(told: Path) -> None:
    made = document(told)
    assert [(f["id"], f["verdict"]) for f in made["findings"]] == [
        ("F1", "confirmed"),
        ("F2", "inconclusive"),
        ("F3", "refuted"),
    ]
    assert [(f["id"], f["verdict"]) for f in made["open"]] == [("F4", None)]


def test_a_confirmed_finding_carries_its_test_its_correction_and_what_speaks_to_it(told: Path) -> None:
    found = document(told)["findings"][0]
    assert found["tests"] == [
        {
            "tool": "test_by_masking",
            "effect": 0.291,
            "ci": [0.2412, 0.3405],
            "p": 0.0001,
            "control_effect": 0.012,
            "n": 84,
        }
    ]
    assert found["corrections"] == [
        {
            "strategy": "collect_counterexamples",
            "status": "proposed",
            "before": None,
            "after": None,
            "q": None,
        }
    ]
    assert found["evidence"] == ["E3", "E4"]
    assert found["questions"] == ["features_global.3", "questionable_features.2"]
    assert (found["slice"], found["class"], found["confused_with"]) == (
        {"television": "yes"},
        "living_room",
        None,
    )
    assert (found["error_rate"], found["base_error_rate"], found["q"]) == (0.476, 0.185, 0.0008)


def test_readiness_is_that_of_the_latest_evidence(told: Path) -> None:
    made = document(told)["readiness"]
    assert made["verdict"] == "not_ready"
    assert [c["name"] for c in made["criteria"]] == ["accuracy", "recall.kitchen"]
    assert [c["holds"] for c in made["criteria"]] == [None, False]
    assert made["criteria"][1]["bound"] == 0.85 and made["criteria"][1]["value"] == 0.715


def finding(verdict: Any, effect: float, name: str) -> Finding:
    test = TestResult("test_by_masking", effect, (effect - 0.1, effect + 0.1), 0.01, 50, verdict, 0.0)
    return dataclasses.replace(SHORTCUT, verdict=verdict, class_name=name, tests=(test,))


def test_of_equal_verdict_the_larger_effect_comes_first_whatever_its_sign(tmp_path: Path) -> None:
    t = Teller(tmp_path)
    t.created()
    made = (
        finding("confirmed", 0.1, "a"),
        finding("confirmed", -0.4, "b"),
        finding("refuted", 0.9, "c"),
        finding("confirmed", 0.2, "d"),
    )
    t.call(Evidence("test_by_masking", "t", "s", findings=made))
    t.close()
    assert [f["class"] for f in document(tmp_path)["findings"]] == ["b", "d", "a", "c"]


def test_nan_becomes_null(tmp_path: Path) -> None:
    t = Teller(tmp_path)
    t.created()
    test = TestResult("test_by_masking", math.nan, (math.nan, math.nan), math.nan, 0, "inconclusive")
    t.call(
        Evidence(
            "test_by_masking",
            "t",
            "s",
            findings=(
                dataclasses.replace(SHORTCUT, verdict="inconclusive", error_rate=math.nan, tests=(test,)),
            ),
        )
    )
    t.call(Evidence("evaluate", "t", "s", facts=(Fact("accuracy", math.nan, ci=(math.nan, math.nan), n=0),)))
    t.close()
    made = document(tmp_path)
    text = findings_bytes(made).decode()
    assert "NaN" not in text and list(misfits(json.loads(text), findings_schema())) == []
    assert made["findings"][0]["error_rate"] is None
    assert made["findings"][0]["tests"][0]["ci"] == [None, None]


def test_the_same_journal_gives_the_same_bytes(told: Path) -> None:
    assert findings_bytes(document(told)) == findings_bytes(document(told))


def test_an_interrupted_run_finds_what_an_undisturbed_one_finds(told: Path, tmp_path: Path) -> None:
    one, other = document(told), document(tell(tmp_path / "other", interrupted=True))
    assert one["journal"] != other["journal"]
    assert {k: v for k, v in one.items() if k != "journal"} == {
        k: v for k, v in other.items() if k != "journal"
    }
    assert findings_digest(one) == findings_digest(other)


def test_hostile_names_come_through_whole_and_the_file_stays_json(tmp_path: Path) -> None:
    name = "b\ud800ad\x1b[31m</script>\u202e"
    t = Teller(tmp_path)
    t.created(classes=("a", name, "c"))
    t.call(evaluated(("a", name, "c")))
    t.close()
    journal = Journal(tmp_path, write=False)
    (path,) = write_reports(tmp_path, fold(journal), journal.events, ("json",))
    assert name in load_findings(path)["performance"]["per_class"]


def test_findings_are_read_back_from_file_or_folder(told: Path) -> None:
    journal = Journal(told, write=False)
    write_reports(told, fold(journal), journal.events, ("json",))
    assert load_findings(told) == load_findings(told / "findings.json") == document(told)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("[]", "not of the format"),
        ('{"schema": "failsight.findings/9"}', "failsight.findings/9"),
        ('{"schema": "failsight.findings/1"}', "lacks 'case'"),
    ],
)
def test_a_file_of_another_form_is_refused_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "findings.json"
    path.write_text(text)
    with pytest.raises(UserError, match=said):
        load_findings(path)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no"):
        load_findings(tmp_path)
