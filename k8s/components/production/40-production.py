"""Layer of jupyterhub_config.py: a hub that people depend on.

After JupyterHub's "Security Overview"; the README says what is not followed, and why.
"""

c = get_config()  # noqa: F821

# What stands in front of the hub says that users came over HTTPS (X-Forwarded-Proto); cookies are for HTTPS alone then.
# The hub's own proxy would add that they come over HTTP.
c.ConfigurableHTTPProxy.command = ["configurable-http-proxy", "--no-x-forward"]
# The hub's word counts in a notebook server, not what its user writes into configuration files.
c.Spawner.disable_user_config = True
# Many who start at once, after an outage for example, must not overwhelm Slurm's host: the others wait a moment.
c.JupyterHub.concurrent_spawn_limit = 50
