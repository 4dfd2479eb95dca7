"""What the tasks share: errors without tracebacks, and an end at Ctrl-C. May import everything.

Imported early by the tasks: from then on a signal ends a command that has not begun, without a traceback.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import importlib
import inspect
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

from invoke.main import program
from invoke.parser.parser import ParseMachine
from invoke.tasks import task as invoke_task

from brics_envs.config.options import HELP_OF_TASK, OPTIONS
from brics_envs.effects import interrupts, process
from brics_envs.errors import FAILED, EnvsError

if TYPE_CHECKING:
    from invoke.context import Context

    from brics_envs.lifecycle.prepare import UpOptions

P = ParamSpec("P")

INTERRUPTED = "error: interrupted; `invoke up` resumes, `invoke down` removes what there is"

FULL = "no space left on device"
FULL_HINT = (
    "free some space, then run the command again: `podman system df` shows what images, containers and volumes take, "
    "`invoke clean` removes this project's images and build caches"
)


interrupts.install_early()


def print_version() -> None:
    """Print the project's version, and the commit that is checked out."""
    from brics_envs.config.versions import PROJECT_VERSION
    from brics_envs.effects.git import head_commit

    commit = head_commit(Path(__file__).parents[1])
    print(f"brics_jupyterhub_envs {PROJECT_VERSION}" + (f" (commit {commit[:12]})" if commit else ""))


program.print_version = print_version  # type: ignore[method-assign]
"""Started by ``.venv/bin/invoke``: see ``bootstrap``."""


def project_task(*further: str, positional: Sequence[str] = ()) -> Callable[[Callable[..., None]], Any]:
    """Make a function a task whose options are its parameters, and whose errors are messages for users.

    The function's first argument is the module of ``brics_envs.lifecycle`` that has its name.

    :param further: options that the function takes as ``**options``.
    :param positional: those of its options that are given without ``--NAME``.
    """

    def decorate(function: Callable[..., None]) -> Any:
        parameters = _parameters(function, further, positional)
        run: Any = command(_with_module(function))
        run.__signature__ = inspect.Signature([_CONTEXT, *parameters])
        return invoke_task(
            run,
            positional=list(positional),
            iterable=[parameter.name for parameter in parameters if parameter.default is None],
            help={parameter.name: _help(function.__name__, parameter) for parameter in parameters},
        )

    return decorate


def _with_module(function: Callable[..., None]) -> Callable[..., None]:
    """Give a task its module in place of invoke's context: loaded only when the task runs, as that takes its time."""

    @functools.wraps(function)
    def run(context: Context, **options: Any) -> None:
        function(importlib.import_module(f"brics_envs.lifecycle.{function.__name__}"), **options)

    return run


_CONTEXT = inspect.Parameter("c", inspect.Parameter.POSITIONAL_OR_KEYWORD)
"""The first parameter of every task."""


def _parameters(
    function: Callable[..., None], further: Sequence[str], positional: Sequence[str]
) -> list[inspect.Parameter]:
    """The options of a task as parameters with their defaults: the function's own, else those of the table.

    Positional ones have none: invoke would not take what has a default without ``--NAME``.
    """
    found = list(inspect.signature(function).parameters.values())[1:]
    own = {p.name: p.default for p in found if p.kind != p.VAR_KEYWORD}
    given = {_parameter_name(option): inspect.Parameter.empty for option in further} | own
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=OPTIONS[_option_name(name)].default
            if default is inspect.Parameter.empty and name not in positional
            else default,
        )
        for name, default in given.items()
    ]


def _parameter_name(option: str) -> str:
    return option.replace("-", "_")


def _option_name(parameter: str) -> str:
    return parameter.replace("_", "-")


def _help(task: str, parameter: inspect.Parameter) -> str:
    option = _option_name(parameter.name)
    text = HELP_OF_TASK.get((task, option), OPTIONS[option].help)
    default = parameter.default
    return f"{text} (default: {default})" if isinstance(default, str) and default else text


