"""Makes tiny-clip beside it: the text and the image tower of a CLIP model of random weights as ONNX, and their vectors.

    python make_tiny_clip.py        (torch 2.13.0, transformers 5.23.0, tokenizers 0.23.3, onnx 1.22.0, onnxscript 0.7.2)

Each tower is exported by both of PyTorch's exporters, the one that traces and the one that captures the program. The
vectors are PyTorch's, in float64, of unit length, each text alone and without padding.

Checkpoints differ in how the text's last token is found: older ones say `eos_token_id` 2 and take the greatest id, newer
ones look for the token itself. text-traced.onnx does the first, text-captured.onnx the second.
"""
import copy
import json
import os
import shutil
import warnings

import numpy as np
import onnx
import torch
import transformers
from onnx_graphs import shorten
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

warnings.filterwarnings("ignore")
here = os.path.dirname(os.path.abspath(__file__))
target = os.path.join(here, "tiny-clip")
shutil.rmtree(target, ignore_errors=True)
os.makedirs(target)
torch.manual_seed(20261122)
HIDDEN, WIDE, PROJECTED, LENGTH = 32, 24, 20, 20

texts = [
    "a photo of a bell", "The Bell of the old Tower", "", "a steel bolt, a brass bell & 12 nails", "it's the ringer's bell",
    "a  photo\nof a   tower", "the people of the town hear the bell of the old tower at noon, and they'll ring again",
    "tower " * 30,
]

