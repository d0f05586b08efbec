"""What each command does. Imported when a command runs, never for ``--help``."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failsight.tools.errors import UserError
from failsight.tools.text import clean, counted

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.agent.planners.expectations import Criterion
    from failsight.agent.session import Session

EXIT = {"ready": 0, "not_ready": 3, "undecided": 4}
SHARED = (
    "planner",
    "level",
    "workflow",
    "budget",
    "seed",
    "device",
    "encoder",
    "vqa",
    "segmenter",
    "engine",
    "method",
    "policy",
    "repair",
)
GIVEN = (
    "model",
    "arch",
    "predictions",
    "data",
    "train",
    "pool",
    "deploy",
    "history",
    "metadata",
    "metadata_key",
)


def run_chat(args: argparse.Namespace) -> int:
    """``failsight chat``; with nothing given the wizard asks for what is needed."""
    if args.case is None and not any(getattr(args, k) for k in GIVEN):
        from failsight.agent.learn.command import run_start

        return run_start(args)
    return converse(args, lambda progress: _open(args, progress))


def run_unattended(args: argparse.Namespace) -> int:
    """``failsight run``."""
    return _unattended(lambda progress: _open(args, progress))


def run_demo(args: argparse.Namespace) -> int:
    """``failsight demo``."""
    if args.auto:
        return _unattended(lambda progress: _open_demo(args, progress))
    return converse(args, lambda progress: _open_demo(args, progress))


def converse(args: argparse.Namespace, open_session: Callable[[Any], Any]) -> int:
    """A conversation in the look that fits: the terminal app, or lines."""
    from failsight.agent.ui.terminal import has_screen

    if args.plain or not has_screen():
        from failsight.agent.ui.plain import PlainDisplay

        return PlainDisplay(sys.stdin, sys.stdout, sys.stderr).run(open_session)
    from failsight.agent.ui.tui.app import run_app

    return run_app(open_session)


def _unattended(open_session: Callable[[Any], Session]) -> int:
    from failsight.agent.ui.unattended import RunDisplay

    display = RunDisplay(sys.stdout, sys.stderr)
    return display.run(open_session, exit_codes=EXIT)


def _open(args: argparse.Namespace, progress: Any) -> Session:
    given = {k: getattr(args, k) for k in (*SHARED, *GIVEN, "task", "name", "trust_code")}
    if args.map:
        given["class_map"] = dict(_pair(m) for m in args.map)
    from failsight.agent.thresholds import refused, thresholds_given

    if args.threshold:
        given["thresholds"] = thresholds_given(args.threshold)
    if args.case is not None and args.threshold:
        raise refused(args.case, args.threshold)
    return session_of(args, given, progress)


def _pair(text: str) -> tuple[str, str]:
    """A class of the data and what it is in the model; an empty right side leaves the class out on purpose."""
    left, equals, right = text.partition("=")
    if not (left.strip() and equals):
        raise UserError(f"--map {text!r} is not DATA=MODEL.", "Write for example --map frontal=Frontyard.")
    return left.strip(), right.strip()


def session_of(args: argparse.Namespace, given: dict[str, Any], progress: Any) -> Session:
    """A session with the case that ``given`` describes (fields of the configuration) and the criteria of ``args``."""
    from failsight.agent.opening import open_case

    made: list[Session] = []

    def begin(case: Case) -> None:
        if getattr(args, "groups", None):
            from failsight.agent.grouping import set_groups

            set_groups(case, args.groups)
        lenient = getattr(args, "lenient", False)  # said in words, after much else: told in the conversation
        wanted = [one for text in getattr(args, "expect", ()) for one in _criteria(text, case, lenient)]
        for one in wanted:  # only when all of them mean something
            case.expect(one.name, one.bound, at_least=one.at_least)
        from failsight.agent.learn.nudging import PromptingSession

        if args.trace:
            from failsight.agent.tracing import trace

            trace(case, args.trace)
        made.append(PromptingSession(case))

    open_case(getattr(args, "case", None), out=args.out, progress=progress, begin=begin, **given)
    return made[0]


def _criteria(text: str, case: Case, lenient: bool = False) -> list[Criterion]:
    """What ``--expect`` demands. Raises UserError when it can't be read or (unless ``lenient``) names something that the case lacks."""
    from failsight.agent.people.expect import read_all
    from failsight.agent.planners.expectations import parse_cli

    if parse_cli(text, case.classes) is None:
        raise UserError(
            f"--expect {text!r} is not NAME>=VALUE.", "Write for example --expect 'accuracy>=0.9'."
        )
    return read_all(text, case.classes, case, checked=not lenient)


