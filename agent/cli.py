"""The command line: parse, open the case, choose a display. Light at the top: heavy things load when a command runs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from failsight.agent.commands.examples import epilog

QUIET_LIBRARIES = {
    "ANONYMIZED_TELEMETRY": "False",  # chromadb
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    "TOKENIZERS_PARALLELISM": "false",
}
COMMANDS = (
    ("demo", "the built-in case: a room classifier with planted bugs", "run_demo", "commands.arguments:demo_arguments"),
    ("chat", "converse about a case in the terminal app", "run_chat", "commands.arguments:case_arguments"),
    ("run", "the whole workflow without questions; writes the report", "run_unattended", "commands.arguments:case_arguments"),
    ("start", "the first time: asks for model and pictures, and opens the case", "learn.command:run_start", "learn.command:start_arguments"),
    ("learn", "lessons and practice cases: learn to find out why a model fails", "learn.command:run_learn", "learn.command:learn_arguments"),
    ("call", "one measuring tool, with arguments of your own", "commands.call:run", "commands.arguments:call_arguments"),
    ("report", "write the narrated report of a case", "run_report", "commands.arguments:report_arguments"),
    ("verify", "check that nobody changed a case's journal or its reports", "run_verify", "commands.arguments:verify_arguments"),
    ("compare", "two models, or two versions of one, on the same images", "run_compare", "commands.arguments:compare_arguments"),
    ("ask", "what is known about a question, and which tool measures it", "commands.library:run_ask", "commands.arguments:ask_arguments"),
    ("knowledge", "your own entries in the knowledge base", "commands.library:run_knowledge", "commands.arguments:knowledge_arguments"),
    ("forms", "questions that only people can answer, out and back in", "commands.library:run_forms", "commands.arguments:forms_arguments"),
    ("attributes", "the attributes that images are described by", "run_attributes", "commands.arguments:attributes_arguments"),
    ("labels", "suspect labels out for relabelling, and back in", "run_labels", "commands.arguments:labels_arguments"),
    ("train-robust", "a small model, trained on your images, whose features explain failures", "run_train_robust", "commands.robust:arguments"),
    ("versions", "the models that repairs made, and one of them out for use", "commands.versions:run", "commands.versions:arguments"),
    ("fork", "another branch of a case, from any of its events on", "fork:run_fork", "fork:branch_arguments"),
    ("replay", "put the same questions to another planner, and compare", "fork:run_replay", "fork:replay_arguments"),
    ("select", "which images of the pool to have labelled, as a list and in words", "commands.select:run", "commands.select:arguments"),
    ("expect", "what is expected of the model: set it at any time, with who demands it", "run_expect", "people.expect:arguments"),
    ("reviews", "single errors out for people to judge, and their judgements back in", "run_reviews", "people.reviews:arguments"),
    ("bench", "planted faults: who finds them, with which share of false alarms", "commands.bench:run", "commands.bench:arguments"),
    ("signoff", "who says that the model may be used, and on which evidence", "run_signoff", "people.signoff:arguments"),
    ("serve", "the tools of a case as an MCP server over stdin and stdout", "run_serve", "commands.arguments:serve_arguments"),
    ("tools", "the measuring tools, and what each is for", "run_tools", "commands.arguments:tools_arguments"),
    ("doctor", "what works on this machine, what is missing, and how to get it", "run_doctor", "commands.arguments:doctor_arguments"),
)  # fmt: skip
"""Name, what for, what runs it, what it takes (``module:function`` below ``failsight.agent``; commands without a module)."""
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
    for name, text, handler, arguments in COMMANDS:
        sub = _command(commands, name, text, handler)
        _named(arguments)(sub)
        for action in sub._actions:
            if action.metavar == "CASE" and not action.help:
                action.help = "the folder of a case"
    return parser


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
        return int(_named(handler)(args) or 0)

    return run


def _named(function: str) -> Callable[..., Any]:
    from importlib import import_module

    module, _, name = function.rpartition(":")
    found: Callable[..., Any] = getattr(import_module(f"failsight.agent.{module or 'commands.basic'}"), name)
    return found


if __name__ == "__main__":
    sys.exit(main())
