"""JupyterHub's configuration, the same in every environment; fragments beside it (``NN-NAME.py``) add what differs.

A hub that spawns notebook servers as Slurm jobs, with every Slurm command sent over SSH. Values that a deployment
may set are in ``DEPLOY``, for the fragments too.
"""

import os
import secrets
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import batchspawner  # noqa: F401 - registers the hub API with which a job reports its port

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from announcement import Announcement  # noqa: E402 - files beside this one
from database import write_ahead  # noqa: E402
from deploy_settings import DEPLOY, set_spawner_traits, spawner_default, spawner_has  # noqa: E402
from job_script import batch_script, srun  # noqa: E402
from operation import let_administrators_stop_servers, serve_metrics, stop_idle_servers  # noqa: E402
from page_title import page_title  # noqa: E402
from redact import know, watch  # noqa: E402
from separate_proxy import SeparateProxy  # noqa: E402
from ssh_time import measure  # noqa: E402

if TYPE_CHECKING:
    from traitlets.config.application import get_config

    def load_subconfig(fname: str) -> None: ...


c = get_config()

STATE = Path("/srv/jupyterhub")

# --- Addresses. What users reach is in front; the hub's and the proxy's API stay on the pod's loopback.

c.JupyterHub.bind_url = f"http://127.0.0.1:8000{DEPLOY['baseUrl']}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:8081"
c.JupyterHub.hub_connect_url = DEPLOY["hubConnectUrl"]
# A container of its own, which goes on when the hub restarts.
c.JupyterHub.proxy_class = SeparateProxy
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:8001"
c.ConfigurableHTTPProxy.auth_token = Path("/etc/brics/proxy-api/token").read_text()

# --- What everybody is told, on every page and without a restart.

c.JupyterHub.template_vars = {
    "announcement": Announcement("/etc/brics/announcement/text"),
    "page_title": lambda user: page_title,  # JupyterHub calls what can be called, with the user
}
c.JupyterHub.template_paths = [str(HERE)]

# --- State, in the volume jupyterhub_root: users stay signed in and servers go on when the hub restarts.


def secret_file(name: str, make: Callable[[], bytes]) -> bytes:
    """A file with a secret that is made at the first start; its contents, bytes."""
    file = STATE / name
    if not file.exists():
        new = file.with_suffix(".new")
        new.unlink(missing_ok=True)
        new.touch(mode=0o600)
        new.write_bytes(make())
        new.rename(file)
    return file.read_bytes()


# The key that encrypts auth_state in the database, and what signs cookies, in hexadecimal.
crypt_key = secret_file("jupyterhub_crypt_key", lambda: secrets.token_bytes(32))
cookie_secret = secret_file("jupyterhub_cookie_secret", lambda: secrets.token_hex(32).encode())
# Keys of before are tried too: while there is such a file, nobody notices that the key has been changed.
old_keys = [file.read_bytes() for file in sorted(STATE.glob("jupyterhub_crypt_key.old*"))]

DATABASE = STATE / "jupyterhub.sqlite"
c.JupyterHub.db_url = f"sqlite:///{DATABASE}"
write_ahead(DATABASE)
# A newer JupyterHub brings an old database up to date, after it has copied it to jupyterhub.sqlite.DATE. If it fails
# again and again, as podman starts it again and again, that ends before the copies fill the disk.
c.JupyterHub.upgrade_db = (
    sum(time.time() - copy.stat().st_mtime < 3600 for copy in STATE.glob(f"{DATABASE.name}.2*")) < 3
)
c.JupyterHub.cookie_secret_file = str(STATE / "jupyterhub_cookie_secret")
c.CryptKeeper.keys = [crypt_key, *old_keys]
c.JupyterHub.cleanup_servers = False
c.Authenticator.enable_auth_state = True

# --- Sessions. In the browser too, where JupyterHub would keep the cookie for a month.

