"""Cases are made once and kept, results are kept too, crashes count, and the command says what is missing."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.casebook import judging, keeping, measuring, running
from benchmarks.casebook.command import as_json, as_text, told, wish_of
from benchmarks.casebook.keeping import KeptCase, digest, kept_case, mark
from benchmarks.casebook.making import Case, NotMadeError, Reserve
from benchmarks.casebook.plans import SIZES, plan_case, slot
from benchmarks.casebook.running import Pace, Wish, read_rows, run_wish
from benchmarks.casebook.table import compared, false_share, summary
from failsight.agent.cli import build_parser, main
from failsight.agent.commands import bench as bench_command
from failsight.tools.errors import UserError

# -- cases are kept --------------------------------------------------------------------------------------


def tiny(split: Any, number: int, home: Path, cache: Path | None = None) -> Case:
    """A case of one file, as ``make_case`` would make it."""
    plan = plan_case(split, number, 1)
    folder = home / plan.folder
    folder.mkdir(parents=True)
    (folder / "manifest.csv").write_text(f"path,label\n{number}.jpg,cat\n")
    reserve = Reserve(
        [b"one", b"", b"three"], {"light": np.array(["day", "night", "day"])}, np.array([0, 1, 0]), np.full((3, 2), 0.5, np.float32)
    )  # fmt: skip
    return Case(plan, {"data": str(folder / "manifest.csv"), "seed": 0, "task": "tell"}, reserve, 0.25)


def test_a_case_is_made_once_and_read_back_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "make_case", tiny)
    made = kept_case("dev", 3, tmp_path)
    monkeypatch.setattr(keeping, "make_case", None)  # would fail if it were called
    again = kept_case("dev", 3, tmp_path)
    expected = tiny("dev", 3, tmp_path / "other")
    assert made.plan == again.plan == expected.plan and again.size == 0.25
    assert Path(again.given["data"]).read_text() == Path(expected.given["data"]).read_text()
    assert again.given["seed"] == 0 and again.given["task"] == "tell"
    assert again.reserve.files == expected.reserve.files
    assert again.reserve.columns["light"].tolist() == ["day", "night", "day"]
    assert np.array_equal(again.reserve.scores, expected.reserve.scores)
    assert again.place.parent == tmp_path and not list(tmp_path.glob("part-*"))


def test_the_place_of_a_kept_case_tells_nothing_of_its_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "make_case", tiny)
    case = kept_case("dev", 3, tmp_path)
    assert not any(word in case.given["data"] for bug in case.plan.bugs for word in bug.split("_"))


def test_that_a_fault_is_not_taken_up_is_kept_but_not_that_pictures_are_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problems = ["no real pictures: set X", "not taken up in 6 attempts"]

    def fails(*_: Any) -> Case:
        raise NotMadeError(problems.pop(0))

    monkeypatch.setattr(keeping, "make_case", fails)
    with pytest.raises(NotMadeError, match="no real pictures"):
        kept_case("dev", 0, tmp_path)
    for _ in range(2):
        with pytest.raises(NotMadeError, match="not taken up"):
            kept_case("dev", 0, tmp_path)


def test_the_mark_changes_with_what_is_planted_not_with_how_it_is_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = mark("dev", 3)
    assert before == mark("dev", 3) != mark("dev", 4)

    def changed(**fields: Any) -> str:
        def plan(*given: Any) -> Any:
            made = plan_case(*given)
            made.key = tuple(type(k)(**{**k.__dict__, **fields}) for k in made.key)
            return made

        with monkeypatch.context() as patch:
            patch.setattr(keeping, "plan_case", plan)
            return mark("dev", 3)

    assert changed(also=("anything",), proxies=("x",), story="other") == before
    assert changed(values=("other",)) != before


def test_the_cases_unused_for_longest_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "make_case", tiny)
    places = [kept_case("dev", n, tmp_path).place for n in (3, 4, 5)]
    for age, place in zip((3, 9, 0), places, strict=True):
        then = place.stat().st_mtime - age * 3600
        os.utime(place / "case.json", (then, then))
    kept_case("dev", 6, tmp_path, gigabytes=0.0)
    assert [p.is_dir() for p in places] == [False, False, True]  # what was used within the hour stays


def test_measurements_of_a_kept_case_are_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def measures(files: list[bytes]) -> dict[str, Any]:
        calls.append(len(files))
        return {"brightness": np.array([0.1, np.nan]), "hue": np.array(["red", None], object)}

    monkeypatch.setattr(judging, "measured", measures)
    plain = tiny("dev", 3, tmp_path / "plain")
    case = KeptCase(plain.plan, plain.given, plain.reserve, plain.size, tmp_path)
    for _ in range(2):
        made = measuring.MeasuredJudge(case).computed()
        assert made["brightness"][0] == 0.1 and made["hue"].tolist() == ["red", "None"]
    assert calls == [3]


@pytest.mark.slow
def test_a_case_made_twice_is_the_same(tmp_path: Path) -> None:
    """All but the model's file, in which TorchScript numbers its types; what the model answers is the same."""
    import torch

    one, other = (kept_case("dev", 0, tmp_path / n, tmp_path / "cache") for n in ("a", "b"))
    models = [torch.jit.load(c.given["model"]) for c in (one, other)]
    shown = torch.rand(4, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(*(m(shown) for m in models))
    for case in (one, other):
        Path(case.given["model"]).unlink()
        (case.place / "case.json").unlink()  # says how long it took
    assert digest(one.place) == digest(other.place)


# -- results are kept ------------------------------------------------------------------------------------


def fake(number: int, player: str = "guided", **more: Any) -> dict[str, Any]:
    return {"case": f"dev/{number}", "bugs": ["by_heart"], "planner": player, "statements": [], "calls": 3, "seconds": 1.0, "made": 0.0, "tokens": 0, "usd": 0.0} | more  # fmt: skip


def playing(monkeypatch: pytest.MonkeyPatch, **more: Any) -> list[tuple[int, tuple[str, ...]]]:
    """Cases are not played but noted."""
    asked: list[tuple[int, tuple[str, ...]]] = []

    def one(wish: Wish) -> list[dict[str, Any]]:
        asked.append((wish.numbers[0], wish.players))
        return [fake(wish.numbers[0], p, **more) for p in wish.players]

    monkeypatch.setattr(running, "one", one)
    return asked


def test_nothing_is_played_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, out, paces = playing(monkeypatch), tmp_path / "f" / "out.jsonl", []
    run_wish(Wish("dev", (0, 1)), out)
    rows = run_wish(
        Wish("dev", range(3), ("guided", "hibug")), out, lambda r, p: paces.append((p.done, p.total))
    )
    assert asked == [
        (0, ("guided",)),
        (1, ("guided",)),
        (0, ("hibug",)),
        (1, ("hibug",)),
        (2, ("guided", "hibug")),
    ]
    assert paces == [(1, 3), (2, 3), (3, 3)]
    assert [(r["case"], r["planner"]) for r in rows[:3]] == [
        ("dev/0", "guided"),
        ("dev/0", "hibug"),
        ("dev/1", "guided"),
    ]


def test_what_crashed_is_tried_again_and_a_line_cut_off_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, out = playing(monkeypatch), tmp_path / "out.jsonl"
    out.write_text(json.dumps(fake(0, failed="KeyError", crashed=True)) + "\n" + json.dumps(fake(1))[:40])
    rows = run_wish(Wish("dev", (0, 1)), out)
    assert [n for n, _ in asked] == [0, 1] and not any(r.get("failed") for r in rows)
    assert [r["case"] for r in read_rows(out)] == ["dev/0", "dev/1"]


def test_a_crash_counts_against_the_planner_and_a_missing_planner_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "kept_case", lambda *_: tiny("dev", 3, tmp_path / "case"))
    problems: list[Exception] = [KeyError("x"), UserError("No such model.")]

    def play(*_: Any, **__: Any) -> dict[str, Any]:
        raise problems.pop(0)

    monkeypatch.setattr(running, "play", play)
    (row,) = running.one(Wish("dev", (3,), keep=tmp_path))
    assert row["failed"].startswith("KeyError in test_running.py") and row["statements"] == []
    assert summary([row])["nothing false"]["hits"] == 0 and summary([row])["failed"] == 1
    shutil.rmtree(tmp_path / "case")
    with pytest.raises(UserError, match="No such model"):
        running.one(Wish("dev", (3,), keep=tmp_path))


