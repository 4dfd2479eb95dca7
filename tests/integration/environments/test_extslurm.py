"""`dev_dummyauth_extslurm`: the hub in a pod, Slurm on a host elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from brics_envs.effects.keys import KeyPair, make_key_pair
from brics_envs.errors import BAD_INPUT, FAILED
from brics_envs.plan.names import Instance
from tests.support.existing_deployment import SETTINGS, write_existing
from tests.support.failed_start import page_that_says
from tests.support.outside_hosts import SHARED_DATA, Outside, SlurmHost, slurm_keys, slurm_settings
from tests.support.ports import answers, free_port
from tests.support.process_sampler import ProcessSampler
from tests.support.their_slurm_host import WRAPPERS, make_theirs
from tests.support.waiting import wait_for
from tests.support.world import One

pytestmark = pytest.mark.timeout(900, func_only=True)


@pytest.fixture(scope="module")
def hub_port() -> int:
    """The port of the hub's API on this machine."""
    return free_port()


@pytest.fixture(scope="module")
def deploy_dir(slurm_host: SlurmHost, around: Outside, hub_port: int) -> Path:
    """The deployment's directory, as people have it who ran the service before."""
    settings = {**SETTINGS["dev_dummyauth_extslurm"], **slurm_settings(slurm_host, around, hub_port)}
    return write_existing(around.directory / "deploy", settings, slurm_keys(slurm_host))


@pytest.fixture(scope="module")
def one(around: Outside, deploy_dir: Path) -> Iterator[One]:
    """The instance, up."""
    password = SETTINGS["dev_dummyauth_extslurm"]["dummyAuthPassword"]
    made = One(around.world, Instance("ext"), free_port(), "dev_dummyauth_extslurm", password)
    made.up("--deploy-dir", str(deploy_dir))
    yield made
    around.world.invoke("down", "--all")


def test_a_notebook_runs_on_the_host_elsewhere(
    one: One, slurm_host: SlurmHost, around: Outside, hub_port: int
) -> None:
    client = one.client()
    client.start(brics_project="project2.brics", ngpus="2")
    try:
        (line,) = slurm_host.jobs()
        job, user = line.split()
        assert user == "testuser.project2"
        names = "'SLURM_JOB_ID', 'SLURMD_NODENAME', 'JUPYTERHUB_API_URL'"
        printed = client.run(
            f"import os, getpass; print(getpass.getuser(), *(os.environ[n] for n in ({names})))"
        )
        assert printed.split() == [user, job, "n1", f"http://{around.gateway}:{hub_port}/jupyter/hub/api"]
        activated = client.run(
            "import os; print(os.environ['CONDA_DEFAULT_ENV'], os.environ['JUPYTER_PATH'])"
        )
        assert activated.split() == ["jupyter-user-env", SHARED_DATA]
        kernels = client.get(f"{client.server_path}/api/kernelspecs").json()["kernelspecs"]
        assert {"python3", "shared"} <= set(kernels)
    finally:
        client.stop()
    wait_for(lambda: slurm_host.jobs() == [], "the job has ended")


def test_the_pod_has_no_slurm(one: One) -> None:
    names = one.world.podman("ps", f"--filter=pod={one.instance.pod}", "--format={{.Names}}").split()
    assert one.instance.container("jupyterhub") in names
    assert one.instance.container("slurm") not in names


def test_the_hubs_api_is_on_the_address_that_jobs_are_given_alone(
    one: One, around: Outside, hub_port: int
) -> None:
    assert answers(around.gateway, hub_port)
    assert not answers("127.0.0.1", hub_port)


def test_up_again_changes_nothing(one: One, deploy_dir: Path) -> None:
    before = one.container_ids()
    one.up("--deploy-dir", str(deploy_dir))
    assert one.container_ids() == before


# -- what goes wrong


def failed_up(one: One, deploy_dir: Path) -> str:
    """The error of an `up` that fails, without a traceback."""
    done = one.world.invoke("up", *one.options, "--deploy-dir", str(deploy_dir))
    assert done.status == FAILED, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr[done.stderr.index("error: ") :]


def test_the_host_is_down(one: One, slurm_host: SlurmHost, deploy_dir: Path) -> None:
    client = one.client()
    slurm_host.stop()
    try:
        assert f"{slurm_host.address} cannot be reached" in failed_up(one, deploy_dir)
        answer = client.submit(client.spawn_form(), {"brics_project": "project1.brics"})
        page_that_says(client, answer, "Slurm cannot be reached")
    finally:
        slurm_host.start()
    wait_for(slurm_host.is_ready, "the host is back", interval_s=0.5)
    one.up("--deploy-dir", str(deploy_dir))
    client.start(brics_project="project1.brics")
    client.stop()


