"""What the hub costs Slurm, and itself, by the number of servers; and how soon it knows that a job runs.

    .venv/bin/python -m tests.benchmarks.polls INSTANCE PORT [SECONDS]

Needs a running instance of dev_dummyauth, whose hub it restarts: jobs that sleep are registered as the servers of users
of its own, which it removes again. Queries are those that Slurm counts (sdiag) of the service account and of users; CPU
time is that of the hub and all that it starts.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import time
from datetime import datetime

from brics_envs.plan.names import Instance
from tests.support.hub_client import HubClient
from tests.support.waiting import wait_for

ACCOUNT = "testuser.project1"
DATABASE = "/srv/jupyterhub/jupyterhub.sqlite"

REGISTER = f"""
import json, sys
from jupyterhub import orm
db = orm.new_session_factory("sqlite:///{DATABASE}")()
for user in db.query(orm.User).filter(orm.User.name.like("bench-%")):
    for spawner in user.orm_spawners.values():
        if spawner.server:
            db.delete(spawner.server)
        db.delete(spawner)
    db.delete(user)
db.commit()
for number, job in enumerate(json.loads(sys.argv[1])):
    user = orm.User(name=f"bench-{{number}}")
    db.add(user)
    path = f"/jupyter/user/bench-{{number}}/"
    server = orm.Server(proto="http", ip="127.0.0.1", port=9, base_url=path)
    state = {{"job_id": job, "mark": f"be{{number:04x}}", "account": "{ACCOUNT}", "starting": False}}
    db.add(orm.Spawner(name="", user=user, server=server, state=state))
