"""A form as one HTML page that opens offline; its button saves the answers as the Markdown that ``forms import`` reads."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

from failsight.agent.places import shown_place
from failsight.knowledge_base.elicitation import Field, Form
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.agent.case import Case

EXAMPLES = 3  # pictures beside each class
MOST_PICTURED = 40  # classes that get pictures
CONFUSIONS = ("grave_confusions", "costs", "confusable")  # fields about errors: the first of them shows some
ERRORS = 6  # confusions that are shown, the most frequent ones
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 1.5rem auto; padding: 0 1rem; max-width: 48rem; color: #1e1e22; background: #fff }}
fieldset {{ border: 1px solid #767676; border-radius: 6px; margin: 0 0 1.2rem }} legend {{ font-weight: 600 }}
label {{ display: block; margin: .3rem 0 }} input[type=text], textarea {{ width: 98%; font: inherit }}
.errors {{ display: flex; flex-wrap: wrap; gap: .6rem; list-style: none; padding: 0; margin: .3rem 0 }}
.errors li {{ font-size: .9rem; max-width: 12rem }} .errors img {{ display: block }}
img {{ height: 6rem; margin: 0 .4rem .2rem 0 }} .hint {{ color: #55555c; font-size: .9rem; margin: .1rem 0 }}
button {{ font-size: 1rem; padding: .5rem 1rem }} footer {{ position: sticky; bottom: 0; background: #fff; padding: .7rem 0; border-top: 1px solid #767676 }}
@media print {{ footer {{ display: none }} fieldset {{ break-inside: avoid }} }}
</style></head><body><main>
<h1>{title}</h1>
<p>{why}</p>
<p class="hint">Fields with a * need an answer. When done, save the answers and give the file back: <code>{command}</code></p>
<form id="form">{fields}</form></main>
<footer><button type="button" id="save">Save the answers</button> <span id="done" role="status"></span></footer>
<script>
const fields = {spec};
const lines = text => text.split("\\n").map(line => "> " + line.trim()).join("\\n");
const answer = field => {{
  const all = [...document.querySelectorAll(`[name="${{field.name}}"]`)];
  if (field.choices) return all.map(box => `> [${{box.checked ? "x" : " "}}] ${{box.value}}`).join("\\n");
  if (field.rows) return all.map((box, i) => `> ${{field.rows[i]}}: ${{box.value.replaceAll("\\n", " ").trim()}}`).join("\\n");
  return lines(all[0].value);
}};
document.getElementById("save").addEventListener("click", () => {{
  const parts = fields.map(field => `## ${{field.label}}\\n<!-- field: ${{field.name}} -->\\n${{answer(field)}}\\n`);
  const text = {head} + "\\n\\n" + parts.join("\\n");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], {{type: "text/markdown"}}));
  link.download = {file};
  link.click();
  const lacking = fields.filter(field => field.required && !/> (\\[x\\] )?[^\\s\\[]/.test(answer(field)));
  document.getElementById("done").textContent = lacking.length ? lacking.length + " fields with a * are still empty" : "Saved";
}});
</script></body></html>
"""


def page(form: Form, classes: Sequence[str], case: Case | None = None) -> str:
    """The form as a page; with a case, each class is asked about beside a few of its pictures."""
    from failsight.agent.people.attribute_sheet import _in_script
    from failsight.agent.people.forms import HINTS

    by = Field("by", "text", "Who answers, and in which role", (), True)
    shown = [clean(c, 80) for c in classes]
    pictures = _pictures(case, classes) if any(f.kind == "rows" for f in form.fields) else {}
    errors = _errors(case) if case is not None and any(f.name in CONFUSIONS for f in form.fields) else ""
    first = next((f.name for f in form.fields if f.name in CONFUSIONS), "")
    fields = [by, *form.fields]
    spec = [
        {
            "name": f.name,
            "label": f.label,
            "required": f.required,
            "choices": list(f.choices) or None if f.kind in ("choice", "many") else None,
            "rows": shown if f.kind == "rows" else None,
        }
        for f in fields
    ]
    folder = shown_place(case.folder) if case is not None else "CASE"
    return _PAGE.format(
        title=html.escape(form.title),
        why=html.escape(f"Asked of the {form.ask.replace('_', ' ')}. {form.why}"),
        command=html.escape(f"failsight forms import {folder} form-{form.id}.md"),
        fields="\n".join(
            _field(f, HINTS[f.kind], classes, pictures, errors if f.name == first else "") for f in fields
        ),
        spec=_in_script(spec),
        head=_in_script(f"# {form.title}\n\n<!-- form: {form.id} -->"),
        file=_in_script(f"form-{form.id}.md"),
    )


