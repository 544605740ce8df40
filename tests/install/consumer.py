#!/usr/bin/env python3
"""Installs into an empty folder, builds consumers through pkg-config and runs
them. Usage: consumer.py BUILD_ROOT PACKAGE=CONSUMER.c..."""
import os
import subprocess
import sys

import prefix


def consume(root, package, source):
    files = prefix.files_below(root)
    pcs = [os.path.dirname(root + f) for f in files
           if f.endswith(f"/{package}.pc")]
    libs = sorted({os.path.dirname(root + f) for f in files
                   if f.endswith("/libdml-1.0.so")})
    if len(pcs) != 1 or len(libs) != 1:
        print(f"{package}.pc in {pcs}, libdml-1.0.so in {libs}")
        return 1
    env = dict(os.environ, PKG_CONFIG_PATH=pcs[0])
    plain = subprocess.run(["pkg-config", "--cflags", "--libs", package],
                           env=env, capture_output=True, text=True,
                           check=True).stdout.split()
    # What DESTDIR holds back is put in front of the .pc file's own paths.
    flags = [f[:2] + root + f[2:] if f[:2] in ("-I", "-L") and
             os.path.exists(root + f[2:]) else f for f in plain]
    program = os.path.join(root, "consumer")
    subprocess.run(os.environ.get("CC", "cc").split() +
                   [source, "-Wall", "-Werror", "-o", program,
                    "-L" + libs[0], "-Wl,-rpath-link," + libs[0]] + flags,
                   check=True)
    return subprocess.run(
        [program], env=dict(os.environ, LD_LIBRARY_PATH=libs[0])).returncode


def main(build, pairs):
    with prefix.installed(build) as root:
        return max(consume(root, *pair.split("=", 1)) for pair in pairs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
