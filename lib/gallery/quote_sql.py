#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns schema.sql into a C string. Usage: quote_sql.py IN OUT"""
import json
import sys

with open(sys.argv[1], encoding="ascii") as source:
    lines = source.read().splitlines()
with open(sys.argv[2], "w", encoding="ascii") as out:
    out.write("static const char gallery_schema[] =\n")
    for line in lines:
        out.write(f"  {json.dumps(line + chr(10))}\n")
    out.write("  ;\n")
