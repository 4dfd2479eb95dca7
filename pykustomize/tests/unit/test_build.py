"""The build as a whole: files, order, errors, the command."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pykustomize import KustomizeError, build, dump
from pykustomize.__main__ import main

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"


def tree(root: Path, **files: str | bytes) -> Path:
    """Write files; ``__`` in a name is a slash, ``_yaml`` a suffix."""
    for name, content in files.items():
        path = root / name.replace("__", "/").replace("_yaml", ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def snapshot(root: Path) -> dict[str, bytes]:
    """Every file's contents."""
    return {str(path): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_base_component_and_overlay(tmp_path: Path) -> None:
    """Everything together, twice: same documents, same bytes, no file changed."""
    tree(
        tmp_path,
        base__kustomization_yaml="resources: [pod.yaml]\nconfigMapGenerator: [{name: cfg, literals: [a=1]}]\n",
        base__pod_yaml=POD + "spec: {volumes: [{name: v, configMap: {name: cfg}}]}\n",
        part__kustomization_yaml="apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: c-\n",
        overlay__kustomization_yaml="resources: [../base]\ncomponents: [../part]\nnamespace: team\n",
    )
    before = snapshot(tmp_path)
    first, second = build(tmp_path / "overlay"), build(tmp_path / "overlay")
    assert [(document["kind"], document["metadata"]) for document in first] == [
        ("ConfigMap", {"name": "c-cfg-h29d89cmmt", "namespace": "team"}),
        ("Pod", {"name": "c-a", "namespace": "team"}),
    ]
    assert first[1]["spec"]["volumes"][0]["configMap"]["name"] == "c-cfg-h29d89cmmt"
    assert dump(first) == dump(second)
    assert snapshot(tmp_path) == before


def test_results_are_independent(tmp_path: Path) -> None:
    """A caller may change what it got."""
    tree(tmp_path, kustomization_yaml="resources: [a.yaml]\n", a_yaml=POD)
    build(tmp_path)[0]["metadata"]["name"] = "changed"
    assert build(tmp_path)[0]["metadata"]["name"] == "a"


def test_generated_data(tmp_path: Path) -> None:
    """Text, binary data, environment files, long secrets."""
    tree(
        tmp_path,
        kustomization_yaml="""
generatorOptions: {disableNameSuffixHash: true}
configMapGenerator: [{name: c, files: [text, k=binary], envs: [env], literals: ["q='a b'"]}]
secretGenerator: [{name: s, files: [long]}]
""",
        text="é\n",
        binary=b"\xff\x00",
        env="\ufeff# comment\n  A=1 \n\nB=\n",
        long="x" * 100,
    )
    config, secret = build(tmp_path)
    assert config["data"] == {"A": "1 ", "B": "", "q": "a b", "text": "é\n"}
    assert config["binaryData"] == {"k": "/wA="}
    lines = secret["data"]["long"].split("\n")
    assert [len(line) for line in lines] == [70, 66, 0]
    assert base64.b64decode(secret["data"]["long"]) == b"x" * 100


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "has none of kustomization.yaml"),
        ({"kustomization_yaml": ""}, "is empty"),
        ({"kustomization_yaml": "resources: [b.yaml]"}, "b.yaml: there is no such file"),
        ({"kustomization_yaml": "resources: [..]"}, "is a cycle"),
        ({"kustomization_yaml": "resources: [/etc/passwd]"}, "is not a relative path"),
        ({"kustomization_yaml": "resources: [../x.yaml]", "../x_yaml": POD}, "is outside of this directory"),
        ({"kustomization_yaml": "helmCharts: [{name: a}]"}, "helmCharts: this field is not supported"),
        (
            {"kustomization_yaml": "patches: [{patch: a, path: b}]"},
            "patches[0]: needs either 'patch' or 'path'",
        ),
        ({"kustomization_yaml": "resources: [a.yaml, a.yaml]", "a_yaml": POD}, "is there already"),
        ({"kustomization_yaml": "resources: [a.yaml]", "a_yaml": "kind: Pod"}, "has no metadata.name"),
        ({"kustomization_yaml": "resources: [a.yaml]", "a_yaml": "metadata: {name: a}"}, "has no kind"),
        (
            {
                "kustomization_yaml": "resources: [a.yaml]\npatches: [{path: b.yaml}]",
                "a_yaml": POD,
                "b_yaml": "",
            },
            "b.yaml: the patch is empty",
        ),
    ],
)
def test_refused(
    tmp_path: Path, files: dict[str, Any], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line with the file, exit status 1, nothing printed."""
    directory = tree(tmp_path / "dir", **files)
    directory.mkdir(exist_ok=True)
    with pytest.raises(KustomizeError) as caught:
        build(directory)
    assert message in str(caught.value)
    assert main([str(directory)]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize(
    "field",
    [
        "patches: [{path: b.yaml, target: {name: z}}]",
        'patches: [{patch: \'[{"op": "remove", "path": "/a"}]\', target: {kind: Z}}]',
        'patchesJson6902: [{patch: \'[{"op": "remove", "path": "/a"}]\', target: {name: z}}]',
    ],
)
def test_a_target_that_matches_nothing(
    tmp_path: Path, field: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing to kubectl; an error for who wants to know."""
    tree(tmp_path, kustomization_yaml=f"resources: [a.yaml]\n{field}\n", a_yaml=POD, b_yaml=POD)
    assert build(tmp_path) == [yaml.safe_load(POD)]
    with pytest.raises(KustomizeError, match="the patch's target matches nothing"):
        build(tmp_path, strict=True)
    assert main([str(tmp_path)]) == 0
    assert main(["--strict", str(tmp_path)]) == 1
    assert "matches nothing" in capsys.readouterr().err


def test_symbolic_links_do_not_lead_out(tmp_path: Path) -> None:
    """Neither for files nor for the kustomization itself."""
    tree(tmp_path, secret_yaml=POD, dir__kustomization_yaml="resources: [link.yaml]")
    (tmp_path / "dir/link.yaml").symlink_to("../secret.yaml")
    with pytest.raises(KustomizeError, match="outside"):
        build(tmp_path / "dir")


def test_command(tmp_path: Path) -> None:
    """``python -m`` prints one stream."""
    tree(
        tmp_path,
        kustomization_yaml="resources: [a.yaml]\n",
        a_yaml=f"{POD}---\n{POD.replace('Pod', 'Service')}",
    )
    command = [sys.executable, "-m", "pykustomize", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    assert [document["kind"] for document in yaml.safe_load_all(done.stdout)] == ["Service", "Pod"]
    assert main([]) == 2


STRINGS = [
    *(
        "",
        " ",
        "a",
        "1",
        "1e3",
        "0o7",
        "0x1",
        "1_0",
        "on",
        "y",
        "null",
        "~",
        "2020-01-01",
        "1:20",
        ".5",
    ),
    *(
        "a: b",
        "a #b",
        "# a",
        "- a",
        "[a",
        "{a",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
        "'a'",
        '"a"',
        "a\\b",
        "?",
        "-",
    ),
    *(
        "a\nb",
        "a\n",
        "\n",
        "\na",
        " a\nb",
        "a \nb",
        "a\n\n",
        "\ta",
        "a\tb",
        "é日😀",
        "x" * 200,
        "word " * 40,
        "\x07",
    ),
]


def test_dump_can_be_read_back() -> None:
    """Any reader of YAML 1.1 finds the same values."""
    documents = [
        {"strings": STRINGS, "numbers": [1, -1, 1.5, True, None, 12345678901234567890], "e": [], "m": {}}
    ]
    assert list(yaml.safe_load_all(dump(documents))) == documents


def test_dump_sorts_nothing_and_shares_nothing() -> None:
    """The order is the caller's, and YAML's anchors are not used."""
    inner = {"b": 1, "a": 2}
    assert dump([{"y": inner, "x": inner}, {"z": 1e21}]) == (
        '"y":\n  b: 1\n  a: 2\nx:\n  b: 1\n  a: 2\n---\nz: 1e+21\n'
    )
