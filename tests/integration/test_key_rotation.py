"""The hub's own keys are changed under a running notebook, as docs/maintain.md says."""

from __future__ import annotations

import os

from brics_envs.effects import podman
from tests.support.commands import ok, run_podman
from tests.support.hub_client import HubClient
from tests.support.running_instance import RunningInstance
from tests.support.waiting import wait_for

RESTART_DEADLINE_S = 300


def restart_hub(running: RunningInstance) -> None:
    command = ["podman", "restart", running.instance.container("jupyterhub")]
    ok(run_podman(command, {**os.environ, **podman.environment()}, RESTART_DEADLINE_S))
    wait_for(running.hub_answers, "the hub answers again")


def test_the_hubs_keys(running: RunningInstance, testuser: HubClient, otheruser: HubClient) -> None:
    testuser.start(brics_project="project1.brics")
    jobs = running.jobs("testuser.project1")
    with testuser.kernel() as kernel:
        kernel.run("x = 42")

        # The key that encrypts auth_state: nobody notices while the old one is still tried.
        keys = "cd /srv/jupyterhub; sha256sum jupyterhub_crypt_key | cut -c1-64"
        before = running.hub("sh", "-c", keys)
        running.hub("mv", "/srv/jupyterhub/jupyterhub_crypt_key", "/srv/jupyterhub/jupyterhub_crypt_key.old")
        restart_hub(running)
        assert running.hub("sh", "-c", keys) != before
        assert testuser.signed_in
        assert otheruser.spawn_form()
        # Those who sign in anew have theirs encrypted with the new key: the old one is not needed any more.
        again = running.client("otheruser")
        running.hub("rm", "/srv/jupyterhub/jupyterhub_crypt_key.old")
        restart_hub(running)
        assert again.spawn_form()

        # The secret that signs cookies: all sign in anew, and their servers go on.
        running.hub("rm", "/srv/jupyterhub/jupyterhub_cookie_secret")
        restart_hub(running)
        assert not testuser.signed_in
        assert running.jobs("testuser.project1") == jobs
        for client in (testuser, otheruser):
            client.sign_in(client.user, running.password)
            assert client.signed_in
        testuser.open_lab()
        assert kernel.run("print(x)").strip() == "42"
