"""The Case: everything known about one failing model, in a folder on disk.

A Case is the CaseView that tools measure through, the one door through which every tool call passes
(:meth:`Case.call`), and the owner of the journal. Heavy things load on first use.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failsight.agent.attributes import check_name, encoder_spec, open_encoder, with_definitions
from failsight.agent.config import CaseConfig
from failsight.agent.journal import Journal
from failsight.agent.progress import Cancellable
from failsight.agent.secrets import redact
from failsight.agent.state import STAGES, CaseState, call_digest, fold
from failsight.tools.checks.budgets import BUDGETS, is_budget
from failsight.tools.errors import RetryError, UserError
from failsight.tools.evidence import Evidence, Figure, Finding, Instrument, canonical, digest, jsonable
from failsight.tools.inputs.base import (
    SPLITS,
    AttributeTable,
    Classifier,
    ImageTable,
    Pixels,
    Predictions,
    Split,
)
from failsight.tools.view import Expectation

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from failsight.tools.attributes.definitions import Definition
    from failsight.tools.attributes.sources import AttributeSource
    from failsight.tools.engine.choice import Engine, ModelSpec
    from failsight.tools.inputs.encoders import Encoder
    from failsight.tools.registry import ToolSpec
    from failsight.tools.view import Progress

LACKING = {
    "model": "the model itself; this case has only its predictions",
    "weights": "a model whose layers can be read (a torch model, not ONNX or a black box)",
    "scores": "class probabilities; this case has only predicted classes",
    "train": "the training images (--train)",
    "deploy": "a sample of deployment images (--deploy)",
    "pool": "a pool of unlabelled images (--pool)",
    "boxes": "object boxes in the data (a manifest column `boxes`)",
    "history": "a training record (--history)",
}


class Case:
    """One failing model under investigation. Use :func:`failsight.agent.open_case` to make or open one.

    Every tool is also a method: ``case.find_slices(depth=2)`` is ``case.call("find_slices", {"depth": 2})``.
    """

    def __init__(
        self, folder: Path, config: CaseConfig, journal: Journal, progress: Progress | None = None
    ) -> None:
        self.folder, self.config, self.journal = folder, config, journal
        self.name, self.task, self.seed = config.name or folder.name, config.task, config.seed
        self.history = Path(config.history) if config.history else None
        self.progress = Cancellable(progress)
        self._state = fold(journal)
        self._model: Classifier | None = None
        self._tables: dict[str, ImageTable] = {}
        self._predictions: dict[str, Predictions] = {}
        self._attributes: dict[str, AttributeTable] = {}
        self._encoder: Encoder | None = None
        self._sources: dict[str, AttributeSource] = {}
        self._knowledge: Any = None
        self.listeners: list[Callable[[Any], None]] = []

    # --- what the journal says -------------------------------------------------------------------------------------

    def state(self) -> CaseState:
        """The state of the case: the fold of its journal."""
        for event in self.journal.events[self._state.seq :]:
            self._state.apply(event)
        return self._state

    def record(self, kind: str, **data: Any) -> None:
        """Append one event to the journal. Secrets are struck out; evidence holds none, and is kept as it is."""
        self.journal.append(kind, data if kind == "evidence.recorded" else redact(jsonable(data)))

    @property
    def expectations(self) -> Sequence[Expectation]:
        return tuple(self.state().expectations.values())

    def expect(self, name: str, bound: float, *, at_least: bool | None = None, by: str = "person") -> None:
        """Set a criterion: ``case.expect("recall.kitchen", 0.9)``. Rates lie in [0, 1]; ``latency_ms``, ``memory_mb`` and
        ``parameters_m`` are upper bounds unless ``at_least`` says otherwise."""
        at_least = (BUDGETS[name].at_least if is_budget(name) else True) if at_least is None else at_least
        if is_budget(name) and not 0 <= bound < float("inf"):
            raise UserError(f"{name} can't be {bound:g}.", f"Write it in {BUDGETS[name].unit}.")
        if not 0 <= bound <= 1 and not is_budget(name):
            raise UserError(f"{name} lies between 0 and 1, not at {bound:g}.", "Write 90 % as 0.9.")
        old = self.state().expectations.get(name)
        if old != Expectation(name, bound, at_least, by):
            self.record("expectation.set", name=name, bound=bound, at_least=at_least, by=by)

    def enter_stage(self, stage: str, trigger: str) -> bool:
        """Journal that the workflow moved on; False when it is there already."""
        if stage not in STAGES:
            raise ValueError(stage)
        state = self.state()
        if state.stage == stage and state.stages:
            return False
        self.record("stage.entered", stage=stage, trigger=trigger)
        return True

    def findings(self) -> Sequence[tuple[str, Finding]]:
        return [(r.id, r.finding) for r in self.state().records.values()]

    def evidence(self, tool: str | None = None) -> Sequence[Evidence]:
        return [e for e in self.state().evidence if tool in (None, e.tool)]

    def register(self, instrument: Instrument) -> str:
        if instrument.id not in self.state().instruments:
            self.record("instrument.registered", id=instrument.id, instrument=dataclasses.asdict(instrument))
        return instrument.id

    # --- the one door for tool calls -------------------------------------------------------------------------------

    def call(
        self, tool: str, arguments: Mapping[str, Any] | None = None, *, by: str = "api", why: str = ""
    ) -> tuple[Evidence, bool]:
        """Run a tool and journal it: (evidence, whether it was answered from the journal).

        Raises:
            RetryError: unknown tool, bad argument, or something that this case lacks.
            UserError: a file or disk problem that only a person can mend.
        """
        from failsight.tools.registry import registry

        spec = registry()[tool]
        checked = spec.check(arguments or {})
        self._check_needs(spec)
        key = self.call_key(spec, checked)
        state = self.state()
        if key in state.calls:
            return next(e for e in state.evidence if e.id == state.calls[key]), True
        self.record("tool.started", call=key, tool=tool, arguments=checked, by=by, why=why)
        started = time.monotonic()
        try:
            made = spec.function(self, **checked)
        except (RetryError, UserError) as error:
            self.record("tool.failed", call=key, tool=tool, arguments=checked, message=str(error))
            raise
        except OSError as error:
            raise disk_error(error, self.folder) from error
        made = dataclasses.replace(
            made,
            id=f"E{len(state.evidence) + 1}",
            arguments=checked,
            seconds=round(time.monotonic() - started, 3),
        )
        self.record("evidence.recorded", call=key, evidence=made.to_dict())
        recorded = self.state().evidence[-1]
        self._write_copy(recorded)
        return recorded, False

    def call_key(self, spec: ToolSpec, checked: Mapping[str, Any]) -> str:
        """What makes two calls the same: tool, arguments, content of model and data, and what of the case it heeds."""
        prints = dict(self.fingerprints())
        if (spec.reads_attributes or checked.get("where")) and self.state().definitions:
            prints["attributes"] = self.state().attributes_now()
        if spec.edits:
            prints["changes"] = str(self.state().attribute_changes)
        if spec.heeds:
            heeded = [r for r in self.state().records.values() if r.finding.kind in spec.heeds]
            if heeded:
                prints["heeded"] = digest([(r.id, r.finding.verdict) for r in heeded])
        if spec.stateful:
            state = self.state()
            prints["findings"] = digest([(r.id, r.finding) for r in state.records.values()])
            prints["expectations"] = digest(list(state.expectations.values()))
            prints["evidence"] = digest([e.id for e in state.evidence if e.tool != spec.name])
        return call_digest(spec.name, checked, prints)

    def _check_needs(self, spec: ToolSpec) -> None:
        for need in spec.needs:
            if not self.has(need):
                raise RetryError(f"{spec.name} needs {LACKING[need]}. It would show: {spec.description}")

    def has(self, need: str) -> bool:
        """Whether the case has what a tool may need (see ``tools.registry.Need``)."""
        if need in ("train", "deploy", "pool"):
            return need in self.splits()
        if need == "history":
            return self.history is not None
        if need == "boxes":
            return self.table().boxes is not None
        if need == "scores":
            return bool(self.config.model) or self.predictions().has_scores
        if need == "weights":
            return self.has_model() and self.model().torch_module() is not None
        return self.has_model()

    def _write_copy(self, made: Evidence) -> None:
        """A copy for other programs; the journal holds the original, so a failure here is not one of the case."""
        try:
            folder = self.folder / "evidence"
            folder.mkdir(exist_ok=True)
            path = folder / f"{made.id}.json"
            path.write_text(canonical(made.to_dict()), encoding="utf-8", errors="surrogatepass")
        except OSError:
            pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        from failsight.tools.registry import registry

        if name not in registry():
            raise AttributeError(f"a case has no {name!r}; its tools are {', '.join(registry())}")

        def run(**arguments: Any) -> Evidence:
            return self.call(name, arguments)[0]

        run.__doc__ = registry()[name].function.__doc__
        run.__name__ = name
        return run

    def __dir__(self) -> list[str]:
        from failsight.tools.registry import registry

        return [*super().__dir__(), *registry()]

    # --- model, data, predictions ----------------------------------------------------------------------------------

    @property
    def classes(self) -> tuple[str, ...]:
        return self.model().classes if self.has_model() else self.table().classes

    def splits(self) -> Sequence[Split]:
        given = self.config.sources()
        return [s for s in SPLITS if s in given or (s == "data" and self.config.predictions)]

    def has_model(self) -> bool:
        return bool(self.config.model)

    def model(self) -> Classifier:
        if not self.config.model:
            raise RetryError("This case has predictions only; there is no model to run.")
        if self._model is None:
            from failsight.tools.inputs import open_model

            self._model = open_model(
                Path(self.config.model),
                arch=self.config.arch or None,
                trust_code=self.config.trust_code,
                device=self.config.device,
            )
        return self._model

    def table(self, split: Split = "data") -> ImageTable:
        if split not in self.splits():
            raise RetryError(f"This case has no {split} images.", self.splits())
        if split not in self._tables:
            if split == "data" and self.config.predictions:
                self._open_black_box()
            else:
                self._tables[split] = self._open_images(split)
        return self._tables[split]

    def _open_images(self, split: Split) -> ImageTable:
        from failsight.tools.inputs import open_images

        classes = self.model().classes if self.has_model() else self.table("data").classes
        metadata = (Path(self.config.metadata), self.config.metadata_key) if self.config.metadata else None
        return open_images(
            Path(self.config.sources()[split]),
            classes=classes,
            class_map=self.config.class_map,
            split=split,
            metadata=metadata if split == "data" else None,
            cache_folder=self.folder / "cache" / "tables",
            progress=self.progress,
        )

    def _open_black_box(self) -> None:
        from failsight.tools.inputs import open_black_box

        root = Path(self.config.data) if self.config.data else None
        metadata = (Path(self.config.metadata), self.config.metadata_key) if self.config.metadata else None
        self._tables["data"], self._predictions["data"] = open_black_box(
            Path(self.config.predictions),
            root=root,
            class_map=self.config.class_map,
            metadata=metadata,
            cache_folder=self.folder / "cache" / "tables",
            progress=self.progress,
        )

    def predictions(self, split: Split = "data") -> Predictions:
        table = self.table(split)
        if split not in self._predictions:
            model = self.model()  # bad weights are said before an engine is started
            self._predictions[split] = self._engine().predict(
                table,
                model,
                spec=self._model_spec(),
                split=split,
                cache_folder=self.folder / "cache" / "predictions",
                progress=self.progress,
            )
        return self._predictions[split]

    def _engine(self) -> Engine:
        from failsight.tools.engine.choice import choose_engine

        return choose_engine(self.config.engine)

    def _model_spec(self) -> ModelSpec:
        """How a worker on another machine opens the model."""
        from failsight.tools.engine.choice import ModelSpec

        config = self.config
        return ModelSpec(config.model, config.arch or None, config.trust_code, config.device)

    def features(self, split: Split = "data") -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        from failsight.tools.engine.features import sampled_features

        model = self.model()
        return sampled_features(
            self.table(split),
            model,
            self.predictions(split),
            seed=self.seed,
            cached=self.cached,
            store=self.store,
            progress=self.progress,
        )

    def attributes(self, split: Split = "data") -> AttributeTable:
        if split not in self._attributes:
            self._attributes[split] = self._given_attributes(split)
        return with_definitions(self, split, self._attributes[split], self._known_sources())

    def _given_attributes(self, split: Split) -> AttributeTable:
        """Columns that came with the data and what the pictures show by themselves."""
        from failsight.tools.attributes.computed import attribute_table

        # a pool is measured without predicting it; elsewhere rows follow the prediction table
        rows = None if split == "pool" else self.predictions(split).rows
        if self.config.engine != "local":  # what it measures is found in the cache
            self._engine().measure(
                self.table(split), cached=self.cached, store=self.store, progress=self.progress
            )
        return attribute_table(
            self.table(split), rows, cached=self.cached, store=self.store, progress=self.progress
        )

    def definitions(self) -> Sequence[Definition]:
        return tuple(self.state().definitions.values())

    def define(self, definition: Definition, *, action: str, why: str = "") -> None:
        check_name(self, definition)
        if self.state().definitions.get(definition.key) != definition:
            self.record(
                "attribute.changed", action=action, why=why, definition=dataclasses.asdict(definition)
            )

    def source(self, name: str) -> AttributeSource:
        from failsight.tools.attributes.sources import built_in

        return self._known_sources().get(name) or built_in(name)

    def _known_sources(self) -> Mapping[str, AttributeSource]:
        """Sources that depend on how the case was opened; what was handed in before stays."""
        if not self._sources.keys() >= {"vqa", "vision_model"}:
            from failsight.agent.proposals.sources import sources_for

            self._sources = {**sources_for(self.config), **self._sources}
        return self._sources

    def encoder(self) -> Encoder:
        if self._encoder is None:
            self._encoder = open_encoder(self.config)
        return self._encoder

    def embeddings(self, split: Split = "data") -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        return self._engine().embed(
            self.table(split),
            self.encoder(),
            spec=encoder_spec(self.config),
            cached=self.cached,
            store=self.store,
            progress=self.progress,
        )

    def pixels(
        self, rows: npt.NDArray[np.int64], split: Split = "data", batch: int = 64
    ) -> Iterator[tuple[npt.NDArray[np.int64], Pixels]]:
        from failsight.tools.engine import iter_pixels

        return iter_pixels(self.table(split), self.model(), rows, batch=batch)

    def fingerprints(self) -> dict[str, str]:
        """Content fingerprints of the model and of every split."""
        made = {"model": self.model().fingerprint if self.has_model() else ""}
        made.update({s: self.table(s).fingerprint for s in self.splits()})
        return made

    def facts(self) -> dict[str, Any]:
        """What ``case.created`` journals about model and data."""
        model = None
        if self.has_model():
            m = self.model()
            model = {"path": self.config.model, "format": m.format, "fingerprint": m.fingerprint}
        data = {
            s: {
                "path": self.config.sources().get(s, self.config.predictions),
                "format": t.format,
                "fingerprint": t.fingerprint,
                "n": len(t),
                "classes": list(t.classes),
            }
            for s in self.splits()
            for t in (self.table(s),)
        }
        return {"model": model, "data": data}

    # --- knowledge, figures, caches --------------------------------------------------------------------------------

    @property
    def knowledge(self) -> Any:
        if self._knowledge is None:
            self._knowledge = _load_knowledge()
        return self._knowledge

    def save_figure(self, name: str, image: Any, *, title: str, alt: str, caption: str = "") -> Figure:
        from failsight.tools.inputs.fingerprint import write_atomically

        if isinstance(image, str):
            raw, suffix = image.encode("utf-8"), ".svg"
        else:
            buffer = io.BytesIO()
            image.save(buffer, "PNG")
            raw, suffix = buffer.getvalue(), ".png"
        safe = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in name)[:60]
        folder = self.folder / "figures"
        path = folder / f"{safe}-{hashlib.sha256(raw).hexdigest()[:8]}{suffix}"
        folder.mkdir(exist_ok=True)
        write_atomically(path, lambda fresh: fresh.write_bytes(raw))
        return Figure(title, f"figures/{path.name}", alt, caption)

    def cached(self, key: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]] | None:
        import numpy as np

        path = self.folder / "cache" / "arrays" / f"{digest(key)[:32]}.npz"
        try:
            with np.load(path, allow_pickle=False) as stored:
                return {name: stored[name] for name in stored.files}
        except FileNotFoundError:
            return None
        except Exception:  # a damaged cache file is only a slow answer
            return None

    def store(self, key: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        import numpy as np

        from failsight.tools.inputs.fingerprint import write_atomically

        folder = self.folder / "cache" / "arrays"
        folder.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        np.savez(buffer, **dict(arrays))
        raw = buffer.getvalue()
        write_atomically(folder / f"{digest(key)[:32]}.npz", lambda fresh: fresh.write_bytes(raw))

    def close(self) -> None:
        """Close the journal; the case can be opened again at any time."""
        self.journal.close()

    def __enter__(self) -> Case:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = self.state()
        return f"<Case {self.name!r}: {len(state.evidence)} evidence, {len(state.confirmed())} confirmed findings>"


def _load_knowledge() -> Any:
    from failsight.knowledge_base import load

    try:
        return load()
    except AttributeError as error:  # inside a property it would pass for a missing tool
        raise RuntimeError(f"the knowledge base could not be loaded: {error}") from error


def disk_error(error: OSError, folder: Path) -> UserError:
    """An operating-system error as a sentence for the person who can mend it."""
    where = error.filename or folder
    return UserError(
        f"{where}: {error.strerror or error}.",
        "Mend that and run the same command again: it goes on where it stopped.",
    )
