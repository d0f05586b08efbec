"""Dates are taken by month: one form for a whole column, and nothing that could be read two ways."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from failsight.agent import open_case
from failsight.tools.attributes.dates import by_period, month_of, told_forms
from failsight.tools.attributes.metadata import column, unusable_columns

DAYS = [date(2024, 1, 1) + timedelta(days=i) for i in range(0, 360, 3)]


@pytest.mark.parametrize(
    "form",
    ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S+00:00", "%Y/%m/%d", "%Y:%m:%d 09:30:00", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y 10:00", "%d %B %Y", "%b %d, %Y", "%d-%b-%Y", "%B %-d, %Y 10:00"],
)  # fmt: skip
def test_common_forms_are_read(form: str) -> None:
    made = by_period([d.strftime(form) for d in DAYS])
    assert made is not None and made[DAYS[-1].strftime(form)] == DAYS[-1].strftime("%Y-%m")
    assert sorted(set(made.values())) == [f"2024-{m:02d}" for m in range(1, 13)]


@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("2021-03", (2021, 3)), ("03/2021", (2021, 3)), ("3/2021", (2021, 3)), ("March 2021", (2021, 3)), ("Mär. 2021", None), ("März 2021", (2021, 3)),
        ("Sept 2021", (2021, 9)), ("13/2021", None), ("Ward 2021", None), ("3 March 2021", None), ("2021-03-04", None), ("1021-03", None),
    ],
)  # fmt: skip
def test_a_month_with_its_year(text: str, month: tuple[int, int] | None) -> None:
    assert month_of(text) == month


def test_months_by_name_and_days_of_a_name_that_is_no_month_stay_apart() -> None:
    assert set((by_period([f"{m}/{y}" for m in range(1, 13) for y in range(2019, 2022)]) or {}).values()) == {f"{y}-{m:02d}" for m in range(1, 13) for y in range(2019, 2022)}  # fmt: skip
    assert by_period([f"{d} Mayor 2021" for d in range(1, 29)]) is None


def test_within_one_month_days_stay() -> None:
    texts = [f"2024-11-{d:02d}T0{h}:00:00" for d in range(1, 11) for h in range(4)]
    made = by_period(texts)
    assert made is not None and set(made.values()) == {f"2024-11-{d:02d}" for d in range(1, 11)}


@pytest.mark.parametrize(
    "texts",
    [
        [],
        [f"2024-01-{d:02d}" for d in range(1, 25)],  # few: they are groups themselves
        [f"0{m}/0{d}/2024" for m in range(1, 10) for d in range(1, 10)],  # which is the month?
        [f"img-{i}" for i in range(100)],
        [*(d.isoformat() for d in DAYS), "unknown"],
        [*(d.isoformat() for d in DAYS), "2024-02-30"],
        [f"{i:04d}-01-01" for i in range(1, 100)],  # no years that a picture is of
        [f"192.168.{i}.{i}" for i in range(100)],
        [f"1.2.{i}" for i in range(100)],
        [f"{i}-{i}-{i}" for i in range(1, 100)],
        [f"2024{i:04d}" for i in range(101, 131)],
        ["2024-01-01\x00" + "9" * 500] * 3,
    ],
)  # fmt: skip
def test_what_is_no_date_for_sure_stays_as_it_is(texts: list[str]) -> None:
    assert by_period(texts) is None


def test_a_column_is_read_alike_whatever_rows_are_asked_for() -> None:
    values = [None if i % 10 == 0 else DAYS[i % len(DAYS)].isoformat() for i in range(600)]
    whole = column(values, np.arange(600))
    part = column(values, np.arange(1, 10))  # all in one month
    assert part.tolist() == whole[1:10].tolist() == [DAYS[i].strftime("%Y-%m") for i in range(1, 10)]
    assert whole[0] is None and unusable_columns({"date": whole}) == {}


def test_errors_that_begin_in_november_are_found(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = ["path,label,prediction,taken"]
    for i in range(4000):
        day = date(2024, 1, 1) + timedelta(days=int(rng.integers(0, 366)))
        wrong = rng.random() < (0.4 if day >= date(2024, 11, 1) else 0.15)
        label = "ab"[i % 2]
        rows.append(f"{i}.png,{label},{'ba'[i % 2] if wrong else label},{day.isoformat()}")
    (tmp_path / "answers.csv").write_text("\n".join(rows))
    with open_case(predictions=tmp_path / "answers.csv", out=tmp_path / "case", seed=1) as case:
        made, _ = case.call("find_slices")
        found = [f.slice for f in made.findings if f.verdict == "confirmed"]
        assert {"taken": "2024-11"} in found and {"taken": "2024-12"} in found and len(found) == 2
        assert not any("taken" in note and "left out" in note for note in made.notes)
        there, _ = case.call("evaluate", {})
        assert there.fact("accuracy").n == 4000


SHORT = [f"{d.day}/{d.month}/{d:%y}" for d in DAYS]
MIXED = [*(d.isoformat() for d in DAYS[::3]), *(f"{d:%d.%m.%Y}" for d in DAYS[1::3]), *SHORT[2::3]]


def test_several_forms_in_one_column_are_read_and_said() -> None:
    made = by_period(MIXED)
    assert made is not None
    assert made[DAYS[0].isoformat()] == "2024-01" and made[f"{DAYS[40]:%d.%m.%Y}"] == f"{DAYS[40]:%Y-%m}"
    assert made[SHORT[2]] == "2024-01" and sorted(set(made.values())) == [
        f"2024-{m:02d}" for m in range(1, 13)
    ]
    assert told_forms("taken", MIXED).startswith("The column taken has dates in 3 forms (such as ")
    assert told_forms("taken", MIXED).endswith("all are read as dates.")


@pytest.mark.parametrize(
    "texts",
    [
        SHORT,  # no form beside them has the years in full
        [*(d.isoformat() for d in DAYS), "1/2/17"],  # another year than the others
        [*(d.isoformat() for d in DAYS), "1/2/24"],  # January or February?
    ],
)
def test_short_years_and_orders_that_nothing_tells_stay_text(texts: list[str]) -> None:
    assert by_period(texts) is None


def test_forms_that_can_not_be_told_are_said() -> None:
    said = told_forms("ta\x1bken", [*(d.isoformat() for d in DAYS), "1/2/24"])
    assert "nobody can say which number is the month" in said and "\x1b" not in said
    assert (
        told_forms("x", [f"img-{i}" for i in range(100)])
        == told_forms("x", [d.isoformat() for d in DAYS])
        == ""
    )
    assert told_forms("x", [*(d.isoformat() for d in DAYS), "unknown"]) == told_forms("x", [1.0, None]) == ""
