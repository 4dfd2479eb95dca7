"""How large images are, as podman counts: those of the development environment and those of production."""

from __future__ import annotations

from tests.benchmarks.figures import Figure, Outcome
from tests.support.commands import ok
from tests.support.world import World

MB = 1e6


def measure(own: World) -> Outcome:
    """Build what is not there yet, and ask podman."""
    figures = []
    for environment in ("dev_realauth", "prod"):
        instance = f"bench-{environment.replace('_', '-')}"
        ok(own.invoke("build", "--env", environment, "--instance", instance))
        for line in own.podman("images", "--format={{.Repository}} {{.Tag}} {{.ID}}").splitlines():
            repository, tag, image = line.split()
            if tag.endswith(f"-{instance}"):
                size = int(own.podman("image", "inspect", "--format={{.Size}}", image))
                figures.append(Figure(f"{repository.rpartition('/')[2]} of {environment}", size / MB, "MB"))
    return Outcome(figures)
