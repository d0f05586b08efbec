"""What a call that waits for a person's yes would do and how long it takes, in words: what the question has to say.

A yes should not be a yes to a name: where a tool chooses for itself what it does (which strategy repairs a finding), the
choice is made here as the tool makes it, before it runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from failsight.agent.events import ApprovalAsked
from failsight.agent.proposals.consent import LOOK
from failsight.tools.errors import FailsightError
from failsight.tools.registry import ToolSpec, registry
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.agent.state import CaseState
    from failsight.tools.evidence import Evidence
    from failsight.tools.repair.choosing import Asked

LIKE = 3  # other strategies that are named
BACKWARD = 3  # passes that a step of training costs: forward, and about two more backward
LONG = 60.0  # seconds from which on a person is asked, whatever a tool costs elsewhere
QUICK = 60.0  # seconds that calls of one kind may take together, for one question to stand for all of them
UNKNOWN = (0.0, 0.0), ""


def alike(case: Case, calls: Sequence[tuple[str, Mapping[str, Any]]]) -> int:
    """For how many of the ``calls`` (tool, arguments), from the first on, one question stands: those of the same tool in a row,
    where none makes anything new and all together take seconds; else the first one alone."""
    name = calls[0][0]
    same = [arguments for _, arguments in takewhile(lambda c: c[0] == name, calls)]
    if name == LOOK:
        return len(same)
    if name not in registry() or registry()[name].writes:
        return 1
    most = [expected_time(case, name, arguments)[0][1] for arguments in same]
    return len(same) if all(most) and sum(most) <= QUICK else 1


def question(case: Case, calls: Sequence[tuple[str, Mapping[str, Any]]], why: str) -> ApprovalAsked:
    """What a person is asked about ``calls`` of one tool. ``why``: what the tool says of itself, told where the call does that."""
    (name, arguments), given = calls[0], [arguments for _, arguments in calls]
    times = [expected_time(case, name, one) for one in given]
    cost = registry()[name].cost if name in registry() else ""
    if trains_nothing(case, name, arguments):
        why, cost = "", "instant"
    seconds = sum(t[0][0] for t in times), sum(t[0][1] for t in times)
    return ApprovalAsked(name, dict(arguments), why, cost, plans(case, name, given), seconds, times[0][1])


def plan(case: Case, tool: str, arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """The call in sentences, a line each; empty where the tool is not known or its arguments do not fit it."""
    if tool not in registry():
        return ()
    spec = registry()[tool]
    try:
        checked = case.checked(spec, arguments)
    except FailsightError:
        return ()
    given = {k: v for k, v in checked.items() if v is not None and k in arguments}
    if tool == "retrain":
        return tuple(_retraining(case, checked, given, spec))
    return tuple(_argument(case, spec, name, value) for name, value in given.items())


def plans(case: Case, tool: str, calls: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The plan of one call; of several calls of a tool, one line for what each of them is asked with."""
    if len(calls) == 1:
        return plan(case, tool, calls[0])
    lines = [
        ", ".join(f"{clean(k, 40)}={clean(v, 80)}" for k, v in c.items() if v is not None) for c in calls
    ]
    return (
        f"{len(calls)} calls: one answer is for all of them",
        *(f"call {i}: {t}" for i, t in enumerate(lines, 1)),
    )


def _argument(case: Case, spec: ToolSpec, name: str, value: Any) -> str:
    """``finding: F3 (Kitchens with a television …)``, or the argument with what it means."""
    record = case.state().find(str(value)) if name == "finding" else None
    if record is not None:
        return f"finding: {record.id} ({clean(record.finding.statement, 160)})"
    about = str(spec.arguments.model_fields[name].description or "")
    about = about.split(". ")[0].split("; ")[0].rstrip(".")
    listed = (", ".join(map(str, value)) or "none") if isinstance(value, list | tuple) else value
    return f"{name}: {clean(listed, 200)}" + (f" ({clean(about, 140)})" if about else "")


def _retraining(
    case: Case, checked: Mapping[str, Any], given: Mapping[str, Any], spec: ToolSpec
) -> Iterator[str]:
    from failsight.tools.repair.choosing import choose
    from failsight.tools.repair.versions import AROUND

    asked = _asked(case, checked)
    if "finding" in given:
        yield _argument(case, spec, "finding", given["finding"])
    try:
        chosen = choose(case, asked)  # type: ignore[arg-type]
    except FailsightError as problem:
        yield f"strategy: {clean(problem, 300)}"
        return
    named = chosen.name.replace("_", " ")
    why = "as asked for" if asked.strategy else "the best fitting one that can be applied here"
    what = "" if "{" in chosen.action else f" {chosen.action}"
    yield f"strategy: {named}, {why}.{what}"
    others = [] if asked.strategy else _others(case, asked, chosen.name)
    if others:
        yield f"instead of it: {', '.join(others)} (for example: repair {asked.finding_id} by {others[0]})"
    if asked.recipe == "export" or (chosen.name not in AROUND and not case.has_model()):
        yield "makes: lists and a script for training elsewhere; nothing is trained here"
    elif chosen.name in AROUND:
        yield "makes: another way to read the scores; nothing is trained"
    else:
        yield f"makes: {asked.seeds} versions with the repair and {asked.seeds} of a control arm; your model stays as it is"
    for name in ("data", "budget", "epochs", "recipe", "control", "unseen"):
        if name in given:
            yield _argument(case, spec, name, given[name])


def trains_nothing(case: Case, tool: str, arguments: Mapping[str, Any]) -> bool:
    """Whether a call of ``retrain`` trains nothing here: the scores are read otherwise, or it writes what trains elsewhere."""
    from failsight.tools.repair.choosing import choose
    from failsight.tools.repair.versions import AROUND

    if tool != "retrain" or tool not in registry():
        return False
    try:
        asked = _asked(case, case.checked(registry()[tool], arguments))
        chosen = choose(case, asked)  # type: ignore[arg-type]
    except FailsightError:
        return False
    return asked.recipe == "export" or chosen.name in AROUND or not case.has_model()


