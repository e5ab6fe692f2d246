"""Rate, length and number of pops of a WAV file: count_pops.py FILE."""

import array
import sys
import wave

with wave.open(sys.argv[1]) as sound:
    samples = array.array("h", sound.readframes(sound.getnframes()))
    rate = sound.getframerate()
heard = [i for i, sample in enumerate(samples) if sample]
# Within a pop the tone passes zero for a few samples at most.
pops = sum(1 for before, now in zip([-1000] + heard, heard) if now - before > 10)
print(rate, len(samples), pops)