session_hours = float(DEPLOY["sessionHours"])
c.JupyterHub.cookie_max_age_days = session_hours / 24
c.JupyterHub.tornado_settings = {"cookie_options": {"expires_days": session_hours / 24}}
c.JupyterHub.token_expires_in_max_seconds = int(session_hours * 3600)
# Of its own a server tells the hub that it is used. Who uses it comes with a session of theirs.
c.Spawner.server_token_scopes = ["users:activity!user"]
# Seconds for which a server believes what the hub said of a session, which may have ended since.
c.Spawner.args = ["--HubOAuth.cache_max_age=15"]

# --- Logs: to the container's output and to the volume, both from logLevel on and without secrets.

watch()
know(crypt_key, *old_keys, cookie_secret.strip(), bytes.fromhex(cookie_secret.decode()))
know(*(file.read_text().strip() for file in Path("/etc/brics/deploy-secret").glob("[!.]*")))
know(c.ConfigurableHTTPProxy.auth_token, serve_metrics(c))
know(*(value for name, value in os.environ.items() if name.endswith(("TOKEN", "SECRET", "PASSWORD", "KEY"))))

c.JupyterHub.log_level = DEPLOY["logLevel"]
c.JupyterHub.log_datefmt = "%Y-%m-%dT%H:%M:%SZ"
c.JupyterHub.logging_config = {
    "handlers": {
        "file": {
            "class": "logging.handlers.RotatingFileHandler",
            "level": DEPLOY["logLevel"],
            "filename": "/var/log/jupyterhub/jupyterhub.log",
            "maxBytes": 10 * 1024 * 1024,
            "backupCount": 5,
            "formatter": "plain",
        },
    },
    "formatters": {
        "console": {"class": "redact.ConsoleFormatter"},
        "plain": {
            "class": "redact.PlainFormatter",
            "format": "[%(levelname)1.1s %(asctime)s.%(msecs).03d %(name)s %(module)s:%(lineno)d] %(message)s",
            "datefmt": "%Y-%m-%dT%H:%M:%SZ",
        },
    },
    "loggers": {
        "JupyterHub": {"handlers": ["console", "file"], "propagate": False},
        # It would log every statement with its values.
        "sqlalchemy": {"level": "WARNING"},
    },
    # asyncio, sqlalchemy and whatever else is not JupyterHub's.
    "root": {"level": DEPLOY["logLevel"], "handlers": ["console", "file"]},
}

# --- Notebook servers: Slurm jobs, submitted, queried and cancelled over SSH by the wrapper scripts.

WRAPPERS = DEPLOY["slurmSpawnerWrappersBin"]
# On Slurm's host, over connections that all commands share; the submission's standard input gets the job's environment.
# Nothing is kept of the hub's own: not even PATH means anything there.
ON_SLURM_HOST = f"{sys.executable} -I -S /etc/brics/ssh/on_slurm_host.py"
c.Spawner.env_keep = ["JUPYTERHUB_SINGLEUSER_APP"]

c.JupyterHub.spawner_class = "brics"
c.SlurmSpawner.exec_prefix = f"{ON_SLURM_HOST} sudo -n -u {{username}}"
c.SlurmSpawner.batch_submit_cmd = f"{WRAPPERS}/slurmspawner_sbatch"
c.SlurmSpawner.batch_query_cmd = f"SLURMSPAWNER_JOB_ID={{job_id}} {WRAPPERS}/slurmspawner_squeue"
c.SlurmSpawner.batch_cancel_cmd = f"SLURMSPAWNER_JOB_ID={{job_id}} {WRAPPERS}/slurmspawner_scancel"
measure(f"{ON_SLURM_HOST} true")
# The built-in BricsSlurmSpawner asks for all jobs at once, and looks for jobs of which it knows no more than the mark,
# as the service account itself. Whether that may see them is the site's choice (PrivateData=jobs): otherwise each job
# is asked for by itself, and jobs that the hub does not know end anyway.
SQUEUE = "timeout 20 squeue --noheader --all"
set_spawner_traits(
    c,
    batch_watch_cmd=f"{ON_SLURM_HOST} {SQUEUE} --states=all --jobs={{job_ids}} --format=%A@%T@%B",
    batch_list_cmd=f"{ON_SLURM_HOST} {SQUEUE} --states=all --user={{username}} --format=%i@%T@%r@%k",
    batch_queue_cmd=f"{ON_SLURM_HOST} SLURM_TIME_FORMAT=%s"
    f" {SQUEUE} --states=PENDING --sort=-p --format=%i@%P@%r@%S",
)
# What the form offers comes from Slurm, too, by the same account.
if command := spawner_default("batch_cluster_cmd"):
    set_spawner_traits(c, batch_cluster_cmd=f"{ON_SLURM_HOST} timeout 20 sh -c {shlex.quote(command)}")
