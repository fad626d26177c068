"""Writes the numpy files of NpyTests and NpzTests: python3 make_numpy.py (numpy 2.4.6)."""
import os
import zipfile

import numpy as np

os.chdir(os.path.dirname(os.path.abspath(__file__)))
values = {
    "f2": [[0, 1.5, -2], [65504, 0.1, np.inf]],
    "f4": [[0, 1.5, -2], [3.4e38, 0.1, -np.inf]],
    "f8": [[0, 1.5, -2], [1e300, 0.1, np.inf]],
    "i1": [[0, 1, -2], [127, -128, 7]],
    "i2": [[0, 1, -2], [32767, -32768, 7]],
    "i4": [[0, 1, -2], [2**31 - 1, -(2**31), 7]],
    "i8": [[0, 1, -2], [2**63 - 1, -(2**63), 7]],
    "u1": [[0, 1, 2], [255, 128, 7]],
    "u2": [[0, 1, 2], [65535, 32768, 7]],
    "u4": [[0, 1, 2], [2**32 - 1, 2**31, 7]],
    "u8": [[0, 1, 2], [2**63 - 1, 2**62, 7]],
    "b1": [[True, False, True], [False, False, True]],
}
for name, rows in values.items():
    np.save(f"{name}.npy", np.array(rows, dtype=np.dtype(name)))

three = np.arange(24, dtype="<f4").reshape(2, 3, 4)
for version in [(2, 0), (3, 0)]:
    with open(f"version{version[0]}.npy", "wb") as file:
        np.lib.format.write_array(file, three, version=version)
np.save("scalar.npy", np.float32(2.5))
np.save("line.npy", np.arange(5, dtype="<i4"))
np.save("empty.npy", np.zeros((0, 384), dtype="<f4"))
np.save("u8-large.npy", np.array([1, 2**63], dtype="<u8"))

np.save("fortran.npy", np.asfortranarray(three[0]))

# What is refused, with a remedy.
np.save("big-endian.npy", three[0].astype(">f4"))
np.save("text.npy", np.array(["a", "bc"]))
np.save("structure.npy", np.array([(1, 2.0)], dtype=[("a", "<i4"), ("b", "<f4")]))
np.save("object.npy", np.array([{}], dtype=object), allow_pickle=True)

emb = np.round(np.sin(np.arange(64 * 8)).reshape(64, 8), 2).astype("<f4")
ids = np.arange(64, dtype="<i8") * 3
np.savez("stored.npz", emb=emb, ids=ids)
np.savez_compressed("deflated.npz", emb=emb, ids=ids, none=np.zeros((0, 2), dtype="<f4"))
# As numpy writes an archive above 4 GiB: every size and the end record in their 64-bit form.
zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT = 0, 0
np.savez_compressed("zip64.npz", emb=emb, ids=ids)
