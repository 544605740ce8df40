#!/usr/bin/python3
"""What the demonstration recognised, beside the truth: a table a product, then
accuracy, rejection, AUROC and speed; and a contact sheet of annotated frames.

A product's frame is right when it bears the product's name; an unknown thing's
frame is right when it bears none. Everything at the threshold that dmlmatch
used; AUROC over what it decides by, how far the similarity lies above the
threshold, for all thresholds at once.
"""
import argparse
import json
import sqlite3
import subprocess
import sys

import numpy
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 640, 480
CELL = (208, 156)
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf"
# The overlay's own: a rejection is not a wrong name.
COLOURS = {"right": (0, 112, 82), "unknown": (90, 90, 90),
           "mistaken": (190, 30, 0)}


def read_lines(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def results_by_frame(path, rate):
    """{frame number: its first region} from dmljson's lines."""
    found = {}
    for line in read_lines(path):
        frame = round(line["stream_time"] * rate / 1e9)
        if line["regions"]:
            found[frame] = line["regions"][0]
    return found


def auroc(known, unknown):
    """Share of (known, unknown) pairs in the right order; ties half."""
    order = numpy.sort(unknown)
    below = numpy.searchsorted(order, known, "left")
    upto = numpy.searchsorted(order, known, "right")
    return float((below + upto).mean() / 2 / len(order))


def outcome(row, region):
    """right, unknown or mistaken"""
    said = region.get("label") if region and \
        region.get("decision") == "known" else None
    if row["known"]:
        return "right" if said == row["label"] else \
            "unknown" if said is None else "mistaken"
    return "right" if said is None else "mistaken"


def tally(truth, found):
    """label -> counts of outcomes, and the whole's figures"""
    things, known, unknown, ranked = {}, [], [], 0
    for row in truth:
        region = found.get(row["frame"])
        thing = things.setdefault(row["label"], {
            "known": row["known"], "frames": 0, "right": 0, "unknown": 0,
            "mistaken": 0, "changes": 0, "last": None, "as": {}})
        thing["frames"] += 1
        result = outcome(row, region)
        thing[result] += 1
        said = region.get("label") if region and \
            region.get("decision") == "known" else None
        thing["changes"] += thing["frames"] > 1 and said != thing["last"]
        thing["last"] = said
        if result == "mistaken":
            thing["as"][said] = thing["as"].get(said, 0) + 1
        above = region["similarity"] - region["threshold"] if region else -9
        (known if row["known"] else unknown).append(above)
        ranked += bool(row["known"] and region and
                       (region.get("nearest") or said) == row["label"])
    n_known, n_unknown = len(known), len(unknown)
    products = [t for t in things.values() if t["known"]]
    strangers = [t for t in things.values() if not t["known"]]
    return things, {
        "products": len(products),
        "strangers": len(strangers),
        "accuracy": sum(t["right"] for t in products) / n_known,
        "rank 1": ranked / n_known,
        "mistaken": sum(t["mistaken"] for t in products) / n_known,
        "rejected": sum(t["right"] for t in strangers) / n_unknown,
        "auroc": auroc(known, unknown),
        "changes": sum(t["changes"] for t in products) / len(products),
    }


def print_table(things):
    print(f"{'product':<18}{'frames':>7}{'recognised':>12}"
          f"{'unknown':>9}{'mistaken':>10}")
    for name, t in sorted(things.items(),
                          key=lambda item: (not item[1]["known"], item[0])):
        if not t["known"]:
            continue
        worst = max(t["as"], key=t["as"].get) if t["as"] else ""
        print(f"{name:<18}{t['frames']:>7}{t['right']:>12}"
              f"{t['unknown']:>9}{t['mistaken']:>10}"
              f"{'  as ' + worst if worst else ''}")
    print(f"\n{'in no gallery':<18}{'frames':>7}{'':>12}{'unknown':>9}"
          f"{'mistaken':>10}")
    for name, t in sorted(things.items()):
        if t["known"]:
            continue
        worst = max(t["as"], key=t["as"].get) if t["as"] else ""
        print(f"{name:<18}{t['frames']:>7}{'':>12}{t['right']:>9}"
              f"{t['mistaken']:>10}{'  as ' + worst if worst else ''}")


def print_figures(figures, timing):
    print(f"""
accuracy                {figures['accuracy']:7.1%}   products' frames with the right name
  right at rank 1       {figures['rank 1']:7.1%}   whatever the threshold
  mistaken              {figures['mistaken']:7.1%}   products' frames with a wrong name
rejected                {figures['rejected']:7.1%}   unknown things' frames without a name
AUROC                   {figures['auroc']:7.3f}   known against unknown, all thresholds
label changes           {figures['changes']:7.2f}   a product
speed                   {timing['frames'] / timing['seconds']:7.1f}   frames/s, decoding and drawing included
                        {1000 * timing['seconds'] / timing['frames']:7.2f}   ms a frame""")


def print_rates(gallery, rate, truth, found):
    """What the gallery's other calibrated thresholds would have said."""
    with sqlite3.connect(f"file:{gallery}?mode=ro", uri=True) as store:
        leads = {row["false_accept_rate"]: row["lead"] for row in (
            json.loads(value) for value, in store.execute(
                "SELECT value FROM calibration WHERE key GLOB 'item/*'"))}
    print("\nwished rate of strangers named    came out"
          "    products' frames named right   wrong")
    for wished in (0.2, 0.1, 0.05, 0.02, 0.01):
        counts = {"stranger": 0, "right": 0, "wrong": 0}
        for row in truth:
            region = found.get(row["frame"])
            if not region or region["similarity"] - region["threshold"] <= \
                    leads[wished] - leads[rate]:
                continue
            name = region.get("nearest") or region.get("label")
            counts["stranger" if not row["known"] else
                   "right" if name == row["label"] else "wrong"] += 1
        n_known = sum(row["known"] for row in truth)
        n_unknown = len(truth) - n_known
        print(f"{wished:28.0%}{counts['stranger'] / n_unknown:14.1%}"
              f"{counts['right'] / n_known:32.1%}"
              f"{counts['wrong'] / n_known:8.1%}"
              f"{'   *' if wished == rate else ''}")
    print("* the one that was used above")


def pick_frames(truth, found):
    """A frame a thing: a wrong one where there is one, else the middle."""
    picked = {}
    for row in truth:
        picked.setdefault(row["label"], []).append(row)
    wanted = {}
    for label, rows in picked.items():
        wrong = [r for r in rows
                 if outcome(r, found.get(r["frame"])) != "right"]
        clear = [r for r in rows if not r["occluded"]]
        middle = clear[len(clear) // 2]
        # Mark a thing wrong only if it mostly is.
        row = wrong[len(wrong) // 2] if 2 * len(wrong) > len(rows) else middle
        wanted[row["frame"]] = (label, row)
    return wanted


def verdict(row, region):
    """What a cell of the sheet says beside the thing's name, and its colour."""
    result = outcome(row, region)
    words = {"right": "" if row["known"] else "rightly unknown",
             "unknown": "called unknown",
             "mistaken": f"taken for {region['label']}"
                         if result == "mistaken" else ""}
    return words[result], COLOURS[result]


def sheet_font(text, size=15):
    """As large as lets the text stay within its cell."""
    try:
        font = ImageFont.truetype(FONT, size)
    except OSError:
        return ImageFont.load_default()
    return font if size < 10 or font.getlength(text) <= CELL[0] else \
        sheet_font(text, size - 1)


def write_sheet(path, video, truth, found):
    """Decodes the annotated video once and lays the picked frames out."""
    wanted = pick_frames(truth, found)
    decoder = subprocess.Popen(
        ["gst-launch-1.0", "-q", "filesrc", f"location={video}", "!",
         "decodebin", "!", "videoconvert", "!",
         f"video/x-raw,format=RGB,width={WIDTH},height={HEIGHT}", "!",
         "fdsink"], stdout=subprocess.PIPE)
    cells, number = [], 0
    while True:
        data = decoder.stdout.read(WIDTH * HEIGHT * 3)
        if len(data) < WIDTH * HEIGHT * 3:
            break
        if number in wanted:
            cells.append((wanted[number], Image.frombytes(
                "RGB", (WIDTH, HEIGHT), data).resize(CELL, Image.LANCZOS)))
        number += 1
    decoder.wait()
    groups = [(heading, sorted((cell for cell in cells
                                if cell[0][1]["known"] == known),
                               key=lambda cell: cell[0][0]))
              for heading, known in (("Products", True),
                                     ("Strangers: in no gallery", False))]
    columns, head, caption = 8, 32, 46
    width, height = CELL[0] + 8, CELL[1] + caption
    sheet = Image.new("RGB", (columns * width + 8, sum(
        head + -(-len(group) // columns) * height for _, group in groups)),
        "white")
    draw = ImageDraw.Draw(sheet)
    top = 0
    for heading, group in groups:
        draw.text((8, top + 6), heading, fill="black",
                  font=sheet_font(heading, 18))
        top += head
        for n, ((label, row), picture) in enumerate(group):
            x, y = 8 + n % columns * width, top + n // columns * height
            words, colour = verdict(row, found.get(row["frame"]))
            sheet.paste(picture, (x, y))
            draw.rectangle((x - 2, y - 2, x + CELL[0] + 1, y + CELL[1] + 1),
                           outline=colour, width=4)
            for line, text in enumerate((label, words)):
                draw.text((x, y + CELL[1] + 4 + 19 * line), text, fill=colour,
                          font=sheet_font(text))
        top += -(-len(group) // columns) * height
    sheet.save(path)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("truth")
    parser.add_argument("results", help="what dmljson wrote")
    parser.add_argument("timing", help="JSON with frames and seconds")
    parser.add_argument("--rate", type=float, default=30)
    parser.add_argument("--video", help="the annotated video, for --sheet")
    parser.add_argument("--sheet", help="where the contact sheet goes")
    parser.add_argument("--gallery", help="the calibrated gallery, for a table "
                        "of other false-accept rates")
    parser.add_argument("--false-accept-rate", type=float, default=0.1,
                        help="the one that was asked of dmlmatch (0.1)")
    parser.add_argument("--brief", action="store_true",
                        help="the figures without the table")
    parser.add_argument("--json", help="also write the figures here")
    args = parser.parse_args()

    truth = read_lines(args.truth)
    found = results_by_frame(args.results, args.rate)
    if not found:
        sys.exit(f"{args.results}: no results; did the pipeline run?")
    with open(args.timing, encoding="utf-8") as timing:
        timing = json.load(timing)
    things, figures = tally(truth, found)
    if not args.brief:
        print_table(things)
    print_figures(figures, timing)
    if args.gallery:
        print_rates(args.gallery, args.false_accept_rate, truth, found)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as out:
            json.dump({**figures, **timing}, out, indent=1)
    if args.sheet:
        write_sheet(args.sheet, args.video, truth, found)


if __name__ == "__main__":
    main()
