"""What the tasks share: errors without tracebacks, Ctrl-C, and repeated options. May import everything."""

from __future__ import annotations

import functools
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import ParamSpec

from brics_envs.effects import process
from brics_envs.errors import FAILED, EnvsError

P = ParamSpec("P")

FULL = "no space left on device"
FULL_HINT = (
    "free some space, then run the command again: `podman system df` shows what images, containers and volumes take, "
    "`invoke clean` removes this project's images and build caches"
)


def command(task: Callable[P, None]) -> Callable[P, None]:
    """Make a task's failures messages for users: ``error: …`` on standard error and an exit status."""

    @functools.wraps(task)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        # SIGTERM as Ctrl-C; and Ctrl-C also where a script started us in the background with SIGINT ignored.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _interrupt)
        try:
            task(*args, **kwargs)
        except EnvsError as error:
            print(f"error: {_words(error)}", file=sys.stderr)
            sys.exit(error.exit_status)
        except KeyboardInterrupt:
            print(
                "error: interrupted; `invoke up` goes on from here, `invoke down` removes what there is",
                file=sys.stderr,
            )
            sys.exit(FAILED)
        except BrokenPipeError:
            # The reader of our output has gone, as in `invoke logs | head`.
            sys.stderr.close()
            sys.exit(FAILED)
        except OSError as error:
            message = f"{error.filename}: {error.strerror}" if error.filename else str(error)
            print(f"error: {_words(EnvsError(message))}", file=sys.stderr)
            sys.exit(FAILED)

    return run


def _words(error: EnvsError) -> str:
    """The text for standard error. A full disk can show anywhere, and what to do about it is always the same."""
    if FULL not in error.message.lower():
        return str(error)
    return f"{error.message}\nhint: {FULL_HINT}"


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """Stop our processes, also those that worker threads wait for, then unwind. Once: a second one is ignored."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    process.stop_all()
    raise KeyboardInterrupt
