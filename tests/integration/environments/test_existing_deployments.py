"""Deployment directories as people have them, with `deploy-configmap.yaml` alone, in the environments of one machine.

The others (`dev_dummyauth_extslurm`, `dev_realauth_zenithclient`, `prod`) are brought up from such directories by the
modules beside this one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from brics_envs.errors import BAD_INPUT
from brics_envs.plan.names import Instance
from tests.support.existing_deployment import SETTINGS, write_existing
from tests.support.hub_client import HubClient
from tests.support.outside_hosts import KERNEL
from tests.support.ports import free_port
from tests.support.real_instance import TOKEN_HEADER
from tests.support.world import One, World

pytestmark = pytest.mark.timeout(900, func_only=True)

SHARED_DATA = "/home/shared"
WRITE_KERNEL = 'mkdir -p "$1/kernels/shared" && printf %s "$2" >"$1/kernels/shared/kernel.json"'


def brought_up(world: World, directory: Path, environment: str, **changes: str) -> One:
    """An instance of an environment, up from a directory whose settings are theirs but for changes."""
    write_existing(directory, {**SETTINGS[environment], **changes}, {})
    instance = Instance(f"moved-{environment.rpartition('_')[2]}")
    password = SETTINGS[environment].get("dummyAuthPassword", "")
    made = One(world, instance, free_port(), environment, password)
    done = made.up("--deploy-dir", str(directory))
    assert "JupyterHub is ready" in done.stdout
    return made


@pytest.fixture(scope="module")
def dummy(own_world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[One]:
    """dev_dummyauth, with shared kernels where its jobs find them."""
    directory = tmp_path_factory.mktemp("dummyauth")
    made = brought_up(own_world, directory, "dev_dummyauth", jupyterDataDir=SHARED_DATA)
    made.run("slurm", "sh", "-c", WRITE_KERNEL, "sh", SHARED_DATA, KERNEL)
    yield made
    made.down()


def test_a_notebook_with_shared_kernels(dummy: One) -> None:
    client = dummy.client()
    client.start(brics_project="project2.brics")
    try:
        names = "'JUPYTER_PATH', 'JUPYTER_DATA_DIR', 'CONDA_DEFAULT_ENV'"
        printed = client.run(f"import getpass, os; print(getpass.getuser(), *map(os.environ.get, ({names})))")
        assert printed.split() == ["testuser.project2", SHARED_DATA, "None", "None"]
        assert set(client.get(f"{client.server_path}/api/kernelspecs").json()["kernelspecs"]) == {
            "python3",
            "shared",
        }
    finally:
        client.stop()


def test_users_are_those_of_the_settings(dummy: One) -> None:
    accounts = dummy.run("slurm", "getent", "passwd").splitlines()
    users = {line.split(":")[0] for line in accounts if "." in line.split(":")[0]}
    assert users == set(SETTINGS["dev_dummyauth"]["devUsers"].split())


def test_both_forms_at_once_are_refused(dummy: One, tmp_path: Path) -> None:
    before = dummy.container_ids()
    write_existing(tmp_path, SETTINGS["dev_dummyauth"], {})
    (tmp_path / "deploy.yaml").write_text("logLevel: INFO\n")
    done = dummy.world.invoke("up", *dummy.options, "--deploy-dir", str(tmp_path))
    assert done.status == BAD_INPUT
    assert "both exist" in done.stderr
    assert dummy.container_ids() == before


@pytest.fixture(scope="module")
def real(own_world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[One]:
    """dev_realauth, whose issuer is the external one of their settings, and cannot be reached."""
    made = brought_up(own_world, tmp_path_factory.mktemp("realauth"), "dev_realauth")
    yield made
    made.down()


def test_their_issuer_judges_tokens(real: One) -> None:
    names = real.world.podman("ps", f"--filter=pod={real.instance.pod}", "--format={{.Names}}").split()
    assert real.instance.container("issuer") not in names
    client = HubClient(real.url)
    assert client.get("/hub/login").status_code == 401
    # Nobody can say what a token is worth.
    token = "eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.e30.x"  # noqa: S105
    assert client.get("/hub/login", headers={TOKEN_HEADER: token}).status_code in (401, 503)
