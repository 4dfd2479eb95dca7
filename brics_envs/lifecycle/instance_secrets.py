"""An instance's secrets: generated once in ``_build/NAME``, or from its ``--deploy-dir``.

May import: errors, config, plan, effects, lifecycle.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml

from brics_envs.config.deploy_dir import CLIENT_KEY, METRICS_TOKEN
from brics_envs.effects.files import write_private
from brics_envs.effects.keys import make_key_pair, make_password
from brics_envs.effects.tokens import make_jwks
from brics_envs.lifecycle.inventory import labels_in, secret_texts
from brics_envs.plan.desired import DesiredState
from brics_envs.plan.names import LABEL_CHECKOUT
from brics_envs.plan.secrets import (
    CLIENT_SECRET,
    CRYPTO_PASSPHRASE,
    HOST_KEY,
    ISSUER_JWKS,
    PASSWORD,
    PROXY_TOKEN,
    SECRETS,
    InstanceSecrets,
    generated_files,
)

SHARED_SECRET_LENGTH = 43
"""Characters: at 5.8 bits each more than the 128 that nobody can guess, whatever the client does with them."""


def ensure_secrets(desired: DesiredState) -> InstanceSecrets:
    """The instance's secrets; those that are generated and missing are made, mode 0600 each.

    What podman still has of them is taken from there: who loses ``_build/NAME`` keeps what runs.

    :raises EnvsError: a file cannot be written.
    """
    generated = generated_files(desired.overlay)
    if not all((desired.directory / name).exists() for name in generated):
        _write_kept(desired, generated)
    for name, make in MAKERS.items():
        file = desired.directory / name
        if name in generated and not file.exists():
            make(file)
    return _read(desired)


def _write_kept(desired: DesiredState, generated: tuple[str, ...]) -> None:
    kept = _kept_by_podman(desired)
    # Public keys first: a private one is there only if both are.
    for name in sorted(generated, key=lambda name: not name.endswith(".pub")):
        file = desired.directory / name
        if name in kept and not file.exists():
            write_private(file, kept[name].encode())


def _kept_by_podman(desired: DesiredState) -> dict[str, str]:
    """The texts of this checkout's Secrets for the instance that podman has, by their files' names."""
    names = {desired.instance.named(name): values for name, values in SECRETS.items()}
    texts: dict[str, str] = {}
    for name, text in secret_texts(list(names)).items():
        if labels_in(text).get(LABEL_CHECKOUT) == desired.checkout.id:
            data = yaml.safe_load(text).get("stringData", {})
            texts |= {file: data[key] for key, file in names[name].items() if key in data}
    return texts


def existing_secrets(desired: DesiredState) -> InstanceSecrets | None:
    """The instance's secrets, or nothing if it does not have them all yet."""
    files = generated_files(desired.overlay)
    if desired.deploy_files is None or not all((desired.directory / name).exists() for name in files):
        return None
    return _read(desired)


def _read(desired: DesiredState) -> InstanceSecrets:
    generated = {name: (desired.directory / name).read_text() for name in generated_files(desired.overlay)}
    texts = generated | dict(desired.deploy_files or {})
    if PASSWORD in texts:
        # The deployment settings' own counts before the generated one, which an editor may have ended with a newline.
        texts[PASSWORD] = desired.password or texts[PASSWORD].strip()
    return InstanceSecrets(texts)


def _key_pair(comment: str) -> Callable[[Path], None]:
    def make(file: Path) -> None:
        pair = make_key_pair(comment)
        # The private key last: it is there only if both are.
        write_private(file.with_name(f"{file.name}.pub"), f"{pair.public}\n".encode())
        write_private(file, pair.private)

    return make


def _text(content: Callable[[], str]) -> Callable[[Path], None]:
    return lambda file: write_private(file, content().encode())


MAKERS: Mapping[str, Callable[[Path], None]] = {
    PASSWORD: _text(make_password),
    PROXY_TOKEN: _text(lambda: make_password(SHARED_SECRET_LENGTH)),
    METRICS_TOKEN: _text(lambda: make_password(SHARED_SECRET_LENGTH)),
    CLIENT_KEY: _key_pair("jupyterhub"),
    HOST_KEY: _key_pair("slurm"),
    ISSUER_JWKS: _text(lambda: json.dumps(make_jwks())),
    CLIENT_SECRET: _text(lambda: make_password(SHARED_SECRET_LENGTH)),
    CRYPTO_PASSPHRASE: _text(lambda: make_password(SHARED_SECRET_LENGTH)),
}
"""File → what makes it, with its public half if it has one."""
