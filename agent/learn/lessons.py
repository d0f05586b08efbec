"""Lessons: data files of steps, worked through on a case; practice cases are lessons without steps.

A step may ``say`` something, ``look`` (measure, with guesses before), have something chosen (``choose``), or be one of
the exercises: ``suspect``, ``suspicion``, ``control``, ``test``, ``correct``. Texts may hold names of measured values in
braces (:class:`Values`); nothing in a lesson is a number that was written down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from failsight.agent.learn import exercises, guessing
from failsight.agent.learn.classroom import DEMO, Classroom, did, done, measure
from failsight.agent.learn.dialogue import Dialogue, Option, Say, Step, Work, pick
from failsight.agent.learn.exercises import pitfall, shown
from failsight.agent.learn.practice import practise
from failsight.agent.learn.process import Act
from failsight.tools.expectations.names import show_expected
from failsight.tools.text import clean, interval, number

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.agent.state import FindingRecord

PRACTICE = {
    "novice": "A model with one hidden fault, or none. You find out which, in your own order, with a coach at your side.",
    "intermediate": "One hidden bug, or none: find it, show it, choose a repair.",
    "expert": "One hidden bug, or none.",
}


@dataclass(frozen=True, slots=True)
class Lesson:
    """One lesson.

    Attributes:
        id: its name.
        title: as it is listed.
        minutes: about how long it takes.
        case: what it is about: ``demo``, or a practice case.
        about: what one learns, by level.
        steps: of a guided lesson; none for a practice case.
    """

    id: str
    title: str
    minutes: int
    case: str
    about: Mapping[str, str]
    steps: tuple[Mapping[str, Any], ...] = ()


@cache
def lessons() -> tuple[Lesson, ...]:
    """All lessons, in order: the guided ones, then the practice cases."""
    import yaml

    from failsight.knowledge_base.cases.practice import list_practice

    folder = resources.files("failsight.agent.learn").joinpath("data/lessons")
    texts = [
        f.read_text("utf-8")
        for f in sorted(folder.iterdir(), key=lambda f: f.name)
        if f.name.endswith(".yaml")
    ]
    made = []
    for text in texts:
        raw = yaml.safe_load(text)
        made.append(
            Lesson(raw["id"], raw["title"], raw["minutes"], raw["case"], raw["about"], tuple(raw["steps"]))
        )
    made += [Lesson(n, f"Practice case {n.capitalize()}", 10, n, PRACTICE) for n in list_practice()]
    return tuple(made)


def teach(room: Classroom, lesson: Lesson) -> Dialogue[None]:
    """Work through a lesson; what was done is kept after each step."""
    if not lesson.steps:
        yield from practise(room, lesson.id)
        return
    record = room.progress.lesson(lesson.id)
    record.level = room.level
    begin = yield from _begin(lesson, 0 if record.finished else record.steps)
    if not begin:
        yield Say(lesson.about[room.level])
    if lesson.case == DEMO:
        if not room.prepared(DEMO):
            yield Say("Its pictures are drawn first, this one time: a minute or two.", "muted")
        yield Work("Getting the demo case ready")
    with room.case(lesson.case) as case:
        record.finished = False
        steps = [s for s in lesson.steps if _for_level(s, room.level)]
        for number_, step in enumerate(steps):
            if number_ < begin:
                continue
            yield Step(number_ + 1, len(steps), _filled(case, step["title"]))
            yield from _step(room, case, lesson, step)
            record.steps = number_ + 1
            room.progress.save()
    record.finished, record.right = True, None
    room.progress.save()
    yield Say("Lesson finished.", "good")


def _begin(lesson: Lesson, steps: int) -> Dialogue[int]:
    """Where to begin: where it was left, if the person wants that."""
    if not 0 < steps < len(lesson.steps):
        return 0
    options = [Option("on", f"go on at step {steps + 1}"), Option("again", "begin again")]
    picked = yield from pick(f"You left this lesson after step {steps}.", options, default="on")
    return steps if picked.key == "on" else 0


def _for_level(step: Mapping[str, Any], level: str) -> bool:
    """Whether a step has anything to do at this level: one that only says something may say it to newcomers alone."""
    return set(step) - {"title", "say"} != set() or level in step.get("say", {})


def _step(room: Classroom, case: Case, lesson: Lesson, step: Mapping[str, Any]) -> Dialogue[None]:
    # in the order written: a choice before a look asks what one expects, one after it what one makes of it
    for kind, about in step.items():
        if kind == "say":
            words = about if isinstance(about, str) else about.get(room.level, "")
            if words:
                yield Say(_filled(case, words).strip())
        elif kind == "look":
            yield from _look(room, case, lesson.id, about)
        elif kind == "choose":
            yield from _choose(room, case, lesson.id, about)
        elif kind == "suspect":
            yield from exercises.suspect(room, case, lesson.id, about)
        elif kind == "suspicion":
            yield from _suspicion(room, case)
        elif kind == "test" and isinstance(about, Mapping):
            yield from _guessed_test(room, case, lesson.id, about)
        elif kind in ("control", "test", "correct"):
            yield from _exercise(room, case, lesson.id, kind)


def _guesses(
    room: Classroom, case: Case, about: Mapping[str, Any], tool: str
) -> Dialogue[list[guessing.Guess]]:
    """What is asked before ``tool`` measures it."""
    given = []
    for spec in about.get("guesses", ()):
        texts = {k: _filled(case, v) for k, v in spec.items() if k in ("ask", "hint")}
        made = yield from guessing.guess(room, case, {**spec, **texts})
        if made is not None:
            given.append(made)
            did(case, Act("guess", tool))
    return given


def _guessed_test(room: Classroom, case: Case, lesson: str, about: Mapping[str, Any]) -> Dialogue[None]:
    """The test of what was stated, its figures guessed before: shown earlier, they would be the verdict."""
    record = last_stated(case)
    planned = exercises.planned_call(case, record) if record is not None else None
    given: list[guessing.Guess] = []
    if planned is not None:
        given = yield from _guesses(room, case, about, planned[0])
    yield from _exercise(room, case, lesson, "test")
    made = case.state().latest(planned[0]) if planned else None
    if made is None:
        return
    for one in given:
        yield from guessing.settle(room, made, one, lesson)


def _look(room: Classroom, case: Case, lesson: str, about: Mapping[str, Any]) -> Dialogue[None]:
    given = yield from _guesses(room, case, about, about["tool"])
    arguments = {
        k: _filled(case, v) if isinstance(v, str) else v for k, v in about.get("arguments", {}).items()
    }
    yield Work(f"{about['tool']} …")
    evidence = measure(case, about["tool"], arguments)
    did(case, Act("look", about["tool"]))
    item = shown(room, case, evidence)
    yield item if not about.get("whole") else type(item)(item.evidence, item.album)
    for one in given:
        yield from guessing.settle(room, evidence, one, lesson)


def _choose(room: Classroom, case: Case, lesson: str, about: Mapping[str, Any]) -> Dialogue[None]:
    """Put a question until the right answer is picked; each other one says what is wrong with it."""
    left = {f"option{i}": o for i, o in enumerate(about["options"])}
    while True:
        options = [Option(key, _filled(case, o["text"])) for key, o in left.items()]
        picked = yield from pick(_filled(case, about["ask"]), options, hints=about.get("hints", ()))
        chosen = left[picked.key]
        yield Say(_filled(case, chosen["reply"]), "good" if chosen.get("right") else "miss")
        if "pitfall" in chosen:
            yield pitfall(room, chosen["pitfall"], lesson)
        if chosen.get("right"):
            return
        del left[picked.key]
        if len(left) == 1:
            rest = next(iter(left.values()))
            yield Say(f"Left is: {_filled(case, rest['text'])}. {_filled(case, rest['reply'])}")
            return


def _suspicion(room: Classroom, case: Case) -> Dialogue[None]:
    """Have one of the suspicions stated that the search raised and that an experiment can decide."""
    raised = suspicions(case)
    if not raised:
        yield Say(
            "The search raised no suspicion about a single thing in this case; state a hypothesis of your own.",
            "muted",
        )
        yield from exercises.suspect(room, case, "shortcut")
        return
    options = [Option(r.id, _claim(r)) for r in raised[:3]]
    picked = yield from pick(
        "What do you suspect? Each of these can be tested by covering the thing.",
        options,
        hints=["Any of them will do: the test decides. Which one would cost the users most?"],
    )
    record = next(r for r in raised if r.id == picked.key)
    thing = next(iter(record.finding.slice or {}))
    arguments = {"kind": record.finding.kind, "class_name": record.finding.class_name, "cue": f"box:{thing}"}
    made = measure(case, "state_hypothesis", arguments)
    did(case, Act("suspect", "state_hypothesis", record.finding.kind))
    yield Say(
        made.summary.replace(f"({record.finding.verdict})", "") if record.finding.verdict else made.summary
    )


def _claim(record: FindingRecord) -> str:
    things = ", ".join(clean(n, 40).replace("_", " ") for n in record.finding.slice or {})
    return f"the sight of the {things} makes it say {clean(record.finding.class_name, 40).replace('_', ' ')}"


def suspicions(case: Case) -> list[FindingRecord]:
    """Suspected cues that can be covered in the pictures, the first raised first."""
    from failsight.agent.planners.steps import maskable

    return [r for r in case.state().records.values() if maskable(case, r) is not None]


def _exercise(room: Classroom, case: Case, lesson: str, kind: str) -> Dialogue[None]:
    record = last_stated(case)
    if record is None:
        yield Say("Nothing was stated, so there is nothing to test here.", "muted")
    elif kind == "control":
        yield from exercises.control(room, case, record, lesson)
    elif kind == "test":
        yield from exercises.test(room, case, record, lesson)
    else:
        from failsight.agent.learn.practice import fitting

        kind = record.finding.kind
        about = record if record.finding.verdict == "confirmed" else exercises.confirmed_as(case, kind)
        yield from exercises.correct(room, case, fitting([kind]), lesson, about)


def last_stated(case: Case) -> FindingRecord | None:
    """The hypothesis that was stated last in this case."""
    made = [e for e in case.evidence("state_hypothesis") if e.findings]
    last = [a for a in done(case) if a.what == "suspect"]
    wanted = [e for e in made if not last or e.findings[0].kind == last[-1].kind]
    return case.state().records.get(wanted[-1].findings[0].key) if wanted else None


# --- values in texts --------------------------------------------------------------------------------------------------------


def _filled(case: Case, text: str) -> str:
    return text.format_map(Values(case)) if "{" in text else text


class Values(Mapping[str, str]):
    """What texts of lessons may name in braces, read from the evidence of the case at that moment."""

    NAMES = (
        "images", "deploy", "classes", "accuracy", "worst", "worst_recall", "confused", "taken_for", "confused_raw",
        "taken_for_raw", "suspicion", "suspect_class_raw", "verdict", "expected", "probe_verdict", "probe_detectable",
    )  # fmt: skip

    def __init__(self, case: Case) -> None:
        self._case = case

    def __iter__(self) -> Any:
        return iter(self.NAMES)

    def __len__(self) -> int:
        return len(self.NAMES)

    def __getitem__(self, name: str) -> str:
        if name not in self.NAMES:
            raise KeyError(name)
        found: str = getattr(self, f"_{name}")()
        return found

    def _fact(self, tool: str, name: str, of: str = "") -> str:
        made = self._case.state().latest(tool)
        fact = next((f for f in made.facts if f.name == name and f.of == of), None) if made else None
        if fact is None:
            return "(not measured)"
        if isinstance(fact.value, str):
            return fact.value
        return f"{number(fact.value, fact.unit)} {interval(fact.ci, fact.unit)}".strip()

    def _images(self) -> str:
        return f"{len(self._case.table()):,}"

    def _deploy(self) -> str:
        return f"{len(self._case.table('deploy')):,}"

    def _classes(self) -> str:
        return str(len(self._case.classes))

    def _accuracy(self) -> str:
        if (
            self._case.state().latest("evaluate") is None
        ):  # of the test pictures alone: the others are for later lessons
            measure(self._case, "evaluate", {"split": "data"})
        return self._fact("evaluate", "accuracy")

    def _recalls(self) -> list[tuple[float, str, str]]:
        made = self._case.state().latest("evaluate")
        facts = [f for f in made.facts if f.name == "recall" and f.of.startswith("class ")] if made else []
        return sorted((float(f.value or 0), f.of.removeprefix("class "), number(f.value)) for f in facts)

    def _worst(self) -> str:
        return _plain(self._recalls()[0][1]) if self._recalls() else "the weakest class"

    def _worst_recall(self) -> str:
        return self._recalls()[0][2] if self._recalls() else "(not measured)"

    def _pair(self) -> tuple[str, str]:
        for made in reversed(self._case.evidence("confusion_matrix")):
            facts = [f for f in made.facts if f.name == "confusion_rate" and " taken for " in f.of]
            if facts and not (made.arguments or {}).get("true_class"):
                true, _, predicted = facts[0].of.removeprefix("class ").partition(" taken for ")
                return true, predicted
        return self._case.classes[0], self._case.classes[1]

    def _confused_raw(self) -> str:
        return self._pair()[0]

    def _taken_for_raw(self) -> str:
        return self._pair()[1]

    def _confused(self) -> str:
        return _plain(self._pair()[0])

    def _taken_for(self) -> str:
        return _plain(self._pair()[1])

    def _suspicion(self) -> str:
        raised = suspicions(self._case)
        return (
            clean(raised[0].finding.statement, 300)
            if raised
            else "Some group of pictures fails more than the rest."
        )

    def _suspect_class_raw(self) -> str:
        raised = suspicions(self._case)
        return str(raised[0].finding.class_name) if raised else self._case.classes[0]

    def _verdict(self) -> str:
        tests: Sequence[Act] = [a for a in done(self._case) if a.what == "test"]
        return tests[-1].verdict if tests else "open"

    def _expected(self) -> str:
        return ", ".join(
            show_expected(e.name, e.at_least, e.bound).replace("_", " ") for e in self._case.expectations
        )

    def _probe_verdict(self) -> str:
        return self._fact("preprocessing_probe", "verdict")

    def _probe_detectable(self) -> str:
        made = self._case.state().latest("preprocessing_probe")
        found = [f for f in made.facts if f.name == "smallest_detectable_effect"] if made else []
        return number(found[0].value, "points").lstrip("+") if found else "unknown"


def _plain(name: str) -> str:
    return clean(name, 60).replace("_", " ")
