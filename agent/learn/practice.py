"""A practice case: a model with one hidden bug or none, and a person who finds out. Free order, feedback on the way taken."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from failsight.agent.learn import exercises, guessing, process
from failsight.agent.learn.classroom import Classroom, did, done, measure
from failsight.agent.learn.dialogue import Ask, Dialogue, Option, Say, Work, match, pick
from failsight.agent.learn.exercises import kinds, measures, pitfall, shown
from failsight.agent.learn.process import Act
from failsight.agent.places import shown_place
from failsight.tools.errors import RetryError
from failsight.tools.text import clean, number

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.agent.state import FindingRecord
    from failsight.knowledge_base.cases.practice import PracticeAnswer

MENU = ("look", "suspect", "test", "correct", "conclude")


@cache
def _words() -> dict[str, Any]:
    found: dict[str, Any] = exercises._data("words.yaml")
    return found


def said(key: str, level: str = "", **fields: Any) -> str:
    """A text of ``data/words.yaml`` in the words of a level, its fields filled."""
    text = _words()[key]
    if isinstance(text, Mapping):
        text = text[level]
    return str(text).format_map(fields).strip()


def practise(room: Classroom, name: str) -> Dialogue[bool | None]:
    """Work on the practice case ``name``; whether the conclusion was right."""
    record = room.progress.lesson(name)
    again = record.finished
    if not room.prepared(name):
        yield Say("The pictures of this case are drawn first, this one time: a minute or two.", "muted")
    yield Work("Getting the pictures ready")
    with room.case(name, again=again) as case:
        if again:
            record.finished, record.right = False, None
        record.level = room.level
        room.progress.save()
        yield Say(_brief(room, case, name))
        if steps(case):
            yield Say(f"Taken up again: you did {steps(case)} things so far.", "muted")
        right: bool | None = None
        while True:
            if room.rules.explains:
                yield Say(coach(case), "muted")
            choice = yield from _menu(room, case)
            if choice == "conclude":
                right = yield from _conclude(room, case, name)
                if right is not None:
                    break
                continue
            yield from _do(room, case, choice, name)
            record.steps = steps(case)
            room.progress.save()
        record.finished, record.right = True, right
        room.progress.save()
        return right


def _brief(room: Classroom, case: Case, name: str) -> str:
    names = {"deploy.accuracy": "accuracy in deployment", "worst_recall": "recall of the worst class"}
    wanted = ", ".join(f"{names.get(e.name, e.name)} at least {number(e.bound)}" for e in case.expectations)
    return said(
        "brief", room.level, name=f"Practice case {name.capitalize()}", task=case.task, images=f"{len(case.table()):,}",
        train=f"{len(case.table('train')):,}", deploy=f"{len(case.table('deploy')):,}", expected=wanted,
    )  # fmt: skip


def steps(case: Case) -> int:
    """How many things the person did."""
    return sum(a.what != "found" for a in done(case))


def coach(case: Case) -> str:
    """What usually comes next, from what was done so far."""
    acts = [a for a in done(case) if a.what != "found"]
    looks = sum(a.what == "look" for a in acts)
    stated = waiting(case)
    tests = [a for a in acts if a.what == "test"]
    if stated is not None:
        return said("coach_test", finding=stated.id)
    if tests and tests[-1].verdict == "confirmed":
        after = acts[acts.index(tests[-1]) :]
        key = "coach_conclude" if any(a.what == "correct" for a in after) else "coach_correct"
        return said(key, finding=_name(tests[-1].kind))
    if tests and acts[-1].what in ("test", "verdict"):
        return said("coach_other", finding=_name(tests[-1].kind))
    if looks < 2:
        return said("coach_more" if looks else "coach_look")
    return said("coach_suspect", looks=looks)


def _name(kind: str) -> str:
    return kind.replace("_", " ").capitalize()


def waiting(case: Case) -> FindingRecord | None:
    """The hypothesis that the person stated last and has not tested."""
    acts = done(case)
    stated = [i for i, a in enumerate(acts) if a.what == "suspect"]
    if not stated or any(a.what == "test" for a in acts[stated[-1] :]):
        return None
    made = [e for e in case.evidence("state_hypothesis") if e.findings]
    return case.state().records.get(made[-1].findings[0].key) if made else None


def _menu(room: Classroom, case: Case) -> Dialogue[str]:
    stated = waiting(case)
    names = [n for n in MENU if n != "test" or stated is not None]
    options = [
        Option(
            n,
            said(
                n, room.level, finding=f"{stated.id} ({_name(stated.finding.kind).lower()})" if stated else ""
            ),
        )
        for n in names
    ]
    picked = yield from pick(said("menu", room.level), options, hints=[hint(case), said("hint_first")])
    return picked.key


def hint(case: Case) -> str:
    """A nudge that does not tell the answer: what was not looked at yet."""
    looked = {a.tool for a in done(case)}
    left = [m for m in measures().values() if m["tool"] in process.CHECKS and m["tool"] not in looked]
    if not left:
        return "Every cheap check was made. Go through what each of them said, and ask which of them was not as it should be."
    return f"Not looked at yet: {', '.join(str(m['words']).lower() for m in left[:3])}."


def _do(room: Classroom, case: Case, choice: str, lesson: str) -> Dialogue[None]:
    if choice == "look":
        yield from _look(room, case, lesson)
    elif choice == "suspect":
        record = yield from exercises.suspect(room, case, lesson)
        if record is not None and room.rules.controls:
            yield from exercises.control(room, case, record, lesson)
    elif choice == "test":
        record = waiting(case)
        if record is not None:
            yield from exercises.test(room, case, record, lesson)
    elif choice == "correct":
        about, fits = aims(case)
        yield from exercises.correct(room, case, fits, lesson, about)


def aims(case: Case) -> tuple[FindingRecord | None, list[str]]:
    """What a repair is for now, and the repairs that aim at it: the hypothesis that a test confirmed last; without one, all
    that the checks which were looked at confirmed."""
    acts = done(case)
    tested = [a.kind for a in acts if a.what == "test" and a.verdict == "confirmed"]
    if tested:
        return exercises.confirmed_as(case, tested[-1]), fitting(tested)
    found = [a.kind for a in acts if a.what == "found" and a.verdict == "confirmed"]
    about = exercises.confirmed_as(case, found[-1]) if len(set(found)) == 1 else None
    return about, list(dict.fromkeys(s for kind in found for s in fitting([kind])))


def fitting(confirmed: list[str]) -> list[str]:
    """Repairs that aim at what was confirmed last."""
    from failsight.tools.strategies import STRATEGIES

    if not confirmed:
        return []
    return [s.name for s in STRATEGIES if any(k == confirmed[-1] and fit >= 2 for k, fit in s.fits.items())]


# --- looking ---------------------------------------------------------------------------------------------------------------

_TYPED = re.compile(r"^(?P<tool>[a-z_]+)\b(?P<rest>(?:\s+\w+=\S+)*)\s*$")


def _look(room: Classroom, case: Case, lesson: str) -> Dialogue[None]:
    options = [
        Option(m["key"], str(m["novice" if room.rules.explains else "words"])) for m in measures().values()
    ]
    while True:
        typed = (yield Ask(said("which_look", room.level), tuple(options), None, hints=True)).strip()
        if typed.lower() in ("?", "hint"):
            yield Say(hint(case), "hint")
        elif typed.lower() in ("", "back"):
            return
        elif (found := match(typed, options)) is not None:
            yield from _measured(room, case, measures()[found[0].key], lesson)
            return
        elif (call := typed_call(case, typed)) is not None:
            yield from _measured(room, case, {"tool": call[0], "arguments": call[1]}, lesson)
            return
        else:
            yield Say("There is no such measurement. Pick a number, or press Enter to go back.", "warning")


def typed_call(case: Case, text: str) -> tuple[str, dict[str, Any]] | None:
    """``shift class_name=kitchen``, or a question in words, as a call; None where it is none."""
    from failsight.agent.arguments import read
    from failsight.tools.errors import UserError
    from failsight.tools.registry import registry

    found = _TYPED.match(text)
    if found is None and (routed := _routed(case, text)) is not None:
        return routed
    if found is None or found["tool"] not in registry() or registry()[found["tool"]].writes:
        return None
    try:
        return found["tool"], read(found["tool"], found["rest"].split())
    except (RetryError, UserError):
        return None


def _routed(case: Case, question: str) -> tuple[str, dict[str, Any]] | None:
    """The measurement that answers a question of the question bank."""
    from failsight.agent.planners.words import vocabulary
    from failsight.knowledge_base import route
    from failsight.tools.registry import registry

    if len(question.split()) < 2:
        return None
    found = route(question[:400], vocabulary(case), base=case.knowledge)
    if found.call is None or found.off_topic or found.asks_back or registry()[found.call["tool"]].writes:
        return None
    return str(found.call["tool"]), dict(found.call["arguments"])


def _measured(room: Classroom, case: Case, about: Mapping[str, Any], lesson: str) -> Dialogue[None]:
    given = None
    if "guess" in about and not any(a.tool == about["tool"] for a in done(case)):
        given = yield from guessing.guess(room, case, about["guess"])
        if given is not None:
            did(case, Act("guess", about["tool"]))
    yield Work(f"{about['tool']} …")
    try:
        made = measure(case, about["tool"], _filled(case, about.get("arguments", {})))
    except RetryError as error:
        yield Say(str(error), "warning")
        return
    did(case, Act("look", about["tool"]))
    yield shown(room, case, made)
    yield from guessing.settle(room, made, given, lesson)


def _filled(case: Case, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments with ``{worst}`` as the class that is recognised least."""
    if "{worst}" not in arguments.values():
        return dict(arguments)
    made = measure(case, "evaluate")
    recalls = [f for f in made.facts if f.name == "recall" and f.of.startswith("class ")]
    worst = (
        min(recalls, key=lambda f: float(f.value or 0)).of.removeprefix("class ")
        if recalls
        else case.classes[0]
    )
    return {k: worst if v == "{worst}" else v for k, v in arguments.items()}


