"""Practice cases: one bug each, the answer nowhere in their folders, and every key right (slow: solved by `failsight run`)."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from failsight.agent.learn.practice import judge
from failsight.agent.narrate.findings import load_findings
from failsight.knowledge_base.cases import DemoCase, family_key, list_bugs
from failsight.knowledge_base.cases.practice import list_practice, practice_key, prepare_practice
from failsight.tools.strategies import STRATEGIES

SMALL = {"train": 8, "eval": 12, "deploy": 8}
TELLTALES = (
    "noise",
    "leak",
    "overfit",
    "channel",
    "normalis",
    "dark",
    "clean",
    "bug",
    "key",
    "planted",
    "answer",
    "truth",
)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, DemoCase]:
    root = tmp_path_factory.mktemp("practice")
    return {name: prepare_practice(root / name, name, counts=SMALL) for name in list_practice()}


def test_there_are_five_kinds_of_bugs_and_a_sound_model() -> None:
    kinds = {answer.family.kind for answer in practice_key().values()}
    assert len(kinds - {""}) >= 5
    assert "" in kinds
    assert {a.bug for a in practice_key().values()} == set(list_bugs())


def test_repairs_of_the_key_exist_and_fit() -> None:
    fits = {s.name: s.fits for s in STRATEGIES}
    for answer in practice_key().values():
        assert all(answer.family.kind in fits[name] for name in answer.repair), answer.name


def test_no_name_of_a_file_folder_column_or_case_tells_the_bug(cases: dict[str, DemoCase]) -> None:
    words = {*TELLTALES, *(part for bug in list_bugs() for part in bug.split("_"))} - {
        "label"
    }  # all have labels
    for case in cases.values():
        names = [str(p.relative_to(case.folder)).lower() for p in case.folder.rglob("*")]
        names += [case.name.lower()]
        for manifest in (case.data, case.train, case.deploy):
            with manifest.open(newline="", encoding="utf-8") as lines:
                names += [c.lower() for c in next(csv.reader(lines))]
        images = [n for n in names if n.endswith(".jpg")]
        assert all(set(Path(n).stem) <= set("0123456789abcdef") for n in images)
        told = [(w, n) for w in words for n in set(names) - set(images) if w in n]
        assert not told, told


def test_all_cases_look_alike_from_outside(cases: dict[str, DemoCase]) -> None:
    def outside(case: DemoCase) -> set[str]:
        return {str(p.relative_to(case.folder)) for p in case.folder.rglob("*") if p.suffix != ".jpg"}

    def columns(case: DemoCase) -> str:
        return case.data.read_text("utf-8").splitlines()[0]

    assert len({frozenset(outside(c)) for c in cases.values()}) == 1
    assert len({columns(c) for c in cases.values()}) == 1
    assert len({(c.task, tuple(sorted(c.expectations.items())), c.pool) for c in cases.values()}) == 1


def test_stamps_and_settings_hold_no_name_of_a_bug(cases: dict[str, DemoCase]) -> None:
    for case in cases.values():
        for path in (case.folder / "case.json", case.model.parent / "model.json"):
            text = path.read_text("utf-8").lower()
            assert not any(bug in text for bug in list_bugs() if bug != "clean"), path
        assert set(json.loads((case.folder / "case.json").read_text("utf-8"))) == {"seal"}
        assert not (case.folder / "key").exists()


def test_a_case_is_kept_and_a_damaged_one_mended(cases: dict[str, DemoCase]) -> None:
    case = cases["alder"]
    before = case.data.stat().st_mtime_ns
    prepare_practice(case.folder, "alder", counts=SMALL)
    assert case.data.stat().st_mtime_ns == before
    gone = next((case.folder / "eval" / "images").iterdir())
    gone.unlink()
    prepare_practice(case.folder, "alder", counts=SMALL)
    assert gone.is_file()


@pytest.mark.parametrize("name", list_practice())
def test_the_right_conclusion_is_right_and_a_consequence_is_not(name: str) -> None:
    answer = practice_key()[name]
    assert judge(answer, answer.family.kind)[0]
    for kind in {*answer.family.also, "underfitting", "" if answer.family.kind else "leakage"}:
        right, said = judge(answer, kind)
        assert not right
        assert answer.family.story in said


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", list_practice())
def test_a_run_without_a_person_solves_the_case(name: str, tmp_path: Path) -> None:
    case = prepare_practice(tmp_path / "pictures", name)
    wanted = [f"--expect={k}>={v}" for k, v in case.expectations.items()]
    command = [
        sys.executable, "-m", "failsight.agent.cli", "run", "--model", str(case.model), "--arch", case.arch,
        "--data", str(case.data), "--train", str(case.train), "--deploy", str(case.deploy), "--history", str(case.history),
        "--encoder", "rooms", "--out", str(tmp_path / "out"), *wanted,
    ]  # fmt: skip
    made = subprocess.run(command, capture_output=True, text=True, timeout=800, check=False)
    assert made.returncode in (0, 3, 4), made.stderr[-2000:]
    found = load_findings(tmp_path / "out")["findings"]
    confirmed = {f["kind"] for f in found if f["verdict"] == "confirmed"}
    family = practice_key()[name].family
    bugs = {a.kind for a in family_key().values() if a.kind}
    assert (family.kind in confirmed) if family.kind else not confirmed & bugs
    assert not (confirmed & bugs) - {family.kind, *family.also}