def test_time_left_follows_the_pace() -> None:
    pace = Pace(total=4, done=1)
    pace.began -= 10
    assert pace.left == pytest.approx(30, abs=1)


@pytest.mark.slow
def test_two_workers_play_what_one_plays(tmp_path: Path) -> None:
    made = [
        run_wish(Wish("dev", (0, 2), ("confusion",), tmp_path, tmp_path / "made", jobs=jobs))
        for jobs in (2, 1)
    ]
    two, one = ([r["statements"] for r in rows] for rows in made)
    assert two == one


# -- tables ----------------------------------------------------------------------------------------------


def spoken(number: int, player: str, *judgements: str) -> dict[str, Any]:
    said = [{"judgement": j, "bug": "by_heart" if j == "right" else "", "call": 1, "says": j} for j in judgements]  # fmt: skip
    return fake(number, player, statements=said, tokens=1000, usd=0.01)


def test_players_are_compared_on_every_score() -> None:
    rows = [spoken(n, "guided", "right") for n in range(40)]
    rows += [spoken(n, "hibug", "false", "right") for n in range(40)]
    text = compared(rows, {"guided": "Ours", "hibug": "HiBug"})
    assert "| HiBug | 0/40 = 0.00 [0.00, 0.09] | 40/40 = 1.00" in text
    assert "40/80 = 0.50 [0.50, 0.50]" in text and "| 40,000 | 0.40 |" in text
    assert "all planted found (HiBug)" in text and "first finding right (HiBug)" not in text
    better = compared([r for r in rows if r["planner"] == "guided"])
    assert "overlap" not in better


