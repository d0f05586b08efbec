"""Reading the labelled requests of ``data/guided_*.txt`` and holding the guided planner to them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from langchain_core.messages import AIMessage, HumanMessage

from failsight.agent.planners.guided import GuidedPlanner
from failsight.agent.session import Session
from failsight.tools.evidence import Evidence, Finding, ImageRef, Table
from failsight.tools.registry import registry
from tests.fakes.case import FakeCase
from tests.fakes.view import FakeModel, FakeTable

DATA = Path(__file__).parent / "data"
CLASSES = ("bathroom", "bedroom", "dining_room", "kitchen", "living_room")
OBJECTS = ("television", "stools", "cat", "plant", "lamp", "picture", "stove", "sink", "sofa", "bed")
VALUES = {
    "floor": ("wood", "tile"),
    "lighting": ("bright", "soft", "dark"),
    "tilt": ("level", "tilted"),
    "clutter": ("tidy", "cluttered"),
    "annotator": ("A", "B", "C", "D"),
}
EACH = 20  # images of a class


@dataclass(frozen=True)
class World:
    """What the pictures of a case are described by, and what its second finding is about."""

    objects: tuple[str, ...]
    values: dict[str, tuple[str, ...]]
    rare: str


FIRST = World(OBJECTS, VALUES, "stools")
SECOND = World(
    ("television", "stool", "table", "plant", "cat", "lamp"),
    {"floor": ("wood", "tile", "carpet"), "lighting": ("bright", "soft", "dark"), "camera": ("phone", "slr")},
    "stool",
)
WORLDS = {
    "guided_blind": SECOND,
    "guided_authors": SECOND,
}  # of sets that speak of another case than the first
WORDS = ("say", "ask", "off", "why", "show", "undo", "any")
STAND = ("state_hypothesis", "edit_attributes")  # tools that really run: they cost nothing


@dataclass(frozen=True)
class Wanted:
    """One right answer. ``word`` without its mark for words and no call; else a tool with its arguments."""

    word: str = ""
    tool: str = ""
    needed: tuple[tuple[str, str], ...] = ()
    allowed: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Line:
    """What a person says, and the answers that are right."""

    text: str
    wanted: tuple[Wanted, ...]


@dataclass(frozen=True)
class Heard:
    """What the planner did at once: its first call (tool and arguments that are not the defaults), or its words."""

    tool: str = ""
    arguments: tuple[tuple[str, str], ...] = ()
    words: str = ""
    then: tuple[str, ...] = ()  # tools called after the first

    def __str__(self) -> str:
        return (
            " ".join((self.tool, *(f"{k}={v}" for k, v in self.arguments))) if self.tool else self.words[:70]
        )


def requests(name: str) -> list[Line]:
    """The single requests of ``data/NAME.txt``."""
    return [made for text in _lines(name) if (made := _line(text)) is not None]


def dialogues(name: str) -> list[list[Line]]:
    """The dialogues of ``data/NAME.txt``: parted by blank lines."""
    made: list[list[Line]] = [[]]
    for text in _lines(name):
        line = _line(text)
        if line is None and not text.startswith("#"):
            made.append([])
        elif line is not None:
            made[-1].append(line)
    return [d for d in made if d]


def _lines(name: str) -> list[str]:
    return (DATA / f"{name}.txt").read_text(encoding="utf-8").splitlines()


def _line(text: str) -> Line | None:
    if not text.strip() or text.startswith("#"):
        return None
    wanted, said = text.split(" | ", 1)
    return Line(said.strip(), tuple(_wanted(w) for w in re.split(r" / ", wanted)))


def _wanted(text: str) -> Wanted:
    first, *rest = text.split()
    if first == "-":
        return Wanted("any")
    if first.startswith("!"):
        return Wanted(first[1:])
    pairs = [(p.lstrip("?").partition("="), p.startswith("?")) for p in rest]
    needed = tuple(sorted((k, v) for (k, _, v), free in pairs if not free))
    return Wanted("", first, needed, tuple((k, v) for (k, _, v), free in pairs if free))


def is_right(heard: Heard, line: Line) -> bool:
    """Whether one of the right answers was given."""
    return any(_fits(heard, one) for one in line.wanted)


def _fits(heard: Heard, one: Wanted) -> bool:
    if one.word == "any":
        return True
    if one.word:
        return not heard.tool and _words_fit(heard.words, one.word)
    if one.tool != heard.tool:
        return False
    given = dict(heard.arguments)
    for name, value in one.needed:
        if name not in given or (value != "*" and given.pop(name) != _normal(name, value)):
            return False
        given.pop(name, None)
    free = dict(one.allowed)
    return all(k in free and v == _normal(k, free[k]) for k, v in given.items())


def _words_fit(words: str, mark: str) -> bool:
    """Whether words without a call are of the kind asked for."""
    from failsight import prompts

    off = words.startswith(prompts.say("off_topic")[:40])
    asks = "?" in words
    return {"off": off, "ask": asks and not off, "say": not off and len(words) > 40,
            "why": "[E" in words, "show": "#" in words or ".png" in words, "undo": not off}[mark]  # fmt: skip


def _normal(name: str, value: object) -> str:
    """A value as text: lists sorted and joined; edits without spaces and percent signs."""
    if isinstance(value, list | tuple | set):
        return ",".join(sorted(str(v) for v in value))
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    if name == "edits":
        return re.sub(r"[%°+\s]", "", text)
    if text in ("True", "False"):
        return text.lower()
    if re.fullmatch(r"#\d+", text):
        row = int(text[1:])
        return f"{CLASSES[row // EACH]}/{CLASSES[row // EACH]}_{row % EACH:04d}.png"
    return ",".join(sorted(re.split("[&,]" if name == "where" else ",", text)))


def heard(message: AIMessage) -> Heard:
    """A message of the planner as what it did."""
    if not message.tool_calls:
        return Heard(words=str(message.text))
    call = message.tool_calls[0]
    spec = registry()[call["name"]]
    fields = spec.arguments.model_fields
    checked = spec.check(call["args"])
    given = {k: v for k, v in checked.items() if fields[k].is_required() or v != fields[k].default}
    dropped = ("statement", "by", "prediction") if call["name"] == "state_hypothesis" else ()
    return Heard(
        call["name"], tuple(sorted((k, _normal(k, v)) for k, v in given.items() if k not in dropped))
    )


def rooms(folder: Path, world: World = FIRST) -> FakeCase:
    """A case of five rooms with attributes, boxes, four splits and three findings; its pictures are plain grey."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(CLASSES)), EACH)
    n = len(labels)
    columns: dict[str, list[Any]] = {k: [v[i % len(v)] for i in range(n)] for k, v in world.values.items()}
    seen = {name: rng.random(n) < 0.4 for name in world.objects}
    columns |= {name: ["yes" if s else "no" for s in seen[name]] for name in world.objects}
    boxes = [{name: [(0.2, 0.2, 0.6, 0.6)] for name in world.objects if seen[name][i]} for i in range(n)]
    tables = {}
    for split in ("data", "train", "deploy", "pool"):
        made = FakeTable(np.full((n, 8, 8, 3), 90, np.uint8), labels.tolist(), CLASSES, columns, boxes)
        made.paths = [f"{CLASSES[c]}/{CLASSES[c]}_{i % EACH:04d}.png" for i, c in enumerate(labels)]
        tables[split] = made

    def rule(x: np.ndarray) -> np.ndarray:
        return np.tile(np.linspace(0, 1, len(CLASSES)), (len(x), 1))

    case = FakeCase(folder, tables, FakeModel(rule, CLASSES, (8, 8)))
    case.record("evidence.recorded", call="0", evidence=_first_search(world).to_dict())
    return case


