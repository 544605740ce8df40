#!/usr/bin/env python3
"""Everything is installed, the plugin loads from there, and uninstalling leaves
nothing. Usage: installed.py BUILD_ROOT SOURCE_ROOT [PART...]; parts: gst tools
docs patterns introspection"""
import json
import os
import re
import shutil
import subprocess
import sys

import prefix

PROGRAMS = ("dml-bench", "dml-embed", "dml-eval", "dml-gallery", "dml-train")
WANTED = {
    "lib": [r"/libdml-1\.0\.so", r"/libdml-1\.0\.so\.0",
            r"/pkgconfig/dml-1\.0\.pc", r"/include/dml-1\.0/dml/dml\.h",
            r"/include/dml-1\.0/dml/dml-version\.h"],
    "gst": [r"/libgstdml-1\.0\.so", r"/libgstdml-1\.0\.so\.0",
            r"/pkgconfig/gstdml-1\.0\.pc",
            r"/include/gstdml-1\.0/gst/dml/gstdml\.h",
            r"/gstreamer-1\.0/libgstdml\.so"],
    "tools": [rf"/bin/{p}" for p in PROGRAMS] +
             [rf"/bash-completion/completions/{p}" for p in PROGRAMS] +
             [r"/dml/dml-check"],
    "docs": [rf"/man/man1/{p}\.1" for p in PROGRAMS] +
            [r"/doc/dml/LICENSE", r"/doc/dml/README\.md"],
    "patterns": [r"/share/dml/patterns\.bin"],
    "introspection": [r"/gir-1\.0/Dml-1\.0\.gir",
                      r"/girepository-1\.0/Dml-1\.0\.typelib",
                      r"/gir-1\.0/GstDml-1\.0\.gir",
                      r"/girepository-1\.0/GstDml-1\.0\.typelib"],
}
ELEMENTS = ("dmlembed", "dmlgallery", "dmljson", "dmlmatch", "dmloverlay")


def loads(root, files):
    """The installed plugin shows its elements to gst-inspect-1.0."""
    plugin = next(f for f in files if f.endswith("/libgstdml.so"))
    libs = next(f for f in files if f.endswith("/libdml-1.0.so"))
    env = dict(os.environ, GST_PLUGIN_PATH=root + os.path.dirname(plugin),
               GST_PLUGIN_SYSTEM_PATH="", GST_REGISTRY=root + ".registry",
               LD_LIBRARY_PATH=root + os.path.dirname(libs))
    said = subprocess.run(["gst-inspect-1.0", "dml"], env=env, text=True,
                          capture_output=True).stdout
    absent = [e for e in ELEMENTS if f"  {e}: " not in said]
    if absent:
        print(f"gst-inspect-1.0 dml: no {', '.join(absent)} in\n{said}")
    return not absent


def times_kernels(root, files):
    """The installed dml-bench finds the installed dml-check, and runs it."""
    bench = next(f for f in files if f.endswith("/bin/dml-bench"))
    libs = next(f for f in files if f.endswith("/libdml-1.0.so"))
    env = dict(os.environ, LD_LIBRARY_PATH=root + os.path.dirname(libs))
    env.pop("DML_CHECK", None)
    done = subprocess.run([root + bench, "kernels", "--json", "--test=max_f32"],
                          env=env, text=True, capture_output=True)
    rows = json.loads(done.stdout)["rows"] if done.returncode == 0 else []
    if not rows or min(row["minimum"] for row in rows) <= 0:
        print(f"dml-bench kernels: exit {done.returncode}, {len(rows)} rows, "
              f"{done.stderr}")
    return bool(rows)


def links_hold(root, files, source):
    """The installed pages lead to what is installed."""
    page = next(f for f in files if f.endswith("/doc/dml/README.md"))
    return subprocess.run(
        [sys.executable, os.path.join(source, "tests", "docs", "links.py"),
         root + os.path.dirname(page)], check=False).returncode == 0


def knows_patterns(root, files):
    """The installed gallery answers the installed elements."""
    shop = next(f for f in files if f.endswith("/share/dml/patterns.bin"))
    plugin = next(f for f in files if f.endswith("/libgstdml.so"))
    libs = next(f for f in files if f.endswith("/libdml-1.0.so"))
    env = dict(os.environ, GST_REGISTRY=root + ".patterns.registry",
               GST_PLUGIN_PATH=root + os.path.dirname(plugin),
               LD_LIBRARY_PATH=root + os.path.dirname(libs))
    good = True
    for pattern in ("smpte", "spokes"):
        said = subprocess.run(
            ["gst-launch-1.0", "-m", "videotestsrc", "num-buffers=1",
             f"pattern={pattern}", "!", "video/x-raw,width=640,height=480", "!",
             "dmlembed", "!", "dmlmatch", f"gallery={root + shop}", "!",
             "fakesink"],
            env=env, text=True, capture_output=True, check=False).stdout
        if f" label=(string){pattern}," not in said:
            print(f"{pattern} is not known:\n{said}")
            good = False
    return good


def main(build, source, parts):
    with prefix.installed(build) as root:
        files = prefix.files_below(root)
        wanted = [w for part in ["lib"] + parts for w in WANTED[part]]
        if "docs" in parts:
            if "gst" in parts:
                wanted += [rf"/man/man7/{e}\.7" for e in ELEMENTS]
            wanted += [f"/doc/dml/docs/{re.escape(page)}" for page in
                       os.listdir(os.path.join(source, "docs"))
                       if page.endswith(".md")]
        absent = [w for w in wanted
                  if not any(re.search(w + "$", f) for f in files)]
        for want in absent:
            print(f"not installed: {want}")
        good = not absent
        if "gst" in parts and shutil.which("gst-inspect-1.0"):
            good = loads(root, files) and good
        if "patterns" in parts:
            good = knows_patterns(root, files) and good
        if "docs" in parts:
            good = links_hold(root, files, source) and good
        if "tools" in parts:
            good = times_kernels(root, files) and good
        subprocess.run(["ninja", "-C", build, "uninstall"], check=True,
                       stdout=subprocess.DEVNULL)
        left = prefix.files_below(root)
        for path in left:
            print(f"left behind: {path}")
        print(f"{len(files)} files installed, {len(wanted)} wanted, "
              f"{len(absent)} absent, {len(left)} left behind")
        return 0 if good and not left else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
