"""Single operators with seeded random numbers, and what onnxruntime makes of them.

    python make_onnx_operators.py        (numpy, onnx 1.22, onnxruntime 1.31)

Writes onnx-operators/<case>.onnx, and onnx-operators/values.npz with "<case>/<input or output>". The cases are those
that the standard's own leave out: both directions, masks, groups, odd attributes, operators of com.microsoft.
"""
import os

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "onnx-operators")
random = np.random.default_rng(20240607)
values = {}


def floats(*shape, scale=1.0):
    return (random.standard_normal(shape) * scale).astype(np.float32)


def small(*shape, low=-2, high=3, dtype=np.float32):
    """Small integers: they compress well, and their sums are exact."""
    return random.integers(low, high, shape).astype(dtype)


def case(name, op, inputs, outputs, constants=(), domain="", opset=17, nodes=None, **attributes):
    """`inputs` by name, None for one that is left out; those in `constants` become initializers."""
    names = list(inputs)
    present = {n: v for n, v in inputs.items() if v is not None}
    nodes = nodes or [
        helper.make_node(op, [n if inputs[n] is not None else "" for n in names], outputs, domain=domain, **attributes)
    ]
    graph = helper.make_graph(
        nodes, name,
        [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
         for n, v in present.items() if n not in constants],
        [helper.make_empty_tensor_value_info(o) for o in outputs if o],
        [numpy_helper.from_array(v, n) for n, v in present.items() if n in constants])
    opsets = [helper.make_opsetid("", opset)]
    if domain:
        opsets.append(helper.make_opsetid(domain, 2 if domain == "ai.onnx.ml" else 1))
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feed = {n: v for n, v in present.items() if n not in constants}
    wanted = session.run(None, feed)
    # The file says which types and ranks the outputs have, as exporters do.
    del model.graph.output[:]
    for port, found in zip(session.get_outputs(), wanted):
        model.graph.output.append(helper.make_tensor_value_info(
            port.name, helper.np_dtype_to_tensor_dtype(found.dtype), [None] * found.ndim))
        values[f"{name}/{port.name}"] = found
    for n, v in feed.items():
        values[f"{name}/{n}"] = v
    onnx.save(model, os.path.join(folder, name + ".onnx"))


# Recurrent layers -----------------------------------------------------------------------------------------------------

def recurrent(name, op, gates, directions=1, bias=True, lengths=None, initial=False, cell=False, peepholes=False,
              constants=("W", "R", "B", "P"), steps=5, texts=3, inputs=7, hidden=20, **attributes):
    given = {
        "X": floats(steps, texts, inputs), "W": floats(directions, gates * hidden, inputs, scale=0.4),
        "R": floats(directions, gates * hidden, hidden, scale=0.3),
        "B": floats(directions, 2 * gates * hidden, scale=0.3) if bias else None,
        "lengths": np.array(lengths, np.int32) if lengths else None,
        "h": floats(directions, texts, hidden) if initial else None,
    }
    if op == "LSTM":
        given["c"] = floats(directions, texts, hidden) if cell else None
        given["P"] = floats(directions, 3 * hidden, scale=0.3) if peepholes else None
    while given and list(given.values())[-1] is None:
        given.popitem()
    outputs = ["Y", "Y_h", "Y_c"] if op == "LSTM" else ["Y", "Y_h"]
    case(name, op, given, outputs, constants, hidden_size=hidden, **attributes)


recurrent("gru-cudnn", "GRU", 3, linear_before_reset=1, initial=True)
recurrent("gru-first-form", "GRU", 3, initial=True)
recurrent("gru-both-directions", "GRU", 3, directions=2, lengths=[5, 2, 4], initial=True, linear_before_reset=1,
          direction="bidirectional")
recurrent("gru-first-form-both-directions", "GRU", 3, directions=2, lengths=[1, 5, 3], direction="bidirectional")
recurrent("gru-reverse-weights-given", "GRU", 3, constants=(), direction="reverse", linear_before_reset=1)
recurrent("gru-one-text", "GRU", 3, texts=1, steps=9, hidden=33, linear_before_reset=1)
recurrent("gru-clip-activations", "GRU", 3, clip=0.4, activations=["HardSigmoid", "LeakyRelu"],
          activation_alpha=[0.3, 0.05], activation_beta=[0.45], linear_before_reset=1)
recurrent("gru-first-form-clip", "GRU", 3, clip=0.5)
recurrent("lstm", "LSTM", 4, initial=True, cell=True)
recurrent("lstm-both-directions", "LSTM", 4, directions=2, lengths=[5, 1, 3], initial=True, cell=True,
          direction="bidirectional")
