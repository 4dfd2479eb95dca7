"""Chromium without a screen, and the two instances that it visits, brought up from a copy of the checkout.

Screenshots of each step are in ``test-artefacts/``; on failure that of the last page, as ``TEST-failed.png``, and
the containers' logs too.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import docker
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.browser_pages import Visit
from tests.support.checkout import PROJECT, checkout
from tests.support.real_instance import RealInstance, brought_up
from tests.support.running_instance import podman_service

ARTEFACTS = PROJECT / "test-artefacts"
CHROMIUM = ("chromium", "chromium-browser")
TEST_DEADLINE_S = 400
STEP_DEADLINE_MS = 120_000
"""For any one step in the browser: generous, for a small machine that does other things too."""

ARGS = [
    "--no-sandbox",  # root has none; nothing but our own pages is visited
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let pictures be taken for the documentation."""
    parser.addoption("--pictures", metavar="DIR", help="save screenshots of the hub's pages in DIR")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """No test hangs for ever. The time of fixtures is theirs: they have deadlines of their own."""
    for item in items:
        if "tests/browser" in item.path.as_posix():
            item.add_marker(pytest.mark.timeout(TEST_DEADLINE_S, func_only=True))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep a picture of the page on which a test failed, and what the containers logged."""
    report = yield
    used = getattr(item, "funcargs", {})
    if report.when == "call" and report.failed and "visit" in used:
        used["visit"].page.screenshot(path=ARTEFACTS / f"{item.name}-failed.png")
        instance = used.get("real") or used["dummy"]
        names = ("jupyterhub", "issuer", "proxy") if "real" in used else ("jupyterhub",)
        for name in names:
            container = instance.container(name)
            state = f"{container.attrs['State']}, restarts: {container.attrs['RestartCount']}\n"
            log = container.logs(timestamps=True)
            (ARTEFACTS / f"{item.name}-failed-{name}.log").write_bytes(state.encode() + log)
    return report


@pytest.fixture(scope="session")
def root() -> Iterator[Path]:
    """A copy of the checkout."""
    with checkout() as copy:
        yield copy


@pytest.fixture(scope="session")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[docker.DockerClient]:
    """docker-py on podman's socket."""
    with podman_service(tmp_path_factory.mktemp("podman")) as client:
        yield client


@pytest.fixture(scope="module")
def real(podman: docker.DockerClient, root: Path) -> Iterator[RealInstance]:
    """dev_realauth."""
    with brought_up(podman, root, "dev_realauth", "browser-real", kept_port=8030) as instance:
        yield instance


@pytest.fixture(scope="module")
def dummy(podman: docker.DockerClient, root: Path) -> Iterator[RealInstance]:
    """dev_dummyauth."""
    with brought_up(podman, root, "dev_dummyauth", "browser-dummy", kept_port=8032) as instance:
        yield instance


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's chromium."""
    found = [path for name in CHROMIUM if (path := shutil.which(name))]
    assert found, "no chromium on PATH: apt-get install chromium"
    expect.set_options(timeout=STEP_DEADLINE_MS)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found[0], args=ARGS)
        yield running
        running.close()


@pytest.fixture
def visit(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """A browser without a past."""
    ARTEFACTS.mkdir(exist_ok=True)
    context = browser.new_context(viewport={"width": 1200, "height": 700}, locale="en-GB")
    context.set_default_timeout(STEP_DEADLINE_MS)
    page: Page = context.new_page()
    yield Visit(page, ARTEFACTS, request.node.path.stem.removeprefix("test_"))
    context.close()
