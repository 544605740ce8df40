#!/usr/bin/env python3
"""The floors of the house (docs/architecture.md): a file may include only what
lies on its own floor or below. Usage: floors.py SOURCE_ROOT"""
import os
import re
import sys

FLOOR = {
    "lib/base": 1, "lib/kernels": 2, "lib/image": 3, "lib/nn": 3,
    "lib/encoder": 4, "lib/metric": 4, "lib/gallery": 5, "lib/train": 6,
    "gst/meta": 7, "gst": 8, "tools": 8,
}
# Same floor, yet strangers: neither may know the other.
STRANGERS = [("lib/image", "lib/nn"), ("lib/metric", "lib/encoder"),
             ("lib/metric", "lib/image"), ("gst", "tools"),
             ("gst/meta", "gst"), ("lib/gallery", "lib/train")]
# What only one part of the house may know of the outside.
OUTSIDE = [(re.compile(r"<gst/"), ("gst",)),
           (re.compile(r"<sqlite3"), ("lib/gallery",)),
           (re.compile(r"<orc/"), ("lib/kernels",)),
           (re.compile(r"<(linear|liblinear)"), ("lib/gallery",)),
           (re.compile(r"<protobuf-c"), ("lib/nn/onnx",))]
# Folders that are users of the library: installed headers and their own only.
USERS = ("gst", "tools")


def folder(path):
    """The floor that a path below the root lies on."""
    parts = path.split("/")
    for n in (2, 1):
        name = "/".join(parts[:n])
        if name in FLOOR and len(parts) > n:
            return name
    return None


def may(frm, to):
    if FLOOR[to] > FLOOR[frm]:
        return False
    return (frm, to) not in STRANGERS and \
        ((to, frm) not in STRANGERS or frm == "gst")


def main(root):
    sources, public = [], {}
    for top in ("lib", "gst", "tools"):
        for here, dirs, names in os.walk(os.path.join(root, top)):
            dirs.sort()
            for name in sorted(names):
                if not name.endswith((".c", ".h", ".orc", ".in")):
                    continue
                path = os.path.relpath(os.path.join(here, name), root)
                sources.append(path)
                if re.match(r"dml-.*\.h(\.in)?$", name):
                    public[name.replace(".h.in", ".h")] = path
    wrong, n_includes = [], 0
    for path in sources:
        frm = folder(path)
        if frm is None:  # lib/dml: the installed view
            continue
        with open(os.path.join(root, path), encoding="utf-8") as source:
            lines = source.readlines()
        for number, line in enumerate(lines, 1):
            m = re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line)
            if not m:
                continue
            n_includes += 1
            where = f"{path}:{number}: {m.group(2)}"
            for pattern, places in OUTSIDE:
                if pattern.match(m.group(1) + m.group(2)) and \
                        not path.startswith(tuple(p + "/" for p in places)):
                    wrong.append(f"{where}: only {', '.join(places)} may")
            if m.group(2).startswith("dml/"):
                name = m.group(2)[4:]
                if name == "dml.h":
                    if frm.startswith("lib/"):
                        wrong.append(f"{where}: the library includes what it "
                                     "needs, not everything")
                    continue
                if name not in public:
                    if name != "dml-version.h":
                        wrong.append(f"{where}: no such public header")
                    continue
                target = public[name]
            else:
                near = os.path.join(os.path.dirname(path), m.group(2))
                target = next((t for t in (near, "lib/" + m.group(2),
                                           m.group(2))
                               if os.path.exists(os.path.join(root, t))), None)
                if target is None:  # a system or generated header
                    continue
                if frm in USERS and target.startswith("lib/"):
                    wrong.append(f"{where}: private to the library; the "
                                 "public interface lacks something")
                    continue
            to = folder(os.path.normpath(target))
            if to is not None and not may(frm, to):
                wrong.append(f"{where}: {frm} (floor {FLOOR[frm]}) must not "
                             f"know {to} (floor {FLOOR[to]})")
    for line in wrong:
        print(line)
    print(f"floors: {len(sources)} files, {n_includes} includes, "
          f"{len(wrong)} wrong")
    return 1 if wrong or not n_includes else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "."))