def test_the_host_has_another_key(one: One, slurm_host: SlurmHost, deploy_dir: Path) -> None:
    known_hosts = deploy_dir / "ssh_known_hosts"
    known_hosts.write_text(f"{slurm_host.address} {make_key_pair('other').public}\n")
    try:
        error = failed_up(one, deploy_dir)
    finally:
        known_hosts.write_text(slurm_host.known_hosts)
    assert f"the host key of {slurm_host.address} is not the one in ssh_known_hosts" in error
    one.up("--deploy-dir", str(deploy_dir))


def test_the_host_does_not_know_our_key(one: One, slurm_host: SlurmHost, deploy_dir: Path) -> None:
    pair = make_key_pair("another")
    change = {"ssh_client_key": pair.private.decode(), "ssh_client_key.pub": pair.public}
    for name, text in change.items():
        (deploy_dir / name).write_text(text)
    try:
        error = failed_up(one, deploy_dir)
    finally:
        for name, text in slurm_keys(slurm_host).items():
            (deploy_dir / name).write_text(text)
    assert f"{slurm_host.address} does not let the service account in with ssh_client_key" in error
    one.up("--deploy-dir", str(deploy_dir))


AUTHORIZED = "/etc/ssh/authorized_keys.d/jupyterspawner"


def test_keys_are_changed_under_a_running_notebook(
    one: One, slurm_host: SlurmHost, around: Outside, deploy_dir: Path
) -> None:
    """As docs/maintain.md says: what is accepted first, what is used next, what was accepted last."""
    client_key, host_key = make_key_pair("hub-2"), make_key_pair("slurm-host-2")
    authorized = slurm_host.run("cat", AUTHORIZED)
    served = around.directory / "host-key" / "ssh_host_ed25519_key"
    client = one.client()
    client.start(brics_project="project1.brics")
    try:
        with client.kernel() as kernel:
            kernel.run("x = 42")
            jobs = slurm_host.jobs()
            slurm_host.run("sh", "-c", f"echo '{client_key.public}' >>{AUTHORIZED}")
            (deploy_dir / "ssh_client_key").write_bytes(client_key.private)
            (deploy_dir / "ssh_client_key.pub").write_text(client_key.public)
            one.up("--deploy-dir", str(deploy_dir))
            slurm_host.run("sh", "-c", f"echo '{client_key.public}' >{AUTHORIZED}")

            new = f"{slurm_host.address} {host_key.public}\n"
            (deploy_dir / "ssh_known_hosts").write_text(slurm_host.known_hosts + new)
            one.up("--deploy-dir", str(deploy_dir))
            change_host_key(slurm_host, served, host_key)
            (deploy_dir / "ssh_known_hosts").write_text(new)
            one.up("--deploy-dir", str(deploy_dir))

            assert slurm_host.jobs() == jobs
            assert kernel.run("print(x)").strip() == "42"
        client.stop()
        client.start(brics_project="project1.brics")
        client.stop()
    finally:
        change_host_key(slurm_host, served, slurm_host.host_key)
        slurm_host.run("sh", "-c", f"echo '{authorized}' >{AUTHORIZED}")
        for name, text in slurm_keys(slurm_host).items():
            (deploy_dir / name).write_text(text)
        one.up("--deploy-dir", str(deploy_dir))


def change_host_key(host: SlurmHost, file: Path, key: KeyPair) -> None:
    """Have its sshd use another key, and wait until it does."""
    file.chmod(0o600)
    file.write_bytes(key.private)
    file.chmod(0o400)
    host.run("s6-svc", "-r", "/run/service/sshd")
    scan = ("exec", host.name, "ssh-keyscan", "-t", "ed25519", "127.0.0.1")
    wait_for(lambda: key.public.split()[1] in host.world.podman(*scan, check=False), "sshd has that key")


def test_the_service_account_lacks_its_sudo_rights(one: One, slurm_host: SlurmHost, deploy_dir: Path) -> None:
    slurm_host.run("mv", "/etc/sudoers.d/brics", "/etc/brics.sudoers")
    try:
        error = failed_up(one, deploy_dir)
    finally:
        slurm_host.run("mv", "/etc/brics.sudoers", "/etc/sudoers.d/brics")
    assert f"sudo on {slurm_host.address} does not let the service account run" in error
    one.up("--deploy-dir", str(deploy_dir))


