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

async function ask() {
  try {
    await request("GET", "/api/dev/outbox");
    answer = true;
  } catch {
    answer = false;
  }
  return answer;
}
