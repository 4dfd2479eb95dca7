"""What can be tried of the hub's configuration without a hub."""

import asyncio
import json
import logging
import runpy
import sys
from pathlib import Path

import pytest
from traitlets.config import Config

from brics_envs.config.dev_users import DevUser, projects_by_user

K8S = Path(__file__).resolve().parents[2] / "k8s"


@pytest.fixture
def redact(monkeypatch):
    monkeypatch.syspath_prepend(str(K8S / "base" / "jupyterhub"))
    import redact

    yield redact.RedactSecrets()
    sys.modules.pop("redact")


@pytest.mark.parametrize(
    ("message", "args"),
    [
        ("Spawner submitting environment: %s", ({"JUPYTERHUB_API_TOKEN": "s3cr3t", "JUPYTERHUB_USER": "a"},)),
        ("CONFIGPROXY_AUTH_TOKEN=%s", ("s3cr3t",)),
        ('{"client_secret": "s3cr3t"}', ()),
        ("GET /hub/login?token=s3cr3t&next=/", ()),
        ("Authorization: Bearer s3cr3t", ()),
        ("Authorization: token s3cr3t", ()),
        ("dummyAuthPassword: s3cr3t", ()),
    ],
)
def test_secrets_are_removed_from_records(redact, message, args):
    record = logging.LogRecord("JupyterHub", logging.DEBUG, "f", 1, message, args, None)
    assert redact.filter(record)
    assert "s3cr3t" not in record.getMessage()
    assert "[redacted]" in record.getMessage()


def test_other_records_stay_as_they_are(redact):
    record = logging.LogRecord(
        "JupyterHub", logging.INFO, "f", 1, "Adding user %s: tokens are made", ("a",), None
    )
    assert redact.filter(record)
    assert record.getMessage() == "Adding user a: tokens are made"
    assert record.args == ("a",)


@pytest.fixture
def authenticator(monkeypatch):
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


def sign_in(authenticator, username, password="correct horse battery"):  # noqa: S107
    return asyncio.run(authenticator.authenticate(None, {"username": username, "password": password}))


def test_a_user_gets_the_projects_of_its_lines(authenticator):
    assert sign_in(authenticator, "b") == {
        "name": "b",
        "auth_state": {
            "p2.brics": {"name": "Project p2", "username": "b.p2"},
            "p1.brics": {"name": "Project p1", "username": "b.p1"},
        },
    }


def test_an_empty_name_is_the_first_user(authenticator):
    assert sign_in(authenticator, "")["name"] == "b"


@pytest.mark.parametrize(("user", "password"), [("c", "correct horse battery"), ("a", ""), ("a", "pässwörd")])
def test_others_are_refused(authenticator, user, password):
    assert sign_in(authenticator, user, password) is None
