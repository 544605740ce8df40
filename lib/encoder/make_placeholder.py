#!/usr/bin/env python3
"""Writes the stand-in for the built-in encoder: four convolutions with random
weights from a fixed seed, as a standard ONNX file with float16 weights. Used
only while there is no default.onnx in this folder.
Usage: make_placeholder.py OUT.onnx"""
import random
import struct
import sys

FLOAT, FLOAT16 = 1, 10
LAYERS = [(3, 16, 3, 2), (16, 32, 3, 2), (32, 64, 3, 2), (64, 128, 1, 1)]
SIZE = 64


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def num(field, n):
    return varint(field << 3) + varint(n)


def text(field, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def ints(name, values):  # AttributeProto, type INTS
    return text(1, name) + b"".join(num(8, v) for v in values) + num(20, 7)


def integer(name, value):  # AttributeProto, type INT
    return text(1, name) + num(3, value) + num(20, 2)


def node(op, inputs, output, *attributes):  # NodeProto
    return (b"".join(text(1, i) for i in inputs) + text(2, output) +
            text(3, output) + text(4, op) +
            b"".join(text(5, a) for a in attributes))


def tensor(name, dims, values):  # TensorProto, float16
    return (b"".join(num(1, d) for d in dims) + num(2, FLOAT16) +
            text(8, name) + text(9, struct.pack(f"<{len(values)}e", *values)))


def value(name, *dims):  # ValueInfoProto; a text is a free dimension
    shape = b"".join(text(1, text(2, d) if isinstance(d, str) else num(1, d))
                     for d in dims)
    return text(1, name) + text(2, text(1, num(1, FLOAT) + text(2, shape)))


def graph():
    draw = random.Random(20241).random
    nodes, weights, x = [], [], "image"
    for i, (c_in, c_out, k, stride) in enumerate(LAYERS):
        n = c_out * c_in * k * k
        scale = (2 / (c_in * k * k)) ** 0.5  # He et al. 2015, arXiv:1502.01852
        # Irwin-Hall: random() is the same in every Python, gauss() need not be
        weights.append(tensor(f"w{i}_f16", (c_out, c_in, k, k),
                              [scale * (sum(draw() for _ in range(12)) - 6)
                               for _ in range(n)]))
        nodes.append(node("Cast", [f"w{i}_f16"], f"w{i}",
                          integer("to", FLOAT)))
        nodes.append(node("Conv", [x, f"w{i}"], f"conv{i}",
                          ints("kernel_shape", [k, k]),
                          ints("pads", [k // 2] * 4),
                          ints("strides", [stride, stride])))
        x = f"conv{i}"
        if i + 1 < len(LAYERS):
            nodes.append(node("Relu", [x], f"relu{i}"))
            x = f"relu{i}"
    nodes.append(node("GlobalAveragePool", [x], "pooled"))
    nodes.append(node("Flatten", ["pooled"], "flat", integer("axis", 1)))
    nodes.append(node("LpNormalization", ["flat"], "embedding",
                      integer("axis", 1), integer("p", 2)))
    return (b"".join(text(1, n) for n in nodes) + text(2, "placeholder") +
            b"".join(text(5, w) for w in weights) +
            text(11, value("image", "n", 3, SIZE, SIZE)) +
            text(12, value("embedding", "n", LAYERS[-1][1])))


def main(path):
    about = {"dml.version": "1", "dml.name": "placeholder (untrained)",
             "dml.licence": "LGPL-2.1-or-later", "dml.data": "none",
             "dml.command": "make_placeholder.py", "dml.metric": "cosine"}
    model = (num(1, 8) + text(2, "dml") + text(7, graph()) +
             text(8, num(2, 17)) +
             b"".join(text(14, text(1, k) + text(2, v))
                      for k, v in about.items()))
    with open(path, "wb") as out:
        out.write(model)


if __name__ == "__main__":
    main(sys.argv[1])
