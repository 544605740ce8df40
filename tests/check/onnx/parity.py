#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Embeddings of exported CNNs beside the reference: every family of
docs/onnx.md, exported by PyTorch with random weights, run by dml, PyTorch and,
where DML_ORT_LIB names its library, ONNX Runtime.
Usage: parity.py ONNX_RUN [--table] [FAMILY...]"""
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
     for n in ("resnet18", "shufflenet_v2_x1_0", "mobilenet_v3_small")
     for o in (9, 10, 11, 12, 13, 14, 15, 16, 17)]


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


def run(name, opset, options, export, onnx_run, ort, folder):
    model = os.path.join(folder, "model.onnx")
    options = options.split()
    if "--embedding" not in options:
        options += ["--embedding", "0"]
    subprocess.run([sys.executable, export, name, model, "--opset", str(opset)]
                   + options, check=True, stdout=subprocess.DEVNULL)
    out = os.path.join(folder, "ours.npy")
    x = os.path.join(folder, "model.in.npy")
    ms = subprocess.run([onnx_run, model, x, out], check=True,
                        stdout=subprocess.PIPE, text=True).stdout.strip()
    ours = np.load(out)
    wanted = np.load(os.path.join(folder, "model.out.npy"))
    wanted = wanted.reshape(len(wanted), -1)
    results = [compare(ours, wanted)]
    if ort:
        theirs = ort.run(model, np.load(x), wanted.size).reshape(wanted.shape)
        results.append(compare(ours, theirs))
    return results, ms


def main():
    only = [a for a in sys.argv[2:] if not a.startswith("-")]
    export, ort = exporter(), OnnxRuntime.find()
    print("ONNX Runtime:", ort.version if ort else
          "not asked (DML_ORT_LIB names no library)")
    print("| model | opset | options | largest difference | 1 - cosine | ms |")
    bad = 0
    for name, opset, options in FAMILIES:
        if only and name not in only:
            continue
        with tempfile.TemporaryDirectory() as folder:
            results, ms = run(name, opset, options, export, sys.argv[1], ort,
                              folder)
        worst = max(r[0] for r in results)
        cosine = min(r[1] for r in results)
        fine = worst <= TOLERANCE and cosine >= COSINE
        bad += not fine
        print(f"| {name} | {opset} | {options} | {worst:.1e} | "
              f"{max(0, 1 - cosine):.0e} | {ms} |" +
              ("" if fine else " FAILED"), flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
