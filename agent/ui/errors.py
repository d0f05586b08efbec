"""What a failure looks like from outside: one plain line on stderr and an exit code. Owner of both.

==================  ====  ==========================================================
``UserError``          2  its sentence: what is wrong and what to do
``RetryError``         2  the same: a bad argument that came from a person
``KeyboardInterrupt``  130  stopped; nothing is lost
``BrokenPipeError``    141  silence, as of any program whose reader left
anything else          1  a bug: a crash report on disk, and its path
==================  ====  ==========================================================
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from failsight.agent.secrets import redacted
from failsight.agent.ui.words import inert_text
from failsight.tools.errors import FailsightError

OK, BUG, USER_MUST_ACT, NOT_READY, UNDECIDED, STOPPED, READER_LEFT = 0, 1, 2, 3, 4, 130, 141
STOPPED_LINE = "Stopped; nothing is lost: run the same command to go on."


def sentence(error: BaseException) -> str:
    """The words of ``error`` for a person, without keys and control characters."""
    return redacted(inert_text(str(error).strip() or type(error).__name__))


def crash_report(error: BaseException, folder: Path | None = None) -> Path | None:
    """Write what is needed to mend a bug: versions and the traceback, no environment, no values, no keys.

    Into ``folder`` (the case), else the cache folder, else the temporary one. Returns the path, or None when no place
    takes it. Raises nothing.
    """
    text = redacted(
        f"Failsight {_version()}, Python {platform.python_version()}, {platform.system()} {platform.machine()}\n"
        f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}\n\n{''.join(traceback.format_exception(error))}"
    )
    name = f"crash-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{os.getpid()}.txt"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "failsight"
    for place in (folder, cache, Path(tempfile.gettempdir())):
        if place is None or (place is folder and not folder.is_dir()):
            continue
        try:
            place.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text, encoding="utf-8", errors="replace")
        except OSError:
            continue
        return place / name
    return None


def bug_line(error: BaseException, folder: Path | None = None) -> str:
    """Write the crash report of ``error`` and say where it lies, in one line."""
    path = crash_report(error, folder)
    where = f"The crash report is {path}." if path else f"{type(error).__name__}: {sentence(error)}"
    return f"Something broke inside Failsight ({type(error).__name__}); your case is safe. {where}"


def guard(
    function: Callable[[], int | None],
    case_folder: Callable[[], Path | None] = lambda: None,
    err: TextIO | None = None,
) -> int:
    """Run ``function`` and turn whatever happens into an exit code; see the table above.

    Args:
        function: the command; its return value is the exit code (None is 0).
        case_folder: asked for the place of a crash report, once the case is known.
        err: where the line goes; stderr by default.
    """
    err = err or sys.stderr
    try:
        code = function()
        sys.stdout.flush()
        return OK if code is None else code
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else OK if leaving.code is None else BUG
    except KeyboardInterrupt:
        _say(err, STOPPED_LINE)
        return STOPPED
    except BrokenPipeError:
        _silence_stdout()
        return READER_LEFT
    except FailsightError as error:
        _say(err, sentence(error))
        return USER_MUST_ACT
    except Exception as error:  # a bug of ours
        if interrupted(error):
            _say(err, STOPPED_LINE)
            return STOPPED
        _say(err, bug_line(error, case_folder()))
        return BUG


def interrupted(error: BaseException | None) -> bool:
    """Whether a library made an error of its own out of Ctrl-C: it stands among what led to it, or in its words (pydantic's core)."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt) or "KeyboardInterrupt" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _say(err: TextIO, line: str) -> None:
    try:
        print(line, file=err, flush=True)
    except (OSError, ValueError):  # stderr is gone too
        pass


def _silence_stdout() -> None:
    """The interpreter flushes stdout once more as it leaves; if no one reads that, let it go nowhere."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except (OSError, ValueError):
            pass


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("failsight")
    except PackageNotFoundError:
        return "(not installed)"
