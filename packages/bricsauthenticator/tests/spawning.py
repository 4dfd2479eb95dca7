"""What the tests of servers share: submitting the form, waiting for jobs, reading messages."""

from __future__ import annotations

import json
import subprocess
import sys
from html import unescape
from pathlib import Path
from typing import Any

import requests
from real_hub import Browser, Hub, wait_for

FORM = {
    "brics_project": "project1.brics",
    "runtime": "00:10:00",
    "ngpus": "2",
    "partition": "grace",
    "reservation": "",
}


def submit(browser: Browser) -> dict[str, Any]:
    """Submit the form and wait for the job, which is not yet a server."""
    before = browser.hub.jobs()
    assert browser.post_form(FORM).status_code == 302
    wait_for(lambda: browser.hub.jobs() > before, "the job to be submitted", 20)
    return browser.hub.job()


def start(browser: Browser, **changes: str) -> None:
    response = browser.post_form({**FORM, **changes})
    assert response.status_code == 302, response.text
    browser.wait_ready()


def release(hub: Hub, number: int) -> None:
    """Let a job run that was held in the queue."""
    run = f"import stand_in_slurm; stand_in_slurm._run({number})"
    environment = json.loads((hub.slurm / f"job-{number}.json").read_text())["environment"]
    subprocess.run([sys.executable, "-c", run], cwd=Path(__file__).parent, env=environment, check=True)


def message(page: requests.Response) -> str:
    """The error message on a page with the form."""
    return unescape(page.text.partition("spawn-error-msg")[2].partition(">")[2].partition("</p>")[0])
