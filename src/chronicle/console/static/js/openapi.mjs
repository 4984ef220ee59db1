// Reads an OpenAPI document: operations by tag, and schemas as rows of names, types and words.

const METHODS = ["get", "post", "put", "patch", "delete"];
const DEEPEST = 4;

/** The document's operations, grouped by their first tag in the document's order. */
export function operationsByTag(document) {
  const groups = new Map((document.tags ?? []).map(({ name }) => [name, []]));
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const name of METHODS) {
      if (!item[name]) continue;
      const tag = item[name].tags?.[0] ?? "Other";
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(operation(name, path, item[name]));
    }
  }
  return [...groups].map(([tag, operations]) => ({ tag, operations })).filter(({ operations }) => operations.length > 0);
}

function operation(name, path, told) {
  const method = name.toUpperCase();
  const { summary = "", description = "", parameters = [], requestBody, responses = {}, security = [] } = told;
  return {
    id: `${name}${path.replaceAll(/[^a-z0-9]+/gi, "-")}`.replace(/-$/, ""),
    method,
    path,
    summary,
    description,
    parameters,
    bodies: Object.entries(requestBody?.content ?? {}).map(([mediaType, { schema }]) => ({ mediaType, schema })),
    bodyRequired: requestBody?.required === true,
    answers: Object.entries(responses).map(([status, answer]) => ({ status, ...answer })),
    // The name of the scheme by which the caller is known, if it has to be.
    credential: Object.keys(security[0] ?? {})[0] ?? null,
    searched: `${method} ${path} ${summary} ${description}`.toLowerCase(),
  };
}

/** What a `$ref` stands for; a schema without one is itself. */
export function resolved(schema, document) {
  if (!schema?.$ref) return schema ?? {};
  const found = schema.$ref.slice(2).split("/").reduce((place, key) => place?.[key], document);
  return found ?? {};
}

/** A type in a few words: "text, at most 320 characters", "list of Upload", "number or null". */
export function typeWords(schema, document) {
  if (schema?.$ref) {
    const target = resolved(schema, document);
    return target.type === "object" || target.properties ? (target.title ?? nameOf(schema.$ref)) : typeWords(target, document);
  }
  const choices = schema?.anyOf ?? schema?.oneOf;
  if (choices) return choices.map((one) => typeWords(one, document)).join(" or ");
  if (schema?.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" or ");
  if (schema?.const !== undefined) return JSON.stringify(schema.const);
  if (Array.isArray(schema?.type)) return schema.type.map((type) => typeWords({ ...schema, type }, document)).join(" or ");
  return simpleWords(schema ?? {}, document);
}

const nameOf = (ref) => ref.slice(ref.lastIndexOf("/") + 1);

function simpleWords(schema, document) {
  const { type } = schema;
  if (type === "array") return `list of ${typeWords(schema.items, document)}`;
  if (type === "object" && schema.additionalProperties) return `map to ${typeWords(schema.additionalProperties, document)}`;
  if (type === "string") return `${FORMATS[schema.format] ?? "text"}${lengthWords(schema)}`;
  if (type === "integer" || type === "number") return `${type === "integer" ? "whole number" : "number"}${rangeWords(schema)}`;
  if (type === "boolean") return "true or false";
  return type ?? "anything";
}

const FORMATS = { "date-time": "time (RFC 3339)", uuid: "UUID", email: "e-mail address", binary: "bytes" };

function lengthWords({ minLength, maxLength }) {
  if (minLength && maxLength) return `, ${minLength} to ${maxLength} characters`;
  if (maxLength) return `, at most ${maxLength} characters`;
  return minLength ? `, at least ${minLength} characters` : "";
}

function rangeWords({ minimum, maximum }) {
  if (minimum !== undefined && maximum !== undefined) return `, ${minimum} to ${maximum}`;
  if (maximum !== undefined) return `, at most ${maximum}`;
  return minimum === undefined ? "" : `, from ${minimum}`;
}

/** The fields of an object schema: `{name, type, required, words, fallback, fields}`, nested. */
export function fieldsOf(schema, document, depth = 0) {
  const target = objectWithin(schema, document);
  if (!target?.properties || depth >= DEEPEST) return [];
  const required = new Set(target.required ?? []);
  return Object.entries(target.properties).map(([name, one]) => ({
    name,
    type: typeWords(one, document),
    required: required.has(name),
    words: one.description ?? "",
    fallback: one.default,
    fields: fieldsOf(one, document, depth + 1),
  }));
}

/** The object that a schema is, is a list of, or may be. */
function objectWithin(schema, document) {
  const target = resolved(schema, document);
  if (target.properties) return target;
  if (target.items) return objectWithin(target.items, document);
  return (target.anyOf ?? target.oneOf ?? []).map((one) => objectWithin(one, document)).find(Boolean) ?? null;
}

/** The description that stands on a schema, or nothing. */
export const schemaWords = (schema, document) => resolved(schema, document).description ?? "";
