"""Reads a stream of the Lab Streaming Layer: read_stream.py NAME SAMPLES. Prints labels, then samples."""

import sys

import pylsl

name, samples = sys.argv[1], int(sys.argv[2])
found = pylsl.resolve_byprop("name", name, timeout=20)
if not found:
    sys.exit(f"no stream {name}")
inlet = pylsl.StreamInlet(found[0])
info = inlet.info(timeout=10)
channel = info.desc().child("channels").child("channel")
labels = []
for _ in range(info.channel_count()):
    labels.append(channel.child_value("label"))
    channel = channel.next_sibling()
print("stream", info.type(), info.nominal_srate(), "|".join(labels))
for _ in range(samples):
    sample, time = inlet.pull_sample(timeout=20)
    if sample is None:
        sys.exit("no samples came")
    print(" ".join(repr(value) for value in [*sample, time]), flush=True)
