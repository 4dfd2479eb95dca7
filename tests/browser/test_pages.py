"""The pages of docs/pages.md, in a narrow window: nothing is wider than it, and the title says where one is.

``nox -s browser -- --pictures=docs/images`` takes the pictures of the documentation on the way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.support.browser_pages import SLOW_MS, Visit
from tests.support.real_instance import RealInstance, brought_up
from tests.support.waiting import wait_for

NARROW: ViewportSize = {"width": 320, "height": 640}
WIDE: ViewportSize = {"width": 900, "height": 540}
MOST_BYTES = 60_000
WIDEST = """() => [...document.querySelectorAll("body *")]
    .filter(element => element.getBoundingClientRect().right > innerWidth + 1)
    .map(element => element.outerHTML.slice(0, 100)).slice(0, 5)"""


class Look:
    """A look at pages: what is wrong with them, and their pictures."""

    def __init__(self, visit: Visit, pictures: Path | None) -> None:
        self._visit = visit
        self._pictures = pictures
        self.faults: list[str] = []

    def at(self, name: str, title: str) -> None:
        """Look at the page that is there now, under the name of its picture."""
        page = self._visit.page
        expect(page).to_have_title(title)
        page.set_viewport_size(NARROW)
        self._visit.picture(f"{name}-narrow")
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > NARROW["width"]:
            self.faults.append(f"{name}: {width} px wide: {page.evaluate(WIDEST)}")
        page.set_viewport_size(WIDE)
        if self._pictures:
            picture = self._pictures / f"page-{name}.png"
            page.screenshot(path=picture)
            assert picture.stat().st_size <= MOST_BYTES, picture


@pytest.fixture
def look(visit: Visit, request: pytest.FixtureRequest) -> Look:
    visit.page.set_viewport_size(WIDE)
    pictures = request.config.getoption("--pictures")
    return Look(visit, Path(pictures) if pictures else None)


@pytest.fixture(scope="module")
def dummy(podman: docker.DockerClient, root: Path) -> Iterator[RealInstance]:
    """dev_dummyauth with an administrator, and jobs that begin when it is time to warn of their end."""
    local = root / "config/dev_dummyauth/deploy.local.yaml"
    local.write_text('adminUsers: testuser\ntimeLeftMarks: "60"\n')
    with brought_up(podman, root, "dev_dummyauth", "browser-pages", kept_port=8036) as instance:
        yield instance
    local.unlink()


def wait_for_cluster(page: Page) -> None:
    """Look at the form again until it knows the cluster, which the first look has Slurm asked for."""
    wait_for(lambda: page.reload() and "GPUs free" in page.content(), "the form knows the cluster")


@contextmanager
def no_node_free(dummy: RealInstance) -> Iterator[None]:
    """Slurm starts no job."""
    dummy.slurm("scontrol", "update", "NodeName=ALL", "State=DRAIN", "Reason=a look at the queue")
    try:
        yield
    finally:
        dummy.slurm("scontrol", "update", "NodeName=ALL", "State=RESUME")


def test_pages_of_the_hub(dummy: RealInstance, visit: Visit, look: Look) -> None:
    page, hub = visit.page, f"{dummy.url}/hub"
    page.goto(f"{hub}/login")
    look.at("sign-in", "Sign in - JupyterHub")
    visit.sign_in("testuser", dummy.password)
    page.wait_for_url(f"{hub}/spawn**")
    wait_for_cluster(page)
    look.at("start", "Start a server - JupyterHub")
    page.goto(f"{hub}/user/testuser/lab")
    look.at("not-running", "Server not running - JupyterHub")
    page.goto(f"{hub}/no-such-page")
    look.at("error", "Page not found (404) - JupyterHub")
    page.goto(f"{hub}/token")
    expect(page.locator("#request-token-form")).to_be_visible()
    proposed = page.locator("#token-expiration-seconds option:checked")
    expect(proposed).not_to_have_text("Never")
    look.at("tokens", "API tokens - JupyterHub")

    page.goto(f"{hub}/spawn")
    # While it is looked at, the page must not go on to JupyterLab.
    with no_node_free(dummy):
        page.click("form [type=submit]")
        expect(page.locator("#progress-message")).to_contain_text("waits in the queue", timeout=SLOW_MS)
        look.at("progress", "Server is starting - JupyterHub")
    visit.wait_for_lab()
    warning = page.locator(".Toastify__toast")
    expect(warning).to_have_text(re.compile(r"This server's Slurm job ends in \d+ min, .* Save your work\."))
    visit.picture("time-left")
    page.goto(f"{hub}/home")
    expect(page.locator("#stop")).to_be_visible()
    for fact in ("project1.brics", "n1", "Time left"):
        expect(page.locator(".job-facts")).to_contain_text(fact)
    look.at("home", "Home - JupyterHub")
    page.goto(f"{hub}/admin")
    expect(page.get_by_text("Stop All")).to_be_visible()
    look.at("admin", "Admin - JupyterHub")
    visit.stop_server(dummy.url)
    expect(page.locator(".job-facts")).to_be_hidden()
    assert look.faults == []


def test_the_form_with_the_keyboard_alone(dummy: RealInstance, visit: Visit) -> None:
    page = visit.page
    page.set_viewport_size({"width": 1200, "height": 750})
    page.goto(f"{dummy.url}/hub/login")
    visit.sign_in("testuser", dummy.password)
    page.wait_for_url(f"{dummy.url}/hub/spawn**")
    wait_for_cluster(page)
    visit.picture("form")
    expect(page.locator("#partition option")).to_contain_text(["workq (8 of 8 GPUs free", "interactive ("])
    expect(page.locator("#reservation")).to_have_count(0)
    expect(page.locator("#brics_project")).to_be_focused()
    expect(page.locator("form [type=submit]")).to_be_in_viewport(ratio=1)

    page.keyboard.press("Tab")
    page.keyboard.type("1:00")
    page.keyboard.press("Enter")
    problem = page.locator("#runtime_problem")
    expect(problem).to_have_text("Run time: '1:00' is not a time of the form HH:MM:SS.")
    expect(page.locator("#runtime")).to_be_focused()
    expect(page.locator("#runtime")).to_have_value("01:00:00")
    visit.picture("refused")
    page.set_viewport_size(NARROW)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], page.evaluate(WIDEST)
    visit.picture("refused-narrow")

    page.goto(f"{dummy.url}/hub/spawn?opt-brics_project=project1.brics&opt-partition=nosuchpart")
    expect(page.locator("#partition_problem")).to_contain_text("Partition: Slurm does not take 'nosuchpart'")
    expect(page.locator("#partition")).to_have_value("workq")
    visit.picture("refused-by-slurm")


def test_pages_of_the_local_issuer(real: RealInstance, visit: Visit, look: Look) -> None:
    visit.page.goto(f"{real.url}/")
    visit.page.wait_for_url(f"{real.issuer}/interaction/**")
    look.at("issuer-sign-in", "Sign in to BriCS JupyterHub")
    assert look.faults == []
