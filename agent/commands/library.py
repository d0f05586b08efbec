"""Commands of the library of failure handling: ask it, add to it, and its forms for people."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from failsight.tools.errors import UserError
from failsight.tools.text import clean, counted


def run_ask(args: argparse.Namespace) -> int:
    """``failsight ask``."""
    from failsight import knowledge_base
    from failsight.tools.registry import registry

    question = " ".join(args.question)
    tools = {s.name: tuple(s.arguments.model_fields) for s in registry().values()}
    vocabulary = knowledge_base.Vocabulary(tools=tools)
    if args.case is not None:
        from failsight.agent.opening import open_case
        from failsight.agent.planners.words import vocabulary as names

        with open_case(args.case) as case:
            vocabulary = names(case)
    made = knowledge_base.ask(question, vocabulary, project=Path.cwd(), url=args.knowledge_url)
    if args.json:
        print(json.dumps(made, ensure_ascii=False))
    else:
        from failsight.knowledge_base.ask import text

        print(text(made))
    return 0


def run_knowledge(args: argparse.Namespace) -> int:
    """``failsight knowledge``: exit 2 when an entry could not be used."""
    from failsight.knowledge_base import user

    project = Path.cwd() if args.project else None
    if args.action != "list" and not args.what:
        raise UserError(f"failsight knowledge {args.action} what?", "Give a file, a folder or an entry's id.")
    if args.action == "list":
        for entry in user.entries(project):
            print(f"{entry.id:<32} {entry.kind:<12} {clean(entry.title)}")
        return 0
    if args.action == "remove":
        if not user.remove(args.what, project):
            raise UserError(
                f"There is no entry {clean(args.what, 60)} of yours.",
                "`failsight knowledge list` shows them.",
            )
        print(f"{args.what} removed.")
        return 0
    report = (user.check if args.action == "check" else lambda path: user.add(path, project))(Path(args.what))
    done = "usable" if args.action == "check" else "added"
    for entry in report.entries:
        print(f"{done}: {entry.id} ({entry.kind}) {clean(entry.title)}")
    for problem in report.problems:
        print(clean(problem, 400), file=sys.stderr)
    return 2 if report.problems else 0


def run_forms(args: argparse.Namespace) -> int:
    """``failsight forms``: what only people can answer, out as Markdown and back into the journal."""
    from failsight.agent.commands.basic import must_be_case
    from failsight.agent.opening import open_case
    from failsight.agent.people import forms
    from failsight.knowledge_base.elicitation import forms as all_forms

    if args.action == "list":
        for form in all_forms().values():
            print(f"{form.id:<24} {form.ask.replace('_', ' '):<16} {form.title}")
        return 0
    if len(args.what) != 2:
        shape = "FORM FILE.md" if args.action == "export" else "CASE FILE.md"
        raise UserError(
            f"failsight forms {args.action} takes {shape}.", "`failsight forms list` shows the forms."
        )
    if args.action == "export":
        if args.case is None:
            forms.export(None, args.what[0], Path(args.what[1]))
        else:
            must_be_case(args.case)
            with open_case(args.case, recorded=True) as case:
                forms.export(case, args.what[0], Path(args.what[1]))
        back = f"form-{args.what[0]}.md" if args.what[1].lower().endswith((".html", ".htm")) else args.what[1]
        print(f"{args.what[1]} written; have it filled in, then `failsight forms import CASE {back}`.")
        return 0
    folder = Path(args.what[0])
    must_be_case(folder)
    with open_case(folder, recorded=True) as case:
        made = forms.read_back(case, Path(args.what[1]))
    print(f"{made.form.title}: {counted(len(made.answers), 'answer by', 'answers by')} {made.by}.")
    for line in (*(f"Expected now: {e}" for e in made.expectations), *made.disagreements):
        print(clean(line, 400))
    return 0