recurrent("lstm-reverse-no-bias", "LSTM", 4, bias=False, direction="reverse")
recurrent("lstm-peepholes-clip", "LSTM", 4, peepholes=True, clip=0.6)
recurrent("lstm-coupled-activations", "LSTM", 4, input_forget=1, activations=["Sigmoid", "Softsign", "ScaledTanh"],
          activation_alpha=[0.9], activation_beta=[1.1])

# Windows --------------------------------------------------------------------------------------------------------------

weights = ("W", "B")
case("conv-1d-dilated-groups", "Conv", {"X": floats(2, 6, 17), "W": floats(4, 3, 3), "B": floats(4)}, ["Y"], weights,
     group=2, dilations=[2], pads=[3, 1])
case("conv-2d-depthwise", "Conv", {"X": floats(1, 4, 9, 8), "W": floats(4, 1, 3, 3)}, ["Y"], weights, group=4,
     strides=[2, 1], pads=[1, 1, 1, 1])
case("conv-3d", "Conv", {"X": floats(1, 2, 5, 6, 4), "W": floats(3, 2, 2, 3, 2), "B": floats(3)}, ["Y"], weights,
     strides=[1, 2, 1], dilations=[2, 1, 1], pads=[1, 0, 1, 0, 2, 1])
case("conv-same-upper", "Conv", {"X": floats(1, 2, 7, 6), "W": floats(2, 2, 4, 2)}, ["Y"], weights, strides=[3, 2],
     auto_pad="SAME_UPPER")
case("conv-valid", "Conv", {"X": floats(1, 2, 7, 6), "W": floats(2, 2, 4, 2)}, ["Y"], weights, auto_pad="VALID")
case("conv-pointwise", "Conv", {"X": floats(2, 5, 3, 4), "W": floats(6, 5, 1, 1), "B": floats(6)}, ["Y"], weights)
case("conv-in-blocks", "Conv", {"X": small(1, 64, 20, 20), "W": small(2, 64, 5, 5), "B": small(2)}, ["Y"], weights,
     pads=[2, 2, 2, 2])
case("maxpool-indices", "MaxPool", {"X": floats(2, 3, 9, 8)}, ["Y", "I"], kernel_shape=[3, 2], strides=[2, 3],
     pads=[1, 1, 0, 0], ceil_mode=1)
case("maxpool-dilated-int8", "MaxPool", {"X": small(1, 2, 9, 9, low=-128, high=128, dtype=np.int8)}, ["Y"],
     kernel_shape=[2, 3], dilations=[3, 2], strides=[2, 2])
case("maxpool-3d-column-major", "MaxPool", {"X": floats(1, 2, 4, 5, 6)}, ["Y", "I"], kernel_shape=[2, 3, 2],
     strides=[2, 1, 2], storage_order=1)
case("averagepool-3d", "GlobalAveragePool", {"X": floats(2, 3, 4, 2, 3)}, ["Y"])

# Norms ----------------------------------------------------------------------------------------------------------------

case("layernorm-no-bias", "LayerNormalization", {"X": floats(4, 3, 37), "W": floats(37)}, ["Y"], ("W",))
case("layernorm-statistics", "LayerNormalization", {"X": floats(4, 3, 5), "W": floats(3, 5), "B": floats(3, 5)},
     ["Y", "M", "S"], ("W", "B"), axis=1)
case("batchnorm-9", "BatchNormalization",
     {"X": floats(2, 3, 4), "W": floats(3), "B": floats(3), "M": floats(3), "V": np.abs(floats(3))}, ["Y"],
     ("W", "B", "M", "V"), opset=9)
case("l2-middle-axis", "LpNormalization", {"X": floats(3, 4, 5)}, ["Y"], opset=9, axis=1, p=2)
case("l1-signs", "LpNormalization", {"X": floats(3, 5)}, ["Y"], opset=9, p=1)

# Attention ------------------------------------------------------------------------------------------------------------

case("attention-long", "Attention", {"Q": floats(2, 70, 36), "K": floats(2, 131, 36), "V": floats(2, 131, 20)}, ["Y"],
     opset=23, q_num_heads=4, kv_num_heads=4)
case("attention-causal-past", "Attention",
     {"Q": floats(1, 4, 3, 8), "K": floats(1, 2, 3, 8), "V": floats(1, 2, 3, 8), "mask": None,
      "pk": floats(1, 2, 5, 8), "pv": floats(1, 2, 5, 8)}, ["Y", "K2", "V2"], opset=23, is_causal=1)
