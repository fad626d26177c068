"""Makes tiny-rerankers beside it: small cross-encoders of random weights, as sentence-transformers saves them, and what it
says of pairs of texts.

    python make_tiny_rerankers.py        (torch 2.13.0, transformers 5.23.0, sentence-transformers 6.2.0)

Weights are stored as F16; the scores are those of sentence-transformers itself in float64. The tokenizers are those of
tiny-families. A limit of 40 tokens cuts some pairs at the text, some at the query, some at both.
"""
import json
import os
import shutil
import tempfile

import numpy as np
import torch
import transformers
from sentence_transformers import CrossEncoder
from tokenizers.processors import TemplateProcessing

from tiny_models import TOKENIZERS, WORDPIECE, here, randomize, special, to_float16

target = os.path.join(here, "tiny-rerankers")
HIDDEN, WIDE, LENGTH = 16, 24, 40

texts = [entry["text"] for entry in json.load(open(os.path.join(here, "tiny-texts.json"), encoding="utf-8"))]
long = "the bell of the steel tower, bolts and products " * 8
queries = [texts[0], "", "bell", long]
documents = texts + ["", long]
pairs = [(query, document) for query in queries for document in documents]

common = {"max_position_embeddings": LENGTH + 4, "pad_token_id": 1, "num_labels": 1}
bert = common | {"hidden_size": HIDDEN, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": WIDE}
CONFIGURATIONS = {
    "bert": transformers.BertConfig(**bert | {"pad_token_id": 0}),
    "roberta": transformers.RobertaConfig(**bert, type_vocab_size=1, layer_norm_eps=1e-5),
    "xlm-roberta": transformers.XLMRobertaConfig(**bert, type_vocab_size=1),
    "mpnet": transformers.MPNetConfig(**bert, layer_norm_eps=1e-5),
    "distilbert": transformers.DistilBertConfig(
        **common | {"pad_token_id": 0}, dim=HIDDEN, n_layers=2, n_heads=2, hidden_dim=WIDE),
}
torch.manual_seed(20261130)

shutil.rmtree(target, ignore_errors=True)
scores = {}
for kind, configuration in CONFIGURATIONS.items():
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=TOKENIZERS.get(kind, WORDPIECE), model_max_length=LENGTH,
        model_input_names=["input_ids", "attention_mask"] + (["token_type_ids"] if kind == "bert" else []), **special(kind))
    if kind not in TOKENIZERS:
        # That of tiny-bert knows no pairs, and has a limit of its own.
        ids = [(name, tokenizer.convert_tokens_to_ids(name)) for name in ["[CLS]", "[SEP]"]]
        pair = "[CLS] $A [SEP] [SEP] $B [SEP]" if kind == "mpnet" else "[CLS] $A [SEP] $B:1 [SEP]:1"
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
            single="[CLS] $A [SEP]", pair=pair, special_tokens=ids)
    tokenizer.backend_tokenizer.no_truncation()
    configuration.vocab_size = len(tokenizer)
    model = transformers.AutoModelForSequenceClassification.from_config(configuration)
    randomize(model)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        # One says its activation, the others do not.
        options = {"activation_fn": torch.nn.Identity()} if kind == "bert" else {}
        encoder = CrossEncoder(folder, device="cpu", **options)
    encoder.model.double()
    # One at a time: a batch pads.
    scores[kind] = np.array([encoder.predict([pair], show_progress_bar=False)[0] for pair in pairs])
    folder = os.path.join(target, kind)
    encoder.model.float()
    encoder.save(folder, create_model_card=False)
    to_float16(folder)
json.dump({"queries": queries, "documents": documents},
          open(os.path.join(target, "texts.json"), "w", encoding="utf-8"), ensure_ascii=False, indent=0)
np.savez_compressed(os.path.join(target, "expected.npz"), **{key: value.astype(np.float32) for key, value in scores.items()})
print({key: (value.min(), value.max(), value.std()) for key, value in scores.items()})
