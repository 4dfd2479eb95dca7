"""The merge by the name that scripts outside know."""

import subprocess
import sys
from pathlib import Path

import pykustomize
from brics_envs import kustomize


def test_the_old_name_prints_the_same(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("configMapGenerator: [{name: a, literals: [b=c]}]\n")
    command = [sys.executable, "-m", "brics_envs.kustomize", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    assert done.stdout == pykustomize.dump(pykustomize.build(tmp_path))


def test_the_old_name_has_the_same_functions() -> None:
    for name in ("build", "dump", "KustomizeError"):
        assert getattr(kustomize, name) is getattr(pykustomize, name)
