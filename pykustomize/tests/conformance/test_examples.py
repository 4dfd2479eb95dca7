"""Random kustomizations, built by us and by kubectl."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings

from pykustomize import KustomizeError, build, dump
from pykustomize.tests.conformance.documents import Tree
from pykustomize.tests.conformance.examples import trees
from pykustomize.tests.conformance.table import REFUSAL, ask_kubectl

WANTED = int(os.environ.get("CONFORMANCE_EXAMPLES", "300"))
"""Examples that both have to build. With ``CONFORMANCE_RANDOM=1`` they are others each time."""

counted: Counter[str] = Counter()
drawn: Counter[str] = Counter()


@settings(
    max_examples=3 * WANTED,
    phases=[Phase.generate],
    derandomize="CONFORMANCE_RANDOM" not in os.environ,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(tree=trees())
def test_both_build_the_same(tree: Tree, kubectl: Path) -> None:
    """What we accept kubectl prints, too."""
    if counted["built by both"] >= WANTED:
        return
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for path, text in tree.files.items():
            (root / path).parent.mkdir(exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        printed = ask_kubectl(root / tree.directory)
        try:
            ours = dump(build(root / tree.directory))
        except KustomizeError:
            counted["refused by both" if printed == REFUSAL else "refused by us alone"] += 1
            return
    assert ours == printed, "\n".join(f"# {path}\n{text}" for path, text in tree.files.items())
    counted["built by both"] += 1
    drawn.update(tree.features)


def test_enough_examples_were_built(record_property: Callable[[str, object], None]) -> None:
    """The comparison is worth something: enough examples, and every feature among them."""
    record_property(
        f"{counted.total()} examples", ", ".join(f"{count} {what}" for what, count in counted.most_common())
    )
    record_property(
        "features of those built by both", ", ".join(f"{name} {n}" for name, n in drawn.most_common())
    )
    assert counted["built by both"] >= WANTED
    assert {feature: drawn[feature] for feature in FEATURES if drawn[feature] < 5} == {}


FEATURES = (
    *("resource file", "multi-document file", "component", "two bases", "generatorOptions"),
    *("strategic patch", "strategic patch with target", "JSON patch", "patch file with several documents"),
    *("null in a patch", "$patch: delete", "$patch: replace", "$patch: merge"),
    *(
        "configMapGenerator",
        "configMapGenerator create",
        "configMapGenerator merge",
        "configMapGenerator replace",
    ),
    *("secretGenerator", "secretGenerator create", "secretGenerator merge", "secretGenerator replace"),
    *("namePrefix", "nameSuffix", "namespace", "labels", "commonAnnotations", "images"),
    *("commonLabels", "replicas", "sortOptions", "patchesStrategicMerge", "patchesJson6902"),
    *("replacements", "vars", "configurations"),
)
