#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Embeddings of exported CNNs beside the reference: every family of
docs/onnx.md, exported by PyTorch with random weights, run by dml, PyTorch and,
where DML_ORT_LIB names its library, ONNX Runtime.
--time: least processor time of twelve runs each, taking turns.
Usage: parity.py ONNX_RUN [--time] [FAMILY...]"""
import os
import subprocess
import sys
import tempfile

from peers import SKIP, OnnxRuntime, need

need("numpy", "torch", "torchvision")
import numpy as np  # noqa: E402

TOLERANCE, COSINE = 1e-4, 0.99999
# name, opset, further options of export_onnx.py; 224 pixels unless said
FAMILIES = [
    ("resnet18", 13, "--embedding 128 --normalize"),
    ("resnet34", 9, ""), ("resnet50", 17, ""), ("resnext50_32x4d", 13, ""),
    ("wide_resnet50_2", 11, ""), ("regnet_x_400mf", 12, ""),
    ("regnet_y_400mf", 16, ""), ("vgg11_bn", 13, "--embedding 128"),
    ("squeezenet1_1", 11, "--embedding 128"), ("densenet121", 10, ""),
    ("googlenet", 13, ""), ("shufflenet_v2_x1_0", 13, ""),
    ("mobilenet_v2", 12, ""), ("mobilenet_v3_small", 14, ""),
    ("mobilenet_v3_large", 13, ""), ("mnasnet1_0", 9, ""),
    ("efficientnet_b0", 15, ""),
    ("iresnet18", 11, "--size 112 --embedding 512"),
    ("repvgg_a0", 13, "--embedding 256"),
    ("repvgg_a0_deploy", 13, "--embedding 256"),
    ("osnet_x1_0", 13, "--embedding 512"), ("inception_v3", 13, "--size 299"),
    ("convnext_tiny", 17, ""), ("efficientnet_v2_s", 17, ""),
    # other ways to export
    ("resnet18", 13, "--embedding 64 --keep-bn --size 96"),
    ("resnet18", 11, "--embedding 64 --static 2 --size 96"),
] + [(n, o, "--embedding 64 --size 64")
     for n, first in (("resnet18", 9), ("shufflenet_v2_x1_0", 11),
                      ("mobilenet_v3_small", 9))  # as torch 1.13 can export
     for o in range(first, 18)]


def exporter():
    shared = os.environ.get("DML_SHARED") or os.path.join(
        os.environ.get("DML_TEST_SOURCE_ROOT", "."), "..", "shared")
    path = os.path.join(shared, "peers", "export_onnx.py")
    if not os.path.exists(path):
        print(f"skipped: {path} is not there (DML_SHARED names its folder)")
        sys.exit(SKIP)
    return path


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def compare(got, wanted):
    a, b = unit(got.reshape(len(wanted), -1)), unit(wanted)
    return np.abs(a - b).max(), (a * b).sum(axis=1).min()


def run(name, opset, options, export, onnx_run, ort, rounds, folder):
    """(largest difference, 1 - cosine) for each reference, and least ms a
    picture of dml and of ONNX Runtime, which take turns."""
    model = os.path.join(folder, "model.onnx")
    options = options.split()
    if "--embedding" not in options:
        options += ["--embedding", "0"]
    subprocess.run([sys.executable, export, name, model, "--opset", str(opset)]
                   + options, check=True, stdout=subprocess.DEVNULL)
    out = os.path.join(folder, "ours.npy")
    path = os.path.join(folder, "model.in.npy")
    x, wanted = np.load(path), np.load(os.path.join(folder, "model.out.npy"))
    wanted = wanted.reshape(len(wanted), -1)
    results, ours_ms, ort_ms = [], float("inf"), float("inf")
    for _ in range(rounds):
        ms = subprocess.run([onnx_run, model, path, out], check=True,
                            stdout=subprocess.PIPE, text=True).stdout
        ours, ours_ms = np.load(out), min(ours_ms, float(ms) / len(x))
        results.append(compare(ours, wanted))
        if ort:
            theirs, ms = ort.run(model, x, wanted.size, 3)
            ort_ms = min(ort_ms, ms / len(x))
            results.append(compare(ours, theirs.reshape(wanted.shape)))
    return results, ours_ms, ort_ms


def main():
    rounds = 4 if "--time" in sys.argv else 1
    only = [a for a in sys.argv[2:] if not a.startswith("-")]
    export, ort = exporter(), OnnxRuntime.find()
    print("ONNX Runtime:", ort.version if ort else
          "not asked (DML_ORT_LIB names no library)")
    print("| model | opset | options | largest difference | 1 - cosine | "
          "ms | ONNX Runtime ms |")
    bad = 0
    for name, opset, options in FAMILIES:
        if only and name not in only:
            continue
        with tempfile.TemporaryDirectory() as folder:
            results, ours_ms, ort_ms = run(name, opset, options, export,
                                           sys.argv[1], ort, rounds, folder)
        worst = max(r[0] for r in results)
        cosine = min(r[1] for r in results)
        fine = worst <= TOLERANCE and cosine >= COSINE
        bad += not fine
        print(f"| {name} | {opset} | {options} | {worst:.1e} | "
              f"{max(0, 1 - cosine):.0e} | {ours_ms:.1f} | {ort_ms:.1f} |" +
              ("" if fine else " FAILED"), flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
