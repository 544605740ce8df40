#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Files that dml writes, as others see them: ONNX's own checker accepts them,
and ONNX Runtime, where DML_ORT_LIB names its library, gives dml's outputs.
Usage: written.py ONNX_SAMPLES"""
import glob
import os
import subprocess
import sys
import tempfile

from peers import OnnxRuntime, need

need("numpy", "onnx")
import numpy as np  # noqa: E402
import onnx  # noqa: E402

TOLERANCE = 2e-5


def main():
    ort, bad = OnnxRuntime.find(), 0
    print("ONNX", onnx.__version__, "- ONNX Runtime:", ort.version if ort else
          "not asked (DML_ORT_LIB names no library)")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.argv[1], folder], check=True)
        for path in sorted(glob.glob(os.path.join(folder, "*.onnx"))):
            name = os.path.basename(path)
            model = onnx.load(path)
            onnx.checker.check_model(model, full_check=True)
            ends = [v.name for v in list(model.graph.input) +
                    list(model.graph.output)]
            assert ends == ["image", "embedding"], ends
            assert model.opset_import[0].version == 17
            assert not any(n.domain for n in model.graph.node)
            line = f"{name}: {os.path.getsize(path)} bytes, accepted"
            if ort:
                shape = [d.dim_value or 3 for d in
                         model.graph.input[0].type.tensor_type.shape.dim]
                x = np.load(path[:-5] + ".in.npy").reshape(shape)
                wanted = np.load(path[:-5] + ".out.npy")
                got = ort.run(path, x, wanted.size)[0].reshape(wanted.shape)
                scale = max(1, np.abs(wanted).max())
                worst = np.abs(got - wanted).max() / scale
                bad += not worst <= TOLERANCE
                line += f", differs from ONNX Runtime's by {worst:.1e}"
            print(line)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
