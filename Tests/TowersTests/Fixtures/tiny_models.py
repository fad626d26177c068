"""What the scripts of small models share: tokenizers of ours, and weights that are larger than a fresh model's."""
import os

import torch
from safetensors.torch import load_file, save_file

here = os.path.dirname(os.path.abspath(__file__))
WORDPIECE = os.path.join(here, "tiny-bert", "tokenizer.json")
# Those that are no WordPiece.
TOKENIZERS = {name: os.path.join(here, "tiny-tokenizers", name, "tokenizer.json")
              for name in ["roberta", "xlm-roberta"]}


def special(kind):
    """What a family's special tokens are called: cls, sep, unk, mask and pad."""
    names = ["[CLS]", "[SEP]", "[UNK]", "[MASK]", "[PAD]"]
    if kind in TOKENIZERS:
        names = ["<s>", "</s>", "<unk>", "<mask>", "<pad>"]
    return {name + "_token": token for name, token in zip(["cls", "sep", "unk", "mask", "pad"], names)}


def randomize(module):
    """Larger weights than a fresh model has: attention and activations must matter."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            value = torch.randn(parameter.shape) * 0.3
            if "norm" in name.lower() and name.endswith("weight"):
                value += 1
            parameter.copy_(value.half())


def to_float16(folder):
    """Stores the weights of a folder as F16."""
    for root, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".safetensors"):
                path = os.path.join(root, name)
                save_file({key: value.half().contiguous() for key, value in load_file(path).items()}, path,
                          metadata={"format": "pt"})
                os.chmod(path, 0o644)
