// From address to view. A view module exports `render(page)`, which answers at once with
// `{title, content}`; what takes longer it fills in later, until `page.signal` aborts.

import { announce, fill, h } from "./dom.mjs";

const UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";

const ROUTES = [
  [/^\/$/, () => import("./views/home.mjs")],
  [/^\/sign-up$/, () => import("./views/sign-up.mjs")],
  [/^\/sign-in$/, () => import("./views/sign-in.mjs")],
  [/^\/forgot$/, () => import("./views/forgot.mjs")],
  [/^\/reset$/, () => import("./views/reset.mjs")],
  [/^\/report$/, () => import("./views/report.mjs")],
  [/^\/(?:enter|confirm|address)$/, () => import("./views/enter.mjs")],
  [/^\/unlock$/, () => import("./views/unlock.mjs")],
  [/^\/undo$/, () => import("./views/undo.mjs")],
  [new RegExp(`^/files/(?<id>${UUID})$`), () => import("./views/file.mjs")],
  [/^\/verify$/, () => import("./views/verify.mjs")],
  [/^\/account$/, () => import("./views/account.mjs")],
  [/^\/outbox$/, () => import("./views/outbox.mjs")],
  [/^\/mails$/, () => import("./views/mail-samples.mjs")],
  [/^\/docs$/, () => import("./views/docs.mjs")],
];

let leaving = new AbortController();
let shownPath = null;
const listeners = new Set();

/** Call `listener(path)` after each change of address. */
export const onNavigate = (listener) => listeners.add(listener);

/** Show the current address, and from now on every one that is followed. */
export function start() {
  document.addEventListener("click", followLink);
  addEventListener("popstate", () => {
    if (location.pathname !== shownPath) show({ moved: true });
  });
  return show({ moved: false });
}

/** Go to an address of this console. Its page gets `told`: words on what just happened. */
export function go(path, { replace = false, told = null } = {}) {
  if (replace) history.replaceState(null, "", path);
  else history.pushState(null, "", path);
  scrollTo(0, 0);
  return show({ moved: true, told });
}

/** Show the current address again, as after signing in or out. */
export const again = () => show({ moved: true });

function followLink(event) {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target.closest("a[href]");
  if (!link || link.target || link.hasAttribute("download") || "outside" in link.dataset) return;
  const url = new URL(link.href);
  const samePage = url.pathname === location.pathname && url.hash;
  if (url.origin !== location.origin || samePage) return;
  event.preventDefault();
  go(url.pathname + url.search + url.hash);
}

async function show({ moved, told = null }) {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  shownPath = location.pathname;
  for (const listener of listeners) listener(shownPath);
  const [load, params] = match(shownPath);
  let view;
  try {
    view = await load();
  } catch {
    view = { render: unreachable };
  }
  if (signal.aborted) return;
  const { title, content } = view.render({ params, signal, told, query: new URLSearchParams(location.search) });
  document.title = title ? `${title} · Chronicle` : "Chronicle";
  const main = document.getElementById("main");
  fill(main, content);
  if (moved) {
    main.focus({ preventScroll: true });
    announce(told ? `${told} ${document.title}` : document.title);
  }
}

function match(path) {
  for (const [pattern, load] of ROUTES) {
    const found = pattern.exec(path);
    if (found) return [load, found.groups ?? {}];
  }
  return [() => import("./views/not-found.mjs"), {}];
}

function unreachable() {
  const content = h(
    "section",
    { class: "sheet message" },
    h("h1", {}, "This page could not be loaded"),
    h("p", { class: "soft" }, "The server can’t be reached. Check the connection, then try again."),
    h("button", { class: "button", type: "button", on: { click: () => location.reload() } }, "Try again"),
  );
  return { title: "Not loaded", content };
}
