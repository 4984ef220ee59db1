// One call of the API: what it takes, what it answers, and how it fails.

import { h } from "../dom.mjs";
import { copyButton } from "../forms.mjs";
import { icon } from "../icons.mjs";
import { fieldsOf, schemaWords, typeWords } from "../openapi.mjs";
import { prose } from "../prose.mjs";

const CREDENTIALS = {
  access_token: { needs: "Needs an access token", variable: "$TOKEN" },
  service_key: { needs: "Needs a service key: it is for other servers", variable: "$SERVICE_KEY" },
};

/** The article of one operation. */
export function operationSection(operation, document_) {
  const { id, method, path, summary, description, credential } = operation;
  const good = operation.answers.filter(({ status }) => status.startsWith("2"));
  const bad = operation.answers.filter(({ status }) => !status.startsWith("2"));
  return h(
    "article",
    { class: "operation", id, "aria-labelledby": `${id}-title` },
    h(
      "header",
      { class: "operation-head" },
      h("h3", { id: `${id}-title` }, h("span", { class: "method", "data-method": method }, method), h("span", { class: "mono break" }, path)),
      h("p", { class: "operation-summary" }, prose(summary)),
      description && h("p", { class: "soft" }, prose(description)),
      credential && h("p", { class: "state" }, icon("key"), CREDENTIALS[credential].needs),
    ),
    parameters(operation, document_),
    operation.bodies.length > 0 && body(operation, document_),
    good.map((answer) => answered(answer, document_)),
    failures(bad),
    example(operation),
  );
}

function part(title, ...content) {
  return h("section", { class: "operation-part" }, h("h4", {}, title), content);
}

function parameters({ parameters: taken }, document_) {
  if (taken.length === 0) return null;
  const rows = taken.map(({ name, in: place, required, schema, description }) => ({
    name,
    type: `${typeWords(schema, document_)}, in the ${place}`,
    required: required === true,
    words: description ?? "",
    fallback: schema?.default,
    fields: [],
  }));
  return part("Parameters", fieldList(rows));
}

function body({ bodies, bodyRequired }, document_) {
  const types = bodies.map(({ mediaType }) => mediaType).join(" or ");
  const [{ schema }] = bodies;
  const words = schemaWords(schema, document_);
  return part(`Body${bodyRequired ? "" : " (optional)"}`, h("p", { class: "note soft" }, h("code", {}, types), words && prose(` ${words}`)), fieldList(fieldsOf(schema, document_)));
}

function answered({ status, content = {} }, document_) {
  const [[mediaType, told] = []] = Object.entries(content);
  if (!mediaType) return part(`Answer ${status}`, h("p", { class: "note soft" }, "Nothing more than the status."));
  const words = schemaWords(told.schema, document_);
  const type = told.schema?.type === "array" || told.schema?.items ? `, ${typeWords(told.schema, document_)}` : "";
  return part(`Answer ${status}`, h("p", { class: "note soft" }, h("code", {}, mediaType), type, words && prose(` ${words}`)), fieldList(fieldsOf(told.schema, document_), answeredWords));
}

/** What is said of a field that need not be sent. */
function takenWords({ fallback }) {
  return fallback === undefined ? "optional" : `optional, ${JSON.stringify(fallback)} unless given`;
}

/** What is said of a field that an answer can do without. */
const answeredWords = () => "can be missing";

function fieldList(fields, optional = takenWords) {
  if (fields.length === 0) return null;
  return h("dl", { class: "fields" }, fields.map((field) => fieldRow(field, optional)));
}

function fieldRow(field, optional) {
  const { name, type, required, words, fields } = field;
  return h(
    "div",
    { class: "field-row" },
    h("dt", {}, h("code", {}, name)),
    h("dd", {}, h("span", { class: "field-type" }, type, !required && h("span", { class: "faint" }, ` · ${optional(field)}`)), words && h("p", { class: "note soft" }, prose(words)), fieldList(fields, optional)),
  );
}

/** Each way to fail: status, stable code, words. */
function failures(answers) {
  const rows = answers.flatMap(({ status, description = "" }) => codes(description).map(({ code, words }) => ({ status, code, words })));
  if (rows.length === 0) return null;
  return h(
    "details",
    { class: "operation-part" },
    h("summary", {}, `How it can fail (${rows.length})`),
    h("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-label": "Failures" }, h(
      "table",
      {},
      h("thead", {}, h("tr", {}, ["Status", "Code", "Meaning"].map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, rows.map(({ status, code, words }) => h("tr", {}, h("td", { class: "tabular" }, status), h("td", {}, code && h("code", {}, code)), h("td", {}, prose(words))))),
    )),
  );
}

/** Take "`code`: words; `code`: words" apart. */
function codes(description) {
  const found = [...description.matchAll(/`([a-z_]+)`: ([^;]*)/g)].map(([, code, words]) => ({ code, words }));
  return found.length > 0 ? found : [{ code: null, words: description }];
}

function example({ method, path, bodies, credential }) {
  const lines = [`curl${method === "GET" ? "" : ` -X ${method}`} ${location.origin}${path}`];
  if (credential) lines.push(`-H "Authorization: Bearer ${CREDENTIALS[credential].variable}"`);
  if (bodies.some(({ mediaType }) => mediaType === "application/json")) lines.push('-H "Content-Type: application/json"', "-d @body.json");
  else if (bodies.length > 0) lines.push("--data-binary @file");
  const text = lines.join(" \\\n  ");
  return h("div", { class: "example" }, h("pre", { tabindex: "0", "aria-label": "Example" }, text), copyButton(text, "the example"));
}
