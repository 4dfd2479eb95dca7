"""Tokens and the keys that verify them are no longer good."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.integration.faults.fault import Cause
from tests.integration.faults.scene import Scene
from tests.support.issuer_keys import rotate
from tests.support.real_instance import TOKEN_HEADER, RealClient
from tests.support.token_forger import Forger


@contextmanager
def new_signing_key(scene: Scene) -> Iterator[None]:
    """The issuer has another key, and does not publish the old one any more."""
    rotate(scene.real, keep=0)
    yield


def shown(status: int, **seconds: float) -> Cause:
    """Show the hub, past the sign-in proxy, a token with these times, counted from now; it answers with the status."""

    @contextmanager
    def cause(scene: Scene) -> Iterator[None]:
        times = {name: int(time.time() + after) for name, after in seconds.items()}
        token = Forger.of(scene.real).with_claims(**times)
        client = RealClient(scene.real.direct_url)
        answer = client.get("/hub/login", headers={TOKEN_HEADER: token}, allow_redirects=False)
        assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
        yield

    return cause
