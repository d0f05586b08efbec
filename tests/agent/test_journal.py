"""The journal survives crashes and betrays every change."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from failsight.agent.journal import GENESIS, Event, Journal, verify
from failsight.agent.journal_check import event_of, read_event
from failsight.tools.errors import UserError
from failsight.tools.evidence import digest


def write(folder: Path, n: int = 8) -> Path:
    journal = Journal(folder)
    for i in range(n):
        journal.append("note", {"i": i, "text": f"ünï {i}"})
    journal.close()
    return folder / "journal.jsonl"


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def rehash(line: bytes, **changes: object) -> bytes:
    raw = json.loads(line)
    raw.update(changes)
    content = {k: raw[k] for k in ("seq", "time", "kind", "data", "prev")}
    return (json.dumps({**content, "hash": digest(content)}) + "\n").encode()


def test_an_untouched_journal_verifies(tmp_path: Path) -> None:
    write(tmp_path)
    assert verify(tmp_path) == (8, [])


def test_the_chain_starts_at_zeros_and_links(tmp_path: Path) -> None:
    write(tmp_path, 3)
    events = list(Journal(tmp_path, write=False))
    assert [e.prev for e in events] == [GENESIS, events[0].hash, events[1].hash]
    assert all(digest(e.content()) == e.hash for e in events)


@pytest.mark.parametrize("k", [0, 3, 7])
def test_an_edited_event_is_named(tmp_path: Path, k: int) -> None:
    path = write(tmp_path)
    kept = lines(path)
    kept[k] = kept[k].replace(b'"note"', b'"nota"')
    path.write_bytes(b"".join(kept))
    _, problems = verify(tmp_path)
    assert (k + 1, "edited") in [(p.seq, p.what) for p in problems]
    assert {p.seq for p in problems} == {k + 1}


@pytest.mark.parametrize("k", [0, 3, 7])
def test_an_event_edited_with_its_hash_made_anew_is_named(tmp_path: Path, k: int) -> None:
    path = write(tmp_path)
    kept = lines(path)
    kept[k] = rehash(kept[k], data={"i": 99})
    path.write_bytes(b"".join(kept))
    _, problems = verify(tmp_path)
    assert {(p.seq, p.what) for p in problems} == {(k + 1, "edited")}


@pytest.mark.parametrize("k", [0, 3, 7])
def test_a_removed_event_is_named(tmp_path: Path, k: int) -> None:
    path = write(tmp_path)
    kept = lines(path)
    del kept[k]
    path.write_bytes(b"".join(kept))
    _, problems = verify(tmp_path)
    assert {(p.seq, p.what) for p in problems} == {(k + 1, "removed")}


@pytest.mark.parametrize(("a", "b"), [(0, 1), (2, 5), (6, 7)])
def test_reordered_events_are_named(tmp_path: Path, a: int, b: int) -> None:
    path = write(tmp_path)
    kept = lines(path)
    kept[a], kept[b] = kept[b], kept[a]
    path.write_bytes(b"".join(kept))
    _, problems = verify(tmp_path)
    assert problems
    assert {p.what for p in problems} == {"reordered"}
    assert a + 1 in {p.seq for p in problems}


@pytest.mark.parametrize("k", [0, 4, 7])
def test_an_inserted_event_is_named(tmp_path: Path, k: int) -> None:
    path = write(tmp_path)
    kept = lines(path)
    kept.insert(k + 1, rehash(kept[k], data={"i": "forged"}))
    path.write_bytes(b"".join(kept))
    _, problems = verify(tmp_path)
    assert (k + 1, "inserted") in {(p.seq, p.what) for p in problems}


def test_an_event_added_at_the_end_is_named(tmp_path: Path) -> None:
    path = write(tmp_path)
    last = json.loads(lines(path)[-1])
    with path.open("ab") as file:
        file.write(rehash(lines(path)[-1], seq=9, prev=last["hash"]))
    assert {(p.seq, p.what) for p in verify(tmp_path)[1]} == {(9, "inserted")}


@pytest.mark.parametrize("gone", [1, 3])
def test_a_cut_tail_is_named(tmp_path: Path, gone: int) -> None:
    path = write(tmp_path)
    path.write_bytes(b"".join(lines(path)[:-gone]))
    assert {(p.seq, p.what) for p in verify(tmp_path)[1]} == {(9 - gone, "removed")}


def test_a_changed_journal_is_not_continued(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_bytes(b"".join(lines(path)[:-1]))
    with pytest.raises(UserError, match="changed outside"):
        Journal(tmp_path)


@pytest.mark.parametrize("keep", [1, 40, -1])
def test_a_torn_last_line_is_set_aside_and_reported(tmp_path: Path, keep: int) -> None:
    path = write(tmp_path)
    whole = lines(path)
    # a crash tears the line that was announced: the head says so
    journal_head = tmp_path / "journal.head"
    last = json.loads(whole[-1])
    journal_head.write_text(f"pending 000000000008 {last['hash']}\n")
    torn = whole[-1][:keep] if keep > 0 else whole[-1][:-10]
    path.write_bytes(b"".join(whole[:-1]) + torn)
    assert [p.what for p in verify(tmp_path)[1]] == ["torn"]
    journal = Journal(tmp_path)
    assert journal.set_aside is not None
    assert (tmp_path / journal.set_aside).read_bytes() == torn
    assert [e.kind for e in journal][-1] == "journal.repaired"
    journal.append("note", {"i": 8})
    journal.close()
    assert verify(tmp_path) == (9, [])


@pytest.mark.parametrize("line", [b"not an event\n", b"not an event", b'{"seq": 8, "kind": "no', b"\n"])
def test_a_last_event_that_was_edited_away_is_refused_before_anything_is_moved(
    tmp_path: Path, line: bytes
) -> None:
    path = write(tmp_path)
    before = b"".join(lines(path)[:-1]) + line
    path.write_bytes(before)
    held = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    for _ in range(2):
        with pytest.raises(UserError, match=r"changed outside Failsight: Event 8 was edited|Line 8 of"):
            Journal(tmp_path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == held
    assert {(p.seq, p.what) for p in verify(tmp_path)[1]} == {(8, "edited")}


def test_a_whole_last_event_without_its_end_gets_it(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    last = json.loads(lines(path)[-1])
    (tmp_path / "journal.head").write_text(f"pending 000000000008 {last['hash']}\n")
    journal = Journal(tmp_path)
    journal.append("note", {})
    journal.close()
    assert verify(tmp_path) == (9, [])


def test_a_crash_between_announcing_and_writing_is_no_problem(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "journal.head").write_text(f"pending 000000000009 {'a' * 64}\n")
    assert verify(tmp_path) == (8, [])
    journal = Journal(tmp_path)
    journal.append("note", {})
    journal.close()
    assert verify(tmp_path) == (9, [])


def test_two_processes_cannot_write_one_case(tmp_path: Path) -> None:
    hold = f"import fcntl; f = open({str(tmp_path / '.lock')!r}, 'a+'); fcntl.flock(f, fcntl.LOCK_EX); print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "1\n"
        with pytest.raises(UserError, match="open in another"):
            Journal(tmp_path)
        other.communicate("\n")


def test_one_process_cannot_write_one_case_twice(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    with pytest.raises(UserError, match="open already in this Python program"):
        Journal(tmp_path)
    assert len(Journal(tmp_path, write=False)) == 0  # reading is fine
    first.close()
    Journal(tmp_path).close()


def test_a_full_disk_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path)
    journal = Journal(tmp_path)
    real = os.fsync
    calls = iter([0, 1])

    def full(fd: int) -> None:
        if next(calls, 0):
            raise OSError(28, "No space left on device")
        real(fd)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left"):
        journal.append("note", {"i": 8})
    monkeypatch.setattr(os, "fsync", real)
    assert len(lines(path)) == 8
    journal.append("note", {"i": 8})
    journal.close()
    assert verify(tmp_path) == (9, [])


def test_an_event_is_held_as_it_will_be_read_again(tmp_path: Path) -> None:
    """Also in the order of its keys: a report told from the running session is the one told from the file."""
    with closing(Journal(tmp_path)) as journal:
        made = journal.append("note", {"train": (1, 2), "data": {"b": 1, "a": None}})
    (read,) = Journal(tmp_path, write=False).events
    assert list(made.data) == list(read.data) == ["data", "train"]
    assert list(made.data["data"]) == ["a", "b"] and made.data == read.data


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "Free some disk space"),
        (errno.ENOENT, "Put the case folder back"),
        (errno.EROFS, "Make the case folder writable"),
        (errno.EIO, "Mend that and run"),
    ],
)
def test_a_failed_write_says_what_is_the_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, advice: str
) -> None:
    def broken(_: int) -> None:
        raise OSError(number, os.strerror(number))

    with closing(Journal(tmp_path)) as journal:
        monkeypatch.setattr("failsight.agent.journal.os.fsync", broken)
        with pytest.raises(UserError, match=advice) as raised:
            journal.append("note", {})
        assert os.strerror(number) in str(raised.value)
        assert advice == "Free some disk space" or "disk space" not in str(raised.value)


def test_the_folder_of_a_journal_is_taken_away_while_it_is_open(tmp_path: Path) -> None:
    folder = tmp_path / "case"
    folder.mkdir()
    with closing(Journal(folder)) as journal:
        folder.rename(tmp_path / "moved")
        with pytest.raises(UserError, match="Put the case folder back where it was opened"):
            journal.append("note", {})
        (tmp_path / "moved").rename(folder)
        journal.append("note", {})
    assert verify(folder) == (1, [])


def test_many_threads_may_append_and_no_number_is_given_twice(tmp_path: Path) -> None:
    with closing(Journal(tmp_path)) as journal, ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda i: journal.append("note", {"i": i}), range(200)))
        assert [e.seq for e in journal] == list(range(1, 201))
    assert verify(tmp_path) == (200, [])
    assert sorted(e.data["i"] for e in Journal(tmp_path, write=False)) == list(range(200))


def at_once(path: Path, times: int = 2, number: int = 4) -> None:
    """Makes event ``number`` ``times`` events of that number, as threads that did not wait for each other left them."""

    def written(event: Event, **changes: object) -> Event:
        content = {**event.content(), **changes}
        return event_of({**content, "hash": digest(content)})

    kept = [read_event(line) for line in lines(path)]
    made = [*kept[: number - 1], *(written(kept[number - 1], data={"i": i}) for i in range(times))]
    prev = made[number - 1].hash
    for seq, event in enumerate(kept[number:], number + times):
        made.append(written(event, seq=seq, prev=prev))
        prev = made[-1].hash
    path.write_text("".join(e.line() + "\n" for e in made), "utf-8")
    path.with_name("journal.head").write_text(f"done    {len(made):012d} {prev}\n")


@pytest.mark.parametrize("times", [2, 3])
def test_events_that_were_written_at_once_are_told_and_the_case_goes_on(tmp_path: Path, times: int) -> None:
    at_once(write(tmp_path), times)
    _, problems = verify(tmp_path)
    assert [(p.seq, p.what) for p in problems] == [(4, "double")]
    assert "none is missing" in problems[0].sentence and "edited" not in problems[0].sentence
    with closing(Journal(tmp_path)) as journal:
        assert journal.append("note", {}).seq == len(journal) == 8 + times
    assert [p.what for p in verify(tmp_path)[1]] == ["double"]


def test_what_the_chain_cannot_vouch_for_is_said(tmp_path: Path) -> None:
    """Of events written at once the next one follows one alone: an edit of that one shows, one of the other can't."""
    path = write(tmp_path)
    at_once(path)
    kept = lines(path)
    beside, followed = kept[4], kept[3]
    path.write_bytes(b"".join([*kept[:4], rehash(beside, data={"i": "other"}), *kept[5:]]))
    (told,) = verify(tmp_path)[1]
    assert told.what == "double" and "an edit of what stands beside it would not show" in told.sentence
    path.write_bytes(b"".join([*kept[:3], rehash(followed, data={"i": "other"}), *kept[4:]]))
    assert "double" not in {p.what for p in verify(tmp_path)[1]}
    for gone in (3, 4):
        path.write_bytes(b"".join(line for i, line in enumerate(kept) if i != gone))
        assert "double" not in {p.what for p in verify(tmp_path)[1]} != set()


def test_an_event_of_a_number_that_was_there_is_still_an_inserted_one(tmp_path: Path) -> None:
    path = write(tmp_path)
    kept = lines(path)
    kept.insert(4, rehash(kept[3], data={"i": "more"}))
    path.write_bytes(b"".join(kept))
    assert {p.what for p in verify(tmp_path)[1]} == {"inserted"}
    with pytest.raises(UserError, match="changed outside Failsight") as told:
        Journal(tmp_path)
    assert "failsight fork" in str(told.value)
    (tmp_path / "other").mkdir()
    at_once(write(tmp_path / "other"))
    other = lines(tmp_path / "other" / "journal.jsonl")
    assert other[4] != other[4].replace(b'"note"', b'"nota"')
    other[4] = other[4].replace(b'"note"', b'"nota"')
    (tmp_path / "other" / "journal.jsonl").write_bytes(b"".join(other))
    with pytest.raises(UserError, match="changed outside Failsight"):
        Journal(tmp_path / "other")
