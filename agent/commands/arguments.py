"""What each command of the command line takes. Commands with a module of their own say it there."""

from __future__ import annotations

import argparse
from pathlib import Path

from failsight.agent.commands.options import common, inputs, models

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


def demo_arguments(parser: argparse.ArgumentParser) -> None:
    """The built-in case."""
    parser.add_argument("--auto", action="store_true", help="ask nothing, write the report, exit")
    parser.add_argument(
        "--bug",
        metavar="NAME",
        help=f"another case: a good model of the same rooms with one thing wrong ({', '.join(FAMILY)}); "
        "--seed N draws its N-th case",
    )
    common(parser)


def case_arguments(parser: argparse.ArgumentParser) -> None:
    """A case, new or not."""
    inputs(parser)
    common(parser)


def call_arguments(parser: argparse.ArgumentParser) -> None:
    """One tool."""
    parser.add_argument("case", type=Path, metavar="CASE")
    parser.add_argument("tool", help="its name: `failsight tools` lists them")
    parser.add_argument(
        "arguments", nargs="*", metavar="NAME=VALUE", help="`failsight tools TOOL` says which there are"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--again",
        action="store_true",
        help="measure anew, with nothing cached, what the journal holds, and say whether it came out the same",
    )
    models(parser)


def report_arguments(parser: argparse.ArgumentParser) -> None:
    """Which report, for whom."""
    parser.add_argument("case", type=Path, metavar="CASE")
    parser.add_argument(
        "--format",
        choices=("all", "html", "md", "json", "model-card", "datasheet"),
        default="all",
        help="all (default): html, md and json; model-card and datasheet: Markdown sections to paste",
    )
    parser.add_argument(
        "--audience",
        choices=("developer", "requester", "domain-expert", "end-user"),
        default="",
        help="only what this reader needs, in its own file (report-requester.html); without it the page lets the reader choose",
    )
    parser.add_argument(
        "--redact-images", action="store_true", help="show no picture of the case and no path of one"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="write them there (default: the case folder)"
    )


def verify_arguments(parser: argparse.ArgumentParser) -> None:
    """What is checked."""
    parser.add_argument(
        "target", type=Path, metavar="CASE|REPORT", help="a case folder, or one report (.html, .md, .json)"
    )
    parser.add_argument(
        "--case", type=Path, metavar="CASE", help="whose journal a report that lies elsewhere is held to"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def compare_arguments(parser: argparse.ArgumentParser) -> None:
    """Which two models."""
    parser.add_argument("before", type=Path, metavar="CASE", help="the case before")
    parser.add_argument(
        "after", type=Path, metavar="CASE", nargs="?", help="the case after; none with --versions"
    )
    parser.add_argument(
        "--versions",
        nargs="+",
        metavar="VERSION",
        help="one case: this version of its model (R1.1) beside the model itself, or two versions",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--journal", action="store_true", help="record the comparison in the journal of the second case"
    )


def ask_arguments(parser: argparse.ArgumentParser) -> None:
    """A question to the knowledge base."""
    parser.add_argument("question", nargs="+", help="in plain words; no language model is asked")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--case", type=Path, help="a case whose class and attribute names the question may use"
    )
    parser.add_argument(
        "--knowledge-url", default="", help="a Chroma server to search instead of the built-in index"
    )


def knowledge_arguments(parser: argparse.ArgumentParser) -> None:
    """Entries of one's own."""
    parser.add_argument(
        "action", choices=("add", "list", "check", "remove"), help="check: say what would be added"
    )
    parser.add_argument(
        "what",
        nargs="?",
        default="",
        metavar="FILE|FOLDER|ID",
        help="Markdown or YAML; remove: an id of list",
    )
    parser.add_argument(
        "--project",
        action="store_true",
        help="keep it in the current folder, for this project, instead of in your home",
    )


def forms_arguments(parser: argparse.ArgumentParser) -> None:
    """Which form, which way."""
    parser.add_argument("action", choices=("list", "export", "import"))
    parser.add_argument(
        "what", nargs="*", metavar="FORM|CASE FILE.md", help="export FORM FILE.md, import CASE FILE.md"
    )
    parser.add_argument("--case", type=Path, help="export: the case whose classes the form asks about")


def attributes_arguments(parser: argparse.ArgumentParser) -> None:
    """What is done to which attribute."""
    parser.add_argument(
        "action",
        choices=("list", "propose", "add", "rename", "merge", "drop", "restore", "check", "export", "import"),
    )
    parser.add_argument("case", type=Path, metavar="CASE")
    parser.add_argument(
        "words",
        nargs="*",
        metavar="NAME …",
        help="add NAME VALUE VALUE …; rename NAME NEW; merge NAME INTO; drop, restore or check NAME; export or import FILE",
    )
    parser.add_argument(
        "--value",
        action="append",
        metavar="VALUE",
        help="this value of the attribute (rename, drop, restore; merge: twice)",
    )
    parser.add_argument(
        "--source",
        choices=("zero_shot", "clusters", "vqa", "vision_model"),
        default="zero_shot",
        help="propose, add: who says which image has which value",
    )
    parser.add_argument("--limit", type=int, default=20, help="propose: most attributes at a time")
    parser.add_argument(
        "--from-model",
        nargs="?",
        const="",
        metavar="PLANNER",
        help="propose: attributes that a language model names (openai:MODEL or local:FOLDER; alone: the case's planner)",
    )
    parser.add_argument(
        "--send-images",
        action="store_true",
        help="propose: images of this case may be sent to the server of vision_model; noted in the journal",
    )
    parser.add_argument(
        "--split", choices=("data", "train", "pool", "deploy"), default="data", help="list, propose, check"
    )
    parser.add_argument("--n", type=int, default=40, help="check: how many images to look at")
    parser.add_argument("--answers", type=Path, metavar="FILE.csv", help="check: the filled-in sheet")
    parser.add_argument("--key", metavar="COLUMN", help="check: a column that holds the right values")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="check: where to write the sheet (.html or .csv)"
    )
    parser.add_argument("--why", default="", help="a reason, for the journal")
    parser.add_argument("--json", action="store_true", help="print JSON")
    models(parser)


def labels_arguments(parser: argparse.ArgumentParser) -> None:
    """Which labels, which way."""
    parser.add_argument("action", choices=("export", "import"))
    parser.add_argument("case", type=Path, metavar="CASE")
    parser.add_argument(
        "file",
        type=Path,
        metavar="FILE.csv",
        help="export: a new file; import: the same with new_label filled in",
    )
    parser.add_argument("--top", type=int, help="export only the most suspicious (default 100)")
    parser.add_argument(
        "--split", choices=("data", "train", "deploy"), default="data", help="which labels (default data)"
    )


def serve_arguments(parser: argparse.ArgumentParser) -> None:
    """What other agents may do."""
    parser.add_argument("case", type=Path, metavar="CASE")
    parser.add_argument(
        "--allow",
        default="",
        metavar="NAME,…",
        help="tools that may run without asking; heavy: all that take long but write nothing",
    )


def tools_arguments(parser: argparse.ArgumentParser) -> None:
    """Which tool."""
    parser.add_argument("name", nargs="?", help="one tool, with its arguments")
    parser.add_argument("--json", action="store_true", help="print JSON")


def doctor_arguments(parser: argparse.ArgumentParser) -> None:
    """How it is told."""
    parser.add_argument("--json", action="store_true", help="print JSON")
