"""The command line: parse, open the case, choose a display. Light at the top: heavy things load when a command runs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from failsight.agent.examples import epilog
from failsight.agent.options import common, inputs, models

QUIET_LIBRARIES = {
    "ANONYMIZED_TELEMETRY": "False",  # chromadb
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    "TOKENIZERS_PARALLELISM": "false",
}
FAMILY = (
    "clean",
    "wrong_channels",
    "wrong_normalisation",
    "label_noise",
    "leakage",
    "overfitting",
    "dark_deployment",
)
"""What ``demo --bug`` takes; told here again so that ``--help`` loads nothing."""
OWN = (
    ("select", "which images of the pool to have labelled, as a list and in words", "select:run"),
    ("expect", "what is expected of the model: set it at any time, with who demands it", "run_expect"),
    ("reviews", "single errors out for people to judge, and their judgements back in", "run_reviews"),
    ("bench", "planted faults: who finds them, with which share of false alarms", "bench_command:run"),
    ("signoff", "who says that the model may be used, and on which evidence", "run_signoff"),
)
"""Commands that have a module of their own."""
MODULES = {"bench": "bench_command"}
EPILOG = """\
exit codes of run and demo --auto: 0 ready, 3 not ready, 4 undecided, 2 something only you can mend

examples:
  failsight start                                      asks for your model and pictures, one thing after the other
  failsight demo                                       the built-in case, in the terminal app
  failsight run --model model/ --data photos/          unattended; writes a report
  failsight chat failsight-cases/model-photos-1a2b3c   go on with a case
  failsight ask "does it make errors with high confidence?"
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of ``failsight``; returns the exit code."""
    for name, value in QUIET_LIBRARIES.items():
        os.environ.setdefault(name, value)
    parser = build_parser()
    args = parser.parse_args(argv)
    if not hasattr(args, "handler"):
        parser.print_help()
        return 0
    from failsight.agent.ui.errors import guard

    return guard(lambda: int(args.handler(args) or 0))


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="failsight",
        description="A conversation with a failing image classifier, until you know why it fails and have tested it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    demo = _command(commands, "demo", "the built-in case: a room classifier with planted bugs", "run_demo")
    demo.add_argument("--auto", action="store_true", help="ask nothing, write the report, exit")
    demo.add_argument(
        "--bug",
        metavar="NAME",
        help=f"another case: a good model of the same rooms with one thing wrong ({', '.join(FAMILY)}); "
        "--seed N draws its N-th case",
    )
    common(demo)

    chat = _command(commands, "chat", "converse about a case in the terminal app", "run_chat")
    inputs(chat)
    common(chat)

    run = _command(
        commands, "run", "the whole workflow without questions; writes the report", "run_unattended"
    )
    inputs(run)
    common(run)

    from failsight.agent.learn.command import learn_arguments, start_arguments

    start = _command(
        commands,
        "start",
        "the first time: asks for model and pictures, and opens the case",
        "learn.command:run_start",
    )
    start_arguments(start)
    learn = _command(
        commands,
        "learn",
        "lessons and practice cases: learn to find out why a model fails",
        "learn.command:run_learn",
    )
    learn_arguments(learn)

    call = _command(commands, "call", "one measuring tool, with arguments of your own", "run_call")
    call.add_argument("case", type=Path, metavar="CASE")
    call.add_argument("tool", help="its name: `failsight tools` lists them")
    call.add_argument(
        "arguments", nargs="*", metavar="NAME=VALUE", help="`failsight tools TOOL` says which there are"
    )
    call.add_argument("--json", action="store_true", help="print JSON")
    models(call)

    report = _command(commands, "report", "write the narrated report of a case", "run_report")
    report.add_argument("case", type=Path, metavar="CASE")
    report.add_argument(
        "--format",
        choices=("all", "html", "md", "json", "model-card", "datasheet"),
        default="all",
        help="all (default): html, md and json; model-card and datasheet: Markdown sections to paste",
    )
    report.add_argument(
        "--audience",
        choices=("developer", "requester", "domain-expert", "end-user"),
        default="",
        help="only what this reader needs, in its own file (report-requester.html); without it the page lets the reader choose",
    )
    report.add_argument(
        "--redact-images", action="store_true", help="show no picture of the case and no path of one"
    )

    verify = _command(
        commands, "verify", "check that nobody changed a case's journal or its reports", "run_verify"
    )
    verify.add_argument(
        "target", type=Path, metavar="CASE|REPORT", help="a case folder, or one report (.html, .md, .json)"
    )
    verify.add_argument(
        "--case", type=Path, metavar="CASE", help="whose journal a report that lies elsewhere is held to"
    )
    verify.add_argument("--json", action="store_true", help="print JSON")

    compare = _command(
        commands, "compare", "two models, or two versions of one, on the same images", "run_compare"
    )
    compare.add_argument("before", type=Path, metavar="CASE", help="the case before")
    compare.add_argument(
        "after", type=Path, metavar="CASE", nargs="?", help="the case after; none with --versions"
    )
    compare.add_argument(
        "--versions",
        nargs="+",
        metavar="VERSION",
        help="one case: this version of its model (R1.1) beside the model itself, or two versions",
    )
    compare.add_argument("--json", action="store_true", help="print JSON")
    compare.add_argument(
        "--journal", action="store_true", help="record the comparison in the journal of the second case"
    )

    ask = _command(
        commands, "ask", "what is known about a question, and which tool measures it", "library:run_ask"
    )
    ask.add_argument("question", nargs="+", help="in plain words; no language model is asked")
    ask.add_argument("--json", action="store_true", help="print JSON")
    ask.add_argument("--case", type=Path, help="a case whose class and attribute names the question may use")
    ask.add_argument(
        "--knowledge-url", default="", help="a Chroma server to search instead of the built-in index"
    )

    knowledge = _command(
        commands, "knowledge", "your own entries in the knowledge base", "library:run_knowledge"
    )
    knowledge.add_argument(
        "action", choices=("add", "list", "check", "remove"), help="check: say what would be added"
    )
    knowledge.add_argument(
        "what",
        nargs="?",
        default="",
        metavar="FILE|FOLDER|ID",
        help="Markdown or YAML; remove: an id of list",
    )
    knowledge.add_argument(
        "--project",
        action="store_true",
        help="keep it in the current folder, for this project, instead of in your home",
    )

    forms = _command(
        commands, "forms", "questions that only people can answer, out and back in", "library:run_forms"
    )
    forms.add_argument("action", choices=("list", "export", "import"))
    forms.add_argument(
        "what", nargs="*", metavar="FORM|CASE FILE.md", help="export FORM FILE.md, import CASE FILE.md"
    )
    forms.add_argument("--case", type=Path, help="export: the case whose classes the form asks about")

    attributes = _command(
        commands, "attributes", "the attributes that images are described by", "run_attributes"
    )
    attributes.add_argument(
        "action",
        choices=("list", "propose", "add", "rename", "merge", "drop", "restore", "check", "export", "import"),
    )
    attributes.add_argument("case", type=Path, metavar="CASE")
    attributes.add_argument(
        "words",
        nargs="*",
        metavar="NAME …",
        help="add NAME VALUE VALUE …; rename NAME NEW; merge NAME INTO; drop, restore or check NAME; export or import FILE",
    )
    attributes.add_argument(
        "--value",
        action="append",
        metavar="VALUE",
        help="this value of the attribute (rename, drop, restore; merge: twice)",
    )
    attributes.add_argument(
        "--source",
        choices=("zero_shot", "clusters", "vqa", "vision_model"),
        default="zero_shot",
        help="propose, add: who says which image has which value",
    )
    attributes.add_argument("--limit", type=int, default=20, help="propose: most attributes at a time")
    attributes.add_argument(
        "--from-model",
        nargs="?",
        const="",
        metavar="PLANNER",
        help="propose: attributes that a language model names (openai:MODEL or local:FOLDER; alone: the case's planner)",
    )
    attributes.add_argument(
        "--send-images",
        action="store_true",
        help="propose: images of this case may be sent to the server of vision_model; noted in the journal",
    )
    attributes.add_argument(
        "--split", choices=("data", "train", "pool", "deploy"), default="data", help="list, propose, check"
    )
    attributes.add_argument("--n", type=int, default=40, help="check: how many images to look at")
    attributes.add_argument("--answers", type=Path, metavar="FILE.csv", help="check: the filled-in sheet")
    attributes.add_argument("--key", metavar="COLUMN", help="check: a column that holds the right values")
    attributes.add_argument(
        "--out", type=Path, metavar="FILE", help="check: where to write the sheet (.html or .csv)"
    )
    attributes.add_argument("--why", default="", help="a reason, for the journal")
    attributes.add_argument("--json", action="store_true", help="print JSON")
    models(attributes)

    labels = _command(commands, "labels", "suspect labels out for relabelling, and back in", "run_labels")
    labels.add_argument("action", choices=("export", "import"))
    labels.add_argument("case", type=Path, metavar="CASE")
    labels.add_argument(
        "file",
        type=Path,
        metavar="FILE.csv",
        help="export: a new file; import: the same with new_label filled in",
    )
    labels.add_argument("--top", type=int, help="export only the most suspicious (default 100)")
    labels.add_argument(
        "--split", choices=("data", "train", "deploy"), default="data", help="which labels (default data)"
    )

    robust = _command(
        commands,
        "train-robust",
        "a small model, trained on your images, whose features explain failures",
        "run_train_robust",
    )
    _robust(robust)

    from failsight.agent.versions_command import arguments as versioned

    versions = _command(
        commands,
        "versions",
        "the models that repairs made, and one of them out for use",
        "versions_command:run",
    )
    versioned(versions)

    from failsight.agent.fork import arguments as branching

    fork = _command(commands, "fork", "another branch of a case, from any of its events on", "fork:run_fork")
    branching(fork, replays=False)
    replay = _command(
        commands, "replay", "put the same questions to another planner, and compare", "fork:run_replay"
    )
    branching(replay, replays=True)

    for name, text, handler in OWN:
        _own(name, _command(commands, name, text, handler))

    serve = _command(
        commands, "serve", "the tools of a case as an MCP server over stdin and stdout", "run_serve"
    )
    serve.add_argument("case", type=Path, metavar="CASE")
    serve.add_argument(
        "--allow",
        default="",
        metavar="NAME,…",
        help="tools that may run without asking; heavy: all that take long but write nothing",
    )

    tools = _command(commands, "tools", "the measuring tools, and what each is for", "run_tools")
    tools.add_argument("name", nargs="?", help="one tool, with its arguments")
    tools.add_argument("--json", action="store_true", help="print JSON")

    doctor = _command(
        commands, "doctor", "what works on this machine, what is missing, and how to get it", "run_doctor"
    )
    doctor.add_argument("--json", action="store_true", help="print JSON")
    for sub in commands.choices.values():
        for action in sub._actions:
            if action.metavar == "CASE" and not action.help:
                action.help = "the folder of a case"
    return parser


def _own(name: str, parser: argparse.ArgumentParser) -> None:
    """The arguments of a command that has a module of its own."""
    from importlib import import_module

    import_module(f"failsight.agent.{MODULES.get(name, name)}").arguments(parser)


def _robust(parser: argparse.ArgumentParser) -> None:
    from failsight.agent.robust import arguments

    arguments(parser)


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import version

        print(f"failsight {version('failsight')}")
        parser.exit()


def _command(commands: Any, name: str, text: str, handler: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog=epilog(name),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.set_defaults(handler=_later(handler))
    return made


def _later(handler: str) -> Callable[[argparse.Namespace], int]:
    def run(args: argparse.Namespace) -> int:
        from importlib import import_module

        module, _, name = handler.rpartition(":")
        function = getattr(import_module(f"failsight.agent.{module or 'commands'}"), name)
        return int(function(args) or 0)

    return run


if __name__ == "__main__":
    sys.exit(main())
