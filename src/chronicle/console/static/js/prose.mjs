// Sentences that set names of code between backquotes, as the API's document does.

import { h } from "./dom.mjs";

/** The parts of a text: what stands between backquotes as code, the rest as it is. */
export function prose(text) {
  return text.split(/`([^`]+)`/).map((part, place) => (place % 2 === 1 ? h("code", {}, part) : part));
}