case("rotary-half-width", "RotaryEmbedding",
     {"X": floats(1, 2, 3, 12), "C": floats(9, 4), "S": floats(9, 4), "P": np.array([[7, 0, 3]], np.int64)}, ["Y"],
     opset=23, rotary_embedding_dim=8)

fused = {"X": floats(2, 6, 12), "W": floats(12, 48, scale=0.5), "B": floats(48, scale=0.5)}


def attention(name, mask=None, bias=None, sizes=None, **attributes):
    given = dict(fused)
    if sizes:
        given["W"], given["B"] = floats(12, sum(sizes), scale=0.5), floats(sum(sizes), scale=0.5)
        attributes["qkv_hidden_sizes"] = sizes
    if mask is not None or bias is not None:
        given["mask"] = None if mask is None else np.array(mask, np.int32)
    if bias is not None:
        given["past"], given["bias"] = None, bias
    case(name, "Attention", given, ["Y"], ("W", "B"), domain="com.microsoft", num_heads=2, **attributes)


attention("fused-attention")
attention("fused-attention-lengths", [6, 3])
attention("fused-attention-ends-and-starts", [6, 4, 0, 2])
attention("fused-attention-mask", [[1, 1, 1, 1, 1, 1], [1, 0, 1, 1, 0, 0]])
attention("fused-attention-square-mask", np.tril(np.ones((2, 6, 6))), scale=0.4, mask_filter_value=-1e9)
attention("fused-attention-causal", [[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]], unidirectional=1)
attention("fused-attention-sizes", sizes=[8, 8, 20])
attention("fused-attention-bias", bias=floats(1, 2, 6, 6))
attention("fused-attention-bias-and-mask", [[1, 1, 1, 1, 1, 0], [1, 1, 0, 0, 0, 0]], bias=floats(2, 2, 6, 6))

x = {"X": floats(2, 3, 21), "skip": floats(2, 3, 21), "gamma": floats(21), "beta": floats(21), "bias": floats(21)}
case("skip-norm", "SkipLayerNormalization", x, ["Y", "", "", "sum"], ("gamma", "beta", "bias"),
     domain="com.microsoft", epsilon=1e-5)
case("skip-norm-repeated", "SkipLayerNormalization",
     {"X": floats(2, 3, 21), "skip": floats(1, 3, 21), "gamma": floats(21)}, ["Y"], ("gamma",), domain="com.microsoft")
embedded = {
    "ids": small(2, 5, low=0, high=11, dtype=np.int32), "segments": small(2, 5, low=0, high=2, dtype=np.int32),
    "words": floats(11, 18), "positions": floats(7, 18), "kinds": floats(2, 18), "gamma": floats(18),
    "beta": floats(18), "mask": np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], np.int32)}
tables = ("words", "positions", "kinds", "gamma", "beta")
case("embed-norm", "EmbedLayerNormalization", embedded, ["Y", "counts", "sum"], tables, domain="com.microsoft")
case("embed-norm-without-segments", "EmbedLayerNormalization",
     {**embedded, "segments": None, "kinds": None, "mask": None,
      "places": np.array([[2, 3, 4, 5, 6]], np.int32)}, ["Y", "counts"], tables, domain="com.microsoft")
case("bias-gelu", "BiasGelu", {"X": floats(3, 4, 19), "B": floats(19)}, ["Y"], ("B",), domain="com.microsoft")
case("fast-gelu", "FastGelu", {"X": floats(3, 19), "B": floats(19)}, ["Y"], ("B",), domain="com.microsoft")

# Few bits -------------------------------------------------------------------------------------------------------------

case("quantize-int8-last-axis", "QuantizeLinear",
     {"X": floats(3, 4, scale=9), "S": np.abs(floats(4)) + 0.05, "Z": small(4, dtype=np.int8)}, ["Y"], ("S", "Z"),
     axis=-1)
case("dequantize-int32", "DequantizeLinear", {"X": small(3, 4, low=-900, high=900, dtype=np.int32), "S": floats(4)},
     ["Y"], ("S",), axis=1)
case("dequantize-half-blocks", "DequantizeLinear",
     {"X": small(2, 7, low=0, high=256, dtype=np.uint8), "S": floats(2, 3).astype(np.float16)}, ["Y"], ("S",),
     opset=21, axis=1, block_size=3)