def _first_search(world: World) -> Evidence:
    """What was found before the conversation: F1 to F3."""

    def found(kind: Any, slice_: dict[str, str], name: str, into: str | None, verdict: Any) -> Finding:
        said = f"{name} with {slice_}"
        return Finding(kind, "features", "data_statistics", said, slice_, name, into, verdict=verdict)

    return Evidence("find_slices", "Slices", "Three groups fail more.", id="E1", findings=(
        found("spurious_correlation", {"television": "yes"}, "living_room", None, None),
        found("rare_case", {world.rare: "yes"}, "kitchen", "dining_room", "confirmed"),
        found("weak_slice", {"cat": "yes"}, "bathroom", "kitchen", "confirmed"),
    ))  # fmt: skip


@contextmanager
def quick_tools() -> Iterator[None]:
    """Every measuring tool answers at once with evidence that names its arguments; for dialogues."""
    known = registry()
    before = dict(known._specs)
    try:
        for name, spec in before.items():
            if name not in STAND:
                stub = replace(spec, function=_stub(name))
                stub.__dict__["arguments"] = spec.arguments
                known._specs[name] = stub
        yield
    finally:
        known._specs.clear()
        known._specs.update(before)


def _stub(name: str) -> Any:
    def run(view: Any, **arguments: Any) -> Evidence:
        shown = tuple(ImageRef("data", i, view.table().paths[i], "kitchen", "bedroom") for i in (60, 61))
        tables: tuple[Table, ...] = ()
        if name == "confusion_matrix":
            columns = ("true class", "predicted class", "images")
            tables = (Table("Top confusions", columns, (("kitchen", "dining_room", 9),)),)
            shown = shown if arguments.get("true_class") else ()
        return Evidence(name, name.replace("_", " "), f"{name} was measured.", tables=tables, images=shown,
                        next_steps=("Look at the images.",))  # fmt: skip

    return run


