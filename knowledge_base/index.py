"""Embeddings of the knowledge base: computed once for each text, kept by content hash, stored and filtered in Chroma.

Three places hold the same vectors, each for its own purpose:

* ``data/vectors.npz`` in the package: those of the shipped texts, so that a first start embeds nothing;
* ``vectors-….npz`` in the cache folder: an export for short-lived commands. Importing chromadb takes 1.6 s of the
  2.5 s that ``failsight ask`` may take, reading this file 20 ms;
* the Chroma collection (:mod:`failsight.knowledge_base.chroma`), embedded or on a server: what a running app queries,
  with filters, and what people share.

Every text has one key, the hash of its content, in all three.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from failsight.knowledge_base.encoder import SHA256, WIDTH, NoEncoder, encoder
from failsight.knowledge_base.rendering import Row
from failsight.knowledge_base.store import HERE, home, write_quietly

if TYPE_CHECKING:
    from failsight.knowledge_base.chroma import Store
    from failsight.knowledge_base.filter import Filter

_SNAPSHOT: Final = f"vectors-{SHA256[:12]}.npz"
_SHIPPED: Final = HERE / "data" / "vectors.npz"


class Index:
    """Vectors of the rows of a knowledge base, and where they are searched.

    Attributes:
        rows: the texts, in the order of ``vectors``.
        vectors: float32 array (rows, 384) of unit vectors, or None when there is no dense search.
        embedded: how many texts had to be embedded when this index was opened.
        store: the Chroma collection once it is open, else None.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = list(rows)
        self.vectors: Any = None
        self.embedded = 0
        self.store: Store | None = None
        self._notices: list[str] = []
        self._last: tuple[tuple[str, ...], Any] | None = None
        try:
            self.vectors = self._vectors()
        except NoEncoder as error:
            self.say(f"{error} Search goes on by words only.")

    @property
    def notice(self) -> str:
        """What does not work, one sentence each, or empty."""
        return " ".join(self._notices)

    def say(self, notice: str) -> None:
        """Remember one sentence about something that does not work."""
        if notice not in self._notices:
            self._notices.append(notice)

    def embed(self, texts: Sequence[str]) -> Any:
        """Unit vectors of ``texts``, (len(texts), 384), or None when there is no encoder."""
        if self.vectors is None:
            return None
        try:
            key, last = tuple(texts), self._last
            if last is None or last[0] != key:  # a sentence is read more than once
                self._last = last = (key, encoder()(texts))
            return last[1]
        except NoEncoder as error:
            self.vectors = None
            self.say(f"{error} Search goes on by words only.")
            return None

    def nearest(self, vector: Any, allowed: Sequence[bool], wanted: Filter, k: int) -> dict[str, float]:
        """Best cosine in [0, 1] of the entries nearest to ``vector``.

        Args:
            vector: unit vector of the query.
            allowed: for every row whether its entry passes the filter (used without a store).
            wanted: the same filter for the store.
            k: how many entries are needed; more may come back.
        """
        if self.store is not None:
            from failsight.knowledge_base.chroma import StoreTrouble

            try:
                return self.store.query(vector, wanted, k)
            except StoreTrouble as error:
                self.store = None
                self.say(f"{error} The local copy is searched instead.")
        cosines = self.vectors @ vector
        best: dict[str, float] = {}
        for row, fits, cosine in zip(self.rows, allowed, cosines, strict=True):
            if fits and cosine > best.get(row.entry, 0.0):
                best[row.entry] = float(cosine)
        return best

    def _vectors(self) -> Any:
        import numpy as np

        if not self.rows:
            return np.zeros((0, WIDTH), np.float32)
        keys = [row.key for row in self.rows]
        known = unpack(_SHIPPED, keys)
        if len(known) < len(set(keys)):
            known |= unpack(home() / "knowledge" / _SNAPSHOT, keys)
        missing = list(dict.fromkeys(key for key in keys if key not in known))
        if missing:
            texts = {row.key: row.text for row in self.rows}
            fresh = encoder()([texts[key] for key in missing])
            self.embedded = len(missing)
            known |= dict(zip(missing, fresh, strict=True))
            _keep({key: known[key] for key in missing})
        return np.stack([known[key] for key in keys])


def pack(known: Mapping[str, Any]) -> bytes:
    """Vectors by key as the content of an ``.npz`` file, eight bits a number with one scale a vector."""
    import numpy as np

    vectors = np.stack(list(known.values())).astype(np.float32)
    scale = np.maximum(np.abs(vectors).max(1), 1e-12) / 127.0
    buffer = io.BytesIO()
    np.savez(
        buffer,
        keys=np.frombuffer(bytes.fromhex("".join(known)), np.uint8).reshape(-1, 16),
        vectors=np.round(vectors / scale[:, None]).astype(np.int8),
        scale=scale.astype(np.float32),
    )
    return buffer.getvalue()


def unpack(path: Path, wanted: Iterable[str] | None = None) -> dict[str, Any]:
    """The vectors of ``wanted`` keys (all by default) that ``path`` holds; nothing from a missing or damaged file."""
    import zipfile

    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as stored:
            packed, vectors, scale = stored["keys"], stored["vectors"], stored["scale"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return {}
    n = len(packed)
    if (
        packed.dtype != np.uint8
        or packed.shape != (n, 16)
        or vectors.shape != (n, WIDTH)
        or scale.shape != (n,)
    ):
        return {}
    places = {row.tobytes().hex(): i for i, row in enumerate(packed)}
    rows = places if wanted is None else {key: places[key] for key in wanted if key in places}
    return {key: vectors[i].astype(np.float32) * scale[i] for key, i in rows.items()}


def _keep(fresh: Mapping[str, Any]) -> None:
    """Add ``fresh`` vectors to the cache file."""
    path = home() / "knowledge" / _SNAPSHOT
    write_quietly(path, pack({**unpack(path), **fresh}))
