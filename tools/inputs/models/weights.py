"""Weights and the network that they are for: which set of a file, by which names, whether they fit, and whether they hold numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from failsight.tools.errors import UserError
from failsight.tools.text import clean, listing

MOST_HEADS = 6  # tensors that may differ in the number of outputs: weight and bias of a head and of two that help in training
_SETS = ("state_dict", "model_state_dict", "model", "net", "weights", "module", "params", "ema", "model_ema", "ema_state_dict",
         "state_dict_ema", "params_ema")  # fmt: skip
_FIRST_NAMES = 6  # names of the network that are looked for under a prefix


def sets_in(loaded: Any) -> dict[str, dict[str, Any]]:
    """Name → set of weights in what a checkpoint holds, the usual names first; the name is empty where it is one set itself.

    A set lies at the top, below a key, or below a key of a key (``ema`` → ``state_dict``).
    """
    if _is_state(loaded):
        return {"": _plain(loaded)}
    if not isinstance(loaded, Mapping):
        return {}
    found: dict[str, dict[str, Any]] = {}
    for key, value in loaded.items():
        if _is_state(value):
            found[str(key)] = _plain(value)
        elif isinstance(value, Mapping):
            found |= {f"{key}.{inner}": _plain(v) for inner, v in value.items() if _is_state(v)}
    known = {name: i for i, name in enumerate(_SETS)}
    return dict(sorted(found.items(), key=lambda item: known.get(item[0].partition(".")[0], len(known))))


def _is_state(value: Any) -> bool:
    import torch

    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(v, torch.Tensor) for v in value.values())
    )


def _plain(value: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): tensor for name, tensor in value.items()}


def choose_set(
    sets: Mapping[str, dict[str, Any]], wanted: str | None, path: Path
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """One set of weights, and a note where the file holds others as large.

    Args:
        wanted: the name that the side file gives (``weights``).

    Raises:
        UserError: there is no such set.
    """
    if wanted is not None and wanted in sets:
        return sets[wanted], ()
    first = next(iter(sets))
    if wanted is not None and "" not in sets:
        raise UserError(
            f"{clean(path.name)} holds no set of weights called {clean(wanted, 60)}.",
            f"It holds {listing([clean(n, 60) for n in sets], 10)}; correct `weights` in the side file.",
        )
    alike = [name for name, state in sets.items() if 2 * len(state) >= len(sets[first])]
    if len(alike) < 2:
        return sets[first], ()
    return sets[first], (
        f"{clean(path.name)} holds {len(alike)} sets of weights ({listing([clean(n, 60) for n in alike], 6)}); {clean(first, 60)} was taken. "
        '"weights" in the side file names another.',
    )


def refuse_empty(module: Any) -> None:
    """Raises UserError where weights of ``module`` lie on torch's device ``meta``: they have a shape and hold nothing."""
    empty = [name for name, tensor in _tensors(module) if tensor.is_meta]
    if empty:
        raise UserError(
            f"The weights of the model hold no data (torch's device meta): {_few(empty)}.",
            "Load the weights into the network, or save them from a network that holds them.",
        )


def not_numbers(module: Any) -> tuple[str, ...]:
    """A sentence where weights are NaN, or learned ones infinite; nothing where all are numbers."""
    import torch

    learned = dict(module.named_parameters()) if hasattr(module, "named_parameters") else {}
    bad = []
    for name, tensor in _tensors(module):
        if tensor.is_floating_point() and tensor.numel():
            broken = not torch.isfinite(tensor).all() if name in learned else torch.isnan(tensor).any()
            if broken:
                bad.append(name)
    if not bad:
        return ()
    return (
        f"Some weights of the model are not finite numbers (NaN or infinite), in {_few(bad)}. Its answers can't be relied on.",
    )


def _tensors(module: Any) -> list[tuple[str, Any]]:
    if not hasattr(module, "named_parameters"):
        return []
    return [*module.named_parameters(), *module.named_buffers()]


@dataclass(frozen=True, slots=True)
class Unlike:
    """How weights differ from the architecture that they are loaded into.

    Attributes:
        told: what differs, in words; empty where they fit.
        outputs: (of the architecture, of the weights), where the last layers differ in how many outputs they have and nothing else does.
    """

    told: tuple[str, ...]
    outputs: tuple[int, int] | None = None


def unlike(module: Any, state: Mapping[str, Any], wanted: str | None = None) -> Unlike:
    """Compare names and shapes of ``state`` with those of ``module``. No module: an empty state is looked for in vain."""
    own = module.state_dict() if hasattr(module, "state_dict") else {}
    named = fitted(state, own, wanted)
    state = named.state
    missing, unknown = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    differ = [name for name in sorted(own.keys() & state.keys()) if own[name].shape != state[name].shape]
    shapes = [f"{name} is {tuple(state[name].shape)}, not {tuple(own[name].shape)}" for name in differ]
    if missing or shapes:  # then it may be the very tensors that have no place here
        unknown = sorted([*unknown, *named.spare])
    told = [f"missing {_few(missing)}"] * bool(missing) + [f"unknown {_few(unknown)}"] * bool(unknown)
    told += [_few(shapes)] * bool(shapes)
    heads = {
        (int(own[name].shape[0]), int(state[name].shape[0]))
        for name in differ
        if own[name].dim() == state[name].dim() > 0 and own[name].shape[1:] == state[name].shape[1:]
    }
    alone = not missing and not unknown and len(heads) == 1 and len(differ) <= MOST_HEADS
    only = alone and all(own[n].shape[1:] == state[n].shape[1:] for n in differ if own[n].dim())
    return Unlike(tuple(told), heads.pop() if only else None)


