"""How costly a password hash may be: to make by setting, and to verify wherever it came from.

A hash names its own cost, and one that was imported may come from a hostile hand. Without bounds
it would take minutes, or gigabytes, whenever somebody tries a password on it. Each bound lies above
what OWASP and today's frameworks ask for, and takes a second or two of one core.
"""

ARGON2_MOST_MEMORY_KIB = 2**18
"""Memory of one argon2 hash."""

ARGON2_MOST_WORK_KIB = 2**20
"""Memory times passes of one argon2 hash."""

ARGON2_MOST_LANES = 16
"""Each lane is a thread while the hash is computed."""

BCRYPT_COSTS = (4, 15)
"""The least cost that bcrypt knows, and the most that is computed; each step doubles the work."""

SCRYPT_MOST_MEMORY_BYTES = 2**27
"""128 times N times r, of one scrypt hash."""

SCRYPT_MOST_WORK_BYTES = 2**28
"""That, times p."""

PBKDF2_MOST_ITERATIONS = 2_500_000
"""Rounds of PBKDF2-HMAC-SHA-256."""
