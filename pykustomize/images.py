"""``images``: other names, tags and digests for the images of containers."""

from __future__ import annotations

import re
from collections.abc import Callable

from pykustomize.errors import KustomizeError
from pykustomize.fieldspecs import change_fields
from pykustomize.kustomization import Image
from pykustomize.nodes import Node, Scalar, is_null
from pykustomize.resources import Resources
from pykustomize.scalars import untyped
from pykustomize.tables import Specs

_IMAGE_NAME = re.compile(r"[A-Za-z0-9._/:-]+")


def set_image(resources: Resources, image: Image, specs: Specs, where: str) -> None:
    """Change one image wherever it stands: in every list of containers, and in the fields that are listed.

    :param where: the kustomization file, for messages.
    :raises KustomizeError: a container or an image that is none.
    """
    if not _IMAGE_NAME.fullmatch(image.name):
        raise KustomizeError(where, f"images: the name '{image.name}' is not supported")
    pattern = re.compile(rf"{image.name}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?")

    def change(node: Node) -> Node:
        if is_null(node):
            return node
        if not isinstance(node, Scalar):
            raise KustomizeError(where, "images: there is an 'image' that is not a string")
        if not pattern.fullmatch(node.text):
            return node
        return untyped(node, _new_image(node.text, image))

    for resource in resources:
        if resource.body is not None and resource.kind != "CustomResourceDefinition":
            _set_in_containers(resource.body, change, resource.origin)
        change_fields(resource, specs, change, None)


def _set_in_containers(node: Node, change: Callable[[Node], Node], where: str) -> None:
    """Change ``image`` in every list called ``containers`` or ``initContainers``, wherever it is."""
    if isinstance(node, list):
        for element in node:
            _set_in_containers(element, change, where)
    elif isinstance(node, dict):
        for name, value in node.items():
            _set_in_containers(value, change, where)
            if name in ("containers", "initContainers") and isinstance(value, list):
                _set_each(value, change, where)


def _set_each(containers: list[Node], change: Callable[[Node], Node], where: str) -> None:
    for container in containers:
        if not isinstance(container, dict):
            raise KustomizeError(where, "images: there is a container that is not a mapping")
        if "image" in container:
            container["image"] = change(container["image"])


def _new_image(text: str, image: Image) -> str:
    name, tag, digest = _split_image(text)
    if image.new_tag or image.digest:
        tag, digest = image.new_tag, image.digest
    elif image.tag_suffix:
        tag, digest = tag + image.tag_suffix, ""
    name = image.new_name or name
    return f"{name}{':' + tag if tag else ''}{'@' + digest if digest else ''}"


def _split_image(text: str) -> tuple[str, str, str]:
    """Name, tag and digest; a colon before the first slash belongs to the registry."""
    name, _, digest = text.partition("@")
    slash = max(name.find("/"), 0)
    base, _, tag = name[slash:].partition(":")
    return name[:slash] + base, tag, digest
