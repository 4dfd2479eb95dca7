"""ConfigMaps and Secrets made from literals and files, and the hash at the end of their names."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

from pykustomize.errors import KustomizeError
from pykustomize.files import Root
from pykustomize.kustomization import Generator
from pykustomize.nodes import BOOL, Mapping, Scalar, lookup, text_of
from pykustomize.resources import Resource, Resources
from pykustomize.texts import string, string_mapping
from pykustomize.writer import plain

_KEY = re.compile(r"(?!\.\.?$|\.\.)[-._a-zA-Z0-9]{1,253}")
_LINE = 70
_HASH_LETTERS = str.maketrans("013ae", "ghkmt")


def generate(generator: Generator, root: Root, where: str) -> Resource:
    """The document that a generator describes.

    :raises KustomizeError: a file that is missing, a key that is bad or appears twice.
    """
    values: dict[str, bytes] = {}
    for key, value in _pairs(generator, root, where):
        if not _KEY.fullmatch(key):
            raise KustomizeError(where, f"{generator.kind} {generator.name}: '{key}' cannot be a key")
        if key in values:
            raise KustomizeError(where, f"{generator.kind} {generator.name}: the key '{key}' appears twice")
        values[key] = value
    metadata: Mapping = {"name": string(generator.name)}
    if generator.namespace:
        metadata["namespace"] = Scalar(generator.namespace)
    body: Mapping = {"apiVersion": Scalar("v1"), "kind": Scalar(generator.kind), "metadata": metadata}
    body |= _secret_data(generator, values) if generator.kind == "Secret" else _config_data(values)
    options = generator.options
    if options.labels:
        metadata["labels"] = string_mapping(options.labels)
    if options.annotations:
        metadata["annotations"] = string_mapping(options.annotations)
    if options.immutable:
        body["immutable"] = Scalar("true", BOOL)
    return Resource(body, where, needs_hash=not options.disable_name_suffix_hash, behavior=generator.behavior)


def absorb(resources: Resources, new: Resource) -> None:
    """Add a generated document, or merge it into or put it in the place of the one that it names.

    :raises KustomizeError: there is none, or there is one where there should be none.
    """
    identity = new.current_id
    known = resources.ever_called(identity)
    if not known:
        if new.behavior in ("merge", "replace"):
            raise KustomizeError(
                new.origin, f"{identity} does not exist, so its behavior cannot be {new.behavior}"
            )
        resources.add(new)
        return
    if len(known) > 1:
        raise KustomizeError(new.origin, f"{identity} could mean more than one document")
    old = known[0]
    if new.behavior not in ("merge", "replace"):
        raise KustomizeError(
            new.origin, f"{identity} is there already: its behavior must be merge or replace"
        )
    merged = new.behavior == "merge"
    _take_over(new, old)
    if merged:
        for name in ("data", "binaryData"):
            values = {**_data(old, name), **_data(new, name)}
            _replace_strings(new, name, values)
    resources[resources.index(old)] = new


def _take_over(new: Resource, old: Resource) -> None:
    """Give the new document the old one's name, namespace, history, labels and annotations."""
    for name, values in (
        ("labels", {**old.labels(), **new.labels()}),
        ("annotations", {**old.annotations(), **new.annotations()}),
    ):
        new.set_strings(name, values)
    new.set_name(old.name)
    new.set_namespace(old.namespace)
    new.former, new.prefixes, new.suffixes = list(old.former), list(old.prefixes), list(old.suffixes)
    new.variables = list(old.variables)
    new.needs_hash = new.needs_hash and old.needs_hash
    new.behavior = old.behavior


def _data(resource: Resource, name: str) -> dict[str, str]:
    """``data`` or ``binaryData`` as strings; nulls are empty."""
    node = lookup(resource.body, name)
    return {key: text_of(value) for key, value in node.items()} if isinstance(node, dict) else {}


def _replace_strings(resource: Resource, name: str, values: dict[str, str]) -> None:
    if resource.body is not None:
        resource.body.pop(name, None)
        if values:
            resource.body[name] = string_mapping(values)


def _config_data(values: dict[str, bytes]) -> Mapping:
    texts: Mapping = {}
    binaries: Mapping = {}
    for key in sorted(values):
        try:
            texts[key] = string(values[key].decode("utf-8"))
        except UnicodeDecodeError:
            binaries[key] = string(_base64(values[key]))
    return {**({"data": texts} if texts else {}), **({"binaryData": binaries} if binaries else {})}


def _secret_data(generator: Generator, values: dict[str, bytes]) -> Mapping:
    data = string_mapping({key: _base64(value) for key, value in values.items()})
    return {"type": Scalar(generator.type), "data": data}


def _base64(value: bytes) -> str:
    """Base64, in lines of 70 characters if it does not fit one."""
    text = base64.b64encode(value).decode("ascii")
    if len(text) < _LINE:
        return text
    return "".join(f"{text[start : start + _LINE]}\n" for start in range(0, len(text), _LINE))


def _pairs(generator: Generator, root: Root, where: str) -> list[tuple[str, bytes]]:
    return [
        *(pair for name in generator.envs for pair in _env_file(root.read(name), root.path / name)),
        *(_literal(text, where) for text in generator.literals),
        *(_file(text, root, where) for text in generator.files),
    ]


def _env_file(data: bytes, where: object) -> list[tuple[str, bytes]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise KustomizeError(where, f"is not UTF-8: {error}") from error
    pairs: list[tuple[str, bytes]] = []
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.removesuffix("\r").lstrip()
        if not line or line.startswith("#"):
            continue
        key, equals, value = line.partition("=")
        if not _KEY.fullmatch(key):
            raise KustomizeError(where, f"line {number}: '{key}' cannot be a key")
        if not equals:
            raise KustomizeError(
                where, f"line {number}: '{key}' has no value, and the environment is not read"
            )
        pairs.append((key, value.encode()))
    return pairs


def _literal(text: str, where: str) -> tuple[str, bytes]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise KustomizeError(where, f"the literal '{text}' is not KEY=VALUE")
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return key, value.encode()


def _file(text: str, root: Root, where: str) -> tuple[str, bytes]:
    key, equals, path = text.partition("=")
    if not equals:
        key, path = text.rstrip("/").rpartition("/")[2], text
    if not key or not path or "=" in path:
        raise KustomizeError(where, f"the file '{text}' is neither PATH nor KEY=PATH")
    return key, root.read(path)


def name_hash(resource: Resource) -> str:
    """The hash of a ConfigMap's or Secret's contents, ten letters. The name does not count.

    :raises ValueError: see :func:`.writer.plain`.
    """
    body = resource.body or {}
    content: dict[str, Any] = {
        "kind": resource.kind,
        "name": "",
        "data": plain(body["data"]) if "data" in body else "",
    }
    if resource.kind == "Secret":
        content["type"] = text_of(body.get("type"))
    extra = "stringData" if resource.kind == "Secret" else "binaryData"
    if isinstance(body.get(extra), dict):
        content[extra] = plain(body[extra])
    digest = hashlib.sha256(_go_json(content).encode()).hexdigest()
    return digest[:10].translate(_HASH_LETTERS)


def _go_json(value: Any) -> str:
    """JSON with sorted keys and the escapes that kubectl uses."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
