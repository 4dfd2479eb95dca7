"""Make an environment's complete manifest: the overlay's documents, and what is made for one instance.

Pure. May import: errors, config, plan.names.

An overlay refers to ConfigMaps and Secrets that cannot be files of the project (keys, users, deployment settings).
:func:`assemble` supplies those that the documents refer to, then gives everything the instance's names and labels.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from brics_envs.config.deploy import DeploySettings
from brics_envs.config.dev_users import DevUser, projects_by_user
from brics_envs.errors import ConfigError
from brics_envs.plan.names import LABEL_ENVIRONMENT, Instance

Document = dict[str, Any]

LABEL_INPUTS = "brics.inputs"
"""Pod label: digest of everything that the pod was made from."""

HTTP_PORT = 8000
"""Where the hub's proxy listens in the pod."""

LOOPBACK = "127.0.0.1"

CLIENT_KEY_SECRET = "jupyterhub-slurm-ssh-client-key"  # noqa: S105
HOST_KEY_SECRET = "jupyterhub-slurm-ssh-host-key"  # noqa: S105
ISSUER_SECRET = "jupyterhub-slurm-issuer-keys"  # noqa: S105
PROXY_SECRET = "jupyterhub-slurm-signin-proxy"  # noqa: S105
ZENITH_SECRET = "jupyterhub-slurm-zenith-client"  # noqa: S105
ZENITH_CONTAINER = "zenith-client"


@dataclass(frozen=True)
class InstanceSecrets:
    """What is generated once for an instance and kept in ``_build/NAME``, or comes from its ``--deploy-dir``.

    Keys are in OpenSSH's formats, public ones in one line; ``issuer_jwks`` is a JSON Web Key Set, ``known_hosts`` as in
    sshd(8), ``zenith_config`` YAML. What an environment does not need is empty.
    """

    password: str = field(default="", repr=False)
    client_key: str = field(default="", repr=False)
    client_public: str = ""
    host_key: str = field(default="", repr=False)
    host_public: str = ""
    known_hosts: str = ""
    issuer_jwks: str = field(default="", repr=False)
    client_secret: str = field(default="", repr=False)
    crypto_passphrase: str = field(default="", repr=False)
    zenith_key: str = field(default="", repr=False)
    zenith_public: str = ""
    zenith_config: str = field(default="", repr=False)


HIDDEN = InstanceSecrets(
    password="<hidden>",  # noqa: S106
    client_key="<hidden>",
    client_public="ssh-ed25519 <hidden>",
    host_key="<hidden>",
    host_public="ssh-ed25519 <hidden>",
    issuer_jwks="<hidden>",
    client_secret="<hidden>",  # noqa: S106
    crypto_passphrase="<hidden>",  # noqa: S106
    zenith_key="<hidden>",
    zenith_public="ssh-ed25519 <hidden>",
    zenith_config="<hidden>",
)
"""Markers in place of the secrets, for a manifest that is shown."""


class Endpoint(NamedTuple):
    """An address and a TCP port of this machine."""

    address: str
    port: int


@dataclass(frozen=True)
class Ports:
    """What is published under which port, on 127.0.0.1 but for the last; None: not published.

    ``http`` is what users open; ``issuer`` the local issuer, whose port is the same in the pod; ``direct`` JupyterHub
    past the proxy that is in front of it; ``hub_api`` where jobs elsewhere reach the hub.
    """

    http: int | None
    issuer: int | None = None
    direct: int | None = None
    hub_api: Endpoint | None = None

    @property
    def published(self) -> tuple[Endpoint, ...]:
        """All of them."""
        on_loopback = [port for port in (self.http, self.issuer, self.direct) if port is not None]
        others = [self.hub_api] if self.hub_api else []
        return (*(Endpoint(LOOPBACK, port) for port in on_loopback), *others)


@dataclass(frozen=True)
class ManifestInputs:
    """What :func:`assemble` adds to an overlay's documents; ``images`` are those to be used for other containers."""

    environment: str
    instance: Instance
    ports: Ports
    settings: DeploySettings
    dev_users: tuple[DevUser, ...]
    secrets: InstanceSecrets
    images: Mapping[str, str] = field(default_factory=dict)


