"""Fragment of jupyterhub_config.py: a hub that people depend on.

After JupyterHub's "Security Overview"; the README says what is not followed, and why.
"""

from typing import TYPE_CHECKING

from deploy_settings import DEPLOY, spawner_has

if TYPE_CHECKING:
    from traitlets.config.application import get_config

c = get_config()

# The hub's word counts in a notebook server, not what its user writes into configuration files.
c.Spawner.disable_user_config = True
# Many who start at once, after an outage for example, must not overwhelm Slurm's host: the others wait a moment. The
# built-in spawner sees to it by itself.
if not spawner_has("concurrent_submissions"):
    c.JupyterHub.concurrent_spawn_limit = 50
# Slurm is asked as seldom as that from the first time on: the built-in spawner's jobs report by themselves.
c.SlurmSpawner.startup_poll_interval = float(DEPLOY["startPollSeconds"])
