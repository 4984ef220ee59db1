// Where files are chosen, and how far each one is on its way.

import { announce, fill, h } from "../dom.mjs";
import { dropAnywhere } from "../drop-anywhere.mjs";
import { notice } from "../forms.mjs";
import { bytes, duration } from "../format.mjs";
import { icon } from "../icons.mjs";
import { mayPublish } from "../public-for-good.mjs";
import * as session from "../session.mjs";
import { add, clear, queue, uploads } from "../upload.mjs";

/** The upload area of one page; files can also be dropped anywhere on it. */
export function uploadArea(page) {
  if (!session.user().email_verified) return confirmFirst();
  const input = h("input", { type: "file", multiple: true, class: "visually-hidden", tabindex: "-1", "aria-hidden": "true" });
  const choose = h("button", { class: "button button-main button-large", type: "button", on: { click: () => input.click() } }, icon("upload"), "Choose files");
  const list = h("ul", { class: "queue", "aria-label": "Uploads on their way" });
  const hint = h("p", { class: "next-hint" }, "or drop them anywhere on this page");

  const take = async (files) => {
    if (files.length === 0) return;
    if (await mayPublish([...files], session.user().id)) add(files);
    choose.focus();
  };
  input.addEventListener("change", async () => {
    const files = [...input.files];
    input.value = ""; // so that the same file can be chosen again
    await take(files);
  });
  dropAnywhere({ words: "Drop to put on record", signal: page.signal, take });
  const show = (items) => items.forEach((upload) => list.append(queueLine(upload, page.signal)));
  uploads.filter((upload) => upload.state === "done").forEach(clear); // ended while another page showed
  show(uploads);
  queue.addEventListener("added", ({ detail }) => show(detail), { signal: page.signal });

  return h(
    "section",
    { class: "next", "aria-label": "Upload" },
    line(
      h("div", { class: "next-choose" }, choose, input, hint),
      h("p", { class: "next-warning" }, icon("public"), h("span", {}, "What you upload is public for good: anyone with the CID can read it, and it can’t be taken back.")),
    ),
    list,
  );
}

function confirmFirst() {
  return h(
    "section",
    { class: "next", "aria-label": "Upload" },
    line(
      h("div", { class: "next-choose" }, h("a", { class: "button button-main button-large", href: "/account" }, "Confirm your address")),
      h("p", { class: "next-warning" }, icon("mail"), h("span", {}, "Before your e-mail address is confirmed, nothing can be uploaded.")),
    ),
  );
}

/** The line of the ledger that is to be filled next. */
const line = (...what) =>
  h(
    "div",
    { class: "entry entry-next" },
    h("span", { class: "entry-place", "aria-hidden": "true" }, h("span", { class: "entry-index" }, "next")),
    h("div", { class: "next-what" }, what),
  );

function queueLine(upload, signal) {
  const bar = h("progress", { max: Math.max(upload.file.size, 1), value: 0, "aria-label": `Upload of ${upload.file.name}` });
  const state = h("span", { class: "tabular" });
  const stop = h("button", { class: "button button-small", type: "button" });
  const trouble = h("div", { class: "queue-trouble" });
  const element = h(
    "li",
    { class: "queue-line" },
    h("div", { class: "queue-head" }, h("span", { class: "queue-name" }, upload.file.name), stop),
    bar,
    h("p", { class: "queue-state" }, state),
    trouble,
  );
  stop.addEventListener("click", () => {
    if (ended(upload)) {
      clear(upload);
      element.remove();
    } else {
      upload.cancel();
    }
  });
  const announced = new Set();
  const draw = () => {
    bar.value = upload.state === "settling" ? bar.max : upload.sent;
    state.textContent = words(upload);
    stop.textContent = ended(upload) ? "Dismiss" : "Cancel";
    stop.setAttribute("aria-label", `${stop.textContent} ${upload.file.name}`);
    element.dataset.state = upload.state;
    if (upload.state === "failed") fill(trouble, notice("bad", "warning", upload.problem.message), retryButton(upload, element));
    tell(upload, announced);
  };
  upload.addEventListener("change", draw, { signal });
  upload.addEventListener(
    "change",
    () => {
      if (upload.state !== "done") return;
      const focused = element.contains(document.activeElement);
      clear(upload);
      element.remove();
      queue.dispatchEvent(new CustomEvent("done", { detail: upload.event }));
      if (focused) document.querySelector(`[data-id="${upload.event.id}"] a`)?.focus();
    },
    { signal },
  );
  draw();
  return element;
}

const ended = (upload) => ["done", "failed", "cancelled"].includes(upload.state);

function words(upload) {
  const size = bytes(upload.file.size);
  if (upload.state === "waiting") return `${size}, waiting its turn`;
  if (upload.state === "settling") return `${size} sent, being written to disk and to the ledger`;
  if (upload.state === "cancelled") return "Cancelled. Nothing of it was kept.";
  if (upload.state === "failed") return `${size}, not uploaded`;
  const parts = [`${bytes(upload.sent)} of ${size}`];
  if (upload.speed) parts.push(`${bytes(upload.speed)}/s`, `${duration(upload.secondsLeft)} left`);
  return parts.join(" · ");
}

function retryButton(upload, element) {
  const again = () => {
    clear(upload);
    element.remove();
    add([upload.file]);
  };
  return h("button", { class: "button button-small", type: "button", on: { click: again } }, icon("refresh"), "Try again");
}

/** Say how it goes to those who listen: the start, each quarter, the end. Each once. */
function tell(upload, announced) {
  const quarter = upload.state === "sending" ? Math.floor((upload.sent / Math.max(upload.file.size, 1)) * 4) * 25 : 0;
  const news = {
    sending: quarter === 0 ? `Uploading ${upload.file.name}` : `${upload.file.name}: ${quarter} %`,
    done: `${upload.file.name} is uploaded`,
    failed: `${upload.file.name} was not uploaded. ${upload.problem?.message ?? ""}`,
    cancelled: `Upload of ${upload.file.name} cancelled`,
  }[upload.state];
  if (!news || announced.has(news)) return;
  announced.add(news);
  announce(news);
}
