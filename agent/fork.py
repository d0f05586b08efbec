"""``failsight fork`` and ``failsight replay``: another branch of a session, and what another planner would have done.

A fork is a case folder whose journal begins with the very events of the old one: the chain holds across the fork. A
replay forks right after the case was opened, puts the same questions of the person to another planner, and compares.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failsight.agent.config import load_config, save_config
from failsight.agent.journal import Event, Journal
from failsight.agent.state import CaseState, fold
from failsight.tools.errors import RetryError, UserError
from failsight.tools.evidence import canonical
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from failsight.agent.session import Session

CARRIED = (
    "figures",
    "cache",
    "repair",
)  # of a case folder, beside its journal; copied, never linked: some files grow


def fork(
    source: Path,
    target: Path,
    *,
    at: int | None = None,
    planner: str = "",
    carry: Sequence[str] = CARRIED,
) -> Path:
    """A new case folder that shares the events up to number ``at`` (default: all) with ``source``, then goes its own way.

    Args:
        planner: who plans in the new one; empty for the same.
        carry: folders of the case that are copied.

    Raises:
        UserError: ``source`` is no case, there is no such event, or ``target`` is taken or can't be written.
    """
    if not (source / "journal.jsonl").is_file():
        raise UserError(f"{source} is not a Failsight case.", "Give the folder that `failsight run` made.")
    events = Journal(source, write=False).events
    last = len(events) if at is None else at
    if not 1 <= last <= len(events):
        raise UserError(
            f"The case has no event {last}.",
            f"Give a number from 1 to {len(events)}; `failsight fork {source} --list` shows them.",
        )
    if target.exists() and any(target.iterdir()):
        raise UserError(f"The folder {target} is not empty.", "Give another one with --out.")
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name in carry:
            if (source / name).is_dir():
                shutil.copytree(source / name, target / name, dirs_exist_ok=True)
        config = load_config(source)
        save_config(target, dataclasses.replace(config, planner=planner or config.planner))
        _write_events(target, events[:last])
    except OSError as error:
        raise UserError(
            f"{target} can't be written ({error.strerror}).", "Give another one with --out."
        ) from None
    return target


def _write_events(folder: Path, events: Sequence[Event]) -> None:
    text = "".join(e.line() + "\n" for e in events)
    (folder / "journal.jsonl").write_bytes(text.encode("utf-8", "surrogatepass"))
    journal = Journal(folder)
    try:
        last = events[-1]
        journal.append("case.forked", {"seq": last.seq, "head": last.hash})
    finally:
        journal.close()


# --- what a person did, and doing it again --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that a person did: ``say``, ``auto``, ``expect``, ``groups``, ``call``, with its data."""

    kind: str
    data: Any


def acts(events: Sequence[Event]) -> list[Act]:
    """What people did in a session, in order. Expectations that a sentence set come with the sentence."""
    made: list[Act] = []
    spoken = False  # whether a person's sentence was the last thing, but for the expectations that it set
    for event in events:
        data = event.data
        if event.kind == "message" and data["role"] == "person":
            made.append(Act("say", data["text"]))
        elif event.kind == "auto.started":
            made.append(Act("auto", None))
        elif event.kind == "expectation.set" and not spoken:
            made.append(Act("expect", data))
        elif event.kind == "groups.set" and data.get("by") == "person":
            made.append(Act("groups", data["column"]))
        elif event.kind == "tool.started" and data.get("by") == "person":
            made.append(Act("call", data))
        spoken = _speaks(event) or (spoken and event.kind == "expectation.set")
    return made


