#!/usr/bin/env python3
"""Each installed header compiles alone, as C and as C++.
Usage: headers.py BUILD_LIB SOURCE_LIB HEADER..."""
import os
import shutil
import subprocess
import sys


def main(build, source, headers):
    flags = subprocess.run(["pkg-config", "--cflags", "gobject-2.0"],
                           capture_output=True, text=True,
                           check=True).stdout.split()
    languages = [(os.environ.get("CC", "cc").split(), "c", "-std=gnu11")]
    if shutil.which("c++"):
        languages.append((["c++"], "c++", "-std=gnu++11"))
    failed = 0
    names = [os.path.basename(h) for h in headers] + ["dml-version.h"]
    for name in names:
        for compiler, language, standard in languages:
            run = subprocess.run(
                compiler + [standard, "-Wall", "-Wextra", "-Werror",
                            "-fsyntax-only", "-x", language, "-",
                            "-I" + build] + flags,
                input=f"#include <dml/{name}>\n", text=True,
                capture_output=True)
            if run.returncode:
                failed += 1
                print(f"{name} as {language}:\n{run.stderr}")
    print(f"{len(names)} headers, {len(languages)} languages, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
