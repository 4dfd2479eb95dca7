"""Something happens while a job is submitted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from tests.integration.faults.causes.processes import killed
from tests.integration.faults.scene import PROJECT, SECOND_ACCOUNT, SECOND_USER, Scene
from tests.support import slurm_faults
from tests.support.waiting import wait_for


@contextmanager
def late_answer(scene: Scene) -> Iterator[None]:
    """sbatch answers 40 s after the job was accepted."""
    with slurm_faults.sbatch(scene.real, slurm_faults.LATE_ANSWER):
        yield


@contextmanager
def lost_answer(scene: Scene) -> Iterator[None]:
    """The connections are cut after the job was accepted, before the answer."""
    with _submitting(scene):
        slurm_faults.cut_connections(scene.real)
        yield


@contextmanager
def killed_hub(scene: Scene) -> Iterator[None]:
    """The hub is killed after the job was accepted, before the answer."""
    with _submitting(scene), killed("jupyterhub")(scene):
        yield


@contextmanager
def _submitting(scene: Scene) -> Iterator[None]:
    """Have another user's job accepted, and no answer yet."""
    client = scene.real.client(SECOND_USER)
    client.stop()

    def press() -> None:
        try:
            client.start_by_api({"brics_project": PROJECT})
        except requests.RequestException as error:  # the hub was killed meanwhile
            print(error)

    thread = threading.Thread(target=press)
    with slurm_faults.sbatch(scene.real, slurm_faults.SLOW_ANSWER):
        thread.start()
        wait_for(lambda: scene.real.jobs(SECOND_ACCOUNT), "the job is accepted")
        yield
        thread.join(60)
