"""Programs of coremltools' builder as MIL text, in the syntax of Apple's `model.mil`."""

import numpy as np
from coremltools.converters.mil.mil import types
from coremltools.converters.mil.mil.types.symbolic import is_symbolic


def program_text(program, opset, outputs):
    """The text of `program`; `outputs` gives names to the variables that it yields."""
    function = program.functions["main"]
    names = Names(function, outputs)
    inputs = ", ".join(f"{type_text(v.sym_type)} {names[v]}" for v in function.inputs.values())
    lines = block_lines(function, names, "    ")
    results = ", ".join(outputs)
    return "\n".join(
        ["program(1.0)", "{", f"  func main<ios{opset}>({inputs}) {{"]
        + lines
        + [f"  }} -> ({results});", "}"]
    )


class Names:
    """Names of variables: those of the inputs and outputs, and the builder's own."""

    def __init__(self, function, outputs):
        self.known = {id(var): name for name, var in function.inputs.items()}
        for name, var in outputs.items():
            self.known.setdefault(id(var), name)

    def __getitem__(self, var):
        return self.known.get(id(var), var.name)


def block_lines(block, names, indent):
    lines = []
    for op in block.operations:
        if op.op_type == "const":
            continue
        if op.op_type == "coreml_update_state":
            arguments = f"data = {binding(op.value, names)}, input = {binding(op.state, names)}"
            lines.append(f"{indent}write_state({arguments});")
            arguments, kind = f"input = {binding(op.state, names)}", "read_state"
        else:
            bound = [(name, var) for name, var in sorted(op.inputs.items()) if var is not None]
            arguments = ", ".join(f"{name} = {argument(var, names)}" for name, var in bound)
            kind = op.op_type
        results = ", ".join(f"{type_text(v.sym_type)} {names[v]}" for v in op.outputs)
        line = f"{indent}{results} = {kind}({arguments})"
        for nested in op.blocks:
            inner = ", ".join(f"{type_text(v.sym_type)} {names[v]}" for v in nested.inputs)
            yields = ", ".join(binding(v, names) for v in nested.outputs)
            body = block_lines(nested, names, indent + "    ")
            line = "\n".join([line + f" ({inner}) {{"] + body + [f"{indent}}} -> ({yields})"])
        lines.append(line + ";")
    return lines


def argument(value, names):
    if isinstance(value, (list, tuple)):
        return "(" + ", ".join(binding(var, names) for var in value) + ")"
    return binding(value, names)


def binding(var, names):
    if var.op is not None and var.op.op_type == "const":
        return literal(var.val, var.sym_type)
    return names[var]


def type_text(ty):
    if types.is_state(ty):
        return f"state<{type_text(ty.wrapped_type())}>"
    if types.is_list(ty):
        length = ty.T[1]
        return f"list<{type_text(ty.T[0])}, {dimension(length) if length else '?'}>"
    if types.is_dict(ty):
        return f"dict<{type_text(ty.T[0])}, {type_text(ty.T[1])}>"
    if types.is_tensor(ty):
        shape = ", ".join(dimension(size) for size in ty.get_shape())
        return f"tensor<{type_text(ty.get_primitive())}, [{shape}]>" if shape else type_text(ty.get_primitive())
    name = types.builtin_to_string(ty)
    return "string" if name == "str" else name


def dimension(size):
    return "?" if is_symbolic(size) else str(int(size))


def literal(value, ty):
    """A literal; the elements stand in one list whatever the shape is."""
    if types.is_list(ty):
        items = ", ".join(literal(item, ty.T[0]) for item in value)
        return f"{type_text(ty)}([{items}])"
    if types.is_tensor(ty) and len(ty.get_shape()):
        items = ", ".join(number(item) for item in np.asarray(value).reshape(-1))
        return f"{type_text(ty)}([{items}])"
    return f"{type_text(ty)}({number(np.asarray(value).reshape(-1)[0])})"


def array_literal(array, name=None):
    """A numpy array as a literal; `name` is its element type where numpy lacks it."""
    array = np.asarray(array)
    name = name or {"float16": "fp16", "float32": "fp32", "float64": "fp64"}.get(
        array.dtype.name, array.dtype.name
    )
    shape = ", ".join(str(size) for size in array.shape)
    items = ", ".join(number(item) for item in array.reshape(-1))
    return f"tensor<{name}, [{shape}]>([{items}])" if array.shape else f"{name}({items})"


def number(value):
    if isinstance(value, (str, np.str_)):
        quoted = str(value).replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}"'
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    text = str(value)
    return text[:-2] if text.endswith(".0") and text != "-0.0" else text
