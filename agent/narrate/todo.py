"""What to do next, for whoever mends the model: the commands that can be given, and what has to be there first."""

from __future__ import annotations

from failsight.agent.narrate.findings import FIRST
from failsight.agent.narrate.model import Section, Sentence
from failsight.agent.narrate.parts import parts
from failsight.agent.narrate.plain import confirmed
from failsight.agent.narrate.record import Record
from failsight.agent.narrate.repairs import outcome
from failsight.agent.narrate.words import sentence
from failsight.agent.state import FindingRecord
from failsight.tools.evidence import Correction
from failsight.tools.labels.plans import anew, judges, look_first
from failsight.tools.notes import called
from failsight.tools.repair.choosing import ADDING, ELSEWHERE
from failsight.tools.repair.versions import AROUND
from failsight.tools.structure.company import BATCHES
from failsight.tools.text import clean

MOST_REPAIRS = 3
PROPOSE = "propose_correction"
SHIFT = "distribution_shift"


def todo(record: Record) -> Section | None:
    """For developers: what to do next, with the commands; None where nothing is confirmed."""
    belong = parts(record)
    held = [r for r in confirmed(record.state) if not outcome(record, r) and r.id not in belong]
    points: list[Sentence] = []
    for found in held[:MOST_REPAIRS]:
        points += (
            _fed_rightly(record, found) if found.finding.kind in FIRST else [_next_repair(record, found)]
        )
    for last in record.state.evidence[-1:]:
        steps = [
            s for s in last.next_steps if not (points and PROPOSE in s)
        ]  # these are said above, finding by finding
        points += [Sentence(sentence(step), (last.id,)) for step in steps[:2]]
    return Section("todo", "What to do next", (), tuple(points)) if points else None


def _fed_rightly(record: Record, found: FindingRecord) -> list[Sentence]:
    """What the probe said to write into the side file, before anything else is repaired."""
    made = next((e for n in reversed(found.evidence) if (e := record.evidence(n)) and e.next_steps), None)
    if made is None:
        return [_next_repair(record, found)]
    what = (
        "depends on how pictures were put together"
        if found.finding.about == BATCHES
        else "is one of a model that was fed wrongly"
    )
    first = f"First of all mend {found.id}, for every other figure here {what}. "
    at_once = any(f.name == "side_file" for f in made.facts)
    then = (
        f"Go on with it: failsight call CASE adopt_version finding={found.id}"
        if at_once
        else "Then begin a new case: the same command with --out and a new folder."
    )
    return [Sentence(f"{first}{sentence(made.next_steps[0])} {then}", (found.id, made.id))]


def _next_repair(record: Record, found: FindingRecord) -> Sentence:
    """The repair that fits best, with its commands where the case has what it takes, else with what is lacking."""
    ways = [c for c in found.corrections if c.strategy not in ELSEWHERE]
    if not found.corrections:
        text = f"Ask for repairs of {found.id}: failsight call CASE propose_correction finding={found.id}"
    elif judges(found.finding):
        text = f"Repair {found.id}: {_labels(record, found)}"
    elif not ways or found.corrections[0].strategy == "data_engineering":
        text = f"Repair {found.id}: {sentence(found.corrections[0].action)}"
        around = next((c for c in ways if c.strategy in AROUND), None)
        if around is not None and found.finding.kind != SHIFT and _lacking(record):
            text += f" What can be made here ({_action(around)}): {_made(found.id, around)}"
    else:
        text = _way(record, found.id, ways)
    return Sentence(text, (found.id,))


def _labels(record: Record, found: FindingRecord) -> str:
    """Labels of images that it is judged on: nothing is trained, whatever a list of older date proposes."""
    split = found.finding.split
    if not record.state.looked_at(split):
        return look_first(found.finding)
    told = [
        str(e.data.get("counted") or "") for e in record.of("labels.imported") if e.data.get("split") == split
    ]
    counted = clean(next((t for t in reversed(told) if t), ""), 400)
    return f"{counted or f'People looked at labels of the {called(split)} since.'} {anew(split)}"


def _way(record: Record, name: str, ways: list[Correction]) -> str:
    best = ways[0]
    lacking = _lacking(record)
    if not lacking or best.strategy in AROUND:
        return f"Repair {name} ({_action(best)}): {_made(name, best)}"
    text = (
        f"Repair {name} ({_action(best)}): this needs {' and '.join(lacking.values())}, which the case does not have. "
        f"Begin a new case with {' and '.join(lacking)} first, or do it in your own training."
    )
    without = next((c for c in ways if c.strategy in AROUND), None)
    if without is not None:
        text += f" What can be made here without ({_action(without)}): {_made(name, without)}"
    return text


def _lacking(record: Record) -> dict[str, str]:
    """Option → what it gives and the case lacks, of what training takes."""
    config = record.state.config
    made = {} if config.get("model") else {"--model": "the model"}
    return made if "train" in (config.get("data") or {}) else made | {"--train": "the training images"}


def _made(name: str, way: Correction) -> str:
    call = f"failsight call CASE retrain finding={name} strategy={clean(way.strategy, 60)}"
    if way.strategy == "collect":
        call = f"list the new images in a CSV with path and label, then {call} data=FILE.csv"
    elif way.strategy in ADDING:
        call = f"failsight call CASE generate_repair_data finding={name}, then {call}"
    return f"{call}, then failsight call CASE verify_correction repair=R…"


def _action(way: Correction) -> str:
    return sentence(way.action).rstrip(".")
