"""The three kinds of error, no more.

``RetryError``   the planner can retry: an argument was wrong; the message says which values exist.
``NotRecorded``  one of these: the data do not say what was asked for.
``ModelFails``   another: the model that is looked at raised an error of its own.
``UserError``    a person must act: one plain sentence and what to do about it; exit code 2, no traceback.
anything else    is a bug of ours: traceback and a crash report.
"""

from __future__ import annotations

from collections.abc import Iterable


class FailsightError(Exception):
    """Base of the errors that Failsight raises on purpose."""


class RetryError(FailsightError):
    """A bad argument that the planner can mend by calling again.

    Args:
        message: one sentence, naming the argument.
        choices: the values that exist, shown to the planner (at most the first 20).
    """

    def __init__(self, message: str, choices: Iterable[str] = ()) -> None:
        listed = [str(c) for c in choices]
        if listed:
            tail = ", …" if len(listed) > 20 else ""
            message = f"{message} Choose from: {', '.join(listed[:20])}{tail}."
        super().__init__(message)
        self.choices = tuple(listed)


class NotRecorded(RetryError):
    """Something that nobody recorded in the data of the case: an attribute, the boxes of an object. ``what``: the bare message."""

    def __init__(self, message: str, choices: Iterable[str] = ()) -> None:
        super().__init__(message, choices)
        self.what = message


class ModelFails(RetryError):
    """The model itself failed on pictures that it was given: no bug of ours, and no answer.

    Args:
        why: the model's own message, in a few words.
        pictures: how many it was given.
    """

    def __init__(self, why: str, pictures: int) -> None:
        super().__init__(f"The model fails on {'one of ' * (pictures > 1)}the pictures it was given ({why}).")
        self.why = why


class UserError(FailsightError):
    """Something only a person can mend: one plain sentence, and what to do.

    Args:
        message: what is wrong, in one sentence.
        hint: what to do about it, in one sentence (may be empty).
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".strip())
        self.message = message
        self.hint = hint
