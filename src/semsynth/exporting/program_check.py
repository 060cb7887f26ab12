"""What the JSON of an exported program may hold: known fields, known operators, names, numbers, and sizes.

torch (2.13) makes Python code of a program's names and runs it, imports modules that the description of its arguments
names, and calls whatever operator a node asks for, those that write files included. So nothing passes here that is not
on a list: every field is known, every text is of the kind that its field has, and every operator is one that exports of
our own generators use (``tests/exporting/test_operators.py`` collects them).
"""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Callable, Iterator
from typing import Any

from semsynth.documents import checked
from semsynth.errors import shortened
from semsynth.exporting.expressions import is_size
from semsynth.exporting.operators import OPERATORS

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*")
"""Of values, and of weights, with dots. The former become variables of Python code."""
_VERSION = re.compile(r"[0-9]+(\.[0-9]+){1,3}[A-Za-z0-9.+]*")
_NAMED = frozenset(
    ("tensor_values", "sym_int_values", "sym_bool_values", "sym_float_values", "config", "opset_version")
)
"""Fields that hold mappings whose keys are names."""
_EMPTY = frozenset(("guards_code", "custom_obj_values", "treespec_namedtuple_fields"))
"""Fields that hold code or objects: they must hold nothing."""
_FIELDS = frozenset(
    (
        *("graph_module", "schema_version", "graph", "signature", "module_call_graph"),
        *("inputs", "outputs", "nodes", "is_single_tensor_return", "is_hop_single_tensor_return", "kind", "arg"),
        *("input_specs", "output_specs", "parameter", "buffer", "tensor_constant", "user_input", "constant_input"),
        *("user_output", "persistent", "value", "major", "minor", "min_val", "max_val", "hint", "index", "metadata"),
        *("as_none", "as_tensor", "as_tensors", "as_optional_tensor", "as_optional_tensors", "as_bool", "as_bools"),
        *("as_int", "as_ints", "as_float", "as_floats", "as_sym_int", "as_sym_ints", "as_sym_bool", "as_sym_float"),
        *("as_expr", "as_scalar_type", "as_memory_format", "as_layout", "as_device", "is_param", "use_pickle"),
        *("tensor_meta", "dtype", "sizes", "requires_grad", "device", "strides", "storage_offset", "layout"),
    )
)
"""Fields besides those that hold text."""


def check_program(value: Any) -> Any:
    """Check the description of a program or of its weights, and remove remarks on where nodes came from.

    Args:
        value: parsed JSON; changed in place.

    Raises:
        ValueError: it holds something that exports never hold; the message is a clause that says what.
    """
    for key, one in _pairs(value):
        if key == "metadata" and isinstance(one, dict):
            one.clear()
        elif key == "target":
            _check_operator(one)
        elif key == "use_pickle" and one is not False:
            raise ValueError("a tensor is pickled")
        elif key in _TEXTS:
            if one is not None and not all(_TEXTS[key](text) for text in (one if isinstance(one, list) else [one])):
                raise ValueError(f"{_WHAT.get(key, key)} is {shortened(repr(one))}")
        elif key in _EMPTY and one:
            raise ValueError(f"it has {key}")
        elif key in _NAMED or key == "range_constraints":
            is_key = is_size if key == "range_constraints" else _is_name
            if not isinstance(one, dict) or not all(is_key(name) for name in one):
                raise ValueError(f"a name in {key} is none")
        elif key not in _FIELDS and key not in _EMPTY:
            raise ValueError(f"it has {shortened(key)}")
        elif isinstance(one, str) or (isinstance(one, list) and any(isinstance(inner, str) for inner in one)):
            raise ValueError(f"it has a text as {key}")
    return value


def _check_operator(target: object) -> None:
    if not (isinstance(target, str) and target in OPERATORS):
        raise ValueError(f"its graph calls {shortened(repr(target))}")


def _is_name(text: object) -> bool:
    """Whether it can be a variable, or attributes of a module, and nothing else."""
    return isinstance(text, str) and bool(_NAME.fullmatch(text)) and not _means_something(text)


def _means_something(text: str) -> bool:
    return any(keyword.iskeyword(part) or part.startswith("__") for part in text.split("."))


def _is_structure(text: object) -> bool:
    """Whether it says how arguments nest: tuples, lists and dictionaries, of which torch imports nothing."""
    if not isinstance(text, str):
        return False
    try:
        version, root = checked(json.loads(text))
    except (ValueError, TypeError, RecursionError):
        return False
    waiting = [root]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, dict) or set(one) != {"type", "context", "children_spec"}:
            return False
        if (one["type"], one["context"]) not in _CONTAINERS or not isinstance(one["children_spec"], list):
            return False
        waiting += one["children_spec"]
    return bool(version == 1)


_CONTAINERS = ((None, None), ("builtins.tuple", "null"), ("builtins.list", "null"), ("builtins.dict", "[]"))

_TEXTS: dict[str, Callable[[object], bool]] = {
    **dict.fromkeys(("name", "as_name", "parameter_name", "buffer_name", "tensor_constant_name"), _is_name),
    **dict.fromkeys(("path_name", "forward_arg_names"), _is_name),
    "fqn": lambda text: text == "" or _is_name(text),
    "expr_str": is_size,
    **dict.fromkeys(("in_spec", "out_spec"), _is_structure),
    "type": lambda text: text == "cpu",
    "as_string": lambda text: text in ("reflect", "replicate"),
    "verifiers": lambda text: text in ("TRAINING", "ATEN"),
    "torch_version": lambda text: isinstance(text, str) and bool(_VERSION.fullmatch(text)),
}
"""Fields that hold text, or a list of texts, and which."""
_WHAT = {"expr_str": "a size", "type": "a device", "as_string": "a text", "name": "a name", "as_name": "a name"}
"""Of these fields, as messages call them."""


def _pairs(value: Any) -> Iterator[tuple[str, Any]]:
    """Every field of every object inside ``value``, with what it holds; entries of mappings by name are no fields."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            yield from one.items()
            for key, inner in one.items():
                named = (key in _NAMED or key == "range_constraints") and isinstance(inner, dict)
                waiting += inner.values() if named else [inner]