case("integer-product", "MatMulInteger",
     {"A": small(2, 5, 600, low=0, high=256, dtype=np.uint8), "B": small(600, 7, low=-128, high=128, dtype=np.int8),
      "za": np.array(17, np.uint8), "zb": small(7, low=-9, high=9, dtype=np.int8)}, ["Y"], ("B", "za", "zb"))
case("integer-product-batches", "MatMulInteger",
     {"A": small(2, 1, 3, 40, low=0, high=256, dtype=np.uint8), "B": small(2, 40, 6, low=0, high=256, dtype=np.uint8),
      "za": None, "zb": np.array(100, np.uint8)}, ["Y"], ("zb",))

# Words and numbers ----------------------------------------------------------------------------------------------------


def labels(name, x, *mappings):
    """From integers through texts, so that all values are numbers."""
    ends = ["X"] + [f"t{i}" for i in range(1, len(mappings))] + ["Y"]
    nodes = [helper.make_node(op, [ends[i]], [ends[i + 1]], domain="ai.onnx.ml", **attributes)
             for i, (op, attributes) in enumerate(mappings)]
    case(name, None, {"X": x}, ["Y"], domain="ai.onnx.ml", nodes=nodes)


places = np.array([[3, 4, 5], [-1, 9, 3]], np.int64)
labels("labels-through-texts", places,
       ("LabelEncoder", dict(keys_int64s=[3, 4, 9], values_strings=["c", "d", "i"], default_string="?")),
       ("LabelEncoder", dict(keys_strings=["i", "c", "?"], values_floats=[0.5, 1.5, 2.5], default_float=-3.0)),
       ("LabelEncoder", dict(keys_floats=[0.5, 2.5, -3.0], values_int64s=[1, 2, 3], default_int64=-7)))
labels("categories-both-ways", places,
       ("CategoryMapper", dict(cats_int64s=[3, 4, 9], cats_strings=["c", "d", "i"], default_string="?")),
       ("CategoryMapper", dict(cats_int64s=[30, 40, 90], cats_strings=["c", "i", "x"], default_int64=-5)))

# What exporters and quantisers write beside these ------------------------------------------------------------------------

case("scatter-elements-add", "ScatterElements",
     {"X": small(3, 4), "I": np.array([[0, 2, -1, 1], [1, 1, 0, 2]], np.int64), "U": small(2, 4)}, ["Y"], ("I",), opset=18,
     axis=0, reduction="add")
case("scatter-elements-last-axis", "ScatterElements",
     {"X": small(2, 5, dtype=np.int64), "I": np.array([[4, 0], [-2, 1]], np.int64), "U": small(2, 2, dtype=np.int64)},
     ["Y"], ("I",), axis=-1)
case("round-ties", "Round", {"X": np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.4999], np.float32)}, ["Y"])


def bytes_(*shape, dtype=np.uint8):
    return random.integers(*((0, 256) if dtype == np.uint8 else (-128, 128)), shape).astype(dtype)


case("qlinear-product", "QLinearMatMul",
     {"A": bytes_(2, 5, 40), "sa": np.array(0.02, np.float32), "za": np.array(113, np.uint8),
      "B": bytes_(40, 7, dtype=np.int8), "sb": (np.abs(floats(7)) * 0.01 + 0.001).astype(np.float32),
      "zb": np.zeros(7, np.int8), "sy": np.array(0.09, np.float32), "zy": np.array(121, np.uint8)}, ["Y"],
     ("B", "sa", "za", "sb", "zb", "sy", "zy"))
case("quantized-attention", "QAttention",
     {"X": bytes_(2, 6, 12), "W": bytes_(12, 48, dtype=np.int8), "B": floats(48, scale=0.5),
      "sx": np.array(0.02, np.float32), "sw": np.array(0.01, np.float32),
      "mask": np.array([[1] * 6, [1] * 4 + [0] * 2], np.int32), "zx": np.array(128, np.uint8), "zw": np.array(0, np.int8)},
     ["Y"], ("W", "B", "sx", "sw", "zx", "zw"), domain="com.microsoft", num_heads=2)


def multi_head(name, mask=None, added=None, bias=True, keys=6, **attributes):
    given = {"Q": floats(2, 6, 16), "K": floats(2, keys, 16), "V": floats(2, keys, 16),
             "B": floats(48, scale=0.3) if bias else None,
             "mask": None if mask is None else np.array(mask, np.int32), "added": added}
    while list(given.values())[-1] is None:
        given.popitem()
    case(name, "MultiHeadAttention", given, ["Y"], ("B",), domain="com.microsoft", num_heads=2, **attributes)


