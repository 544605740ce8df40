#!/usr/bin/env python3
"""Fills in default.c.in. Usage: embed_default.py MODEL.onnx IN OUT"""
import os
import sys

model, template, out = sys.argv[1:]
path = os.path.abspath(model).replace("\\", "\\\\").replace('"', '\\"')
with open(template, encoding="utf-8") as source:
    text = source.read()
with open(out, "w", encoding="utf-8") as target:
    target.write(text.replace("@MODEL@", path))
