"""Predict before you see: a guess is asked for, the value is measured, and the guess is scored against it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from failsight.agent.learn.classroom import Classroom
from failsight.agent.learn.dialogue import Dialogue, Option, Say, line, pick
from failsight.agent.learn.score import (
    brier,
    calibration,
    holds,
    range_score,
    range_words,
    read_range,
    read_sure,
)
from failsight.tools.text import clean, interval, number

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.tools.evidence import Evidence, Fact


@dataclass(frozen=True, slots=True)
class Guess:
    """A guess that waits for the value."""

    spec: Mapping[str, Any]
    typed: str
    hints: int = 0
    sure: float | None = None


def guess(room: Classroom, case: Case, spec: Mapping[str, Any]) -> Dialogue[Guess | None]:
    """Ask for the guess that ``spec`` describes; None where it was passed over (experts may, with Enter)."""
    free = not room.rules.guesses
    if spec["kind"] == "range":
        text = spec["ask"] + (
            " Give a range that you are 80 % sure of, such as 70-90."
            if room.rules.explains
            else " (80 % range)"
        )
        made = yield from line(
            text,
            lambda t: "" if free and not t else (t if read_range(t) else None),
            "Type a share such as 80, or a range such as 70-90.",
            default="" if free else None,
            hints=[
                str(
                    spec.get("hint")
                    or "There is no right answer to a guess. What would surprise you? Leave that out of the range."
                )
            ],
        )
        return Guess(spec, made) if made else None
    names = case.classes if spec["kind"] == "class" else ("yes", "no")
    text = spec["ask"]
    if room.rules.explains:
        text += f" Add how sure you are, in per cent: for example `{names[0]} 70`."
    options = [Option(name, name.replace("_", " ")) for name in names]
    if free:
        options.append(Option("pass", "pass"))
    picked = yield from pick(
        text,
        options,
        default="pass" if free else None,
        hints=[
            str(
                spec.get("hint")
                or "Go by what you have seen so far, and say how sure you are: being unsure is allowed."
            )
        ],
    )
    if picked.key == "pass":
        return None
    sure = read_sure(picked.more)
    if picked.more and sure is None:
        yield Say("How sure you are is a number from 0 to 100; your answer counts without it.", "warning")
    return Guess(spec, picked.key, picked.hints, sure)


def settle(room: Classroom, made: Evidence, given: Guess | None, lesson: str) -> Dialogue[None]:
    """Compare a guess with what was measured: score it, keep it, say what it tells."""
    if given is None:
        return
    told = judge_guess(given, made)
    if told is None:
        return
    held, sentence, record = told
    room.progress.guesses.append({"lesson": lesson, **record})
    room.progress.save()
    yield Say(sentence, "good" if held else "miss")
    about = calibration(room.progress.guesses)
    if about and len(room.progress.guesses) % 5 == 0:
        yield Say(about, "muted")


def judge_guess(given: Guess, made: Evidence) -> tuple[bool, str, dict[str, Any]] | None:
    """Whether a guess held, the sentence, and what is kept of it; None where the evidence has no such value."""
    spec = given.spec
    if spec["kind"] == "range":
        fact, said = value_of(made, spec), read_range(given.typed)
        if fact is None or said is None or not isinstance(fact.value, int | float):
            return None
        value = float(fact.value)
        _, sentence = range_words(said, value, f"{number(value)} {interval(fact.ci)}".strip())
        held = holds(said, value) if said.width else abs(said.low - value) <= 0.03
        score = round(range_score(said, value), 4)
        what = "range" if said.width else "point"
        return held, sentence, {"what": what, "held": held, "score": score}
    truth = answer_of(made, spec)
    if truth is None:
        return None
    held = truth == given.typed
    sentence = f"You said {_plain(given.typed)}; it is {_plain(truth)}."
    record: dict[str, Any] = {"what": "pick", "held": held}
    if given.sure is not None:
        record |= {"sure": given.sure, "score": round(brier(given.sure, held), 4)}
        if not held and given.sure >= 0.8:
            sentence += f" You were {100 * given.sure:.0f} % sure: worth asking what made you so."
    return held, sentence, record


def value_of(made: Evidence, spec: Mapping[str, Any]) -> Fact | None:
    """The fact that a guess is about."""
    named = [f for f in made.facts if f.name == spec["fact"] and f.of == spec.get("of", "")]
    return named[0] if named else None


def answer_of(made: Evidence, spec: Mapping[str, Any]) -> str | None:
    """The right answer to a picked guess, from the evidence."""
    if spec["kind"] == "yes":
        asked = {spec["finding"], *spec.get("also", ())}
        return "yes" if any(f.kind in asked and f.verdict == "confirmed" for f in made.findings) else "no"
    facts = [f for f in made.facts if f.name == spec["fact"] and f.of.startswith("class ")]
    if not facts:
        return None
    if spec.get("lowest"):
        facts.sort(key=lambda f: float(f.value or 0))
    return facts[0].of.removeprefix("class ").split(" taken for ")[0]


def _plain(name: str) -> str:
    return clean(name, 60).replace("_", " ")
