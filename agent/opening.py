"""Opening a case: a folder that is there, or a new one for a model and data; nothing is ever mixed up."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from failsight.agent.case import Case
from failsight.agent.config import (
    FILE,
    LOOSE,
    MODELS,
    CaseConfig,
    check_workflow,
    load_config,
    make_config,
    model_place,
    save_config,
)
from failsight.agent.journal import Journal
from failsight.agent.leftovers import Before
from failsight.tools.errors import UserError

if TYPE_CHECKING:
    from failsight.tools.view import CaseView, Progress


def open_case(
    folder: str | Path | None = None,
    *,
    out: str | Path | None = None,
    progress: Progress | None = None,
    expectations: Mapping[str, float] | None = None,
    begin: Callable[[Case], None] | None = None,
    **given: Any,
) -> Case:
    """Open a case folder, or make one from a model and data. Where that fails, nothing is left that was not there before.

    Args:
        folder: an existing case; further arguments then only change ``level``, ``planner``, ``device``, ``workflow``.
        out: where to put a new case (default: ``failsight-cases/<model>-<data>-<digest>``; the same question asked
            again opens the same case).
        progress: where long work shows; nothing is shown without one.
        expectations: criteria such as ``{"accuracy": 0.9}``.
        begin: what else belongs to the opening, called with the case; where it raises, the opening has failed.
        given: fields of :class:`failsight.agent.config.CaseConfig` (model, data, train, deploy, predictions, …).

    Raises:
        UserError: something given is missing or can't be read: one sentence and what to do.
    """
    if folder is not None:
        path = Path(folder)
        config = load_config(path)
        given = {k: v for k, v in given.items() if v is not None}
        if "workflow" in given:
            check_workflow(given["workflow"])
        given |= {name: model_place(given[name], name) for name in MODELS if given.get(name)}
        config = dataclasses.replace(config, **given) if given else config
    else:
        config = make_config(**given)
        path = Path(out) if out else Path("failsight-cases") / config.slug()

    from failsight.agent.expect import check

    def opened(case: Case) -> None:
        for name, bound in (expectations or {}).items():
            check(name, bound, case.classes, case)
        for name, bound in (expectations or {}).items():  # only when all of them mean something
            case.expect(name, bound)
        if begin is not None:
            begin(case)

    return _open_at(path, config, progress, opened)


def _open_at(
    path: Path, config: CaseConfig, progress: Progress | None, opened: Callable[[Case], None]
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
        _check_same(path, config)
    try:
        journal = Journal(path)
    except BaseException:
        if before is not None:
            before.unmade()  # the folder alone, if it is empty: who holds the journal may be writing there
        raise
    new = not journal.events
    try:
        config = _kept(path, config, journal)
        case = Case(path, config, journal, progress)
        _begin(case)
        opened(case)
    except BaseException as error:
        journal.close()
        # what an interrupted opening has looked at is kept for the next try
        if before is not None and new and isinstance(error, Exception):
            before.undo()
        raise
    return case


def _begin(case: Case) -> None:
    """Journal what the case is about, or check that it is still about the same."""
    if case.state().config:
        _check_unchanged(case)
        return
    case.beginning = True
    config = case.config
    case.record(
        "case.created", name=case.name, task=config.task, seed=config.seed, level=config.level,
        planner=config.planner, created=time.strftime("%Y-%m-%d"), **case.facts(),
    )  # fmt: skip
    case.beginning = False


def _begun(path: Path) -> bool:
    """Whether a case stands in the folder: a journal with something in it."""
    journal = path / "journal.jsonl"
    return journal.exists() and journal.stat().st_size > 0


def _check_same(path: Path, config: CaseConfig) -> CaseConfig:
    """The configuration that the folder holds. Raises UserError when it is of another case than ``config``."""
    old = load_config(path)
    if _asked(old) != _asked(config):
        raise UserError(
            f"{path} holds a case about something else ({old.name or old.model or old.predictions}).",
            "Give another folder with --out, or open that case by its folder alone.",
        )
    return old


def _kept(path: Path, config: CaseConfig, journal: Journal) -> CaseConfig:
    """``config`` with the models that the case had, saved where that is new. The journal is held by now."""
    if not journal.events:
        save_config(path, config)
    elif (path / FILE).exists():
        old = _check_same(path, config)
        kept = {name: getattr(config, name) or getattr(old, name) for name in MODELS}
        config = dataclasses.replace(config, **kept)  # attributes that they assigned need them again
        if any(getattr(old, name) != value for name, value in kept.items()):
            save_config(path, dataclasses.replace(old, **kept))
    return config


def _check_unchanged(case: Case) -> None:
    """Evidence of two models or two data sets must not stand in one case."""
    then = case.state().config
    known = {"model": (then.get("model") or {}).get("fingerprint", "")}
    known |= {split: about["fingerprint"] for split, about in then.get("data", {}).items()}
    known |= case.state().prints  # of the version that it went on with
    for name, print_now in case.fingerprints().items():
        if name in known and known[name] != print_now:
            what = "The model has" if name == "model" else f"The {name} images have"
            raise UserError(
                f"{what} changed since the case {case.folder.name} was opened.",
                "Start a new case for it with --out; `failsight report` still tells of the old one.",
            )


def _asked(config: CaseConfig) -> dict[str, Any]:
    return {k: v for k, v in dataclasses.asdict(config).items() if k not in (*LOOSE, "name", "task")}


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


def opening_words(case: Case) -> list[str]:
    """What a person should hear as soon as the case is open: how many images are left out, where, why, and what to do; and what
    is expected of attributes that are not there yet."""
    from failsight.agent.expect import awaited
    from failsight.tools.describe_case import unmatched_words
    from failsight.tools.inputs.unmatched import NO_CLASS
    from failsight.tools.notes import called

    made = []
    for split in case.splits():
        table = case.table(split)
        told = unmatched_words(cast("CaseView", case), split, hint=True)
        other = sum(not one.reason.endswith(NO_CLASS) for one in table.left_out)
        if other:
            total = len(table) + len(table.left_out)
            verb = "is" if other == 1 else "are"
            told += f" {other:,} of the {total:,} {called(split)} {verb} left out for another reason; “What data is there?” tells why."
        if told:
            made.append(told.strip())
    return [*made, *awaited(case)]
