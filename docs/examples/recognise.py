#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Recognition from Python, through GObject Introspection alone.

    recognise.py GALLERY VIDEO [--enrol LABEL]

Plays a file and prints what is seen whenever that changes: the decision and
why, the nearest items, the box. With --enrol nothing is recognised: what the
first good frame shows is enrolled, by dmlgallery's action signal.

Needs python3-gi and gir1.2-gstreamer-1.0; the namespaces Dml and GstDml come
with dml.
"""
import argparse
import array
import sys

import gi

gi.require_version("Dml", "1.0")
gi.require_version("Gst", "1.0")
gi.require_version("GstDml", "1.0")
from gi.repository import Dml, GLib, Gst, GstDml  # noqa: E402


def describe(region, buffer):
    """One result (GstDmlRegionMeta) in words."""
    match = region.get_match()  # Dml.Match; None without dmlmatch
    embedding = array.array("f", region.get_embedding().get_bytes().get_data())
    found, box = region.get_box(buffer)
    place = f"{box.x},{box.y} {box.width}x{box.height}" if found else "moved"
    if match is None:
        return f"{len(embedding)} numbers at {place}"
    hits = [match.get_hit(i) for i in range(match.get_n_hits())]
    nearest = ", ".join(f"{label} {similarity:.2f} (item {item})"
                        for label, item, similarity in hits)
    return (f"{region.get_decision()} {region.get_label() or '-'} at {place}\n"
            f"    why: {match.get_explanation()}\n"
            f"    nearest: {nearest or 'nothing is enrolled'}")


class Watcher:
    """Prints the regions of frames when an answer changes."""

    def __init__(self):
        self.last, self.frames = {}, 0

    def on_buffer(self, _pad, info):
        """A pad probe: runs in the streaming thread."""
        buffer = info.get_buffer()
        self.frames += 1
        for i in range(GstDml.buffer_get_n_regions(buffer)):
            region = GstDml.buffer_get_region(buffer, i)
            answer = (region.get_decision(), region.get_label())
            if self.last.get(i) != answer:
                self.last[i] = answer
                seconds = region.get_pts() / Gst.SECOND
                print(f"{seconds:.2f} s: {describe(region, buffer)}")
        return Gst.PadProbeReturn.OK


def run(pipeline, every_half_second=None):
    """Plays to the end; prints messages of the elements. None or an error."""
    loop, trouble = GLib.MainLoop(), []

    def on_message(_bus, message):
        if message.type == Gst.MessageType.ERROR:
            error, _debug = message.parse_error()
            trouble.append(f"{message.src.get_name()}: {error.message}")
            loop.quit()
        elif message.type == Gst.MessageType.EOS:
            loop.quit()
        elif message.type == Gst.MessageType.ELEMENT:
            fields = message.get_structure()
            if fields.get_name() == "dml-enrolled":
                print(fields.get_string("explanation"))

    bus = pipeline.get_bus()
    bus.add_signal_watch()
    bus.connect("message", on_message)
    if every_half_second:
        GLib.timeout_add(500, every_half_second, loop)
    pipeline.set_state(Gst.State.PLAYING)
    loop.run()
    pipeline.set_state(Gst.State.NULL)
    bus.remove_signal_watch()
    return trouble[0] if trouble else None


def recognise(video, gallery):
    pipeline = Gst.parse_launch(
        "filesrc name=file ! decodebin ! videoconvert ! dmlembed ! "
        "dmlmatch name=match k=3 ! fakesink name=sink sync=false")
    pipeline.get_by_name("file").set_property("location", video)
    pipeline.get_by_name("match").set_property("gallery", gallery)
    watcher = Watcher()
    pipeline.get_by_name("sink").get_static_pad("sink").add_probe(
        Gst.PadProbeType.BUFFER, watcher.on_buffer)
    trouble = run(pipeline)
    if trouble is None:
        print(f"{watcher.frames} frames")
    return trouble


def enrol(video, gallery, label):
    pipeline = Gst.parse_launch(
        "filesrc name=file ! decodebin ! videoconvert ! dmlembed ! "
        "dmlgallery name=gallery encoder=default ! fakesink sync=true")
    pipeline.get_by_name("file").set_property("location", video)
    element = pipeline.get_by_name("gallery")
    element.set_property("gallery", gallery)
    items = []

    def attempt(loop):
        item = element.emit("enroll", label)  # -1: refused; the message says why
        if item < 0:
            return GLib.SOURCE_CONTINUE
        items.append(item)
        loop.quit()
        return GLib.SOURCE_REMOVE

    trouble = run(pipeline, attempt)
    if trouble is None and not items:
        trouble = "no frame was good enough to enrol"
    if trouble is None:
        opened = Dml.Gallery.open(gallery, Dml.GalleryFlags.READ, None)
        snapshot = opened.get_snapshot()
        print(f"item {items[0]} enrolled; the gallery has "
              f"{snapshot.get_n_items()} items under "
              f"{snapshot.get_n_labels()} labels")
    return trouble


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gallery")
    parser.add_argument("video")
    parser.add_argument("--enrol", metavar="LABEL")
    args = parser.parse_args()
    Gst.init(None)
    if args.enrol:
        trouble = enrol(args.video, args.gallery, args.enrol)
    else:
        trouble = recognise(args.video, args.gallery)
    if trouble:
        sys.exit(f"recognise.py: {trouble}")


if __name__ == "__main__":
    main()