def load_state(module: Any, state: dict[str, Any], path: Path, wanted: str | None = None) -> tuple[str, ...]:
    """Load ``state`` strictly into ``module`` and put it in eval mode; notes on what was left out of it.

    Raises:
        UserError: names or shapes differ; the sentence says which.
    """
    empty = [name for name, tensor in state.items() if tensor.is_meta]
    if empty:
        raise UserError(
            f"The weights in {clean(path.name)} hold no data (torch's device meta): {_few(empty)}.",
            "Save them from a network that holds them.",
        )
    told = unlike(module, state, wanted).told
    named = fitted(state, module.state_dict(), wanted)
    if wanted is not None and named.prefix.rstrip(".") != wanted.rstrip("."):
        raise UserError(
            f"{clean(path.name)} holds no weights of the network under the name {clean(wanted, 60)}.",
            f"Its weights are called {_few(sorted(state))}; correct `weights` in the side file.",
        )
    if told:
        raise UserError(
            f"The weights in {clean(path.name)} do not fit the architecture: {'; '.join(told)}.",
            "Are these all the weights, and is that the network they were saved from (--arch module:factory)?",
        )
    empty_network = any(tensor.is_meta for _, tensor in _tensors(module))
    module.load_state_dict({**module.state_dict(), **named.state}, strict=True, assign=empty_network)
    module.eval()
    return named.notes(path)


@dataclass(frozen=True, slots=True)
class Named:
    """A set of weights by the names that the network has for them.

    Attributes:
        state: the network's name → tensor; names that it does not know stay as they are.
        spare: tensors that belong to no part of the network: a loss with weights, a counter, a network beside it.
        others: other prefixes under which as many tensors of the network lie.
        prefix: what stood before the names.
    """

    state: dict[str, Any]
    spare: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    prefix: str = ""

    def notes(self, path: Path) -> tuple[str, ...]:
        """What a person should know of it."""
        made = []
        if self.spare:
            was, verb, were = (
                ("tensor", "belongs", "was") if len(self.spare) == 1 else ("tensors", "belong", "were")
            )
            made.append(
                f"{len(self.spare):,} {was} in {clean(path.name)} {verb} to no part of the network and {were} left out: {_few(list(self.spare))}."
            )
        if self.others:
            names = listing([clean(p, 60) for p in self.others], 4)
            made.append(
                f"{clean(path.name)} holds the weights of the network under several names; those under {clean(self.prefix, 60) or 'no name'} were "
                f'taken, not those under {names}. "weights" in the side file names another.'
            )
        return tuple(made)


def fitted(state: Mapping[str, Any], own: Mapping[str, Any], wanted: str | None = None) -> Named:
    """``state`` without what wrappers put before every name (``module.``, ``_orig_mod.``, ``model.`` …), where it fits better so.

    A tensor is spare only where nothing of the network has the first part of its name: weights of a larger network of the same kind
    do not fit a smaller one.

    Args:
        own: the network's own names and tensors.
        wanted: the prefix to take where several fit as well, as the side file says (``weights``).
    """
    counts = {prefix: _matches(state, own, prefix) for prefix in _prefixes(state, own)}
    most = max(counts.values(), default=0)
    best = [p for p, n in counts.items() if n == most]
    named = next((p for p in counts if wanted is not None and p.rstrip(".") == wanted.rstrip(".")), None)
    prefix = named if named is not None else best[0]
    under = {name[len(prefix) :]: t for name, t in state.items() if name.startswith(prefix)}
    rest = {name: t for name, t in state.items() if not name.startswith(prefix)}
    inside = {name.partition(".")[0] for name in own}
    spare = [n for n in under if n not in own and n.partition(".")[0] not in inside]
    beside = [n for n in rest if prefix or n.partition(".")[0] not in inside]
    kept = {n: t for n, t in under.items() if n not in spare}
    kept |= {n: t for n, t in rest.items() if n not in beside}
    gone = sorted([*(prefix + n for n in spare), *beside])
    others = tuple(p for p in best if p != prefix) if most and named is None else ()
    return Named(kept, tuple(gone), others, prefix)


def _prefixes(state: Mapping[str, Any], own: Mapping[str, Any]) -> list[str]:
    """What may stand before the network's names in ``state``; first nothing."""
    found = {"": None}
    for mine in list(own)[:_FIRST_NAMES]:
        found |= {name[: -len(mine)]: None for name in state if name.endswith(f".{mine}")}
    return list(found)


def _matches(state: Mapping[str, Any], own: Mapping[str, Any], prefix: str) -> int:
    return sum(
        f"{prefix}{name}" in state and state[f"{prefix}{name}"].shape == t.shape for name, t in own.items()
    )


def _few(names: list[str]) -> str:
    shown = ", ".join(clean(n, 80) for n in names[:3])
    return shown + (f" and {len(names) - 3} more" if len(names) > 3 else "")
