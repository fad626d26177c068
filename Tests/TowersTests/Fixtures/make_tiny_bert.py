"""Makes the fixtures beside it: a BERT of random weights, its tokenizer, texts, ids and float64 vectors.

    python make_tiny_bert.py        (numpy, tokenizers 0.23.3)

The forward pass is written out in float64; ids come from the HuggingFace tokenizers library.
"""
import json
import math
import os
import struct

import numpy as np
from tokenizers import Tokenizer

here = os.path.dirname(os.path.abspath(__file__))
folder = os.path.join(here, "tiny-bert")
os.makedirs(os.path.join(folder, "1_Pooling"), exist_ok=True)
random = np.random.default_rng(20261121)
HIDDEN, LAYERS, HEADS, WIDE, POSITIONS, LENGTH = 36, 2, 3, 72, 64, 24


def write(name, value):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1, ensure_ascii=False)
        file.write("\n")


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, array in tensors.items():
        raw = array.astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


letters = "abcdefghijklmnopqrstuvwxyz0123456789"
words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *["##" + letter for letter in letters]]
words += ["bell", "tower", "steel", "bolt", "the", "of", "##er", "##ing", "##s", "##ell", "find", "similar", "product"]
words += list("!\"#$%&'()*+,-./:;?@[]") + ["привет", "мир", "日", "本", "語", "café", "strasse", "ß", "##ß", "ᄒ", "##ᅡ", "##ᆫ"]
words += ["σ", "##σ", "ο", "##ο", "##δ", "##υ", "σ", "i", "<item>", "brand", "£", "≠", "##ı"]
vocabulary = {}
for word in words:
    vocabulary.setdefault(word, len(vocabulary))


def token(content, special, **flags):
    entry = {"id": vocabulary[content] if content in vocabulary else len(vocabulary), "content": content}
    entry |= {"single_word": False, "lstrip": False, "rstrip": False, "normalized": not special, "special": special}
    return entry | flags


added = [token(name, True) for name in ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]]
added += [token("<item>", True, lstrip=True, rstrip=True), token("brand", False, single_word=True)]
write("tokenizer.json", {
    "version": "1.0", "truncation": {"max_length": 8, "strategy": "LongestFirst", "stride": 0, "direction": "Right"},
    "padding": None, "added_tokens": added,
    "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
                   "lowercase": True},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": {"type": "TemplateProcessing",
                       "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                                  {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
                       "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                       "special_tokens": {name: {"id": name, "ids": [vocabulary[name]], "tokens": [name]}
                                          for name in ["[CLS]", "[SEP]"]}},
    "decoder": None,
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
              "max_input_chars_per_word": 20, "vocab": vocabulary},
})
write("config.json", {"model_type": "bert", "hidden_size": HIDDEN, "num_hidden_layers": LAYERS,
                      "num_attention_heads": HEADS, "intermediate_size": WIDE, "vocab_size": len(vocabulary),
                      "max_position_embeddings": POSITIONS, "type_vocab_size": 2, "layer_norm_eps": 1e-12,
                      "hidden_act": "gelu", "position_embedding_type": "absolute"})
write("modules.json", [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
                       {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
                       {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}])
write("sentence_bert_config.json", {"max_seq_length": LENGTH, "do_lower_case": False})
write("1_Pooling/config.json", {"word_embedding_dimension": HIDDEN, "pooling_mode_cls_token": False,
                                "pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": False,
                                "pooling_mode_mean_sqrt_len_tokens": False})


def weights(*shape, scale=0.25):
    return (random.standard_normal(shape) * scale).astype(np.float32)


w = {"bert.embeddings.word_embeddings.weight": weights(len(vocabulary), HIDDEN),
     "bert.embeddings.position_embeddings.weight": weights(POSITIONS, HIDDEN),
     "bert.embeddings.token_type_embeddings.weight": weights(2, HIDDEN)}


def norm(name):
    w[name + ".weight"], w[name + ".bias"] = 1 + weights(HIDDEN), weights(HIDDEN)


def linear(name, inputs, outputs):
    w[name + ".weight"], w[name + ".bias"] = weights(outputs, inputs), weights(outputs)


norm("bert.embeddings.LayerNorm")
for index in range(LAYERS):
    layer = f"bert.encoder.layer.{index}."
    for part in ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"]:
        linear(layer + part, HIDDEN, HIDDEN)
    norm(layer + "attention.output.LayerNorm")
    linear(layer + "intermediate.dense", HIDDEN, WIDE)
    linear(layer + "output.dense", WIDE, HIDDEN)
    norm(layer + "output.LayerNorm")
write_safetensors(os.path.join(folder, "model.safetensors"), w)
dense = {"linear.weight": weights(20, HIDDEN), "linear.bias": weights(20)}
write_safetensors(os.path.join(here, "tiny-dense.safetensors"), dense)
w = {name: array.astype(np.float64) for name, array in (w | dense).items()}

erf = np.vectorize(math.erf)
ACTIVATIONS = {"gelu": lambda x: x / 2 * (1 + erf(x / math.sqrt(2))),
               "gelu_new": lambda x: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
               "relu": lambda x: np.maximum(x, 0)}


def apply_linear(name, x):
    return x @ w[name + ".weight"].T + w[name + ".bias"]


def apply_norm(name, x):
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-12) * w[name + ".weight"] + w[name + ".bias"]


