// The development outbox: mail that the server keeps in a folder instead of sending.

import { request } from "./http.mjs";

const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

let found = null;
let answer = false;

/** The mails, newest first. Throws a Problem where there is no outbox. */
export async function mails(signal) {
  const { items } = await request("GET", "/api/dev/outbox", { signal });
  return items.toSorted((one, other) => Date.parse(other.date) - Date.parse(one.date));
}

/** Whether this server has an outbox. Only asked where there can be one: on this machine. */
export function available() {
  found ??= LOOPBACK.has(location.hostname) ? ask() : Promise.resolve(false);
  return found;
}

/** What is known of that so far, without waiting. */
export const known = () => answer;

/** The console's own page that a mail links to with a token, or null. */
export function linkIn(text) {
  const found = /^\s*(https?:\/\/\S+)#(token=[\w-]+)\s*$/m.exec(text);
  return found ? `${new URL(found[1]).pathname}#${found[2]}` : null;
}

async function ask() {
  try {
    await request("GET", "/api/dev/outbox");
    answer = true;
  } catch {
    answer = false;
  }
  return answer;
}
