"""Whether a web address answers. May import: nothing of the project."""

from __future__ import annotations

import threading

DEADLINE_S = 4.0
"""Seconds for a connection, and for an answer."""


def why_unreachable(url: str) -> str:
    """Why an address gives no good answer, in a few words; empty if it does.

    A certificate that is not known here is an answer: what asks later may know it.
    """
    answers: list[str] = []
    # A name server that does not answer is waited for longer than that.
    asking = threading.Thread(target=lambda: answers.append(_ask(url)), daemon=True)
    asking.start()
    asking.join(2 * DEADLINE_S)
    return answers[0] if answers else f"no answer within {2 * DEADLINE_S:g} s"


def _ask(url: str) -> str:
    # It takes long to load, and most commands ask nobody.
    import requests

    try:
        answer = requests.get(url, timeout=DEADLINE_S, stream=True)
    except requests.exceptions.SSLError:
        return ""
    except requests.Timeout:
        return f"no answer within {DEADLINE_S:g} s"
    except requests.RequestException as error:
        cause = getattr(error.args[0], "reason", error.args[0]) if error.args else error
        return str(cause).rpartition(": ")[2] or type(error).__name__
    with answer:
        return "" if answer.ok else f"{url} answers {answer.status_code} {answer.reason}"
