"""The issuer's keys: discovery, cache, bounded refetches, an issuer that fails. Over real HTTP."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from bricsauthenticator.issuer_keys import REFETCH_BURST, IssuerKeys, IssuerUnavailableError
from bricsauthenticator.tokens import Header, TokenError
from stand_in_issuer import Issuer, make_key

pytestmark = pytest.mark.asyncio

K1 = Header("RS256", "k1")
K2 = Header("ES256", "k2")
OTHER = Header("RS256", "other")


class Clock:
    """Time that passes when told."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    yield issuer
    issuer.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make(issuer: Issuer, clock: Clock, url: str | None = None, timeout: float = 5) -> IssuerKeys:
    log = logging.getLogger("test")
    return IssuerKeys(url or issuer.url, max_age=60, timeout=timeout, log=log, clock=clock)


async def test_keys_are_fetched_once_and_kept_for_their_time(issuer: Issuer, clock: Clock) -> None:
    keys = make(issuer, clock)
    for _ in range(5):
        assert await keys.key_for(K1)
    assert issuer.key_requests() == 1
    clock.now += 59
    await keys.key_for(K1)
    assert issuer.key_requests() == 1
    clock.now += 1
    await keys.key_for(K1)
    assert issuer.key_requests() == 2


async def test_a_new_key_is_found_at_once(issuer: Issuer, clock: Clock) -> None:
    keys = make(issuer, clock)
    await keys.key_for(K1)
    issuer.keys["k2"] = ("ES256", make_key("ES256"))
    assert await keys.key_for(K2)
    assert issuer.key_requests() == 2


async def test_a_withdrawn_key_stops_with_the_cache(issuer: Issuer, clock: Clock) -> None:
    keys = make(issuer, clock)
    await keys.key_for(K1)
    issuer.keys = {"k2": ("ES256", make_key("ES256"))}
    assert await keys.key_for(K1)
    clock.now += 60
    with pytest.raises(TokenError):
        await keys.key_for(K1)


async def test_a_withdrawn_key_stops_once_a_new_one_is_seen(issuer: Issuer, clock: Clock) -> None:
    keys = make(issuer, clock)
    await keys.key_for(K1)
    issuer.keys = {"k2": ("ES256", make_key("ES256"))}
    await keys.key_for(K2)
    with pytest.raises(TokenError):
        await keys.key_for(K1)


async def test_unknown_keys_do_not_load_the_issuer(issuer: Issuer, clock: Clock) -> None:
    keys = make(issuer, clock)
    for number in range(1000):
        with pytest.raises(TokenError):
            await keys.key_for(Header("RS256", f"made-up-{number}"))
        clock.now += 0.02
    assert issuer.key_requests() <= 1 + REFETCH_BURST + 2
    assert await keys.key_for(K1)


async def test_after_a_flood_new_keys_are_seen_again(issuer: Issuer, clock: Clock) -> None:
    keys = make(issuer, clock)
    for _ in range(100):
        with pytest.raises(TokenError):
            await keys.key_for(OTHER)
    issuer.keys["k2"] = ("ES256", make_key("ES256"))
    with pytest.raises(TokenError):
        await keys.key_for(K2)
    clock.now += 10
    assert await keys.key_for(K2)


async def test_the_first_fetch_is_not_repeated_for_an_unknown_key(issuer: Issuer, clock: Clock) -> None:
    with pytest.raises(TokenError):
        await make(issuer, clock).key_for(OTHER)
    assert issuer.key_requests() == 1


async def test_requests_at_once_share_a_fetch(issuer: Issuer, clock: Clock) -> None:
    issuer.delay = 0.2
    keys = make(issuer, clock)
    assert all(await asyncio.gather(*(keys.key_for(K1) for _ in range(50))))
    assert issuer.key_requests() == 1
    issuer.keys["k2"] = ("ES256", make_key("ES256"))
    assert all(await asyncio.gather(*(keys.key_for(K2) for _ in range(50))))
    assert issuer.key_requests() == 2


async def test_the_event_loop_runs_on_meanwhile(issuer: Issuer, clock: Clock) -> None:
    issuer.delay = 0.5
    task = asyncio.create_task(make(issuer, clock).key_for(K1))
    turns = 0
    while not task.done():
        await asyncio.sleep(0.01)
        turns += 1
    assert turns > 30
    assert task.result()


