"""The public keys of an OpenID Connect issuer: found by discovery, fetched without blocking, cached briefly.

Imports: addresses, tokens. The only module of this package that talks to the issuer.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jwt
from tornado.httpclient import HTTPError
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from bricsauthenticator.addresses import is_safe
from bricsauthenticator.tokens import Header, TokenError, select_key

MAX_DOCUMENT = 512 * 1024
"""Largest discovery document or key set that is read, bytes."""

MAX_KEYS = 100

REFETCH_BURST = 5
"""Fetches for unknown key IDs that may follow each other at once: a rotation must be seen immediately …"""

REFETCH_INTERVAL = 10.0
"""… and seconds until one more is allowed: tokens with made-up key IDs must not load the issuer."""

FAILURE_PAUSE = 1.0
"""Seconds after a failed fetch without another one: requests in this time fail at once."""


class IssuerUnavailableError(Exception):
    """The issuer's keys are needed and cannot be had. The message names the URL and the reason."""


@dataclass(frozen=True)
class KeySet:
    """The issuer's keys as fetched at one time."""

    keys: tuple[Mapping[str, Any], ...]
    fetched: float


class IssuerKeys:
    """Finds the key for a token's header; fetches the issuer's keys when they are old or lack it."""

    def __init__(
        self,
        issuer: str,
        *,
        max_age: float,
        timeout: float,
        log: logging.Logger | Any,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        :param issuer: the issuer's URL, exactly as its discovery document gives it.
        :param max_age: seconds for which fetched keys are used.
        :param timeout: seconds for each of the two requests of a fetch.
        """
        self.issuer = issuer
        self._max_age = max_age
        self._timeout = timeout
        self._log = log
        self._clock = clock
        self._key_set: KeySet | None = None
        self._failed: float | None = None
        self._fetching = asyncio.Lock()
        self._refetches = float(REFETCH_BURST)
        self._refetches_counted = clock()

    async def key_for(self, header: Header) -> jwt.PyJWK:
        """The key that verifies a token with this header.

        :raises TokenError: the issuer has no such key.
        :raises IssuerUnavailableError: it cannot be known whether the issuer has it.
        """
        cached = self._current()
        key = select_key(cached.keys, header) if cached else None
        if key is None and (cached is None or self._may_be_newer(header)):
            fetched = await self._fetch(newer_than=cached or self._key_set)
            key = select_key(fetched.keys, header)
        if key is None:
            raise TokenError("the token's key is unknown")
        return key

    def _may_be_newer(self, header: Header) -> bool:
        """Whether to look at the issuer for a key ID that the cached keys do not have."""
        return header.key_id is not None and (
            self._fetching.locked() or self._pausing() or self._take_refetch()
        )

    def _current(self) -> KeySet | None:
        """The cached keys, unless they are too old."""
        if self._key_set is None or self._clock() - self._key_set.fetched >= self._max_age:
            return None
        return self._key_set

    def _take_refetch(self) -> bool:
        """Take one from the bucket of refetches, if there is one."""
        now = self._clock()
        gained = (now - self._refetches_counted) / REFETCH_INTERVAL
        self._refetches = min(REFETCH_BURST, self._refetches + gained)
        self._refetches_counted = now
        if self._refetches < 1:
            return False
        self._refetches -= 1
        return True

    def _pausing(self) -> bool:
        """Whether the last fetch has just failed; then the next one fails at once."""
        return self._failed is not None and self._clock() - self._failed < FAILURE_PAUSE

    async def _fetch(self, newer_than: KeySet | None) -> KeySet:
        """Fetch the keys; several callers at once share one fetch.

        :raises IssuerUnavailableError: they cannot be had.
        """
        async with self._fetching:
            if self._key_set is not None and self._key_set is not newer_than:
                return self._key_set
            if self._pausing():
                raise IssuerUnavailableError(f"{self.issuer}: has just failed to answer")
            try:
                keys = await self._download()
            except IssuerUnavailableError as error:
                self._failed = self._clock()
                # The pause bounds failures; this one says nothing about the key.
                self._refetches = min(REFETCH_BURST, self._refetches + 1)
                self._log.warning("%s", error)
                raise
            self._failed = None
            self._key_set = KeySet(keys, self._clock())
            self._log.debug("Fetched the issuer's keys: %d", len(keys))
            return self._key_set

    async def _download(self) -> tuple[Mapping[str, Any], ...]:
        discovery_url = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
        discovery = await self._get_json(discovery_url)
        if discovery.get("issuer") != self.issuer:
            raise IssuerUnavailableError(f"{discovery_url}: its issuer is not {self.issuer}")
        jwks_uri = discovery.get("jwks_uri")
        if not isinstance(jwks_uri, str) or not self._may_fetch(jwks_uri):
            raise IssuerUnavailableError(f"{discovery_url}: no acceptable jwks_uri")
        keys = (await self._get_json(jwks_uri)).get("keys")
        if not isinstance(keys, list):
            raise IssuerUnavailableError(f"{jwks_uri}: not a JWK set")
        return tuple(key for key in keys[:MAX_KEYS] if isinstance(key, dict))

    def _may_fetch(self, url: str) -> bool:
        """Keys travel as safely as the discovery document did: never over http if that came over https."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        same = {"https", urlsplit(self.issuer).scheme}
        return bool(parts.hostname) and parts.scheme in same and is_safe(parts)

    async def _get_json(self, url: str) -> dict[str, Any]:
        """Get a JSON object; with time-outs, a size limit and without following redirects.

        :raises IssuerUnavailableError: it cannot be had.
        """
        client = SimpleAsyncHTTPClient(force_instance=True, max_body_size=MAX_DOCUMENT)
        try:
            response = await client.fetch(
                url,
                connect_timeout=self._timeout,
                request_timeout=self._timeout,
                follow_redirects=False,
                decompress_response=False,
                headers={"Accept": "application/json"},
            )
            document = json.loads(response.body)
        except (HTTPError, OSError, ValueError, RecursionError) as error:
            raise IssuerUnavailableError(f"{url}: {type(error).__name__}: {str(error)[:200]}") from None
        finally:
            client.close()
        if not isinstance(document, dict):
            raise IssuerUnavailableError(f"{url}: not a JSON object")
        return document
