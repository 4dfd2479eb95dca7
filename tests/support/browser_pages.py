"""What a user does on the pages, step by step, with a picture of each step."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.support.running_instance import RunningInstance
from tests.support.waiting import wait_for

SLOW_MS = 120_000
CELL = """import getpass, os
print("job", os.environ["SLURM_JOB_ID"])
print("account", getpass.getuser())
print("node", os.environ["SLURMD_NODENAME"])"""
TIME_LEFT = re.compile(r"Job: [1-9]\d? min left")
OUTPUT = re.compile(r"job (\d+)\s+account (\S+)\s+node (\S+)")


@dataclass
class Visit:
    """A page of a browser, and where its pictures go: ``ARTEFACTS/NAME-NN-STEP.png``."""

    page: Page
    artefacts: Path
    name: str
    steps: int = field(default=0)

    def picture(self, step: str) -> None:
        """Keep a picture of the page as it is now."""
        self.steps += 1
        self.page.screenshot(path=self.artefacts / f"{self.name}-{self.steps:02}-{step}.png")

    def sign_in(self, user: str, password: str) -> None:
        """Fill in whatever sign-in form is shown."""
        self.page.fill("input[name=username]", user)
        self.page.fill("input[name=password]", password)
        self.page.click("form [type=submit]")

    def choose_project(self, project: str) -> None:
        """Choose a project, start a server, and see its progress."""
        self.page.select_option("select[name=brics_project]", project)
        self.picture("project-choice")
        self.page.click("form [type=submit]")
        expect(self.page.locator("#progress-bar, .progress-bar")).to_be_visible(timeout=SLOW_MS)
        self.picture("spawn-progress")

    def wait_for_lab(self) -> None:
        """See JupyterLab's launcher."""
        self.page.wait_for_url("**/user/*/lab**", timeout=SLOW_MS)
        expect(self.launcher("Notebook")).to_be_visible(timeout=SLOW_MS)
        expect(self.page.locator("#jp-main-statusbar")).to_contain_text(TIME_LEFT, timeout=SLOW_MS)
        self.picture("jupyterlab")

    def launcher(self, kind: str) -> Locator:
        """The launcher's first card of a category."""
        return self.page.locator(f'.jp-LauncherCard[data-category="{kind}"]').first

    def run_cell(self) -> tuple[str, str, str]:
        """Run a cell that tells about its job: job ID, account and node, as its output shows them."""
        self.launcher("Notebook").click()
        expect(self.page.locator(".jp-Notebook .jp-Cell").first).to_be_visible(timeout=SLOW_MS)
        # Before the kernel is there JupyterLab drops what is run.
        expect(self.page.get_by_text("| Idle")).to_be_visible(timeout=SLOW_MS)
        self.page.locator(".jp-Notebook .jp-Cell .cm-content").first.click()
        self.page.keyboard.insert_text(CELL)
        self.page.keyboard.press("Control+Enter")
        output = self.page.locator(".jp-OutputArea-output").filter(has_text=OUTPUT)
        expect(output).to_be_visible(timeout=SLOW_MS)
        self.picture("cell")
        match = OUTPUT.search(output.inner_text())
        assert match
        return match.group(1), match.group(2), match.group(3)

    def open_terminal(self) -> None:
        """Open a terminal from the menu, and type into it."""
        self.page.click(".lm-MenuBar-item >> text=File")
        self.page.hover(".lm-Menu-item >> text=/^New$/")
        self.page.click('.lm-Menu-item[data-command="terminal:create-new"]')
        expect(self.page.locator(".jp-Terminal")).to_be_visible(timeout=SLOW_MS)
        # xterm draws on a canvas: what the command does is seen from outside.
        self.page.wait_for_timeout(3000)
        self.page.locator(".jp-Terminal .xterm-screen").click()
        self.page.keyboard.type("whoami | tee ~/terminal.txt\n", delay=20)

    def stop_server(self, url: str) -> None:
        """Stop the server on the hub's home page."""
        self.page.goto(f"{url}/hub/home")
        self.page.click("#stop")
        expect(self.page.locator("#stop")).to_be_hidden(timeout=SLOW_MS)
        self.picture("server-stopped")


def use_server(visit: Visit, running: RunningInstance, project: str, account: str) -> None:
    """From the form that starts a server to its end: progress, JupyterLab, a cell, a terminal, stop."""
    visit.choose_project(f"{project}.brics")
    visit.wait_for_lab()
    job, user, node = visit.run_cell()
    assert (user, node) == (account, "n1")
    assert running.jobs(account) == [job]
    visit.open_terminal()
    home = f"/home/{project}/{account}"
    wait_for(
        lambda: running.run("slurm", "cat", f"{home}/terminal.txt").stdout == f"{account}\n",
        "the terminal's command",
    )
    visit.picture("terminal")
    expect(visit.page.locator(".Toastify__toast"), "JupyterLab offers no news").to_have_count(0)
    visit.stop_server(running.url)
    wait_for(lambda: not running.jobs(account), "the job has left the queue")
