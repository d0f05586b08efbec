"""``failsight attributes``: list, propose, name, merge, put aside, check, and edit as a file."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failsight.tools.errors import RetryError, UserError
from failsight.tools.text import clean, counted

if TYPE_CHECKING:
    from failsight.agent.case import Case

ACTIONS = ("list", "propose", "add", "rename", "merge", "drop", "restore", "check", "export", "import")
SHAPES = {
    "list": "",
    "propose": "[NAME=VALUE,VALUE …]",
    "add": "NAME VALUE VALUE …",
    "rename": "NAME NEW-NAME, or NAME NEW-VALUE --value VALUE",
    "merge": "NAME INTO, or NAME [NEW-VALUE] --value A --value B",
    "drop": "NAME, or NAME --value VALUE",
    "restore": "NAME, or NAME --value VALUE",
    "check": "NAME [--answers FILE.csv | --key COLUMN]",
    "export": "FILE.csv, or FILE.yaml",
    "import": "FILE.csv, or FILE.yaml",
}
COUNTS = {"list": (0, 0), "propose": (0, 999), "add": (3, 999), "rename": (2, 2), "merge": (1, 2), "drop": (1, 1),
          "restore": (1, 1), "check": (1, 1), "export": (1, 1), "import": (1, 1)}  # fmt: skip


def run_attributes(args: argparse.Namespace) -> int:
    """``failsight attributes ACTION CASE …``; exit code 2 and one sentence where it can't be done."""
    from failsight.agent.opening import open_case
    from failsight.agent.ui.lines import StderrProgress

    least, most = COUNTS[args.action]
    if not least <= len(args.words) <= most:
        shape = f"failsight attributes {args.action} CASE {SHAPES[args.action]}".strip()
        raise UserError(f"`failsight attributes {args.action}` takes something else.", f"Write {shape}.")
    if not (args.case / "journal.jsonl").is_file():
        raise UserError(
            f"{args.case} is not a Failsight case.", "Give the folder that `failsight run` or `chat` made."
        )
    models: dict[str, Any] = {k: getattr(args, k, None) for k in ("encoder", "vqa", "engine")}
    with open_case(args.case, progress=StderrProgress(), **models) as case:
        try:
            _DO[args.action](case, args)
        except RetryError as error:
            raise UserError(str(error)) from None
    return 0


def _list(case: Case, args: argparse.Namespace) -> None:
    from failsight.agent.people.attribute_list import listed

    made = listed(case, args.split)
    if args.json:
        print(json.dumps([one.to_json() for one in made], ensure_ascii=False))
    else:
        print("\n".join(one.line for one in made) or "There are no attributes.")


def _propose(case: Case, args: argparse.Namespace) -> None:
    if args.send_images:
        from failsight.agent.proposals.consent import allow_images

        allow_images(case)
    if args.from_model is not None:
        _from_model(case, args)
        return
    wanted = []
    for word in args.words:
        name, equals, values = word.partition("=")
        if not equals and args.source not in ("vqa", "vision_model"):
            raise UserError(
                f"{clean(word, 60)!r} is not NAME=VALUE,VALUE.", "Write for example weather=sunny,rainy."
            )
        wanted.append({"name": name.strip(), "values": [v.strip() for v in values.split(",") if v.strip()]})
    given = {"source": args.source, "limit": args.limit, "split": args.split}
    _call(case, args, "propose_attributes", {**given, **({"attributes": wanted} if wanted else {})})


def _from_model(case: Case, args: argparse.Namespace) -> None:
    """Attributes that a language model names, put to the same tool as everybody's."""
    from failsight.agent.proposals.names import propose_with_model

    if args.words:
        raise UserError("Either a language model names the attributes or you do.", "Leave out the names.")
    made, notes = propose_with_model(case, args.from_model, args.limit)
    wanted = [{"name": d.name, "values": list(d.values), "question": d.question} for d in made]
    given = {"source": made[0].source, "limit": args.limit, "split": args.split, "attributes": wanted}
    if not args.json:
        print("\n".join(notes), end="\n" if notes else "")
    _call(case, args, "propose_attributes", given)


