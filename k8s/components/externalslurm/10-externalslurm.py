"""Layer of jupyterhub_config.py: Slurm runs elsewhere, so that its jobs reach the hub's API from outside the pod."""

from urllib.parse import urlsplit

from deploy_settings import DEPLOY

c = get_config()  # noqa: F821

# On the pod's own address: the port is published from there. The hub's proxy, beside the hub, stays on loopback.
c.JupyterHub.hub_bind_url = "http://0.0.0.0:8081"
c.JupyterHub.hub_connect_url = "http://127.0.0.1:8081"
# Without a path: the hub adds its own.
c.Spawner.hub_connect_url = urlsplit(DEPLOY["hubConnectUrl"])._replace(path="").geturl()
