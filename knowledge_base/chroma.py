"""The Chroma collection behind a running app: embedded in the cache folder, or a server that a team shares.

chromadb is imported inside functions only (1.6 s). Its telemetry is off. Nothing here raises anything but
:class:`StoreTrouble`, whose message is one sentence: search then goes on without the store.
"""

from __future__ import annotations

import shutil
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from failsight.knowledge_base.encoder import SHA256
from failsight.knowledge_base.filter import Filter
from failsight.knowledge_base.rendering import Row
from failsight.knowledge_base.schema import LEVELS, STEPS, Entry, clean

COLLECTION: Final = f"failsight-{SHA256[:12]}"
PATIENCE: Final = 2.0
_SYNC_PATIENCE: Final = 60.0
_BATCH: Final = 1000
_ROWS_PER_ENTRY: Final = 12
T = TypeVar("T")


class StoreTrouble(Exception):
    """The store can't be used; the message is one sentence for a person."""


class Store:
    """One Chroma collection of rows."""

    def __init__(self, collection: Any, place: str, patience: float = PATIENCE) -> None:
        self._collection = collection
        self.place = place
        self._patience = patience
        self.foreign: dict[str, Entry] = {}

    def sync(self, rows: Sequence[Row], entries: Mapping[str, Entry], vectors: Any, *, prune: bool) -> int:
        """Bring the collection up to date; texts that it has already are not sent again.

        Args:
            rows: every searchable text.
            entries: the entries they belong to.
            vectors: their unit vectors, (rows, 384).
            prune: also delete what is no longer there (our own embedded store, never a shared server).

        Returns:
            How many texts were added or changed.
        """
        wanted = {identity(row, entries[row.entry]): i for i, row in enumerate(rows)}
        present = set(self._call(lambda: self._collection.get(include=[])["ids"], _SYNC_PATIENCE))
        fresh = [name for name in wanted if name not in present]
        for names in _batches(fresh):
            self._upsert(names, [wanted[name] for name in names], rows, entries, vectors)
        for names in _batches([name for name in present if prune and name not in wanted]):
            self._call(partial(self._collection.delete, ids=names), _SYNC_PATIENCE)
        return len(fresh)

    def _upsert(
        self,
        names: list[str],
        places: list[int],
        rows: Sequence[Row],
        entries: Mapping[str, Entry],
        vectors: Any,
    ) -> None:
        send = partial(
            self._collection.upsert,
            ids=names,
            embeddings=vectors[places],
            documents=[rows[i].text for i in places],
            metadatas=[metadata(entries[rows[i].entry]) for i in places],
        )
        self._call(send, _SYNC_PATIENCE)

    def count(self) -> int:
        """How many texts the collection holds."""
        return int(self._call(self._collection.count, self._patience))

    def query(self, vector: Any, wanted: Filter, k: int) -> dict[str, float]:
        """Best cosine in [0, 1] of the entries nearest to ``vector`` that pass ``wanted``.

        Entries that only the server knows are kept in :attr:`foreign`.
        """
        found = self._call(
            lambda: self._collection.query(
                query_embeddings=[vector],
                n_results=max(1, k * _ROWS_PER_ENTRY),
                where=wanted.where(),
                include=["distances", "metadatas"],
            ),
            self._patience,
        )
        best: dict[str, float] = {}
        for distance, about in zip(found["distances"][0], found["metadatas"][0], strict=True):
            name = clean(str(about["entry"]))
            best[name] = max(best.get(name, 0.0), min(1.0, 1.0 - float(distance)))
            self.foreign.setdefault(name, _foreign(name, about))
        return best

    def _call(self, function: Callable[[], T], seconds: float) -> T:
        return within(seconds, function, self.place)


def open_embedded(folder: Path, name: str = COLLECTION) -> Store:
    """The collection in ``folder``. A damaged one is moved aside and begun anew.

    Raises:
        StoreTrouble: it can't be opened even so.
    """
    place = f"The index in {folder}"
    try:
        return Store(_collection(folder, name), place, _SYNC_PATIENCE)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # Rust panics of chromadb are not Exceptions
        aside = folder.with_name(f"{folder.name}-damaged-{int(time.time())}")
        try:
            shutil.move(folder, aside)
        except OSError:
            raise StoreTrouble(f"{place} can't be opened ({type(error).__name__}).") from error
        raise StoreTrouble(
            f"{place} is damaged; it was moved to {aside.name} and will be built anew."
        ) from error


