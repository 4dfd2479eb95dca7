"""The files of the real sign-in agree with one another, and say what keeps tokens where they belong."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from brics_envs.effects.tokens import ALGORITHM

ROOT = Path(__file__).parents[2]
COMPONENT = ROOT / "k8s" / "components" / "localissuer"
HTTPD = "\n".join(
    line for line in (COMPONENT / "httpd.conf").read_text().splitlines() if not line.lstrip().startswith("#")
)
START = (ROOT / "build" / "proxy" / "signin-proxy").read_text()
ISSUER = ROOT / "build" / "issuer"
PROVIDER = (ISSUER / "provider.js").read_text()
POD: dict[str, Any] = yaml.safe_load((COMPONENT / "pod.yaml").read_text())
CONTAINERS = {
    container["name"]: container
    for container in POD["spec"]["containers"]
    if container["name"] in ("issuer", "proxy")
}


@pytest.mark.parametrize("separators", list(itertools.product("-_", repeat=3)), ids="".join)
def test_a_client_sent_token_is_removed_in_every_spelling(separators: tuple[str, str, str]) -> None:
    first, second, third = separators
    assert f"RequestHeader unset X{first}Auth{second}Id{third}Token early" in HTTPD.splitlines()


def test_the_token_is_set_for_the_hubs_paths_alone() -> None:
    (location,) = [block for block in sections(HTTPD) if "RequestHeader set X-Auth-Id-Token" in block]
    assert location.startswith("<Location ${HUB_PATH}>")
    assert HTTPD.count("RequestHeader set X-Auth-Id-Token") == 1


def test_paths_reach_the_hub_as_they_were_matched() -> None:
    assert "nocanon" not in HTTPD
    assert "mapping=encoded" in HTTPD


def test_nothing_but_the_health_check_is_open() -> None:
    open_sections = [block for block in sections(HTTPD) if "Require all granted" in block]
    assert [block.splitlines()[0] for block in open_sections] == ["<LocationMatch ^${HUB_PATH}health$>"]
    assert "Require valid-user" in HTTPD


def test_logs_have_no_query_strings_and_no_headers() -> None:
    (log_format,) = re.findall(r'LogFormat "(.*)"', HTTPD)
    assert not re.search(r"%[<>]?(r|q)\b|%\{[^}]*\}[<>]?[ioeCn]", log_format)
    assert re.findall(r"LogLevel (.*)", HTTPD) == ["warn"]


def test_every_variable_of_the_proxys_configuration_is_exported_by_its_start() -> None:
    (exported,) = re.findall(r"^export (.*)$", START, re.MULTILINE)
    assert set(re.findall(r"\$\{(\w+)\}", HTTPD)) == set(exported.split())


def test_proxy_and_issuer_agree() -> None:
    (routes,) = re.findall(r"const ROUTES = '(.*)';", PROVIDER)
    endpoints = set(re.findall(r"\$\{ISSUER_URL\}(/\S+)", HTTPD))
    assert endpoints == {f"{routes}/{name}" for name in re.findall(r"\$\{ROUTES\}/(\w+)`[,\s]", PROVIDER)}
    (callback,) = re.findall(r"^OIDCRedirectURI \$\{PUBLIC_URL\}(\S+)$", HTTPD, re.MULTILINE)
    assert f"redirect_uris: [`${{settings.publicUrl}}{callback}`]" in PROVIDER
    assert f'logout_redirect_url="{callback}?logout="' in (COMPONENT / "30-localissuer.py").read_text()
    assert f"OIDCIDTokenSignedResponseAlg {ALGORITHM}" in HTTPD
    assert f"const ALGORITHM = '{ALGORITHM}';" in PROVIDER


def test_the_lock_pins_what_the_package_wants_and_names_no_registry() -> None:
    package = json.loads((ISSUER / "package.json").read_text())
    lock = json.loads((ISSUER / "package-lock.json").read_text())
    assert lock["packages"][""]["dependencies"] == package["dependencies"]
    for name, entry in lock["packages"].items():
        assert "resolved" not in entry
        assert not name or entry["integrity"].startswith("sha512-"), name
    for name, version in package["dependencies"].items():
        assert lock["packages"][f"node_modules/{name}"]["version"] == version


@pytest.mark.parametrize("container", list(CONTAINERS.values()), ids=list(CONTAINERS))
def test_containers_have_no_privileges(container: dict[str, Any]) -> None:
    context = container["securityContext"]
    containerfile = (ROOT / "build" / f"Containerfile.{container['name']}").read_text()
    assert context["runAsNonRoot"]
    assert context["readOnlyRootFilesystem"]
    assert not context["allowPrivilegeEscalation"]
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert f"--uid {context['runAsUser']} --gid {context['runAsGroup']}" in containerfile


@pytest.mark.parametrize("container", list(CONTAINERS.values()), ids=list(CONTAINERS))
def test_containers_have_what_they_read_and_secrets_as_files(container: dict[str, Any]) -> None:
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    source = (ISSUER / "settings.js").read_text() if container["name"] == "issuer" else START + HTTPD
    folders = re.findall(r"(?:/etc/brics/|')(\w[\w-]*)/[\w.$]+", source)
    assert {f"/etc/brics/{folder}" for folder in folders} == {
        path for path in mounts if path.startswith("/etc/brics/")
    }
    assert "env" not in container


def sections(text: str) -> list[str]:
    """The ``<Location…>`` sections of an Apache configuration."""
    return re.findall(r"^<Location.*?^</Location\w*>", text, re.MULTILINE | re.DOTALL)