def _add(case: Case, args: argparse.Namespace) -> None:
    name, *values = args.words
    if args.source == "clusters":
        raise UserError(
            "Groups of look-alikes name themselves.",
            "Use `failsight attributes propose CASE --source clusters`.",
        )
    _edit(case, args, "add", name, values=values, source=args.source)


def _rename(case: Case, args: argparse.Namespace) -> None:
    name, to = args.words
    if args.value:
        _edit(case, args, "rename_value", name, value=args.value[0], to=to)
    else:
        _edit(case, args, "rename", name, to=to)


def _merge(case: Case, args: argparse.Namespace) -> None:
    name, *to = args.words
    if args.value:
        _edit(case, args, "merge_values", name, values=args.value, to=to[0] if to else None)
    elif to:
        _edit(case, args, "merge", name, to=to[0])
    else:
        raise UserError("Into which attribute?", f"Write failsight attributes merge CASE {SHAPES['merge']}.")


def _drop(case: Case, args: argparse.Namespace) -> None:
    if args.value:
        _edit(case, args, "drop_value", args.words[0], value=args.value[0])
    else:
        _edit(case, args, "drop", args.words[0])


def _restore(case: Case, args: argparse.Namespace) -> None:
    _edit(case, args, "restore", args.words[0], value=args.value[0] if args.value else None)


def _check(case: Case, args: argparse.Namespace) -> None:
    from failsight.agent.people.attribute_list import listed
    from failsight.agent.people.attribute_sheet import read_answers, write_sheet
    from failsight.tools.attributes.editing import find

    given: dict[str, Any] = {"attribute": args.words[0], "split": args.split}
    if args.answers is not None:
        given["answers"] = read_answers(args.answers)
    elif args.key is not None:
        given["key_column"] = args.key
    if args.answers is not None or args.key is not None:
        _call(case, args, "attribute_check", given)
        return
    made, _ = case.call("attribute_check", {**given, "n": args.n}, by="person")
    one = find({x.definition.name: x for x in listed(case, args.split)}, args.words[0], "attribute")
    name = one.definition.name
    target = args.out or Path(f"check-{''.join(c if c.isalnum() else '-' for c in name)[:40]}.html")
    write_sheet(case, made, name, list(one.counts), target)
    if args.json:
        print(json.dumps({"sheet": str(target), "images": len(made.images), "evidence": made.id}))
    else:
        print(f"{counted(len(made.images), 'image written', 'images written')} to {target}; fill it in, then `failsight attributes check CASE NAME --answers FILE.csv`.")  # fmt: skip


def _export(case: Case, args: argparse.Namespace) -> None:
    from failsight.agent.people.attribute_files import export

    n = export(case, Path(args.words[0]))
    print(
        f"{counted(n, 'attribute written', 'attributes written')} to {args.words[0]}; change names, then `failsight attributes import`."
    )


def _import(case: Case, args: argparse.Namespace) -> None:
    from failsight.agent.people.attribute_files import read_back

    told = read_back(case, Path(args.words[0]))
    if args.json:
        print(json.dumps(told, ensure_ascii=False))
    else:
        print("\n".join(told) or "Nothing was changed.")


def _edit(case: Case, args: argparse.Namespace, action: str, attribute: str, **more: Any) -> None:
    given = {k: v for k, v in more.items() if v is not None}
    _call(case, args, "edit_attributes", {"action": action, "attribute": attribute, "why": args.why, **given})


def _call(case: Case, args: argparse.Namespace, tool: str, given: dict[str, Any]) -> None:
    made, _ = case.call(tool, given, by="person")
    if args.json:
        print(json.dumps(made.to_dict(), ensure_ascii=False))
    else:
        from failsight.agent.ui.wide import print_evidence

        print_evidence(made)


_DO: dict[str, Callable[[Any, argparse.Namespace], None]] = {
    "list": _list, "propose": _propose, "add": _add, "rename": _rename, "merge": _merge, "drop": _drop,
    "restore": _restore, "check": _check, "export": _export, "import": _import,
}  # fmt: skip
