#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Metadata, properties, signals and messages from another language."""
import os
import sys
import tempfile

SKIP = 77
try:
    import gi
    gi.require_version("Gst", "1.0")
    gi.require_version("GstDml", "1.0")
    from gi.repository import Dml, Gst, GstDml
except (ImportError, ValueError) as error:
    print(f"skipped: {error}")
    sys.exit(SKIP)

Gst.init(None)


def run(line):
    """Runs a pipeline whose sink is called s; its messages and what its last
    buffer carries."""
    pipeline = Gst.parse_launch(line)
    seen = []

    def look(pad, info):
        buffer = info.get_buffer()
        seen.clear()
        for i in range(GstDml.buffer_get_n_regions(buffer)):
            region = GstDml.buffer_get_region(buffer, i)
            found, box = region.get_box(buffer)
            match = region.get_match()
            embedding = region.get_embedding()
            seen.append({
                "kind": region.get_kind(),
                "decision": region.get_decision(),
                "label": region.get_label(),
                "similarity": region.get_similarity(),
                "box": (box.x, box.y, box.width, box.height) if found else None,
                "pts": region.get_pts(),
                "track": region.get_track_id(),
                "explanation": match.get_explanation() if match else None,
                "bytes": embedding.get_bytes().get_size(),
                "dim": embedding.get_dim(),
                "fingerprint": embedding.get_fingerprint(),
                "structure": region.to_structure(buffer, "x", 3),
            })
        return Gst.PadProbeReturn.OK

    pipeline.get_by_name("s").get_static_pad("sink").add_probe(
        Gst.PadProbeType.BUFFER, look)
    messages = []
    pipeline.set_state(Gst.State.PLAYING)
    bus = pipeline.get_bus()
    while True:
        message = bus.timed_pop_filtered(
            120 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR |
            Gst.MessageType.ELEMENT)
        assert message is not None, "no end within 20 s"
        if message.type == Gst.MessageType.ERROR:
            raise RuntimeError(message.parse_error())
        if message.type == Gst.MessageType.EOS:
            break
        messages.append(message.get_structure())
    pipeline.set_state(Gst.State.NULL)
    return messages, seen


with tempfile.TemporaryDirectory() as folder:
    gallery = os.path.join(folder, "shop.bin")
    source = "videotestsrc num-buffers=3 ! video/x-raw,width=320,height=240 ! "
    messages, seen = run(
        f"{source} dmlembed ! dmlgallery gallery={gallery} label=picture "
        "enroll=true min-quality=0 ! fakesink name=s")
    assert messages[0].get_name() == "dml-enrolled"
    assert messages[0].get_string("reason") == "enrolled"
    assert seen[0]["decision"] is None and seen[0]["label"] is None

    messages, seen = run(
        f"{source} dmlembed ! dmlmatch gallery={gallery} ! fakesink name=s")
    assert messages[0].get_name() == "dml-match"
    assert messages[0].get_string("label") == "picture"
    result = seen[0]
    assert result["kind"] == GstDml.RegionKind.CENTRE
    assert result["decision"] == "known" and result["label"] == "picture"
    assert result["similarity"] > 0.9
    assert result["box"] == (40, 0, 240, 240)
    assert result["track"] == -1
    assert "picture" in result["explanation"]
    assert result["bytes"] == 4 * result["dim"]
    assert len(result["fingerprint"]) == 64
    assert result["structure"].get_string("label") == "picture"

    # The element's signals, and the library beneath it.
    element = Gst.ElementFactory.make("dmlgallery")
    element.set_property("gallery", gallery)
    element.set_state(Gst.State.READY)
    assert element.emit("rename", "picture", "renamed")
    assert element.emit("remove", "renamed") == 1
    element.set_state(Gst.State.NULL)
    opened = Dml.Gallery.open(gallery, Dml.GalleryFlags.READ, None)
    assert opened.get_snapshot().get_n_items() == 0
print("introspection: all well")
