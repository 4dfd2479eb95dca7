"""The least that makes what runs equal to its inputs, as data."""

import json
import os
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest
import yaml

import pykustomize
from brics_envs.config.environment import SLURM_FILES
from brics_envs.plan.changes import Change, action_words, change_of, ends_jobs
from brics_envs.plan.digests import input_digests
from brics_envs.plan.in_place import PROGRAM, in_place_steps
from brics_envs.plan.names import Checkout, Instance
from brics_envs.plan.overlay import Document, the_pod

ROOT = Path(__file__).resolve().parents[2]
IMAGES = {"jupyterhub": "1", "slurm": "1"}
CHECKOUT = Checkout("c0ffee", Path("/p"))
SETTINGS = (
    "baseUrl",
    "logLevel",
    "slurmSpawnerWrappersBin",
    "oidcServer",
    "publicUrl",
    "jwtAudience",
    "bricsPlatform",
)


def manifest_of(environment: str = "dev_dummyauth") -> list[Document]:
    """An environment's documents, with what `up` adds to them."""
    documents = pykustomize.build(ROOT / "k8s/overlays" / environment)
    made = {
        "deploy-config": dict.fromkeys(SETTINGS, "x"),
        "dev-user-config": {"dev_users": "x"},
        "announcement": {"text": "x"},
    }
    return [
        *({"kind": "ConfigMap", "metadata": {"name": name}, "data": data} for name, data in made.items()),
        {"kind": "Secret", "metadata": {"name": "deploy-secret"}, "stringData": {"dummyAuthPassword": "x"}},
        *documents,
    ]


def edited(
    documents: list[Document], kind: str, name: str, key: str, text: str | None = "edited"
) -> list[Document]:
    """The documents with another text for a key; none removes it."""
    copy: list[Document] = json.loads(json.dumps(documents))
    (document,) = (d for d in copy if (d["kind"], d["metadata"]["name"]) == (kind, name))
    contents = document.get("data") or document["stringData"]
    contents.pop(key, None)
    if text is not None:
        contents[key] = text
    return copy


def change(
    before: list[Document],
    now: list[Document],
    images: Mapping[str, str] = IMAGES,
    stopped: Collection[str] = (),
) -> Change:
    states = [(c["name"], c["name"] not in stopped) for c in the_pod(now)["spec"]["containers"]]
    return change_of(now, input_digests(before, IMAGES), input_digests(now, images), states)


@pytest.mark.parametrize(
    ("environment", "kind", "name", "key", "restarted"),
    [
        ("dev_dummyauth", "ConfigMap", "jupyterhub-config", "jupyterhub_config.py", ["jupyterhub"]),
        ("dev_dummyauth", "ConfigMap", "jupyterhub-config", "99-new.py", ["jupyterhub"]),
        ("dev_dummyauth", "ConfigMap", "deploy-config", "logLevel", ["jupyterhub"]),
        ("dev_dummyauth", "ConfigMap", "deploy-config", "baseUrl", ["jupyterhub", "configurable-http-proxy"]),
        ("dev_dummyauth", "ConfigMap", "deploy-config", "slurmSpawnerWrappersBin", ["jupyterhub", "slurm"]),
        ("dev_dummyauth", "ConfigMap", "dev-user-config", "dev_users", ["jupyterhub", "slurm"]),
        ("dev_dummyauth", "ConfigMap", "announcement", "text", []),
        ("dev_realauth", "ConfigMap", "announcement", "text", []),
        ("dev_dummyauth", "ConfigMap", "slurm-config", "slurm.conf", ["slurm"]),
        ("dev_dummyauth", "Secret", "deploy-secret", "dummyAuthPassword", ["jupyterhub"]),
        ("dev_realauth", "ConfigMap", "deploy-config", "logLevel", ["jupyterhub"]),
        ("dev_realauth", "ConfigMap", "deploy-config", "jwtAudience", ["jupyterhub", "proxy", "issuer"]),
        ("dev_realauth", "ConfigMap", "signin-proxy-config", "httpd.conf", ["proxy"]),
    ],
)
def test_changed_contents_are_put_in_place_and_their_readers_restarted(
    environment: str, kind: str, name: str, key: str, restarted: list[str]
) -> None:
    before = manifest_of(environment)
    found = change(before, edited(before, kind, name, key))
    assert not found.replace
    assert sorted(found.restart) == sorted(restarted)
    assert found.contents == ((kind, name),)
    assert found.why == (f"changed: {key} ({kind} {name})",)
    assert ends_jobs(found, ["slurm"]) == ("slurm" in restarted)


@pytest.mark.parametrize("key", ["firewall", "firewall.nft"])
def test_what_an_init_container_reads_makes_another_pod(key: str) -> None:
    before = manifest_of()
    assert change(before, edited(before, "ConfigMap", "slurm-config", key)).replace