db.commit()
"""

CPU = """
import os
for pid in sorted(filter(str.isdigit, os.listdir("/proc")), key=int):
    if b"bin/jupyterhub" in open(f"/proc/{pid}/cmdline", "rb").read():
        ticks = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[11:15]
        print(sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"))
        break
"""


class Bench:
    """A running instance."""

    def __init__(self, instance: Instance, port: int) -> None:
        self.instance = instance
        self.url = f"http://127.0.0.1:{port}/jupyter"

    def run(self, container: str, *command: str, user: str = "") -> str:
        """The output of a command in a container."""
        options = ["--user", user] if user else []
        name = f"{self.instance.pod}-{container}"
        command = ("podman", "exec", *options, name, *command)
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def sleepers(self, count: int) -> list[str]:
        """The IDs of new jobs that sleep, all of which run."""
        self.run("slurm", "scontrol", "update", "PartitionName=workq", "OverSubscribe=FORCE:16")
        submit = f"cd /tmp; for i in $(seq {count}); do sbatch --parsable --output=/dev/null --wrap='sleep 3600'; done"
        jobs = self.run("slurm", "bash", "-c", submit, user=ACCOUNT).split()
        listing = ("squeue", "--noheader", "--states=RUNNING", f"--user={ACCOUNT}", "--format=%A")
        wait_for(lambda: set(jobs) <= set(self.run("slurm", *listing).split()), "all jobs run", 120)
        return jobs

    def register(self, jobs: list[str]) -> None:
        """Have the hub find these jobs as its servers when it starts anew."""
        subprocess.run(["podman", "stop", f"{self.instance.pod}-jupyterhub"], check=True, capture_output=True)
        image = subprocess.run(
            ["podman", "inspect", "--format", "{{.ImageName}}", f"{self.instance.pod}-jupyterhub"],
            check=True, capture_output=True, text=True,
        ).stdout.strip()  # fmt: skip
        volume = f"{self.instance.named('jupyterhub_root')}:/volume"
        script = REGISTER.replace("/srv/jupyterhub/", "/volume/srv/jupyterhub/")
        find = [
            "podman",
            "run",
            "--rm",
            "--network=none",
            "--user=10000",
            f"--volume={volume}",
            "--entrypoint=python3",
        ]
        subprocess.run([*find, image, "-c", script, json.dumps(jobs)], check=True)
        subprocess.run(
            ["podman", "start", f"{self.instance.pod}-jupyterhub"], check=True, capture_output=True
        )
        health = HubClient(self.url)
        wait_for(lambda: health.get("/hub/health").ok, "the hub answers", 60)

    def queries(self) -> int:
        """How many requests Slurm's controller has had of the service account and of users."""
        spawner = int(self.run("slurm", "id", "-u", "jupyterspawner"))
        per_user = self.run("slurm", "sdiag").partition("by user")[2].partition("Pending RPC")[0]
        counts = re.findall(r"\(\s*(\d+)\)\s+count:(\d+)", per_user)
        return sum(int(count) for uid, count in counts if int(uid) == spawner or int(uid) >= 20000)

    def cpu(self) -> float:
        """Seconds of CPU that the hub, and what it has started, has used."""
        return float(self.run("jupyterhub", "python3", "-c", CPU).split()[0])

    def idle(self, seconds: float) -> tuple[float, float]:
        """Queries and seconds of CPU a minute."""
        queries, cpu, began = self.queries(), self.cpu(), time.monotonic()
        time.sleep(seconds)
        minutes = (time.monotonic() - began) / 60
        return (self.queries() - queries) / minutes, (self.cpu() - cpu) / minutes

    def delays(self, password: str, rounds: int) -> list[float]:
        """Seconds from "job runs", by the controller's log, until the hub knows, by its own."""
        client = HubClient(self.url)
        client.sign_in("testuser", password)
        delays = []
        for _ in range(rounds):
            client.start(brics_project="project1.brics")
            hub = self.run("jupyterhub", "cat", "/var/log/jupyterhub/jupyterhub.log")
            job, known = re.findall(r"^\[I (\S+) \S+ \S+\] Job (\d+) of testuser: running", hub, re.M)[-1][
                ::-1
            ]
            slurm = self.run("slurm", "cat", "/var/log/slurm/slurmctld.log")
            runs = re.findall(rf"^\[(\S+)\] sched.*(?:Allocate|Started) JobId={job} ", slurm, re.MULTILINE)[0]
            delays.append((moment(known) - moment(runs)).total_seconds())
            client.stop()
        return delays


def moment(text: str) -> datetime:
    """A time in UTC, as a log has it."""
    return datetime.fromisoformat(text.replace("Z", ""))


def main(instance: str, port: int, seconds: float) -> None:
    """Measure, and print what was measured."""
    bench = Bench(Instance(instance), port)
    password = subprocess.run(
        ["cat", f"_build/{instance}/password"], check=True, capture_output=True, text=True
    ).stdout.strip()
    delays = bench.delays(password, 10)
    print(f"job runs → hub knows: median {statistics.median(delays):.2f} s, longest {max(delays):.2f} s")
    jobs = bench.sleepers(100)
    figures = {}
    try:
        for count in (1, 10, 100):
            before = bench.queries()
            bench.register(jobs[:count])
            time.sleep(15)
            restart = bench.queries() - before
            figures[count] = bench.idle(seconds)
            print(
                f"{count:3} servers: {restart} queries after the hub's restart,"
                f" {figures[count][0]:.1f} a minute, hub's CPU {figures[count][1]:.2f} s a minute"
            )
    finally:
        bench.register([])
        # Of so many at once scancel loses its connections.
        bench.run(
            "slurm", "sh", "-c", f"squeue --noheader --user={ACCOUNT} --format=%A | xargs -rn 10 scancel"
        )
        bench.run("slurm", "scontrol", "update", "PartitionName=workq", "OverSubscribe=NO")
    print(f"queries, 100 servers / 1 server: {figures[100][0] / figures[1][0]:.2f}")
    print(f"hub's CPU, 100 servers / 10 servers: {figures[100][1] / figures[10][1]:.2f}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]) if len(sys.argv) > 3 else 120)
