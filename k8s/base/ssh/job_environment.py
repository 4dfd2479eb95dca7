"""Puts a job's environment into its batch script. Pure; needs the standard library of Python 3.9 alone.

Slurm's host need not be told of any variable: neither its sshd nor its sudo passes one on, and none is an argument of
a command, which everybody could read. Whatever the hub's spawner is, the script gets the same.
"""

import re
import shlex

SHELLS = frozenset({"sh", "bash", "dash", "ksh", "mksh", "zsh"})
"""Interpreters that understand :data:`ACCOUNT` and ``export``."""

ACCOUNTS_OWN = frozenset({"HOME", "LOGNAME", "PATH", "SHELL", "USER"})
SHELLS_OWN = frozenset({"OLDPWD", "PWD", "SHLVL", "_"})
"""What the shell sets by itself that runs the spawner's command line."""

READ_ONLY = frozenset({"BASHOPTS", "BASH_VERSINFO", "EUID", "IFS", "PPID", "SHELLOPTS", "UID"})
"""What a script cannot set, or could not go on with."""

MARKER = "JUPYTERHUB_JOB_ENVIRONMENT"

ACCOUNT = r"""
# From JupyterHub: what its service account has left behind is taken out, once, and the account's own put in its place.
if [ "${@MARKER@-}" != "${SLURM_JOB_ID-}" ]; then
    export PATH=/usr/local/bin:/usr/bin:/bin
    for name in $(env | sed -n -e 's/^\(JUPYTERHUB_[A-Za-z0-9_]*\)=.*/\1/p' -e 's/^\(SUDO_[A-Z_]*\)=.*/\1/p' \
            -e 's/^\(LC_[A-Z_]*\)=.*/\1/p') JPY_API_TOKEN SLURMSPAWNER_JOB_ID LANG LANGUAGE LINGUAS TZ MAIL \
            OLDPWD PS1 PS2 HISTSIZE DISPLAY XAUTHORITY XAUTHORIZATION XDG_CURRENT_DESKTOP; do
        unset -v "$name"
    done
    passwd=$(getent passwd "$(id -u)") || { echo "JupyterHub: no account $(id -u) on this node" >&2; exit 1; }
    IFS=: read -r USER name name name name HOME SHELL <<END_OF_ACCOUNT
$passwd
END_OF_ACCOUNT
    unset -v name passwd
    LOGNAME=$USER SHELL=${SHELL:-/bin/sh}
    # Where sbatch ran: the service account's home.
    [ -z "${SLURM_SUBMIT_DIR-}" ] || export SLURM_SUBMIT_DIR="$HOME"
    export USER LOGNAME HOME SHELL @MARKER@="${SLURM_JOB_ID-}"
@AGAIN@fi
"""
"""Runs at the script's first time only: a login shell, which the script becomes, has set PATH then."""


class ScriptError(ValueError):
    """What a spawner submits cannot be completed; the message says why."""


def complete(script: bytes, environment: dict[bytes, bytes]) -> bytes:
    """A batch script that has the environment after its block of ``#SBATCH`` lines.

    :param environment: name → value; of the account's own and the shell's own names nothing is taken.
    :returns: the script. A login shell becomes one when HOME is the account's.
    :raises ScriptError: a script of no shell, or a variable that no shell can set.
    """
    lines = script.splitlines(keepends=True)
    again = ""
    if lines and lines[0].startswith(b"#!"):
        interpreter, is_login = _interpreter(lines[0])
        if is_login:
            lines[0] = f"#!{_plain(interpreter)}\n".encode()
            again = f'    exec {shlex.join(interpreter)} "$0" "$@"\n'
    end = _header_end(lines)
    if end and not lines[end - 1].endswith(b"\n"):
        lines[end - 1] += b"\n"
    account = ACCOUNT.replace("@MARKER@", MARKER).replace("@AGAIN@", again)
    return b"".join([*lines[:end], account.encode(), _exports(environment), *lines[end:]])


def _interpreter(line: bytes) -> tuple[list[str], bool]:
    """The words of a ``#!`` line, and whether they ask for a login shell."""
    words = shlex.split(line[2:].decode(errors="replace"))
    named = [word for word in words if not word.startswith("-")]
    if named and named[0].rpartition("/")[2] == "env":
        named = named[1:]
    if not named or named[0].rpartition("/")[2] not in SHELLS:
        raise ScriptError(f"not a script of a shell ({', '.join(sorted(SHELLS))}): {' '.join(words)}")
    options = words[words.index(named[0]) + 1 :]
    is_login = any(re.fullmatch(r"-[A-Za-z]*l[A-Za-z]*|--login", option) for option in options)
    return [word for word in words if word != "-S"], is_login


def _plain(words: list[str]) -> str:
    """The interpreter without its options."""
    shell = next(number for number, word in enumerate(words) if word.rpartition("/")[2] in SHELLS)
    return " ".join(words[: shell + 1])


def _header_end(lines: list[bytes]) -> int:
    """The number of lines up to the first that is neither blank nor a comment: sbatch looks no further."""
    for number, line in enumerate(lines):
        if line.strip() and not line.lstrip().startswith(b"#"):
            return number
    return len(lines)


def _exports(environment: dict[bytes, bytes]) -> bytes:
    lines = [b"# What JupyterHub tells the job."]
    for name, value in sorted(environment.items()):
        if name.decode(errors="replace") in ACCOUNTS_OWN | SHELLS_OWN:
            continue
        if not re.fullmatch(rb"[A-Za-z_][A-Za-z0-9_]*", name) or name.decode() in READ_ONLY:
            raise ScriptError(f"no shell can set the variable {name.decode(errors='replace')!r}")
        lines.append(b"export " + name + b"='" + value.replace(b"'", b"'\\''") + b"'")
    return b"\n".join(lines) + b"\n"
