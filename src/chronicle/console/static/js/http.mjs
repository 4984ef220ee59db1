// Requests and the one shape in which they fail. Knows nothing of who is signed in.

/** An answer that says no (RFC 9457), or none at all: then `code` is "offline". */
export class Problem extends Error {
  constructor({ status, code, detail, errors = [], retryAfterSeconds = null, requestId = null }) {
    super(detail);
    this.name = "Problem";
    this.status = status;
    this.code = code;
    this.errors = errors;
    this.retryAfterSeconds = retryAfterSeconds;
    this.requestId = requestId;
  }
}

const CHALLENGED = new Set(["challenge_required", "challenge_invalid"]);
const PROOFS = 2; // one may be for an address that changed meanwhile

/**
 * Send one request and give back what it answers: JSON as a value, other text as a string, bytes
 * as asked for by `as: "blob"`, nothing as null. Throws a Problem for everything else. Where the
 * server demands a solved challenge first, that is seen to.
 */
export async function request(method, path, options = {}) {
  let proof = null;
  for (let left = PROOFS; ; left -= 1) {
    try {
      return await send(method, path, { ...options, proof });
    } catch (error) {
      if (left === 0 || !CHALLENGED.has(error.code)) throw error;
    }
    const { prove } = await import("./proof.mjs");
    proof = await prove(options.signal);
  }
}

async function send(method, path, { body, token, signal, as, proof }) {
  const headers = new Headers({ Accept: "application/json, text/plain;q=0.9, */*;q=0.8" });
  if (token) headers.set("Authorization", `Bearer ${token}`);
  if (proof) headers.set("Chronicle-Challenge", proof);
  if (body !== undefined) headers.set("Content-Type", "application/json");
  let response;
  try {
    response = await fetch(path, {
      method,
      headers,
      signal,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw offline();
  }
  if (!response.ok) throw await problemOf(response);
  return contentOf(response, as);
}

async function contentOf(response, as) {
  if (response.status === 204) return null;
  if (as === "blob") return response.blob();
  const type = response.headers.get("Content-Type") ?? "";
  return type.includes("json") ? response.json() : response.text();
}

async function problemOf(response) {
  const text = await response.text();
  return problemFrom(response.status, text, (name) => response.headers.get(name));
}

/** The Problem in an answer's status, body text and headers. */
export function problemFrom(status, text, header) {
  const told = parsed(text);
  return new Problem({
    status,
    code: told.code ?? "unexpected_answer",
    detail: told.detail ?? told.title ?? wordsFor(status),
    errors: Array.isArray(told.errors) ? told.errors : [],
    retryAfterSeconds: Number.parseInt(header("Retry-After") ?? "", 10) || null,
    requestId: told.request_id ?? header("X-Request-Id"),
  });
}

/** The Problem of an answer that never came. */
export function offline() {
  return new Problem({
    status: 0,
    code: "offline",
    detail: "The server can’t be reached. Check the connection, then try again.",
  });
}

function parsed(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {}; // a proxy's page, not the server's answer
  }
}

function wordsFor(status) {
  if (status >= 500) return `The server could not answer (${status}). Try again in a moment.`;
  return `The server refused the request (${status}).`;
}
