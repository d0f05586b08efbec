"""``failsight expect``: what a requester or a domain expert demands, set at any time, attributed, disagreements shown."""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from failsight.tools.errors import UserError
from failsight.tools.expectations.names import (
    check_bound,
    is_price,
    parse_name,
    parse_price,
    show_value,
)
from failsight.tools.inputs.spelling import Spellings
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.agent.journal import Event
    from failsight.agent.planners.expectations import Criterion
    from failsight.knowledge_base.vocabulary import Vocabulary
    from failsight.tools.expectations.subjects import Doubt
    from failsight.tools.view import CaseView

LIST = ("true", "predicted", "cost")
CORNER = "true \\ predicted"
MOST_TEMPLATE = 200  # classes of a matrix that people can fill in


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("case", type=Path, metavar="CASE")
    parser.add_argument(
        "demands",
        nargs="*",
        metavar="NAME>=VALUE",
        help="for example 'recall.kitchen>=0.9', 'accuracy[lighting=dark]>=0.8', 'worst_group[lighting]>=0.7', "
        "'confusion.stove>chair<=0.01', 'cost.bathroom>kitchen=5', 'expected_cost<=0.2', or plain words; none: list them",
    )
    parser.add_argument("--by", default="", metavar="NAME", help="who demands it, and in which role")
    parser.add_argument(
        "--costs",
        type=Path,
        metavar="FILE.csv",
        help="what each confusion costs: a matrix, or columns true, predicted, cost",
    )
    parser.add_argument(
        "--costs-template", type=Path, metavar="FILE.csv", help="write a matrix of costs to fill in, and stop"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Set what was given, then list what is expected. Nothing is set unless all of it can be read."""
    from failsight.agent.opening import open_case, open_to_look

    if not (args.case / "journal.jsonl").is_file():
        raise UserError(
            f"{args.case} is not a Failsight case.", "Give the folder that `failsight run` or `chat` made."
        )
    sets = args.demands or args.costs is not None
    with open_case(args.case, recorded=True) if sets else open_to_look(args.case) as case:
        if args.costs_template is not None:
            write_template(case, args.costs_template)
            print(
                f"{args.costs_template} written; fill it in, then `failsight expect CASE --costs {args.costs_template} --by NAME`."
            )
            return 0
        wanted = [one for text in args.demands for one in read_all(text, case.classes, case)]
        if args.costs is not None:
            wanted += read_costs(args.costs, case.classes)
        told = [one.heard for one in wanted if one.heard] + set_all(case, wanted, args.by)
        if case.recorded is not None and any("[" in one.name for one in wanted):
            told.append("Whether there are such images was not looked at: they are not at hand.")
        _print(case, told, args.json)
    return 0


def read(text: str, classes: Sequence[str], case: Case | None = None) -> Criterion:
    """One demand, as :func:`read_all` reads it. Raises UserError also where ``text`` states several."""
    made = read_all(text, classes, case)
    if len(made) > 1:
        raise UserError(f"{clean(text, 80)!r} states {len(made)} demands.", "Write one at a time.")
    return made[0]


def read_all(
    text: str, classes: Sequence[str], case: Case | None = None, *, checked: bool = True
) -> list[Criterion]:
    """The demands in ``text``, as they are named or in plain words: one, or one a class, a rate or a group.

    Args:
        case: whose images and attributes they must speak of; without one only classes are known.
        checked: False takes what the case does not have as well (classes, attributes and their values).

    Raises:
        UserError: it can't be read, or names something unknown.
    """
    from failsight.agent.planners.expectations import parse_cli
    from failsight.agent.planners.wishes import doubt, parse_bounds

    named = parse_cli(text, classes)
    made = [named] if named is not None and (is_price(named.name) or _known(named.name)) else []
    names = _names(case) if case is not None and case.recorded is None and not made else None
    made = made or parse_bounds(text, classes, names)
    asked = "" if made else doubt(text, classes, names)
    if asked:
        raise UserError(asked, "Or write 'recall.CLASS>=0.9'.")
    made = made or ([named] if named is not None else [])
    if not made:
        raise UserError(
            f"{clean(text, 80)!r} states no bound.",
            "Write for example 'recall.kitchen>=0.9' or 'cost.bathroom>kitchen=5'.",
        )
    for one in made:
        check(one.name, one.bound, classes, case if checked else None)
    return made


def _names(case: Case) -> Vocabulary:
    from failsight.agent.planners.words import vocabulary

    made: Vocabulary = vocabulary(case)
    return made


def _known(name: str) -> bool:
    try:
        parse_name(name)
    except LookupError:
        return False
    return True


def check(name: str, bound: float, classes: Sequence[str], case: Case | None = None) -> None:
    """Raises UserError for an unknown measure, class or bound; with ``case`` also for images, an attribute or a value that it lacks.

    An attribute that may still be assigned is no error: :func:`awaited` says so.
    """
    check_bound(name, bound)
    shown = listing([clean(c, 40) for c in classes], 20)
    if is_price(name):
        if parse_price(name, list(classes)) is None:
            raise UserError(
                f"{clean(name, 80)} names no two classes.", f"Write cost.TRUE>ANSWER; there are {shown}."
            )
        return
    try:
        asked = parse_name(name)
    except LookupError as problem:
        raise UserError(str(problem.args[0])) from None
    if asked.metric == "confusion" and parse_price(f"confusion.{asked.about}", list(classes)) is None:
        raise UserError(
            f"{clean(name, 80)} names no two classes.", f"Write confusion.TRUE>ANSWER; there are {shown}."
        )
    known = {c.casefold() for c in classes}
    if asked.metric in ("recall", "precision", "f1") and asked.about.casefold() not in known:
        from failsight.tools.expectations.subjects import named

        raise UserError(f"There is no class {clean(asked.about, 60)!r}.", named(asked.about, classes))
    found = _doubt(case, name)
    if case is not None and found is not None and not found.empty and not (found.later and may_come(case)):
        raise UserError(f"{clean(name, 80)} can't be judged: {found.sentence}", found.hint)


def awaited(case: Case, only: str = "") -> list[str]:
    """A sentence for each expectation (or the one called ``only``) on something that this case does not have, or not yet."""
    made = []
    for one in case.expectations:
        found = _doubt(case, one.name) if only in ("", one.name) else None
        if found is None:
            continue
        yet = " yet" if found.later and may_come(case) else ""
        way = " A model may still propose it (docs/attributes.md)." if yet else ""
        told = f"{clean(one.name, 80)} can't be judged{yet}: {found.sentence}{way}"
        made.append(f"{told} As it is, the expectation stays open. {found.hint}".strip())
    return made


def may_come(case: Case) -> bool:
    """Whether attributes that are not there yet may be assigned in this case: a model is named that can look for them."""
    return bool(case.config.encoder or case.config.vqa or case.config.planner.startswith("openai:"))


def _doubt(case: Case | None, name: str) -> Doubt | None:
    if (
        case is None or case.recorded is not None
    ):  # whether there is such a group shows when the images are back
        return None
    from failsight.tools.expectations.subjects import doubt

    return doubt(cast("CaseView", case), name)


def set_all(case: Case, wanted: Iterable[Criterion], by: str) -> list[str]:
    """Journal the demands; returns one sentence for each that somebody else had set otherwise."""
    told = []
    for one in wanted:
        who = by or one.by or "person"
        old = next((e for e in case.expectations if e.name == one.name), None)
        if old is not None and old.by != who and (old.bound, old.at_least) != (one.bound, one.at_least):
            told.append(
                f"{clean(old.by or 'nobody named', 60)} had set {clean(one.name, 80)} {_sign(old.at_least, one.name)} "
                f"{show_value(one.name, old.bound)}; {clean(who, 60)} says {_sign(one.at_least, one.name)} {show_value(one.name, one.bound)}, which holds now."
            )
        case.expect(one.name, one.bound, at_least=one.at_least, by=clean(who, 120))
    return told


def _sign(at_least: bool, name: str) -> str:
    return "=" if is_price(name) else "≥" if at_least else "≤"


def disagreements(events: Sequence[Event]) -> list[tuple[str, list[tuple[str, float, bool, int]]]]:
    """Criteria on which people differ: name, and for each person the last bound set: (who, bound, lower, event)."""
    said: dict[str, dict[str, tuple[float, bool, int]]] = {}
    for event in events:
        if event.kind == "expectation.set":
            d = event.data
            said.setdefault(str(d["name"]), {})[str(d.get("by", ""))] = (
                float(d["bound"]),
                bool(d["at_least"]),
                event.seq,
            )
    return [
        (name, [(who, *bound) for who, bound in by.items()])
        for name, by in said.items()
        if len({b[:2] for b in by.values()}) > 1
    ]


def read_costs(source: Path, classes: Sequence[str]) -> list[Criterion]:
    """Prices of confusions from a CSV: a matrix (rows: true class) or columns true, predicted, cost. Empty cells say nothing.

    Raises:
        UserError: it can't be read, or holds an unknown class, no number, a cost on the diagonal, or a confusion twice.
    """
    from failsight.agent.people.attribute_files import read_csv
    from failsight.agent.planners.expectations import Criterion

    rows = read_csv(source, ())
    header = list(rows[0]) if rows else []
    cells = _listed(rows) if set(LIST) <= set(header) else _matrix(rows, header)
    spelt = Spellings(classes)
    made: dict[str, Criterion] = {}
    for line, true, said, text in cells:
        if not text.strip():
            continue
        pair = tuple(n if n in classes else spelt.find(n.strip()) or "" for n in (true, said))
        where = f"{source.name}, line {line}"
        if not all(pair):
            unknown = clean(true if not pair[0] else said, 60)
            raise UserError(
                f"{where}: there is no class {unknown!r}.",
                f"There are {listing([clean(c, 40) for c in classes], 20)}.",
            )
        cost = _cost(text, where)
        if pair[0] == pair[1]:
            if cost:
                raise UserError(
                    f"{where}: {clean(true, 60)} recognised as such can't cost anything.",
                    "Leave the diagonal empty.",
                )
            continue
        name = f"cost.{pair[0]}>{pair[1]}"
        if name in made:
            raise UserError(f"{where}: {clean(name, 80)} occurs twice.", "Keep one of them.")
        made[name] = Criterion(name, cost, False)
    if not made:
        raise UserError(f"{source.name} holds no cost.", "Write one number a confusion.")
    return list(made.values())


def _cost(text: str, where: str) -> float:
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        raise UserError(
            f"{where}: {clean(text, 40)!r} is no number.", "Write a cost as a number; a plain error costs 1."
        ) from None
    try:
        check_bound("cost.a>b", value)
    except UserError as problem:
        raise UserError(f"{where}: a cost can't be {clean(text, 40)}.", problem.hint) from None
    return value


def _listed(rows: Sequence[Mapping[str, str]]) -> Iterable[tuple[int, str, str, str]]:
    return ((i, row["true"], row["predicted"], row["cost"]) for i, row in enumerate(rows, 2))


def _matrix(rows: Sequence[Mapping[str, str]], header: Sequence[str]) -> Iterable[tuple[int, str, str, str]]:
    if not header:
        return
    for i, row in enumerate(rows, 2):
        for said in header[1:]:
            yield i, row.get(header[0], ""), said, row.get(said, "")


def write_template(case: Case, target: Path) -> None:
    """A matrix of costs, as far as they are set; empty cells cost 1. Raises UserError for very many classes or a file that exists."""
    from failsight.agent.people.attribute_files import write_new

    classes = list(case.classes)
    if len(classes) > MOST_TEMPLATE:
        raise UserError(
            f"A matrix of {len(classes):,} classes is too large to fill in.",
            "Write a CSV with columns true, predicted, cost.",
        )
    known = {parse_price(e.name, classes): e.bound for e in case.expectations if is_price(e.name)}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((CORNER, *classes))
    for true in classes:
        writer.writerow(
            (true, *(f"{known[true, said]:g}" if (true, said) in known else "" for said in classes))
        )
    write_new(target, text.getvalue())


def _print(case: Case, told: Sequence[str], as_json: bool) -> None:
    differ = disagreements(case.journal.events)
    if as_json:
        rows: list[dict[str, Any]] = [
            {"name": e.name, "bound": e.bound, "at_least": e.at_least, "by": e.by} for e in case.expectations
        ]
        print(
            json.dumps(
                {"expectations": rows, "disagreements": [name for name, _ in differ]}, ensure_ascii=False
            )
        )
        return
    if not case.expectations:
        print("Nobody has said what is expected of the model.")
    for e in case.expectations:
        print(
            f"{clean(e.name, 80)} {_sign(e.at_least, e.name)} {show_value(e.name, e.bound)}  ({clean(e.by, 60) or 'nobody named'})"
        )
    for sentence in told:
        print(sentence)
    for name, said in differ:
        each = "; ".join(
            f"{clean(who, 60) or 'nobody named'} {_sign(least, name)} {show_value(name, bound)}"
            for who, bound, least, _ in said
        )
        print(f"They differ on {clean(name, 80)}: {each}.")