def _speaks(event: Event) -> bool:
    return event.kind == "message" and event.data["role"] == "person"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person said when asked about one call. ``arguments``: canonical; empty in journals that do not tell them."""

    tool: str
    arguments: str
    yes: bool


def decisions(events: Sequence[Event]) -> list[Answer]:
    """What people answered when asked whether a tool may run, in order."""
    made: list[Answer] = []
    asked: dict[str, str] = {}  # older journals tell the arguments with the question alone
    for event in events:
        data = event.data
        if event.kind == "approval.asked":
            asked[data["tool"]] = canonical(data.get("arguments", ""))
        elif event.kind == "approval.given" and data.get("by") == "person":
            known = asked.pop(data["tool"], "")
            given = canonical(data["arguments"]) if "arguments" in data else known
            made.append(Answer(data["tool"], given, data["decision"] == "approve"))
    return made


def take(answers: list[Answer], tool: str, arguments: Mapping[str, Any]) -> bool | None:
    """A person's answer about a call, taken out of ``answers``; None where there is none left.

    It is the next about this very call, else the next no about a call of that tool with other arguments: each answer is for one
    call, and a yes is for the call that was asked about.
    """
    wanted = canonical(arguments)
    same = [a for a in answers if a.tool == tool and a.arguments == wanted]
    other = [a for a in answers if a.tool == tool and (not a.yes or not a.arguments)]
    for found in (*same, *other):
        answers.remove(found)
        return found.yes
    return None


def replay(session: Session, events: Sequence[Event]) -> Iterator[Any]:
    """Do again in ``session`` what people did in ``events``; yields the session's events.

    Where the planner asks whether a tool may run, the person's answer about that call is the answer now, once for each time that
    they gave it; what the person was never asked goes by the case's policy.
    """
    from failsight.agent.events import Notice

    answers = decisions(events)
    for act in acts(events):
        try:
            if act.kind == "say":
                yield from session.say(act.data)
            elif act.kind == "auto":
                yield from session.auto()
            elif act.kind == "expect":
                session.case.expect(
                    act.data["name"], act.data["bound"], at_least=act.data["at_least"], by=act.data["by"]
                )
            elif act.kind == "groups":
                session.case.belong(act.data or "none")
            else:
                session.case.call(act.data["tool"], act.data["arguments"], by="person")
        except RetryError as error:
            yield Notice(f"Left out: {error}", "warning")
        while (asked := session.pending) is not None:
            yes = take(answers, asked.tool, session.case.redacted(asked.arguments))
            if yes is None:
                yes = session.approvals.judge(asked.tool, asked.arguments)[0]
            yield from session.decide(yes, by="replay")


# --- two branches beside each other ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Branch:
    """What came of one branch."""

    planner: str
    calls: Counter[str]
    seconds: float
    verdicts: dict[str, tuple[str, str, str | None]]  # finding key → id, statement, verdict
    readiness: str
    used: dict[str, float]


def branch(state: CaseState, planner: str) -> Branch:
    """Sum up a state."""
    ready = state.latest("readiness")
    return Branch(
        planner,
        Counter(e.tool for e in state.evidence),
        sum(e.seconds for e in state.evidence),
        {k: (r.id, r.finding.statement, r.finding.verdict) for k, r in state.records.items()},
        ready.summary if ready else "",
        dict(state.model_use),
    )


def planners(events: Sequence[Event], otherwise: str) -> str:
    """Who planned what was done in a session, in order: ``guided, then openai:MODEL``. It may change with each opening.

    Args:
        otherwise: who is named where nothing was done, or the journal does not tell.
    """
    made: list[str] = []
    now = ""
    for event in events:
        if event.kind == "session.opened":
            now = clean(event.data.get("planner", ""), 80)
        elif now and (_speaks(event) or event.kind == "auto.started") and now not in made[-1:]:
            made.append(now)
    return ", then ".join(made) or otherwise


def beside(one: Branch, two: Branch) -> dict[str, Any]:
    """The two as one JSON value: calls, findings that both have, and those that only one has."""
    both = [k for k in one.verdicts if k in two.verdicts]

    def told(side: Branch, key: str) -> dict[str, Any]:
        i, statement, verdict = side.verdicts[key]
        return {"id": i, "statement": statement, "verdict": verdict or "open"}

    return {
        "planners": [one.planner, two.planner],
        "tool_calls": [sum(one.calls.values()), sum(two.calls.values())],
        "tools": {t: [one.calls[t], two.calls[t]] for t in sorted({*one.calls, *two.calls})},
        "seconds": [round(one.seconds, 1), round(two.seconds, 1)],
        "model_use": [one.used, two.used],
        "same_verdict": [told(one, k) for k in both if one.verdicts[k][2] == two.verdicts[k][2]],
        "other_verdict": [
            [told(one, k), told(two, k)] for k in both if one.verdicts[k][2] != two.verdicts[k][2]
        ],
        "only_first": [told(one, k) for k in one.verdicts if k not in two.verdicts],
        "only_second": [told(two, k) for k in two.verdicts if k not in one.verdicts],
        "readiness": [one.readiness, two.readiness],
    }


def used_words(used: Mapping[str, float]) -> str:
    """``12 calls of the language model, 96,000 tokens, 0.31 US dollars, 1.5 minutes of waiting for it``"""
    from failsight.agent.guards.spending import LABELS, amount

    minutes = amount(used.get("seconds", 0) / 60)
    told = [f"{amount(used[name])} {LABELS[name]}" for name in ("calls", "tokens", "usd") if used.get(name)]
    return ", ".join([*told, f"{minutes} {LABELS['minutes']}"])


def in_words(made: dict[str, Any]) -> str:
    """The comparison as lines of text."""
    first, second = made["planners"]
    lines = [
        f"{first}: {made['tool_calls'][0]} tool calls, {made['seconds'][0]} s of measuring.",
        f"{second}: {made['tool_calls'][1]} tool calls, {made['seconds'][1]} s of measuring.",
    ]
    lines += [f"{n}: {used_words(u)}." for n, u in zip(made["planners"], made["model_use"], strict=True) if u]
    differ = [f"{t} {a} and {b}" for t, (a, b) in made["tools"].items() if a != b]
    if differ:
        lines.append(f"Calls that differ: {listing(differ, 12)}.")
    for title, found in (
        ("Both, with the same verdict", made["same_verdict"]),
        (f"Only {first}", made["only_first"]),
        (f"Only {second}", made["only_second"]),
    ):
        lines.append(f"{title}: {len(found)}.")
        lines += [f"  [{f['verdict']}] {clean(f['statement'], 200)}" for f in found]
    lines.append(f"Both, with another verdict: {len(made['other_verdict'])}.")
    lines += [
        f"  [{a['verdict']} and {b['verdict']}] {clean(a['statement'], 200)}"
        for a, b in made["other_verdict"]
    ]
    for name, text in zip(made["planners"], made["readiness"], strict=True):
        lines.append(f"Readiness by {name}: {clean(text, 400) or 'not judged'}")
    return "\n".join(lines)


# --- commands -------------------------------------------------------------------------------------------------------


def branch_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``failsight fork`` takes."""
    _arguments(parser, replays=False)


