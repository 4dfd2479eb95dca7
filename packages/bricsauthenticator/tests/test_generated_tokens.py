"""Bad tokens that chance makes, sent to a real hub: none signs in, none gives a traceback or is repeated."""

from __future__ import annotations

import json
import os
import random
import secrets
import string
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import jwt
import pytest
import requests
from forgery import BAD_SHORT_NAMES, encoded, hmac_token
from real_hub import Hub
from stand_in_issuer import Issuer, make_key, project_claim, public_jwk

TOKENS = 300
KEYS = {algorithm: make_key(algorithm) for algorithm in ("RS256", "ES256", "EdDSA")}
REQUIRED = ("aud", "exp", "iss", "iat", "short_name", "projects")
ODD_VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1.5, 10**400, "", " ", "x", "\0", "\ud800", [], {}, [[]], [None], {"": None}),
    *(
        "null",
        "[]",
        '{"a"',
        "🦄" * 50,
        "../../etc/passwd",
        "${jndi:x}",
        "' OR 1=1 --",
        "<script>alert(1)</script>",
    ),
]

Make = Callable[[random.Random, Issuer], str]


def without_a_claim(chance: random.Random, issuer: Issuer) -> str:
    return issuer.token(**dict.fromkeys(chance.sample(REQUIRED, chance.randint(1, 6))))


def wrong_issuer_or_audience(chance: random.Random, issuer: Issuer) -> str:
    def changed(text: str) -> Any:
        flipped = text[:-1] if chance.random() < 0.5 else text + chance.choice("/ .xX\u200b")
        return chance.choice([flipped, text.upper(), [flipped], {"a": text}, *ODD_VALUES[1:]])

    name = chance.choice(["iss", "aud"])
    value = changed(issuer.claims()[name])
    return signed(issuer, {**issuer.claims(), name: value})


def wrong_time(chance: random.Random, issuer: Issuer) -> str:
    name: str
    value: Any
    now, far = time.time(), chance.choice([60, 3600, 10**7, 10**12])
    name, value = chance.choice([("exp", now - far), ("iat", now + far), ("nbf", now + far)])
    if chance.random() < 0.3:
        name, value = chance.choice(["exp", "iat"]), chance.choice([v for v in ODD_VALUES if v != 10**400])
    if name == "iat" and value in (0, -1, 1.5) and not isinstance(value, bool):
        value = "0"
    return signed(issuer, {**issuer.claims(), name: value})


def odd_user(chance: random.Random, issuer: Issuer) -> str:
    junk = "".join(chance.choices(string.printable, k=chance.randint(1, 20))).upper() + "!"
    value = chance.choice([*BAD_SHORT_NAMES, *(v for v in ODD_VALUES if v not in ("x", "null")), junk])
    return signed(issuer, {**issuer.claims(), "short_name": value})


def odd_projects(chance: random.Random, issuer: Issuer) -> str:
    """Projects none of which is a project of the user's here."""
    resource = project_claim("p")["p.brics"]["resources"][0]
    entries = [
        chance.choice(ODD_VALUES),
        {"name": "x", "resources": chance.choice([v for v in ODD_VALUES if v != "x"])},
        {"name": "x", "resources": [chance.choice(ODD_VALUES)]},
        {"name": "x", "resources": [resource | {"username": chance.choice(ODD_VALUES)}]},
        {"name": chance.choice([v for v in ODD_VALUES if not isinstance(v, str)]), "resources": [resource]},
        {"name": "x", "resources": [resource, resource | {"username": "alice.q"}]},
    ]
    keys = ["p.brics", "P.brics", "p", ".", "", "p.", "p q.brics", "p.brics\n", "../p.brics"]
    projects = {chance.choice(keys): chance.choice(entries) for _ in range(chance.randint(1, 4))}
    value = chance.choice([projects, json.dumps(projects), chance.choice(ODD_VALUES)])
    return signed(issuer, {**issuer.claims(), "projects": value})


