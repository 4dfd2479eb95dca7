"""How large images on local bases are, as podman counts: of development, with accounting, and of production."""

from __future__ import annotations

from tests.benchmarks.figures import Figure, Outcome
from tests.support.checkout import DEV_USERS
from tests.support.commands import ok
from tests.support.world import World

MB = 1e6


def measure(own: World) -> Outcome:
    """Build what is not there yet, and ask podman."""
    own.write("config/dev_realauth/dev_users", DEV_USERS)
    own.write("config/dev_realauth/deploy.local.yaml", "slurmAccounting: true\n")
    figures = []
    # Not prod, whose client of Zenith is somebody else's.
    for environment in ("dev_realauth", "prod_nadir"):
        instance = f"bench-{environment.replace('_', '-')}"
        # In production nothing is chosen for the user.
        chosen = ("--base", "local", "--repo", "bricsauthenticator=builtin")
        ok(own.invoke("build", "--env", environment, "--instance", instance, *chosen))
        for line in own.podman("images", "--format={{.Repository}} {{.Tag}} {{.ID}}").splitlines():
            repository, tag, image = line.split()
            if tag in (instance, f"dev-{instance}"):
                size = int(own.podman("image", "inspect", "--format={{.Size}}", image))
                figures.append(Figure(f"{repository.rpartition('/')[2]} of {environment}", size / MB, "MB"))
    return Outcome(figures)
