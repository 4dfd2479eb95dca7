"""What the rows check on the running pod."""

from __future__ import annotations

import requests

from tests.integration.faults.fault import Check
from tests.integration.faults.scene import ACCOUNT, PROJECT, SECOND_ACCOUNT, SECOND_USER, Scene
from tests.support.failed_start import page_that_says
from tests.support.waiting import wait_for

LATER_S = 120
"""Seconds within which everything is as it was: generous, for a small machine that does other things too."""


def _kernel_lives(scene: Scene) -> None:
    assert scene.kernel.run("print(x)").strip() == scene.value


def _notebook_lives(scene: Scene) -> None:
    assert scene.notebook.run("print(x)").strip() == scene.value


def _server_is_gone(scene: Scene) -> None:
    wait_for(lambda: scene.client.server() is None, "the hub has no server", LATER_S)
    wait_for(lambda: not scene.real.jobs(ACCOUNT), "the job has ended", LATER_S)


def _server_is_kept(scene: Scene) -> None:
    """The hub asks Slurm for the server now, once it has looked at what it had before it was started anew."""
    wait_for(lambda: (scene.client.server() or {}).get("ready"), "the hub has the server", LATER_S)
    answer = scene.client.start_by_api({})
    assert answer.status_code == 400, answer.text
    assert "already running" in answer.text, answer.text


def _same_job(scene: Scene) -> None:
    assert scene.real.jobs(ACCOUNT) == [scene.job]


def _signed_in(scene: Scene) -> None:
    def signed_in() -> bool:
        try:
            return scene.client.signed_in
        except requests.RequestException:
            return False

    wait_for(signed_in, "the session from before is good", LATER_S)


def _same_containers(scene: Scene) -> None:
    assert scene.container_ids() == scene.containers


def _ready(scene: Scene) -> None:
    scene.wait_until_ready()


def _not_ready(scene: Scene) -> None:
    wait_for(lambda: scene.status()["state"] != "ready", "status says that something is wrong", LATER_S)


def _next_server_starts(scene: Scene) -> None:
    client = scene.real.client(SECOND_USER)
    client.stop()
    client.start(brics_project=PROJECT)
    assert client.run("import os; print('SLURM_JOB_ID' in os.environ)").strip() == "True"
    client.stop()
    wait_for(lambda: not scene.real.jobs(SECOND_ACCOUNT), "its job has ended", LATER_S)


def _second_user_signs_in(scene: Scene) -> None:
    scene.real.client(SECOND_USER)


def _no_process_left(scene: Scene) -> None:
    def processes() -> str:
        return scene.real.slurm("find", "/proc", "-ignore_readdir_race", "-maxdepth", "1", "-user", ACCOUNT)

    wait_for(lambda: not processes(), "the account has no process")


def _second_server_starts(scene: Scene) -> None:
    client = scene.real.client(SECOND_USER)
    client.stop()
    client.start(brics_project=PROJECT)


def _second_server_is_usable(scene: Scene) -> None:
    client = scene.real.client(SECOND_USER)
    client.wait_until_ready()
    assert len(scene.real.jobs(SECOND_ACCOUNT)) == 1
    assert client.run("print(6 * 7)").strip() == "42"
    client.stop()
    wait_for(lambda: not scene.real.jobs(SECOND_ACCOUNT), "its job has ended", LATER_S)


def _told_at_start(scene: Scene, **options: str) -> str:
    """What another user is told, whose start fails."""
    client = scene.real.client(SECOND_USER)
    client.stop()
    answer = client.start_by_api({"brics_project": PROJECT, **options})
    if answer.status_code == 202:
        return client.get(f"/hub/api/users/{SECOND_USER}/server/progress").text
    return answer.text


def _full_home_is_named(scene: Scene) -> None:
    told = _told_at_start(scene)
    assert "No space left on device" in told, told
    assert f"/home/project1/{SECOND_ACCOUNT}" in told, told


