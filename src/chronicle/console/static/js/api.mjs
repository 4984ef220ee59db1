// Calls in the name of whoever is signed in.

import { Problem, request } from "./http.mjs";
import * as session from "./session.mjs";

/**
 * As `request`, in the name of whoever is signed in. Where the server wants a fresh sign-in first, the
 * person is asked for it, and then the call is made again. Throws an AbortError when they decline.
 */
export async function call(method, path, options = {}) {
  try {
    return await send(method, path, options);
  } catch (error) {
    if (!(error instanceof Problem && error.code === "fresh_sign_in_required")) throw error;
    const { confirmItIsYou } = await import("./confirm-it-is-you.mjs");
    await confirmItIsYou();
    return send(method, path, options);
  }
}

/**
 * With the access token; renewed once when the server no longer takes it. A wrong password is a 401
 * too, and must not be sent a second time.
 */
async function send(method, path, options) {
  const token = await session.accessToken();
  try {
    return await request(method, path, { ...options, token });
  } catch (error) {
    if (!(error instanceof Problem && error.code === "invalid_token")) throw error;
    await session.renew();
    return request(method, path, { ...options, token: await session.accessToken() });
  }
}

/** Hand a blob to the browser to save. */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