def _open_demo(args: argparse.Namespace, progress: Any) -> Session:
    from failsight.agent.places import home
    from failsight.knowledge_base.cases import list_bugs, prepare_case, prepare_demo

    where, seed = "demo", args.seed or 0
    if args.bug is None:
        made = prepare_demo(home() / where, seed=0, progress=progress)
    elif args.bug not in list_bugs():
        raise UserError(
            f"There is no demo with the bug {clean(args.bug, 40)!r}.",
            f"Choose among {', '.join(list_bugs())}.",
        )
    else:
        where = f"{args.bug}-{seed}"
        made = prepare_case(home() / "family" / where, args.bug, seed=seed, progress=progress)
    args.expect = [f"{name}>={bound}" for name, bound in made.expectations.items()]
    given = {k: getattr(args, k) for k in SHARED}
    given |= {
        "model": str(made.model), "data": str(made.data), "train": str(made.train),
        "pool": str(made.pool) if made.pool else None,
        "deploy": str(made.deploy), "history": str(made.history), "task": made.task,
        "name": made.name if args.bug else "rooms demo", "arch": made.arch,
    }  # fmt: skip
    given["encoder"] = args.encoder or "rooms"
    if args.out is None:
        args.out = Path("failsight-cases") / where
    made_session = session_of(args, given, progress)
    labels = made.key / "pool.csv"
    if (
        args.repair and labels.is_file()
    ):  # in practice a person labels what select_data picks; here the answer key does
        target = made_session.folder / "repair" / "labels-pool.csv"
        if not target.is_file():
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(labels.read_bytes())
    return made_session


def run_report(args: argparse.Namespace) -> int:
    """``failsight report``: from the journal alone; needs neither the model nor the data."""
    from failsight.agent.journal import Journal
    from failsight.agent.narrate import write_reports
    from failsight.agent.state import fold

    must_be_case(args.case)
    journal = Journal(args.case, write=False)
    if args.redact_images and args.format == "json":
        raise UserError(
            "findings.json is the whole record for programs, and names images where they were named.",
            "Leave --redact-images away, or write another format.",
        )
    all_ = ("md", "html") if args.audience or args.redact_images else ("md", "html", "json")
    formats = all_ if args.format == "all" else (args.format,)
    for path in write_reports(
        args.case,
        fold(journal),
        journal.events,
        formats,
        audience=args.audience,
        redact_images=args.redact_images,
        out=args.out,
    ):
        print(path)
    return 0


def must_be_case(folder: Path) -> None:
    if not (folder / "journal.jsonl").is_file():
        raise UserError(
            f"{folder} is not a Failsight case.", "Give the folder that `failsight run` or `chat` made."
        )


def run_verify(args: argparse.Namespace) -> int:
    """``failsight verify``: exit 0 when whole, 2 when something was changed or can't be read, 4 when nothing is known to be wrong and
    a report can't be told again, because another program wrote it."""
    from failsight.agent.journal import verify
    from failsight.agent.narrate import examined_case, examined_file

    report = args.target if args.case or args.target.is_file() else None  # a folder is a case
    folder = args.case or (args.target.parent if report else args.target)
    if report and not (folder / "journal.jsonl").is_file():
        raise UserError(
            f"No journal lies beside {report.name}, so nothing can be said of it.",
            "Name its case with --case CASE.",
        )
    must_be_case(folder)
    count, problems = verify(folder)
    sentences = [p.sentence for p in problems]
    reports = examined_file(report, folder) if report else examined_case(folder)
    if args.json:
        found = [{"seq": p.seq, "what": p.what, "sentence": p.sentence} for p in problems]
        made = {
            "events": count,
            "whole": not (sentences or reports.wrong or reports.untold),
            "problems": found,
        }
        print(json.dumps({**made, "report": reports.wrong, "untold": reports.untold}))
    else:
        if not sentences:
            print(f"The journal is whole: {count:,} events, none edited, removed, reordered or inserted.")
        for sentence in [*sentences, *reports.wrong, *reports.untold]:
            print(clean(sentence, 800))
        if report and not (reports.wrong or reports.untold):
            name = clean(report.name, 80)
            if reports.read:
                print(f"{name} says what that journal says: told again, it reads the same.")
            else:
                print(
                    f"{name} belongs to that journal and holds its findings; its sentences were not told again."
                )
    if sentences or reports.wrong:
        return 2
    return EXIT["undecided"] if reports.untold else 0


