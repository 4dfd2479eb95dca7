"""Deployment directories as the people have them who ran the service before this project: `deploy-configmap.yaml`.

``python -m tests.support.existing_deployment ENV DIR`` writes one, with keys of its own, to look at or to try.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from brics_envs.effects.keys import make_key_pair

SIGN_IN = {
    "oidcServer": "https://keycloak.example/realms/dummy",
    "bricsPlatform": "portal.dummy.platform.shared",
    "jwtAudience": "dummy-audience",
}
"""In every environment, also where nobody signs in with a token."""

DEV = {
    "logLevel": "INFO",
    "baseUrl": "/jupyter",
    "devUsers": "testuser.project1 testuser.project2 otheruser.project1",
}
IN_POD = {
    "sshHostname": "localhost",
    "slurmSpawnerWrappersBin": "/opt/jupyter/slurmspawner_wrappers/bin",
    "condaPrefixDir": "/opt/jupyter/miniforge3",
    "jupyterDataDir": "/opt/jupyter/jupyter_data",
    "hubConnectUrl": "http://127.0.0.1:8081",
}
"""The three places are those of the Slurm image that they have."""

EXTERNAL = {
    "sshHostname": "ssh.example",
    "slurmSpawnerWrappersBin": "/path/to/slurmspawner_wrappers/bin",
    "condaPrefixDir": "/path/to/conda",
    "jupyterDataDir": "/path/to/jupyter/data",
    "hubConnectUrl": "http://192.0.2.10:8081",
}
PASSWORD = {"dummyAuthPassword": "letmein"}
"""Shorter than one in deploy.yaml may be."""

SETTINGS: Mapping[str, Mapping[str, str]] = {
    "dev_dummyauth": DEV | PASSWORD | IN_POD | SIGN_IN,
    "dev_realauth": DEV | IN_POD | SIGN_IN,
    "dev_dummyauth_extslurm": DEV | PASSWORD | EXTERNAL | SIGN_IN,
    "dev_realauth_zenithclient": DEV | IN_POD | SIGN_IN,
    "dev_realauth_nadir": DEV | IN_POD | SIGN_IN,
    "prod": {"logLevel": "INFO", "baseUrl": "/jupyter"} | EXTERNAL | SIGN_IN,
    "prod_nadir": {"logLevel": "INFO", "baseUrl": "/jupyter"} | EXTERNAL | SIGN_IN,
}
"""Environment → what its ConfigMap holds."""

WITH_EXTERNAL_SLURM = ("dev_dummyauth_extslurm", "prod", "prod_nadir")
WITH_ZENITH = ("dev_realauth_zenithclient", "prod")
WITH_NADIR = ("dev_realauth_nadir", "prod_nadir")


def config_map(settings: Mapping[str, str], api_version: str = "core/v1") -> str:
    """The text of a ``deploy-configmap.yaml``."""
    lines = "".join(f"  {key}: {json.dumps(value)}\n" for key, value in settings.items())
    return (
        f"apiVersion: {api_version}\nkind: ConfigMap\nmetadata:\n  name: deploy-config\n"
        f"data:\n{lines}immutable: true\n"
    )


def zenith_config(server: str, port: int = 22) -> str:
    """The text of a ``zenith_client_config.yaml``."""
    return (
        f"serverAddress: {server}\nserverPort: {port}\nauthOidcIssuer: {SIGN_IN['oidcServer']}\n"
        "authOidcClientId: dummy-client\nauthOidcClientSecret: not-a-secret\ndebug: true\n"
    )


def key_files(environment: str, settings: Mapping[str, str]) -> dict[str, str]:
    """The key files that an environment has beside its settings, name → text, with new keys."""
    files: dict[str, str] = {}
    if environment in WITH_EXTERNAL_SLURM:
        files |= _pair("ssh_client_key")
        files["ssh_known_hosts"] = f"{settings['sshHostname']} {make_key_pair('host').public}\n"
    if environment in WITH_ZENITH:
        files |= _pair("ssh_zenith_client_key")
        files["zenith_client_config.yaml"] = zenith_config("zenith.example")
    if environment in WITH_NADIR:
        files |= _pair("ssh_nadir_key")
        files["nadir_config"] = "nadir.example\n"
        # Theirs have none: this is the one that has to be added.
        files["ssh_nadir_known_hosts"] = f"nadir.example {make_key_pair('nadir').public}\n"
    return files


def write_existing(directory: Path, settings: Mapping[str, str], files: Mapping[str, str]) -> Path:
    """Write a deployment directory; the key files as private as they should be, the settings not."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "deploy-configmap.yaml").write_text(config_map(settings))
    for name, text in files.items():
        (directory / name).write_text(text)
        (directory / name).chmod(0o600)
    return directory


def _pair(name: str) -> dict[str, str]:
    pair = make_key_pair(name)
    return {name: pair.private.decode(), f"{name}.pub": f"{pair.public}\n"}


if __name__ == "__main__":
    _, env, place = sys.argv
    print(write_existing(Path(place), SETTINGS[env], key_files(env, SETTINGS[env])))
