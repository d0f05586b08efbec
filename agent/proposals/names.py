"""Attributes that a language model names for a task (HiBug §3.1): asked once, read strictly, cleaned, deduplicated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from failsight import prompts
from failsight.agent.proposals.asking import Asker, objects
from failsight.tools.errors import RetryError
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.tools.attributes.definitions import Definition, Source
    from failsight.tools.view import CaseView

LIMIT = 20
MOST_READ = 500  # proposals that are looked at; nobody means more
MOST_VALUES = 12
MOST_CLASSES = 200  # that are shown to the model
_LINE = re.compile(r"^\s*(?:[-*•]|\d{1,3}[.)])\s+(.{1,300})$", re.MULTILINE)
_MARKS = re.compile(r"[*_`\"']")

TOOL: Mapping[str, Any] = {
    "type": "function",
    "function": {
        "name": "name_attributes",
        "description": "Name visual attributes of the images with their values.",
        "parameters": {
            "type": "object",
            "properties": {
                "attributes": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "name": {"type": "string", "maxLength": 60},
                            "values": {"type": "array", "items": {"type": "string", "maxLength": 40}},
                            "thing": {"type": "string", "maxLength": 40},
                        },
                        "required": ["name", "values"],
                    },
                }
            },
            "required": ["attributes"],
        },
    },
}


def propose_with_model(
    case: Case, planner: str = "", limit: int = LIMIT, *, chat: Any = None
) -> tuple[Sequence[Definition], Sequence[str]]:
    """(attributes that are new and sound, what was left out and why), named by a language model.

    Where the case has a model that answers questions, values are its answers about representative pictures; else they are
    the language model's own.

    Args:
        planner: ``openai:MODEL`` or ``local:FOLDER``; empty: the case's.
        limit: attributes at most.
        chat: a chat model to use instead (tests).

    Raises:
        RetryError: no language model, nothing that could assign the attributes, or nothing usable was named.
        UserError: the budget is used up, or the model can't answer.
    """
    planner = planner or case.config.planner
    source = assigner(case)
    answer, notes = _named(case, _asker(case, planner, chat), limit)
    if source == "vqa":
        kept, more = _with_values(case, answer, limit)
    else:
        kept, more = _sifted(case, [definition(raw, source, planner) for raw in answer], limit)
    if not kept:
        raise RetryError(f"The model named no attribute that can be used. {' '.join(more)}".strip())
    return kept, [*notes, *more]


def assigner(case: Case) -> Source:
    """Which source can say what each picture shows. Raises RetryError when the case has none."""
    if case.config.vqa and not case.config.vqa.startswith("openai:"):
        return "vqa"
    try:
        case.encoder()
    except RetryError:
        from failsight.agent.proposals.consent import images_allowed

        if images_allowed(case):
            return "vision_model"
        raise RetryError(
            "Nothing could say which image has which of the attributes: open the case with --encoder FOLDER or --vqa FOLDER first."
        ) from None
    return "zero_shot"


def _asker(case: Case, planner: str, chat: Any) -> Asker:
    if chat is None:
        if planner == "guided":
            raise RetryError(
                "Naming attributes needs a language model: --planner openai:MODEL or local:FOLDER."
            )
        from failsight.agent.planners import make_planner

        chat = make_planner(planner, case, case.config.level)
    return Asker(case, chat, planner.partition(":")[2], "attributes to look at")


def _named(case: Case, asker: Asker, limit: int) -> tuple[list[Mapping[str, Any]], list[str]]:
    """What the model named, as it wrote it; asked a second time where nothing could be read."""
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

    classes = [clean(c, 60) for c in case.classes[:MOST_CLASSES]]
    lines = [f"Task: {clean(case.task, 1000) or 'not stated'}", f"Classes: {', '.join(classes)}"]
    existing = [clean(d.name, 60) for d in case.definitions()]
    lines += [f"Known already: {', '.join(existing)}"] if existing else []
    system = SystemMessage(prompts.page("propose_attributes", limit=limit))
    messages: list[Any] = [system, HumanMessage(prompts.fenced(lines))]
    for attempt in range(2):
        answer = asker.ask(messages, TOOL)
        found = list(read(answer))
        if found:
            notes = (
                [f"The model wrote more than {MOST_READ} proposals; the others were not read."]
                if len(found) > MOST_READ
                else []
            )
            return found[:MOST_READ], notes
        if attempt == 0:
            said = clean(answer.text, 500) or "(nothing)"
            messages += [AIMessage(said), HumanMessage("That can't be read. Answer with the JSON alone.")]
    raise RetryError(
        "The model's answer names no attributes: try again, another model, or write attributes yourself."
    )


def read(answer: Any) -> Iterator[Mapping[str, Any]]:
    """``{"name", "values", "thing"}`` of every attribute in an answer: from its calls, JSON in its words, or its list."""
    seen: set[str] = set()
    for value in [*objects(answer), *_listed(str(answer.text))]:
        for raw in _entries(value):
            name = clean(raw["name"], 200)
            if name and name.casefold() not in seen and len(seen) <= MOST_READ:
                seen.add(name.casefold())
                yield {**raw, "name": name}


def _entries(value: Any) -> Iterator[dict[str, Any]]:
    """Attributes in one JSON value, in the shapes that models write."""
    if isinstance(value, dict) and isinstance(value.get("attributes"), list | dict):
        value = value["attributes"]
    if isinstance(value, dict) and "name" in value:
        value = [value]
    if isinstance(value, dict):  # {"lighting": ["bright", "dark"]}
        value = [{"name": k, "values": v} for k, v in value.items()]
    for one in value if isinstance(value, list) else ():
        if isinstance(one, str):
            yield {"name": one, "values": [], "thing": ""}
        elif isinstance(one, dict) and isinstance(one.get("name"), str):
            values = one.get("values")
            values = values if isinstance(values, list) else str(values or "").split(",")
            kept = [str(v) for v in values if isinstance(v, str | int | float)]
            yield {"name": one["name"], "values": kept, "thing": str(one.get("thing") or "")}


def _listed(text: str) -> list[Any]:
    """Attributes of a list in prose: ``- Lighting: bright, dark``."""
    made = []
    for line in _LINE.findall(text[:100_000]):
        name, _, values = _MARKS.sub("", line).partition(":")
        if values.strip() and len(name.split()) <= 5:
            made.append(
                {"name": name.strip().lower(), "values": re.split(r"[,;/]|\bor\b", values.strip(" ."))}
            )
    return [made] if made else []


def definition(raw: Mapping[str, Any], source: Source, by: str) -> Definition:
    """A definition, not yet cleaned, of what a model wrote."""
    from failsight.tools.attributes.answers import question_for
    from failsight.tools.attributes.definitions import Definition, plain

    name, thing = clean(raw["name"], 200), clean(raw.get("thing", ""), 40)
    values = tuple(clean(v, 200) for v in raw["values"])[:MOST_VALUES]
    there = {plain(v) for v in values} == {"yes", "no"}
    return Definition(
        name, source, name, values, question=question_for(name, thing, there=there), by=by,
        settings={"asked": plain(clean(name, 80)), "thing": thing},
    )  # fmt: skip


def _with_values(
    case: Case, answer: Sequence[Mapping[str, Any]], limit: int
) -> tuple[Sequence[Definition], list[str]]:
    """The named attributes with values from the model that answers questions."""
    from failsight.tools.attributes.vqa import Vqa

    # sound by their own values first: markup, the class itself and what exists are not worth a question
    plausible = [
        {**raw, "values": raw["values"] if len(raw["values"]) > 1 else ["some", "others"]} for raw in answer
    ]
    kept, notes = _sifted(case, [definition(raw, "vqa", "") for raw in plausible], limit)
    names = []
    for one in kept:
        thing = str(one.settings.get("thing") or "")
        there = one.question.startswith("Is there")
        names.append(f"{one.name}?" if there else f"{one.name} of the {thing}" if thing else one.name)
    if not names:
        raise RetryError(f"The model named no attribute that can be used. {' '.join(notes)}".strip())
    source = cast("Vqa", case.source("vqa"))
    made = source.propose(cast("CaseView", case), "data", limit, names=names)
    made, more = _sifted(case, made, limit)
    return made, [*notes, *source.notes, *more]


def _sifted(case: Case, proposed: Sequence[Definition], limit: int) -> tuple[Sequence[Definition], list[str]]:
    from failsight.tools.attributes.proposals import sift

    columns = [name for split in case.splits() for name in case.table(split).columns]
    names = [*columns, *(d.name for d in case.definitions())]
    sifted = sift(proposed, case.classes, names, case.definitions(), limit)
    notes = list(sifted.notes)
    crowded = [d.name for d in proposed if len(d.values) >= MOST_VALUES]
    if crowded:
        notes.append(f"At most {MOST_VALUES} values are kept of {listing(crowded)}.")
    return sifted.kept, notes
