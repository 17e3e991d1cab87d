#!/usr/bin/env python3
"""Poseidon and the day commitment D once more, in plain integers and from the papers, not from the Rust code.

Poseidon: Grassi, Khovratovich, Rechberger, Roy, Schofnegger (USENIX Security 2021), section 2.2, and appendix E/F for
the Grain generator; the MDS matrix is Cauchy's with x = 0..t-1 and y = t..2t-1 as in Filecoin's specification.
Field: scalars of BLS12-381. t = 9, alpha = 5, 8 full and 57 partial rounds.

    poseidon.py check FILE    recomputes a file of frozen vectors; exit code 1 when one differs
    poseidon.py freeze FILE   prints such a file: same inputs, outputs computed here
    poseidon.py day           reads days from standard input, one a line, and prints one D a line

A day is `slots-per-day residual blinding reading,reading,…`; field elements are 32 bytes little-endian in hex.
"""

import hashlib
import sys
from itertools import islice

P = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
T, FULL, PARTIAL, ALPHA = 9, 8, 57, 5


def grain():
    """The bits that the self-shrinking Grain register keeps."""
    # Field kind 1 (prime), S-box kind 1, bits of the modulus, width, full rounds, partial rounds, thirty ones.
    text = f"{1:02b}{1:04b}{P.bit_length():012b}{T:012b}{FULL:010b}{PARTIAL:010b}" + "1" * 30
    register = int(text, 2)  # the oldest bit on top
    assert len(text) == 80

    def shift():
        nonlocal register
        # b[i+80] = b[i+62] + b[i+51] + b[i+38] + b[i+23] + b[i+13] + b[i]; b[i+k] stands at place 79 - k.
        new = bin(register & sum(1 << (79 - k) for k in (62, 51, 38, 23, 13, 0))).count("1") & 1
        register = ((register << 1) | new) & ((1 << 80) - 1)
        return new

    for _ in range(160):
        shift()
    while True:
        first, second = shift(), shift()
        if first:
            yield second


def field_elements():
    """Numbers of as many bits as the modulus, the first bit on top; those not below the modulus are skipped."""
    bits = grain()
    while True:
        number = int("".join(map(str, islice(bits, P.bit_length()))), 2)
        if number < P:
            yield number


NUMBERS = list(islice(field_elements(), T * (FULL + PARTIAL)))
CONSTANTS = [NUMBERS[T * r : T * r + T] for r in range(FULL + PARTIAL)]
MATRIX = [[pow(x + y, P - 2, P) for y in range(T, 2 * T)] for x in range(T)]


def permute(state):
    """Add constants, fifth powers (of the first word only in the middle rounds), multiply by the matrix."""
    for number, constants in enumerate(CONSTANTS):
        state = [(word + constant) % P for word, constant in zip(state, constants)]
        powered = T if min(number, FULL + PARTIAL - 1 - number) < FULL // 2 else 1
        state = [pow(word, ALPHA, P) if place < powered else word for place, word in enumerate(state)]
        state = [sum(row[j] * word for row, word in zip(MATRIX, state)) % P for j in range(T)]
    return state


def day_commitment(slots, residual, blinding, readings):
    """Word 1 of the permutation of (domain, seven words of fifteen 16-bit values, blinding)."""
    assert len(readings) == slots and all(0 <= reading < 1 << 16 for reading in readings)
    values = readings + [residual % (1 << 16), residual >> 16]
    packed = sum(value << (16 * place) for place, value in enumerate(values))
    words = [(packed >> (240 * place)) % (1 << 240) for place in range(T - 2)]
    assert packed >> (240 * (T - 2)) == 0
    domain = int.from_bytes(b"wattseal:day:1", "little")
    return permute([domain] + words + [blinding])[1]


def to_hex(number):
    return number.to_bytes(32, "little").hex()


def day(line):
    slots, residual, blinding, readings = line.split()
    blinding = int.from_bytes(bytes.fromhex(blinding), "little")
    return to_hex(day_commitment(int(slots), int(residual), blinding, [int(r) for r in readings.split(",")]))


def recompute(line):
    """A line of a vector file with its output computed afresh."""
    kind, _, rest = line.partition(" ")
    if kind == "constants":
        everything = NUMBERS + [entry for row in MATRIX for entry in row]
        return "constants " + hashlib.sha256(b"".join(n.to_bytes(32, "little") for n in everything)).hexdigest()
    if kind == "permute":
        words = rest.split(" = ")[0].split()
        out = permute([int.from_bytes(bytes.fromhex(word), "little") for word in words])
        return f"permute {' '.join(words)} = {' '.join(map(to_hex, out))}"
    if kind == "day":
        text = rest.split(" = ")[0]
        return f"day {text} = {day(text)}"
    return line


def main():
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command == "day":
        for line in sys.stdin:
            print(day(line))
    elif command in ("check", "freeze") and len(sys.argv) == 3:
        with open(sys.argv[2], encoding="utf-8") as file:
            lines = file.read().splitlines()
        fresh = [recompute(line) for line in lines]
        if command == "freeze":
            print("\n".join(fresh))
        elif fresh != lines:
            sys.exit("\n".join(f"differs: {line}" for line, new in zip(lines, fresh) if line != new))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
