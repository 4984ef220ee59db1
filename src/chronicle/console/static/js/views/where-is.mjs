// Where something came from: the place where it is known, and the address.

import { h } from "../dom.mjs";

/** The place and the address of `{ip, place}`, as parts of a line of facts. */
export const whereIs = ({ ip, place }) => [place && h("span", {}, place), h("span", { class: "break" }, ip)];
