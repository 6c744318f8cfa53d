// Elements. Whatever is put into one is text, never markup.

export const byId = (id) => document.getElementById(id);

export function make(name, className, ...children) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

// Text in which some is to be typed as it stands, between backticks.
export function marked(text) {
  return text.split("`").map((part, index) => (index % 2 ? make("code", "", part) : part)).filter(Boolean);
}

let numbers = 0;

// For what refers to another element.
export function identify(element) {
  numbers += 1;
  element.id ||= `n${numbers}`;
  return element.id;
}

export function button(text, className, onClick) {
  const made = make("button", className, text);
  made.type = "button";
  made.addEventListener("click", onClick);
  return made;
}

// A screen reader and a selection are disturbed by what changes: only what is new is written.
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// A drawing has no property for it, only the attribute.
export function show(element, isShown) {
  element.toggleAttribute("hidden", !isShown);
}

export function writeOrHide(element, text) {
  show(element, Boolean(text));
  write(element, text || "");
}

export function setTone(element, tone) {
  if (element.dataset.tone !== tone) element.dataset.tone = tone;
}

// Puts these into this order. What is in its place stays there: a selection or the focus in it too.
export function arrange(parent, children) {
  const wanted = new Set(children);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  children.forEach((child, index) => {
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] || null);
  });
}

export function drawing(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

// A shape for each tone, so that none is told by its colour alone: [outline, mark].
export const SHAPES = {
  ok: ["M8 0a8 8 0 1 1 0 16A8 8 0 0 1 8 0z", "M4.5 8.2l2.5 2.6 4.7-5.3"],
  warn: ["M8 .6c.6 0 1 .3 1.3.8l6.4 12c.5 1-.2 2.1-1.3 2.1H1.6c-1.1 0-1.8-1.1-1.3-2.1l6.4-12c.3-.5.7-.8 1.3-.8z", "M8 5.5v4M8 12.4v.1"],
  bad: ["M4.7 0h6.6L16 4.7v6.6L11.3 16H4.7L0 11.3V4.7z", "M5.2 5.2l5.6 5.6M10.8 5.2l-5.6 5.6"],
};

export class Icon {
  constructor(root = make("span", "icon")) {
    this.root = root;
    root.setAttribute("aria-hidden", "true");
  }

  update(tone) {
    if (this.tone === tone) return;
    this.tone = tone;
    const svg = drawing("svg", { viewBox: "0 0 16 16" });
    const [outline, mark] = SHAPES[tone] || [];
    if (outline) {
      svg.append(drawing("path", { class: "shape", d: outline }), drawing("path", { class: "mark", d: mark }));
    } else {
      svg.append(drawing("circle", { class: "ring", cx: 8, cy: 8, r: 6 }));
    }
    this.root.replaceChildren(svg);
  }
}

// For those who do not see it.
export function announce(text) {
  write(byId("announcer"), text);
}

// Where what had the focus is gone, it is not left at the top of the page.
export function catchFocus() {
  if (document.activeElement !== document.body) return;
  const next = document.querySelector(".card h3") || document.querySelector(".stream h2");
  if (next) next.focus();
}

// From here on there is room: for the figures of the stream, and for those of every card.
export const isWide = window.matchMedia("(min-width: 360px)");
export const isRoomy = window.matchMedia("(min-width: 700px)");
