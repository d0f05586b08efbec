"""Targets that read words: demands, regions, edits, plain sentences, answers of language models; and what is drawn of hostile text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.audit.fuzz import PromiseError, Target
from benchmarks.audit.targets_files import CLASSES, Desk

TESTS = Path(__file__).parents[2] / "tests"
DEMANDS = (
    "accuracy>=0.9", "recall.kitchen>=90%", "accuracy[lighting=dark]>=0.8", "worst_group[annotator]>=0.7", "confusion.bathroom>kitchen<=0.05",
    "cost.bathroom>kitchen=5", "expected_cost<=0.2", "ece<=0.05", "latency_ms<=50", "ready if accuracy at least 90 %",
    "recall of the kitchen must not fall below 85 percent", "at most 5 % of bathrooms may be called kitchens", "accuracy in dark pictures >= .8 @Ann",
    "f1.dining_room >= 0,75", "no more than one in twenty", "parameters_m<=25",
)  # fmt: skip
REGIONS = (
    "box:television", "mask:/tmp/masks=3", "rect:0.1,0.2,0.5,0.6", "grid:1,4/4x4", "border:0.1", "corners:0.2", "point:0.5,0.5,0.1",
    "point:@eyes,0.1", "click:0.3,0.4,20", "segment:0.5,0.5/40", "segment:red/30", "segment:salient2:kitchen", "colour:red",
    "colour:h350-10,s0.4-1,v0.2-1", "object:sofa@0.5", "text:a red chair@0.3", "saliency:top20%:kitchen", "saliency:place10%",
)  # fmt: skip
EDITS = (
    "brightness:-30%; rotate:15 then blur:2%", "hue:+60", "zoom:+50%", "jpeg:20", "flip:horizontal", "grey", "crop:0.1,0.1,0.9,0.9",
    "mask:box:television", "paste:rect:0,0,0.5,0.5 from a.png", "noise 10%", "sharpen:100%;contrast:-20%",
)  # fmt: skip
ARGUMENTS = (
    "depth=2 where=lighting=dark", 'classes=kitchen,bedroom split=deploy n=40', "--most 5", 'edits="brightness:-30%" image=#12', "doses=[0.25,0.5] region=box:tv",
)  # fmt: skip
FILLS = ("mean", "blur:9", "noise", "inpaint", "constant:128,0,0", "grey")
BUDGETS = ("calls=50,usd=2", "tokens=1e6", "minutes=10, tool_minutes=5", "")
ANSWERS = (
    'Sure.\n<tool_call>{"name": "evaluate", "arguments": {"split": "data"}}</tool_call>', '<|python_tag|>{"name": "find_slices", "parameters": {"depth": 2}}',
    '[TOOL_CALLS] [{"name": "evaluate", "arguments": {}}, {"name": "shift", "arguments": {"n": 3}}]', '```json\n{"name": "evaluate", "arguments": {}}\n```',
    "The kitchen fails because of the television.", '{"name": "x", "arguments": {"a": [1, 2, {"b": null}]}}',
)  # fmt: skip
PROPOSED = (
    '{"attributes": [{"name": "lighting", "values": ["bright", "dark"], "thing": "room"}, {"name": "cat", "values": ["yes", "no"]}]}',
    "- Lighting: bright, dark\n- Floor: wood / tile / carpet\n* <b>style</b>: modern or old", '["lighting", "floor"]', '{"lighting": ["bright", "dark"]}',
)  # fmt: skip
PICTURES = '{"pictures": [{"picture": 0, "values": {"a1": "bright", "a2": "yes"}}, {"picture": 1, "values": {"lighting": "dark"}}]}'
HOSTILE_TEXT = (
    "kitchen\x1b[2J\x1b]0;owned\x07", "bath\u202eroom\u200b", "dining room <img src=x onerror=alert(1)>", "a|b\n# c [link](javascript:x)",
    "plain words", "\U000e0041\U000e0042 hidden", "e\u0301\ufe0f\u00ad",
)  # fmt: skip
SECRET = (
    "key sk-abcdefghijklmnopqrstuvwx1234 here",
    "Authorization: Bearer abc.def.ghi",
    "OPENAI_API_KEY=sk-proj-aaaaaaaaaaaaaaaaaaaa",
    "nothing",
)
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]"
)
_RAW_TAG = re.compile(r"<(?:script|img|svg|iframe)", re.IGNORECASE)


def targets(desk: Desk) -> Iterator[Target]:
    yield from _grammars()
    yield from _models(desk)
    yield from _conversation(desk)
    yield from _drawn(desk)


def _grammars() -> Iterator[Target]:
    from failsight.agent.arguments import read, typed
    from failsight.agent.guards.budget import Budget
    from failsight.agent.people.expect import read as demand
    from failsight.agent.planners.expectations import parse_cli, parse_expectation
    from failsight.agent.planners.grammar import run, start
    from failsight.tools.experiments.doses import check_doses
    from failsight.tools.experiments.fills import make_fill
    from failsight.tools.experiments.regions import parse_region
    from failsight.tools.experiments.regions_colour import parse_colour
    from failsight.tools.experiments.regions_files import read_points
    from failsight.tools.experiments.what_if_edits import parse_edits
    from failsight.tools.registry import registry

    objects = {"television": 10, "sofa": 3}
    names = sorted(registry())
    begun = start({n: registry()[n].offered for n in names})

    def edits(text: str) -> None:
        parse_edits(text, lambda region: (lambda p: p, ""), lambda region, image: lambda p: p)  # type: ignore[arg-type,return-value]

    def line(text: str) -> None:
        read_ = typed("find_slices", text)
        registry()["find_slices"].check(read_)
        read("test_by_masking", [text])

    def call(value: Any) -> None:
        if isinstance(value, Mapping):
            given = value.get("arguments")
            registry()[str(value.get("tool"))].check(given if isinstance(given, Mapping) else {})

    calls = [
        {
            "tool": n,
            "arguments": {
                k: _example(f) for k, f in list(registry()[n].offered.get("properties", {}).items())[:5]
            },
        }
        for n in names
    ]
    yield Target("--expect", "text", DEMANDS, lambda t: demand(t, CLASSES))
    yield Target(
        "expectations in words",
        "text",
        DEMANDS,
        lambda t: (parse_expectation(t, CLASSES), parse_cli(t, CLASSES)),
    )
    yield Target("regions", "text", REGIONS, lambda t: parse_region(t, objects, CLASSES, ["eyes", "masks"]))
    yield Target("colours", "text", ["red", "h350-10,s0.4-1,v0.2-1", "h10-20"], parse_colour)
    yield Target(
        "points",
        "tree",
        [[[0.1, 0.2]], "0.5,0.5;0.1,0.2", [0.5, 0.5], [{"x": 0.1, "y": 0.2}]],
        lambda v: read_points(v if not isinstance(v, list) else json.dumps(v)),
        (ValueError,),
    )
    yield Target("edits of pictures", "text", EDITS, edits)
    yield Target("fills", "text", FILLS, make_fill)
    yield Target(
        "doses",
        "tree",
        [[0.25, 0.5, 0.75, 1.0]],
        lambda v: check_doses(v) if isinstance(v, list) and all(isinstance(x, float) for x in v) else None,
    )
    yield Target("arguments typed", "text", ARGUMENTS, line)
    yield Target("arguments of calls", "tree", calls, call, share=0.5)
    yield Target("budgets", "text", BUDGETS, Budget.parse)
    yield Target(
        "grammar of calls",
        "raw",
        [a.encode() for a in ANSWERS[:4]],
        lambda b: run(begun, b[:200]),
        share=0.05,
    )


def _example(field: Mapping[str, Any]) -> Any:
    kinds = {field.get("type"), *(one.get("type") for one in field.get("anyOf", ()))}
    return (
        field.get("default")
        if field.get("default") is not None
        else 1
        if kinds & {"integer", "number"}
        else ["kitchen"]
        if "array" in kinds
        else "kitchen"
    )


def _models(desk: Desk) -> Iterator[Target]:
    from failsight.agent.planners.calls import read_answer
    from failsight.agent.proposals.names import definition, read
    from failsight.agent.proposals.vision import values_in
    from failsight.tools.attributes.answers import gathered, question_for, tidy
    from failsight.tools.attributes.definitions import Definition, definition_from_dict, sound
    from failsight.tools.attributes.proposals import sift

    group = [
        Definition("lighting", "vision_model", "lighting", ("bright", "dark")),
        Definition("cat", "vision_model", "cat", ("yes", "no")),
    ]

    def said(text: str) -> Any:
        return SimpleNamespace(text=text, content=text, tool_calls=[], invalid_tool_calls=[])

    def proposed(text: str) -> None:
        made = [definition(raw, "zero_shot", "a model") for raw in read(said(text))]
        sift(made, CLASSES, ["floor"], (), 12)

    def looked(text: str) -> None:
        for row in values_in(said(text), 2, group).values():
            if not all(-1 <= v < 2 for v in row):
                raise PromiseError(f"a value that is on no list: {row}")

    def answer(text: str) -> None:
        _, good, bad = read_answer(text)
        json.dumps([good, bad])

    def short(value: Any) -> None:
        texts = [str(v) for v in value] if isinstance(value, list) else [str(value)]
        gathered([tidy(t, "colour") for t in texts], "colour")
        question_for(texts[0] if texts else "", "room")

    def defined(value: Any) -> None:
        if isinstance(value, dict):
            sound(definition_from_dict(value), CLASSES)

    import dataclasses

    whole = [json.loads(json.dumps(dataclasses.asdict(d))) for d in group]
    fine = (
        TypeError,
        KeyError,
        ValueError,
        AttributeError,
    )  # definitions come from the journal, whose reader says so in a sentence
    yield Target("answers of language models", "text", ANSWERS, answer)
    yield Target("proposed attributes", "text", PROPOSED, proposed, share=0.5)
    yield Target("what a model saw", "text", [PICTURES], looked)
    yield Target(
        "short answers",
        "tree",
        [["a red car", "Red!", "it is blue.", "yes"], ["wood", "wooden", "tile"]],
        short,
    )
    yield Target("definitions", "tree", whole, defined, fine)


def _conversation(desk: Desk) -> Iterator[Target]:
    from failsight.agent.planners import edits
    from failsight.agent.planners.answering import first_message
    from failsight.agent.planners.hypotheses import suspicion
    from failsight.agent.session import Session
    from failsight.knowledge_base.edited import edits_meant
    from failsight.knowledge_base.places import place, written
    from failsight.knowledge_base.vocabulary import recognise
    from failsight.tools.registry import registry
    from tests.agent.guided_talk import rooms

    sentences = [t for name in ("guided_development", "guided_dialogues_development") for t in _said(name)]
    case = rooms(desk.folder / "rooms")
    from failsight.agent.planners.words import vocabulary

    names, known = vocabulary(case), edits.names_of(case)
    session = Session(case)

    def understood(text: str) -> None:
        mentions = recognise(text, names)
        suspicion(mentions)
        for tool, arguments in edits.calls(text, known):
            registry()[tool].check(arguments)

    def meant(text: str) -> None:
        written(text), place(text)
        edits_meant(recognise(text, names), None)

    def guided(text: str) -> None:
        made = first_message(case, text)
        for call in made.tool_calls:
            if call["name"] not in registry():
                raise PromiseError(f"a tool that does not exist: {call['name']}")

    def slash(text: str) -> None:
        word = text.split()[0] if text.split() else ""
        if word in ("/report", "/run", "/undo", "/auto", "/quit"):
            return
        for event in session.act(text):
            _harmless(str(getattr(event, "text", "")))

    commands = [f"{c.split()[0]} {rest}" for c in session.actions() for rest in ("", "F1", "E1", "kitchen 5")]
    yield Target("names in sentences", "text", sentences, understood, share=0.3)
    yield Target(
        "places and edits in sentences",
        "text",
        [*sentences, "30 % darker and rotated by ten degrees, the left half masked"],
        meant,
        share=0.3,
    )
    yield Target("sentences to the guided planner", "text", sentences, guided, share=0.01)
    yield Target("slash commands", "text", commands, slash, share=0.02)


def _said(name: str) -> list[str]:
    lines = (TESTS / "agent" / "data" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [line.split(" | ", 1)[1].strip() for line in lines if " | " in line and not line.startswith("#")]


def _drawn(desk: Desk) -> Iterator[Target]:
    import io

    from rich.console import Console

    from failsight.agent.narrate.markdown import escape
    from failsight.agent.narrate.markup import el
    from failsight.agent.narrate.markup import text as html_text
    from failsight.agent.secrets import redacted
    from failsight.knowledge_base import schema
    from failsight.tools.evidence import Evidence, Fact, Finding, ImageRef, Table
    from failsight.tools.text import clean

    def cleaned(text: str) -> None:
        made = clean(text, 80)
        _harmless(made)
        made.encode("utf-8")
        if len(made) > 80 or clean(made, 80) != made or "\n" in made:
            raise PromiseError(f"not clean: {made!r}")
        _harmless(schema.clean(text))

    def shown(text: str) -> None:
        """Evidence whose every word is hostile, on a terminal, on a page and before a planner."""
        image = ImageRef("data", 1, text, text, text, 0.5, text)
        finding = Finding(
            "weak_slice", "correctness", "unknown", text, {text: text}, text, text, verdict="confirmed"
        )
        made = Evidence("evaluate", text, text, {"a": text}, (Fact("accuracy", 0.5, of=text), Fact("x", text, unit="text")),
                        (Table(text, (text, text), ((text, 1), (text, None)), ("text", "count")),), images=(image,), findings=(finding,), notes=(text,), next_steps=(text,))  # fmt: skip
        out = io.StringIO()
        Console(file=out, force_terminal=False, width=100, color_system=None).print(made)
        _harmless(out.getvalue())
        _harmless(made.text())
        page = made._repr_html_()
        if _RAW_TAG.search(page):
            raise PromiseError("a tag reached the page")

    def page(text: str) -> None:
        made = f"{html_text(text)}{el('p', text, title=text)}{escape(text)}"
        if _RAW_TAG.search(made):
            raise PromiseError(f"a tag reached the page: {made!r}")

    def secret(text: str) -> None:
        made = redacted(text)
        if re.search(r"\bsk-abcdefghijklmnopqrstuvwx1234", made):
            raise PromiseError("a key was kept")

    yield Target("text made harmless", "text", HOSTILE_TEXT, cleaned, share=2)
    yield Target("pages", "text", HOSTILE_TEXT, page, share=2)
    yield Target("evidence on terminal and page", "text", HOSTILE_TEXT, shown, share=0.05)
    yield Target("secrets", "text", SECRET, secret)


def _harmless(text: str) -> None:
    found = _HIDDEN.search(text)
    if found:
        raise PromiseError(f"{found[0]!r} reached the screen")
