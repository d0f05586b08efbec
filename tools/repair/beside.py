"""Another model beside the case's own: a version that a repair made, or a file; seen through the same view."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from failsight.tools.engine.features import sampled_features
from failsight.tools.engine.local import as_predictions, cache_key, predict
from failsight.tools.engine.stream import iter_pixels
from failsight.tools.errors import RetryError, UserError
from failsight.tools.inputs.base import AttributeTable, Classifier, Pixels, Predictions, Split
from failsight.tools.repair.versions import find_version
from failsight.tools.text import clean
from failsight.tools.view import CaseView


class ModelBeside:
    """The CaseView of a case with another model in place of its own; everything but what the model gives is the case's."""

    def __init__(self, view: CaseView, model: Classifier, name: str) -> None:
        self._view, self._model, self.name = view, model, name
        self._known: dict[str, Predictions] = {}

    def has_model(self) -> bool:
        return True

    def model(self) -> Classifier:
        return self._model

    def predictions(self, split: Split = "data") -> Predictions:
        """The prediction table of this model: one pass, cached under content."""
        if split not in self._known:
            self._known[split] = self._predicted(split)
        return self._known[split]

    def _predicted(self, split: Split) -> Predictions:
        table, view = self._view.table(split), self._view
        key = {"predictions": cache_key(table, self._model)}
        stored = view.cached(key)
        if stored is not None:
            return as_predictions(table, self._model, split, stored, 0.0, cached=True)
        made = predict(table, self._model, split=split, progress=view.progress)
        at = {path: row for row, path in enumerate(table.paths)}
        nothing = np.zeros((len(made), 0), np.float16)
        view.store(
            key,
            {
                "rows": made.rows,
                "scores": made.scores,
                "features": nothing if made.features is None else made.features,
                "bad_rows": np.array([at[one.path] for one in made.left_out], np.int64),
                "bad_reasons": np.array([one.reason for one in made.left_out], "U160"),
            },
        )
        return made

    def features(self, split: Split = "data") -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        view = self._view
        return sampled_features(
            view.table(split),
            self._model,
            self.predictions(split),
            seed=view.seed,
            cached=view.cached,
            store=view.store,
            progress=view.progress,
        )

    def attributes(self, split: Split = "data") -> AttributeTable:
        """The case's, of its own rows."""
        return self._view.attributes(split)

    def pixels(
        self, rows: npt.NDArray[np.int64], split: Split = "data", batch: int = 64
    ) -> Iterator[tuple[npt.NDArray[np.int64], Pixels]]:
        return iter_pixels(self._view.table(split), self._model, rows, batch=batch)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._view, name)


def beside(view: CaseView, name: str, argument: str) -> tuple[CaseView, str]:
    """The case seen with the model called ``name``, and what people call that.

    Args:
        name: empty: the case's own model; ``R1.1``: a version; else a path on this machine (never a download, no code run).
        argument: whose value it is, for what is said when it is nothing of the kind.

    Raises:
        RetryError: there is no such version or file, it can't be opened, or it knows other classes.
    """
    text = name.strip()
    if not text:
        return view, "the model"
    known = {v.name.lower() for v in view.versions()}
    looks = "/" in text or "\\" in text or Path(text).expanduser().exists()
    if text.lower() in known or not looks:
        found = find_version(view.versions(), text)
        return view.version(found.name), found.name
    model = _opened(text, argument, view)
    if tuple(model.classes) != tuple(view.classes):
        both = set(model.classes) ^ set(view.classes)
        what = "has other classes" if both else "has the same classes in another order"
        raise RetryError(f"{argument}: the model at {clean(text, 60)} {what} than this case.", view.classes)
    path = Path(text)
    named = path.parent.name if path.is_file() and path.stem in ("weights", "model") else path.stem
    made: Any = ModelBeside(view, model, clean(named, 30))
    return made, clean(named, 30)


def other_print(arguments: Mapping[str, Any]) -> str:
    """Fingerprints of the model files that ``before`` and ``after`` name; empty for versions and for what can't be opened."""
    found = []
    for argument in ("before", "after"):
        text = str(arguments.get(argument) or "").strip()
        if text and ("/" in text or Path(text).expanduser().exists()):
            try:
                found.append(_opened(text, argument).fingerprint)
            except RetryError:  # the tool knows the case, and may open it with the case's architecture
                found.append(_content(Path(text).expanduser()))
    return ",".join(found)


def _content(path: Path) -> str:
    """Digest of a model file and of the side files beside it; empty where there is none."""
    from failsight.tools.inputs.models.scoring import hash_files

    beside_it = (path, path.with_suffix(".json"), path.parent / "model.json")
    return hash_files([p for p in beside_it if p.is_file()]) if path.is_file() else ""


def _opened(text: str, argument: str, view: CaseView | None = None) -> Classifier:
    """The model at a path. Bare weights without an architecture of their own are tried with that of the case, which was trusted."""
    from failsight.tools.inputs import open_model

    if text.startswith("hub:") or "://" in text:
        raise RetryError(f"{argument}: {clean(text, 60)!r} would be fetched; name a file that is here.")
    try:
        return open_model(Path(text).expanduser())
    except (UserError, OSError, ValueError) as problem:
        if view is not None and (made := _as_the_case(Path(text).expanduser(), view)) is not None:
            return made
        raise RetryError(
            f"{argument}: {problem} What the file does not say goes into a model.json beside it."
        ) from None


def _as_the_case(path: Path, view: CaseView) -> Classifier | None:
    """A weights file read as the case's own model is: its architecture, classes and preprocessing where the file says nothing else."""
    from failsight.tools.inputs import open_model
    from failsight.tools.inputs.models.side import find_side

    source = getattr(view.model(), "source", None)
    if source is None or not source.arch or not path.is_file() or find_side(path).arch:
        return None
    trusted = getattr(view, "arch", None)  # of a case: it checks that the code is what was trusted
    try:
        return open_model(
            path,
            arch=trusted() or source.arch if callable(trusted) else source.arch,
            trust_code=source.trust_code,
            device=source.device,
            side_file=_side_of(source, path),
        )
    except (UserError, OSError, ValueError):
        return None


def _side_of(source: Any, path: Path) -> Path | None:
    """The side file of the case's model, where the other one has none of its own."""
    own = any(p.is_file() for p in (path.with_suffix(".json"), path.parent / "model.json"))
    names = (source.path.with_suffix(".json"), source.path.parent / "model.json")
    return None if own else next((p for p in names if p.is_file()), None)
