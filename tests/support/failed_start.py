"""The page of a start that fails."""

from __future__ import annotations

import requests

from tests.support.hub_client import HubClient
from tests.support.waiting import wait_for


def page_that_says(client: HubClient, answer: requests.Response, words: str) -> str:
    """The answer to the form and the page that it led to, once one of them has these words.

    The hub waits for a second only: what fails later is on the page of the start that goes on.
    """

    def page() -> str:
        shown = client.get(answer.url.removeprefix(client.url))
        text = answer.content.decode() + shown.content.decode()
        return text if words in text else ""

    return wait_for(page, f"the page says: {words}", interval_s=0.5)