def _require_values(machine: ParseMachine, complete_flag: Callable[[ParseMachine], None]) -> None:
    """Refuse an option that may be repeated and has no value, as invoke refuses any other.

    Of its own (3.0) it takes ``--repo`` at the end, or before another option, for no ``--repo`` at all.
    """
    if machine.flag is not None and machine.flag.kind is list and not machine.flag_got_value:
        machine.error(f"error: --{machine.flag.name}: needs a value")
    complete_flag(machine)


def _suggest_closest(
    machine: ParseMachine, refuse: Callable[[ParseMachine, str], None], message: str
) -> None:
    """Refuse a word that is neither option nor command, and name what comes closest to it."""
    unknown = re.fullmatch(r"No idea what (['\"])(.*)\1 is!", message)
    if unknown is None:
        return refuse(machine, message)
    word, task = unknown[2], machine.context
    flags = [*(task.flags if task else ()), *(machine.initial.flags if machine.initial else ())]
    known = flags if word.startswith("-") else list(machine.contexts)
    closest = difflib.get_close_matches(word, known, n=1)
    what = "option" if word.startswith("-") else "command"
    where = f" of {task.name}" if task and task.name and what == "option" else ""
    help_with = f"`invoke --help {task.name}`" if where and task else "`invoke --list`"
    hint = f"did you mean {closest[0]}?" if closest else f"{help_with} lists them"
    return refuse(machine, f"error: {word}: no such {what}{where}\nhint: {hint}")


ParseMachine.error = functools.partialmethod(_suggest_closest, ParseMachine.error)  # type: ignore[assignment]

ParseMachine.complete_flag = functools.partialmethod(_require_values, ParseMachine.complete_flag)  # type: ignore[assignment]


def after_dashes() -> list[str]:
    """What follows ``--`` on the command line, as the shell gave it: invoke would join it with blanks."""
    return sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []


def read_up_options(root: Path, given: Mapping[str, Any]) -> UpOptions:
    """The options of ``up``, or of a task that has some of them; the others have their defaults.

    :raises ConfigError: a value that is not allowed.
    """
    from brics_envs.lifecycle.prepare import read_options

    names = [name for name in inspect.signature(read_options).parameters if name != "root"]
    defaults = {name: OPTIONS[_option_name(name)].default for name in names}
    values: dict[str, Any] = defaults | dict(given)
    return read_options(root, **values)


def command(task: Callable[P, None]) -> Callable[P, None]:
    """Make a task's failures messages for users: ``error: …`` on standard error and an exit status."""

    @functools.wraps(task)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        status = interrupts.supervise(lambda: _status(task, *args, **kwargs), process.stop_all)
        if interrupts.received():
            # Standard output may be gone, as a closed terminal is; Python would make another status of that.
            os._exit(status)
        if status:
            sys.exit(status)

    return run


def _status(task: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> int:
    """The exit status of a task that has ended, and its message."""
    try:
        try:
            task(*args, **kwargs)
        finally:
            process.end()
        sys.stdout.flush()
    except BaseException as error:
        if number := interrupts.received():
            with contextlib.suppress(OSError):
                print(INTERRUPTED, file=sys.stderr, flush=True)
            return 128 + number
        if isinstance(error, BrokenPipeError):
            # The reader of our output has gone, as in `invoke logs | head`.
            sys.stderr.close()
            return FAILED
        if not isinstance(error, EnvsError | OSError):
            raise
        print(f"error: {_words(error)}", file=sys.stderr)
        return error.exit_status if isinstance(error, EnvsError) else FAILED
    return 0


def _words(error: EnvsError | OSError) -> str:
    """The text for standard error. A full disk can show anywhere, and what to do about it is always the same."""
    if isinstance(error, OSError):
        error = EnvsError(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    if FULL not in error.message.lower():
        return str(error)
    return f"{error.message}\nhint: {FULL_HINT}"
