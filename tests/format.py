#!/usr/bin/env python3
"""Every C file is formatted as .clang-format says. Usage: format.py SOURCE_ROOT

Versions of clang-format disagree, so that only version 14 is asked; without it
the test is skipped (77)."""
import os
import re
import shutil
import subprocess
import sys

VERSION = 14
FOLDERS = ("lib", "gst", "tools", "tests")


def find_program():
    for name in (f"clang-format-{VERSION}", "clang-format"):
        path = shutil.which(name)
        if path is None:
            continue
        said = subprocess.run([path, "--version"], capture_output=True,
                              text=True, check=True).stdout
        if re.search(rf"version {VERSION}\.", said):
            return path
    return None


def sources(root):
    for folder in FOLDERS:
        for path, _, names in os.walk(os.path.join(root, folder)):
            yield from (os.path.join(path, name) for name in sorted(names)
                        if name.endswith((".c", ".h")))


def main():
    program = find_program()
    if program is None:
        print(f"skipped: clang-format {VERSION} is not installed")
        return 77
    files = list(sources(sys.argv[1]))
    done = subprocess.run([program, "--dry-run", "-Werror", "--style=file",
                           *files], capture_output=True, text=True, check=False)
    wrong = sorted(set(re.findall(r"^(\S+?):\d+:\d+: error:", done.stderr,
                                  re.M)))
    for path in wrong:
        print(f"{os.path.relpath(path, sys.argv[1])}: not formatted; "
              f"run clang-format -i on it")
    if not wrong and done.returncode != 0:
        print(done.stderr)
    print(f"{len(files)} files, {len(wrong)} not formatted")
    return int(done.returncode != 0)


if __name__ == "__main__":
    sys.exit(main())
