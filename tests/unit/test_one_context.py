"""Builds for a podman on another machine: one context, and secrets in the place of mounts."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from brics_envs.effects.one_folder import one_folder
from brics_envs.plan.image_commands import BaseImage, build_arguments
from brics_envs.plan.images import Build
from brics_envs.plan.one_context import one_context
from brics_envs.plan.volume_commands import export_arguments, import_arguments

ROOT = Path(__file__).resolve().parents[2]
BEFORE = """\
FROM base AS one
# Step: a
RUN a \\
 && RUN b \\
# COPY --from=repo x y
 && c
COPY --from=one /x /y
COPY --from=repo --chown=1:1 . /opt/repo
COPY --from=repo a b /opt/
RUN --mount=type=bind,source=s,target=/t d
"""
AFTER = """\
FROM base AS one
# Step: a
RUN --mount=type=secret,id=h,target=/etc/pip.conf,mode=0444 a \\
 && RUN b \\
# COPY --from=repo x y
 && c
COPY --from=one /x /y
COPY --chown=1:1 .contexts/repo/. /opt/repo
COPY .contexts/repo/a .contexts/repo/b /opt/
RUN --mount=type=secret,id=h,target=/etc/pip.conf,mode=0444 --mount=type=bind,source=s,target=/t d
"""


def test_one_context() -> None:
    assert one_context(BEFORE, ["repo"], {"h": "/etc/pip.conf"}) == AFTER


def test_without_contexts_and_secrets_nothing_changes() -> None:
    assert one_context(BEFORE, [], {}) == BEFORE


@pytest.mark.parametrize("file", sorted(ROOT.glob("build/**/Containerfile.*")), ids=lambda path: path.name)
def test_every_containerfile_is_understood(file: Path) -> None:
    contexts = ["requirements", "bricsauthenticator", "slurmspawner_wrappers"]
    before = file.read_text()
    after = one_context(before, contexts, {"h": "/etc/pip.conf"})
    assert not re.search(rf"--from=({'|'.join(contexts)})", after)
    joined = re.sub(r"\\\n", " ", before)
    assert after.count("id=h,") == len(re.findall(r"^RUN ", joined, re.MULTILINE))


def test_the_folder_has_all_that_is_copied(tmp_path: Path) -> None:
    context, repo, shared = tmp_path / "build", tmp_path / "repo", tmp_path / "shared"
    for directory in (context, repo, shared):
        directory.mkdir()
    (context / "Containerfile.x").write_text("FROM a\nCOPY --from=repo . /r\nRUN true\n")
    (context / "file").touch()
    (repo / "code.py").write_text("1\n")
    (shared / "ca.crt").write_text("CA")
    (tmp_path / "pip").write_text("[global]\n")
    image = Build("t", "b", context / "Containerfile.x", context, (("repo", repo),), ())
    volumes = (f"{tmp_path}/pip:/etc/pip.conf:ro", f"{shared}:/run/build-host:ro")
    with one_folder(image, volumes) as (sent, secrets):
        assert sent.contexts == ()
        assert (sent.context / "file").exists()
        assert (sent.context / ".contexts/repo/code.py").read_text() == "1\n"
        text = sent.containerfile.read_text()
        assert "COPY .contexts/repo/. /r\n" in text
        assert "id=host1,target=/run/build-host/ca.crt" in text
        assert secrets == {"host0": tmp_path / "pip", "host1": shared / "ca.crt"}
        arguments = build_arguments(
            sent,
            base=BaseImage("b", "1", "", ""),
            digest="d",
            revision="r",
            rebuild=False,
            volumes=(),
            limits={},
            command_id="c",
            secrets=secrets,
        )
        assert f"--secret=id=host0,src={tmp_path}/pip" in arguments
        assert arguments[-1] == str(sent.context)
    assert not sent.context.exists()
    assert (context / "Containerfile.x").read_text().startswith("FROM a\nCOPY --from=repo")


def test_volumes_are_copied_by_a_container_that_sees_nothing_else() -> None:
    assert import_arguments("v", "") == ("volume", "import", "v", "-")
    into, out = shlex.join(import_arguments("v", "i")), shlex.join(export_arguments("v", "i"))
    for command in (into, out):
        assert command.startswith("run --rm --network=none --user=0 --read-only --cap-drop=all ")
    assert "--interactive --volume=v:/volume --entrypoint=tar i --extract" in into
    assert "--volume=v:/volume:ro --entrypoint=tar i --create" in out
