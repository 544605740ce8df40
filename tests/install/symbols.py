#!/usr/bin/env python3
"""Every symbol that the library exports starts with dml_, and its SONAME
carries the interface's version. Usage: symbols.py LIBRARY"""
import re
import subprocess
import sys


def main(library):
    names = [line.split()[-1].split("@")[0] for line in subprocess.run(
        ["nm", "-D", "--defined-only", library], capture_output=True,
        text=True, check=True).stdout.splitlines()]
    # Sanitizers add their own.
    wrong = [n for n in names if not n.startswith("dml_") and
             not re.match(r"_*(asan|ubsan|odr|sanitizer)|_init$|_fini$", n)]
    soname = re.search(r"SONAME.*?(libdml-1\.0\.so\.\d+)", subprocess.run(
        ["objdump", "-p", library], capture_output=True, text=True,
        check=True).stdout)
    for name in wrong:
        print(f"exported, but not ours by name: {name}")
    print(f"{len(names)} symbols, {len(wrong)} wrong, "
          f"SONAME {soname.group(1) if soname else 'missing'}")
    return 1 if wrong or not names or not soname else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
