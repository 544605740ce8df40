#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A folder of links to the plugins that the tests use: scanning all that a
machine has takes longer than the tests, and other people's plugins leak.
Usage: plugins.py PLUGINS_FOLDER OUT NAME..."""
import os
import sys

folder, out, names = sys.argv[1], sys.argv[2], sys.argv[3:]
os.makedirs(out, exist_ok=True)
for old in os.listdir(out):
    os.unlink(os.path.join(out, old))
for name in names:
    path = os.path.join(folder, f"libgst{name}.so")
    if os.path.exists(path):  # tests skip, in words, what is not there
        os.symlink(path, os.path.join(out, f"libgst{name}.so"))
