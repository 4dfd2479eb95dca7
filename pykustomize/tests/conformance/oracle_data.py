"""The tables that kubectl carries inside: its OpenAPI document, and its lists of fields."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml

from pykustomize.tests.conformance.table import KUBECTL

GVK = "x-kubernetes-group-version-kind"
Message = bytes


@cache
def program() -> bytes:
    """The executable."""
    return KUBECTL.read_bytes()


def field_table(name: str) -> Any:
    """One of kustomize's built-in lists, by its key: ``nameReference``, ``images`` …"""
    data = program()
    start = data.index(f"\n{name}:\n".encode())
    lines = []
    for line in data[start + 1 : start + 40_000].decode("utf-8", "replace").split("\n"):
        if not re.fullmatch(rf"{name}:|\s*(- )?[a-zA-Z]+:( \S+)?|\s*", line):
            break
        lines.append(line)
    return yaml.safe_load("\n".join(lines))[name]


@cache
def openapi() -> Message:
    """The OpenAPI document, a protocol buffer."""
    data = program()
    for match in re.finditer(b"\x1f\x8b\x08", data):
        try:
            found = zlib.decompressobj(31).decompress(data[match.start() : match.start() + 5_000_000])
        except zlib.error:
            continue
        if b"Kubernetes" in found[:100]:
            return found
    raise AssertionError("kubectl carries no OpenAPI document")


def _varint(data: bytes, place: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = data[place]
        place += 1
        result |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return result, place


def parts(data: Message) -> Iterator[tuple[int, Any]]:
    """Number and value of every field of a message."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        if key & 7 == 0:
            value, place = _varint(data, place)
            yield key >> 3, value
            continue
        size, place = _varint(data, place) if key & 7 == 2 else (8 if key & 7 == 1 else 4, place)
        yield key >> 3, data[place : place + size]
        place += size


def every(data: Message, number: int) -> list[Any]:
    """All values of one field."""
    return [value for found, value in parts(data) if found == number]


def extensions(data: Message, number: int) -> dict[str, Any]:
    """The ``x-…`` fields of a message."""
    return {
        every(item, 1)[0].decode(): yaml.safe_load(every(every(item, 2)[0], 2)[0].decode())
        for item in every(data, number)
    }


def type_name(gvk: dict[str, str]) -> str:
    """``apiVersion/kind``."""
    return "/".join(part for part in (gvk["group"], gvk["version"], gvk["kind"]) if part)


def definitions() -> dict[str, Message]:
    """Every schema by its name."""
    return {every(item, 1)[0].decode(): every(item, 2)[0] for item in every(every(openapi(), 9)[0], 1)}


def cluster_scoped() -> set[str]:
    """The types that have a path without a namespace, and none with one."""
    namespaced: dict[str, bool] = {}
    for item in every(every(openapi(), 8)[0], 2):
        path, body = every(item, 1)[0].decode(), every(item, 2)[0]
        for get in every(body, 2):
            gvk = extensions(get, 13).get(GVK)
            if gvk:
                inside = "namespaces/{namespace}" in path
                namespaced[type_name(gvk)] = namespaced.get(type_name(gvk), False) or inside
    return {name for name, inside in namespaced.items() if not inside}