# Any failed query is "unknown", not "job gone", unless Slurm itself says that it has no such job. (A job's state is a
# word in capitals; everything else that comes back is an error message of ssh, sudo, timeout or Slurm.)
c.SlurmSpawner.state_unknown_re = r"(?s)\A(?![A-Z_]+\b)(?!.*Invalid job id specified)."

# --- Time. The built-in spawner queries less and less often; its jobs report by themselves when they run.

start_poll = float(DEPLOY["startPollSeconds"])
c.SlurmSpawner.startup_poll_interval = min(0.25, start_poll)
c.Spawner.poll_interval = int(DEPLOY["pollSeconds"])
# The built-in spawner has a limit for the queue and one for the start. JupyterHub has one for all of it, and for the
# submission: for other spawners it is the only one.
queue_limit, start_limit = int(DEPLOY["queueLimitSeconds"]), int(DEPLOY["startLimitSeconds"])
c.Spawner.start_timeout = queue_limit + start_limit + 120
c.Spawner.http_timeout = 60
set_spawner_traits(
    c,
    max_startup_poll_interval=start_poll,
    queue_timeout=float(queue_limit),
    startup_timeout=float(start_limit),
)

# JupyterHub counts servers that wait in the queue, too: who waits there must not keep others from joining it. The
# built-in spawner bounds how many are submitted at a moment.
if spawner_has("concurrent_submissions"):
    c.JupyterHub.concurrent_spawn_limit = 0

# --- What a job is given, and what its user may ask for.

c.Spawner.default_url = "/lab"
c.Spawner.environment.update({"JUPYTERHUB_TIME_LEFT_MARKS": DEPLOY["timeLeftMarks"]})
c.SlurmSpawner.batch_script = batch_script(DEPLOY)
c.SlurmSpawner.req_srun = srun(DEPLOY)
c.SlurmSpawner.req_prologue = DEPLOY.get("jobPrologue", "")
c.SlurmSpawner.req_epilogue = DEPLOY.get("jobEpilogue", "")
c.SlurmSpawner.req_options = DEPLOY.get("jobOptions", "")
c.SlurmSpawner.req_memory = DEPLOY.get("jobMemory", "")
c.SlurmSpawner.req_nprocs = DEPLOY.get("jobCpus", "")
c.SlurmSpawner.req_gres = DEPLOY.get("jobGres", "")
c.SlurmSpawner.req_account = DEPLOY.get("jobAccount", "")
c.SlurmSpawner.req_qos = DEPLOY.get("jobQos", "")
set_spawner_traits(
    c,
    max_runtime=DEPLOY["maxRuntime"],
    default_runtime=DEPLOY["defaultRuntime"],
    min_ngpus=int(DEPLOY["minGpus"]),
    max_ngpus=int(DEPLOY["maxGpus"]),
    default_ngpus=int(DEPLOY["defaultGpus"]),
    partitions=DEPLOY.get("partitions", "").split(),
    default_partition=DEPLOY.get("defaultPartition", ""),
)

# --- Operation. What Slurm's jobs compute is never taken for idle: where servers do not tell of it, none is stopped.

let_administrators_stop_servers(c, DEPLOY.get("adminUsers", "").split())
if spawner_has("reports_activity"):
    # Pages that are merely open send requests, too.
    SeparateProxy.traffic_is_activity = False
    if idle_hours := float(DEPLOY["idleServerHours"]):
        stop_idle_servers(c, idle_hours * 3600)

for fragment in sorted(HERE.glob("[0-9][0-9]-*.py")):
    load_subconfig(str(fragment))
