"""Opening a case: a folder that is there, or a new one for a model and data; nothing is ever mixed up."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from failsight.agent.case import Case
from failsight.agent.config import (
    FILE,
    LOOSE,
    MODELS,
    WORDED,
    CaseConfig,
    as_text,
    check_words,
    load_config,
    make_config,
    model_place,
    save_config,
)
from failsight.agent.elsewhere import MOVABLE, at_places, check_unchanged, missing, moved
from failsight.agent.elsewhere import recorded as recorded_alone
from failsight.agent.given import as_option, as_settings, by_name
from failsight.agent.journal import Journal, ReadOnly
from failsight.agent.leftovers import Before
from failsight.tools.errors import UserError
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.agent.people.demands import Expectations
    from failsight.tools.view import CaseView, Progress


def open_case(
    folder: str | Path | None = None,
    *,
    out: str | Path | None = None,
    progress: Progress | None = None,
    expectations: Expectations | None = None,
    begin: Callable[[Case], None] | None = None,
    groups: str | None = None,
    recorded: bool = False,
    **given: Any,
) -> Case:
    """Open a case folder, or make one from a model and data. Where that fails, nothing is left that was not there before.

    Args:
        folder: an existing case; further arguments then only change how it goes on (``level``, ``planner``, ``device``, ``workflow``
            …) and where model and images lie now, their content being the same.
        out: where to put a new case (default: ``failsight-cases/<model>-<data>-<digest>``; the same question asked
            again opens the same case).
        progress: where long work shows; nothing is shown without one.
        expectations: criteria such as ``{"accuracy": 0.9}``, or as on the command line: ``"recall.kitchen>=0.9"``, a list of these.
        begin: what else belongs to the opening, called with the case; where it raises, the opening has failed.
        groups: the metadata column whose equal values belong together (patient, video).
        recorded: open what the journal holds where model or images are not at hand; what was not measured can't be measured then.
        given: fields of :class:`failsight.agent.config.CaseConfig` (model, data, train, deploy, predictions, …); ``map`` and
            ``threshold`` as the command line calls them.

    Raises:
        UserError: something given is missing or can't be read: one sentence and what to do.
    """
    places: dict[str, str] = {}
    if folder is not None:
        path = Path(folder)
        config, places = _of_folder(path, given, out)
    else:
        config = make_config(**given)
        path = Path(out) if out else Path("failsight-cases") / config.slug()

    def opened(case: Case) -> None:
        from failsight.agent.people.demands import expect_all

        if groups:
            from failsight.agent.grouping import set_groups

            set_groups(case, groups)
        expect_all(case, expectations)
        if begin is not None:
            begin(case)

    return _open_at(path, config, progress, opened, places=places, from_journal=recorded)


def _of_folder(
    path: Path, given: Mapping[str, Any], out: str | Path | None
) -> tuple[CaseConfig, dict[str, str]]:
    """The configuration of a case that is opened again with ``given``, and the new places of what was moved."""
    config = load_config(path)
    made = as_settings(by_name(given), dataclasses.asdict(config))
    check_words(made)
    check_kept(
        path, {k: v for k, v in made.items() if k not in (*LOOSE, *MOVABLE)}, Path(out) if out else None
    )
    places = moved(config, made)
    made = {k: v for k, v in made.items() if k in LOOSE}
    made |= {name: model_place(made[name], name) for name in MODELS if made.get(name)}
    return at_places(dataclasses.replace(config, **made), places), places


def open_to_look(folder: Path, *, progress: Progress | None = None, **given: Any) -> Case:
    """A case for a look at what it holds: opened as ever, only read where its folder can't be written, and from its journal alone
    where model or images are not at hand.

    Raises:
        UserError: as :func:`open_case` does. What would add to the journal of a case that is only read raises ``ReadOnly``.
    """
    try:
        return open_case(folder, progress=progress, recorded=True, **given)
    except ReadOnly:
        config = dataclasses.replace(load_config(folder), **{k: v for k, v in given.items() if v})
        journal = Journal(folder, write=False)
        journal.check()
        case = Case(folder, config, journal, progress)
        _compare(case, from_journal=True)
        return case


def check_kept(folder: Path, given: Mapping[str, Any], out: Path | None = None) -> None:
    """Raises UserError where a case folder is opened with something else than what it was made with and keeps.

    Args:
        given: ``seed``, ``name``, ``task``, ``class_map``, ``thresholds`` …; None where it was not given.
        out: another place for it.
    """
    asked = {k: v for k, v in given.items() if v is not None}
    if out is not None and out.resolve() != folder.resolve():
        asked["out"] = str(out)
    if not asked:
        return
    has = dataclasses.asdict(load_config(folder))
    if asked.get("thresholds"):
        asked["thresholds"] = as_text(asked["thresholds"])
    worded = dataclasses.asdict(CaseConfig(**{k: v for k, v in asked.items() if k in WORDED}))
    for name, value in asked.items():
        if (worded[name] if name in WORDED else value) != has.get(name):
            option = as_option(name)
            raise UserError(
                f"A case folder and --{option} were both given, and a case keeps what it was opened with.",
                f"Leave --{option} away, or start a new case with --model or --predictions, and --out.",
            )


def _open_at(
    path: Path,
    config: CaseConfig,
    progress: Progress | None,
    opened: Callable[[Case], None],
    *,
    places: Mapping[str, str],
    from_journal: bool,
) -> Case:
    """The case in the folder ``path``. Nothing in it is written before its journal is held: it may be open elsewhere."""
    before = None if _begun(path) else Before(path)
    if before is not None:
        _check_inputs(config)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            before.unmade()
            raise UserError(
                f"The case folder {path} can't be written ({error.strerror}).", "Choose another with --out."
            ) from None
    elif (path / FILE).exists():
        _check_same(path, config, places)
    try:
        journal = Journal(path)
    except BaseException:
        if before is not None:
            before.unmade()  # the folder alone, if it is empty: who holds the journal may be writing there
        raise
    new = not journal.events
    try:
        config = _kept(path, config, journal, places)
        case = Case(path, config, journal, progress)
        _begin(case, from_journal)
        if places and case.recorded is None:  # the content is the same: from now on it is looked for there
            save_config(path, at_places(load_config(path), places))
        opened(case)
    except BaseException as error:
        journal.close()
        # what an interrupted opening has looked at is kept for the next try
        if before is not None and new and isinstance(error, Exception):
            before.undo()
        raise
    return case


def _begin(case: Case, from_journal: bool) -> None:
    """Journal what the case is about, or check that it is still about the same."""
    if case.state().config:
        _compare(case, from_journal)
        return
    from failsight.agent.naming import assume_names

    case.beginning = True
    assume_names(case)
    config = case.config
    case.record(
        "case.created", name=case.name, task=config.task, seed=config.seed, level=config.level,
        planner=config.planner, created=time.strftime("%Y-%m-%d"), **case.facts(),
    )  # fmt: skip
    case.beginning = False


def _compare(case: Case, from_journal: bool) -> None:
    """Whether model and images are what they were. Where they are not at hand the journal alone is opened, or UserError raised."""
    lost = missing(case.config)
    if not lost:
        return check_unchanged(case)
    case.recorded = recorded_alone(case.folder, case.state(), lost)
    if not from_journal:
        raise case.recorded.error()


def _begun(path: Path) -> bool:
    """Whether a case stands in the folder: a journal with something in it."""
    journal = path / "journal.jsonl"
    return journal.exists() and journal.stat().st_size > 0


def _check_same(path: Path, config: CaseConfig, places: Collection[str] = ()) -> CaseConfig:
    """The configuration that the folder holds. Raises UserError when it is of another case than ``config``, ``places`` apart."""
    old = load_config(path)
    then, now = _asked(old), _asked(config)
    other = [
        name
        for name in now
        if now[name] != then[name] and name not in places and not (name == "arch" and _same_code(old, config))
    ]
    if other:
        raise UserError(
            f"{path} holds a case about something else: {_differs(other[0], then[other[0]], now[other[0]])}.",
            "Give another folder with --out, or open that case by its folder alone.",
        )
    return old


def _same_code(old: CaseConfig, config: CaseConfig) -> bool:
    """Whether ``old`` names its architecture as was done before, without its folder, and it may be that of ``config``."""
    return not old.code and Path(config.arch).is_absolute() and config.arch.endswith(f"/{old.arch}")


def _differs(name: str, then: Any, now: Any) -> str:
    """In which argument two cases differ, as it is written on the command line."""
    option = as_option(name)

    def told(value: Any) -> str:
        if isinstance(value, Mapping):
            value = ", ".join(f"{k}={v}" for k, v in sorted(value.items()))
        if isinstance(value, bool):
            return "given" if value else "not given"
        return clean(value, 200) or "not given"

    return f"it was opened with --{option} {told(then)}, now it is {told(now)}"


def _kept(path: Path, config: CaseConfig, journal: Journal, places: Collection[str]) -> CaseConfig:
    """``config`` with the models that the case had, saved where that is new. The journal is held by now."""
    if not journal.events:
        save_config(path, config)
    elif (path / FILE).exists():
        old = _check_same(path, config, places)
        kept = {name: getattr(config, name) or getattr(old, name) for name in MODELS}
        kept |= {"code": old.code or config.code}  # what was trusted then
        kept |= {} if "arch" in places else {"arch": config.arch}
        config = dataclasses.replace(config, **kept)  # attributes that they assigned need them again
        if any(getattr(old, name) != value for name, value in kept.items()):
            save_config(path, dataclasses.replace(old, **kept))
    return config


def _asked(config: CaseConfig) -> dict[str, Any]:
    return {k: v for k, v in dataclasses.asdict(config).items() if k not in (*LOOSE, "name", "task", "code")}


def _check_inputs(config: CaseConfig) -> None:
    """Say what is wrong with the model before a folder is made for it."""
    if (
        config.data
        and not config.predictions
        and Path(config.data).is_dir()
        and not any(Path(config.data).iterdir())
    ):
        raise UserError(
            f"The folder {config.data} is empty.",
            "It should hold one folder of images a class, or a manifest.csv.",
        )


ABSENT = "images are not at hand"  # in a note of a table of predictions


def opening_words(case: Case) -> list[str]:
    """What a person should hear as soon as the case is open: how many images are left out, where, why, and what to do; and what
    is expected of attributes that are not there yet."""
    from failsight.agent.grouping import groups_words
    from failsight.agent.people.expect import awaited
    from failsight.tools.describe_case import unmatched_words
    from failsight.tools.inputs.answered import HEARD
    from failsight.tools.inputs.clear import CLEAR
    from failsight.tools.inputs.depth import BEGINS
    from failsight.tools.inputs.unmatched import NO_CLASS
    from failsight.tools.notes import called

    made = []
    for split in case.splits():
        table = case.table(split)
        told = unmatched_words(cast("CaseView", case), split, hint=True)
        reasons = [one.reason for one in table.left_out if not one.reason.endswith(NO_CLASS)]
        if other := len(reasons):
            total = len(table) + len(table.left_out)
            verb = "is" if other == 1 else "are"
            reason, n = Counter(reasons).most_common(1)[0]
            most = f"{reason}" if n == other else f"{n:,} times: {reason}"
            told += f" {other:,} of the {total:,} {called(split)} {verb} left out ({most}); “What data is there?” lists them."
        told += "".join(
            f" {clean(n, 600)}"
            for n in getattr(table, "notes", ())
            if n.startswith(BEGINS) or any(word in n for word in (ABSENT, CLEAR, *HEARD))
        )
        if told:
            made.append(told.strip())
    named = [case.assumed.told()] if case.assumed else []
    return [*named, *made, *_decided(case), *_caps(case), *groups_words(case), *awaited(case)]


def _caps(case: Case) -> list[str]:
    """Whom the caps of ``--budget`` bind, where that is nobody."""
    if not case.config.budget or case.config.planner != "guided":
        return []
    return [
        f"The caps of --budget ({clean(case.config.budget, 80)}) bind a language model; the guided planner costs nothing and is not held to them. "
        "To leave out what takes long, give a --policy with seconds = NUMBER."
    ]


def _decided(case: Case) -> list[str]:
    """How answers are decided where that is not the largest score. A model is not run for it."""
    from failsight.tools.inputs.decisions import decision_words, rule_of, rule_words

    if case.has_model():
        told = rule_words(case.classes, rule_of(cast("CaseView", case)))
    else:
        told = decision_words(case.predictions())
    return [told] if told else []
