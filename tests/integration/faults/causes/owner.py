"""What the instance's owner does, or somebody else on the same machine."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from brics_envs.plan.names import Instance
from tests.integration.faults.fault import Cause
from tests.integration.faults.scene import Scene
from tests.support.ports import free_port
from tests.support.processes import children
from tests.support.waiting import wait_for

OTHER = Instance("faults-other")
"""An instance that does not exist, whose names somebody else has taken."""


@contextmanager
def pod_restarted(scene: Scene) -> Iterator[None]:
    """The pod is stopped and started, as when the machine is."""
    pod = scene.real.instance.pod
    scene.podman("pod", "stop", pod)
    scene.podman("pod", "start", pod)
    yield


@contextmanager
def generated_files_removed(scene: Scene) -> Iterator[None]:
    """The instance's generated files are removed, and `up` is called."""
    shutil.rmtree(scene.real.directory)
    scene.up()
    yield


@contextmanager
def images_removed(scene: Scene) -> Iterator[None]:
    """The images lose their names, and `up` is called."""
    containers = scene.container_names()
    images = {scene.real.container(name).attrs["Config"]["Image"] for name in containers}
    for image in images:
        scene.podman("untag", image)
    scene.up()
    for image in images:
        scene.podman("image", "exists", image)
    yield


@contextmanager
def two_at_once(scene: Scene) -> Iterator[None]:
    """`up` is called twice at the same time."""
    failed: list[BaseException] = []

    def up() -> None:
        try:
            scene.up()
        except BaseException as error:
            failed.append(error)

    both = [threading.Thread(target=up) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert not failed, failed[0]
    yield


def signalled(number: signal.Signals) -> Cause:
    """`up` gets a signal while it looks at what there is."""

    @contextmanager
    def cause(scene: Scene) -> Iterator[None]:
        process = subprocess.Popen(
            [sys.executable, "-m", "invoke", *scene.up_command],
            cwd=scene.real.root,
            stdout=subprocess.DEVNULL,
        )
        with process:
            # Before it starts others it has not read our code, perhaps.
            wait_for(
                lambda: children(process.pid) or process.poll() is not None, "`up` looks", interval_s=0.005
            )
            process.send_signal(number)
            assert process.wait(15) in (0, 128 + number)
        yield

    return cause


def foreign(kind: str) -> Cause:
    """Somebody else has a thing with the name of one that `up --instance faults-other` would make; `up` is called."""
    create, name = FOREIGN[kind]

    @contextmanager
    def cause(scene: Scene) -> Iterator[None]:
        noun = [] if kind == "container" else [kind]
        scene.podman(*create)
        try:
            command = ["up", "--env", "dev_dummyauth", "--instance", OTHER.name, "--port", str(free_port())]
            done = scene.real.invoke(*command)
            assert done.status == 2, done.stderr
            assert f"{kind} {name} is not this project's" in done.stderr, done.stderr
            scene.podman(*noun, "inspect", name)
            yield
        finally:
            force = ["--force"] if kind in ("pod", "container") else []
            scene.podman(*noun, "rm", *force, name)

    return cause


FOREIGN = {
    "volume": (("volume", "create", OTHER.named("deploy-config")), OTHER.named("deploy-config")),
    "secret": (
        ("secret", "create", OTHER.named("deploy-secret"), "/etc/hostname"),
        OTHER.named("deploy-secret"),
    ),
    "network": (("network", "create", OTHER.network), OTHER.network),
    "pod": (("pod", "create", f"--name={OTHER.pod}"), OTHER.pod),
    "container": (
        ("create", f"--name={OTHER.container('slurm')}", "localhost/brics_debian:trixie"),
        OTHER.container("slurm"),
    ),
}
"""Kind → what makes one with podman, and its name."""