def assemble(documents: list[Document], inputs: ManifestInputs) -> list[Document]:
    """The complete manifest of an instance; the documents that come in are not changed.

    :param documents: what :func:`pykustomize.build` made of the overlay.
    :raises ConfigError: the overlay has not exactly one pod, or refers to something that nobody makes.
    """
    manifest = copy.deepcopy(documents)
    pod = the_pod(manifest)
    manifest = _supplied(manifest, inputs) + manifest
    _publish(pod, inputs.ports)
    for container in pod["spec"]["containers"]:
        container["image"] = inputs.images.get(container["name"], container["image"])
    _add_host_aliases(pod, inputs.settings.slurmHostAliases)
    _name_instance(manifest, inputs.instance)
    for document in manifest:
        labels = document["metadata"].setdefault("labels", {})
        labels |= inputs.instance.labels | {LABEL_ENVIRONMENT: inputs.environment}
    return manifest


def the_pod(documents: list[Document]) -> Document:
    """The manifest's pod.

    :raises ConfigError: not exactly one.
    """
    pods = [document for document in documents if document["kind"] == "Pod"]
    if len(pods) != 1:
        raise ConfigError(f"the overlay has {len(pods)} pods; exactly one is needed")
    return pods[0]


def names_of(documents: list[Document], kind: str) -> list[str]:
    """The names of the documents of a kind, in their order."""
    return [document["metadata"]["name"] for document in documents if document["kind"] == kind]


def references(pod: Document) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Where a pod refers to other documents by name.

    :returns: (kind, the mapping that holds the name, its key) for every reference.
    """
    for volume in pod["spec"].get("volumes", ()):
        if "configMap" in volume:
            yield "ConfigMap", volume["configMap"], "name"
        if "secret" in volume:
            yield "Secret", volume["secret"], "secretName"
        if "persistentVolumeClaim" in volume:
            yield "PersistentVolumeClaim", volume["persistentVolumeClaim"], "claimName"


def input_digests(documents: list[Document], image_ids: Mapping[str, str]) -> dict[str, str]:
    """What an instance is made from, item by item, so that two can be compared and the difference named.

    :param image_ids: container → image ID.
    :returns: what a user would call the item → digest (hexadecimal).
    """
    digests = {f"image of container {name}": _digest(image) for name, image in image_ids.items()}
    for document in documents:
        name = document["metadata"]["name"]
        if document["kind"] in ("ConfigMap", "Secret"):
            for key, value in (document.get("data") or document.get("stringData") or {}).items():
                digests[f"{key} ({document['kind']} {name})"] = _digest(value)
        else:
            digests[f"{document['kind']} {name}"] = _digest(document)
    return digests


def with_inputs_label(documents: list[Document], digests: Mapping[str, str]) -> list[Document]:
    """The manifest with the digest of all inputs as a label of its pod, 16 hexadecimal digits."""
    labelled = copy.deepcopy(documents)
    the_pod(labelled)["metadata"]["labels"][LABEL_INPUTS] = inputs_label(digests)
    return labelled


def inputs_label(digests: Mapping[str, str]) -> str:
    """The value of :data:`LABEL_INPUTS` for these inputs."""
    return _digest(dict(digests))[:16]


def changed_inputs(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The items of :func:`input_digests` that were added, removed or changed, in the order of ``now``."""
    return [item for item in {**now, **before} if before.get(item) != now.get(item)]


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _supplied(documents: list[Document], inputs: ManifestInputs) -> list[Document]:
    """The ConfigMaps and Secrets that the pod refers to and the overlay does not have."""
    made = _instance_documents(inputs)
    present = {(document["kind"], document["metadata"]["name"]) for document in documents}
    wanted = dict.fromkeys((kind, holder[key]) for kind, holder, key in references(the_pod(documents)))
    missing = [reference for reference in wanted if reference not in present]
    for kind, name in missing:
        if (kind, name) not in made:
            raise ConfigError(
                f"overlay {inputs.environment}: the pod refers to {kind} {name}, which nothing makes"
            )
    return [made[reference] for reference in missing]


def _dev_users(users: tuple[DevUser, ...]) -> dict[str, str]:
    """The users as people write them, and as the containers read them."""
    return {
        "dev_users": "".join(f"{user.account}\n" for user in users),
        "dev_users.json": json.dumps(projects_by_user(users), indent=2) + "\n",
    }


