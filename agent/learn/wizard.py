"""The first time: asks for model, pictures, classes, expectations and level, shows what it understood, mends or asks.

One dialogue for every display. Nothing is written beside a person's files without a yes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from failsight.agent.learn.ask_model import ask_facts, ask_model, map_classes, open_it
from failsight.agent.learn.ask_pictures import ask_data, ask_others
from failsight.agent.learn.chosen import SKIP, Chosen, Part, new_here
from failsight.agent.learn.dialogue import Ask, Back, Dialogue, Option, Say, Step, line, pick, yes_no
from failsight.agent.learn.school import LEVELS
from failsight.tools.text import clean, number

if TYPE_CHECKING:
    from failsight.tools.view import Progress

__all__ = ["Chosen", "summary", "wizard"]


def wizard(level: str, reporter: Progress) -> Dialogue[Chosen | None]:
    """Ask until a case can be opened; None where the person wants no case.

    Args:
        level: given on the command line, or empty: then it is asked for.
        reporter: where long work shows.
    """
    chosen = Chosen(level=level)
    yield from _door(chosen)
    if chosen.learn or chosen.demo:
        if not level:
            yield from _level(chosen, reporter)
        return chosen
    parts: list[tuple[str, Part]] = [
        ("How much to explain", _level),
        ("The model", ask_model),
        ("Pictures to test it on", ask_data),
        ("What the model does not say", ask_facts),
        ("Opening the model", open_it),
        ("Which class is which", map_classes),
        ("Training pictures and pictures from real use", ask_others),
        ("What it is for, and how good it has to be", _wishes),
        ("What was understood", _confirm),
    ]
    if level:
        parts = parts[1:]
    yield from _through(parts, chosen, reporter)
    return chosen


def _through(parts: Sequence[tuple[str, Part]], chosen: Chosen, reporter: Progress) -> Dialogue[None]:
    """One part after the other; ``back`` goes to the one before that asked something."""
    at, asked = 0, []
    while at < len(parts):
        title, part = parts[at]
        noticed: list[bool] = []
        try:
            yield from _noticing(part(chosen, reporter), noticed, Step(at + 1, len(parts), title))
            if noticed:
                asked.append(at)
            at += 1
        except Back:
            at = asked.pop() if asked else 0


def _noticing(dialogue: Dialogue[None], noticed: list[bool], step: Step) -> Dialogue[None]:
    """``dialogue`` under its heading, noting whether it asked anything; no heading where it has nothing to say."""
    try:
        item = next(dialogue)
        yield step
        while True:
            if isinstance(item, Ask):
                noticed.append(True)
                answer = yield item
                item = dialogue.send(answer)
            else:
                yield item
                item = next(dialogue)
    except StopIteration:
        return


def _door(chosen: Chosen) -> Dialogue[None]:
    yield Say(
        "Failsight finds out why an image classifier fails, tests it, and shows how it knows. `back` goes one question back, `quit` leaves."
    )
    picked = yield from pick(
        "What would you like to do?",
        (
            Option("mine", "look into a model of my own (or its predictions in a table)"),
            Option("demo", "see it at work on the built-in case first"),
            Option("learn", "learn how to find out why a model fails: lessons and practice cases"),
        ),
        default="mine",
        hints=[
            "Your own model needs two things: the model (a folder or a file) and labelled pictures. Nothing leaves this machine."
        ],
    )
    chosen.demo, chosen.learn = picked.key == "demo", picked.key == "learn"


def _level(chosen: Chosen, reporter: Progress) -> Dialogue[None]:
    picked = yield from pick(
        "How much shall be explained?", LEVELS, default=chosen.level or "novice", back=True,
        hints=["A novice gets every word explained and lessons offered; an expert gets figures. It can be changed later (--level)."],
    )  # fmt: skip
    chosen.level = picked.key


def _wishes(chosen: Chosen, reporter: Progress) -> Dialogue[None]:
    chosen.task = yield from line(
        "What is the model for, and for whom? One sentence. (Enter: skip)",
        lambda t: t.strip(),
        "",
        default="",
        back=True,
    )
    if chosen.task.lower() in SKIP:
        chosen.task = ""
    chosen.expect, chosen.wishes = [], []
    text = "How good does it have to be? For example: accuracy at least 90 %. (Enter: say it later)"
    if new_here(chosen):
        text += " Said now, it can't be fitted to the results; without it nobody can say later whether the model is ready."
    while True:
        typed = yield from line(
            text, lambda t: t.strip() if not t.strip() or _criteria(t, chosen.classes) else None,
            f"I can't read that. Write for example: accuracy at least 90 %, or: recall of {clean(chosen.classes[0], 40) if chosen.classes else 'kitchen'} at least 80 %.",
            default="", hints=["What does an error cost, and whom? Start with the class that must not be missed: recall of … at least … %."], back=True,
        )  # fmt: skip
        if typed.lower() in SKIP:
            return
        for made in _criteria(typed, chosen.classes):
            chosen.expect.append(f"{made.name}{'>=' if made.at_least else '<='}{made.bound:g}")
            chosen.wishes.append(str(made))
            yield Say(f"Noted: {made}. {made.heard}".strip(), "good")
        text = "Anything else that must hold? (Enter: no)"


def _criteria(text: str, classes: Sequence[str]) -> list[Any]:
    from failsight.agent.planners.wishes import parse_bounds

    bare = text.strip()
    if bare.rstrip("% ").replace(".", "", 1).isdigit():
        bare = f"accuracy at least {bare}"
    return [*parse_bounds(bare, classes)] if bare.lower() not in SKIP else []


def _confirm(chosen: Chosen, reporter: Progress) -> Dialogue[None]:
    yield Say("\n".join(summary(chosen)), "plain")
    yes = yield from yes_no("Is that right? (no goes back)", default=True, back=True)
    if not yes:
        raise Back


def summary(chosen: Chosen) -> list[str]:
    """What was understood, a line each."""
    lines = [f"model        {clean(chosen.model or chosen.predictions, 200)}"]
    for name, words in (
        ("data", "test"),
        ("train", "training"),
        ("deploy", "real use"),
        ("history", "record"),
    ):
        if getattr(chosen, name):
            lines.append(f"{words:<12} {clean(getattr(chosen, name), 200)}")
    if chosen.labels:
        lost = sum(n for label, n in chosen.labels.items() if chosen.class_map.get(label, label) == "")
        told = f"pictures     {number(sum(chosen.labels.values()) - lost, 'count')} to test on"
        lines.append(told + (f" ({number(lost, 'count')} left out, with their classes)" if lost else ""))
    if chosen.class_map:
        told = ", ".join(
            f"{clean(a, 30)} is {clean(b, 30) or 'left out'}" for a, b in chosen.class_map.items()
        )
        lines.append(f"classes      {told}")
    if chosen.task:
        lines.append(f"task         {clean(chosen.task, 200)}")
    lines.append(f"expected     {', '.join(chosen.wishes) or 'nothing yet'}")
    lines.append(f"explained    {chosen.level}")
    return lines
