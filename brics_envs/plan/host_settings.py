"""This host's settings for pip, npm and apt, as files for a build; pure. May import: nothing of the project.

A build sees the host's package indexes and proxies but no image keeps them: the files are mounted while it
runs. What names a place on this host's own disk is left out, since a build cannot see it.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Mapping, Sequence

CA_FILE = "/run/build-host/ca-certificates.crt"
"""Where a build finds the host's CA certificates."""

PIP_KEYS = ("index-url", "extra-index-url", "trusted-host", "proxy", "default-timeout", "timeout", "retries")
"""pip's settings that are passed on."""

NPM_KEYS = re.compile(r"registry|@[^:]+:registry|//.*|proxy|https-proxy|noproxy|strict-ssl|fetch-[a-z-]+")
"""npm's settings that are passed on; those that begin with // are credentials for a registry."""

CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS")
"""Environment variables that name a bundle of CA certificates, the first one that is set counts."""


def pip_conf(texts: Sequence[str], env: Mapping[str, str], *, ca: bool) -> str:
    """A pip.conf made of others; later ones override earlier ones, the environment all.

    :param texts: contents of pip.conf files; one that pip could not read either is left out.
    :param ca: whether to name :data:`CA_FILE`.
    """
    values: dict[str, str] = {"cert": CA_FILE} if ca else {}
    for text in texts:
        values |= _pip_file(text)
    for key in PIP_KEYS:
        if value := env.get(f"PIP_{key.upper().replace('-', '_')}"):
            values[key] = value
    kept = {
        key: remote
        for key, value in values.items()
        if (remote := _remote(value) if "index" in key else value)
    }
    return "".join(["[global]\n", *(f"{key} = {value}\n" for key, value in kept.items())]) if kept else ""


def _pip_file(text: str) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    sections = [parser[name] for name in ("global", "install") if parser.has_section(name)]
    return {key: section[key] for section in sections for key in PIP_KEYS if key in section}


def _remote(urls: str) -> str:
    """Those of several URLs that are not on this host's disk."""
    return " ".join(url for url in urls.split() if re.match(r"https?://", url))


def npmrc(texts: Sequence[str], env: Mapping[str, str], *, ca: bool) -> str:
    """An .npmrc made of others; later ones override earlier ones, the environment all.

    :param texts: contents of npmrc files; ``${NAME}`` in them stands for a variable of the environment.
    :param ca: whether to name :data:`CA_FILE`.
    """
    values: dict[str, str] = {"cafile": CA_FILE} if ca else {}
    for line in "\n".join(texts).splitlines():
        key, equals, value = (part.strip() for part in line.partition("="))
        if equals and NPM_KEYS.fullmatch(key):
            values[key] = re.sub(r"\$\{(\w+)\}", lambda match: env.get(match[1], match[0]), value)
    for name, value in env.items():
        key = name.lower().removeprefix("npm_config_").replace("_", "-")
        if name.lower().startswith("npm_config_") and value and NPM_KEYS.fullmatch(key):
            values[key] = value
    return "".join(f"{key}={value}\n" for key, value in values.items())


def apt_conf(proxies: Mapping[str, str], *, ca: bool) -> str:
    """A file for apt.conf.d.

    :param proxies: ``http`` and ``https`` → proxy, as far as the host's apt has one.
    :param ca: whether to name :data:`CA_FILE`.
    """
    lines = [f'Acquire::{scheme}::Proxy "{proxy}";\n' for scheme, proxy in proxies.items() if proxy]
    return "".join([*lines, *([f'Acquire::https::CAInfo "{CA_FILE}";\n'] if ca else [])])
