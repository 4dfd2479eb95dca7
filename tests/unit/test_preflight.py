"""What stops rootless podman before the first build."""

from pathlib import Path

import pytest

import pykustomize
from brics_envs.effects.machine import Fact
from brics_envs.lifecycle.preflight import limited_resources, obstacles
from brics_envs.plan.overlay import Overlay

ROOT = Path(__file__).resolve().parents[2]
BOTH = {"cpu", "memory"}


def controllers(found: str) -> Fact:
    return Fact("note", "cgroup controllers", found, "a can limit no cpu; do this")


def test_every_obstacle_is_told() -> None:
    facts = [
        Fact("ok", "git", "git", ""),
        Fact(
            "cannot", "/dev/net/tun", "not open to a", "rootless cannot work: /dev/net/tun is not open to a"
        ),
        Fact("cannot", "IDs for a in /etc/subuid", "nothing", "rootless cannot work: no IDs"),
        Fact("note", "pods outlive a's sessions", "no", "a pod ends when a signs out"),
    ]
    assert list(obstacles(facts, set())) == [facts[1].fix, facts[2].fix]


@pytest.mark.parametrize(
    ("found", "limits", "told"),
    [
        ("pids memory", BOTH, "containers have limits of cpu: a can limit no cpu; do this"),
        ("none", BOTH, "containers have limits of cpu and memory: a can limit no cpu; do this"),
        ("pids memory", {"memory"}, ""),
        ("pids", set(), ""),
        ("cgroup v1", BOTH, ""),
    ],
)
def test_limits_need_controllers(found: str, limits: set[str], told: str) -> None:
    assert list(obstacles([controllers(found)], limits)) == ([told] if told else [])


@pytest.mark.parametrize(("environment", "limits"), [("prod", BOTH), ("dev_dummyauth", set())])
def test_which_environments_have_limits(environment: str, limits: set[str]) -> None:
    pod = Overlay(pykustomize.build(ROOT / "k8s/overlays" / environment)).pod
    assert limited_resources(pod) == limits
