"""What Slurm's accounting is told, from dev_users and from the site's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from brics_envs.plan.ports import SLURMDBD_PORT
from tests.support.lone_modules import load_module

ROOT = Path(__file__).resolve().parents[2]
K8S = ROOT / "k8s/components"
load_module(ROOT / "build/slurm/slurm_files.py")
associations = load_module(ROOT / "build/slurm/associations.py")

NEW: set[tuple[str, str]] = set()
NAMES = ["b.p1", "a.p1", "a.p2"]


def test_a_new_cluster_gets_accounts_and_users() -> None:
    assert list(associations.changes(NEW, NAMES)) == [
        ("add", "cluster", "brics"),
        ("add", "account", "p1,p2", "Cluster=brics"),
        ("add", "user", "a.p1,b.p1", "Account=p1", "DefaultAccount=p1"),
        ("add", "user", "a.p2", "Account=p2", "DefaultAccount=p2"),
    ]


def test_what_is_there_is_left_alone() -> None:
    shown = "root|\nroot|root\np1|\np1|a.p1\np1|b.p1\np2|\np2|a.p2\ncourse|\ncourse|a.p1\ncourse|guest\n"
    assert list(associations.changes(associations.associations(shown), NAMES)) == []


def test_who_is_gone_loses_every_association() -> None:
    there = associations.associations("root|\np1|\np1|a.p1\np1|b.p1\np2|\np2|a.p2\n")
    assert list(associations.changes(there, ["a.p1"])) == [("delete", "user", "a.p2,b.p1")]


def test_each_of_the_sites_lines_is_carried_out_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(associations, "BRICS", tmp_path)
    assert associations.site_file() == []
    (tmp_path / "slurm").mkdir()
    text = '# QOS\n\nadd qos short MaxWall=10 # short\nadd account c Description="A course"\nadd "x\n'
    (tmp_path / "slurm/sacctmgr").write_text(text)
    done: list[tuple[str, ...]] = []
    monkeypatch.setattr(associations, "sacctmgr", lambda *words: done.append(words))
    refused = [associations.refusal(line) for line in associations.site_file()]
    assert done == [("add", "qos", "short", "MaxWall=10"), ("add", "account", "c", "Description=A course")]
    assert refused == ["", "", "", "", "No closing quotation"]
    assert capsys.readouterr().err == 'sacctmgr: add "x: No closing quotation\n'


def test_all_mean_the_same_slurmdbd_and_cluster() -> None:
    port = str(SLURMDBD_PORT)
    assert associations.SLURMDBD == ("127.0.0.1", SLURMDBD_PORT)
    for file, line in (
        ("accounting/accounting.conf", f"AccountingStoragePort={port}"),
        ("accounting/slurmdbd.conf", f"DbdPort={port}"),
        ("accounting/pod.yaml", f"containerPort: {port}"),
        ("slurm/slurm.conf", f"ClusterName={associations.CLUSTER}"),
    ):
        assert line in [words.strip() for words in (K8S / file).read_text().splitlines()], file