def run_compare(args: argparse.Namespace) -> int:
    """``failsight compare``: reads both cases; writes only with ``--journal``, and then to the second."""
    from failsight.agent.commands.compare import compared, journal
    from failsight.agent.commands.compare_report import as_evidence, to_json
    from failsight.agent.opening import open_case

    made = compared(args.before, args.after, args.versions)
    told = to_json(made)
    if args.journal:
        with open_case(args.after or args.before) as case:
            journal(case, told)
    if args.json:
        print(json.dumps(told))
    else:
        from failsight.agent.ui.wide import print_evidence

        print_evidence(as_evidence(made))
    return 0


def run_labels(args: argparse.Namespace) -> int:
    """``failsight labels``: suspects out for people, their verdicts back into the journal."""
    from failsight.agent.opening import open_case
    from failsight.agent.people.labels import export, read_back

    must_be_case(args.case)
    with open_case(args.case) as case:
        if args.action == "export":
            n = export(case, args.file, split=args.split, top=args.top)
            print(
                f"{counted(n, 'suspect written', 'suspects written')} to {args.file}; fill in new_label, then `failsight labels import`."
            )
        else:
            made = read_back(case, args.file, split=args.split)
            print(made.sentence)
            print(made.manifest)
    return 0


def run_train_robust(args: argparse.Namespace) -> int:
    """``failsight train-robust``."""
    from failsight.agent.commands.robust import run
    from failsight.agent.ui.lines import StderrProgress

    return run(args, StderrProgress())


def run_expect(args: argparse.Namespace) -> int:
    """``failsight expect``."""
    from failsight.agent.people.expect import run

    return run(args)


def run_reviews(args: argparse.Namespace) -> int:
    """``failsight reviews``."""
    from failsight.agent.people.reviews import run

    return run(args)


def run_signoff(args: argparse.Namespace) -> int:
    """``failsight signoff``."""
    from failsight.agent.people.signoff import run

    return run(args)


def run_attributes(args: argparse.Namespace) -> int:
    """``failsight attributes``."""
    from failsight.agent.commands.attributes import run_attributes as run

    return run(args)


def run_serve(args: argparse.Namespace) -> int:
    """``failsight serve``: stdout carries only the protocol."""
    from failsight.agent.opening import open_case
    from failsight.agent.serve import serve

    must_be_case(args.case)
    with open_case(args.case) as case:
        serve(case, args.allow.split(","))
    return 0


def run_tools(args: argparse.Namespace) -> int:
    """``failsight tools``."""
    from failsight.tools.registry import registry

    if args.name:
        spec = registry()[args.name]
        schema = spec.arguments.model_json_schema()
        if args.json:
            print(json.dumps(schema))
            return 0
        print(
            f"{spec.name}: {spec.description}\ncost: {spec.cost}; needs: {', '.join(spec.needs) or 'nothing'}"
        )
        for name, entry in schema.get("properties", {}).items():
            print(f"  {name}={entry.get('default', 'required')}  {entry.get('description', '')}")
        return 0
    rows = [
        {"name": s.name, "cost": s.cost, "needs": list(s.needs), "description": s.description}
        for s in registry().values()
    ]
    if args.json:
        print(json.dumps(rows))
    else:
        for row in rows:
            print(f"{row['name']:<20} {row['cost']:<8} {row['description']}")
    return 0


def run_doctor(args: argparse.Namespace) -> int:
    """``failsight doctor``: 0 when nothing that is needed is missing, else 2."""
    from failsight.agent.commands.doctor import as_json, examine, healthy, lines

    checks = examine()
    width = max(80, min(shutil.get_terminal_size().columns, 120))
    print(json.dumps(as_json(checks)) if args.json else "\n".join(lines(checks, width)))
    return 0 if healthy(checks) else 2
