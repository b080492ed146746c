// Elements, and numbers in words. Whatever a trace says becomes a text node or an attribute here, never markup.

function create(namespace, tag, attributes, children) {
  const element = document.createElementNS(namespace, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** An HTML element. Strings among the children become text nodes; an attribute `onclick` is a listener. */
function html(tag, attributes = {}, ...children) {
  return create("http://www.w3.org/1999/xhtml", tag, attributes, children);
}

/** An SVG element, likewise. */
function svg(tag, attributes = {}, ...children) {
  return create("http://www.w3.org/2000/svg", tag, attributes, children);
}

function count(number, what, several = `${what}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? what : several}`;
}

/** Milliseconds in words: `12 ms`, `1.5 s`, `3 min 20 s`, `2 h 5 min`. */
function duration(milliseconds) {
  if (milliseconds > 0 && milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(1).replace(/\.0$/, "")} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min${rest(Math.floor(seconds % 60), "s")}`;
  return `${Math.floor(minutes / 60).toLocaleString("en")} h${rest(minutes % 60, "min")}`;
}

function rest(number, unit) {
  return number ? ` ${number} ${unit}` : "";
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The first line of a text that says anything, at most so long. */
function firstWords(text, most) {
  const start = text.slice(0, most * 4).trim().replace(/\s+/g, " ");
  return start.length > most ? `${start.slice(0, most - 1).trimEnd()}…` : start;
}

/** What is kept for this browser, where it keeps anything for this page. */
const memory = {
  get(name) {
    try {
      return localStorage.getItem(`pisama-${name}`);
    } catch {
      return null;
    }
  },
  set(name, value) {
    try {
      localStorage.setItem(`pisama-${name}`, value);
    } catch {
      // Pages from files keep nothing in some browsers; the choice then holds until the page is closed.
    }
  },
};