multi_head("multi-head-attention", [[1] * 6, [1] * 4 + [0] * 2])
multi_head("multi-head-attention-plain", bias=False, scale=0.3)
multi_head("multi-head-attention-lengths", [6, 3], floats(1, 2, 6, 6))
multi_head("multi-head-attention-cross", keys=4)


def group_query(name, packed=False, lengths=(5, 3), heads=4, key_heads=2, size=16, **attributes):
    q = floats(2, 6, (heads + 2 * key_heads if packed else heads) * size)
    k, v = (None, None) if packed else (floats(2, 6, key_heads * size), floats(2, 6, key_heads * size))
    angles = np.outer(np.arange(8), 1 / 100 ** (np.arange(size // 2) / (size // 2)))
    given = {"Q": q, "K": k, "V": v, "pk": None, "pv": None, "last": np.array(lengths, np.int32),
             "total": np.array(6, np.int32), "cos": np.cos(angles).astype(np.float32),
             "sin": np.sin(angles).astype(np.float32)}
    node = helper.make_node("GroupQueryAttention", [n if given[n] is not None else "" for n in given],
                            ["Y", "present_key", "present_value"], domain="com.microsoft", num_heads=heads,
                            kv_num_heads=key_heads, **attributes)
    case(name, None, given, ["Y"], ("cos", "sin"), domain="com.microsoft", nodes=[node])


group_query("group-query-attention", do_rotary=1)
group_query("group-query-attention-packed", packed=True, lengths=(5, 5), do_rotary=1, rotary_interleaved=1)
group_query("group-query-attention-plain", lengths=(5, 5), scale=0.2)

angles = np.outer(np.arange(10), 1 / 50 ** (np.arange(4) / 4)).astype(np.float32)
for name, x, positions, attributes in [
    ("rotary-microsoft-start", floats(2, 3, 16), np.array([4], np.int64), {}),
    ("rotary-microsoft-positions", floats(2, 2, 3, 8), np.array([[0, 1, 2], [4, 5, 9]], np.int64), {"interleaved": 1}),
]:
    case(name, "RotaryEmbedding", {"X": x, "P": positions, "cos": np.cos(angles), "sin": np.sin(angles)}, ["Y"],
         ("cos", "sin"), domain="com.microsoft", **attributes)
case("skip-rms-norm", "SkipSimplifiedLayerNormalization",
     {"X": floats(2, 3, 21), "skip": floats(2, 3, 21), "gamma": floats(21)}, ["Y", "", "", "sum"], ("gamma",),
     domain="com.microsoft", epsilon=1e-5)


def few_bits(name, inputs, outputs, block, zeros=None, bias=False, bits=4):
    blocks = -(-inputs // block)
    given = {"X": floats(2, 3, inputs), "W": bytes_(outputs, blocks, block * bits // 8),
             "S": np.abs(floats(outputs * blocks, scale=0.02)), "Z": None, "order": None, "B": None}
    if zeros == "packed":
        given["Z"] = bytes_(outputs * -(-blocks * bits // 8))
    if bias:
        given["B"] = floats(outputs)
    while list(given.values())[-1] is None:
        given.popitem()
    case(name, "MatMulNBits", given, ["Y"], ("W", "S", "Z", "B"), domain="com.microsoft", K=inputs, N=outputs, bits=bits,
         block_size=block)


few_bits("product-of-4-bits", 64, 7, 32)
few_bits("product-of-4-bits-zeros", 96, 5, 32, "packed")
few_bits("product-of-4-bits-rest", 40, 5, 16, "packed", bias=True)
case("scaler-features", "Scaler", {"X": floats(4, 3)}, ["Y"], domain="ai.onnx.ml", offset=[0.5, -1.0, 2.0],
     scale=[2.0, 0.25, -3.0])
case("scaler-one", "Scaler", {"X": small(4, 3, dtype=np.int64)}, ["Y"], domain="ai.onnx.ml", offset=[0.5], scale=[2.0])
for norm in ["MAX", "L1", "L2"]:
    case(f"normalizer-{norm.lower()}", "Normalizer",
         {"X": np.concatenate([floats(3, 5), np.zeros((1, 5), np.float32), -np.abs(floats(1, 5))])}, ["Y"],
         domain="ai.onnx.ml", norm=norm)

np.savez_compressed(os.path.join(folder, "values.npz"), **values)
print(len([f for f in os.listdir(folder) if f.endswith(".onnx")]), "cases")
