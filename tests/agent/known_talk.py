"""Four small worlds whose errors are known image by image, and a conversation in one of them with the real tools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from failsight.agent.events import ApprovalAsked, PlannerSaid, ToolStarted
from failsight.agent.session import Session
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import interval, number, number_text
from tests.fakes.case import FakeCase
from tests.fakes.view import FakeModel, FakeTable

Columns = dict[str, np.ndarray]


@dataclass
class World:
    """A case with what is true of each image: labels, answers and columns of every split."""

    case: FakeCase
    classes: tuple[str, ...]
    labels: dict[str, np.ndarray] = field(default_factory=dict)
    answers: dict[str, np.ndarray] = field(default_factory=dict)
    sure: dict[str, np.ndarray] = field(default_factory=dict)
    columns: dict[str, Columns] = field(default_factory=dict)

    def mask(self, split: str = "data", **held: Any) -> np.ndarray:
        """(n,) images with a class (``true``) and values of columns; a function is held to the column."""
        made = np.ones(len(self.labels[split]), bool)
        for name, value in held.items():
            if name == "true":
                made &= self.labels[split] == self.classes.index(value)
            else:
                column = self.columns[split][name]
                made &= np.array([value(v) for v in column]) if callable(value) else column == value
        return made

    def counted(self, split: str = "data", *, right: bool = False, **held: Any) -> str:
        """``12 of 40``: how many of such images are wrong, or right."""
        inside = self.mask(split, **held)
        wrong = (self.labels[split] != self.answers[split]) & inside
        k = int((inside & ~wrong).sum() if right else wrong.sum())
        return f"{k:,} of {int(inside.sum()):,}"

    def recall(self, name: str, split: str = "data") -> str:
        """``65.5 % [61.0, 69.7] %``: how often a class is recognised."""
        k, n = (int(x) for x in self.counted(split, right=True, true=name).replace(",", "").split(" of "))
        return f"{number(k / n)} {interval(wilson(k, n))}"

    def recall_in(self, name: str, split: str, **held: Any) -> str:
        """How often a class is recognised in a group."""
        k, n = (
            int(x) for x in self.counted(split, right=True, true=name, **held).replace(",", "").split(" of ")
        )
        return f"{number(k / n)} {interval(wilson(k, n))}"

    def taken(self, true: str, predicted: str, split: str = "data", **held: Any) -> int:
        """How many images of a class are called another, in a group."""
        return int(
            (
                self.mask(split, true=true, **held) & (self.answers[split] == self.classes.index(predicted))
            ).sum()
        )

    def overall(self, split: str = "data") -> str:
        """How many images are right."""
        k = int((self.labels[split] == self.answers[split]).sum())
        n = len(self.labels[split])
        return f"{number(k / n)} {interval(wilson(k, n))}"

    def middle(self, column: str) -> str:
        """The middle of a column of numbers."""
        return number_text(float(np.median(self.columns["data"][column].astype(float))))

    def stay(self, bar: float) -> str:
        """``630 of 2,000 answers stay (31.5 %)``: where only answers that are so sure are given."""
        sure = self.case.predictions("data").confidence >= bar
        return f"{int(sure.sum()):,} of {len(sure):,} answers stay ({number(float(sure.mean()))})"


def world(folder: Path, name: str, measured: Sequence[str] = ("evaluate",)) -> World:
    """One of the worlds, after these tools have run."""
    classes, splits, rate = _WORLDS[name]
    rng = np.random.default_rng(7)
    made = World(None, classes)  # type: ignore[arg-type]
    tables = {}
    for split, n in splits.items():
        labels = np.arange(n) % len(classes)
        columns = _COLUMNS[name](split, n, rng)
        wrong = rng.random(n) < np.array(
            [rate(split, classes[k], {c: v[i] for c, v in columns.items()}) for i, k in enumerate(labels)]
        )
        answers = np.where(wrong, (labels + 1) % len(classes), labels)
        sure = np.where(wrong, rng.uniform(0.55, 0.8, n), rng.uniform(0.7, 0.99, n))
        pixels = np.zeros((n, 8, 8, 3), np.uint8)
        pixels[..., 0], pixels[..., 1] = (answers * 20)[:, None, None], np.round(sure * 250)[:, None, None]
        pixels[:, 0, 0, 2], pixels[:, 0, 1, 2] = np.arange(n) % 256, np.arange(n) // 256  # no two are alike
        table = FakeTable(pixels, labels.tolist(), classes, {k: v.tolist() for k, v in columns.items()})
        table.fingerprint += split
        tables[split] = table
        made.labels[split], made.answers[split], made.sure[split], made.columns[split] = (
            labels,
            answers,
            sure,
            columns,
        )

    def rule(x: np.ndarray) -> np.ndarray:
        at = np.round(x[:, 4, 4, 0] * 255 / 20).astype(int)
        p = np.clip(x[:, 4, 4, 1] * 255 / 250, 0.01, 0.999)
        raw = np.tile(np.log((1 - p) / (len(classes) - 1))[:, None], (1, len(classes)))
        raw[np.arange(len(x)), at] = np.log(p)
        return raw

    more = {s: "fake" for s in tables if s not in ("data", "train")}
    made.case = FakeCase(folder, tables, FakeModel(rule, classes, (8, 8)), **more)
    for tool in measured:
        made.case.call(tool, {})
    return made


def _rooms(split: str, n: int, rng: np.random.Generator) -> Columns:
    dark = rng.random(n) < 0.6 if split == "deploy" else np.zeros(n, bool)
    return {
        "lighting": np.where(dark, "dark", np.where(rng.random(n) < 0.5, "soft", "bright")),
        "cat": np.where(rng.random(n) < 0.3, "yes", "no"),
        "annotator": rng.choice(["A", "B", "C"], n),
    }


def _belt(split: str, n: int, rng: np.random.Generator) -> Columns:
    return {
        "line": rng.integers(1, 4, n), "shift": rng.choice(["early", "late", "night"], n), "operator": rng.choice(["Ehlers", "Fofana", "Anders"], n),
        "lamp_hours": rng.integers(20, 1200, n), "speed": np.round(rng.normal(2.2, 0.35, n), 2), "dirty": rng.choice(["yes", "no"], n),
    }  # fmt: skip


def _clinic(split: str, n: int, rng: np.random.Generator) -> Columns:
    return {
        "site": rng.choice(["Nord", "Ost"] if split != "deploy" else ["Nord", "Ost", "Insel"], n), "scanner": rng.choice(["Alpha", "Beta"], n),
        "sex": rng.choice(["F", "M"], n), "age": rng.integers(20, 90, n), "hair": rng.choice(["yes", "no"], n),
    }  # fmt: skip


def _orchard(split: str, n: int, rng: np.random.Generator) -> Columns:
    return {
        "variety": rng.choice(["Boskop", "Elstar", "Topaz"], n), "wet": rng.choice(["yes", "no"], n),
        "weather": rng.choice(["sunny", "cloudy"] if split != "deploy" else ["sunny", "cloudy", "fog"], n), "height_cm": rng.integers(50, 300, n),
    }  # fmt: skip


_COLUMNS: dict[str, Any] = {"rooms": _rooms, "belt": _belt, "clinic": _clinic, "orchard": _orchard}


def _wrong_rooms(split: str, name: str, row: dict[str, Any]) -> float:
    if row["lighting"] == "dark":
        return 0.9 if name == "bathroom" else 0.5
    return 0.7 if name == "bathroom" and row["cat"] == "yes" else 0.15


def _wrong_belt(split: str, name: str, row: dict[str, Any]) -> float:
    if row["line"] == 3 and row["shift"] == "night":
        return 0.55
    return 0.75 if name == "film" and row["lamp_hours"] > 800 else 0.2


def _wrong_clinic(split: str, name: str, row: dict[str, Any]) -> float:
    if row["site"] == "Insel":
        return 0.6
    return 0.6 if name == "malignant" and row["hair"] == "yes" else 0.15


def _wrong_orchard(split: str, name: str, row: dict[str, Any]) -> float:
    if row["weather"] == "fog":
        return 0.6
    return 0.7 if name == "scab" and row["wet"] == "yes" else 0.15


_WORLDS: dict[str, tuple[tuple[str, ...], dict[str, int], Any]] = {
    "rooms": (
        ("bathroom", "kitchen", "living_room"),
        {"data": 720, "train": 300, "deploy": 360, "pool": 120},
        _wrong_rooms,
    ),
    "belt": (("bottle", "can", "film", "paper"), {"data": 1200}, _wrong_belt),
    "clinic": (("benign", "malignant"), {"data": 800, "train": 200, "deploy": 300}, _wrong_clinic),
    "orchard": (("healthy", "rot", "scab"), {"data": 720, "train": 150, "deploy": 240}, _wrong_orchard),
}


@dataclass(frozen=True)
class Answer:
    """What came of a sentence: the tools that ran or wait for a yes, and the words, of which the first line stands by itself."""

    tools: tuple[str, ...]
    words: str
    choices: tuple[str, ...] = ()

    @property
    def first(self) -> str:
        lines = [line for line in self.words.splitlines() if line.strip() and "read as" not in line]
        return lines[0] if lines else ""


def talk(case: FakeCase, said: Sequence[str], *, close: bool = True) -> list[Answer]:
    """The answers to sentences, one after the other. ``close``: the case with them, which nothing can be asked of any more."""
    made = []
    session = Session(case, policy="ask")
    for text in said:
        events = list(session.say(text))
        tools = tuple(e.tool for e in events if isinstance(e, ToolStarted | ApprovalAsked))
        words = [e for e in events if isinstance(e, PlannerSaid)]
        if session.pending:
            list(session.decide(False))
        last = words[-1] if words else None
        made.append(Answer(tools, str(last.text) if last else "", tuple(last.choices) if last else ()))
    if close:
        session.close()
    return made
