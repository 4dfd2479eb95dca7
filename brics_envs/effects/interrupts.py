"""SIGINT, SIGTERM and SIGHUP: each ends a command soon, at any moment, and nothing is left. May import: guardian.

A command runs in a thread of its own; the main thread, the only one in which Python runs signal handlers, waits for
its end and for signals. So no signal interrupts the command within a line: it ends where it waits (for a process, a
lock, or time: :func:`check`, :func:`sleep`) with ``KeyboardInterrupt``, and its ``with`` blocks clear up. Further
signals change nothing. What has not ended after :data:`FORCE_S` is left to the guardian.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

from brics_envs.effects.guardian import guardian

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

FORCE_S = 12.0
"""Seconds after the signal after which a command that does not end is ended; the guardian clears up then."""

POLL_S = 0.5
"""Seconds between two looks where a wake-up should come by itself."""

_stopping = threading.Event()
_here = threading.local()
_received: list[int] = []


def received() -> int | None:
    """The signal that ends this command; none so far."""
    return _received[0] if _received else None


def check() -> None:
    """Go on only if the command may.

    :raises KeyboardInterrupt: a signal has come, and this thread is not :func:`clearing_up`.
    """
    if _stopping.is_set() and not getattr(_here, "clearing_up", False):
        raise KeyboardInterrupt


def sleep(seconds: float) -> None:
    """Wait, unless a signal comes.

    :raises KeyboardInterrupt: as :func:`check`.
    """
    if getattr(_here, "clearing_up", False):
        time.sleep(seconds)
    elif _stopping.wait(seconds):
        raise KeyboardInterrupt


@contextlib.contextmanager
def clearing_up() -> Iterator[None]:
    """Let this thread start and await processes though a signal has come; for what is quick and must be done."""
    before, _here.clearing_up = getattr(_here, "clearing_up", False), True
    try:
        yield
    finally:
        _here.clearing_up = before


def refuse_more() -> None:
    """From now on :func:`check` and :func:`sleep` raise."""
    _stopping.set()


def end_at_once(number: int, _frame: FrameType | None) -> NoReturn:
    """A signal handler for before and after the command, when there is nothing to clear up."""
    os._exit(128 + number)


def install_early() -> None:
    """Take care of signals that come while Python still imports."""
    for number in _ours():
        signal.signal(number, end_at_once)


def supervise(command: Callable[[], int], stop: Callable[[], None]) -> int:
    """Run a command until it ends or is told to.

    :param command: returns an exit status, also if it was interrupted; it must catch ``KeyboardInterrupt``.
    :param stop: stops all processes that the command waits for, within some seconds.
    :returns: the command's exit status.
    """
    statuses, errors = list[int](), list[BaseException]()
    with _wakeup() as (waiting, wake):
        with contextlib.suppress(OSError):  # a full system tells more clearly in the command itself
            guardian.start()

        def run() -> None:
            try:
                statuses.append(command())
            except BaseException as error:
                errors.append(error)
            finally:
                wake()

        thread = threading.Thread(target=run, daemon=True, name="command")
        thread.start()
        while thread.is_alive() and not _received:
            select.select([waiting], [], [], POLL_S)
        if _received:
            _end(thread, stop)
        guardian.finish()
    if errors:
        raise errors[0]
    return statuses[0]


def _end(command: threading.Thread, stop: Callable[[], None]) -> None:
    force = time.monotonic() + FORCE_S
    refuse_more()
    stop()
    command.join(max(0.0, force - time.monotonic()))
    if command.is_alive():
        guardian.finish()
        os._exit(128 + _received[0])


@contextlib.contextmanager
def _wakeup() -> Iterator[tuple[int, Callable[[], None]]]:
    """Handlers that note a signal and make a descriptor readable, whichever thread the system chose for it."""
    reader, writer = os.pipe()
    for descriptor in (reader, writer):
        os.set_blocking(descriptor, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    handlers = {
        number: signal.signal(number, lambda number, _: _received.append(number)) for number in _ours()
    }

    def wake() -> None:
        with contextlib.suppress(OSError):
            os.write(writer, b"\0")

    try:
        yield reader, wake
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before)
        os.close(writer)
        os.close(reader)


def _ours() -> list[signal.Signals]:
    """SIGHUP is left alone under nohup; Ctrl-C counts also where a script started us with it ignored."""
    return [n for n in SIGNALS if n != signal.SIGHUP or signal.getsignal(n) != signal.SIG_IGN]
