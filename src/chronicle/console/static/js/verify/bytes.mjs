// Bytes as the proof formats write them, and the one hash that they use.

/** A proof, note, checkpoint or entry that does not follow its format. */
export class Unreadable extends Error {
  constructor(message) {
    super(message);
    this.name = "Unreadable";
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Text as UTF-8. */
export const utf8 = (text) => encoder.encode(text);

/** UTF-8 as text. Throws Unreadable for anything else. */
export function textOf(bytes, what) {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new Unreadable(`${what} that is not UTF-8`);
  }
}

/** Lower-case hexadecimal digits. */
export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Standard base64 with padding (RFC 4648 section 4). */
export const base64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

/** The bytes of one base64 line; only the one canonical form is read. */
export function fromBase64(text) {
  let binary;
  try {
    binary = atob(text);
  } catch {
    throw new Unreadable("not base64");
  }
  // atob lets missing padding, spaces and unused bits pass, so two texts could stand for the same bytes.
  if (btoa(binary) !== text) throw new Unreadable("base64 in another form than its canonical one");
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** All of it in a row. */
export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let position = 0;
  for (const part of parts) {
    whole.set(part, position);
    position += part.length;
  }
  return whole;
}

/** Whether both hold the same bytes. Nothing here is secret, so time may tell. */
export const equal = (one, other) =>
  one.length === other.length && one.every((byte, position) => byte === other[position]);

/** SHA-256 of bytes, by the browser's own implementation. */
export const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

/** HMAC-SHA-256. */
export async function hmacSha256(key, bytes) {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, bytes));
}