def ask(planner: GuidedPlanner, text: str) -> Heard:
    """What the planner does first with one request."""
    return heard(planner.plan([HumanMessage(text)]))


class Listener(GuidedPlanner):
    """The guided planner, with a record of what it said to each turn."""

    def __init__(self, case: Any) -> None:
        super().__init__(case)
        object.__setattr__(self, "_turns", [])

    def plan(self, messages: Sequence[Any]) -> AIMessage:
        made = super().plan(messages)
        if messages[-1].type == "human":
            self._turns.append([])
        self._turns[-1].append(made)
        return made

    def turn(self) -> Heard:
        """What was done in the last turn."""
        first, *rest = self._turns[-1]
        then = tuple(c["name"] for m in rest for c in m.tool_calls)
        return replace(heard(first), then=then)


def converse(case: FakeCase, said: Sequence[str], *, afresh: bool = False) -> list[Heard]:
    """A conversation with real tools swapped for quick ones; ``afresh``: a new session (a restart) before every turn."""
    made = []
    session: Any = None
    with quick_tools():
        for text in said:
            if session is None or afresh:
                planner = Listener(case)
                with mock.patch("failsight.agent.session.make_planner", return_value=planner):
                    session = Session(case, policy="auto")
            list(session.say(text))
            made.append(planner.turn())
            if afresh:
                session._checkpoints.conn.close()
    return made


def score(name: str, tmp_path: Path) -> tuple[float, list[str]]:
    """The share of single requests answered right at the first try, and those that were not."""
    case = rooms(tmp_path / "rooms", WORLDS.get(name, FIRST))
    planner = GuidedPlanner(case)
    wrong, lines = [], requests(name)
    for line in lines:
        got = ask(planner, line.text)
        if not is_right(got, line):
            wrong.append(
                f"{line.text}\n      → {got}\n      wanted {[w.word or w.tool for w in line.wanted]} {line.wanted[0].needed}"
            )
    case.close()
    return 1 - len(wrong) / len(lines), wrong


def score_dialogues(name: str, tmp_path: Path, *, afresh: bool = False) -> tuple[float, list[str]]:
    """The share of dialogues of which every turn was answered right, and those that were not."""
    wrong, talks = [], dialogues(name)
    for number, talk in enumerate(talks):
        case = rooms(tmp_path / f"talk{number}")
        got = converse(case, [line.text for line in talk], afresh=afresh)
        case.close()
        bad = [(line, h) for line, h in zip(talk, got, strict=True) if not is_right(h, line)]
        if bad:
            wrong.append(
                "\n   ".join([" / ".join(t.text for t in talk), *(f"{line.text} → {h}" for line, h in bad)])
            )
    return 1 - len(wrong) / len(talks), wrong


if __name__ == "__main__":  # python -m tests.agent.guided_talk guided_development
    import sys
    import tempfile

    for one in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as folder:
            measure = score_dialogues if "dialogues" in one else score
            share, missed = measure(one, Path(folder))
        print("\n".join(missed))
        print(f"{one}: {share:.1%}")
