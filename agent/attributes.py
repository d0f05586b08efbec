"""The attributes of a case as its journal defines them, laid over the columns that came with the data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from failsight.agent.config import ROOMS, CaseConfig
from failsight.tools.errors import RetryError, UserError

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.tools.attributes.definitions import Definition
    from failsight.tools.attributes.sources import AttributeSource
    from failsight.tools.engine.choice import EncoderSpec
    from failsight.tools.inputs.base import AttributeTable, Split
    from failsight.tools.inputs.encoders import Encoder
    from failsight.tools.view import CaseView


def with_definitions(
    case: Case, split: Split, base: AttributeTable, sources: Mapping[str, AttributeSource]
) -> tuple[AttributeTable, bool]:
    """``base`` with the assigned attributes, everything called as the definitions call it; and whether all could be assigned.

    What a source lacks now (a model that was moved away) takes only its own attributes along: they are there, and empty.
    """
    if not case.definitions():
        return base, True
    import numpy as np

    from failsight.tools.attributes.overlay import table_with
    from failsight.tools.attributes.sources import Assigned, assign_all, still_checked

    definitions = still_checked(cast("CaseView", case), case.definitions())
    assigned: dict[str, Assigned] = {}
    lacking: dict[str, str] = {}
    together: dict[str, list[Definition]] = {}
    for d in definitions:  # every grouping has a model of its own
        together.setdefault(d.key if d.source == "clusters" else d.source, []).append(d)
    for wanted in together.values():
        try:
            assigned |= assign_all(cast("CaseView", case), split, base.rows, wanted, sources)
        except (RetryError, UserError) as error:
            lacking |= {d.name: f"it can't be assigned now: {error}" for d in wanted if not d.dropped}
    made = table_with(base, definitions, assigned)
    whole = dataclasses.replace(
        made,
        unusable={**made.unusable, **lacking},
        columns={**made.columns, **{name: np.full(len(base.rows), None, object) for name in lacking}},
        sources={**made.sources, **{d.name: d.source for d in definitions if d.name in lacking}},
    )
    return whole, not lacking


def check_name(view: Case, definition: Definition) -> None:
    """Raises RetryError when another attribute is called that already."""
    from failsight.tools.attributes.definitions import plain

    if definition.dropped:
        return
    merged = {key for d in view.definitions() for key in d.also} | set(definition.also)
    others = {plain(d.name) for d in view.definitions() if d.key != definition.key and not d.dropped}
    defined = {d.key for d in view.definitions()}
    for split in view.splits():
        others |= {
            plain(name)
            for name in view.table(split).columns
            if f"metadata:{name}" not in {*defined, *merged, definition.key}
        }
    if plain(definition.name) in others:
        raise RetryError(f"There is an attribute {definition.name!r} already.")


def open_encoder(config: CaseConfig) -> Encoder:
    """The encoder that the case names.

    Raises:
        RetryError: it names none.
        UserError: the folder can't be used.
    """
    if not config.encoder:
        raise RetryError(
            "This case has no encoder that knows words: open it with --encoder FOLDER (a CLIP or SigLIP model), "
            f"or --encoder {ROOMS} for pictures of rooms."
        )
    from failsight.tools.attributes.clip import open_encoder as open_clip

    return open_clip(str(shipped_encoder()) if config.encoder == ROOMS else config.encoder, config.device)


def encoder_spec(config: CaseConfig) -> EncoderSpec:
    """How a worker on another machine opens the encoder."""
    from failsight.tools.attributes.clip import open_encoder as open_clip
    from failsight.tools.engine.choice import EncoderSpec

    where = str(shipped_encoder()) if config.encoder == ROOMS else config.encoder
    return EncoderSpec(where, open_clip, config.device)


def shipped_encoder() -> Path:
    """Folder of the small encoder for the practice rooms."""
    import failsight.knowledge_base.cases as cases

    return Path(next(iter(cases.__path__))) / "rooms_clip"
