// What the sign-in history tells, in words. Kinds, methods and reasons are the server's.

const METHODS = {
  pwd: "with the password",
  otp: "with a mailed code",
  "pwd otp": "with the password and a mailed code",
};

const REASONS = {
  invalid_credentials: "The password was wrong.",
  locked: "Sign-in was paused, after many wrong passwords.",
  invalid_code: "The mailed code was wrong.",
  too_many_codes: "There was a pause, after many wrong codes.",
  too_many_attempts: "There was a pause, after many wrong passwords on devices that were signed in.",
};

const CHANGES = {
  password: "Password changed",
  reset: "Password set anew, by mail",
};

const KINDS = {
  sign_in: ({ method, outcome }) => (outcome === "granted" ? `Signed in ${METHODS[method] ?? `by ${plain(method)}`}` : "Sign-in refused"),
  password_change: ({ method, outcome }) => (outcome === "granted" ? (CHANGES[method] ?? "Password changed") : "Change of the password refused"),
  session_replayed: () => "Session ended for safety",
  reported: ({ method }) => (method === "undo" ? "You brought your address back" : "You reported a stranger"),
  email_verified: ({ outcome }) => (outcome === "granted" ? "E-mail address confirmed" : "Confirmation of the e-mail address refused"),
  email_change: ({ outcome }) => (outcome === "granted" ? "E-mail address changed" : "Change of the e-mail address refused"),
};

const EXPLAINED = {
  session_replayed: "A key that was used before was used again, as happens when somebody copied it.",
  reported: "Everybody was signed out, and the password no longer worked.",
};

/** An event in words: `{title, words, good}`; `words` may be null. */
export function told(event) {
  const title = (KINDS[event.kind] ?? unknown)(event);
  const reason = event.reason ? (REASONS[event.reason] ?? `Reason: ${plain(event.reason)}.`) : null;
  return { title, words: reason ?? EXPLAINED[event.kind] ?? null, good: event.outcome === "granted" };
}

const SIGNS = {
  new_device: "new device",
  new_network: "new network",
  new_country: "a country not seen lately",
  after_wrong_passwords: "right after several wrong passwords",
};

/** What was unusual about a sign-in that was granted: `{words, high}`, or null. */
export function unusual({ kind, outcome, risk, why }) {
  if (kind !== "sign_in" || outcome !== "granted" || (risk !== "medium" && risk !== "high")) return null;
  const high = risk === "high";
  const signs = why.map((sign) => SIGNS[sign] ?? plain(sign)).join(", ");
  const advice = high ? " If this was not you, change the password and sign out everywhere." : "";
  return { words: `${high ? "Very unusual" : "Unusual"}: ${signs}.${advice}`, high };
}

const unknown = ({ kind, outcome }) => `${sentence(plain(kind))}: ${plain(outcome)}`;
const plain = (name) => name.replaceAll("_", " ");
const sentence = (words) => words.charAt(0).toUpperCase() + words.slice(1);
