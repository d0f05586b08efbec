"""The sheet on which a person says what a handful of images show: CSV, or one HTML file that opens offline."""

from __future__ import annotations

import base64
import csv
import html
import io
import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from failsight.agent.people.attribute_files import read_csv, write_new
from failsight.agent.places import shown_place
from failsight.tools.attributes.check_report import neither
from failsight.tools.errors import UserError
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.tools.evidence import Evidence

HEADER = ("path", "answer", "choices")
THUMBNAIL = 280
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<style>
body {{ font: 16px/1.4 system-ui, sans-serif; margin: 1.5rem; max-width: 76rem; color: #1e1e22; background: #fff }}
ol {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(18rem, 1fr)); gap: 1rem; padding: 0; list-style: none }}
fieldset {{ border: 1px solid #bbb; border-radius: 6px }} legend {{ font-size: .8rem; overflow-wrap: anywhere }}
img {{ max-width: 100%; max-height: 14rem; display: block; margin: 0 auto .5rem; image-rendering: auto }}
label {{ display: inline-block; margin: 0 .7rem .2rem 0 }} button {{ font-size: 1rem; padding: .5rem 1rem }}
footer {{ position: sticky; bottom: 0; background: #fff; padding: .7rem 0; border-top: 1px solid #bbb }}
</style></head><body>
<h1>{title}</h1>
<p>Say for each image what it shows. <b>{neither}</b>: nothing fits. <b>?</b>: you can't tell. Images without an answer are left out.
The values that were assigned are not shown, so that they don't lead you. When done, save the answers and give the file back:<br><code>{command}</code></p>
<form id="sheet"><ol>{items}</ol></form>
<footer><button type="button" id="save">Save the answers</button> <span id="done" role="status"></span></footer>
<script>
const paths = {paths};
const quoted = text => '"' + text.replaceAll('"', '""') + '"';
const answers = () => paths.map((path, i) => [path, (document.querySelector(`input[name="i${{i}}"]:checked`) || {{}}).value || ""]);
document.getElementById("sheet").addEventListener("change", () => {{
  document.getElementById("done").textContent = answers().filter(a => a[1]).length + " of " + paths.length + " answered";
}});
document.getElementById("save").addEventListener("click", () => {{
  const lines = ["path,answer", ...answers().map(a => a.map(quoted).join(","))];
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([lines.join("\\n") + "\\n"], {{type: "text/csv"}}));
  link.download = {file};
  link.click();
}});
</script></body></html>
"""


def write_sheet(case: Case, made: Evidence, attribute: str, values: Sequence[str], target: Path) -> None:
    """Write the images of ``made`` (of ``attribute_check`` without answers) as a sheet to fill in.

    Raises:
        UserError: the file exists, can't be written, or ends in neither ``.csv`` nor ``.html``.
    """
    if target.suffix.lower() == ".csv":
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows((i.path, "", " | ".join(_choices(values))) for i in made.images)
        write_new(target, text.getvalue())
    elif target.suffix.lower() in (".html", ".htm"):
        write_new(target, _page(case, made, attribute, values))
    else:
        raise UserError(f"{target.name} is neither .html nor .csv.", "Give a name that ends in one of these.")


def read_answers(source: Path) -> dict[str, str]:
    """path → answer of a filled-in sheet; lines without an answer are left out.

    Raises:
        UserError: it can't be read, has other columns, names an image twice, or nobody filled it in.
    """
    if source.suffix.lower() in (".html", ".htm"):
        raise UserError(f"{source.name} is the sheet itself.", "Give the CSV that its button saves.")
    made: dict[str, str] = {}
    for line, row in enumerate(read_csv(source, HEADER[:2]), 2):
        answer = row["answer"].strip()
        if not answer:
            continue
        if row["path"] in made:
            raise UserError(
                f"{source.name}, line {line}: {clean(row['path'], 120)!r} occurs twice.",
                "Keep one line an image.",
            )
        made[row["path"]] = answer
    if not made:
        raise UserError(f"{source.name} holds no answer.", "Fill in the column answer.")
    return made


def _choices(values: Sequence[str]) -> tuple[str, ...]:
    return (*values, neither(values), "?")


def _page(case: Case, made: Evidence, attribute: str, values: Sequence[str]) -> str:
    items = []
    for i, image in enumerate(made.images):
        picture = _picture(case, image.split, image.row)
        shown = f'<img src="{picture}" alt="image {i + 1}">' if picture else "<p>(can't be opened)</p>"
        choices = "".join(
            f'<label><input type="radio" name="i{i}" value="{html.escape(v, quote=True)}"> {html.escape(clean(v, 60))}</label>'
            for v in _choices(values)
        )
        items.append(
            f"<li><fieldset><legend>{i + 1}. {html.escape(clean(image.path, 120))}</legend>{shown}{choices}</fieldset></li>"
        )
    name = clean(attribute, 60)
    return _PAGE.format(
        title=html.escape(f"Attribute: {name}"),
        command=html.escape(
            shlex.join(
                [
                    "failsight",
                    "attributes",
                    "check",
                    shown_place(case.folder),
                    name,
                    "--answers",
                    "answers.csv",
                ]
            )
        ),
        neither=neither(values),
        items="\n".join(items),
        paths=_in_script([i.path for i in made.images]),
        file=_in_script("answers.csv"),
    )


def _picture(case: Case, split: str, row: int) -> str:
    from failsight.tools.inputs.base import BadImage

    try:
        picture = case.table(split).open(row).convert("RGB")  # type: ignore[arg-type]
    except BadImage:
        return ""
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _in_script(value: object) -> str:
    """JSON that can't end the script that it stands in."""
    return json.dumps(value).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
