"""Real Git, without the user's settings, and a package's repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.git_repositories import make_edited, make_package
from tests.support.repository_project import NAME, Project


@pytest.fixture(autouse=True)
def _no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    return make_package(tmp_path / "upstream" / NAME)


@pytest.fixture
def edited(upstream: Path) -> Path:
    return make_edited(upstream)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")
