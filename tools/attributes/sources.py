"""Where attributes come from that nobody wrote down: one protocol, several sources, assigned once and cached."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.definitions import ASSIGNED, Definition
from failsight.tools.errors import RetryError, UserError

if TYPE_CHECKING:
    from failsight.tools.inputs.base import Split
    from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]

WHERE: Mapping[str, str] = {
    "zero_shot": "failsight.tools.attributes.zero_shot:ZeroShot",
    "clusters": "failsight.tools.attributes.clusters:Clusters",
    "vqa": "failsight.tools.attributes.vqa:Vqa",
}
"""Source → its class; sources that need a language model are handed in by the agent."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """The values of one attribute.

    Attributes:
        codes: (n,) int16 position among the definition's values; −1 where the source abstains or could not look.
        confidence: (n,) float32 in [0, 1], the source's own; 0 where it abstains.
    """

    codes: npt.NDArray[np.int16]
    confidence: npt.NDArray[np.float32]


class AttributeSource(Protocol):
    """Proposes attributes with their values, and says which value each picture has."""

    name: str

    def fingerprint(self, view: CaseView) -> str:
        """What its answers depend on besides the pictures and the definitions: the models it uses."""

    def propose(self, view: CaseView, split: Split, limit: int) -> Sequence[Definition]:
        """At most ``limit`` attributes for the pictures of a split. Raises RetryError when it lacks what it needs."""

    def assign(
        self, view: CaseView, split: Split, rows: Ints, definitions: Sequence[Definition]
    ) -> Mapping[str, Assigned]:
        """Key of each definition → values of ``rows``, in this order. One pass over the pictures for all of them."""


def built_in(name: str) -> AttributeSource:
    """The source called ``name``. Raises RetryError when there is none."""
    if name not in WHERE:
        raise RetryError(f"There is no source of attributes called {name!r}.", WHERE)
    module, _, attribute = WHERE[name].partition(":")
    return cast("AttributeSource", getattr(import_module(module), attribute)())


def assign_all(
    view: CaseView,
    split: Split,
    rows: Ints,
    definitions: Iterable[Definition],
    sources: Mapping[str, AttributeSource] | None = None,
) -> dict[str, Assigned]:
    """Values of ``rows`` for every definition that a source must assign; what was assigned before comes from the cache.

    Args:
        sources: sources handed in by the caller, used before the built-in ones.

    Raises:
        RetryError: a source lacks what it needs.
    """
    made: dict[str, Assigned] = {}
    by_source: dict[str, list[Definition]] = {}
    for definition in definitions:
        if definition.source in ASSIGNED and not definition.dropped:
            by_source.setdefault(definition.source, []).append(definition)
    for name, wanted in by_source.items():
        source = (sources or {}).get(name) or built_in(name)
        keys = {d.key: _key(view, split, rows, d, source) for d in wanted}
        missing = []
        for definition in wanted:
            found = view.cached(keys[definition.key])
            if found is None:
                missing.append(definition)
            else:
                made[definition.key] = Assigned(found["codes"], found["confidence"])
        if missing:
            fresh = source.assign(view, split, rows, missing)
            for definition in missing:
                one = fresh[definition.key]
                view.store(keys[definition.key], {"codes": one.codes, "confidence": one.confidence})
                made[definition.key] = one
    return made


def still_checked(view: CaseView, definitions: Iterable[Definition]) -> list[Definition]:
    """The definitions, without the checks of values that another model gave than the one that gives them now."""
    made = []
    for definition in definitions:
        if definition.check is not None and definition.check.of:
            with suppress(RetryError, UserError):  # without its model it has no values that could be judged
                if view.source(definition.source).fingerprint(view) != definition.check.of:
                    definition = replace(definition, check=None)
        made.append(definition)
    return made


def _key(
    view: CaseView, split: Split, rows: Ints, definition: Definition, source: AttributeSource
) -> dict[str, object]:
    return {
        "what": "assigned attribute",
        "data": view.table(split).fingerprint,
        "rows": hashlib.sha256(np.ascontiguousarray(rows, np.int64).tobytes()).hexdigest(),
        "definition": definition.assignment(),
        "source": source.fingerprint(view),
        "seed": view.seed,
    }
