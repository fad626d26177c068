"""What the scripts that export tiny ONNX models share."""


def shorten(graph):
    """Where each node came from is told at length, and in its outputs' names: as many bytes as the weights."""
    del graph.value_info[:]
    kept = {value.name for value in [*graph.input, *graph.output]}
    names = {"": ""} | {tensor.name: tensor.name for tensor in graph.initializer} | {name: name for name in kept}
    for node in graph.node:
        for field in ["name", "doc_string"]:
            node.ClearField(field)
        del node.metadata_props[:]
        node.input[:] = [names[name] for name in node.input]
        for name in node.output:
            names.setdefault(name, f"v{len(names)}")
        node.output[:] = [names[name] for name in node.output]
