#!/usr/bin/env python3
"""Writes train.json: ten training steps of small nets as PyTorch computes them
in float64, for tests/check/lib/test_train_golden.c. Written with PyTorch 1.13.

usage: make_train.py train.json

Weights and pictures are no data but a rule that both sides know: numbers of a
linear congruential generator seeded by the FNV-1a hash of the tensor's name.
For each net: the losses, every gradient of the first step (its sum, its product
with a generated vector, its L2 norm) and the running statistics at the end."""
import json
import sys

import numpy as np
import torch
import torch.nn.functional as F

SIDE, BATCH, DIM, STEPS = 24, 6, 8, 10
RATE = {"mobilenetv2": 1e-5, "repvgg": 2e-4}  # else 0.02
WIDTH = 0.125


def generate(name, n):
    """n numbers in [-1, 1), the same as in the C test."""
    state = 2166136261
    for byte in name.encode():
        state = (state ^ byte) * 16777619 % 2**32
    out = np.empty(n)
    for i in range(n):
        state = (state * 1664525 + 1013904223) % 2**32
        out[i] = (state >> 8) / 2.0**23 - 1
    return out


def channels(c):
    return max(8, int(WIDTH * c / 8 + 0.5) * 8)


class Net:
    """Parameters by name, made when first asked for."""

    def __init__(self):
        self.params, self.stats = {}, {}

    def tensor(self, name, shape, scale, offset=0.0):
        if name not in self.params:
            n = int(np.prod(shape))
            data = np.float32(offset + scale * generate(name, n)).reshape(shape)
            self.params[name] = torch.tensor(data, dtype=torch.float64,
                                             requires_grad=True)
        return self.params[name]

    def conv(self, x, m, k, stride, name, group=1):
        w = self.tensor(name + ".weight", (m, x.shape[1] // group, k, k),
                        (6 / (k * k * m / group)) ** 0.5)
        return F.conv2d(x, w, None, stride, k // 2, 1, group)

    def bn(self, x, name, frozen_bias=False):
        c = x.shape[1]
        w = self.tensor(name + ".weight", (c,), 0.3, 1.0)
        b = torch.zeros(c, dtype=torch.float64) if frozen_bias else \
            self.tensor(name + ".bias", (c,), 0.2)
        if name not in self.stats:
            self.stats[name] = (torch.zeros(c, dtype=torch.float64),
                                torch.ones(c, dtype=torch.float64))
        return F.batch_norm(x, *self.stats[name], w, b, True, 0.1, 1e-5)

    def linear(self, x, m, name):
        w = self.tensor(name + ".weight", (m, x.shape[1]),
                        (3 / x.shape[1]) ** 0.5)
        return F.linear(x, w, self.tensor(name + ".bias", (m,), 0.1))

    def gem(self, x):
        p = self.tensor("pool.p", (1,), 0.0, 2.5)
        return x.clamp(min=1e-6).pow(p).mean((2, 3)).pow(1 / p)


def resnet10(net, x):
    c = channels(64)
    x = F.relu(net.bn(net.conv(x, c, 3, 1, "conv1"), "bn1"))
    for stage in range(1, 5):
        m, stride = channels(64 << (stage - 1)), 1 if stage == 1 else 2
        at = f"layer{stage}.0."
        y = F.relu(net.bn(net.conv(x, m, 3, stride, at + "conv1"), at + "bn1"))
        y = net.bn(net.conv(y, m, 3, 1, at + "conv2"), at + "bn2")
        if stride != 1 or x.shape[1] != m:
            x = net.bn(net.conv(x, m, 1, stride, at + "downsample.0"),
                       at + "downsample.1")
        x = F.relu(y + x)
    return x


def convnet4(net, x):
    for i in range(1, 5):
        at = f"block{i}."
        x = F.relu(net.bn(net.conv(x, channels(64), 3, 1, at + "conv"),
                          at + "bn"))
        x = F.max_pool2d(x, 2)
    return x


def mobilenetv2(net, x):
    x = F.relu6(net.bn(net.conv(x, channels(32), 3, 1, "features.0.0"),
                       "features.0.1"))
    index = 0
    for s, (t, c, n, stride) in enumerate([
            (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
            (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]):
        for i in range(n):
            index += 1
            step = stride if i == 0 and s != 1 else 1
            at, part, y = f"features.{index}.conv.", 0, x
            hidden = x.shape[1] * t
            if t != 1:
                y = F.relu6(net.bn(net.conv(y, hidden, 1, 1, at + "0.0"),
                                   at + "0.1"))
                part = 1
            y = net.conv(y, hidden, 3, step, at + f"{part}.0", hidden)
            y = F.relu6(net.bn(y, at + f"{part}.1"))
            y = net.bn(net.conv(y, channels(c), 1, 1, at + f"{part + 1}"),
                       at + f"{part + 2}")
            x = x + y if step == 1 and x.shape[1] == y.shape[1] else y
    at = f"features.{index + 1}."
    return F.relu6(net.bn(net.conv(x, channels(1280), 1, 1, at + "0"),
                          at + "1"))


def repvgg(net, x):
    for stage, (n, c) in enumerate(zip([1, 2, 4, 14, 1],
                                       [48, 48, 96, 192, 1280])):
        for i in range(n):
            m = channels(c)
            stride = 2 if i == 0 and stage not in (0, 1) else 1
            at = f"stage{stage}.{i}."
            y = net.bn(net.conv(x, m, 3, stride, at + "rbr_dense.conv"),
                       at + "rbr_dense.bn")
            y = y + net.bn(net.conv(x, m, 1, stride, at + "rbr_1x1.conv"),
                           at + "rbr_1x1.bn")
            if stride == 1 and x.shape[1] == m:
                y = y + net.bn(x, at + "rbr_identity")
            x = F.relu(y)
    return x


def rounded(numbers):
    return [float(f"{x:.9g}") for x in numbers]


def run(trunk):
    rate = RATE.get(trunk.__name__, 0.02)
    net = Net()
    x = torch.tensor(np.float32(generate("image", BATCH * 3 * SIDE * SIDE)),
                     dtype=torch.float64).reshape(BATCH, 3, SIDE, SIDE)
    want = torch.tensor(generate("target", BATCH * DIM)).reshape(BATCH, DIM)
    losses, gradients = [], {}
    for step in range(STEPS):
        features = net.linear(net.gem(trunk(net, x)), DIM, "embed")
        embedding = F.normalize(net.bn(features, "neck", True))
        loss = ((embedding - want) ** 2).sum() / BATCH + \
            0.5 * ((F.normalize(features) - want) ** 2).sum() / BATCH
        losses.append(loss.item())
        for p in net.params.values():
            p.grad = None
        loss.backward()
        with torch.no_grad():
            for name, p in net.params.items():
                g = p.grad.numpy().ravel()
                if step == 0:
                    gradients[name] = [g.sum(),
                                       g @ generate("probe." + name, g.size),
                                       float(np.sqrt(g @ g))]
                p -= rate * p.grad
    stats = {name: [m.sum().item(), v.sum().item()]
             for name, (m, v) in net.stats.items()}
    return {"losses": {"shape": [STEPS], "data": rounded(losses)},
            "gradients": {k: {"shape": [3], "data": rounded(v)}
                          for k, v in gradients.items()},
            "statistics": {k: {"shape": [2], "data": rounded(v)}
                           for k, v in stats.items()}}


def main(path):
    cases = [{"id": f.__name__, "data": "own", "semantics": "both",
              "params": {"side": SIDE, "batch": BATCH, "dim": DIM,
                         "steps": STEPS, "rate": RATE.get(f.__name__, 0.02), "width": WIDTH},
              "inputs": {}, "expected": run(f), "computed_by": "torch"}
             for f in (resnet10, convnet4, mobilenetv2, repvgg)]
    with open(path, "w") as out:
        json.dump({"schema": "dml-golden/1", "name": "train", "kind": "train",
                   "description": "ten training steps of small nets",
                   "source": "make_train.py, PyTorch " + torch.__version__ +
                   " in float64", "cases": cases}, out)
        out.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
