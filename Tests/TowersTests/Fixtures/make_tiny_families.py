"""Makes tiny-families beside it: small models of random weights, saved by sentence-transformers, and their vectors.

    python make_tiny_families.py        (torch 2.13.0, transformers 5.23.0, sentence-transformers 6.2.0)

Weights are stored as F16. The vectors are those of sentence-transformers itself, every module in float64, rounded to
f32 at the end. The models use tokenizers that lie beside it already: WordPiece for most, byte-level BPE for RoBERTa,
Unigram for XLM-R.
"""
import json
import os
import shutil
import tempfile

import numpy as np
import torch
import transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import (
    Dense, LayerNorm, Normalize, Pooling, StaticEmbedding, Transformer)
from tokenizers import Tokenizer

from tiny_models import TOKENIZERS, WORDPIECE, here, randomize, special, to_float16

target = os.path.join(here, "tiny-families")

texts = [entry["text"] for entry in json.load(open(os.path.join(here, "tiny-texts.json"), encoding="utf-8"))]
texts.append(" ".join(["the bell of the steel tower, bolts and products"] * 14))  # distances of every bucket
torch.manual_seed(20261121)
HIDDEN, WIDE, LENGTH = 16, 24, 120
PROMPTS = {"query": "find: ", "document": "the product: "}

common = {"max_position_embeddings": LENGTH + 4, "pad_token_id": 1}
bert = common | {"hidden_size": HIDDEN, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": WIDE}
CONFIGURATIONS = {
    "bert": transformers.BertConfig(**bert | {"pad_token_id": 0}),
    "roberta": transformers.RobertaConfig(**bert, type_vocab_size=1, layer_norm_eps=1e-5),
    "xlm-roberta": transformers.XLMRobertaConfig(**bert, type_vocab_size=1, hidden_act="relu"),
    "mpnet": transformers.MPNetConfig(**bert, layer_norm_eps=1e-5),
    "distilbert": transformers.DistilBertConfig(
        **common | {"pad_token_id": 0}, dim=HIDDEN, n_layers=2, n_heads=2, hidden_dim=WIDE),
}


def transformer(kind):
    with tempfile.TemporaryDirectory() as folder:
        tokenizer_file = TOKENIZERS.get(kind, WORDPIECE)
        CONFIGURATIONS[kind].vocab_size = Tokenizer.from_file(tokenizer_file).get_vocab_size()
        model = transformers.AutoModel.from_config(CONFIGURATIONS[kind])
        randomize(model)
        model.save_pretrained(folder)
        shutil.copy(tokenizer_file, folder)
        settings = special(kind) | {"model_max_length": LENGTH, "tokenizer_class": "PreTrainedTokenizerFast"}
        json.dump(settings, open(os.path.join(folder, "tokenizer_config.json"), "w"))
        return Transformer(folder, max_seq_length=LENGTH)


vectors = {}


def vectorize(model, name, **options):
    model = model.double().eval()
    rows = [model.encode([text], batch_size=1, show_progress_bar=False, **options)[0] for text in texts]
    vectors[name] = np.stack(rows)


def save(model, name):
    folder = os.path.join(target, name)
    model.float().save(folder, create_model_card=False)
    os.remove(os.path.join(folder, "tokenizer.json"))
    to_float16(folder)


def dense(inputs, outputs, activation, **options):
    module = Dense(inputs, outputs, activation_function=activation, **options)
    randomize(module)
    return module


def norm(size):
    module = LayerNorm(size)
    randomize(module)
    return module


shutil.rmtree(target, ignore_errors=True)
CHAINS = {
    "bert": lambda: [Pooling(HIDDEN, "mean"), dense(HIDDEN, 12, torch.nn.GELU()), norm(12), Normalize()],
    "roberta": lambda: [Pooling(HIDDEN, "weightedmean"), dense(HIDDEN, 10, torch.nn.ReLU(), bias=False)],
    "xlm-roberta": lambda: [Pooling(HIDDEN, "cls"), Normalize()],
    "mpnet": lambda: [Pooling(HIDDEN, "mean"), Normalize()],
    "distilbert": lambda: [Pooling(HIDDEN, ("max", "mean_sqrt_len_tokens")), dense(2 * HIDDEN, 14, torch.nn.Identity()),
                           dense(14, 14, torch.nn.Sigmoid()), dense(14, 9, torch.nn.SiLU())],
}
for kind, chain in CHAINS.items():
    model = SentenceTransformer(modules=[transformer(kind), *chain()], device="cpu", prompts=PROMPTS)
    vectorize(model, kind)
    vectorize(model, kind + "/query", prompt_name="query")
    save(model, kind)
    if kind == "mpnet":
        for pooling in ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]:
            for includes in [True, False]:
                model[1] = Pooling(HIDDEN, pooling, include_prompt=includes)
                suffix = "" if includes else "/without-prompt"
                vectorize(model, f"mpnet/{pooling}{suffix}", prompt_name="query")
    if kind == "xlm-roberta":
        vectorize(model, "xlm-roberta/cut", truncate_dim=6, normalize_embeddings=True)

static = StaticEmbedding(Tokenizer.from_file(WORDPIECE), embedding_dim=HIDDEN)
static.tokenizer.no_truncation()
randomize(static)
model = SentenceTransformer(modules=[static, Normalize()], device="cpu")
vectorize(model, "static")
save(model, "static")
json.dump(texts, open(os.path.join(target, "texts.json"), "w", encoding="utf-8"), ensure_ascii=False, indent=0)
np.savez_compressed(os.path.join(target, "expected.npz"),
                    **{key.replace("/", "."): value.astype(np.float32) for key, value in vectors.items()})
print({key: value.shape for key, value in vectors.items()})
