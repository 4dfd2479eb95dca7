"""An image registry on loopback: Debian's docker-registry."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from brics_envs.config.versions import load_versions
from tests.support.checkout import PROJECT
from tests.support.ports import answers, free_port
from tests.support.waiting import wait_for
from tests.support.world import World

IMAGES = {"jupyterhub": "localhost/brics_jupyterhub_base", "slurm": "localhost/brics_slurm_base"}
"""Key of versions.yaml's ``registry_images`` → the local equivalent."""


@dataclass(frozen=True)
class Registry:
    """``address`` is HOST:PORT; ``log`` has a line for each request."""

    address: str
    log: Path

    def push(self, world: World) -> None:
        """Push the local bases under the names and tags of versions.yaml."""
        versions = load_versions(PROJECT)
        for base, repository in IMAGES.items():
            local = f"{repository}:{getattr(versions.debian_suites, base)}"
            world.podman(
                "push", "--tls-verify=false", local, f"docker://{self.address}/{path_of(reference(base))}"
            )

    def push_another(self, world: World, base: str) -> None:
        """Push another image under the name of a base: the local equivalent with one file more."""
        versions, mark = load_versions(PROJECT), f"/another-{time.time_ns()}"
        local = f"{IMAGES[base]}:{getattr(versions.debian_suites, base)}"
        container = world.podman("create", "--pull=never", local)
        try:
            world.podman("cp", __file__, f"{container}:{mark}")
            world.podman("commit", "--quiet", container, "localhost/another")
        finally:
            world.podman("rm", container)
        place = f"docker://{self.address}/{path_of(reference(base))}"
        world.podman("push", "--tls-verify=false", "localhost/another", place)
        world.podman("rmi", "localhost/another")

    def digest(self, base: str) -> str:
        """What the registry says now is the digest of a base's image."""
        name, _, tag = path_of(reference(base)).partition(":")
        manifests = (
            "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
        )
        answer = requests.head(
            f"http://{self.address}/v2/{name}/manifests/{tag}", headers={"Accept": manifests}, timeout=20
        )
        answer.raise_for_status()
        return answer.headers["Docker-Content-Digest"]

    def requests(self) -> list[str]:
        """The lines of the requests so far; it also writes down what it does by itself."""
        return [line for line in self.log.read_text().splitlines() if "/v2/" in line]

    def pulled(self, reference: str) -> bool:
        """Whether somebody fetched that image's manifest and a layer of it."""
        name, _, _ = path_of(reference).partition(":")
        lines = [line for line in self.log.read_text().splitlines() if f"GET /v2/{name}/" in line]
        return any("/manifests/" in line for line in lines) and any("/blobs/" in line for line in lines)


def reference(base: str) -> str:
    """The image of a registry that a base comes from."""
    return str(getattr(load_versions(PROJECT).registry_images, base))


def path_of(image: str) -> str:
    """An image's name without its registry's."""
    return image.partition("/")[2]


def redirected(world: World, address: str, directory: Path) -> World:
    """The world with HOST:PORT in place of every registry that versions.yaml names."""
    hosts = sorted({reference(base).partition("/")[0] for base in ("jupyterhub", "slurm", "debian")})
    file = directory / "registries.conf"
    file.write_text(
        "".join(
            f'[[registry]]\nprefix = "{host}"\nlocation = "{address}"\ninsecure = true\n\n' for host in hosts
        )
    )
    return World(world.root, {**world.environment, "CONTAINERS_REGISTRIES_CONF": str(file)})


@contextmanager
def registry(directory: Path) -> Iterator[Registry]:
    """A registry that lives as long, with its images below ``directory``."""
    port, log = free_port(), directory / "registry.log"
    address = f"127.0.0.1:{port}"
    settings = directory / "registry.yaml"
    settings.write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {directory}/images}}}}\n"
        f"http: {{addr: '{address}'}}\n"
    )
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program(directory), "serve", str(settings)], stdout=output, stderr=output, env=quiet(os.environ)
        )
    try:
        wait_for(lambda: answers("127.0.0.1", port) or process.poll() is not None, "the registry answers")
        assert process.poll() is None, f"the registry ended:\n{log.read_text()}"
        yield Registry(address, log)
    finally:
        process.terminate()
        process.wait(20)


def program(directory: Path) -> str:
    """Debian's docker-registry: the installed one, or out of its package, which is not installed for that."""
    if found := shutil.which("docker-registry"):
        return found
    subprocess.run(["apt-get", "download", "docker-registry"], cwd=directory, check=True, capture_output=True)
    (package,) = directory.glob("docker-registry_*.deb")
    subprocess.run(["dpkg-deb", "--extract", package, directory / "package"], check=True)
    return str(directory / "package/usr/bin/docker-registry")


def quiet(environment: Mapping[str, str]) -> dict[str, str]:
    """Without what would make it send traces somewhere."""
    return {**environment, "OTEL_TRACES_EXPORTER": "none"}
