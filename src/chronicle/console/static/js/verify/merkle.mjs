// The Merkle tree of RFC 6962 and RFC 9162: how a leaf leads to the root.

import { concat, equal, sha256 } from "./bytes.mjs";

/** The hash of one entry (RFC 6962 section 2.1). */
export const leafHash = (entry) => sha256(concat(Uint8Array.of(0), entry));

/** The hash over two subtrees. */
export const nodeHash = (left, right) => sha256(concat(Uint8Array.of(1), left, right));

/**
 * Walk from a leaf to the root (RFC 9162 section 2.1.3.2). `index` and `size` are BigInts.
 *
 * Answers `{complete, root, steps}`: each step names its sibling's hash, the `side` on which the
 * sibling stands, and the hash over both. `complete` is false when the proof has too many hashes
 * or too few for a tree of this size; `root` then proves nothing.
 */
export async function walk(leaf, index, size, siblings) {
  const steps = [];
  if (index < 0n || index >= size) return { complete: false, root: leaf, steps };
  let position = index;
  let last = size - 1n;
  let current = leaf;
  for (const sibling of siblings) {
    if (last === 0n) return { complete: false, root: current, steps };
    const fromLeft = (position & 1n) === 1n || position === last;
    current = fromLeft ? await nodeHash(sibling, current) : await nodeHash(current, sibling);
    steps.push({ sibling, side: fromLeft ? "left" : "right", hash: current });
    while (fromLeft && position !== 0n && (position & 1n) === 0n) {
      position >>= 1n;
      last >>= 1n;
    }
    position >>= 1n;
    last >>= 1n;
  }
  return { complete: last === 0n, root: current, steps };
}

/** Whether a walk ended at this root. */
export const arrivesAt = (walked, root) => walked.complete && equal(walked.root, root);
