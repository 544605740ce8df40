#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the PROPERTIES of the elements' man pages from what gst-inspect-1.0
says: type, default, blurb, values, and when each may be changed.

    make_properties.py

Run it with GST_PLUGIN_PATH set to the build's gst/; tests/docs/test_man.py holds
the pages to it.
"""
import os
import re
import subprocess
import textwrap

HERE = os.path.dirname(os.path.abspath(__file__))
ELEMENTS = ("dmlembed", "dmlgallery", "dmljson", "dmlmatch", "dmloverlay")
# What GstBaseTransform says of a property that has no effect in most elements.
INHERITED = {"Handle Quality-of-Service events":
             "No effect: no frame is dropped for being late"}
ROW = re.compile(r"^  ([a-z][a-z0-9-]*) +: (.*)\n +flags: (.*)\n +(.*)\n"
                 r"((?: +\(.*\): .*\n)*)", re.M)
VALUE = re.compile(r"\(.*?\): (\S+) +- (.*)")
SECTION = re.compile(r"^\.SH PROPERTIES\n(.*?)(?=^\.SH )", re.M | re.S)


def rows(element):
    """[(name, blurb, flags, type, values)] of an element's own properties."""
    text = subprocess.run(["gst-inspect-1.0", element], capture_output=True,
                          text=True, check=True).stdout
    text = text.partition("Element Properties:\n")[2]
    text = re.split(r"^Element (?:Signals|Actions)", text, flags=re.M)[0]
    return [(name, blurb, flags, kind, VALUE.findall(values))
            for name, blurb, flags, kind, values in ROW.findall(text)
            if name not in ("name", "parent")]


def kind_of(blurb, kind, values):
    """Type or range, and the default."""
    default = re.search(r'Default: *(?:[^"]*"(.*)"|(\S+))', kind)
    default = (default.group(1) or default.group(2) or "") if default else ""
    span = re.search(r"Range: *(\S+) - *(\S+)", kind)
    if kind.startswith("Flags"):
        order = [nick for nick, _ in values]
        default = "+".join(sorted(default.split("+"), key=order.index))
        return "flags, " + default
    if kind.startswith("Enum"):
        return "one of these, " + default
    if "0xAARRGGBB" in blurb:
        return f"0xAARRGGBB, {int(default):#010x}"
    if span:
        return f"{span.group(1)} to {span.group(2)}, {default}"
    if kind.startswith("Boolean"):
        return "true or false, " + default
    if kind.startswith("String"):
        return "text" if default in ("", "null") else "text, " + default
    if "GstStructure" in kind:
        return "structure, read only"
    return "list, none"


def changeable(flags):
    if "only in NULL or READY" in flags:
        return " Changeable in NULL and READY."
    if "PLAYING" in flags:
        return " Changeable while playing."
    return ""


def section(element):
    """The lines of the section, as roff."""
    out = []
    for name, blurb, flags, kind, values in rows(element):
        said = f"{kind_of(blurb, kind, values)}. " \
               f"{INHERITED.get(blurb, blurb)}.{changeable(flags)}"
        out += [".TP", ".B " + name.replace("-", "\\-")]
        out += textwrap.wrap(said, 79, break_on_hyphens=False,
                             break_long_words=False)
        for nick, meaning in values:
            first = ".RS\n" if nick == values[0][0] else ""
            out += [f"{first}.IP \\fB{nick}\\fR 12", meaning]
        out += [".RE"] if values else []
    return "\n".join(out) + "\n"


def main():
    for element in ELEMENTS:
        path = os.path.join(HERE, element + ".7")
        with open(path, encoding="utf-8") as file:
            page = file.read()
        made = ".SH PROPERTIES\n" + section(element)
        page = SECTION.sub(lambda _, text=made: text, page)
        with open(path, "w", encoding="utf-8") as file:
            file.write(page)


if __name__ == "__main__":
    main()
