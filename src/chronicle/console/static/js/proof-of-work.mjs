// Finds the number that solves a challenge: SHA-256 (FIPS 180-4), synchronous, because one call of
// the browser's own asynchronous one costs more than a whole hash here.

const HASH_WORDS = 8;
const ROUNDS = 64;
const BLOCK_BYTES = 64;
const LONGEST = BLOCK_BYTES - 9; // a one and the length in bits stand behind the message

const PRIMES = primes(ROUNDS);
const FIRST = Int32Array.from(PRIMES.slice(0, HASH_WORDS), (prime) => fraction(Math.sqrt(prime)));
const K = Int32Array.from(PRIMES, (prime) => fraction(Math.cbrt(prime)));

/**
 * What tries the numbers of a challenge: `(from, to)` answers the one of them that solves it, or
 * null. Throws RangeError for a salt that leaves no room for a number in one block.
 */
export function attempts({ challenge, salt }) {
  const wanted = Int32Array.from({ length: HASH_WORDS }, (_, at) => Number.parseInt(challenge.slice(8 * at, 8 * at + 8), 16));
  const start = new TextEncoder().encode(salt);
  const block = new Uint8Array(BLOCK_BYTES);
  const view = new DataView(block.buffer);
  const words = new Int32Array(ROUNDS);

  return (from, to) => {
    let last = lay(from);
    for (let number = from; number <= to; number += 1) {
      if (isWanted()) return number;
      if (!count(last)) last = lay(number + 1);
    }
    return null;
  };

  /** Write the whole block for a number; where its last digit stands. */
  function lay(number) {
    const stop = start.length + String(number).length;
    if (stop > LONGEST) throw new RangeError("the salt is too long");
    block.fill(0);
    block.set(start);
    block.set(new TextEncoder().encode(number), start.length);
    block[stop] = 0x80;
    view.setUint32(BLOCK_BYTES - 4, 8 * stop);
    for (let at = 0; at < 16; at += 1) words[at] = view.getInt32(4 * at);
    return stop - 1;
  }

  /** Count the number that ends at `last` up by one; false if it needs one more digit for that. */
  function count(last) {
    let at = last;
    for (; block[at] === 0x39; at -= 1) block[at] = 0x30;
    if (at < start.length) return false;
    block[at] += 1;
    for (let word = at >> 2; word <= last >> 2; word += 1) words[word] = view.getInt32(4 * word);
    return true;
  }

  function isWanted() {
    for (let at = 16; at < ROUNDS; at += 1) {
      const early = words[at - 15];
      const late = words[at - 2];
      const s0 = ((early >>> 7) | (early << 25)) ^ ((early >>> 18) | (early << 14)) ^ (early >>> 3);
      const s1 = ((late >>> 17) | (late << 15)) ^ ((late >>> 19) | (late << 13)) ^ (late >>> 10);
      words[at] = (words[at - 16] + s0 + words[at - 7] + s1) | 0;
    }
    // One by one: taken apart as a list, half of the time would go there.
    let a = FIRST[0];
    let b = FIRST[1];
    let c = FIRST[2];
    let d = FIRST[3];
    let e = FIRST[4];
    let f = FIRST[5];
    let g = FIRST[6];
    let h = FIRST[7];
    for (let at = 0; at < ROUNDS; at += 1) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const one = (h + s1 + ((e & f) ^ (~e & g)) + K[at] + words[at]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + one) | 0;
      d = c;
      c = b;
      b = a;
      a = (one + two) | 0;
    }
    if (((FIRST[0] + a) | 0) !== wanted[0]) return false;
    return [a, b, c, d, e, f, g, h].every((word, at) => ((FIRST[at] + word) | 0) === wanted[at]);
  }
}

function primes(many) {
  const found = [];
  for (let number = 2; found.length < many; number += 1) {
    if (found.every((prime) => number % prime !== 0)) found.push(number);
  }
  return found;
}

/** The first 32 bits behind the point. */
function fraction(number) {
  return ((number - Math.floor(number)) * 2 ** 32) | 0;
}
