"""TensorBoard event files without TensorBoard: scalars out of TFRecords, every checksum checked.

A file is a row of records ``length (uint64) · crc of length · data · crc of data``, little endian, the checksums CRC-32C,
rotated and shifted (tensorflow/core/lib/io/record_writer.h, lib/hash/crc32c.h). The data are ``Event`` messages
(tensorflow/core/util/event.proto, framework/summary.proto); only scalar values are read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

MOST_BYTES = 512 * 2**20  # of one file; scalars alone never get there
LARGEST_SCALARS = 256 * 2**10  # a longer record holds pictures or histograms and is stepped over
_EVENT_STEP, _EVENT_SUMMARY = 2, 5
_VALUE = 1
_TAG, _SIMPLE, _TENSOR = 1, 2, 8
_DTYPE, _CONTENT, _FLOATS, _DOUBLES = 1, 4, 5, 6
_FLOAT, _DOUBLE = 1, 2


@dataclass
class Scalars:
    """What an event file holds: tag → (step, value) in order of writing; ``broken`` says why reading ended early."""

    values: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    broken: str = ""
    stepped_over: int = 0


def read_events(path: Path) -> Scalars:
    """The scalars of one event file. What comes before a damaged record is kept.

    Raises:
        OSError: it can't be read.
        ValueError: it is not an event file, or far larger than scalars can be.
    """
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES // 2**20} MiB")
    made = Scalars()
    count = 0
    try:
        for record in _records(memoryview(path.read_bytes())):
            count += 1
            if record is None:
                made.stepped_over += 1
                continue
            for tag, step, value in _scalars(record):
                made.values.setdefault(tag, []).append((step, value))
    except ValueError as problem:
        if not count:
            raise ValueError(f"it is not a TensorBoard event file ({problem})") from problem
        made.broken = str(problem)
    return made


def _records(data: memoryview) -> Iterator[memoryview | None]:
    """The data of each record; None for one too long to be scalars. Raises ValueError at the first damaged one."""
    at = 0
    while at < len(data):
        if at + 12 > len(data):
            raise ValueError("the last record is cut short")
        length, check = struct.unpack_from("<QI", data, at)
        if masked_crc(data[at : at + 8]) != check:
            raise ValueError("a length does not fit its checksum")
        if at + 16 + length > len(data):
            raise ValueError("the last record is cut short")
        body = data[at + 12 : at + 12 + length]
        if length > LARGEST_SCALARS:
            yield None
        else:
            (check,) = struct.unpack_from("<I", data, at + 12 + length)
            if masked_crc(body) != check:
                raise ValueError("a record does not fit its checksum")
            yield body
        at += 16 + length


def _table() -> tuple[int, ...]:
    made = []
    for i in range(256):
        value = i
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        made.append(value)
    return tuple(made)


_CRC = _table()


def masked_crc(data: bytes | memoryview) -> int:
    """CRC-32C of ``data``, rotated and shifted as TFRecords store it."""
    crc = 0xFFFFFFFF
    for byte in bytes(data):
        crc = _CRC[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _scalars(event: memoryview) -> Iterator[tuple[str, int, float]]:
    """(tag, step, value) of each scalar in one Event."""
    step, summaries = 0, []
    for number, _, value in _fields(event):
        if number == _EVENT_STEP and isinstance(value, int):
            step = value - (1 << 64) if value >= 1 << 63 else value
        elif number == _EVENT_SUMMARY and isinstance(value, memoryview):
            summaries.append(value)
    for summary in summaries:
        for number, _, value in _fields(summary):
            if number == _VALUE and isinstance(value, memoryview):
                tag, scalar = _value(value)
                if tag and scalar is not None:
                    yield tag, step, scalar


def _value(message: memoryview) -> tuple[str, float | None]:
    tag, scalar = "", None
    for number, kind, value in _fields(message):
        if not isinstance(value, memoryview):
            continue
        if number == _TAG:
            tag = bytes(value).decode("utf-8", "replace")
        elif number == _SIMPLE and kind == 5:
            scalar = float(struct.unpack("<f", value)[0])
        elif number == _TENSOR:
            scalar = _tensor(value)
    return tag, scalar


def _tensor(message: memoryview) -> float | None:
    """The number in a TensorProto that holds exactly one float or double."""
    dtype, raw = 0, b""
    for number, _, value in _fields(message):
        if number == _DTYPE and isinstance(value, int):
            dtype = value
        elif number in (_CONTENT, _FLOATS, _DOUBLES) and isinstance(value, memoryview):
            raw += bytes(value)
    code = {_FLOAT: "<f4", _DOUBLE: "<f8"}.get(dtype)
    if code is None or len(raw) != int(code[2]):
        return None
    return float(np.frombuffer(raw, code)[0])


def _fields(message: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """(field number, wire type, value): the number for varints, the bytes otherwise. Raises ValueError when damaged."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield number, kind, value
            continue
        if kind == 2:
            length, at = _varint(message, at)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if at + length > len(message):
            raise ValueError("a message is cut short")
        yield number, kind, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    result = shift = 0
    while at < len(message) and shift <= 63:
        byte = message[at]
        result |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return result, at
        shift += 7
    raise ValueError("a message is cut short")