def other_key(chance: random.Random, issuer: Issuer) -> str:
    algorithm = chance.choice(list(KEYS))
    own = public_jwk(KEYS[algorithm])
    headers: list[dict[str, Any]] = [
        {"kid": "k1"},
        {"kid": "k1", "jwk": own},
        {"kid": "x" * 100},
        {"kid": ""},
        {},
    ]
    return jwt.encode(issuer.claims(), KEYS[algorithm], algorithm, headers=chance.choice(headers))


def odd_header(chance: random.Random, issuer: Issuer) -> str:
    header = {"alg": "RS256", "kid": "k1"}
    name = chance.choice(["alg", "kid", "typ", "crit", "jku", "x5c", "b64", "zip"])
    value = chance.choice([v for v in ODD_VALUES if v is not None and v != "\ud800"] + ["none", "HS256"])
    if name == "typ" and value == "":
        value = "at+jwt"
    body = encoded(issuer.claims())
    return f"{encoded({**header, name: value})}.{body}.{issuer.token().rpartition('.')[2]}"


def shared_secret(chance: random.Random, issuer: Issuer) -> str:
    public = public_jwk(issuer.keys["k1"][1])
    secret = chance.choice([json.dumps(public).encode(), b"", b"secret", public["n"].encode()])
    return hmac_token(secret, issuer.claims(), kid="k1")


def damaged(chance: random.Random, issuer: Issuer) -> str:
    """One of a valid token's characters is another, is missing, or there is one too many."""
    token = issuer.token()
    place = chance.randrange(len(token) - 1)
    character = chance.choice(
        [c for c in string.ascii_letters + string.digits + "-_.=+/,$" if c != token[place]]
    )
    return token[:place] + chance.choice([character, "", character + token[place]]) + token[place + 1 :]


def cut_and_pasted(chance: random.Random, issuer: Issuer) -> str:
    segments = issuer.token().split(".")
    other = issuer.token(short_name="bob").split(".")
    mixed = [
        chance.choice([*segments, *other, "", "e30", "bnVsbA", "W10"])
        for _ in range(chance.choice([1, 2, 3, 3, 4, 5]))
    ]
    if mixed in (segments, other):
        mixed.reverse()
    return ".".join(mixed)


def junk(chance: random.Random, issuer: Issuer) -> str:
    characters = string.ascii_letters + string.digits + string.punctuation + "éÿ"
    return "".join(chance.choices(characters, k=chance.choice([1, 10, 200, 5000])))


def signed(issuer: Issuer, claims: dict[str, Any]) -> str:
    """A token with the issuer's signature on whatever the claims are."""
    body = json.dumps(claims).encode()
    return jwt.api_jws.encode(body, issuer.keys["k1"][1], "RS256", headers={"kid": "k1"})


KINDS: list[Make] = [
    *(without_a_claim, wrong_issuer_or_audience, wrong_time, odd_user, odd_projects, other_key, odd_header),
    *(shared_secret, damaged, cut_and_pasted, junk),
]


def test_no_generated_bad_token_signs_in(
    hub: Hub, issuer: Issuer, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("BRICS_TEST_SEED") or secrets.randbits(32))
    with capsys.disabled():
        print(f" [{TOKENS} bad tokens, BRICS_TEST_SEED={seed}]", end="")
    chance = random.Random(seed)  # noqa: S311
    begin = len(hub.log.read_text())
    browser = hub.session()
    answers: Counter[int] = Counter()
    for number in range(TOKENS):
        make = KINDS[number % len(KINDS)]
        token = make(chance, issuer)
        what = f"seed {seed}, number {number}: {make.__name__}: {token[:2000]}"
        answer = requests.get(
            f"{hub.url}/login", headers={"X-Auth-Id-Token": token.encode()}, allow_redirects=False, timeout=20
        )
        allowed = (403,) if make is odd_projects else (401,)
        assert answer.status_code in {*allowed, 401}, what
        assert not {"jupyterhub-hub-login", "jupyterhub-session-id"} & set(answer.cookies.keys()), what
        assert len(token) < 20 or token not in answer.text, what
        answers[answer.status_code] += 1
    log = hub.log.read_text()[begin:]
    assert "Traceback" not in log
    assert answers[401] > TOKENS / 2
    # A token without projects has ended alice's access, as it should; the hub itself is well.
    assert browser.whoami() is None
    assert hub.session().whoami() == "alice"
