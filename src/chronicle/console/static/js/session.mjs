// Who is signed in. The access token lives in this module's memory and nowhere else; what outlives
// the page is the refresh cookie, which scripts can't read.

import { Problem, request } from "./http.mjs";

const HINT = "chronicle.signed-in"; // says only whether asking for a session makes sense
const RENEW_AHEAD_MS = 60_000;

let current = null; // {accessToken, expiresAt, user}
let renewing = null;
let timer = 0;

const changes = new EventTarget();
const otherTabs = "BroadcastChannel" in globalThis ? new BroadcastChannel("chronicle-session") : null;
otherTabs?.addEventListener("message", (event) => {
  if (event.data === "signed-out") end({ tell: false });
});

/** The profile of whoever is signed in, or null. */
export const user = () => current?.user ?? null;

/** Whether this browser was signed in when it last knew. */
export const expected = () => readHint() !== null;

/** Call `listener` on each change of who is signed in or of their profile. */
export function onChange(listener, signal) {
  changes.addEventListener("change", listener, { signal });
}

/** Take over the session object of a sign-in. */
export function accept(session) {
  current = {
    accessToken: session.access_token,
    expiresAt: Date.now() + session.expires_in * 1000,
    user: session.user,
  };
  writeHint();
  clearTimeout(timer);
  timer = setTimeout(() => renew().catch(() => {}), Math.max(session.expires_in * 1000 - RENEW_AHEAD_MS, 1000));
  changes.dispatchEvent(new Event("change"));
}

/** Show a changed profile everywhere. */
export function acceptProfile(profile) {
  if (!current) return;
  current = { ...current, user: profile };
  changes.dispatchEvent(new Event("change"));
}

/** Find the session that the cookie stands for, if there may be one. Never throws. */
export async function restore() {
  if (!expected()) return;
  try {
    await renew();
  } catch {
    // Signed out, or offline: the page shows which when it asks for something.
  }
}

/** An access token that is good for a while yet. Throws a Problem when there is no session. */
export async function accessToken() {
  if (current && current.expiresAt - Date.now() > 15_000) return current.accessToken;
  await renew();
  return current.accessToken;
}

/**
 * Exchange the cookie for a new session. One at a time in this tab, and one tab at a time: each
 * exchange spends the cookie, so two at once would look like a stolen one.
 */
export function renew() {
  renewing ??= alone(exchange).finally(() => {
    renewing = null;
  });
  return renewing;
}

async function exchange() {
  try {
    accept(await request("POST", "/api/auth/refresh"));
  } catch (error) {
    if (error instanceof Problem && error.status === 401) end({ tell: false });
    throw error;
  }
}

function alone(work) {
  return navigator.locks ? navigator.locks.request("chronicle-session", work) : work();
}

/** Trade the session for a fresh one, for a `proof` that it is still the same person. */
export async function reauthenticate(proof) {
  const token = await accessToken();
  return alone(async () => accept(await request("POST", "/api/auth/reauthenticate", { body: proof, token })));
}

/**
 * End the session on the server, then here. Throws a Problem where the server did not do it: then
 * the session lives on, here too.
 */
export async function signOut() {
  await alone(async () => {
    try {
      await request("POST", "/api/auth/logout", { token: current?.accessToken });
    } catch (error) {
      ignoreEnded(error);
      // The access token was over. The session need not be: the cookie stands for it, too.
      await request("POST", "/api/auth/logout").catch(ignoreEnded);
    }
  });
  end({ tell: true });
}

/** End every session of the account, this one too. */
export async function signOutEverywhere() {
  const token = await accessToken();
  await alone(() => request("POST", "/api/auth/logout-all", { token }));
  end({ tell: true });
}

/** End every other session of the account. No exchange of the cookie comes between. */
export async function signOutElsewhere() {
  const token = await accessToken();
  await alone(() => request("POST", "/api/auth/logout-others", { token }));
}

/** Whether the server still takes the access token. Never throws; true when it can't be asked. */
export async function stillThere() {
  try {
    await request("GET", "/api/auth/user", { token: current?.accessToken });
    return true;
  } catch (error) {
    return !(error instanceof Problem && error.status === 401);
  }
}

/** Find out whether the session lives on after something that may have ended it. Never throws. */
export async function recheck() {
  if (current) await renew().catch(() => {});
}

function ignoreEnded(error) {
  if (!(error instanceof Problem && error.status === 401)) throw error;
}

function end({ tell }) {
  current = null;
  clearTimeout(timer);
  clearHint();
  if (tell) otherTabs?.postMessage("signed-out");
  changes.dispatchEvent(new Event("change"));
}

function readHint() {
  try {
    return localStorage.getItem(HINT);
  } catch {
    return "unknown"; // storage is switched off: ask the server
  }
}

function writeHint() {
  try {
    localStorage.setItem(HINT, "yes");
  } catch {
    // Then every load asks.
  }
}

function clearHint() {
  try {
    localStorage.removeItem(HINT);
  } catch {
    // Nothing was kept.
  }
}
