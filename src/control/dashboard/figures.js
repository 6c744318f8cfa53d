// Figures, as lines and as labelled values.

import { drawing, isWide, make, show, write } from "./dom.js";
import { bitrate } from "./words.js";

// What a sparkline shows, and over how long the bitrate beside it is taken, in seconds.
export const MINUTE = 60;
const RATE_OVER = 3;

// A counter of bytes, as bits a second over the last minute.
export class Rate {
  constructor(label) {
    this.points = [];
    this.label = label;
    this.svg = drawing("svg", { class: "spark", viewBox: `0 0 ${MINUTE} 20`, preserveAspectRatio: "none", role: "img" });
    this.area = drawing("path", { class: "area" });
    this.line = drawing("path", { class: "line" });
    this.svg.append(drawing("path", { class: "base", d: `M0 19.5H${MINUTE}` }), this.area, this.line);
  }

  update(now, total) {
    const last = this.points.at(-1);
    // A counter that has gone back began anew.
    const sent = !last ? 0 : total >= last.total ? total - last.total : total;
    const bits = last ? (8 * sent) / Math.max(now - last.at, 0.001) : 0;
    this.points.push({ at: now, total, sent, bits });
    while (this.points[0].at < now - MINUTE - 2) this.points.shift();
  }

  now() {
    const newest = this.points.at(-1);
    const recent = this.points.filter((point) => point.at > newest.at - RATE_OVER - 0.5);
    const seconds = newest.at - recent[0].at;
    const sent = recent.slice(1).reduce((sum, point) => sum + point.sent, 0);
    return seconds > 0 ? (8 * sent) / seconds : 0;
  }

  isMoving() {
    return this.points.some((point) => point.bits > 0);
  }

  draw() {
    // The first point has nothing before it to be compared with.
    const points = this.points.slice(1);
    const highest = Math.max(...points.map((point) => point.bits), 1);
    const newest = this.points.at(-1).at;
    const places = points.map((point) => {
      const x = Math.max(MINUTE - (newest - point.at), 0);
      return `${x.toFixed(1)} ${(19 - (17 * point.bits) / highest).toFixed(1)}`;
    });
    if (places.length > 1) {
      const [first, last] = [places[0].split(" ")[0], places.at(-1).split(" ")[0]];
      this.line.setAttribute("d", `M${places.join("L")}`);
      this.area.setAttribute("d", `M${places.join("L")}L${last} 19.5L${first} 19.5z`);
    }
    this.svg.setAttribute("aria-label", `${this.label}: now ${bitrate(this.now())}, at most ${bitrate(highest)} in the last minute`);
  }
}

// Labelled figures. Where there is no room for them, they are folded up.
export class Facts {
  constructor(about) {
    this.list = make("dl", "facts");
    this.root = make("details", "figures", make("summary", "", "Figures", make("span", "unseen", ` of ${about}`)), this.list);
    this.entries = new Map();
    this.fit();
    isWide.addEventListener("change", () => this.fit());
  }

  fit() {
    this.root.open = isWide.matches;
  }

  // Shows nothing to be unfolded where there is nothing.
  finish() {
    show(this.root, [...this.entries.values()].some((entry) => !entry.root.hidden));
  }

  update(label, text, { isNoted = false, isWide = false } = {}) {
    let entry = this.entries.get(label);
    if (!entry) {
      const value = make("dd");
      entry = { root: make("div", "", make("dt", "", label), value), value };
      this.entries.set(label, entry);
      this.list.append(entry.root);
    }
    show(entry.root, Boolean(text));
    write(entry.value, text || "");
    entry.root.classList.toggle("noted", isNoted);
    entry.root.classList.toggle("wide", isWide);
  }
}
