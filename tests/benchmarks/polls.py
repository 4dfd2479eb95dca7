"""What servers cost Slurm and the hub while nobody does anything, and how soon the hub knows that a job runs.

So that many can be measured on a small machine, the servers are jobs that sleep, registered in the hub's database.
"""

from __future__ import annotations

import json
import re
import statistics
import time
from datetime import datetime

from brics_envs.lifecycle.ready import page_missing
from brics_envs.plan.names import Instance
from tests.benchmarks.figures import Curve, Figure, Outcome
from tests.support.ports import free_port
from tests.support.waiting import wait_for
from tests.support.world import One, World

SERVERS = (1, 2, 5, 10, 20, 50, 100)
IDLE_S = 90.0
SETTLE_S = 15.0
"""After the hub's start, which asks more often."""
DELAYS = 10
ACCOUNT = "testuser.project1"
DATABASE = "/volume/srv/jupyterhub/jupyterhub.sqlite"

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


def measure(own: World) -> Outcome:
    """Measure with each number of servers in turn."""
    one = One(own, Instance("bench"), free_port())
    one.up()
    try:
        known = [delay(one) for _ in range(DELAYS)]
        jobs = sleepers(one, SERVERS[-1])
        columns = [idle(one, jobs[:count]) for count in SERVERS]
    finally:
        one.down()
    queries, cpu = zip(*columns, strict=True)
    ten = SERVERS.index(10)
    figures = [
        Figure("from job runs to hub knows", statistics.median(known), "s", goal=1),
        Figure("queries a minute, 100 servers", queries[-1] / queries[0], compared_with="1 server", goal=2),
        Figure("hub's CPU, 100 servers", cpu[-1] / cpu[ten], compared_with="10 servers", goal=2),
    ]
    lines = {"queries": queries, "hub's CPU time in s": cpu}
    return Outcome(figures, [Curve("polls", "What idle servers cost in a minute", "servers", SERVERS, lines)])


def delay(one: One) -> float:
    """Seconds from "job runs", by the controller's log, until the hub knows, by its own."""
    client = one.client("testuser")
    client.start(brics_project="project1.brics")
    hub = one.run("jupyterhub", "cat", "/var/log/jupyterhub/jupyterhub.log")
    known, job = re.findall(r"^\[I (\S+) \S+ \S+\] Job (\d+) of testuser: running", hub, re.MULTILINE)[-1]
    slurm = one.run("slurm", "cat", "/var/log/slurm/slurmctld.log")
    runs = re.findall(rf"^\[(\S+)\] sched.*(?:Allocate|Started) JobId={job} ", slurm, re.MULTILINE)[0]
    client.stop()
    return (moment(known) - moment(runs)).total_seconds()


def moment(text: str) -> datetime:
    """A time in UTC, as a log has it."""
    return datetime.fromisoformat(text.replace("Z", ""))


def sleepers(one: One, count: int) -> list[str]:
    """The IDs of new jobs that sleep, all of which run."""
    one.run("slurm", "scontrol", "update", "PartitionName=workq", "OverSubscribe=FORCE:16")
    submit = (
        f"cd /tmp; for i in $(seq {count}); do sbatch --parsable --output=/dev/null --wrap='sleep 3600'; done"
    )
    container = one.instance.container("slurm")
    jobs = one.world.podman("exec", f"--user={ACCOUNT}", container, "bash", "-c", submit).split()
    listing = ("squeue", "--noheader", "--states=RUNNING", f"--user={ACCOUNT}", "--format=%A")
    wait_for(lambda: {*jobs} <= {*one.run("slurm", *listing).split()}, "all jobs run", 300)
    return jobs


def idle(one: One, jobs: list[str]) -> tuple[float, float]:
    """The queries and the hub's seconds of CPU in a minute, with these jobs for servers."""
    register(one, jobs)
    time.sleep(SETTLE_S)
    before, began = (queries(one), cpu_seconds(one)), time.monotonic()
    time.sleep(IDLE_S)
    minutes = (time.monotonic() - began) / 60
    return (queries(one) - before[0]) / minutes, (cpu_seconds(one) - before[1]) / minutes


def register(one: One, jobs: list[str]) -> None:
    """Have the hub find these jobs as its servers when it starts anew."""
    podman, hub = one.world.podman, one.instance.container("jupyterhub")
    podman("stop", hub)
    volume = f"--volume={one.instance.named('jupyterhub_root')}:/volume"
    image = podman("inspect", "--format={{.ImageName}}", hub)
    options = ("--rm", "--network=none", "--user=10000", volume, "--entrypoint=python3")
    podman("run", *options, image, "-c", REGISTER, json.dumps(jobs))
    podman("start", hub)
    wait_for(lambda: not page_missing(f"{one.url}hub/health", {}), "the hub answers")


def queries(one: One) -> int:
    """How many requests Slurm's controller has had of the service account and of users."""
    spawner = int(one.run("slurm", "id", "-u", "jupyterspawner"))
    per_user = one.run("slurm", "sdiag").partition("by user")[2].partition("Pending RPC")[0]
    counts = re.findall(r"\(\s*(\d+)\)\s+count:(\d+)", per_user)
    return sum(int(count) for uid, count in counts if int(uid) == spawner or int(uid) >= 20000)


def cpu_seconds(one: One) -> float:
    """Seconds of CPU that the hub, and what it has started, has used."""
    return float(one.run("jupyterhub", "python3", "-c", CPU))