def _sites_words_are_shown(scene: Scene) -> None:
    client = scene.real.client(SECOND_USER)
    answer = client.submit(client.spawn_form(), {"brics_project": PROJECT})
    words = "Your project has &lt;b&gt;expired&lt;/b&gt;: write to helpdesk."
    assert "<b>expired" not in page_that_says(client, answer, words)


def _says_that_it_cannot(scene: Scene) -> None:
    """Nothing is stored, so nobody new comes in; who asks gets an answer."""
    client = scene.real.client()
    answer = client.sign_in(SECOND_USER, scene.real.password)
    assert answer.status_code in (500, 503), answer.text
    assert scene.client.get("/hub/home").status_code in (200, 500, 503)


def _each_job_is_asked_for(scene: Scene) -> None:
    def says_so() -> bool:
        log = scene.real.hub("sh", "-c", "cat /var/log/jupyterhub/*.log")
        return "asked for one by one: squeue shows none" in log

    wait_for(says_so, "the hub's log says that jobs are asked for one by one", LATER_S)


def _partitions_are_edited(scene: Scene) -> None:
    assert scene.real.slurm("sinfo", "--noheader", "--format=%R").split() == ["workq", "urgent"]
    assert "course.1" in scene.real.slurm("scontrol", "--oneliner", "show", "reservation")


def _start_is_put_off(scene: Scene) -> None:
    """An outage is never called a refusal."""
    told = _told_at_start(scene)
    assert "try again" in told, told
    assert "refused" not in told, told
    client = scene.real.client(SECOND_USER)
    wait_for(lambda: client.server() is None, "the hub has no server of the start that failed")


def _no_unknown_job(scene: Scene) -> None:
    wait_for(lambda: not scene.real.jobs(SECOND_ACCOUNT), "no job is left of the start that failed", 60)


KERNEL_LIVES = Check("the kernel still has its variable", _kernel_lives)
NOTEBOOK_LIVES = Check("a notebook that is open goes on", _notebook_lives)
SERVER_IS_GONE = Check("the hub has no server and Slurm no job of that user", _server_is_gone)
SERVER_IS_KEPT = Check("the hub asks Slurm and keeps the server", _server_is_kept)
SAME_JOB = Check("`squeue` shows the same one job", _same_job)
SIGNED_IN = Check("the user is signed in", _signed_in)
SAME_CONTAINERS = Check("podman lists the same containers", _same_containers)
READY = Check("`status` says ready", _ready)
NOT_READY = Check("`status` does not say ready", _not_ready)
NEXT_SERVER_STARTS = Check("another user's server starts and stops", _next_server_starts)
SECOND_USER_SIGNS_IN = Check("another user signs in", _second_user_signs_in)
SECOND_SERVER_STARTS = Check("another user's server starts", _second_server_starts)
SECOND_SERVER_IS_USABLE = Check("that user's server has one job and works", _second_server_is_usable)
FULL_HOME_IS_NAMED = Check(
    "another user's start names the home and what is wrong with it", _full_home_is_named
)
SITES_WORDS_ARE_SHOWN = Check("another user's start shows the site's words", _sites_words_are_shown)
EACH_JOB_IS_ASKED_FOR = Check("the hub's log says that jobs are asked for one by one", _each_job_is_asked_for)
PARTITIONS_ARE_EDITED = Check("Slurm has the partitions and the reservation", _partitions_are_edited)
NO_PROCESS_LEFT = Check("the account has no process", _no_process_left)
SAYS_THAT_IT_CANNOT = Check("another user's sign-in is answered with an error", _says_that_it_cannot)
START_IS_PUT_OFF = Check("another user is asked to try again", _start_is_put_off)
NO_UNKNOWN_JOB = Check("no job of that user is left", _no_unknown_job)

WORK_GOES_ON = (SIGNED_IN, KERNEL_LIVES, SERVER_IS_KEPT, SAME_JOB, SAME_CONTAINERS)

SETS = {"the work goes on": WORK_GOES_ON}
"""What most rows check afterwards, by the name that the page gives it."""
