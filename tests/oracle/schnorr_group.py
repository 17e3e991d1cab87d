#!/usr/bin/env python3
"""The group of the benchmark's opponent: Pedersen commitments modulo a 2048-bit prime (Eccles and Halak 2017).

p = n·q + 1 with a 256-bit prime q; g and h have order q. Everything follows from the strings below by SHA-256, so
nobody knows the logarithm of h to the base g. Prints the Rust constants of tests/benches/commit/group.rs.

    python3 tests/oracle/schnorr_group.py
"""

import hashlib

SMALL = [n for n in range(3, 2000, 2) if all(n % d for d in range(3, int(n**0.5) + 1, 2))]


def stream(name, counter, bits):
    """The first `bits` bits of SHA-256(name/counter/0) ‖ SHA-256(name/counter/1) ‖ …"""
    blocks = (hashlib.sha256(f"wattseal/benchmark/{name}/{counter}/{i}".encode()).digest() for i in range(bits // 256))
    return int.from_bytes(b"".join(blocks), "big")


def is_prime(n):
    """Trial division, then 40 rounds of Miller-Rabin with the first 40 odd primes as bases."""
    if any(n % d == 0 for d in SMALL):
        return n in SMALL
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in SMALL[:40]:
        x = pow(base, odd, n)
        if x in (1, n - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def main():
    tries = (stream("q", c, 256) | 1 << 255 | 1 for c in range(10**6))
    q = next(n for n in tries if is_prime(n))
    for c in range(10**6):
        start = stream("p", c, 2048) | 1 << 2047
        p = start - start % (2 * q) + 1
        if p.bit_length() == 2048 and is_prime(p):
            break
    cofactor = (p - 1) // q
    assert p == cofactor * q + 1 and q.bit_length() == 256
    g, h = (pow(stream(name, 0, 2048) % p, cofactor, p) for name in "gh")
    assert g != h and all(x != 1 and pow(x, q, p) == 1 for x in (g, h))
    for name, number in (("P", p), ("Q", q), ("G", g), ("H", h)):
        text = f"{number:x}"
        rows = "\\\n".join(f"    {text[i:i + 96]}" for i in range(0, len(text), 96))
        print(f'pub const {name}: &CStr = c"\\\n{rows}";')


if __name__ == "__main__":
    main()
