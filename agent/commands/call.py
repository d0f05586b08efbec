"""``failsight call``: one measuring tool, by hand. Imported when the command runs, never for ``--help``."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from failsight.agent.commands.basic import must_be_case
from failsight.tools.errors import UserError

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.tools.evidence import Evidence


def run(args: argparse.Namespace) -> int:
    """``failsight call``: one tool, journalled like any other call."""
    from failsight.agent.arguments import read
    from failsight.agent.config import MODELS
    from failsight.agent.opening import open_to_look
    from failsight.agent.ui.lines import StderrProgress
    from failsight.tools.errors import RetryError

    must_be_case(args.case)
    given = {k: getattr(args, k) for k in (*MODELS, "engine")}
    if args.again:
        return _again(args, given)
    with open_to_look(args.case, progress=StderrProgress(), **given) as case:
        try:
            arguments = read(args.tool, args.arguments)
            made, note = _made(case, args.tool, arguments)
        except RetryError as error:
            raise UserError(str(error)) from None
    if note:
        print(note, file=sys.stderr)
    if args.json:
        print(json.dumps(made.to_dict(), ensure_ascii=False))
    else:
        from failsight.agent.ui.wide import print_evidence

        print_evidence(made)
    return 0


def _made(case: Case, tool: str, arguments: dict[str, Any]) -> tuple[Evidence, str]:
    """The evidence of a call, and what is to be said of where it is from."""
    from failsight.agent.elsewhere import shown_last

    try:
        made, before = case.call(tool, arguments, by="person")
    except UserError:
        last = shown_last(case, tool, arguments)
        if last is None:
            raise
        late = "something that it depends on has changed since, and without model and images it can't be measured anew."
        return last, f"{last.id} is shown as the journal holds it: {late}"
    note = f"{made.id} was measured before and is shown from the journal; --again measures it anew."
    return made, note if before else ""


def _again(args: argparse.Namespace, given: dict[str, Any]) -> int:
    """Measure what the journal holds once more; 0 when it came out the same, 2 when not."""
    from failsight.agent.arguments import read
    from failsight.agent.commands.again import in_words, measure_again
    from failsight.agent.ui.lines import StderrProgress
    from failsight.tools.errors import RetryError

    try:
        made = measure_again(
            args.case, args.tool, read(args.tool, args.arguments), progress=StderrProgress(), **given
        )
    except RetryError as error:
        raise UserError(str(error)) from None
    if args.json:
        print(json.dumps(made.made.to_dict(), ensure_ascii=False))
        print(in_words(made), file=sys.stderr)
    else:
        print(in_words(made))
    return 2 if made.other else 0
