"""``replicas``: the number of pods of workloads."""

from __future__ import annotations

from pykustomize.errors import KustomizeError
from pykustomize.fieldspecs import update
from pykustomize.kustomization import Replicas
from pykustomize.nodes import INT, STR, Node, Scalar
from pykustomize.resources import Resources
from pykustomize.tables import Specs


def set_replicas(resources: Resources, replicas: Replicas, specs: Specs, where: str) -> None:
    """Set the number in every workload that has or once had the name.

    :param specs: the fields of workloads that hold it.
    :param where: the kustomization file, for messages.
    :raises KustomizeError: there is none, or its field is no scalar.
    """

    def change(node: Node) -> Node:
        if not isinstance(node, Scalar):
            raise KustomizeError(where, f"replicas: the field of '{replicas.name}' is not a number")
        return Scalar(str(replicas.count), STR if node.quoted else INT, node.style)

    found = False
    for spec in specs:
        for resource in resources:
            ids = (*resource.former_ids, resource.current_id)
            if resource.body is None or not any(
                one.name == replicas.name and spec.applies_to(one) for one in ids
            ):
                continue
            found = True
            if spec.applies_to(resource.current_id):
                update(
                    resource.body, spec, change, new=str, where=f"{resource.origin}: {resource.current_id}"
                )
    if not found:
        raise KustomizeError(where, f"replicas: there is no workload '{replicas.name}'")