def replay_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``failsight replay`` takes."""
    _arguments(parser, replays=True)


def _arguments(parser: argparse.ArgumentParser, *, replays: bool) -> None:
    parser.add_argument("case", type=Path, metavar="CASE")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="the new case folder (default: CASE-fork or CASE-replay)"
    )
    parser.add_argument("--planner", default="", help="who plans in the new one (default: the same)")
    if replays:
        parser.add_argument(
            "--policy", default="", help="for what the person was never asked (see `failsight run`)"
        )
        parser.add_argument("--json", action="store_true", help="print the comparison as JSON")
    else:
        parser.add_argument(
            "--at", type=int, metavar="N", help="the last event that both share (default: all)"
        )
        parser.add_argument("--list", action="store_true", help="show the events with their numbers")


def run_fork(args: argparse.Namespace) -> int:
    """``failsight fork``."""
    if args.list:
        if not (args.case / "journal.jsonl").is_file():
            raise UserError(
                f"{args.case} is not a Failsight case.", "Give the folder that `failsight run` made."
            )
        for event in Journal(args.case, write=False).events:
            print(f"{event.seq:>5}  {event.time[:19]}  {event.kind:<22} {_brief(event)}")
        return 0
    made = fork(
        args.case, args.out or args.case.with_name(args.case.name + "-fork"), at=args.at, planner=args.planner
    )
    print(f"{made}: go on there with `failsight chat {made}`.")
    return 0


def _brief(event: Event) -> str:
    data = event.data
    for name in ("text", "tool", "stage", "name"):
        if isinstance(data.get(name), str):
            return clean(data[name], 80)
    evidence = data.get("evidence")
    return clean(f"{evidence['id']} {evidence['tool']}", 80) if isinstance(evidence, dict) else ""


def run_replay(args: argparse.Namespace) -> int:
    """``failsight replay``."""
    from failsight.agent.events import Notice, PlannerSaid, ToolStarted
    from failsight.agent.opening import open_case
    from failsight.agent.session import Session
    from failsight.agent.ui.lines import StderrProgress

    if not (args.case / "journal.jsonl").is_file():
        raise UserError(f"{args.case} is not a Failsight case.", "Give the folder that `failsight run` made.")
    events = Journal(args.case, write=False).events
    opened = next((e.seq for e in events if e.kind == "case.created"), None)
    if opened is None or not acts(events):
        raise UserError("Nobody has done anything in this case yet.", "Converse with it first.")
    target = args.out or args.case.with_name(args.case.name + "-replay")
    fork(args.case, target, at=opened, planner=args.planner)
    given = {"policy": args.policy} if args.policy else {}
    with open_case(target, progress=StderrProgress(), **given) as case:
        session = Session(case)
        for event in replay(session, events):
            if isinstance(event, ToolStarted):
                print(f"  {event.tool}", file=sys.stderr)
            elif isinstance(event, Notice | PlannerSaid):
                print(clean(event.text, 300), file=sys.stderr)
        made = beside(
            branch(fold(events), f"{planners(events, load_config(args.case).planner)} ({args.case.name})"),
            branch(case.state(), f"{case.config.planner} ({target.name})"),
        )
    print(json.dumps(made, ensure_ascii=False) if args.json else in_words(made))
    return 0