def _asked(case: Case, checked: Mapping[str, Any]) -> Asked:
    from failsight.tools.repair.choosing import Asked

    record = case.state().find(str(checked.get("finding") or ""))
    return Asked(
        record.id if record else "",
        record.finding if record else None,
        checked.get("strategy"),
        checked.get("data"),
        checked.get("budget"),
        checked.get("epochs"),
        checked.get("seeds") or 3,
        checked.get("recipe") or "auto",
        checked.get("control") or "usual",
        checked.get("unseen") or "auto",
    )


def _others(case: Case, asked: Asked, chosen: str) -> list[str]:
    """Further strategies that fit the finding and could be applied, best first."""
    from failsight.tools.repair.choosing import ELSEWHERE, UNASKED, lacks
    from failsight.tools.strategies import fitting

    if asked.finding is None:
        return []
    able = [
        s.name.replace("_", " ")
        for s in fitting(asked.finding.kind)
        if s.name not in (*ELSEWHERE, UNASKED, chosen) and not lacks(case, s.name, asked)  # type: ignore[arg-type]
    ]
    return able[:LIKE]


def expected_time(case: Case, tool: str, arguments: Mapping[str, Any]) -> tuple[tuple[float, float], str]:
    """(least and most seconds that the call is expected to take, what that rests on); ((0, 0), "") where nothing is known.

    What the same tool took in this case before counts first, as much longer as it has more to do now; else the pace of the first pass
    over the images.
    """
    if tool not in registry():
        return UNKNOWN
    state, spec = case.state(), registry()[tool]
    before = [e for e in state.measured_now() if e.tool == tool and e.seconds > 0]
    if before:
        seconds, basis = _as_before(case, spec, arguments, before[-1])
        return (seconds, seconds), basis
    if tool == "retrain":
        return _training(case, state, arguments)
    from failsight.agent.planners.order import expected_seconds, measured

    seconds = expected_seconds(case, state, spec, arguments)
    return (seconds, seconds), _basis(measured(case, state) is not None)


def _as_before(
    case: Case, spec: ToolSpec, arguments: Mapping[str, Any], before: Evidence
) -> tuple[float, str]:
    """What an earlier call took, times how much more images and draws this one has."""
    from failsight.agent.planners.order import START, work

    now, then = work(case, spec, arguments), work(case, spec, before.arguments)
    if now == then or not then:
        return before.seconds, f"it took so long before, {before.id}"
    fixed = min(before.seconds, START[spec.cost])
    return fixed + (before.seconds - fixed) * now / then, f"by the pace of {before.id}"


def takes_long(case: Case, spec: ToolSpec, arguments: Mapping[str, Any]) -> bool:
    """Whether a call is known to take about a minute or more: by what the tool or the first pass took in this case, never by a rule of thumb.

    What only reads the shared pass is not meant: that pass is made once, and nothing can be said without it.
    """
    from failsight.agent.planners.order import measured

    if not (spec.passes or spec.fits):
        return False
    (_, most), _ = expected_time(case, spec.name, arguments)
    if most < LONG:
        return False
    state = case.state()
    timed = any(e.tool == spec.name and e.seconds > 0 for e in state.measured_now())
    return timed or measured(case, state) is not None


def _basis(paced: bool) -> str:
    return (
        "estimated from the pace of the first pass over the images"
        if paced
        else "a rule of thumb: nothing was timed here yet"
    )


def _training(case: Case, state: CaseState, arguments: Mapping[str, Any]) -> tuple[tuple[float, float], str]:
    """Steps of training of all versions at the pace of a pass.

    A pass reads and decodes its pictures, which training does once. So a step over a picture costs between one of a
    small network (2 min 28 s measured where this says 2 min 40 s) and ``BACKWARD`` of a large one.
    """
    from failsight.agent.planners.order import measured, per_image
    from failsight.tools.repair.choosing import choose

    if not case.has_model():
        return UNKNOWN
    try:
        asked = _asked(case, case.checked(registry()["retrain"], arguments))
        pictures, all_layers = _pictures(case, asked, choose(case, asked).name)  # type: ignore[arg-type]
    except FailsightError:
        return UNKNOWN
    paced = measured(case, state)
    least = (paced or per_image(case)) * pictures
    return (least, least * (BACKWARD if all_layers else 1)), _basis(paced is not None)


def _pictures(case: Case, asked: Asked, strategy: str) -> tuple[int, bool]:
    """How many pictures the network answers while the versions are made, and whether all of its layers learn."""
    from failsight.tools.repair import copies, planning
    from failsight.tools.repair.recipes import Recipe
    from failsight.tools.repair.versions import AROUND

    model, train = case.model(), len(case.table("train")) if "train" in case.splits() else len(case.table())
    versions, recipe = 2 * asked.seeds, Recipe()
    if strategy in AROUND or asked.recipe == "export" or strategy == "adapt_normalisation":
        return train, False
    steps = recipe.steps * {"train_longer": planning.LONGER, "relabel": planning.UNLEARNING}.get(strategy, 1)
    shown = train * asked.epochs if asked.epochs else steps * recipe.batch
    large = planning.operations(model) * recipe.steps * recipe.batch * 3 * versions > planning.MOST_WORK
    last = strategy == "last_layer" or (large and strategy not in planning.NEED_ALL)
    if copies.why_not(model) or asked.recipe == "last_layer" or (asked.recipe == "auto" and last):
        return 2 * train, False  # what the layers below say of each picture is read once
    return shown * versions, True