def _collection(folder: Path, name: str) -> Any:
    import chromadb

    folder.mkdir(parents=True, exist_ok=True)
    settings = chromadb.Settings(anonymized_telemetry=False)
    client = chromadb.PersistentClient(str(folder), settings=settings)
    collection = client.get_or_create_collection(
        name, metadata={"hnsw:space": "cosine"}, embedding_function=None
    )
    collection.count()
    return collection


def open_server(url: str, name: str = COLLECTION, patience: float = PATIENCE) -> Store:
    """The collection on the Chroma server at ``url``.

    Raises:
        StoreTrouble: the address is not one, or no Chroma server answers in time.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise StoreTrouble(f"'{clean(url)[:100]}' is not the address of a Chroma server (http://host:port).")
    place = f"The Chroma server at {parts.scheme}://{parts.hostname}:{parts.port or 8000}"
    alive(f"{parts.scheme}://{parts.hostname}:{parts.port or 8000}/api/v2/heartbeat", place, patience)

    def connect() -> Any:

        client = chromadb.HttpClient(
            host=str(parts.hostname),
            port=parts.port or 8000,
            ssl=parts.scheme == "https",
            settings=chromadb.Settings(anonymized_telemetry=False),
        )
        return client.get_or_create_collection(
            name, metadata={"hnsw:space": "cosine"}, embedding_function=None
        )

    import chromadb

    return Store(within(patience, connect, place), place, patience)


def alive(url: str, place: str, patience: float) -> None:
    """Ask the server for a sign of life, without chromadb. Raises StoreTrouble when none comes in time."""
    try:
        with urllib.request.urlopen(url, timeout=patience) as answer:  # noqa: S310 - the scheme was checked
            if answer.status != 200:
                raise StoreTrouble(f"{place} answers with status {answer.status}.")
    except TimeoutError as error:
        raise StoreTrouble(f"{place} did not answer within {patience:g} seconds.") from error
    except (urllib.error.URLError, OSError, ValueError) as error:
        slow = isinstance(getattr(error, "reason", None), TimeoutError)
        said = f"did not answer within {patience:g} seconds" if slow else "can't be reached"
        raise StoreTrouble(f"{place} {said}.") from error


def within(seconds: float, function: Callable[[], T], place: str) -> T:
    """``function()``, given up after ``seconds``. chromadb itself waits for ever.

    Raises:
        StoreTrouble: it took too long, or failed in any way.
    """
    result: list[T] = []
    trouble: list[BaseException] = []

    def work() -> None:
        try:
            result.append(function())
        except BaseException as error:  # Rust panics of chromadb are not Exceptions
            trouble.append(error)

    thread = threading.Thread(target=work, daemon=True, name="failsight-chroma")
    thread.start()
    thread.join(seconds)
    if result:
        return result[0]
    if trouble:
        raise StoreTrouble(f"{place} failed ({type(trouble[0]).__name__}).") from trouble[0]
    raise StoreTrouble(f"{place} did not answer within {seconds:g} seconds.")


def identity(row: Row, entry: Entry) -> str:
    """The id of a row in the collection: its entry, its text's hash and a digest of what is filtered on."""
    import hashlib

    about = hashlib.sha256(
        repr(sorted(metadata(entry).items())).encode("utf-8", "surrogatepass")
    ).hexdigest()[:8]
    return f"{entry.id}:{row.part}:{row.key}:{about}"


def metadata(entry: Entry) -> dict[str, Any]:
    """What is stored beside a vector: what is filtered on, and what a stranger needs to cite the entry."""
    return {
        "entry": entry.id,
        "kind": entry.kind,
        "topic": entry.topic,
        "level": LEVELS.index(entry.level),
        "title": entry.title,
        "source": entry.source,
        "mine": entry.mine,
        **{f"step_{step}": not entry.steps or step in entry.steps for step in STEPS},
    }


def _foreign(name: str, about: Mapping[str, Any]) -> Entry:
    return Entry(
        id=name,
        kind=clean(str(about.get("kind", "note"))),
        title=clean(str(about.get("title", name))),
        text="",
        source=clean(str(about.get("source", ""))),
        topic=clean(str(about.get("topic", ""))),
        mine=False,
        origin="server",
    )


def _batches(names: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), _BATCH):
        yield names[start : start + _BATCH]
