"""What can be tried of the hub's configuration without a hub."""

import asyncio
import json
import runpy
import sys
from collections.abc import Callable, Set
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bricsauthenticator import BricsAuthenticator
from jupyterhub.auth import Authenticator
from traitlets.config import Config

from brics_envs.config.dev_users import DevUser, projects_by_user

K8S = Path(__file__).resolve().parents[2] / "k8s"

Model = dict[str, Any]
Fragments = Callable[..., Model]


@pytest.fixture
def authenticator(monkeypatch: pytest.MonkeyPatch) -> Authenticator:
    config = Config()
    runpy.run_path(
        str(K8S / "components/dummyauth/20-dummyauth.py"), init_globals={"get_config": lambda: config}
    )
    users = [DevUser("b", "p2"), DevUser("b", "p1"), DevUser("a", "p1")]
    files = {
        "/etc/brics/dev_users/dev_users.json": json.dumps(projects_by_user(users)),
        "/etc/brics/deploy-secret/dummyAuthPassword": "correct horse battery",
    }
    monkeypatch.setattr(Path, "read_text", lambda path: files[str(path)])
    return config.JupyterHub.authenticator_class()


def test_who_is_no_longer_in_dev_users_gets_no_further(authenticator: Authenticator) -> None:
    def refreshed(name: str) -> Any:
        return asyncio.run(authenticator.refresh_user(SimpleNamespace(name=name)))

    assert refreshed("a") == {
        "name": "a",
        "auth_state": {"p1.brics": {"name": "Project p1", "username": "a.p1"}},
    }
    assert refreshed("c") is False


def sign_in(authenticator: Authenticator, username: str, password: str = "correct horse battery") -> Model:  # noqa: S107
    signed_in: Model = asyncio.run(
        authenticator.authenticate(None, {"username": username, "password": password})
    )
    return signed_in


def test_a_user_gets_the_projects_of_its_lines(authenticator: Authenticator) -> None:
    assert sign_in(authenticator, "b") == {
        "name": "b",
        "auth_state": {
            "p2.brics": {"name": "Project p2", "username": "b.p2"},
            "p1.brics": {"name": "Project p1", "username": "b.p1"},
        },
    }


def test_an_empty_name_is_the_first_user(authenticator: Authenticator) -> None:
    assert sign_in(authenticator, "")["name"] == "b"


@pytest.mark.parametrize(("user", "password"), [("c", "correct horse battery"), ("a", ""), ("a", "pässwörd")])
def test_others_are_refused(authenticator: Authenticator, user: str, password: str) -> None:
    assert sign_in(authenticator, user, password) is None


NEWER_TRAITS = {
    "logout_redirect_url",
    "invalid_jwt_logout",
    "session_max_age",
    "start_max_age",
    "jwt_leeway",
    "jwks_max_age",
}


def settings(**changes: str) -> dict[str, str]:
    return {
        "baseUrl": "/jupyter",
        "oidcServer": "https://issuer.example.org",
        "bricsPlatform": "p",
        "jwtAudience": "a",
        "sessionHours": "12.0",
        "jwtLeewaySeconds": "5",
        "jwksMaxAgeSeconds": "60",
        **changes,
    }


@pytest.fixture
def fragments(monkeypatch: pytest.MonkeyPatch) -> Fragments:
    """Runs fragments of the hub's configuration; the authenticator's section."""

    def run(deploy: dict[str, str], *names: str, lacking: Set[str] = frozenset()) -> Model:
        known = BricsAuthenticator.class_traits().keys() - lacking
        entry = SimpleNamespace(load=lambda: SimpleNamespace(class_traits=lambda: known))
        with monkeypatch.context() as patch:
            patch.setattr("importlib.metadata.entry_points", lambda **_: [entry])
            patch.setattr(Path, "iterdir", lambda _: iter(()))
            module = runpy.run_path(str(K8S / "base/jupyterhub/deploy_settings.py"))
            module["DEPLOY"].update(deploy)
            patch.setitem(sys.modules, "deploy_settings", SimpleNamespace(**module))
            config = Config()
            for name in names:
                (file,) = (K8S / "components" / name).glob("*.py")
                runpy.run_path(str(file), init_globals={"get_config": lambda: config})
        return dict(config.BricsAuthenticator)

    return run


def test_sessions_last_as_long_as_the_deployment_says(fragments: Fragments) -> None:
    traits = fragments(settings(), "realauth")
    assert (traits["session_max_age"], traits["start_max_age"]) == (12 * 3600, 12 * 3600)
    traits = fragments(settings(sessionHours="8.0", startSignInHours="0.5"), "realauth")
    assert (traits["session_max_age"], traits["start_max_age"]) == (8 * 3600, 1800)


def test_clocks_and_keys_are_as_the_deployment_says(fragments: Fragments) -> None:
    traits = fragments(settings(jwtLeewaySeconds="9", jwksMaxAgeSeconds="600"), "realauth")
    assert (traits["jwt_leeway"], traits["jwks_max_age"]) == (9.0, 600.0)


@pytest.mark.parametrize(
    ("base_url", "sign_out"),
    [("/jupyter", "/jupyter/_oidc/sign_out?rd=%2Fjupyter"), ("/", "/_oidc/sign_out?rd=%2F")],
)
def test_behind_zenith_signing_out_ends_its_session_too(
    fragments: Fragments, base_url: str, sign_out: str
) -> None:
    traits = fragments(settings(baseUrl=base_url), "realauth", "zenith")
    assert (traits["logout_redirect_url"], traits["invalid_jwt_logout"]) == (sign_out, True)
    deploy = settings(logoutRedirectUrl="/out", invalidTokenLogout="false")
    traits = fragments(deploy, "realauth", "zenith")
    assert (traits["logout_redirect_url"], traits["invalid_jwt_logout"]) == ("/out", False)


def test_elsewhere_signing_out_is_as_the_deployment_says(fragments: Fragments) -> None:
    traits = fragments(settings(), "realauth")
    assert (traits["logout_redirect_url"], traits["invalid_jwt_logout"]) == ("", False)
    traits = fragments(settings(logoutRedirectUrl="https://x/out", invalidTokenLogout="true"), "realauth")
    assert (traits["logout_redirect_url"], traits["invalid_jwt_logout"]) == ("https://x/out", True)
    assert fragments(settings(), "realauth", "localissuer")["logout_redirect_url"] == "/oidc/callback?logout="
    own = fragments(settings(logoutRedirectUrl="/out"), "realauth", "localissuer")
    assert own["logout_redirect_url"] == "/out"


def test_older_authenticators_are_asked_for_nothing_that_they_do_not_have(fragments: Fragments) -> None:
    known = {"oidc_server", "brics_platform", "jwt_audience"}
    assert set(fragments(settings(), "realauth", "zenith", lacking=NEWER_TRAITS)) == known


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "0.0.0.0", "::"])  # noqa: S104
def test_an_api_on_loopback_is_refused_where_slurm_is_elsewhere(
    fragments: Fragments, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    found = {"host": address, "other": "192.0.2.10"}
    monkeypatch.setattr("socket.getaddrinfo", lambda host, _: [(0, 0, 0, "", (found[host], 0))])
    with pytest.raises(ValueError, match="is on loopback"):
        fragments(settings(hubConnectUrl="http://host:8081"), "externalslurm")
    fragments(settings(hubConnectUrl="http://other:8081"), "externalslurm")
