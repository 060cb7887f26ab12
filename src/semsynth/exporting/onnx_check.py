"""What an ONNX file may hold: one graph of standard operators, and its weights within the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from semsynth.errors import SemsynthError, shortened
from semsynth.files import read_bytes

if TYPE_CHECKING:
    from onnx import GraphProto, TensorProto

MAX_BYTES = 2**31
"""Of a file: more than protocol buffers hold."""


def read_onnx(path: Path) -> bytes:
    """The bytes of an ONNX file that refers to no other file and calls no operator from elsewhere.

    Raises:
        SemsynthError: no ONNX file, a damaged one, or one with external data, operators of other domains, functions, or
            graphs within nodes; exports have none of them.
    """
    import onnx

    data = read_bytes(path, MAX_BYTES)
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # of protocol buffers, whose class depends on their version
        raise SemsynthError(
            f"{path} is no ONNX file, or damaged ({shortened(error)}): export the model again"
        ) from error
    found = next(_foreign(model.graph), None)
    if model.functions:
        found = f"the function {shortened(model.functions[0].name)}"
    if found:
        raise SemsynthError(
            f"{path} holds {found}, which files of 'semsynth export' never have: export the model again, or get the "
            "file from somebody else"
        )
    return data


def _foreign(graph: GraphProto) -> Iterator[str]:
    for node in graph.node:
        if node.domain not in ("", "ai.onnx"):
            yield f"the operator {shortened(node.domain)}.{shortened(node.op_type)}"
        for attribute in node.attribute:
            if attribute.HasField("g") or attribute.graphs:
                yield f"a graph within a node ({shortened(node.op_type)})"
            for tensor in (attribute.t, *attribute.tensors):
                yield from _elsewhere(tensor)
    for tensor in graph.initializer:
        yield from _elsewhere(tensor)
    for sparse in graph.sparse_initializer:
        yield f"the sparse tensor {shortened(sparse.values.name)}"


def _elsewhere(tensor: TensorProto) -> Iterator[str]:
    if tensor.data_location or tensor.external_data:
        yield f"a tensor that lies in another file ({shortened(tensor.name)})"
