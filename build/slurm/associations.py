#!/usr/bin/python3
"""Gives Slurm's accounting the users of dev_users, and whatever else the site has in its file ``sacctmgr``.

A project is an account. It runs when the container has started and when Slurm reads its configuration again, and only
adds what is not there, so that changes made by hand stay. Users who are gone lose their associations.
"""

from __future__ import annotations

import json
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from slurm_files import SetupError, account_names

BRICS = Path("/etc/brics")
CLUSTER = "brics"
"""ClusterName in slurm.conf."""

SLURMDBD = ("127.0.0.1", 6834)
SLURMDBD_S = 60.0
"""Seconds that slurmdbd may take to listen: the first time its database has to be made."""

THERE = (
    "already exist",
    "didn't affect anything",
    "nothing new added",
    "nothing modified",
    "nothing deleted",
)
"""What sacctmgr says, in small letters, of what need not be done, with exit status 1."""


REFUSED = 2
"""Exit status: dev_users has what it needs; of the site's file something was refused, and the rest done."""


def main() -> int:
    """Bring the accounting up to date; returns the exit status."""
    try:
        wait_for_slurmdbd()
        there = associations(sacctmgr("show", "associations", "format=Account,User"))
        for words in changes(there, users()):
            sacctmgr(*words)
    except (SetupError, OSError, subprocess.SubprocessError) as error:
        print(f"associations: error: {error}", file=sys.stderr)
        return 1
    refused = [line for line in site_file() if refusal(line)]
    return REFUSED if refused else 0


def refusal(line: str) -> str:
    """Carry out a line of the site's file; what is wrong with it, which is printed, or nothing."""
    try:
        if words := shlex.split(line, comments=True):
            sacctmgr(*words)
    except (SetupError, OSError, ValueError, subprocess.SubprocessError) as error:
        print(f"sacctmgr: {line}: {error}", file=sys.stderr)
        return str(error)
    return ""


def wait_for_slurmdbd() -> None:
    """Wait until slurmdbd listens.

    :raises SetupError: it does not.
    """
    end = time.monotonic() + SLURMDBD_S
    with socket.socket() as probe:
        while probe.connect_ex(SLURMDBD) != 0:
            if time.monotonic() > end:
                raise SetupError(f"slurmdbd did not start to listen within {SLURMDBD_S:.0f} s")
            time.sleep(0.1)


def users() -> list[str]:
    """The users of dev_users, ``<user>.<project>`` each."""
    return account_names(json.loads((BRICS / "dev_users/dev_users.json").read_text()))


def associations(shown: str) -> set[tuple[str, str]]:
    """(account, user) of each association; of an account's own the user is empty.

    :param shown: lines ``ACCOUNT|USER`` of sacctmgr's.
    """
    return {(account, user) for account, _, user in (line.partition("|") for line in shown.splitlines())}


def project(user: str) -> str:
    """That of ``<user>.<project>``, which is the name of its account."""
    return user.rpartition(".")[2]


def changes(there: set[tuple[str, str]], names: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """The words after ``sacctmgr`` of each command that is needed.

    :param names: of the users, ``<user>.<project>`` each.
    """
    wanted = {(project(name), name) for name in names}
    if ("root", "") not in there:
        yield "add", "cluster", CLUSTER
    accounts = sorted({account for account, _ in wanted} - {account for account, _ in there})
    if accounts:
        yield "add", "account", ",".join(accounts), f"Cluster={CLUSTER}"
    for account in sorted({account for account, _ in wanted - there}):
        missing = sorted(user for of, user in wanted - there if of == account)
        yield "add", "user", ",".join(missing), f"Account={account}", f"DefaultAccount={account}"
    ours = {user for account, user in there if "." in user and project(user) == account}
    if gone := sorted(ours - {user for _, user in wanted}):
        yield "delete", "user", ",".join(gone)


def site_file() -> list[str]:
    """The lines of the site's file, if there is one: words after ``sacctmgr`` each."""
    file = BRICS / "slurm/sacctmgr"
    return file.read_text().splitlines() if file.exists() else []


def sacctmgr(*words: str) -> str:
    """What a command of sacctmgr's prints.

    :raises SetupError: it failed; with what it said.
    """
    command = ["sacctmgr", "--immediate", "--noheader", "--parsable2", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    said = f"{done.stdout}{done.stderr}"
    if done.returncode != 0 and not any(known in said.lower() for known in THERE):
        raise SetupError(" ".join(said.split()) or f"exit status {done.returncode}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
