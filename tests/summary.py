#!/usr/bin/env python3
"""Adds up meson's test logs into "N passed, N failed, N skipped".
Usage: summary.py N_BROKEN_BUILDS LOG.json..."""
import json
import sys


def main(argv):
    passed, failed, skipped = 0, int(argv[0]), []
    for log in argv[1:]:
        try:
            with open(log, encoding="utf-8", errors="replace") as lines:
                results = [json.loads(line) for line in lines if line.strip()]
        except OSError as error:  # meson test itself broke
            print(f"{log}: {error.strerror}")
            failed += 1
            continue
        for test in results:
            result, name = test["result"], test["name"]
            if result in ("OK", "EXPECTEDFAIL"):
                passed += 1
            elif result == "SKIP":
                words = [w for w in (test.get("stdout") or "").splitlines()
                         if "skip" in w.lower()]
                skipped.append((name, words[-1].strip() if words else ""))
            else:
                failed += 1
                print(f"FAILED {name} ({result}) in {log}")
    for name, why in sorted(set(skipped)):
        print(f"skipped {name}: {why}"[:200])
    print(f"{passed} passed, {failed} failed, {len(skipped)} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
