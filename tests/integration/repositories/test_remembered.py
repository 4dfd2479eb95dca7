"""An instance keeps its sources: those that were asked for, and those that were found."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from brics_envs.errors import BAD_INPUT, ConfigError, EnvsError
from tests.support.git_hosts import git_daemon
from tests.support.git_repositories import commit
from tests.support.repository_project import NAME, OTHER, Project


def test_a_path_is_kept_until_another_source_is_asked_for(project: Project, edited: Path) -> None:
    first = project.one(str(edited))
    (edited / "new.py").write_text("FIXED = True\n")
    second = project.up()
    assert (second[NAME].directory / "new.py").read_text() == "FIXED = True\n"
    assert second[NAME].digest != first.digest
    assert f"{NAME}: {edited}, copied into the image" in project.lines

    assert project.up(NAME)[NAME].version == "3"
    assert project.lines[0] == f"{NAME}: {edited} → built-in"
    assert project.up()[NAME].version == "3"
    assert not any("→" in line for line in project.lines)


def test_builtin_is_kept_where_there_is_a_clone(project: Project, upstream: Path) -> None:
    project.one(f"file://{upstream}@v1.2.0")
    assert project.up()[NAME].version == "1.2.0"
    project.up(NAME)
    assert project.lines[0] == f"{NAME}: file://{upstream}@v1.2.0 → built-in"
    assert project.up()[NAME].version == "3"


def test_a_url_is_kept_when_its_clone_has_gone_and_when_cloning_has_failed(
    project: Project, upstream: Path, tmp_path: Path
) -> None:
    later = tmp_path / "later"
    with pytest.raises(EnvsError):
        project.one(f"file://{later}@v1.2.0")
    shutil.copytree(upstream, later)
    assert project.up()[NAME].version == "1.2.0"
    shutil.rmtree(project.clone)
    assert project.up()[NAME].version == "1.2.0"
    # Somebody puts another clone there: it is not what was asked for.
    shutil.rmtree(project.clone)
    shutil.copytree(upstream, project.clone)
    with pytest.raises(ConfigError) as caught:
        project.up()
    assert f"not of file://{later}" in caught.value.message or "not a clone of" in caught.value.message
    assert f"--repo {NAME}={project.clone}" in caught.value.hint
    assert project.one(str(project.clone)).version == "1.2.0"


def test_a_path_that_has_gone_is_not_replaced_by_anything(project: Project, edited: Path) -> None:
    project.one(str(edited))
    shutil.rmtree(edited)
    with pytest.raises(ConfigError) as caught:
        project.up()
    assert caught.value.exit_status == BAD_INPUT
    assert f"{NAME}: {edited} does not exist" in caught.value.message
    assert "keeps its sources" in caught.value.hint


def test_what_was_chosen_for_development_does_not_count_in_production(project: Project, edited: Path) -> None:
    project.one(str(edited))
    with pytest.raises(EnvsError, match="cannot be reached"):
        project.up(allow_builtin=False)


def test_older_versions_record_is_kept(project: Project, upstream: Path) -> None:
    with git_daemon(upstream.parent) as url:
        default = f"{url}/{NAME}"
        project.set_defaults(default)
        context = project.instance / "context"
        context.mkdir(parents=True)
        (context / "builtin.json").write_text(json.dumps({NAME: default, OTHER: default}))
        assert {snapshot.version for snapshot in project.up().values()} == {"3"}
        (context / "builtin.json").unlink()
        assert {snapshot.version for snapshot in project.up().values()} == {"3"}


def test_a_clone_that_cannot_work_is_not_kept(project: Project, upstream: Path) -> None:
    pyproject = upstream / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace("slurmspawner_squeue", "squeue"))
    commit(upstream)
    with pytest.raises(EnvsError, match="it lacks script slurmspawner_squeue"):
        project.up(NAME, f"{OTHER}=file://{upstream}")
    assert not (project.root / "_dev_build_data" / OTHER).exists()
    # For another purpose it may do.
    assert project.one(f"file://{upstream}").version.startswith("1.2.1.dev1")