# --- concluding ---------------------------------------------------------------------------------------------------------------


def _conclude(room: Classroom, case: Case, lesson: str) -> Dialogue[bool | None]:
    """Ask for the conclusion, warn where it rests on too little, and only then show the answer; None to go on looking."""
    words = "novice" if room.rules.explains else "words"
    options = [Option(k, str(v[words])) for k, v in kinds().items() if k != "spurious_correlation"]
    options.append(Option("nothing", said("nothing")))
    picked = yield from pick("What is wrong with the model?", options, hints=[hint(case)])
    kind = "" if picked.key == "nothing" else picked.key
    warned = process.at_conclusion(done(case), kind, "deploy" in case.splits())
    for name in warned:
        yield pitfall(room, name, lesson)
    if warned:
        stay = yield from pick(
            "Conclude all the same?",
            [Option("no", "no, look further first"), Option("yes", "yes, show me the answer")],
            default="no",
        )
        if stay.key == "no":
            return None
    did(case, Act("conclude", kind=kind))
    from failsight.knowledge_base.cases.practice import practice_key

    answer = practice_key()[lesson]
    right, sentence = judge(answer, kind)
    yield Say(sentence, "good" if right else "miss")
    yield Say(answer.tell)
    yield Say("How you went about it:", "title")
    for good, remark in process.review(done(case)):
        yield Say(remark, "good" if good else "miss")
    record = room.progress.lesson(lesson)
    names = [process.pitfalls()[p].title for p in record.pitfalls]
    yield Say(f"Pitfalls on the way: {'; '.join(names) if names else 'none'}.", "muted")
    yield Say(
        f"The case stays in {clean(shown_place(case.folder), 300)}: `failsight chat` with that folder goes on with it.",
        "muted",
    )
    return right


def judge(answer: PracticeAnswer, kind: str) -> tuple[bool, str]:
    """Whether ``kind`` is what is wrong, and the sentence that says so with the story."""
    family = answer.family
    if not family.kind:
        return not kind, said("concluded_wrong" if kind else "concluded_clean", story=family.story)
    if kind == family.kind:
        return True, said("concluded_right", story=family.story)
    if kind in family.also:
        return False, said("concluded_also", story=family.story)
    return False, said("concluded_wrong" if kind else "concluded_missed", story=family.story)
