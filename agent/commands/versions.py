"""``failsight versions``: the models that repairs made, and one of them taken out for use."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from failsight.agent.journal import Journal
from failsight.agent.state import CaseState, fold
from failsight.tools.errors import RetryError, UserError
from failsight.tools.repair.versions import RESTATED, WRAPPED, ModelVersion, find_version
from failsight.tools.text import clean


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("case", type=Path, metavar="CASE")
    parser.add_argument(
        "--take", metavar="NAME", help="copy this version (R1.1) to --out, to use it elsewhere"
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where to put it; must be new or empty")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """List the versions, or copy one out of the case."""
    if not (args.case / "journal.jsonl").is_file():
        raise UserError(f"{args.case} is not a Failsight case.", "Give the folder that `failsight run` made.")
    state = fold(Journal(args.case, write=False))
    versions = list(state.versions.values())
    if args.take:
        return _take(args.case, versions, args.take, args.out)
    if args.json:
        print(json.dumps([{**dataclasses.asdict(v), "verdict": verdict(state, v)} for v in versions]))
        return 0
    if not versions:
        print(
            "No repair has made a version yet. Say `failsight call CASE retrain finding=F1`, or `failsight run CASE --repair`."
        )
    for v in versions:
        print(f"{v.name:<7} {v.finding or '-':<5} {arm(v):<22} {verdict(state, v):<14} {args.case / v.path}")
    return 0


def arm(version: ModelVersion) -> str:
    """The correction that made the version, or that it is of the control arm."""
    return "control arm" if version.arm == "control" else version.strategy.replace("_", " ")


def lines(state: CaseState, folder: Path) -> list[str]:
    """The versions in a conversation, a line each, and what can be done with them."""
    versions = list(state.versions.values())
    if not versions:
        return ["No repair has made a version yet. `how can I improve the model?` proposes one."]
    told = [
        f"- **{v.name}** {arm(v)}, for {v.finding or 'no finding'}"
        + (f": {verdict(state, v)}" if v.arm != "control" else "")
        for v in versions
    ]
    first = next((v.name for v in versions if v.arm != "control" and v.name != state.current), "")
    if not first:
        taken = f"`failsight versions {clean(folder, 300)} --take {state.current} --out FOLDER`"
        return [
            *told,
            "",
            f"What is measured is measured with {state.current}. To use it elsewhere: {taken}.",
        ]
    return [
        *told,
        "",
        f"`/versions {first}` compares it with the model as it was, on the same images. To use it elsewhere: "
        f"`failsight versions {clean(folder, 300)} --take {first} --out FOLDER`.",
    ]


def verdict(state: CaseState, version: ModelVersion) -> str:
    """What ``verify_correction`` said last of the repair that made the version: a few words."""
    if version.arm == "control":
        return ""
    if version.strategy == RESTATED:
        return "the case is at it" if state.current == version.name else "the case went on from it"
    checks = [
        e for e in state.evidence if e.tool == "verify_correction" and _about(e.arguments, version, state)
    ]
    if not checks:
        return "not verified"
    return next((c.status for c in checks[-1].corrections), "undecided")


def _about(given: Mapping[str, Any], version: ModelVersion, state: CaseState) -> bool:
    last = list(state.versions.values())[-1].repair  # what an empty name means
    return str(given.get("repair") or last).upper() == version.repair


def _take(case: Path, versions: list[ModelVersion], name: str, out: Path | None) -> int:
    try:
        version = find_version(versions, name)
    except RetryError as error:
        raise UserError(str(error), "`failsight versions CASE` lists them.") from None
    if out is None:
        raise UserError("Where to?", "Give a new folder with --out.")
    if out.exists() and any(out.iterdir()):
        raise UserError(f"The folder {clean(out)} is not empty.", "Give another one with --out.")
    source = case / version.path
    if not source.is_dir():
        raise UserError(f"The version {version.name} is gone from {clean(source)}.", "Make the repair again.")
    try:
        shutil.copytree(source, out, dirs_exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{clean(out)} can't be written ({error.strerror}).", "Give another folder."
        ) from None
    print(f"{version.name} is in {out}.")
    if (out / WRAPPED).is_file():
        print(
            "It is the old model with something new around it: version.json says what; keep the old model with it."
        )
    return 0
