"""Stands in for sbatch, squeue and scancel. Jobs are processes of this host, with files in $STAND_IN_SLURM.

A file there changes what they do while it exists. ``fail``: every command fails as SSH does. ``hold``: new jobs wait.
``refuse``: sbatch refuses with its text. ``lose``: the job is accepted, and the answer is an error with its text.
``late``: so many seconds pass between acceptance and answer. ``slow``: so many pass before the job is accepted, which
happens even if nobody waits for it. ``private``: nobody sees the jobs of others in a list. ``forget``: the controller
knows no jobs. ``remember``: the controller takes every job for a running one.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from own_processes import is_alive

ROOT = Path(os.environ["STAND_IN_SLURM"])


def main() -> int:
    """The command that the process was called as."""
    if (ROOT / "fail").exists():
        sys.stderr.write("ssh: connect to host slurm port 2222: Connection refused\n")
        return 255
    name = Path(sys.argv[0]).name
    return {"sbatch": sbatch, "squeue": squeue, "scancel": scancel}[name](sys.argv[1:])


def sbatch(arguments: list[str]) -> int:
    assert arguments == ["--parsable"]
    if (ROOT / "refuse").exists():
        sys.stderr.write((ROOT / "refuse").read_text())
        return 1
    script = sys.stdin.read()
    if (ROOT / "slow").exists():
        _go_on_alone()
        _wait("slow")
    number = len(list(ROOT.glob("job-*.sh"))) + 1
    (ROOT / f"job-{number}.json").write_text(
        json.dumps({"account": os.environ.get("STAND_IN_ACCOUNT"), "environment": dict(os.environ)})
    )
    (ROOT / f"job-{number}.sh").write_text(script)
    if not (ROOT / "hold").exists():
        _run(number)
    _wait("late")
    if (ROOT / "lose").exists():
        sys.stderr.write((ROOT / "lose").read_text())
        return 255
    print(f"{number};stand-in")
    return 0


def _go_on_alone() -> None:
    """As a command on another host does when the connection to it is cut."""
    if os.fork():
        os.wait()
        sys.exit(1)
    os.setsid()


def _wait(why: str) -> None:
    if (ROOT / why).exists():
        time.sleep(float((ROOT / why).read_text()))


def _run(number: int) -> None:
    with (ROOT / f"job-{number}.log").open("w") as log:
        process = subprocess.Popen(
            ["bash", str(ROOT / f"job-{number}.sh")],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, "SLURM_JOB_ID": str(number), "HOME": str(ROOT / "home")},
        )
    (ROOT / f"job-{number}.pid").write_text(str(process.pid))


def squeue(arguments: list[str]) -> int:
    if "--states=PENDING" in arguments:
        return _queue(arguments)
    if arguments[0] == "--noheader":
        return _list(arguments[1:])
    _count("queries")
    assert arguments[:2] == ["-h", "-j"]
    assert arguments[3:] == ["-o", "%T %B"]
    number = arguments[2]
    assert re.fullmatch("[0-9]+", number)
    if not _is_known(number):
        return _invalid_job_id()
    state = _state(int(number))
    if state == "PENDING":
        print("PENDING n/a")
    elif state == "RUNNING":
        print("RUNNING 127.0.0.1")
    return 0


def _count(what: str) -> None:
    (ROOT / "query-environment").write_text(json.dumps(dict(os.environ)))
    with (ROOT / what).open("a") as file:
        file.write("q")


def _is_known(number: str) -> bool:
    return (ROOT / f"job-{number}.sh").exists() and not (ROOT / "forget").exists()


def _invalid_job_id() -> int:
    sys.stderr.write("slurm_load_jobs error: Invalid job id specified\n")
    return 1


def _state(number: int) -> str:
    pid = ROOT / f"job-{number}.pid"
    if not pid.exists():
        return "PENDING"
    if (ROOT / "remember").exists() or is_alive(int(pid.read_text())):
        return "RUNNING"
    return "CANCELLED" if (ROOT / f"cancelled-{number}").exists() else "FAILED"


def _list(arguments: list[str]) -> int:
    """``squeue --noheader --all --states=all``, of an account (``--user=ACCOUNT``) or of some jobs (``--jobs=1,2``)."""
    hidden, states, user, form = arguments
    if user.startswith("--jobs="):
        assert (hidden, states, form) == ("--all", "--states=all", "--format=%A@%T@%B")
        return _watch(user.removeprefix("--jobs=").split(","))
    assert (hidden, states, form) == ("--all", "--states=all", "--format=%i@%T@%r@%k")
    if (ROOT / "private").exists():
        return 0
    for path in ROOT.glob("job-*.json"):
        number = int(re.findall("[0-9]+", path.name)[0])
        comment = re.findall("^#SBATCH --comment=(.*)$", path.with_suffix(".sh").read_text(), re.MULTILINE)
        if user == f"--user={json.loads(path.read_text())['account']}":
            state = _state(number)
            print(f"{number}@{state}@{'NonZeroExitCode' if state == 'FAILED' else 'None'}@{comment[-1]}")
    return 0


def _queue(arguments: list[str]) -> int:
    """All jobs that wait, and one of somebody else's before them."""
    assert arguments == ["--noheader", "--all", "--states=PENDING", "--sort=-p", "--format=%i@%P@%r@%S"]
    assert os.environ["SLURM_TIME_FORMAT"] == "%s"
    with (ROOT / "queue-questions").open("a") as questions:
        questions.write("q")
    print(f"999@grace@Resources@{int(time.time()) + 600}")
    for path in ROOT.glob("job-*.sh"):
        number = int(re.findall("[0-9]+", path.name)[0])
        if _state(number) == "PENDING":
            print(f"{number}@grace@Priority@{int(time.time()) + 1200}")
    return 0


def _watch(numbers: list[str]) -> int:
    _count("questions")
    known = [number for number in numbers if _is_known(number) and not (ROOT / "private").exists()]
    if len(numbers) == 1 and not known:
        return _invalid_job_id()
    for number in known:
        print(f"{number}@{_state(int(number))}@127.0.0.1")
    return 0


def scancel(arguments: list[str]) -> int:
    (number,) = arguments
    (ROOT / f"cancelled-{number}").touch()
    pid = ROOT / f"job-{number}.pid"
    if pid.exists():
        try:
            os.killpg(int(pid.read_text()), signal.SIGTERM)
        except ProcessLookupError:
            return 0
    else:
        pid.write_text("0")
    return 0


if __name__ == "__main__":
    sys.exit(main())
