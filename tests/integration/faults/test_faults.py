"""Every row of the table of faults, on one running pod."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from _pytest.mark import ParameterSet

from tests.integration.faults.checks import READY
from tests.integration.faults.fault import Check, Fault
from tests.integration.faults.scene import Scene
from tests.integration.faults.table import FAULTS


def rows() -> list[ParameterSet]:
    return [
        pytest.param(fault, id=fault.name, marks=[pytest.mark.full] if fault.full else [])
        for faults in FAULTS.values()
        for fault in faults
    ]


@pytest.mark.parametrize("fault", rows())
def test_fault(scene: Scene, fault: Fault) -> None:
    scene.set()
    try:
        with scene.open_notebook():
            with fault.cause(scene):
                check(scene, fault.during, "while the fault lasts")
            check(scene, [READY, *fault.after], "afterwards")
    except (Exception, pytest.fail.Exception):
        scene.repair()
        raise
    if fault.ends_work:
        scene.start_again()


def check(scene: Scene, checks: Iterable[Check], when: str) -> None:
    for one in checks:
        try:
            one.assertion(scene)
        except (Exception, pytest.fail.Exception) as error:
            error.add_note(f"checked {when}: {one.words}")
            raise
