"""Makes tiny-int8 beside it: an encoder of random weights with int8 weights in four ways, and the vectors it gives.

    python make_tiny_int8.py        (torch 2.13.0, transformers 5.23.0, onnx 1.22.0, onnxruntime 1.31.1)

A BERT of 2 layers (WordPiece of tiny-bert) that gives a vector for each token, “last_hidden”, and the mean over the
tokens, “1234”. All four come from one export of PyTorch's:

- dynamic.onnx: onnxruntime's quantize_dynamic: activations become bytes by the range of their batch, products are
  integers (DynamicQuantizeLinear, MatMulInteger), tables DequantizeLinear;
- per-channel.onnx: the same with a scale and a zero point for each column, weights unsigned;
- dequantize.onnx: weights only, a scale for each column, DequantizeLinear;
- cast.onnx: weights only, Cast and Mul. It has a third output, “5”: 2-D as “1234”, the first token's vector.

The vectors are onnxruntime's, without its optimisations, each text by itself: the range of a batch would be that of all
its texts.
"""
import json
import os
import shutil
import tempfile
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
import transformers
from onnx import TensorProto, helper, numpy_helper
from onnx_graphs import shorten
from onnxruntime.quantization import QuantType, quantize_dynamic
from tokenizers import Tokenizer

warnings.filterwarnings("ignore")
here = os.path.dirname(os.path.abspath(__file__))
target = os.path.join(here, "tiny-int8")
shutil.rmtree(target, ignore_errors=True)
os.makedirs(target)
torch.manual_seed(20261121)
HIDDEN, WIDE, LENGTH = 16, 32, 48
NUMBERS = {"mean": "1234", "first": "5"}

tokenizer = Tokenizer.from_file(os.path.join(here, "tiny-bert", "tokenizer.json"))
tokenizer.no_truncation()
tokenizer.no_padding()
texts = ["a bell", "the bell of the steel tower", "", "find similar products: bolts, nails and bells", "tower"]
ids = [tokenizer.encode(text).ids for text in texts]
width = max(map(len, ids))
assert width <= LENGTH
batch = np.array([row + [0] * (width - len(row)) for row in ids])
mask = np.array([[1] * len(row) + [0] * (width - len(row)) for row in ids])

bert = transformers.BertModel(transformers.BertConfig(
    vocab_size=tokenizer.get_vocab_size(), hidden_size=HIDDEN, num_hidden_layers=2, num_attention_heads=2,
    intermediate_size=WIDE, max_position_embeddings=LENGTH, attn_implementation="eager"), add_pooling_layer=False).eval()
with torch.no_grad():
    for name, parameter in bert.named_parameters():
        is_scale = "norm" in name.lower() and name.endswith("weight")
        parameter.copy_(torch.randn(parameter.shape) * 0.25 + is_scale)


class Encoder(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.bert = bert

    def forward(self, input_ids, attention_mask):
        tokens = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask.unsqueeze(-1).to(tokens.dtype)
        mean = (tokens * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
        return tokens, torch.nn.functional.normalize(mean, dim=-1), tokens[:, 0]


def weight_only(model, casts):
    """Replaces every matrix of f32 by its int8 numbers and what brings them back."""
    graph = model.graph
    nodes = []
    for tensor in list(graph.initializer):
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.ndim != 2:
            continue
        scale = (np.abs(values).max(axis=0) / 127).astype(np.float32)
        name = tensor.name
        graph.initializer.remove(tensor)
        graph.initializer.append(numpy_helper.from_array(np.rint(values / scale).astype(np.int8), name + "_int8"))
        graph.initializer.append(numpy_helper.from_array(scale, name + "_scale"))
        if casts:
            nodes.append(helper.make_node("Cast", [name + "_int8"], [name + "_float"], to=TensorProto.FLOAT))
            nodes.append(helper.make_node("Mul", [name + "_float", name + "_scale"], [name]))
        else:
            nodes.append(helper.make_node("DequantizeLinear", [name + "_int8", name + "_scale"], [name], axis=1))
    nodes += graph.node
    del graph.node[:]
    graph.node.extend(nodes)
    return model


def finish(model, name, outputs):
    """Keeps the outputs called so, and writes down what the model gives."""
    kept = [output for output in model.graph.output if output.name in outputs]
    del model.graph.output[:]
    model.graph.output.extend(kept)
    for node in model.graph.node:
        node.ClearField("name")
    del model.graph.value_info[:]
    path = os.path.join(target, name + ".onnx")
    onnx.save(model, path)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options)
    names = [output.name for output in session.get_outputs()]
    rows = [session.run(None, {"input_ids": np.array([row]), "attention_mask": np.ones((1, len(row)), np.int64)})
            for row in ids]
    found = {name: np.concatenate([row[index] for row in rows])
             for index, name in enumerate(names) if rows[0][index].ndim == 2}
    vectors[name] = found["1234"]
    if "5" in found:
        vectors[name + ".5"] = found["5"]
    print(name, os.path.getsize(path), names, np.abs(found["1234"] - plain).max(),
          sorted({node.op_type for node in model.graph.node}))


vectors = {}
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "f32.onnx")
    axes = {"input_ids": {0: "rows", 1: "tokens"}, "attention_mask": {0: "rows", 1: "tokens"},
            "last_hidden": {0: "rows", 1: "tokens"}, "mean": {0: "rows"}, "first": {0: "rows"}}
    arguments = (torch.tensor(batch[:2]), torch.tensor(mask[:2]))
    torch.onnx.export(Encoder().eval(), arguments, path, input_names=["input_ids", "attention_mask"],
                      output_names=["last_hidden", "mean", "first"], dynamic_axes=axes, dynamo=False, opset_version=17)
    model = onnx.load(path)  # older exporters call values by numbers
    shorten(model.graph)
    for node in model.graph.node:
        node.output[:] = [NUMBERS.get(name, name) for name in node.output]
    for output in model.graph.output:
        output.name = NUMBERS.get(output.name, output.name)
    onnx.save(model, path)
    plain = onnxruntime.InferenceSession(path).run(["1234"], {"input_ids": batch, "attention_mask": mask})[0]
    for name, options in {
        "dynamic": {"weight_type": QuantType.QInt8},
        "per-channel": {"weight_type": QuantType.QUInt8, "per_channel": True},
    }.items():
        quantized = os.path.join(folder, name + ".onnx")
        quantize_dynamic(path, quantized, **options)
        finish(onnx.load(quantized), name, ["last_hidden", "1234"])
    finish(weight_only(onnx.load(path), casts=False), "dequantize", ["last_hidden", "1234"])
    finish(weight_only(onnx.load(path), casts=True), "cast", ["last_hidden", "1234", "5"])
np.savez_compressed(os.path.join(target, "expected.npz"), **vectors)
with open(os.path.join(target, "texts.json"), "w", encoding="utf-8") as file:
    json.dump({"texts": texts, "ids": ids}, file)
