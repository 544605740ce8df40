#!/usr/bin/env python3
"""Papers that the code cites have an entry in docs/bibliography.md.
Usage: citations.py SOURCE_ROOT"""
import os
import re
import sys

NAME = r"[A-ZÉ][a-zéćö]+(?:-[A-Z][a-z]+)?"
YEAR = r"(?:19|20)\d\d"
# "X et al. 2019", "X and Y 2019", "X, Y and Z 2019", "X, Y, Z 2019", and a
# lone "X 2019" where punctuation shows that it is a citation.
CITED = re.compile(
    rf"({NAME})(?:,? et al\.,?|(?:, {NAME})*,? (?:and|&) {NAME},?|"
    rf"(?:, {NAME})+) ({YEAR})\b|({NAME}) ({YEAR})(?=[,;:)\]])")
MONTHS = {"January", "February", "March", "April", "May", "June", "July",
          "August", "September", "October", "November", "December"}


def text_of(path):
    """A file's text with comments' line ends and stars taken out."""
    with open(path, encoding="utf-8") as source:
        return re.sub(r"\s*\n\s*(?:\* |// |# )?\s*", " ", source.read())


def main(root):
    with open(os.path.join(root, "docs/bibliography.md"),
              encoding="utf-8") as page:
        entries = re.findall(r"^- \*\*(.+?) (\d{4})\*\*", page.read(), re.M)
    known = {(re.match(NAME, who).group(0), year) for who, year in entries}
    missing, n_cited = [], 0
    for top in ("lib", "gst", "tools"):
        for here, dirs, names in os.walk(os.path.join(root, top)):
            dirs.sort()
            for name in sorted(names):
                if not name.endswith((".c", ".h", ".def", ".orc")):
                    continue
                path = os.path.join(here, name)
                for m in CITED.finditer(text_of(path)):
                    who, year = m.group(1) or m.group(3), \
                        m.group(2) or m.group(4)
                    if who in MONTHS:
                        continue
                    n_cited += 1
                    if (who, year) not in known:
                        missing.append(f"{os.path.relpath(path, root)}: "
                                       f"{m.group(0)}: no entry in "
                                       "docs/bibliography.md")
    print("\n".join(missing))
    print(f"citations: {n_cited} of {len(known)} papers, "
          f"{len(missing)} without an entry")
    return 1 if missing or not n_cited else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "."))