def _field(
    field: Field, hint: str, classes: Sequence[str], pictures: dict[str, list[str]], shown: str = ""
) -> str:
    name, star = html.escape(field.name, quote=True), " *" if field.required else ""
    head = f"<legend>{html.escape(field.label)}{star}</legend>"
    if field.kind in ("choice", "many"):
        kind = "radio" if field.kind == "choice" else "checkbox"
        inside = "".join(
            f'<label><input type="{kind}" name="{name}" value="{html.escape(c, quote=True)}"> {html.escape(c)}</label>'
            for c in field.choices
        )
    elif field.kind == "rows":
        inside = "".join(_row(name, c, pictures.get(c, ())) for c in classes)
    elif field.kind in ("long", "costs", "demands"):
        inside = f'<p class="hint">{html.escape(_plain(hint))}</p><textarea name="{name}" rows="4" aria-label="{html.escape(field.label, quote=True)}"></textarea>'
    else:
        inside = f'<p class="hint">{html.escape(hint)}</p><input type="text" name="{name}" aria-label="{html.escape(field.label, quote=True)}">'
    return f"<fieldset>{head}{shown}{inside}</fieldset>"


def _plain(hint: str) -> str:
    """A hint about Markdown's signs means nothing on a page."""
    return hint.partition(", each beginning")[0]


def _row(name: str, class_: str, pictures: Sequence[str]) -> str:
    shown = html.escape(clean(class_, 80))
    images = "".join(f'<img src="{p}" alt="an image labelled {shown}">' for p in pictures)
    return f'<label>{shown}<br>{images}<input type="text" name="{name}"></label>'


def _pictures(case: Case | None, classes: Sequence[str]) -> dict[str, list[str]]:
    """A few pictures a class, the first that can be opened; none for very many classes."""
    from failsight.agent.people.attribute_sheet import _picture

    if case is None or len(classes) > MOST_PICTURED:
        return {}
    table = case.table("data")
    made: dict[str, list[str]] = {}
    for code, name in enumerate(table.classes):
        for row in (table.labels == code).nonzero()[0].tolist()[: 2 * EXAMPLES]:
            picture = _picture(case, "data", int(row))
            if picture and len(made.setdefault(name, [])) < EXAMPLES:
                made[name].append(picture)
    return made


def _errors(case: Case) -> str:
    """The most frequent confusions so far with a picture of each, where the predictions were measured: whether an error can
    be accepted is judged by looking at one. Empty before: a form must not wait for a pass of the model."""
    import numpy as np

    from failsight.agent.people.attribute_sheet import _picture

    if not any(e.tool in ("evaluate", "confusion_matrix") for e in case.state().evidence):
        return ""
    said, table = case.predictions("data"), case.table("data")
    true = table.labels[said.rows]
    wrong = np.flatnonzero((true >= 0) & (true != said.predicted))
    pairs: dict[tuple[int, int], list[int]] = {}
    for at in wrong.tolist():
        pairs.setdefault((int(true[at]), int(said.predicted[at])), []).append(int(said.rows[at]))
    items = []
    for (label, taken), rows in sorted(pairs.items(), key=lambda p: (-len(p[1]), p[0]))[:ERRORS]:
        words = html.escape(f"{clean(case.classes[label], 80)} taken for {clean(case.classes[taken], 80)}")
        picture = next((p for p in (_picture(case, "data", row) for row in rows[:3]) if p), "")
        image = f'<img src="{picture}" alt="an image of {words}">' if picture else ""
        items.append(f"<li>{image}{words} ({len(rows):,})</li>")
    if not items:
        return ""
    return f'<p class="hint">Errors that the model makes now, the most frequent first:</p><ul class="errors">{"".join(items)}</ul>'
