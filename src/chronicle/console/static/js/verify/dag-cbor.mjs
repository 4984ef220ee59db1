// Deterministic CBOR, cut down to what the ledger stores: text, integers, bytes, lists, maps.
// There is one encoding of each value, and nothing else is read (https://ipld.io/specs/codecs/dag-cbor/spec/).
// Maps are Map objects; integers are numbers, or BigInts where a number would lose digits.

import { concat, equal, textOf, Unreadable, utf8 } from "./bytes.mjs";

const MAX_DEPTH = 8;
const UNSIGNED = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const LIST = 4;
const MAP = 5;
const EXTRA_BYTES = new Map([[24, 1], [25, 2], [26, 4], [27, 8]]);

/** The one encoding of a value. */
export function encode(value) {
  if (typeof value === "string") {
    const bytes = utf8(value);
    return concat(head(TEXT, BigInt(bytes.length)), bytes);
  }
  if (typeof value === "number" || typeof value === "bigint") {
    const whole = BigInt(value);
    return whole < 0n ? head(NEGATIVE, -1n - whole) : head(UNSIGNED, whole);
  }
  if (value instanceof Uint8Array) return concat(head(BYTES, BigInt(value.length)), value);
  if (Array.isArray(value)) return concat(head(LIST, BigInt(value.length)), ...value.map(encode));
  if (value instanceof Map) return encodeMap(value);
  throw new TypeError("the ledger stores text, integers, bytes, lists and maps");
}

function encodeMap(map) {
  const pairs = [...map].map(([key, value]) => [encode(key), encode(value)]);
  // Shorter keys first: the head of a text holds its length, so comparing encodings does both.
  pairs.sort(([one], [other]) => compare(one, other));
  return concat(head(MAP, BigInt(map.size)), ...pairs.flat());
}

function compare(one, other) {
  if (one.length !== other.length) return one.length - other.length;
  const position = one.findIndex((byte, at) => byte !== other[at]);
  return position < 0 ? 0 : one[position] - other[position];
}

function head(major, argument) {
  const type = major << 5;
  if (argument < 24n) return Uint8Array.of(type | Number(argument));
  const size = argument < 0x100n ? 1 : argument < 0x10000n ? 2 : argument < 0x1_0000_0000n ? 4 : 8;
  const bytes = new Uint8Array(1 + size);
  bytes[0] = type | (24 + Math.log2(size));
  for (let at = size; at > 0; at -= 1) {
    bytes[at] = Number(argument & 0xffn);
    argument >>= 8n;
  }
  return bytes;
}

/** The value that these bytes encode. Throws Unreadable for anything but its one encoding. */
export function decode(data) {
  const reader = { data, position: 0 };
  const value = readValue(reader, 0);
  if (reader.position !== data.length) throw new Unreadable("CBOR with something after its end");
  if (!equal(encode(value), data)) throw new Unreadable("CBOR in another form than its canonical one");
  return value;
}

function readValue(reader, depth) {
  if (depth > MAX_DEPTH) throw new Unreadable("CBOR that is nested too deep");
  const [major, argument] = readHead(reader);
  if (major === UNSIGNED) return asNumber(argument);
  if (major === NEGATIVE) return asNumber(-1n - argument);
  // Each item takes at least one byte: a longer list than there are bytes is not begun.
  if (argument > BigInt(reader.data.length - reader.position)) throw new Unreadable("CBOR that ends early");
  const length = Number(argument);
  if (major === BYTES) return take(reader, length);
  if (major === TEXT) return textOf(take(reader, length), "a text");
  if (major === LIST) return Array.from({ length }, () => readValue(reader, depth + 1));
  return readMap(reader, length, depth);
}

function readHead(reader) {
  const [first] = take(reader, 1);
  const major = first >> 5;
  const short = first & 31;
  if (major > MAP) throw new Unreadable("CBOR with a tag, a float or a simple value");
  if (short < 24) return [major, BigInt(short)];
  const extra = EXTRA_BYTES.get(short);
  if (extra === undefined) throw new Unreadable("CBOR of indefinite length");
  return [major, take(reader, extra).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)];
}

function readMap(reader, length, depth) {
  const map = new Map();
  for (let count = 0; count < length; count += 1) {
    const key = readValue(reader, depth + 1);
    if (typeof key !== "string" || map.has(key)) throw new Unreadable("a map whose keys are not texts, each once");
    map.set(key, readValue(reader, depth + 1));
  }
  return map;
}

function take(reader, length) {
  const end = reader.position + length;
  if (end > reader.data.length) throw new Unreadable("CBOR that ends early");
  const bytes = reader.data.subarray(reader.position, end);
  reader.position = end;
  return bytes;
}

const asNumber = (value) => (BigInt(Number(value)) === value && Number.isSafeInteger(Number(value)) ? Number(value) : value);
