"""A JupyterHub authenticator for ID tokens with project accounts, and a Slurm spawner that runs jobs as them.

========================  ==================================================================================
``names``                 projects and the forms of their names; the exchange format that auth_state is
``claims``                claims of a verified token → user and projects
``sessions``              how long a sign-in counts, and what ends with it
``addresses``             where an issuer may be
``tokens``                signature, issuer, audience and times of a token
``issuer_keys``           the issuer's public keys, fetched and cached
``authenticator``         ``BricsAuthenticator``
``login``                 its sign-in and sign-out pages
``options``, ``form``     what a user may ask for, and the form to ask with
``slurm``, ``commands``   what Slurm's commands are given and say; how they are run
``waiting``               why jobs wait, in plain words, and where in the queue they are
``queue_watch``           the queue, asked for once for all servers that somebody watches
``progress``              what the page of a starting server shows
``watcher``               asks Slurm for all jobs at once; ``questions``, ``watched``, ``breaker`` are its parts
``job_spawner``           batchspawner's SlurmSpawner, made robust
``report_api``            where its jobs report
``server_activity``       runs in the job's server: what counts as use of it
``metrics``               how long Slurm's commands take, and how often they fail
``spawner``               ``BricsSlurmSpawner``
========================  ==================================================================================

``names``, ``addresses``, ``claims``, ``options``, ``slurm``, ``waiting`` and ``progress`` are pure.
"""

from bricsauthenticator.authenticator import BricsAuthenticator
from bricsauthenticator.spawner import BricsSlurmSpawner

__all__ = ["BricsAuthenticator", "BricsSlurmSpawner"]
