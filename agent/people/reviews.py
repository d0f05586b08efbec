"""``failsight reviews``: single errors out for people to judge, as CSV or one HTML page, their judgements back, attributed."""

from __future__ import annotations

import argparse
import csv
import html
import io
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failsight.agent.places import shown_place
from failsight.tools.errors import RetryError, UserError
from failsight.tools.text import clean, counted

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.tools.evidence import Evidence

HEADER = (
    "path",
    "true_class",
    "predicted_class",
    "confidence",
    "own_answer",
    "verdict",
    "could_a_person_err",
    "why",
)
NEEDED = ("path", "verdict")
CHOICES = (("acceptable", "acceptable"), ("unacceptable", "not acceptable"), ("label", "the label is wrong"), ("unsure", "can't tell"))  # fmt: skip
DRAWN = 40


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("action", choices=("export", "import", "show"))
    parser.add_argument("case", type=Path, metavar="CASE")
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help="export: .html or .csv to write; import: the filled-in .csv",
    )
    parser.add_argument(
        "--n", type=int, default=DRAWN, help=f"export: how many errors to draw (default {DRAWN})"
    )
    parser.add_argument("--by", default="", metavar="NAME", help="import: who judged, and in which role")
    parser.add_argument(
        "--split", choices=("data", "train", "deploy"), default="data", help="which images (default data)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Export, import or show."""
    from failsight.agent.opening import open_case

    if not (args.case / "journal.jsonl").is_file():
        raise UserError(
            f"{args.case} is not a Failsight case.", "Give the folder that `failsight run` or `chat` made."
        )
    if args.action != "show" and args.file is None:
        raise UserError(f"failsight reviews {args.action} which file?", "Give FILE.html or FILE.csv.")
    with open_case(args.case, recorded=True) as case:
        if args.action == "export":
            n = export(case, args.file, n=args.n, split=args.split)
            back = args.file if args.file.suffix.lower() == ".csv" else "reviews.csv"
            print(
                f"{counted(n, 'error')} written to {args.file}; have them judged, then `failsight reviews import {args.case} {back} --by NAME`."
            )
            if case.recorded is not None:
                print(NOT_AT_HAND)
            return 0
        made = (
            read_back(case, args.file, by=args.by, split=args.split)
            if args.action == "import"
            else newest(case, args.split)
        )
    if made is None:
        print("Nobody has judged an error yet.")
    elif args.json:
        print(json.dumps(made.to_dict(), ensure_ascii=False))
    else:
        from rich.console import Console

        Console().print(made)
    return 0


_GIVEN = re.compile(r"^(?P<file>.+?\.csv)(?:\s+by\s+(?P<by>.+))?$", re.IGNORECASE)


def converse(case: Case, rest: str) -> str:
    """What ``/reviews`` does: without more it writes the page of errors, else ``FILE.csv by NAME`` is read back."""
    if not rest.strip():
        target = free(case.folder)
        n = export(case, target)
        told = f"{counted(n, 'error')} to judge {'is' if n == 1 else 'are'} written to `{target}`: have them judged, then `/reviews FILE.csv by NAME`."
        return told if case.recorded is None else f"{told} {NOT_AT_HAND}"
    found = _GIVEN.match(rest.strip())
    if found is None:
        raise UserError("That is no file of judgements.", "Write `/reviews FILE.csv by NAME`.")
    return read_back(case, Path(found["file"].strip("'\"")), by=found["by"] or "").summary


def free(folder: Path) -> Path:
    """A name for the page that nothing has yet: it may hold somebody's work."""
    names = (folder / f"errors-to-judge{f'-{i}' if i else ''}.html" for i in range(1000))
    return next(p for p in names if not p.exists())


def newest(case: Case, split: str = "data") -> Evidence | None:
    """The newest evidence that holds judgements."""
    made = [
        e
        for e in case.evidence("review_errors")
        if e.arguments.get("by") and e.arguments.get("split", "data") == split
    ]
    return made[-1] if made else None


def export(case: Case, target: Path, *, n: int = DRAWN, split: str = "data") -> int:
    """Draw errors and write them to ``target`` (.csv or .html); returns how many.

    Raises:
        UserError: the case has no errors or labels; the file exists, can't be written, or has another ending.
    """
    if target.suffix.lower() not in (".csv", ".html", ".htm"):
        raise UserError(f"{target.name} is neither .html nor .csv.", "Give a name that ends in one of these.")
    from failsight.agent.people.attribute_files import write_new

    made = _drawn_before(case, split, n) or _call(case, {"n": n, "split": split})
    rows = _rows(case, made)
    if target.suffix.lower() == ".csv":
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows((*row, "", "", "", "") for row in rows)
        write_new(target, text.getvalue())
    else:
        write_new(target, page(case, made, rows))
    return len(rows)


def read_back(case: Case, source: Path, *, by: str, split: str = "data") -> Evidence:
    """Journal the judgements in ``source``; empty lines say that nobody looked.

    Raises:
        UserError: nobody signed it, an unknown image or verdict, an image twice, or no judgement at all.
    """
    from failsight.agent.people.attribute_files import read_csv

    if source.suffix.lower() in (".html", ".htm"):
        raise UserError(f"{source.name} is the page itself.", "Give the CSV that its button saves.")
    answers: dict[str, str] = {}
    human: dict[str, str] = {}
    why: dict[str, str] = {}
    signed = ""
    for line, row in enumerate(read_csv(source, NEEDED), 2):
        path, verdict = row["path"], row["verdict"].strip()
        signed = signed or clean(row.get("by", ""), 120)
        person = row.get("could_a_person_err", "").strip()
        if not verdict and not person:
            continue
        if path in answers:
            raise UserError(
                f"{source.name}, line {line}: {clean(path, 120)!r} occurs twice.", "Keep one line an image."
            )
        answers[path] = verdict  # left blank, it takes no earlier one back
        reason = [clean(row.get("why", ""), 300), _own(row.get("own_answer", ""))]
        if person:
            human[path] = person
        if any(reason):
            why[path] = " ".join(r for r in reason if r)
    if not answers:
        raise UserError(f"{source.name} holds no judgement.", "Fill in the column verdict.")
    by = clean(by, 120) or signed
    if not by:
        raise UserError("Nobody signed it.", "Say who judged: --by NAME.")
    given: dict[str, Any] = {
        "n": _drawn(case, split, answers),
        "split": split,
        "answers": answers,
        "human": human,
        "why": why,
        "by": by,
    }
    return _called(case, given)[
        0
    ]  # said again after it had been taken back, it is a new round: see Case.call_key


def _drawn(case: Case, split: str, answers: Mapping[str, str]) -> int:
    """How many errors the draw took that these answers are about."""
    for one in reversed(_draws(case, split)):
        if set(answers) <= {i.path for i in one.images}:
            return int(one.arguments["n"])
    return DRAWN


def _draws(case: Case, split: str) -> list[Evidence]:
    """Evidence of errors that were drawn to be judged, oldest first."""
    made = []
    for one in case.evidence("review_errors"):
        given = one.arguments
        if not given.get("by") and not given.get("image") and given.get("split", "data") == split:
            made.append(one)
    return made


def _drawn_before(case: Case, split: str, n: int) -> Evidence | None:
    """The newest draw of a case whose images are not at hand, of as many errors where there is one; else None."""
    if case.recorded is None:
        return None
    draws = _draws(case, split)
    return next((e for e in reversed(draws) if e.arguments.get("n") == n), draws[-1] if draws else None)


def _own(text: str) -> str:
    return f"Would call it {clean(text, 80)}." if text.strip() else ""


def _call(case: Case, given: Mapping[str, Any]) -> Evidence:
    return _called(case, given)[0]


def _called(case: Case, given: Mapping[str, Any]) -> tuple[Evidence, bool]:
    try:
        return case.call("review_errors", given, by="person")
    except RetryError as problem:
        raise UserError(str(problem)) from None


def _rows(case: Case, made: Evidence) -> list[tuple[str, str, str, str]]:
    """(path, true class, predicted class, confidence) of the images that were drawn; as far as the record tells where these are not at hand."""
    if not made.images:
        return []
    if case.recorded is not None:
        return _recorded_rows(case, made)
    p = case.predictions(made.images[0].split)  # type: ignore[arg-type]
    place = {int(row): i for i, row in enumerate(p.rows)}
    rows = []
    for image in made.images:
        i = place[image.row]
        sure = f"{float(p.confidence[i]):.3f}" if p.has_scores else ""
        rows.append((image.path, p.classes[int(p.labels[i])], p.classes[int(p.predicted[i])], sure))
    return rows


def _recorded_rows(case: Case, made: Evidence) -> list[tuple[str, str, str, str]]:
    """The same from what other evidence shows of these images; empty text where none does."""
    known = {(i.split, i.path): i for e in case.state().measured_now() for i in e.images if i.prediction}
    rows = []
    for image in made.images:
        one = known.get((image.split, image.path), image)
        sure = "" if one.confidence is None else f"{one.confidence:.3f}"
        rows.append((image.path, one.label, one.prediction, sure))
    return rows


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 16px/1.4 system-ui, sans-serif; margin: 1.5rem; max-width: 76rem; color: #1e1e22; background: #fff }}
ol {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); gap: 1rem; padding: 0; list-style: none }}
fieldset {{ border: 1px solid #767676; border-radius: 6px }} legend {{ font-size: .8rem; overflow-wrap: anywhere }}
img {{ max-width: 100%; max-height: 16rem; display: block; margin: 0 auto .5rem }}
label {{ display: inline-block; margin: 0 .7rem .2rem 0 }} .wide {{ display: block }} input[type=text] {{ width: 95% }}
summary {{ cursor: pointer }} button {{ font-size: 1rem; padding: .5rem 1rem }}
footer {{ position: sticky; bottom: 0; background: #fff; padding: .7rem 0; border-top: 1px solid #767676 }}
@media print {{ footer {{ display: none }} fieldset {{ break-inside: avoid }} }}
</style></head><body><main>
<h1>{title}</h1>
<p>{about}</p>
<p><label class="wide">Who judges, and in which role <input type="text" id="by" maxlength="120"></label></p>
<form id="sheet"><ol>{items}</ol></form></main>
<footer><button type="button" id="save">Save the judgements</button> <span id="done" role="status"></span></footer>
<script>
const paths = {paths};
const quoted = text => '"' + text.replaceAll('"', '""') + '"';
const chosen = (name, i) => (document.querySelector(`input[name="${{name}}${{i}}"]:checked`) || {{}}).value || "";
const typed = (name, i) => document.getElementById(name + i).value.trim();
const row = (path, i) => [path, typed("own", i), chosen("verdict", i), chosen("human", i), typed("why", i), document.getElementById("by").value.trim()];
document.getElementById("sheet").addEventListener("change", () => {{
  document.getElementById("done").textContent = paths.filter((_, i) => chosen("verdict", i)).length + " of " + paths.length + " judged";
}});
document.getElementById("save").addEventListener("click", () => {{
  const lines = ["path,own_answer,verdict,could_a_person_err,why,by", ...paths.map((path, i) => row(path, i).map(quoted).join(","))];
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([lines.join("\\n") + "\\n"], {{type: "text/csv"}}));
  link.download = "reviews.csv";
  link.click();
}});
</script></body></html>
"""
NOT_AT_HAND = (
    "The images of this case are not where they were, so the sheet holds no pictures and names them by their paths; label and answer "
    "stand there where the record of the case tells them."
)
ABOUT = (
    "Look at each picture and say what you would call it before you open what label and model say. Then judge: can this error "
    "be accepted, and could a careful person make it too? What you leave empty is left out. When done, save the judgements and give the file back:"
)


def page(case: Case, made: Evidence, rows: Sequence[tuple[str, str, str, str]]) -> str:
    """The errors on one page that opens offline and saves a CSV. Pictures that can't be opened are named by their path."""
    from failsight.agent.people.attribute_sheet import _in_script, _picture

    items = []
    for i, (image, (path, true, said, sure)) in enumerate(zip(made.images, rows, strict=True)):
        picture = "" if case.recorded is not None else _picture(case, image.split, image.row)
        named = f"<p>{html.escape(clean(path, 160))} (can't be opened)</p>"
        shown = f'<img src="{picture}" alt="error {i + 1}">' if picture else named
        items.append(_item(i, path, true, said, sure, shown))
    command = shlex.join(["failsight", "reviews", "import", shown_place(case.folder), "reviews.csv"])
    return _PAGE.format(
        title="Errors to judge",
        about=f"{'' if case.recorded is None else html.escape(NOT_AT_HAND) + ' '}{html.escape(ABOUT)}<br><code>{html.escape(command)}</code>",
        items="\n".join(items),
        paths=_in_script([r[0] for r in rows]),
    )


def _item(i: int, path: str, true: str, said: str, sure: str, shown: str) -> str:
    def text(value: str, limit: int = 80) -> str:
        return html.escape(clean(value, limit), quote=True)

    verdicts = "".join(
        f'<label><input type="radio" name="verdict{i}" value="{value}"> {html.escape(words)}</label>'
        for value, words in CHOICES
    )
    people = "".join(
        f'<label><input type="radio" name="human{i}" value="{v}"> {v}</label>' for v in ("yes", "no")
    )
    confidence = f" ({100 * float(sure):.0f} % sure)" if sure else ""
    answer = (
        f"The model says <b>{text(said)}</b>{confidence}."
        if said
        else "What the model says is not known here."
    )
    return (
        f"<li><fieldset><legend>Error {i + 1}</legend>{shown}"
        f'<label class="wide">What would you call it? <input type="text" id="own{i}" maxlength="80"></label>'
        f"<details><summary>Label and answer</summary><p>Label: <b>{text(true) or 'not known here'}</b>. {answer}<br>{text(path, 160)}</p></details>"
        f'<div role="radiogroup" aria-label="Can error {i + 1} be accepted?">{verdicts}</div>'
        f'<div role="radiogroup" aria-label="Could a careful person make error {i + 1}?">Could a careful person make this mistake? {people}</div>'
        f'<label class="wide">Why? <input type="text" id="why{i}" maxlength="300"></label></fieldset></li>'
    )
