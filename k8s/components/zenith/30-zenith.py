"""Layer of jupyterhub_config.py: users come through the Zenith client in the pod, and in no other way."""

from deploy_settings import DEPLOY

c = get_config()  # noqa: F821

# On the pod's loopback nobody can bypass the tunnel and send a token of their own.
c.JupyterHub.bind_url = f"http://127.0.0.1:8000{DEPLOY['baseUrl']}"