def encode(ids, activation):
    x = w["bert.embeddings.word_embeddings.weight"][ids] + w["bert.embeddings.position_embeddings.weight"][: len(ids)]
    x = apply_norm("bert.embeddings.LayerNorm", x + w["bert.embeddings.token_type_embeddings.weight"][0])
    for index in range(LAYERS):
        layer = f"bert.encoder.layer.{index}."
        q, k, v = (apply_linear(layer + "attention.self." + part, x).reshape(len(ids), HEADS, -1).swapaxes(0, 1)
                   for part in ["query", "key", "value"])
        scores = q @ k.swapaxes(1, 2) / math.sqrt(HIDDEN // HEADS)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (scores / scores.sum(-1, keepdims=True) @ v).swapaxes(0, 1).reshape(len(ids), HIDDEN)
        x = apply_norm(layer + "attention.output.LayerNorm", apply_linear(layer + "attention.output.dense", mixed) + x)
        h = ACTIVATIONS[activation](apply_linear(layer + "intermediate.dense", x))
        x = apply_norm(layer + "output.LayerNorm", apply_linear(layer + "output.dense", h) + x)
    return x


texts = ["", "   \t\n", "the bell of the tower", "BELLS, Towers; steel-bolts!", "find similar products", "Café CAFÉ cafe\u0301",
         "straße STRASSE ẞ", "ΟΔΥΣΣΕΥΣ σς", "İstanbul ısı I", "ПРИВЕТ, мир", "日本語 日a本", "한 하", "a\u0000b\u200bc\ufffdd\u00ade",
         "x" * 20 + " " + "x" * 21, "[CLS] in [SEP]the[MASK] text [sep]", "a  <item>  b<item>c <ITEM>",
         "brand BRAND brands xbrand brand.", "£5 ≠ £6 ½ ① ﬁ K Å", "👩‍👩‍👧 tower", "e\u0323\u0307 q\u0307\u0323 \u0301a \U000110b9",
         " ".join(["tower", "bell", "steel bolts", "finding"] * 12), "#hash ##er @a_b (c) \"d\"", "the\u3000bell\u00a0tower\u2028x\x85y"]
tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
tokenizer.no_padding()
tokenizer.no_truncation()
uncut = [tokenizer.encode(text).ids for text in texts]
tokenizer.enable_truncation(LENGTH)
ids = [tokenizer.encode(text).ids for text in texts]
write("../tiny-texts.json", [{"text": t, "ids": i, "uncut": u} for t, i, u in zip(texts, ids, uncut)])


def unit(x):
    return x / np.sqrt((x * x).sum())


VARIANTS = {"mean": ("gelu", lambda x: unit(x.mean(0))), "gelu-new": ("gelu_new", lambda x: unit(x.mean(0))),
            "relu": ("relu", lambda x: unit(x.mean(0))), "cls": ("gelu", lambda x: x[0]), "max": ("gelu", lambda x: x.max(0)),
            "sqrt-and-cls": ("gelu", lambda x: np.concatenate([x[0], x.sum(0) / math.sqrt(len(x))])),
            "dense": ("gelu", lambda x: unit(np.tanh(w["linear.weight"] @ x.mean(0) + w["linear.bias"])))}
for name, (activation, pool) in VARIANTS.items():
    np.save(os.path.join(here, f"tiny-{name}.npy"), np.stack([pool(encode(i, activation)) for i in ids]))
