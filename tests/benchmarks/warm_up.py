"""Compare `invoke up` (images built, fresh volumes) with the bare podman calls that do the same, in turn.

    .venv/bin/python -m tests.benchmarks.warm_up [ROUNDS]

Prints the seconds of each round and the ratio of the medians. Uses the instance `bench` and port 8070.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from brics_envs.effects.checkouts import read_checkout
from brics_envs.effects.podman import environment
from brics_envs.lifecycle.apply import apply
from brics_envs.lifecycle.inventory import observe_inventory
from brics_envs.plan.names import Instance
from brics_envs.plan.steps import down_steps
from brics_envs.plan.volumes import VOLUMES, volume_tar

ROOT = Path(__file__).resolve().parents[2]
INSTANCE = Instance("bench")
INVOKE = [sys.executable, "-m", "invoke"]
UP = [*INVOKE, "up", "--env", "dev_dummyauth", "--instance", INSTANCE.name, "--port", "8070"]
DOWN = [*INVOKE, "down", "--instance", INSTANCE.name]

BARE = """
set -e
podman network create --disable-dns {network} >/dev/null
for volume in {volumes}; do
    podman volume create "$volume" >/dev/null
    podman volume import "$volume" "{folder}/$volume.tar"
done
podman kube play --network {network} {folder}/manifest.yaml >/dev/null
until podman exec {pod}-slurm sinfo --noheader --format=%T 2>/dev/null | grep -q idle; do sleep 0.2; done
until curl --silent --fail --output /dev/null http://127.0.0.1:8070/jupyter/hub/health; do sleep 0.2; done
until podman exec {pod}-jupyterhub ssh -F /etc/brics/ssh/ssh_config slurm sudo -n -u testuser.project1 \\
    SLURMSPAWNER_JOB_ID=1 /opt/slurmspawner_wrappers/bin/slurmspawner_squeue 2>&1 | grep -q 'Invalid job id'
do sleep 0.2; done
"""

CLEAR = """
podman pod rm --force --time=1 {pod}
podman volume ls --quiet | grep '[-_]{instance}$' | xargs --no-run-if-empty podman volume rm
podman secret ls --format '{{{{.Name}}}}' | grep -e '-{instance}$' | xargs --no-run-if-empty podman secret rm
podman network rm --force {network}
"""
"""What bare calls have made bears no labels of ours, so that `up` would refuse it."""


def timed(command: list[str]) -> float:
    """Seconds that a command takes; it must succeed."""
    began = time.monotonic()
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - began


def main(rounds: int) -> None:
    """Measure both, alternating, so that both meet the same noise."""
    ours, bare = [], []
    with tempfile.TemporaryDirectory() as folder:
        volumes = [INSTANCE.named(name) for name in ("jupyterhub_root", "slurm_root")]
        for name in ("jupyterhub_root", "slurm_root"):
            Path(folder, f"{INSTANCE.named(name)}.tar").write_bytes(volume_tar(VOLUMES[name]))
        script = BARE.format(
            network=INSTANCE.network, volumes=" ".join(volumes), folder=folder, pod=INSTANCE.pod
        )
        clear = CLEAR.format(network=INSTANCE.network, instance=INSTANCE.name, pod=INSTANCE.pod)
        timed(UP)
        manifest = Path(folder, "manifest.yaml")
        manifest.write_bytes((INSTANCE.directory(ROOT) / "jh_slurm_pod.yaml").read_bytes())
        for number in range(rounds):
            remove()
            ours.append(timed(UP))
            again = timed(UP)
            remove()
            bash = ["env", *(f"{k}={v}" for k, v in environment().items()), "bash", "-c"]
            bare.append(timed([*bash, script]))
            timed([*bash, clear])
            print(f"round {number + 1}: up {ours[-1]:.2f} s, up again {again:.2f} s, bare {bare[-1]:.2f} s")
        timed(DOWN)
    print(f"up / bare podman calls: {statistics.median(ours) / statistics.median(bare):.2f}")


def remove() -> None:
    """Everything but the images goes, so that both ways start alike. (`invoke down` would take their tags too.)"""
    inventory = observe_inventory(INSTANCE, read_checkout(ROOT), adopts_unmarked=False)
    apply(down_steps(inventory.own, [], keep_volumes=False))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
