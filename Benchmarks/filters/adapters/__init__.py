"""Other systems, each behind the same few calls: see `base.py`."""

from importlib import import_module

NAMES = ["qdrant", "zvec", "lancedb", "milvus"]


def adapter(name: str):
    return import_module(f"adapters.{name}_").Adapter()
