"""``failsight learn`` and ``failsight start``."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from failsight.tools.errors import UserError
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.agent.learn.lessons import Lesson
    from failsight.agent.learn.progress import Progress

LEVELS = ("novice", "intermediate", "expert")


def learn_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``failsight learn``."""
    parser.add_argument(
        "lesson", nargs="?", help="a lesson or practice case; without one: the list, to choose from"
    )
    parser.add_argument("--list", action="store_true", help="list lessons and what you did, and stop")
    parser.add_argument(
        "--level", choices=LEVELS, help="how much is explained and asked (kept for the next time)"
    )
    parser.add_argument(
        "--plain", action="store_true", help="line by line: for pipes, screen readers, plain terminals"
    )
    parser.add_argument("--json", action="store_true", help="with --list: print JSON")


def start_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``failsight start``."""
    from failsight.agent.commands.options import belonging, common, threshold

    threshold(parser)
    belonging(parser)
    common(parser)


def run_learn(args: argparse.Namespace) -> int:
    """``failsight learn``."""
    from failsight.agent.learn.progress import load_progress

    progress = load_progress()
    if args.level:
        progress.level = args.level
        progress.save()
    if args.list or args.json:
        _print_list(progress, args.json)
        return 0
    lesson = lesson_named(args.lesson) if args.lesson else None
    if _by_lines(args):
        return _learn_by_lines(progress, lesson)
    from failsight.agent.ui.tui.screens.learn import run_learn_app

    return run_learn_app(progress, lesson)


def run_start(args: argparse.Namespace) -> int:
    """``failsight start``, and ``failsight chat`` with nothing given: the wizard, then the conversation."""
    from failsight.agent.learn.wizard import Chosen, wizard

    level = args.level or ""
    if _by_lines(args):
        from failsight.agent.learn.lines import LineDialogue

        lines = LineDialogue()
        chosen: Chosen | None = lines.run(wizard(level, lines))
    else:
        from failsight.agent.ui.tui.screens.wizard import run_wizard_app

        chosen = run_wizard_app(level)
    if chosen is None:
        return 0
    if chosen.learn:
        learn = argparse.Namespace(lesson=None, list=False, json=False, level=chosen.level, plain=args.plain)
        return run_learn(learn)
    return _converse(args, chosen)


def _converse(args: argparse.Namespace, chosen: Any) -> int:
    from failsight.agent.commands import basic as commands
    from failsight.agent.thresholds import thresholds_given

    args.level = chosen.level
    if chosen.demo:
        args.bug, args.auto = None, False
        return commands.run_demo(args)
    args.expect, args.lenient = list(chosen.expect), True
    given = {k: getattr(args, k, None) for k in commands.SHARED} | chosen.given()
    if texts := getattr(args, "threshold", None):
        given["thresholds"] = thresholds_given(texts)
    return commands.converse(args, lambda progress: commands.session_of(args, given, progress))


def _by_lines(args: argparse.Namespace) -> bool:
    from failsight.agent.ui.terminal import has_screen

    return bool(args.plain) or not has_screen()


def lesson_named(name: str) -> Lesson:
    """The lesson of that name or number. Raises UserError with the names that there are."""
    from failsight.agent.learn.lessons import lessons

    known = lessons()
    wanted = name.casefold().replace("-", "_").replace(" ", "_")
    found = [x for x in known if wanted in (x.id, x.title.casefold().replace(" ", "_"))]
    if name.isdecimal() and len(name) < 10 and 1 <= int(name) <= len(known):
        found = [known[int(name) - 1]]
    if not found:
        raise UserError(
            f"There is no lesson {clean(name, 40)!r}.", f"Choose one of {', '.join(x.id for x in known)}."
        )
    return found[0]


def _print_list(progress: Progress, as_json: bool) -> None:
    from failsight.agent.learn.lessons import lessons
    from failsight.agent.learn.score import calibration
    from failsight.agent.learn.screenwords import listed

    if as_json:
        rows = [
            {
                "id": x.id,
                "title": x.title,
                "minutes": x.minutes,
                "finished": (d := progress.lessons.get(x.id)) is not None and d.finished,
                "right": d.right if d else None,
                "steps": d.steps if d else 0,
            }
            for x in lessons()
        ]
        print(json.dumps(rows))
        return
    for line in listed(progress):
        print(line)
    about = calibration(progress.guesses)
    if about:
        print(f"\n{about}")
    print("\nfailsight learn NAME or NUMBER begins one.")


def _learn_by_lines(progress: Progress, lesson: Lesson | None) -> int:
    from failsight.agent.learn.lines import LineDialogue
    from failsight.agent.learn.school import school

    lines = LineDialogue()
    lines.run(school(progress, lines, lesson))
    return 0
