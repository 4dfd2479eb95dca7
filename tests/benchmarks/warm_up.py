"""Compare `invoke up` (images built, fresh volumes) with the bare podman calls that do the same, in turn."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from brics_envs.plan.names import Instance
from brics_envs.plan.volumes import VOLUMES, volume_tar
from tests.benchmarks.figures import Figure, Outcome
from tests.support.ports import free_port
from tests.support.world import One, World

ROUNDS = 3

BARE = """
set -e
podman network create --disable-dns {network} >/dev/null
for volume in {volumes}; do
    podman volume create "$volume" >/dev/null
    podman volume import "$volume" "{folder}/$volume.tar"
done
podman kube play --network {network} {folder}/manifest.yaml >/dev/null
until podman exec {pod}-slurm sinfo --noheader --format=%T 2>/dev/null | grep -q idle; do sleep 0.2; done
until curl --silent --fail --output /dev/null {url}hub/health; do sleep 0.2; done
until podman exec {pod}-jupyterhub ssh -F /etc/brics/ssh/ssh_config slurm sudo -n -u testuser.project1 \\
    SLURMSPAWNER_JOB_ID=1 /opt/slurmspawner_wrappers/bin/slurmspawner_squeue 2>&1 | grep -q 'Invalid job id'
do sleep 0.2; done
"""

CLEAR = """
set -e
podman pod rm --force --time=1 {pod}
podman volume ls --quiet | grep '[-_]{instance}$' | xargs --no-run-if-empty podman volume rm
podman secret ls --format '{{{{.Name}}}}' | grep -e '-{instance}$' | xargs --no-run-if-empty podman secret rm
podman network rm --force {network}
"""
"""What bare calls have made bears no labels of ours, so that `up` would refuse it."""

REMOVE = """
import sys
from pathlib import Path
from brics_envs.effects.checkouts import read_checkout
from brics_envs.lifecycle.apply import apply
from brics_envs.lifecycle.inventory import observe_inventory
from brics_envs.plan.names import Instance
from brics_envs.plan.steps import down_steps
inventory = observe_inventory(Instance(sys.argv[1]), read_checkout(Path.cwd()), adopts_unmarked=False)
apply(down_steps(inventory.own, [], keep_volumes=False))
"""
"""Everything but the images goes, so that both ways start alike; `invoke down` would take their names too."""


def timed(own: World, *command: str) -> float:
    """Seconds that a command takes in the world's checkout; it must succeed."""
    began = time.monotonic()
    subprocess.run(
        command, check=True, cwd=own.root, env=dict(own.environment), capture_output=True, timeout=600
    )
    return time.monotonic() - began


def measure(own: World) -> Outcome:
    """Measure both, alternating, so that both meet the same noise."""
    one = One(own, Instance("bench"), free_port())
    up = (sys.executable, "-m", "invoke", "up", *one.options)
    one.up()
    script, clear = bare_calls(one, own.root.parent)
    ours, again, bare = [], [], []
    for _ in range(ROUNDS):
        remove(one)
        ours.append(timed(own, *up))
        again.append(timed(own, *up))
        remove(one)
        bare.append(timed(own, "bash", "-c", script))
        timed(own, "bash", "-c", clear)
    one.down()
    return Outcome(figures(ours, again, bare))


def bare_calls(one: One, folder: Path) -> tuple[str, str]:
    """The scripts that bring the instance up as it is, and that remove it; ``folder`` has what they read."""
    volumes = {one.instance.named(name): name for name in ("jupyterhub_root", "slurm_root")}
    for volume, name in volumes.items():
        (folder / f"{volume}.tar").write_bytes(volume_tar(VOLUMES[name]))
    (folder / "manifest.yaml").write_bytes((one.directory / "jh_slurm_pod.yaml").read_bytes())
    names = {"network": one.instance.network, "pod": one.instance.pod, "instance": one.instance.name}
    script = BARE.format(volumes=" ".join(volumes), folder=folder, url=one.url, **names)
    return script, CLEAR.format(**names)


def remove(one: One) -> None:
    """Remove all but the images."""
    timed(one.world, sys.executable, "-c", REMOVE, one.instance.name)


def figures(ours: Sequence[float], again: Sequence[float], bare: Sequence[float]) -> list[Figure]:
    """What three columns of seconds say."""
    up, nothing, calls = map(statistics.median, (ours, again, bare))
    return [
        Figure("warm up", up, "s"),
        Figure("warm up", up / calls, compared_with="the bare podman calls"),
        Figure("up with nothing to do", nothing, "s"),
        Figure("up with nothing to do", nothing / up, compared_with="warm up"),
    ]