def test_the_share_of_false_statements_is_resampled_by_case() -> None:
    one = false_share([spoken(0, "a", *["false"] * 20)] + [spoken(n, "a", "right") for n in range(1, 21)])
    assert one["share"] == 0.5 and one["interval"][0] < 0.2  # one case has them all
    assert false_share([fake(0)])["share"] is None


def test_tables_tell_of_money_only_where_there_is_any() -> None:
    wish = Wish("dev", (0,), ("guided", "hibug"))
    rows = [fake(0), fake(0, "hibug")]
    assert "tokens" not in as_text(wish, rows) and "Chen et al. 2023" in as_text(wish, rows)
    made = as_json(wish, rows)
    assert made["command"].endswith("--cases 1 --planner guided --method hibug")
    assert json.dumps(made) and made["players"]["guided"]["all planted found"]["hits"] == 0


# -- the command -----------------------------------------------------------------------------------------


def test_results_that_are_there_are_only_added_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, out = playing(monkeypatch), tmp_path / "out.jsonl"
    out.write_text("".join(json.dumps(fake(n)) + "\n" for n in range(2)))
    assert main(["bench", "--cases", "2", "--out", str(out), "--json"]) == 0
    said = capsys.readouterr()
    made = json.loads(said.out)
    assert not asked and made["cases"] == 2 and "another version" in said.err
    assert main(["bench", "--cases", "3", "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert [n for n, _ in asked] == [2] and "1 of 1: dev/2 by_heart, guided: nothing confirmed" in said.err
    assert "## Failsight, guided, 3 cases of dev" in said.out


@pytest.mark.parametrize("start", ["240", "999"])
def test_cases_that_do_not_exist_are_named_in_a_sentence(
    start: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "--start", start]) == 2
    assert f"has {SIZES['dev']} cases" in capsys.readouterr().err


def wished(*arguments: str) -> Wish:
    return wish_of(build_parser().parse_args(["bench", *arguments]))


def test_who_plays_is_what_was_asked_for() -> None:
    assert wished().players == ("guided",) and len(wished().numbers) == 60
    assert wished("--method", "domino").players == ("domino",)
    everybody = wished("--planner", "guided", "--planner", "openai:x", "--method", "all")
    assert everybody.players == ("guided", "openai:x", *bench_command.METHODS)
    assert wished("--jobs", "0").jobs == 1 and wished("--make-anew").keep is None
    assert list(wished("--start", "238", "--cases", "9").numbers) == [238, 239]


def test_only_cases_with_a_fault_or_without_any() -> None:
    null = wished("--cases", "60", "--only", "null")
    assert null.numbers and all(not slot("dev", n).bugs for n in null.numbers)
    both = wished("--cases", "60", "--only", "null", "--only", "copies")
    more = set(both.numbers) - set(null.numbers)
    assert set(null.numbers) < set(both.numbers) and all("copies" in slot("dev", n).bugs for n in more)
    first, last = null.numbers[0], null.numbers[-1]
    told = as_json(null, [])["command"]
    assert f"--start {first} --cases {last - first + 1} --only null --planner" in told
    assert list(wished(*told.split()[2:]).numbers) == list(null.numbers)


@pytest.mark.parametrize(
    ("asked", "told"),
    [(["--only", "gremlins"], "No case has the fault gremlins."), (["--cases", "1", "--only", "copies"], "None of the cases 0 to 0 of dev has copies.")],
)  # fmt: skip
def test_a_fault_that_no_case_has_is_named(
    asked: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", *asked]) == 2
    assert told in capsys.readouterr().err


def test_without_the_benchmark_one_sentence_says_how_to_get_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_command, "find_spec", lambda name: None)
    monkeypatch.setattr(bench_command, "_holds", lambda folder: False)
    assert main(["bench"]) == 2
    said = capsys.readouterr().err
    assert (
        "does not come with the installed package" in said
        and "pip install" in said
        and "Traceback" not in said
    )


def test_the_benchmark_is_found_beside_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_command, "find_spec", lambda name: None)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert bench_command.benchmark().run


def test_a_line_of_progress_has_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    told([fake(0, failed="\x1b[31mred")], Pace(2, 1))
    assert "\x1b" not in capsys.readouterr().err
