#!/usr/bin/env python3
"""Installs into an empty prefix, builds a consumer through pkg-config and runs
it. Usage: consumer.py BUILD_ROOT CONSUMER.c"""
import os
import subprocess
import sys
import tempfile


def main(build, source):
    with tempfile.TemporaryDirectory() as root:
        subprocess.run(["meson", "install", "-C", build, "--no-rebuild",
                        "--quiet", "--destdir", root], check=True)
        pcs, libs = [], []
        for here, _, names in os.walk(root):
            if "dml-1.0.pc" in names:
                pcs.append(here)
            if any(n.startswith("libdml-1.0.so") for n in names):
                libs.append(here)
        if len(pcs) != 1 or len(libs) != 1:
            print(f"dml-1.0.pc in {pcs}, libdml-1.0.so in {libs}")
            return 1
        env = dict(os.environ, PKG_CONFIG_PATH=pcs[0])
        plain = subprocess.run(
            ["pkg-config", "--cflags", "--libs", "dml-1.0"], env=env,
            capture_output=True, text=True, check=True).stdout.split()
        # What DESTDIR holds back is put in front of the .pc file's own paths.
        flags = [f[:2] + root + f[2:] if f[:2] in ("-I", "-L") and
                 os.path.exists(root + f[2:]) else f for f in plain]
        program = os.path.join(root, "consumer")
        subprocess.run(os.environ.get("CC", "cc").split() +
                       [source, "-Wall", "-Werror", "-o", program,
                        "-L" + libs[0]] + flags, check=True)
        return subprocess.run(
            [program], env=dict(os.environ, LD_LIBRARY_PATH=libs[0])
        ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