async def test_an_issuer_that_is_down_for_long_is_unavailable_all_the_time(
    issuer: Issuer, clock: Clock
) -> None:
    keys = make(issuer, clock)
    await keys.key_for(K1)
    with issuer.down():
        for _ in range(20):
            with pytest.raises(IssuerUnavailableError):
                await keys.key_for(K2)
            clock.now += 1.1


async def test_an_issuer_that_is_down(issuer: Issuer, clock: Clock) -> None:
    keys = make(issuer, clock)
    await keys.key_for(K1)
    with issuer.down():
        assert await keys.key_for(K1), "a cached key needs no issuer"
        for _ in range(REFETCH_BURST + 3):
            with pytest.raises(IssuerUnavailableError):
                await keys.key_for(OTHER)
        clock.now += 60
        with pytest.raises(IssuerUnavailableError):
            await keys.key_for(K1)
    clock.now += 1
    assert await keys.key_for(K1)


async def test_a_failing_issuer_is_asked_once_a_second(issuer: Issuer, clock: Clock) -> None:
    issuer.status = 500
    keys = make(issuer, clock)
    for _ in range(100):
        with pytest.raises(IssuerUnavailableError):
            await keys.key_for(K1)
    assert sum(issuer.requests.values()) == 1
    issuer.status = 200
    clock.now += 1
    assert await keys.key_for(K1)


async def test_a_slow_issuer(issuer: Issuer, clock: Clock) -> None:
    issuer.delay = 5
    with pytest.raises(IssuerUnavailableError):
        await make(issuer, clock, timeout=0.2).key_for(K1)


async def test_documents_have_a_size_limit(issuer: Issuer, clock: Clock) -> None:
    issuer.padding = 1_000_000
    with pytest.raises(IssuerUnavailableError):
        await make(issuer, clock).key_for(K1)


@pytest.mark.parametrize("status", [301, 302, 403, 404, 500, 503])
async def test_only_200_is_an_answer(issuer: Issuer, clock: Clock, status: int) -> None:
    issuer.status = status
    with pytest.raises(IssuerUnavailableError):
        await make(issuer, clock).key_for(K1)


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://attacker.example"},
        {"issuer": None},
        {"jwks_uri": None},
        {"jwks_uri": 7},
        {"jwks_uri": ""},
        {"jwks_uri": "/jwks"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "ftp://127.0.0.1/jwks"},
        {"jwks_uri": "http://"},
        {"jwks_uri": "http://[::1/jwks"},
        {"jwks_uri": "http://127.0.0.1:99999/jwks"},
        {"jwks_uri": "http://127.0.0.1:1/jwks"},
        {"jwks_uri": "http://\u2100.example/jwks"},
        {"jwks_uri": "http://" + "a" * 300 + "/jwks"},
        {"jwks_uri": "http://127.0.0.1 /x\r\nHost: y"},
    ],
    ids=ascii,
)
async def test_bad_discovery_documents(issuer: Issuer, clock: Clock, discovery: dict[str, Any]) -> None:
    issuer.discovery = discovery
    with pytest.raises(IssuerUnavailableError):
        await make(issuer, clock).key_for(K1)


async def test_the_issuer_must_be_exactly_the_configured_one(issuer: Issuer, clock: Clock) -> None:
    with pytest.raises(IssuerUnavailableError, match="its issuer is not"):
        await make(issuer, clock, url=f"{issuer.url}/").key_for(K1)


@pytest.mark.parametrize("jwks", [{}, {"keys": None}, {"keys": {}}, {"keys": "x"}, []])
async def test_bad_key_sets(issuer: Issuer, clock: Clock, jwks: Any) -> None:
    issuer.jwks = jwks
    with pytest.raises(IssuerUnavailableError):
        await make(issuer, clock).key_for(K1)


async def test_bad_keys_do_not_spoil_the_good_ones(issuer: Issuer, clock: Clock) -> None:
    good = issuer._documents()["/realms/brics/jwks"]["keys"]
    issuer.jwks = {"keys": [None, 7, [], {}, {"kid": "k1"}, {"kid": "k1", "kty": "RSA", "n": "!"}, *good]}
    assert await make(issuer, clock).key_for(K1)


async def test_nothing_of_a_key_is_logged(
    issuer: Issuer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    modulus = issuer._documents()["/realms/brics/jwks"]["keys"][0]["n"]
    issuer.jwks = {"keys": [{"kid": "k1", "kty": "RSA", "n": modulus, "e": 7}]}
    with pytest.raises(TokenError):
        await make(issuer, clock).key_for(K1)
    assert modulus not in caplog.text