def _instance_documents(inputs: ManifestInputs) -> dict[tuple[str, str], Document]:
    secrets = inputs.secrets
    documents = [
        _config_map("deploy-config", _deploy_config(inputs)),
        _config_map("dev-user-config", _dev_users(inputs.dev_users)),
        _config_map("ssh-known-hosts", {"known_hosts": _known_hosts(inputs)}),
        # From the pod's loopback only, and for running commands: no port, agent or X11 forwarding, no terminal.
        _config_map(
            "ssh-authorized-keys",
            {"authorized_keys": f'restrict,from="127.0.0.1" {secrets.client_public}\n'},
        ),
        _secret("deploy-secret", {"dummyAuthPassword": secrets.password}),
        _secret(
            CLIENT_KEY_SECRET,
            {"ssh_client_key": secrets.client_key, "ssh_client_key.pub": f"{secrets.client_public}\n"},
        ),
        _secret(
            HOST_KEY_SECRET,
            {
                "ssh_host_ed25519_key": secrets.host_key,
                "ssh_host_ed25519_key.pub": f"{secrets.host_public}\n",
            },
        ),
        _secret(ISSUER_SECRET, {"jwks.json": secrets.issuer_jwks}),
        _secret(
            PROXY_SECRET,
            {"clientSecret": secrets.client_secret, "cryptoPassphrase": secrets.crypto_passphrase},
        ),
        _secret(
            ZENITH_SECRET,
            {
                "client.yaml": secrets.zenith_config,
                "ssh_key": secrets.zenith_key,
                "ssh_key.pub": f"{secrets.zenith_public}\n",
            },
        ),
    ]
    return {(document["kind"], document["metadata"]["name"]): document for document in documents}


def _known_hosts(inputs: ManifestInputs) -> str:
    return inputs.secrets.known_hosts or f"{inputs.settings.sshHostname} {inputs.secrets.host_public}\n"


def _deploy_config(inputs: ManifestInputs) -> dict[str, str]:
    """The deployment settings, and where the local issuer and the proxy are, if there are any."""
    config = inputs.settings.public()
    if inputs.ports.issuer is not None and inputs.ports.http is not None:
        config["oidcServer"] = loopback_url(inputs.ports.issuer)
        config["publicUrl"] = loopback_url(inputs.ports.http)
    if inputs.ports.direct is not None:
        config["directPort"] = str(inputs.ports.direct)
    return config


def loopback_url(port: int) -> str:
    """The address of something that is published on this machine alone."""
    return f"http://{LOOPBACK}:{port}"


def _config_map(name: str, data: dict[str, str]) -> Document:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def _secret(name: str, data: dict[str, str]) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "type": "Opaque",
        "stringData": data,
    }


def _publish(pod: Document, ports: Ports) -> None:
    for container in pod["spec"]["containers"]:
        for entry in container.get("ports") or ():
            if entry.get("name") == "http" and "hostPort" in entry:
                entry["hostPort"] = ports.http
            if entry.get("name") == "issuer":
                entry["containerPort"] = entry["hostPort"] = ports.issuer
            if entry.get("name") == "hub-api" and ports.hub_api:
                entry["hostIP"], entry["hostPort"] = ports.hub_api
        if container["name"] == "jupyterhub" and ports.direct is not None:
            container["ports"] = [
                {
                    "name": "direct",
                    "containerPort": HTTP_PORT,
                    "hostIP": LOOPBACK,
                    "hostPort": ports.direct,
                }
            ]


def _add_host_aliases(pod: Document, aliases: Mapping[str, str]) -> None:
    by_address: dict[str, list[str]] = {}
    for name, address in aliases.items():
        by_address.setdefault(address, []).append(name)
    added = [{"ip": address, "hostnames": names} for address, names in by_address.items()]
    if added:
        pod["spec"]["hostAliases"] = pod["spec"].get("hostAliases", []) + added


def _name_instance(documents: list[Document], instance: Instance) -> None:
    pod = the_pod(documents)
    for _, holder, key in references(pod):
        holder[key] = instance.named(holder[key])
    for document in documents:
        document["metadata"]["name"] = instance.named(document["metadata"]["name"])
    for container in pod["spec"]["containers"]:
        container["image"] = _image_of(container["image"], instance)


def _image_of(image: str, instance: Instance) -> str:
    """The instance's own image where the project builds it; others are the same for all instances."""
    repository, _, tag = image.rpartition(":")
    if not repository.startswith("localhost/brics_"):
        return image
    return f"{repository}:{instance.image_tag('dev' if tag.startswith('dev-') else 'prod')}"
