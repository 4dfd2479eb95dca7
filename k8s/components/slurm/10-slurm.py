"""Fragment of jupyterhub_config.py: Slurm runs in the pod, so that a notebook server needs the pod's loopback only."""

from typing import TYPE_CHECKING

from deploy_settings import DEPLOY

if TYPE_CHECKING:
    from traitlets.config.application import get_config

c = get_config()

# batchspawner tells every server to listen on all addresses, whatever Spawner.ip says; the pod's own address can be
# reached from other pods and from the host.
LOOPBACK = 'export JUPYTERHUB_SERVICE_URL="${JUPYTERHUB_SERVICE_URL/0.0.0.0/127.0.0.1}"'
c.SlurmSpawner.req_prologue = "\n".join([LOOPBACK, DEPLOY.get("jobPrologue", "")])
