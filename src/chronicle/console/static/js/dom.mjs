// Elements from code. Text always goes in as text: nothing here parses markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element. `attributes` may hold `on: {event: listener}`; true and false set and leave out an
 * attribute; null and undefined leave it out. Children may be nodes, text, or nested lists.
 */
export function h(tag, attributes = {}, ...children) {
  return furnish(document.createElement(tag), attributes, children);
}

/** An element of the SVG namespace. */
export function s(tag, attributes = {}, ...children) {
  return furnish(document.createElementNS(SVG, tag), attributes, children);
}

function furnish(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  append(element, children);
  return element;
}

/** Append nodes and text, leaving out null, undefined and false. */
export function append(parent, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) parent.append(child);
  }
}

/** Replace everything inside an element. */
export function fill(parent, ...children) {
  parent.replaceChildren();
  append(parent, children);
  return parent;
}

let lastId = 0;

/** An id that no other element of this page has. */
export function freshId(prefix) {
  lastId += 1;
  return `${prefix}-${lastId}`;
}

/** Say something to people who listen to the page; nothing changes on the screen. */
export function announce(text) {
  const announcer = document.getElementById("announcer");
  announcer.textContent = "";
  // The same words twice are news only when the region was empty in between.
  requestAnimationFrame(() => {
    announcer.textContent = text;
  });
}
