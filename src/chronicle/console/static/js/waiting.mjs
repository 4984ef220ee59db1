// Tickets whose mail is on its way. The link in a mail is good only with its ticket, and is opened in
// a tab of its own: so this browser remembers the ticket until it expires. By itself it opens nothing.

const KEY = "chronicle.waiting";
const MOST = 5;

/** Remember the ticket of an answer for the page that its mail's link leads to. */
export function remember(path, { ticket, expires_in }) {
  const others = all().filter((one) => one.ticket !== ticket);
  keep([{ path, ticket, until: Date.now() + expires_in * 1000 }, ...others].slice(0, MOST));
}

/** The tickets that wait for the link to a page, newest first. */
export const ticketsFor = (path) => all().filter((one) => one.path === path).map((one) => one.ticket);

/** Forget those of a page: one of them was used. */
export const forget = (path) => keep(all().filter((one) => one.path !== path));

function all() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return kept.filter((one) => one.until > Date.now());
  } catch {
    return []; // storage is switched off, or holds what somebody else wrote
  }
}

function keep(tickets) {
  try {
    if (tickets.length) localStorage.setItem(KEY, JSON.stringify(tickets));
    else localStorage.removeItem(KEY);
  } catch {
    // Then the link says that it can't go on here, and the code works.
  }
}
