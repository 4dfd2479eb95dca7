"""The files of the real sign-in agree with one another, and say what keeps tokens where they belong."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

import pykustomize
from brics_envs.effects.tokens import ALGORITHM
from brics_envs.plan.overlay import the_pod

ROOT = Path(__file__).parents[2]
COMPONENTS = ROOT / "k8s" / "components"


def directives(file: Path) -> str:
    """An Apache configuration without its comments."""
    return "\n".join(line for line in file.read_text().splitlines() if not line.lstrip().startswith("#"))


HTTPD = directives(COMPONENTS / "realauth" / "httpd.conf")
RELYING_PARTY = directives(COMPONENTS / "localissuer" / "localissuer.conf")
START = (ROOT / "build" / "proxy" / "signin-proxy").read_text()
ISSUER = ROOT / "build" / "issuer"
PROVIDER = (ISSUER / "provider.js").read_text()
OVERLAY = pykustomize.build(ROOT / "k8s" / "overlays" / "dev_realauth")
CONTAINERS: dict[str, dict[str, Any]] = {
    container["name"]: container
    for container in the_pod(OVERLAY)["spec"]["containers"]
    if container["name"] in ("issuer", "proxy")
}
TOKEN = "X-Auth-Id-Token"  # noqa: S105 - a header's name
SIGN_IN_LINE = r"m#^[A-Z]+ ${SIGN_IN}(\?\S*)? HTTP/#"


@pytest.mark.parametrize("separators", list(itertools.product("-_", repeat=3)), ids="".join)
def test_a_client_sent_token_is_removed_in_every_spelling(separators: tuple[str, str, str]) -> None:
    first, second, third = separators
    name = f"X{first}Auth{second}Id{third}Token"
    # The right one counts at the sign-in, unless the proxy signs users in itself.
    assert f"RequestHeader unset {name} early" in (RELYING_PARTY if name == TOKEN else HTTPD).splitlines()


def test_the_token_passes_to_the_hubs_sign_in_alone() -> None:
    assert f'RequestHeader unset {TOKEN} "expr=%{{THE_REQUEST}} !~ {SIGN_IN_LINE}"' in HTTPD.splitlines()
    assert f"RequestHeader set {TOKEN}" not in HTTPD
    assert RELYING_PARTY.count(f"RequestHeader set {TOKEN}") == 1
    (condition,) = re.findall(rf'RequestHeader set {TOKEN} .*\s+"expr=(.*)"', RELYING_PARTY)
    assert condition == f"-n reqenv('OIDC_id_token') && %{{THE_REQUEST}} =~ {SIGN_IN_LINE}"


@pytest.mark.parametrize(
    ("line", "passes"),
    [
        ("GET /a.b/hub/login HTTP/1.1", True),
        ("POST /a.b/hub/login?next=%2F..%2Fuser HTTP/1.1", True),
        ("GET /a.b/hub/login/ HTTP/1.1", False),
        ("GET /axb/hub/login HTTP/1.1", False),
        ("GET /a.b/hub/Login HTTP/1.1", False),
        ("GET /a.b/hub/%6cogin HTTP/1.1", False),
        ("GET //a.b/hub/login HTTP/1.1", False),
        ("GET /a.b/hub/../hub/login HTTP/1.1", False),
        ("GET /a.b/hub/login;x HTTP/1.1", False),
        ("GET /a.b/hub/login#x HTTP/1.1", False),
        ("GET http://127.0.0.1/a.b/hub/login HTTP/1.1", False),
        ("GET /a.b/user/x/?/a.b/hub/login HTTP/1.1", False),
    ],
)
def test_request_lines_of_the_sign_in(line: str, passes: bool) -> None:
    pattern = SIGN_IN_LINE.removeprefix("m#").removesuffix("#").replace("${SIGN_IN}", r"/a\.b/hub/login")
    assert bool(re.search(pattern, line)) == passes


def test_paths_reach_the_hub_as_they_were_matched() -> None:
    assert "nocanon" not in HTTPD + RELYING_PARTY
    assert "mapping=encoded" in HTTPD


def test_nothing_but_the_health_check_and_the_metrics_is_open() -> None:
    open_sections = [block for block in sections(RELYING_PARTY) if "Require all granted" in block]
    assert [block.splitlines()[0] for block in open_sections] == [
        "<LocationMatch ^${BASE_PATH}hub/(health|metrics)$>"
    ]
    assert "Require valid-user" in RELYING_PARTY


def test_logs_have_no_query_strings_and_no_headers() -> None:
    (log_format,) = re.findall(r'LogFormat "(.*)"', HTTPD)
    assert not re.search(r"%[<>]?(r|q)\b|%\{[^}]*\}[<>]?[ioeCn]", log_format)
    assert re.findall(r"LogLevel (.*)", HTTPD + RELYING_PARTY) == ["warn"]


def test_every_variable_of_the_proxys_configuration_is_exported_by_its_start() -> None:
    exported = " ".join(re.findall(r"^ *export (.*)$", START, re.MULTILINE)).split()
    assert set(re.findall(r"\$\{(\w+)\}", HTTPD + RELYING_PARTY)) == set(exported)


def test_proxy_and_issuer_agree() -> None:
    (routes,) = re.findall(r"const ROUTES = '(.*)';", PROVIDER)
    endpoints = set(re.findall(r"\$\{ISSUER_URL\}(/\S+)", RELYING_PARTY))
    assert endpoints == {f"{routes}/{name}" for name in re.findall(r"\$\{ROUTES\}/(\w+)`[,\s]", PROVIDER)}
    (callback,) = re.findall(r"^OIDCRedirectURI \$\{PUBLIC_URL\}(\S+)$", RELYING_PARTY, re.MULTILINE)
    assert f"redirect_uris: [`${{settings.publicUrl}}{callback}`]" in PROVIDER
    assert (
        f'logout_redirect_url="{callback}?logout="'
        in (COMPONENTS / "localissuer" / "30-localissuer.py").read_text()
    )
    assert f"OIDCIDTokenSignedResponseAlg {ALGORITHM}" in RELYING_PARTY
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
    assert context["capabilities"] == {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}
    assert f"--uid {context['runAsUser']} --gid {context['runAsGroup']}" in containerfile


@pytest.mark.parametrize("container", list(CONTAINERS.values()), ids=list(CONTAINERS))
def test_containers_have_what_they_read_and_secrets_as_files(container: dict[str, Any]) -> None:
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    source = (
        (ISSUER / "settings.js").read_text()
        if container["name"] == "issuer"
        else START + HTTPD + RELYING_PARTY
    )
    folders = re.findall(r"(?:/etc/brics/|')(\w[\w-]*)/[\w.$]+", source)
    assert {f"/etc/brics/{folder}" for folder in folders} == {
        path for path in mounts if path.startswith("/etc/brics/")
    }
    assert {variable["name"] for variable in container.get("env", ())} <= {"LISTEN"}


def sections(text: str) -> list[str]:
    """The ``<Location…>`` sections of an Apache configuration."""
    return re.findall(r"^<Location.*?^</Location\w*>", text, re.MULTILINE | re.DOTALL)
