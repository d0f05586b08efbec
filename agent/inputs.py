"""What a case was given, opened on first use: model, images, predictions, encoder; and its folder for figures and caches.

Nothing here knows the journal: :class:`failsight.agent.case.Case` adds what was measured and said.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failsight.agent.attributes import encoder_spec, open_encoder
from failsight.agent.config import CaseConfig
from failsight.agent.progress import Cancellable
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Figure, digest
from failsight.tools.inputs.base import (
    SPLITS,
    AttributeTable,
    Classifier,
    ImageTable,
    Pixels,
    Predictions,
    Split,
)
from failsight.tools.notes import called

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from failsight.agent.elsewhere import Recorded
    from failsight.tools.attributes.sources import AttributeSource
    from failsight.tools.engine.choice import Engine, ModelSpec
    from failsight.tools.inputs.encoders import Encoder
    from failsight.tools.inputs.only_numbered import Assumed
    from failsight.tools.view import Progress


class CaseInputs:
    """Model and data of a case folder."""

    def __init__(self, folder: Path, config: CaseConfig, progress: Progress | None = None) -> None:
        self.folder = Path(os.path.abspath(folder))  # wherever the program goes on working
        self.config = config
        self.name, self.task, self.seed = config.name or self.folder.name, config.task, config.seed
        self.history = Path(config.history) if config.history else None
        self.progress = Cancellable(progress)
        self.recorded: Recorded | None = None  # what stands in for model and images that are not at hand
        self.beginning = False  # the case is being made: data of which most would be left out are refused
        self.assumed: Assumed | None = None  # class names of a model that only numbers its outputs
        self._model: Classifier | None = None
        self._tables: dict[str, ImageTable] = {}
        self._predictions: dict[str, Predictions] = {}
        self._encoder: Encoder | None = None
        self._sources: dict[str, AttributeSource] = {}

    @property
    def classes(self) -> tuple[str, ...]:
        if self.recorded is not None:
            return self.recorded.classes
        return self.model().classes if self.has_model() else self.table().classes

    def splits(self) -> Sequence[Split]:
        given = self.config.sources()
        return [s for s in SPLITS if s in given or (s == "data" and self.config.predictions)]

    def has_model(self) -> bool:
        return bool(self.config.model)

    def arch(self) -> str | None:
        """The code that the model is built by. Raises UserError where it is not the code that was trusted."""
        from failsight.agent.trusted import check_code

        check_code(self.config, self.folder)
        return self.config.arch or None

    def model(self) -> Classifier:
        if not self.config.model:
            raise RetryError("This case has predictions only; there is no model to run.")
        self._must_be_at_hand()
        if self._model is None:
            from failsight.tools.inputs import open_model

            made = open_model(
                Path(self.config.model),
                arch=self.arch(),
                trust_code=self.config.trust_code,
                classes=self.assumed.names if self.assumed else None,
                device=self.config.device,
                thresholds=self.config.bars(),
            )
            if self.assumed and self.assumed.n:
                made.notes = (*made.notes, self.assumed.told())
            self._model = made
        return self._model

    def forget_model(self) -> None:
        """The model, and what was opened by its classes, are opened anew when they are needed."""
        self._model = None
        self._tables.clear()
        self._predictions.clear()

    def table(self, split: Split = "data") -> ImageTable:
        if split not in self.splits():
            raise RetryError(f"This case has no {split} images.", self.splits())
        self._must_be_at_hand()
        if split not in self._tables:
            if split == "data" and self.config.predictions:
                self._open_black_box()
            elif not self._open_answered(split):
                self._tables[split] = self._open_images(split)
        return self._tables[split]

    def _must_be_at_hand(self) -> None:
        if self.recorded is not None:
            raise self.recorded.error()

    def _open_images(self, split: Split) -> ImageTable:
        from failsight.tools.inputs import open_images
        from failsight.tools.inputs.answered import HINT

        classes = self.model().classes if self.has_model() else self.table("data").classes
        ground = self.model().preprocessing.ground if self.has_model() else "drop"
        metadata = (Path(self.config.metadata), self.config.metadata_key) if self.config.metadata else None
        return open_images(
            Path(self.config.sources()[split]),
            classes=classes,
            class_map=self.config.class_map,
            split=split,
            metadata=metadata if split == "data" else None,
            refuse_loss=self.beginning,
            cache_folder=self.folder / "cache" / "tables",
            progress=self.progress,
            ground=ground,
            hint="" if self.has_model() else HINT,
        )

    def _open_answered(self, split: Split) -> bool:
        """Open a further split that brings its own predictions; False where there is a model for them, or it brings none."""
        if self.has_model() or self._pictures_alone(split):
            return False
        from failsight.tools.inputs.answered import open_answered

        found = open_answered(
            self.config.sources()[split],
            split=split,
            data=self.table("data"),
            made=self.predictions("data"),
            class_map=self.config.class_map,
            refuse_loss=self.beginning,
            cache_folder=self.folder / "cache" / "tables",
            progress=self.progress,
            thresholds=self.config.bars(),
        )
        if found is not None:
            self._tables[split], self._predictions[split] = found
        return found is not None

    def _brought(self, split: Split) -> bool:
        """Whether the answers to the images of ``split`` came in a table, there being no model."""
        self.table(split)
        return not self.has_model() and split in self._predictions

    def _pictures_alone(self, split: Split) -> bool:
        """Whether the case was begun when a table of ``split`` was read for its pictures alone."""
        return False

    def _open_black_box(self) -> None:
        from failsight.tools.inputs import open_black_box

        root = Path(self.config.data) if self.config.data else None
        metadata = (Path(self.config.metadata), self.config.metadata_key) if self.config.metadata else None
        self._tables["data"], self._predictions["data"] = open_black_box(
            Path(self.config.predictions),
            root=root,
            class_map=self.config.class_map,
            metadata=metadata,
            refuse_loss=self.beginning,
            cache_folder=self.folder / "cache" / "tables",
            progress=self.progress,
            thresholds=self.config.bars(),
        )

    def predictions(self, split: Split = "data") -> Predictions:
        table = self.table(split)
        if split not in self._predictions:
            if not self.has_model():
                raise RetryError(_no_predictions(split))
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
        return ModelSpec(
            config.model, self.arch(), config.trust_code, config.device,
            classes=self.assumed.names if self.assumed else None, thresholds=config.bars(),
        )  # fmt: skip

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

    def _given_attributes(self, split: Split) -> AttributeTable:
        """Columns that came with the data and what the pictures show by themselves."""
        from failsight.tools.attributes.computed import attribute_table

        # a pool is measured without predicting it, unless its answers came with it; elsewhere rows follow the prediction table
        unasked = split == "pool" and (self.has_model() or not self._brought(split))
        rows = None if unasked else self.predictions(split).rows
        if self.config.engine != "local":  # what it measures is found in the cache
            self._engine().measure(
                self.table(split), cached=self.cached, store=self.store, progress=self.progress
            )
        return attribute_table(
            self.table(split), rows, cached=self.cached, store=self.store, progress=self.progress
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

    def segmenter(self) -> str:
        """Folder of the model that finds regions, fetched where a person named one of the hub; empty for none."""
        named = self.config.segmenter
        if named and not Path(named).is_dir():
            from failsight.tools.attributes.hub import fetched

            return str(fetched(named))
        return named

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
        if self.recorded is not None:
            return dict(self.recorded.prints)
        made = {"model": self.model().fingerprint if self.has_model() else ""}
        made.update({s: self.table(s).fingerprint for s in self.splits()})
        return made

    def parts(self, split: Split) -> dict[str, str]:
        """Digests of what a split consists of, which tell what of it changed."""
        from failsight.agent.changed import parts

        return parts(self.table(split), self.predictions(split) if self._brought(split) else None)

    def facts(self) -> dict[str, Any]:
        """What ``case.created`` journals about model and data."""
        model: dict[str, Any] | None = None
        if self.has_model():
            m = self.model()
            model = {"path": self.config.model, "format": m.format, "fingerprint": m.fingerprint}
            if self.assumed:
                model["assumed"] = dataclasses.asdict(self.assumed)
        data = {
            s: {
                "path": self.config.sources().get(s, self.config.predictions),
                "format": t.format,
                "fingerprint": t.fingerprint,
                "n": len(t),
                "classes": list(t.classes),
                "parts": self.parts(s),
                **_lost(t),
            }
            for s in self.splits()
            for t in (self.table(s),)
        }
        return {"model": model, "data": data}

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


def _no_predictions(split: Split) -> str:
    """Why nothing is known of the answers to the images of ``split``, and what to do."""
    return (
        f"This case has predictions only, and none for the {called(split)}. Start a new case whose --{split} is a table with "
        "a column prediction, or one of probabilities for each class (docs/models.md)."
    )


def _lost(table: ImageTable) -> dict[str, Any]:
    """Which labels of ``table`` are no class of the model, and how many of its images are left out for that; empty without any."""
    from failsight.tools.inputs.unmatched import NO_CLASS

    n = sum(one.reason.endswith(NO_CLASS) for one in table.left_out)
    if not n:
        return {}
    unmatched = getattr(table, "unmatched", ())
    said = {one.label: one.images for one in unmatched if not one.on_purpose}
    return {"unmatched": said, "unmatched_images": n}
