"""What moves or hides text stays an escape in findings.json."""

from __future__ import annotations

import json

from failsight.agent.narrate.findings import findings_bytes


def test_direction_and_hidden_marks_are_written_as_escapes_and_read_back_unchanged() -> None:
    document = {
        "class": "bath\u202eroom\u200b",
        "hidden": "\U000e0041\U000e0042",
        "umlaut": "Küche",
        "half": "\ud800",
    }
    made = findings_bytes(document)
    assert made.isascii() is False and "Küche" in made.decode()
    assert b"\\u202e" in made and b"\\u200b" in made and "\U000e0041" not in made.decode()
    assert json.loads(made) == document