def test_what_is_missing_in_the_directory(one: One, deploy_dir: Path, tmp_path: Path) -> None:
    """Each file in one line, and nothing was created."""
    before = one.world.things()
    another = ("--env", one.environment, "--instance", "refused", "--port", str(free_port()))
    done = one.world.invoke("up", *another)
    assert done.status == BAD_INPUT
    assert "--deploy-dir: dev_dummyauth_extslurm needs one" in done.stderr
    (tmp_path / "deploy-configmap.yaml").write_text((deploy_dir / "deploy-configmap.yaml").read_text())
    (tmp_path / "ssh_client_key").write_text("nonsense")
    (tmp_path / "ssh_client_key").chmod(0o644)
    done = one.world.invoke("up", *another, "--deploy-dir", str(tmp_path))
    assert done.status == BAD_INPUT
    for name in ("ssh_client_key", "ssh_client_key.pub", "ssh_known_hosts"):
        assert len([line for line in done.stderr.splitlines() if f"{tmp_path / name}: " in line]) == 1
    assert one.world.things() == before


def test_an_address_that_is_not_this_machines(one: One, deploy_dir: Path, tmp_path: Path) -> None:
    text = (deploy_dir / "deploy-configmap.yaml").read_text()
    url = next(word.strip('"') for word in text.split() if word.startswith('"http://'))
    for file in deploy_dir.iterdir():
        (tmp_path / file.name).write_text(file.read_text())
        (tmp_path / file.name).chmod(0o600)
    (tmp_path / "deploy-configmap.yaml").write_text(text.replace(url, "http://192.0.2.10:8081"))
    another = ("--env", one.environment, "--instance", "refused", "--port", str(free_port()))
    done = one.world.invoke("up", *another, "--deploy-dir", str(tmp_path))
    assert done.status == BAD_INPUT
    assert "hubConnectUrl: port 8081 of 192.0.2.10 cannot be used" in done.stderr
    assert not (one.world.root / "_build/refused").exists()


# -- a host as people have it who ran the service before; from here on it stays so

ENVIRONMENT = "import json, os; print(json.dumps(dict(os.environ)))"


@pytest.fixture(scope="module")
def theirs(one: One, slurm_host: SlurmHost, deploy_dir: Path, around: Outside, hub_port: int) -> SlurmHost:
    """The host, changed to one of theirs, and the instance with it."""
    make_theirs(slurm_host)
    settings = {**SETTINGS["dev_dummyauth_extslurm"], **slurm_settings(slurm_host, around, hub_port)}
    write_existing(deploy_dir, settings | {"slurmSpawnerWrappersBin": WRAPPERS}, {})
    one.up("--deploy-dir", str(deploy_dir))
    return slurm_host


def test_a_notebook_on_their_host_has_the_accounts_environment(
    one: One, theirs: SlurmHost, around: Outside, hub_port: int, tmp_path: Path
) -> None:
    """And no secret is an argument of any process, on either host."""
    with ProcessSampler(tmp_path / "command-lines", interval_s=0.002) as sampler:
        client = one.client()
        client.start(brics_project="project1.brics")
        try:
            found: dict[str, str] = json.loads(client.run(ENVIRONMENT))
        finally:
            client.stop()
        seen = sampler.seen()
    home = "/home/project1/testuser.project1"
    assert (found["USER"], found["HOME"], found["SHELL"]) == ("testuser.project1", home, "/bin/bash")
    assert found["JUPYTERHUB_API_URL"] == f"http://{around.gateway}:{hub_port}/jupyter/hub/api"
    assert found["CONDA_DEFAULT_ENV"] == "jupyter-user-env"
    assert not [value for value in found.values() if "stray" in value or "jupyterspawner" in value]
    token = found["JUPYTERHUB_API_TOKEN"]
    assert any("slurmspawner_sbatch" in line for line in seen)
    assert not [line for line in seen if token in line]
    logs = theirs.run("sh", "-c", "cat /var/log/sshd.log /var/log/slurm/*.log")
    assert token not in logs


def test_a_burst_stays_within_what_their_sshd_allows(one: One, theirs: SlurmHost) -> None:
    script = "for n in $(seq 40); do python3 -I -S /etc/brics/ssh/on_slurm_host.py 'sleep 1; echo done' & done; wait"
    script = script.replace("'sleep 1; echo done'", "sh -c 'sleep 1; echo done'")
    answers = one.run("jupyterhub", "sh", "-c", script)
    assert answers.split() == ["done"] * 40
    log = theirs.run("cat", "/var/log/sshd.log")
    assert "MaxStartups" not in log
    assert "no more sessions" not in log


def test_down_leaves_nothing(one: One, slurm_host: SlurmHost) -> None:
    one.down()
    things = one.world.things()
    for kind in (things.pods, things.containers, things.volumes, things.secrets, things.networks):
        assert not [name for name in kind if "-ext" in name or "_ext" in name]
    assert not one.directory.exists()
