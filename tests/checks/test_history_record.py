"""Training records of every kind, well-formed and not."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from failsight.tools.history.events import masked_crc, read_events
from failsight.tools.history.names import assign
from failsight.tools.history.record import UnreadableRecordError, read_record


def varint(value: int) -> bytes:
    out = b""
    while True:
        out += bytes([value & 0x7F | (0x80 if value > 0x7F else 0)])
        value >>= 7
        if not value:
            return out


def field(number: int, kind: int, body: bytes) -> bytes:
    return varint(number << 3 | kind) + (varint(len(body)) + body if kind == 2 else body)


def event(step: int, tag: str, value: float, *, tensor: bool = False, double: bool = False) -> bytes:
    if tensor:
        raw = struct.pack("<d" if double else "<f", value)
        body = field(8, 2, field(1, 0, varint(2 if double else 1)) + field(4, 2, raw))
    else:
        body = field(2, 5, struct.pack("<f", value))
    summary = field(1, 2, field(1, 2, tag.encode()) + body)
    return field(1, 1, struct.pack("<d", 1e9)) + field(2, 0, varint(step)) + field(5, 2, summary)


def record(body: bytes) -> bytes:
    length = struct.pack("<Q", len(body))
    return length + struct.pack("<I", masked_crc(length)) + body + struct.pack("<I", masked_crc(body))


def write_events(path: Path, events: list[bytes]) -> Path:
    version = field(1, 1, struct.pack("<d", 1e9)) + field(3, 2, b"brain.Event:2")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(record(e) for e in [version, *events]))
    return path


def test_the_checksum_is_crc32c() -> None:
    crc = (masked_crc(b"123456789") - 0xA282EAD8) & 0xFFFFFFFF
    assert ((crc << 15) | (crc >> 17)) & 0xFFFFFFFF == 0xE3069283  # RFC 3720, B.4


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["epoch", "loss", "val_loss", "accuracy", "val_accuracy", "lr"], {"train_loss": "loss", "val_loss": "val_loss", "train_accuracy": "accuracy", "val_accuracy": "val_accuracy", "learning_rate": "lr"}),
        (["epoch", "train_loss", "valid_loss", "accuracy", "time"], {"train_loss": "train_loss", "val_loss": "valid_loss", "val_accuracy": "accuracy"}),
        (["epoch", "train/loss", "metrics/accuracy_top1", "metrics/accuracy_top5", "val/loss", "lr/pg0"], {"train_loss": "train/loss", "val_loss": "val/loss", "val_accuracy": "metrics/accuracy_top1", "learning_rate": "lr/pg0"}),
        (["trainLoss", "evalLoss", "train Acc@1", "eval Acc@5", "grad_norm"], {"train_loss": "trainLoss", "val_loss": "evalLoss", "train_accuracy": "train Acc@1"}),
        (["train_loss_step", "train_loss_epoch", "val_loss"], {"train_loss": "train_loss_epoch", "val_loss": "val_loss"}),
        (["metrics/train_loss", "metrics/val_loss", "train_metrics/acc"], {"train_loss": "metrics/train_loss", "val_loss": "metrics/val_loss", "train_accuracy": "train_metrics/acc"}),
        (["gpu_mem", "time"], {}),
    ],
)  # fmt: skip
def test_columns_are_recognised_whoever_wrote_them(columns: list[str], expected: dict[str, str]) -> None:
    assert {k: v for k, (v, _) in assign(columns).items()} == expected


def test_a_csv_with_percentages_gaps_and_words(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(
        "\ufeffEpoch;Train Loss;Val Error;note\n1;0,9;40;a\n2;0,5;;b\n3;nan;20;c\n4;oops;10;d\n", "utf-8"
    )
    made = read_record(path)
    assert made.unit == "epoch"
    assert made.get("train_loss").values[:2] == pytest.approx([0.9, 0.5])
    assert np.isnan(made.get("train_loss").values[2])
    assert made.get("val_accuracy").values == pytest.approx([0.6, 0.8, 0.9])
    assert made.get("val_accuracy").at.tolist() == [1, 3, 4]
    assert any("no numbers" in n for n in made.notes)


def test_headings_that_occur_twice_lose_no_column(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("epoch,loss,val_loss,loss,epoch\n1,0.9,1.0,5,1\n2,0.5,0.8,6,2\n3,0.3,0.7,7,3\n", "utf-8")
    made = read_record(path)
    assert made.unit == "epoch"
    assert made.get("train_loss").values.tolist() == [0.9, 0.5, 0.3]
    assert made.ignored == ("loss (2)", "epoch (2)")


def test_lightning_rows_alternate_between_training_and_validation(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text(
        "epoch,step,train_loss_step,val_loss\n0,10,1.0,\n0,20,0.9,\n0,20,,0.8\n1,30,0.7,\n1,40,,0.6\n"
    )
    made = read_record(path)
    assert made.unit == "step"
    assert made.get("train_loss").at.tolist() == [10, 20, 30]
    assert made.get("val_loss").values.tolist() == [0.8, 0.6]


def test_a_restart_keeps_what_was_written_last(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    rows = [*((i, 1 / i) for i in range(1, 21)), (20, 9.0), (21, 0.01)]
    path.write_text("epoch,loss\n" + "\n".join(f"{a},{b}" for a, b in rows))
    made = read_record(path)
    assert len(made.get("train_loss")) == 21
    assert made.get("train_loss").values[19] == 9.0
    assert any("back in time" in n for n in made.notes)


def test_a_hugging_face_trainer_state(tmp_path: Path) -> None:
    log = []
    for i in range(1, 7):
        log.append({"epoch": i / 2, "loss": 2 / i, "learning_rate": 1e-4, "step": 50 * i, "grad_norm": 1.0})
        if i % 2 == 0:
            log.append(
                {
                    "epoch": i / 2,
                    "eval_loss": 1.5 / i,
                    "eval_accuracy": 0.1 * i,
                    "eval_runtime": 3.0,
                    "step": 50 * i,
                }
            )
    log.append({"epoch": 3.0, "train_loss": 0.9, "train_runtime": 60.0, "step": 300})
    state = {
        "log_history": log,
        "best_model_checkpoint": "/home/somebody/out/checkpoint-200",
        "num_train_epochs": 3,
        "train_batch_size": 8,
    }
    folder = tmp_path / "out" / "checkpoint-300"
    folder.mkdir(parents=True)
    (folder / "trainer_state.json").write_text(json.dumps(state))
    made = read_record(tmp_path / "out")
    assert (made.unit, len(made.get("train_loss")), len(made.get("val_loss"))) == ("epoch", 6, 3)
    assert made.get("val_accuracy").values == pytest.approx([0.2, 0.4, 0.6])
    assert made.settings["best_model_checkpoint"] == "checkpoint-200"
    assert made.settings["train_batch_size"] == "8"


def test_a_folder_of_tensorboard_files(tmp_path: Path) -> None:
    train = [event(i, "epoch_loss", 1 / (i + 1)) for i in range(5)] + [
        event(i, "epoch_accuracy", i / 5, tensor=True) for i in range(5)
    ]
    val = [event(i, "epoch_loss", 2 / (i + 1), tensor=True, double=True) for i in range(5)]
    write_events(tmp_path / "train" / "events.out.tfevents.1.host", train)
    write_events(tmp_path / "validation" / "events.out.tfevents.2.host", val)
    made = read_record(tmp_path)
    assert made.format == "TensorBoard events"
    assert made.unit == "epoch"
    assert made.get("val_loss").values == pytest.approx([2 / (i + 1) for i in range(5)])
    assert made.get("train_accuracy").values == pytest.approx([i / 5 for i in range(5)], abs=1e-6)


def test_one_event_file_with_both_sides(tmp_path: Path) -> None:
    events = [
        event(i * 100, tag, v)
        for i in range(3)
        for tag, v in (("Loss/train", 1.0 - i / 10), ("Loss/val", 1.1))
    ]
    made = read_record(write_events(tmp_path / "events.out.tfevents.1", events))
    assert made.unit == "step"
    assert made.get("train_loss").at.tolist() == [0, 100, 200]


def test_a_damaged_event_file_gives_what_comes_before_the_damage(tmp_path: Path) -> None:
    path = write_events(tmp_path / "events.out.tfevents.1", [event(i, "loss", float(i)) for i in range(10)])
    raw = bytearray(path.read_bytes())
    path.write_bytes(raw[:-7])
    assert read_events(path).broken == "the last record is cut short"
    assert len(read_record(path).get("train_loss")) == 9
    raw[-20] ^= 0xFF
    path.write_bytes(raw)
    assert "checksum" in read_events(path).broken
    assert any("damaged" in n for n in read_record(path).notes)


def test_large_records_of_pictures_are_stepped_over(tmp_path: Path) -> None:
    picture = field(5, 2, field(1, 2, field(1, 2, b"img") + field(4, 2, b"\0" * 300_000)))
    path = write_events(tmp_path / "events.out.tfevents.1", [picture, event(1, "loss", 1.0)])
    read = read_events(path)
    assert (read.stepped_over, read.values) == (1, {"loss": [(1, 1.0)]})


@pytest.mark.parametrize(
    ("name", "raw", "words"),
    [
        ("a.csv", b"", "empty"),
        ("a.csv", b"epoch,loss\n", "no rows"),
        ("a.csv", b"epoch,colour\n1,2\n", "no loss or accuracy"),
        ("trainer_state.json", b"{", "JSON"),
        ("trainer_state.json", b'{"log_history": []}', "empty"),
        ("trainer_state.json", b'{"a": 1}', "log_history"),
        ("deep.json", b"[" * 100_000, "JSON"),
        ("events.out.tfevents.1", b"\0" * 40, "not a TensorBoard"),
        ("x.bin", bytes(range(256)) * 4, "neither"),
        ("x.csv", b"\xff\xfe\xfd" * 100, "no rows"),
    ],
)
def test_what_is_no_record_is_refused_in_words(tmp_path: Path, name: str, raw: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(UnreadableRecordError, match=words):
        read_record(tmp_path / name)


def test_an_empty_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableRecordError, match="folder holds no"):
        read_record(tmp_path)
    with pytest.raises(UnreadableRecordError, match="No such file"):
        read_record(tmp_path / "nowhere.csv")


def test_random_bytes_never_crash_the_reader(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    good = write_events(
        tmp_path / "events.out.tfevents.1", [event(i, "loss", float(i)) for i in range(4)]
    ).read_bytes()
    for i in range(150):
        raw = bytearray(good)
        for at in rng.integers(0, len(raw), 3):
            raw[at] = rng.integers(256)
        path = tmp_path / f"events.out.tfevents.x{i}"
        path.write_bytes(raw)
        try:
            read_record(path)
        except UnreadableRecordError:
            pass
