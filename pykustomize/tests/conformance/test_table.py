"""Every case of the table, built by us and by kubectl."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from pykustomize import KustomizeError, build, dump
from pykustomize.tests.conformance.table import REFUSAL, Case, all_cases, ask_kubectl

TABLE = all_cases()
MINIMUM = {
    "resources: files": 40,
    "resources: directories": 15,
    "resources: several documents": 20,
    "components": 8,
    "patches: inline": 40,
    "patches: files": 5,
    "patches: strategic merge": 40,
    "patches: JSON 6902": 25,
    "patches: target": 25,
    "patches: regular expressions": 6,
    "patches: label and annotation selectors": 4,
    "patches: options": 5,
    "merge: keys": 15,
    "merge: null": 10,
    "merge: $patch": 10,
    "merge: other types": 4,
    "configMapGenerator": 25,
    "secretGenerator": 8,
    "generatorOptions": 3,
    "generators: literals": 15,
    "generators: files": 6,
    "generators: envs": 4,
    "generators: behavior": 8,
    "generators: options": 6,
    "generators: name hash": 15,
    "generators: disableNameSuffixHash": 4,
    "namePrefix": 15,
    "nameSuffix": 4,
    "namespace": 10,
    "references": 20,
    "labels": 12,
    "commonAnnotations": 6,
    "images": 8,
    "replicas": 1,
    "replacements": 12,
    "vars": 7,
    "configurations": 4,
    "YAML: scalars": 12,
    "YAML: anchors": 5,
    "order of documents": 2,
    "refused: kustomization": 25,
    "refused: documents": 12,
    "refused: patches": 15,
    "refused: replacements": 10,
    "refused: files": 8,
    "refused: generators": 8,
}


def name_of(case: Case) -> str:
    """The test's name."""
    return case.name


@pytest.mark.parametrize("case", TABLE, ids=name_of)
def test_we_build_what_is_expected(case: Case, tmp_path: Path) -> None:
    """We print what kubectl printed when the table was made, or refuse for the stated reason."""
    expected = case.expected_path.read_text(encoding="utf-8")
    directory = case.write(tmp_path)
    if case.refused:
        with pytest.raises(KustomizeError) as caught:
            build(directory)
        assert case.refused in str(caught.value)
    else:
        assert dump(build(directory)) == expected


@pytest.mark.parametrize("case", TABLE, ids=name_of)
def test_kubectl_still_says_so(case: Case, tmp_path: Path, kubectl: Path) -> None:
    """The expected output is kubectl's, not ours."""
    assert ask_kubectl(case.write(tmp_path)) == case.expected_path.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", [case for case in TABLE if not case.refused], ids=name_of)
def test_what_we_accept_kubectl_accepts(case: Case) -> None:
    """Nothing is built that kubectl refuses."""
    assert case.expected_path.read_text(encoding="utf-8") != REFUSAL


def test_the_table_is_big_enough() -> None:
    """Every feature has its minimum of cases, and no case has a feature that is not in the list."""
    counted = Counter(feature for case in TABLE for feature in case.features)
    assert len(TABLE) >= 150
    assert not set(counted) - set(MINIMUM)
    assert {feature: counted[feature] for feature, least in MINIMUM.items() if counted[feature] < least} == {}
