// The masthead and the colophon: where one is, who one is, and how far the ledger has come.

import { newestCheckpoint } from "./checkpoint.mjs";
import { fill, h } from "./dom.mjs";
import { count, shortened } from "./format.mjs";
import { icon } from "./icons.mjs";
import * as outbox from "./outbox.mjs";
import * as router from "./router.mjs";
import * as session from "./session.mjs";
import { queue } from "./upload.mjs";
import { hex } from "./verify/bytes.mjs";
import { parseCheckpoint } from "./verify/note.mjs";

let settled = false;

/** Draw what does not depend on who is signed in, and keep the rest up to date. */
export function start() {
  router.onNavigate((path) => {
    showWhere(path);
    showLedger();
  });
  session.onChange(showWho);
  queue.addEventListener("done", () => showLedger({ anew: true }));
  showWho();
  outbox.available().then((yes) => yes && showWhere(location.pathname));
}

function pages() {
  const found = [["/", session.user() || session.expected() ? "Timeline" : "Home"], ["/verify", "Verify"], ["/docs", "API"]];
  if (outbox.known()) found.push(["/outbox", "Outbox"]);
  return found;
}

function showWhere(path) {
  const items = pages().map(([href, words]) => {
    const here = href === path || (href === "/" && path.startsWith("/files/"));
    return h("li", {}, h("a", { href, "aria-current": here ? "page" : null }, words));
  });
  fill(document.getElementById("nav"), items);
}

/** From now on it is known who is signed in, or that nobody is. */
export function settle() {
  settled = true;
  showWho();
}

/** Draw the tools at the right: the theme, and the account or the way to one. */
function showWho() {
  showWhere(location.pathname);
  const user = session.user();
  const known = settled || !session.expected();
  const account = user ? who(user) : known && h("a", { class: "button", href: "/sign-in" }, "Sign in");
  fill(document.getElementById("tools"), themeSwitch(), account);
}

function who(user) {
  const name = user.name || user.email;
  return h(
    "a",
    { class: "avatar", href: "/account", "aria-label": `Account of ${name}` },
    h("span", { class: "avatar-letter", "aria-hidden": "true" }, [...name][0].toUpperCase()),
    h("span", { class: "avatar-name" }, name),
  );
}

function themeSwitch() {
  const theme = globalThis.chronicleTheme;
  const button = h("button", { class: "icon-button", type: "button" });
  const draw = () => {
    const other = theme.showing() === "dark" ? "light" : "dark";
    button.setAttribute("aria-label", `Use the ${other} theme`);
    button.title = `Use the ${other} theme`;
    fill(button, icon(other === "dark" ? "moon" : "sun"));
  };
  button.addEventListener("click", () => {
    theme.choose(theme.showing() === "dark" ? "light" : "dark");
    draw();
  });
  draw();
  return button;
}

async function showLedger(options) {
  try {
    const { origin, size, root } = parseCheckpoint(await newestCheckpoint(options));
    const digits = hex(root);
    fill(
      document.getElementById("ledger-line"),
      h("span", {}, "Ledger ", h("span", { class: "mono" }, origin)),
      h("span", { class: "tabular" }, `${count(size)} ${size === 1 ? "entry" : "entries"}`),
      h("span", {}, "root ", h("span", { class: "mono", title: digits }, shortened(digits, 8, 8))),
    );
  } catch {
    // The line keeps its place and says nothing: the ledger may be empty, or out of reach.
  }
}
