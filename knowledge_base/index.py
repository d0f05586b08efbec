"""Embeddings of the knowledge base: computed once for each text, kept by content hash."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final

from failsight.knowledge_base.encoder import SHA256, NoEncoder, encoder
from failsight.knowledge_base.rendering import Row
from failsight.knowledge_base.store import home, write_quietly

_SNAPSHOT: Final = f"vectors-{SHA256[:12]}.npz"


class Index:
    """Vectors of the rows of a knowledge base.

    Attributes:
        rows: the texts, in the order of ``vectors``.
        vectors: float32 array (rows, 384) of unit vectors, or None when there is no dense search.
        notice: one sentence on what does not work, or empty.
        embedded: how many texts had to be embedded when this index was opened.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = list(rows)
        self.vectors: Any = None
        self.notice = ""
        self.embedded = 0
        try:
            self.vectors = self._vectors()
        except NoEncoder as error:
            self.notice = f"{error} Search goes by words only."

    def _vectors(self) -> Any:
        import numpy as np

        known = _read_snapshot()
        missing = list(dict.fromkeys(row.key for row in self.rows if row.key not in known))
        if missing:
            texts = {row.key: row.text for row in self.rows}
            fresh = encoder()([texts[key] for key in missing])
            self.embedded = len(missing)
            known |= dict(zip(missing, fresh, strict=True))
            _write_snapshot({row.key: known[row.key] for row in self.rows})
        return (
            np.stack([known[row.key] for row in self.rows]) if self.rows else np.zeros((0, 384), np.float32)
        )


def _read_snapshot() -> dict[str, Any]:
    import numpy as np

    try:
        with np.load(home() / "knowledge" / _SNAPSHOT, allow_pickle=False) as stored:
            keys, vectors = stored["keys"], stored["vectors"].astype(np.float32)
    except (OSError, ValueError, KeyError, EOFError):
        return {}
    return dict(zip((str(k) for k in keys), vectors, strict=True)) if len(keys) == len(vectors) else {}


def _write_snapshot(known: dict[str, Any]) -> None:
    import numpy as np

    buffer = io.BytesIO()
    np.savez(buffer, keys=np.array(list(known)), vectors=np.stack(list(known.values())).astype(np.float16))
    write_quietly(home() / "knowledge" / _SNAPSHOT, buffer.getvalue())
