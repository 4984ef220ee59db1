// Ledger entries, version 1: `{"v": 1, "t": unix seconds, "n": 16 bytes, "c": 32 bytes}`. `c` is one
// hash over commitments to the fields, each of which can be opened without showing any other.

import { equal, hmacSha256, sha256, Unreadable } from "./bytes.mjs";
import { decode, encode } from "./dag-cbor.mjs";

const EARLIEST = 2 ** 16;
const LATEST = 253402214400; // the last day of the year 9999

/** Read an entry: `{at: Date, digest}`. */
export function parseEntry(bytes) {
  const map = decode(bytes);
  const seconds = map instanceof Map ? map.get("t") : null;
  const fits =
    map instanceof Map &&
    map.size === 4 &&
    map.get("v") === 1 &&
    Number.isInteger(seconds) &&
    seconds >= EARLIEST &&
    seconds <= LATEST &&
    isBytes(map.get("n"), 16) &&
    isBytes(map.get("c"), 32);
  if (!fits) throw new Unreadable("not a ledger entry of version 1");
  return { at: new Date(seconds * 1000), digest: map.get("c") };
}

/** Whether the entry commits to exactly these commitments. */
export async function commitsTo(entry, commitments) {
  return equal(parseEntry(entry).digest, await sha256(encode(commitments)));
}

/** Whether an opened field is the one that was committed to. */
export async function opens(commitments, name, { value, r }) {
  const committed = commitments.find(([field]) => field === name);
  return committed !== undefined && equal(committed[1], await hmacSha256(r, encode(value)));
}

/** Whether an entry can have a field of this name. */
export const isFieldName = (name) => typeof name === "string" && /^[a-z][a-z0-9_]{0,31}$/.test(name);

/** Whether a value is bytes of this length. */
export const isBytes = (value, length) => value instanceof Uint8Array && value.length === length;
