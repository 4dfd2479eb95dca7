"""Settings without effect, an issuer that does not answer, and a user's own layer of the hub's configuration."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from brics_envs.config.deploy import load_deploy_settings
from brics_envs.config.environment import Environment, environment_names, load_layers
from brics_envs.effects.reach import why_unreachable
from brics_envs.errors import ConfigError
from brics_envs.plan.without_effect import without_effect
from tests.support.ports import free_port
from tests.unit.test_prepare import ISSUER, ROOT, SLURM, prepared


class Answers(BaseHTTPRequestHandler):
    """An issuer that has one good address."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/good" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_tracked_settings_have_effects() -> None:
    for name in environment_names(ROOT):
        if (ROOT / "config" / name / "dev_users").exists() or "realauth" not in name:
            assert prepared(name).without_effect == (), name


@pytest.mark.parametrize(
    ("name", "text", "keys"),
    [
        ("dev_dummyauth", ISSUER + "jwtLeewaySeconds: 9\n", ["oidcServer", "jwtLeewaySeconds"]),
        ("dev_dummyauth", "dummyAuthPassword: long-enough-by-far\ndevUsers: a.b\n", []),
        ("dev_dummyauth", "condaPrefixDir: /opt/conda\njupyterEnvDir: /opt/other\n", ["jupyterEnvDir"]),
        ("dev_dummyauth_extslurm", SLURM + "jwtAudience: a\n", ["jwtAudience"]),
        ("prod", SLURM + ISSUER + "dummyAuthPassword: long-enough-by-far\n", ["dummyAuthPassword"]),
        ("prod", SLURM + ISSUER + "devUsers: a.b\njwtAudience: b\n", ["devUsers"]),
    ],
)
def test_settings_without_effect(tmp_path: Path, name: str, text: str, keys: list[str]) -> None:
    file = tmp_path / "deploy.yaml"
    file.write_text(text)
    found = without_effect(load_deploy_settings(file), prepared(name).overlay)
    assert [entry.split(" (")[0] for entry in found] == keys


def test_what_answers_and_what_does_not(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    assert why_unreachable(f"{address}/good") == ""
    assert why_unreachable(f"{address}/bad") == f"{address}/bad answers 404 Not Found"
    assert "Connection refused" in why_unreachable(f"http://127.0.0.1:{free_port()}/")


def test_a_layer_of_ones_own(tmp_path: Path) -> None:
    environment = Environment("dev_x", tmp_path)
    assert load_layers(environment) == {}
    file = environment.local_layer
    file.parent.mkdir(parents=True)
    file.write_text("c = get_config()\nc.Spawner.debug = True\n")
    assert load_layers(environment) == {"99-local.py": file.read_text()}
    file.write_text("c = get_config()\nc.Spawner.debug = = True\n")
    with pytest.raises(ConfigError, match=r"jupyterhub_config\.local\.py:2: invalid syntax"):
        load_layers(environment)
    file.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_layers(environment)