# The tokenizer: lower case, words, BPE whose last symbol of a word is marked; the special tokens come last, as in CLIP.
tokenizer = Tokenizer(models.BPE(unk_token="<|endoftext|>", continuing_subword_prefix="", end_of_word_suffix="</w>"))
tokenizer.normalizer = normalizers.Sequence(
    [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
words = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
    [pre_tokenizers.Split(Regex(words), "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
# Last symbols in an order of their own: the trainer's changes from run to run.
ends = [character + "</w>" for character in sorted(set("".join(texts).lower()) - set(" \n"))]
tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
    vocab_size=130, min_frequency=2, special_tokens=ends, end_of_word_suffix="</w>", show_progress=False))
data = json.loads(tokenizer.to_str())
data["added_tokens"] = []
vocabulary = data["model"]["vocab"]
START, END = len(vocabulary), len(vocabulary) + 1
for id, token in [(START, "<|startoftext|>"), (END, "<|endoftext|>")]:
    vocabulary[token] = id
    data["added_tokens"].append({"id": id, "content": token, "special": True, "single_word": False, "lstrip": False,
                                 "rstrip": False, "normalized": True})
tokenizer = Tokenizer.from_str(json.dumps(data))
tokenizer.post_processor = processors.RobertaProcessing(
    ("<|endoftext|>", END), ("<|startoftext|>", START), trim_offsets=False, add_prefix_space=False)
tokenizer.save(os.path.join(target, "tokenizer.json"), pretty=False)

common = {"hidden_size": HIDDEN, "intermediate_size": WIDE, "num_hidden_layers": 2, "num_attention_heads": 2,
          "projection_dim": PROJECTED, "attn_implementation": "eager"}
text_model = transformers.CLIPTextModelWithProjection(transformers.CLIPTextConfig(
    vocab_size=END + 1, max_position_embeddings=LENGTH, bos_token_id=START, eos_token_id=END, pad_token_id=END, **common))
image_model = transformers.CLIPVisionModelWithProjection(transformers.CLIPVisionConfig(
    image_size=32, patch_size=8, num_channels=3, hidden_act="gelu", **common))
with torch.no_grad():  # larger than a fresh model's, so that attention and activations matter
    for name, parameter in [*text_model.named_parameters(), *image_model.named_parameters()]:
        is_scale = "norm" in name.lower() and name.endswith("weight")
        parameter.copy_(torch.randn(parameter.shape) * 0.25 + is_scale)


class Text(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask):
        result = self.model(input_ids=input_ids, attention_mask=attention_mask)
        return result.text_embeds, result.last_hidden_state


class Image(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixel_values):
        result = self.model(pixel_values=pixel_values)
        return result.image_embeds, result.last_hidden_state


def unit(rows):
    return (rows / rows.norm(dim=-1, keepdim=True)).numpy().astype(np.float32)


def export(name, model, arguments, inputs, outputs, axes, captures):
    path = os.path.join(target, name + ".onnx")
    if captures:
        dim = torch.export.Dim
        names = {"rows": dim("rows"), "tokens": dim("tokens", max=LENGTH)}
        shapes = {input: {axis: names[axes[input][axis]] for axis in axes[input]} for input in inputs}
        torch.onnx.export(model, arguments, path, input_names=inputs, output_names=outputs, dynamic_shapes=shapes,
                          dynamo=True, external_data=False, verbose=False)
    else:
        torch.onnx.export(model, arguments, path, input_names=inputs, output_names=outputs, dynamic_axes=axes,
                          dynamo=False, opset_version=17)
    graph = onnx.load(path)
    shorten(graph.graph)
    onnx.save(graph, path)
    assert all(not attribute.HasField("g") for node in graph.graph.node for attribute in node.attribute)
    print(name, os.path.getsize(path), sorted({node.op_type for node in graph.graph.node}))


ids = [tokenizer.encode(text).ids for text in texts]
ids = [row if len(row) <= LENGTH else row[: LENGTH - 1] + [END] for row in ids]
images = np.clip(np.cumsum(np.random.default_rng(20261121).normal(size=(4, 3, 32, 32)), axis=-1) * 16, -127, 127)
images = images.astype(np.int8)  # sixty-fourths
reference_text, reference_image = copy.deepcopy(text_model).double().eval(), copy.deepcopy(image_model).double().eval()
with torch.no_grad():
    rows = [reference_text(input_ids=torch.tensor([row])).text_embeds for row in ids]
    pixels = torch.tensor(images / 64.0)
    expected = {"text": unit(torch.cat(rows)), "image": unit(reference_image(pixel_values=pixels).image_embeds)}
np.savez_compressed(os.path.join(target, "expected.npz"), pixels=images, **expected)
with open(os.path.join(target, "texts.json"), "w", encoding="utf-8") as file:
    json.dump({"texts": texts, "ids": ids}, file, ensure_ascii=False)

width = max(map(len, ids[:3]))
batch = torch.tensor([row + [END] * (width - len(row)) for row in ids[:3]])
mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in ids[:3]])
text_axes = {"input_ids": {0: "rows", 1: "tokens"}, "attention_mask": {0: "rows", 1: "tokens"},
             "text_embeds": {0: "rows"}, "last_hidden_state": {0: "rows", 1: "tokens"}}
image_axes = {"pixel_values": {0: "rows"}, "image_embeds": {0: "rows"}, "last_hidden_state": {0: "rows"}}
for captures in [False, True]:
    kind = "captured" if captures else "traced"
    model = copy.deepcopy(text_model).eval()
    for module in model.modules():
        if hasattr(module, "eos_token_id"):
            module.eos_token_id = END if captures else 2
    export("text-" + kind, Text(model), (batch, mask), ["input_ids", "attention_mask"],
           ["text_embeds", "last_hidden_state"], text_axes, captures)
    export("image-" + kind, Image(copy.deepcopy(image_model).eval()), (pixels[:2].float(),), ["pixel_values"],
           ["image_embeds", "last_hidden_state"], image_axes, captures)

for name, value in {
    "text": {"format": 1, "normalize": True, "columns": [
        {"input": "input_ids", "field": "text", "type": "text", "length": LENGTH, "padding": END,
         "mask": "attention_mask"}]},
    "image": {"format": 1, "normalize": True, "columns": [
        {"input": "pixel_values", "field": "pixels", "type": "vector", "shape": [3, 32, 32]}]},
}.items():
    with open(os.path.join(target, name + ".features.json"), "w") as file:
        json.dump(value, file)
        file.write("\n")
