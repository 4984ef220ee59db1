// Proof bundles (https://c2sp.org/tlog-proof): one entry, its place, and what it opens.

import { fromBase64, textOf, Unreadable } from "./bytes.mjs";
import { decode } from "./dag-cbor.mjs";
import { isBytes, isFieldName } from "./entry.mjs";
import { parseDecimal } from "./note.mjs";

const FIRST_LINE = "c2sp.org/tlog-proof@v1";
const MAX_BUNDLE_BYTES = 2_000_000;
const MAX_ENTRY_BYTES = 65_535;
const MAX_HASHES = 63;
const NEWLINE = 10;

/**
 * Read a `.tlog-proof` file; nothing in it is checked yet. Answers `{index, hashes, checkpoint,
 * entry, commitments: [[field, 32 bytes]], openings: Map of field to {value, r}}`.
 */
export function parseBundle(bytes) {
  if (bytes.length > MAX_BUNDLE_BYTES) throw new Unreadable("a proof of more than two million bytes");
  const blankLine = bytes.findIndex((byte, at) => byte === NEWLINE && bytes[at + 1] === NEWLINE);
  const lines = textOf(bytes.subarray(0, Math.max(blankLine, 0)), "a proof").split("\n");
  if (blankLine < 0 || lines[0] !== FIRST_LINE) {
    throw new Unreadable(`a proof begins with ${FIRST_LINE} and holds a checkpoint`);
  }
  if (!lines[1]?.startsWith("extra ")) throw new Unreadable("a proof without the entry that it is for");
  if (!lines[2]?.startsWith("index ")) throw new Unreadable("a proof without an index");
  return {
    ...parseOpened(fromBase64(lines[1].slice("extra ".length))),
    index: parseDecimal(lines[2].slice("index ".length)),
    hashes: parseHashes(lines.slice(3)),
    checkpoint: bytes.slice(blankLine + 2),
  };
}

function parseHashes(lines) {
  if (lines.length > MAX_HASHES) throw new Unreadable("a proof with more hashes than any tree has levels");
  const hashes = lines.map(fromBase64);
  if (hashes.some((hash) => hash.length !== 32)) throw new Unreadable("a proof with a line that is not a SHA-256 hash");
  return hashes;
}

function parseOpened(extra) {
  const map = decode(extra);
  const entry = map instanceof Map && map.size === 3 ? map.get("entry") : null;
  const fits =
    entry instanceof Uint8Array &&
    entry.length <= MAX_ENTRY_BYTES &&
    Array.isArray(map.get("commitments")) &&
    map.get("openings") instanceof Map;
  if (!fits) throw new Unreadable("the extra line is not an entry with commitments and openings");
  return { entry, commitments: readCommitments(map.get("commitments")), openings: readOpenings(map.get("openings")) };
}

function readCommitments(pairs) {
  for (const pair of pairs) {
    const fits = Array.isArray(pair) && pair.length === 2 && isFieldName(pair[0]) && isBytes(pair[1], 32);
    if (!fits) throw new Unreadable("a commitment is a field and 32 bytes");
  }
  if (pairs.some(([name], at) => at > 0 && name <= pairs[at - 1][0])) {
    throw new Unreadable("commitments are sorted by field, each field once");
  }
  return pairs;
}

function readOpenings(map) {
  const openings = new Map();
  for (const [name, opening] of map) {
    const value = opening instanceof Map && opening.size === 2 ? opening.get("value") : undefined;
    const plain = ["string", "number", "bigint"].includes(typeof value) || value instanceof Uint8Array;
    if (!plain || !isFieldName(name) || !isBytes(opening.get("r"), 32)) {
      throw new Unreadable("an opening is a value and a key of 32 bytes");
    }
    openings.set(name, { value, r: opening.get("r") });
  }
  return openings;
}
