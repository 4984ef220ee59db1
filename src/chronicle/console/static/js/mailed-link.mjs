// The token of a mailed link. It comes in the address's fragment, which no browser sends anywhere,
// and leaves the address bar at once, so that no history, bookmark or copied address keeps it.

const taken = new Map(); // path → token, for as long as this page is open

/** The token that the link to this path brought, or null. */
export function takeToken() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) {
    taken.set(location.pathname, token);
    history.replaceState(null, "", location.pathname);
  }
  return taken.get(location.pathname) ?? null;
}

/** Forget it: it is spent, or good for nothing. */
export const dropToken = () => taken.delete(location.pathname);

/** Call `listener` when another link of the same kind is opened over this page. */
export function onNewToken(listener, signal) {
  const look = () => location.hash.startsWith("#token=") && listener();
  addEventListener("hashchange", look, { signal });
}
