// Signed notes, verifier keys and checkpoints (https://c2sp.org/signed-note, c2sp.org/tlog-checkpoint).

import { concat, equal, fromBase64, hex, sha256, textOf, Unreadable, utf8 } from "./bytes.mjs";

const MAX_NOTE_BYTES = 1_000_000;
const MAX_SIGNATURES = 100;
const ED25519 = 1;
const KEY_ID_BYTES = 4;
const HASH_BYTES = 32;
const DASH = "\u2014 ";
const EMPTY_ROOT = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const MAX_SIZE = 2n ** 63n - 1n;

/** Read a verifier key, `name+8 hex digits+base64(0x01 | public key)`. */
export async function parseVerifierKey(text) {
  const [name, id, ...rest] = text.trim().split("+");
  if (!name || !id || rest.length === 0 || !isKeyName(name)) {
    throw new Unreadable("a verifier key has the form name+id+key");
  }
  const encoded = fromBase64(rest.join("+"));
  if (encoded.length !== 33 || encoded[0] !== ED25519) throw new Unreadable("a verifier key that is not one of Ed25519");
  const keyId = (await sha256(concat(utf8(`${name}\n`), encoded))).slice(0, KEY_ID_BYTES);
  if (id !== hex(keyId)) throw new Unreadable("the id in the verifier key is not that of the key");
  return { name, keyId, publicKey: encoded.slice(1) };
}

/** Read a signed note without verifying it: `{text, signatures: [{name, keyId, content}]}`. */
export function parseNote(bytes) {
  if (bytes.length > MAX_NOTE_BYTES) throw new Unreadable("a note of more than a million bytes");
  const whole = textOf(bytes, "a note");
  if (/[\u0000-\u0009\u000b-\u001f]/.test(whole)) throw new Unreadable("a note with control characters");
  const blankLine = whole.lastIndexOf("\n\n");
  if (blankLine < 0 || !whole.endsWith("\n") || blankLine + 2 >= whole.length) {
    throw new Unreadable("a note without signatures");
  }
  const lines = whole.slice(blankLine + 2, -1).split("\n");
  if (lines.length > MAX_SIGNATURES) throw new Unreadable(`a note with more than ${MAX_SIGNATURES} signatures`);
  return { text: whole.slice(0, blankLine + 1), signatures: lines.map(parseSignature) };
}

function parseSignature(line) {
  const [, name, encoded] = /^\u2014 ([^ ]+) (.*)$/u.exec(line) ?? [];
  if (!line.startsWith(DASH) || encoded === undefined || !isKeyName(name)) {
    throw new Unreadable("a signature line of another form");
  }
  const content = fromBase64(encoded);
  if (content.length <= KEY_ID_BYTES) throw new Unreadable("a signature that is too short");
  return { name, keyId: content.slice(0, KEY_ID_BYTES), content: content.slice(KEY_ID_BYTES) };
}

/** Read a checkpoint from a signed note's text, or from the note itself: `{origin, size, root}`. */
export function parseCheckpoint(text) {
  const body = text.includes("\n\n") ? text.slice(0, text.lastIndexOf("\n\n") + 1) : text;
  const lines = body.split("\n");
  if (lines.length < 4 || lines.pop() !== "" || lines.includes("")) {
    throw new Unreadable("a checkpoint has three lines or more, none of them empty");
  }
  const [origin, size, root] = lines;
  const decoded = fromBase64(root);
  if (decoded.length !== HASH_BYTES) throw new Unreadable("the root in the checkpoint is not a SHA-256 hash");
  const entries = parseDecimal(size);
  if (entries === 0n && hex(decoded) !== EMPTY_ROOT) {
    throw new Unreadable("an empty log with a root that is not that of an empty tree");
  }
  return { origin, size: entries, root: decoded };
}

/** A number of entries or an index as a BigInt: no leading zeros, below 2^63. */
export function parseDecimal(text) {
  if (!/^(?:0|[1-9][0-9]{0,18})$/.test(text) || BigInt(text) > MAX_SIZE) {
    throw new Unreadable("not a decimal number in its one form");
  }
  return BigInt(text);
}

/** What a key has to say to a note: "signed", "forged" (a signature of its name that does not fit) or "silent". */
export async function heardFrom(key, note) {
  const own = note.signatures.filter((one) => one.name === key.name && equal(one.keyId, key.keyId));
  if (own.length === 0) return "silent";
  const imported = await crypto.subtle.importKey("raw", key.publicKey, { name: "Ed25519" }, false, ["verify"]);
  for (const { content } of own) {
    if (!(await crypto.subtle.verify({ name: "Ed25519" }, imported, content, utf8(note.text)))) return "forged";
  }
  return "signed";
}

/** Whether this browser can check Ed25519 signatures at all; pages over plain http can't. */
export async function canCheckSignatures() {
  try {
    await crypto.subtle.importKey("raw", new Uint8Array(32).fill(1), { name: "Ed25519" }, false, ["verify"]);
    return true;
  } catch {
    return false;
  }
}

const isKeyName = (name) => /^[^\p{C}\p{Z}+]+$/u.test(name);
