#!/usr/bin/env python3
"""Every relative link of a page leads to a file, and to a heading where it names
one; every file of this tree that a page names in code is there; every page is
reached from docs/README.md; every picture is small and is shown somewhere.
Usage: links.py ROOT, of the sources or of the installed pages"""
import os
import re
import sys

TOPS = ("docs", "pipelines", "tests/golden")
LINK = re.compile(r"(!?)\[[^\]]*\]\(([^)\s]+)\)|<img[^>]* src=\"([^\"]+)\"|"
                  r"srcset=\"([^\"]+)\"")
# `lib/nn/ops/conv.c` and the like: paths from the root that are in the tree.
NAMED = re.compile(r"`((?:lib|gst|tools|docs|pipelines|tests)/"
                   r"[A-Za-z0-9_./-]+\.(?:[a-z]{1,4}))`")
MADE = ("gst/libgstdml.so",)  # by the build
LARGEST = 100 * 1024  # bytes a picture


def pages(root):
    yield os.path.join(root, "README.md")
    for top in TOPS:
        for here, dirs, names in os.walk(os.path.join(root, top)):
            dirs.sort()
            for name in sorted(names):
                if name.endswith(".md"):
                    yield os.path.join(here, name)


def without_code(text):
    """The text less its fenced and indented blocks."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    return re.sub(r"^    .*$", "", text, flags=re.M)


def anchors(path):
    """Names of a page's headings, as the usual hosts make them."""
    with open(path, encoding="utf-8") as page:
        text = re.sub(r"^```.*?^```", "", page.read(), flags=re.M | re.S)
    found = set()
    for heading in re.findall(r"^#+ +(.+?) *$", text, re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        found.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return found


def check_page(root, path, wrong):
    """The files of the tree that the page leads to."""
    shown = os.path.relpath(path, root)
    with open(path, encoding="utf-8") as page:
        whole = page.read()
    reached = set()
    for found in LINK.finditer(without_code(whole)):
        target = found.group(2) or found.group(3) or found.group(4)
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        to = os.path.normpath(os.path.join(os.path.dirname(path), name)) \
            if name else path
        if not os.path.exists(to):
            wrong.append(f"{shown}: {target}: no such file")
        elif anchor and to.endswith(".md") and anchor not in anchors(to):
            wrong.append(f"{shown}: {target}: no such heading")
        reached.add(to)
    # What is installed has no sources to name.
    sources = os.path.exists(os.path.join(root, "meson.build"))
    for name in NAMED.findall(whole) if sources else ():
        if name not in MADE and not os.path.exists(os.path.join(root, name)):
            wrong.append(f"{shown}: {name}: no such file")
    return reached


def main(root):
    root = os.path.abspath(root)
    wrong, leads = [], {}
    for path in pages(root):
        leads[path] = check_page(root, path, wrong)
    # A link to a folder reaches the pages that lie in it.
    start = os.path.join(root, "docs", "README.md")
    reached, ahead = {start}, [start]
    while ahead:
        for to in leads.get(ahead.pop(), ()):
            for page in leads:
                if page not in reached and \
                        (page == to or os.path.dirname(page) == to):
                    reached.add(page)
                    ahead.append(page)
    linked = set().union(*leads.values())
    for here, _, names in os.walk(os.path.join(root, "docs")):
        for name in names:
            path = os.path.join(here, name)
            shown = os.path.relpath(path, root)
            if name.endswith(".md") and path not in reached:
                wrong.append(f"{shown}: not reached from docs/README.md")
            if name.endswith((".png", ".jpg", ".svg", ".webp")):
                if path not in linked:
                    wrong.append(f"{shown}: shown on no page")
                if os.path.getsize(path) > LARGEST:
                    wrong.append(f"{shown}: more than {LARGEST} bytes")
    n_links = sum(map(len, leads.values()))
    print("\n".join(wrong))
    print(f"links: {len(leads)} pages, {n_links} links, {len(wrong)} wrong")
    return 1 if wrong or not n_links else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "."))