def test_a_removed_key_is_put_in_place_too() -> None:
    before = manifest_of()
    found = change(before, edited(before, "ConfigMap", "jupyterhub-config", "redact.py", None))
    assert (found.replace, found.restart) == (False, ("jupyterhub",))


def test_another_image_port_or_pod_makes_another_pod() -> None:
    before = manifest_of()
    assert change(before, before, {**IMAGES, "jupyterhub": "2"}).replace
    now = manifest_of()
    the_pod(now)["spec"]["containers"][1]["ports"][0]["hostPort"] = 8001
    assert change(before, now).replace


def test_the_record_in_the_annotation_makes_no_other_pod() -> None:
    now = manifest_of()
    the_pod(now)["metadata"].setdefault("annotations", {})["brics.record"] = "{}"
    assert not change(manifest_of(), now)


def test_of_a_pod_whose_making_nobody_knows_nothing_is_kept() -> None:
    now = manifest_of()
    assert change_of(now, None, input_digests(now, IMAGES), [("slurm", True)]).replace


def test_equal_inputs_need_nothing_and_ended_containers_a_start() -> None:
    now = manifest_of()
    assert not change(now, now)
    assert change(now, now, stopped=["configurable-http-proxy"]).restart == ("configurable-http-proxy",)
    assert change(now, now, stopped=["jupyterhub", "configurable-http-proxy", "slurm"]).replace


def test_words() -> None:
    assert action_words(Change(replace=True)) == "replacing the pod"
    in_place = Change(contents=(("ConfigMap", "a"),), restart=("jupyterhub", "slurm"))
    assert action_words(in_place) == "put in place; restarting jupyterhub, slurm"
    assert action_words(Change(restart=("slurm",))) == "restarting slurm"
    assert not ends_jobs(Change(replace=True), ["jupyterhub"])


def test_steps_of_a_change_in_place() -> None:
    before = manifest_of()
    now = edited(before, "Secret", "deploy-secret", "dummyAuthPassword", "secret word")
    now = edited(now, "ConfigMap", "deploy-config", "logLevel", "DEBUG")
    found = change(before, now)
    secrets, contents, restart = in_place_steps(Instance(), CHECKOUT, now, found)
    assert [d["metadata"]["name"] for d in yaml.safe_load_all(secrets.stdin)] == ["deploy-secret"]
    written = json.loads(contents.stdin)
    assert written["deploy-secret"] == {"dummyAuthPassword": ["secret word", 0o444]}
    assert written["deploy-config"]["logLevel"] == ["DEBUG", 0o644]
    assert "--network=none" in contents.args
    assert "--label=app.kubernetes.io/instance=default" in contents.args
    assert restart.args == ("restart", "--time", "10", "jupyterhub-slurm-jupyterhub")
    assert not any("secret word" in str(step) + repr(step) for step in (secrets, contents, restart))


@pytest.mark.parametrize("environment", ["dev_realauth", "dev_realauth_zenithclient", "prod"])
def test_contents_are_written_with_an_image_that_has_python(environment: str) -> None:
    before = manifest_of(environment)
    now = edited(before, "ConfigMap", "deploy-config", "logLevel", "DEBUG")
    contents, _ = in_place_steps(Instance(), CHECKOUT, now, change(before, now))
    (image,) = [one["image"] for one in the_pod(now)["spec"]["containers"] if one["name"] == "jupyterhub"]
    assert image in contents.args


def test_the_program_makes_a_volume_what_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "v").mkdir()
    for name in ("old", "kept", ".new"):
        (tmp_path / "v" / name).write_text("before")
    program = PROGRAM.replace("/volumes", str(tmp_path))
    files = {"v": {"kept": ["now\n", 0o444], "added": ["ü", 0o600]}}
    subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(files).encode(),
        check=True,
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    assert {path.name: path.read_text() for path in (tmp_path / "v").iterdir()} == {
        "kept": "now\n",
        "added": "ü",
    }
    assert (tmp_path / "v/kept").stat().st_mode & 0o777 == 0o444


@pytest.mark.parametrize("key", SLURM_FILES)
def test_slurm_reads_a_developers_files_while_it_runs(key: str) -> None:
    before = manifest_of()
    now = edited(before, "ConfigMap", "slurm-config", key)
    found = change(before, now)
    assert (found.replace, found.restart, found.reload) == (False, (), True)
    assert not ends_jobs(found, ["slurm"])
    assert "reads its configuration again" in action_words(found)
    steps = in_place_steps(Instance("x"), CHECKOUT, now, found)
    assert steps[-1].args[-1] == "reconfigure"

    both = change(before, edited(now, "ConfigMap", "slurm-config", "slurm.conf"))
    assert (both.restart, both.reload) == (("slurm",), False)
