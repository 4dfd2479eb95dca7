"""Stands in for sbatch, squeue and scancel. Jobs are processes of this host, with files in $STAND_IN_SLURM.

A file ``fail`` there makes every command fail as SSH does; ``hold`` keeps new jobs pending while it exists;
``refuse`` makes sbatch refuse with its text.
"""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

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
    number = len(list(ROOT.glob("job-*.sh"))) + 1
    script = sys.stdin.read()
    (ROOT / f"job-{number}.json").write_text(
        json.dumps({"account": os.environ.get("STAND_IN_ACCOUNT"), "environment": dict(os.environ)})
    )
    (ROOT / f"job-{number}.sh").write_text(script)
    if not (ROOT / "hold").exists():
        _run(number)
    print(f"{number};stand-in")
    return 0


def _run(number: int) -> None:
    with (ROOT / f"job-{number}.log").open("w") as log:
        process = subprocess.Popen(
            ["bash", str(ROOT / f"job-{number}.sh")],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (ROOT / f"job-{number}.pid").write_text(str(process.pid))


def squeue(arguments: list[str]) -> int:
    with (ROOT / "queries").open("a") as queries:
        queries.write("q")
    (ROOT / "query-environment").write_text(json.dumps(dict(os.environ)))
    assert arguments[:2] == ["-h", "-j"]
    assert arguments[3:] == ["-o", "%T %B"]
    number = arguments[2]
    assert re.fullmatch("[0-9]+", number)
    if not (ROOT / f"job-{number}.sh").exists():
        sys.stderr.write("slurm_load_jobs error: Invalid job id specified\n")
        return 1
    if not (ROOT / f"job-{number}.pid").exists():
        print("PENDING n/a")
    elif _alive(int((ROOT / f"job-{number}.pid").read_text())):
        print("RUNNING 127.0.0.1")
    return 0


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


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
