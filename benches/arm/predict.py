#!/usr/bin/env python3
"""Predicts how long one run of the shipped model takes on 64-bit Arm boards, without one. A prediction, not a measurement:

    blocks of instructions, as often as QEMU ran them  x  cycles of each by llvm-mca's model of the core  /  clock

Every block is taken to follow itself, so that the pipeline is full, and to find its data in the nearest cache: waiting for memory,
branches that were guessed wrong and the way from one block to the next are not in it. LLVM has no models of Cortex-A76 and
A78AE; Neoverse N1 is the A76's design, and the A78AE is not narrower.

Run by `tests/arm.sh predict`, which builds the program and the plugin: PROGRAM MODEL BLOCKS.SO
    PLUGIN_QEMU, LIBRARIES  as there
    LLVM_MCA                llvm-mca 16 or later, which knows Neoverse N1    (default: llvm-mca)
    LLVM_OBJDUMP            llvm-objdump                                     (default: llvm-objdump)
"""

import bisect
import collections
import os
import re
import subprocess
import sys
import tempfile

# Board, core, GHz, LLVM's model, tier.
BOARDS = [
    ("Raspberry Pi 5", "Cortex-A76", 2.4, "neoverse-n1", "dotprod"),
    ("Jetson Orin Nano", "Cortex-A78AE", 1.5, "neoverse-n1", "dotprod"),
    ("Raspberry Pi 4", "Cortex-A72", 1.8, "cortex-a72", "neon"),
    ("Raspberry Pi 4, first firmware", "Cortex-A72", 1.5, "cortex-a72", "neon"),
    ("Raspberry Pi 3 B+", "Cortex-A53", 1.4, "cortex-a53", "neon"),
    ("Raspberry Pi 3", "Cortex-A53", 1.2, "cortex-a53", "neon"),
    ("Raspberry Pi Zero 2 W", "Cortex-A53", 1.0, "cortex-a53", "neon"),
]
# Blocks are given to llvm-mca, the most frequent first, until they are this share of all instructions. The rest is taken to be as
# fast as these.
SHARE = 0.995
ITERATIONS = 100
FEATURES = "+dotprod,+i8mm"


def times(program, model, plugin, tier, runs):
    """How often each block (address, instructions) of the program ran."""
    with tempfile.NamedTemporaryFile("r") as out:
        qemu = [os.environ.get("PLUGIN_QEMU", "qemu-aarch64"), "-L", os.environ.get("LIBRARIES", "/usr/aarch64-linux-gnu")]
        qemu += ["-cpu", "max", "-plugin", f"{plugin},out={out.name}", program, model, tier, str(runs)]
        subprocess.run(qemu, check=True, stdout=subprocess.DEVNULL)
        first, *lines = out.read().splitlines()
    start = int(first.split()[1], 16)
    blocks = collections.Counter()
    for line in lines:
        address, instructions, count = line.split()
        blocks[int(address, 16) - start, int(instructions)] += int(count)
    return blocks


def of_one_run(program, model, plugin, tier):
    """The same of one run of the model: two runs less one."""
    one, two = (times(program, model, plugin, tier, runs) for runs in (1, 2))
    return {block: count - one[block] for block, count in two.items() if count > one[block]}


class Instructions:
    """The program's instructions by their addresses, as text that an assembler reads."""

    def __init__(self, program):
        objdump = os.environ.get("LLVM_OBJDUMP", "llvm-objdump")
        text = subprocess.run([objdump, "-d", "--no-show-raw-insn", f"--mattr={FEATURES}", program],
                              check=True, capture_output=True, text=True).stdout
        found = re.findall(r"^\s*([0-9a-f]+):\s+(\S.*)$", text, re.M)
        self.addresses = [int(address, 16) for address, _ in found]
        # Where a branch goes to does not matter to its cost.
        texts = (re.sub(r"\s*(<.*>|//.*)$", "", text) for _, text in found)
        self.texts = [re.sub(r"^((?:b|bl|b\.\w+|cbn?z|tbn?z)\s.*?)0x[0-9a-f]+$", r"\1#0", text) for text in texts]

    def of(self, address, count):
        """Those from an address on, or None if they are not the program's own."""
        at = bisect.bisect_left(self.addresses, address)
        if self.addresses[at:at + 1] != [address]:
            return None
        return self.texts[at:at + count]


def cycles(core, block):
    """Of a block that follows itself."""
    mca = [os.environ.get("LLVM_MCA", "llvm-mca"), "-mtriple=aarch64", f"-mcpu={core}", f"-mattr={FEATURES}"]
    mca += [f"-iterations={ITERATIONS}", "-instruction-info=false", "-resource-pressure=false"]
    ran = subprocess.run(mca, input="\n".join(block), capture_output=True, text=True)
    total = re.search(r"Total Cycles:\s+(\d+)", ran.stdout)
    if not total:
        sys.exit(f"llvm-mca for {core} does not read\n" + "\n".join(block) + "\n" + ran.stderr)
    return int(total[1]) / ITERATIONS


def predict(instructions, blocks, core):
    """Instructions and cycles of a run, and the share of the instructions that llvm-mca has seen."""
    total = sum(count * times for (_, count), times in blocks.items())
    seen = spent = 0
    for (address, count), times in sorted(blocks.items(), key=lambda block: -block[0][1] * block[1]):
        block = instructions.of(address, count)
        if block is None or seen >= SHARE * total:
            continue
        seen += count * times
        spent += cycles(core, block) * times
    return total, spent * total / seen, seen / total


def main():
    program, model, plugin = sys.argv[1:]
    instructions = Instructions(program)
    runs, predictions = {}, {}
    print("| board | core | GHz | tier | instructions | cycles | a cycle | predicted ms |\n|---|---|---|---|---|---|---|---|")
    for board, name, clock, core, tier in BOARDS:
        if tier not in runs:
            runs[tier] = of_one_run(program, model, plugin, tier)
        if (core, tier) not in predictions:
            predictions[core, tier] = predict(instructions, runs[tier], core)
        total, spent, _ = predictions[core, tier]
        print(f"| {board} | {name} | {clock} | {tier} | {total / 1e6:.1f} M | {spent / 1e6:.1f} M | {total / spent:.2f}"
              f" | {spent / clock / 1e6:.1f} |", flush=True)
    least = min(share for _, _, share in predictions.values())
    print(f"llvm-mca has seen at least {100 * least:.1f} % of the instructions of each.", file=sys.stderr)


main()
