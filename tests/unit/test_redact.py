"""What the hub writes into its logs: no secret, in whatever form it comes, and all else as it is."""

import base64
import importlib
import json
import logging
import logging.config
import re
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

K8S = Path(__file__).resolve().parents[2] / "k8s"


@pytest.fixture(scope="module")
def redact() -> Iterator[ModuleType]:
    """The module, as the hub's configuration imports it."""
    sys.path.insert(0, str(K8S / "base" / "jupyterhub"))
    yield importlib.import_module("redact")
    sys.path.pop(0)
    sys.modules.pop("redact")


@pytest.fixture
def fresh(redact: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module, which forgets at the end what it came to know."""
    monkeypatch.setattr(redact, "_known", set())
    monkeypatch.setattr(redact, "_known_form", re.compile(r"(?!)"))
    monkeypatch.setattr(redact, "_issued", {})
    return redact


JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzaG9ydF9uYW1lIjoiYSJ9.c2lnbmF0dXJl"
CODE = "kLm3nOp5qRs7tUv9wXy1zAb2cDe4fG"
HEX = "9c66f42522424ff987fbaa854fe7cc9a"
COOKIE = "2|1:0|10:1764180000|20:jupyterhub-hub-login|44:OWM2NmY0MjUyMjQyNA==|0f1e2d3c"
LINES = [
    "Spawner submitting environment: {'JUPYTERHUB_API_TOKEN': 's3cr3t', 'JUPYTERHUB_USER': 'a'}",
    "CONFIGPROXY_AUTH_TOKEN=s3cr3t",
    '{"client_secret": "s3cr3t"}',
    '"{\\"client_secret\\": \\"s3cr3t\\"}"',
    "GET /hub/login?token=s3cr3t&next=/",
    "GET /hub/error/503?url=%2Fuser%2Fa%2Flab%3Ftoken%3Ds3cr3t%26x%3D1",
    "-> /hub/login?next=%2Fhub%2Ferror%3Furl%3D%252Fuser%253Ftoken%253Ds3cr3t%2526a",
    "/jupyter/user/a/oauth_callback?code=s3cr3t&state=s3cr3t",
    "Authorization: Bearer s3cr3t",
    "Authorization: token s3cr3t",
    "authorization=s3cr3t",
    "{'Authorization': 'token s3cr3t', 'Host': 'x'}",
    '{"Authorization": "token s3cr3t"}',
    "[('Authorization', 'token s3cr3t'), ('Host', 'x')]",
    "[(b'authorization', b'token s3cr3t')]",
    "X-Auth-Id-Token: s3cr3t",
    "{'X-Auth-Id-Token': 's3cr3t'}",
    "X_AUTH_ID_TOKEN=s3cr3t",
    "Cookie: a=s3cr3t; b=s3cr3t",
    "Set-Cookie: jupyterhub-session-id=s3cr3t; Path=/",
    "{'Cookie': 'a=s3cr3t; _xsrf=s3cr3t'}",
    "dummyAuthPassword: s3cr3t",
    "password='it\\'s s3cr3t'",
    "JUPYTERHUB_CRYPT_KEY=s3cr3t",
    "cookie_secret=b'\\x00\\'s3cr3t'",
    "Created authorization code grant {'code': 's3cr3t', 'state': 's3cr3t'} for request <oauthlib.Request>",
    "{'access_token': 's3cr3t', 'expires_in': 3600}",
    'Bad POST data: {"token": "s3cr3t"}',
    "_xsrf=s3cr3t",
    "token={s3cr3t",
    "tokens=['s3cr3t', 's3cr3t']",
    "https://user:s3cr3t@proxy.example:3128/",
    "GET /hub/api/authorizations/token/s3cr3t",
    "-----BEGIN OPENSSH PRIVATE KEY-----\ns3cr3t\ns3cr3t\n-----END OPENSSH PRIVATE KEY-----",
    f"a {JWT} b",
    quote(f"/oidc?id_token_hint={JWT}", safe=""),
    f"bytes {JWT.encode()!r}",
    JWT.rpartition(".")[0],
    f"cookie {COOKIE}",
    f"xsrf id {HEX}:{HEX}".encode(),
    f"No such code: {CODE}",
    f"it was {CODE}.",
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: str(line)[:40])
def test_secrets_are_removed_by_their_form(redact: ModuleType, line: str) -> None:
    redacted = redact.redact(str(line))
    for secret in ("s3cr3t", HEX, CODE, COOKIE[10:30], COOKIE[-8:], *JWT.split(".")):
        assert secret not in redacted
    assert "[redacted]" in redacted


@pytest.mark.parametrize(
    "line",
    [
        "Adding user a: tokens are made",
        "200 GET /jupyter/hub/api/users/alice/server?x=1 (alice@127.0.0.1) 3.14ms",
        "302 GET /jupyter/hub/ -> /jupyter/hub/spawn?opt-brics_project=project1.brics",
        "slurm: exit code: 1; status_code=200, state: RUNNING",
        "Submitting a job for alice: ssh -F /etc/brics/ssh/ssh_config slurm sudo -n -u alice.project1 /opt/x/sbatch",
        "Sign-in refused: the token has expired",
        "Sign-in refused: the token lacks the claim short_name, projects",
        'File "/srv/venv/lib/python3.13/site-packages/jupyterhub/handlers/base.py", line 1000, in get',
        "Using Authenticator: bricsauthenticator.authenticator.BricsAuthenticator",
        "https://issuer.example.org/realms/brics/.well-known/openid-configuration: ConnectionRefusedError",
        "User alice has stale auth info. Cannot refresh on API requests.",
        "[D 2026-11-26T18:08:01Z.253 oauthlib authorization authorization:98] Dispatching response_type code request",
        "[W 2026-11-26T18:06:34Z.800 JupyterHub _xsrf_utils:163] Skipping XSRF check for insecure request GET /x",
        "Setting cookie jupyterhub-session-id: {'httponly': True, 'expires_days': 0.5, 'path': '/jupyter/'}",
        "302 GET /oauth_callback?code=[secret]&state=[secret] -> /jupyter/user/a/lab?_xsrf=[secret]",
        "12:34:56.789 n1 job 42 RUNNING http://127.0.0.1:41234/jupyter/user/alice/",
    ],
)
def test_all_else_stays(redact: ModuleType, line: str) -> None:
    assert redact.redact(line) == line


def test_what_is_around_a_secret_stays(redact: ModuleType) -> None:
    line = "Created {'code': 's3cr3t', 'state': \"s3cr3t\", 'scopes': ['self']} for <Request>"
    assert (
        redact.redact(line)
        == "Created {'code': [redacted], 'state': [redacted], 'scopes': ['self']} for <Request>"
    )


def spellings(value: str) -> list[str]:
    """How a value can stand in a log."""
    return [
        *(
            value,
            repr(value),
            json.dumps(value),
            quote(value),
            quote(value, safe=""),
            quote(quote(value, safe="")),
        ),
        *(f"x={value}", f"'{value}'", repr({"k": value}), base64.b64encode(value.encode()).decode()),
    ]


@given(value=st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=12, max_size=40))
def test_known_values_are_removed_in_every_spelling(redact: ModuleType, value: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redact, "_known", set())
        patch.setattr(redact, "_known_form", re.compile(r"(?!)"))
        redact.know(value)
        for text in spellings(value):
            redacted = redact.redact(text)
            assert value not in redacted
            assert text not in redacted


def test_known_bytes_are_removed(fresh: ModuleType) -> None:
    key = secrets.token_bytes(32)
    fresh.know(key)
    for text in (repr(key), key.hex(), key.hex().upper(), base64.b64encode(key).decode(), str([key])):
        redacted = fresh.redact(f"it is {text}")
        assert key.hex()[:16] not in redacted.lower()
        assert repr(key)[2:-1] not in redacted
        assert base64.b64encode(key).decode()[:20] not in redacted


def test_nothing_is_known_of_what_is_empty_or_short(fresh: ModuleType) -> None:
    fresh.know("", "a", b"", "12345")
    assert fresh.redact("a 12345 b") == "a 12345 b"


def test_issued_tokens_are_removed(fresh: ModuleType) -> None:
    fresh.know_issued("only-letters-and-dashes")
    assert fresh.redact("is only-letters-and-dashes.") == "is [redacted]."


def test_only_so_many_issued_tokens_are_remembered(
    fresh: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh, "MOST_ISSUED", 3)
    for number in range(9):
        fresh.know_issued(f"issued-token-no-{number}")
    assert list(fresh._issued) == [f"issued-token-no-{number}" for number in (6, 7, 8)]


@pytest.mark.parametrize("name", ["PlainFormatter", "ConsoleFormatter"])
def test_tracebacks_are_redacted_too(fresh: ModuleType, name: str) -> None:
    formatter = getattr(fresh, name)("%(levelname)s %(message)s")
    try:
        raise RuntimeError("env {'JUPYTERHUB_API_TOKEN': 's3cr3t'}")
    except RuntimeError:
        error = sys.exc_info()
    record = logging.LogRecord(
        "x", logging.ERROR, "f", 1, "failed with %s", (JWT,), error, sinfo="token=s3cr3t"
    )
    text = formatter.format(record)
    assert "Traceback" in text
    assert "RuntimeError" in text
    assert "s3cr3t" not in text
    assert "eyJ" not in text
    # Also when another formatter has written the traceback before.
    assert "s3cr3t" not in formatter.format(record)


def test_it_costs_little_even_for_hostile_lines(fresh: ModuleType) -> None:
    """No pattern may take time that grows with the square of the text: a ratio within one run."""
    import time

    def seconds(text: str) -> float:
        began = time.process_time()  # a busy machine does not count
        fresh.redact(text)
        return time.process_time() - began

    for piece in (
        "token",
        "a",
        "'",
        "\\",
        "token=",
        "ey.",
        "Cookie: '",
        "2|1:0|",
        "://a:",
        "%3Ftoken%3D",
        "-----BEGIN PRIVATE KEY-----",
        "f" * 8,
        " ",
    ):
        short, long = piece * (4000 // len(piece)), piece * (32000 // len(piece))
        fastest = min(seconds(short) for _ in range(3))
        assert min(seconds(long) for _ in range(3)) < 40 * fastest + 0.05, piece
