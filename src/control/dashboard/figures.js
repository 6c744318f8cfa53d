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

  // `minute` is what it was before, a second apart, the oldest first: for the first look at it.
  update(now, total, minute) {
    if (!this.points.length && minute) minute.forEach((was, index) => this.add(now - (minute.length - index), was));
    this.begun ??= now;
    this.add(now, total);
    while (this.points[0].at < now - MINUTE - 2) this.points.shift();
  }

  add(at, total) {
    const last = this.points.at(-1);
    // A counter that has gone back began anew.
    const sent = !last ? 0 : total >= last.total ? total - last.total : total;
    // How long before the first look the last count was is not known.
    const isJoint = at === this.begun;
    const bits = !last ? 0 : isJoint ? last.bits : (8 * sent) / Math.max(at - last.at, 0.001);
    this.points.push({ at, total, sent, bits });
  }

  // Nothing while there is nothing to be compared with.
  now() {
    const newest = this.points.at(-1);
    const recent = this.points.filter(({ at }) => at >= this.begun && at > newest.at - RATE_OVER - 0.5);
    const seconds = newest.at - recent[0].at;
    const sent = recent.slice(1).reduce((sum, point) => sum + point.sent, 0);
    return seconds > 0 ? (8 * sent) / seconds : null;
  }

  text() {
    const now = this.now();
    return now === null ? "" : bitrate(now);
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
    this.svg.setAttribute("aria-label", `${this.label}: now ${this.text() || "not known yet"}, at most ${bitrate(highest)} in the last minute`);
  }
}

// Labelled figures. Where there is no room for them, they are folded up, unless they are needed.
export class Facts {
  constructor(about, room = isWide) {
    this.room = room;
    this.isNeeded = false;
    this.list = make("dl", "facts");
    this.root = make("details", "figures", make("summary", "", "Figures", make("span", "unseen", ` of ${about}`)), this.list);
    this.entries = new Map();
    this.fit();
    for (const width of new Set([isWide, room])) width.addEventListener("change", () => this.fit());
  }

  fit() {
    this.root.open = this.room.matches || (this.isNeeded && isWide.matches);
  }

  // What a person has unfolded stays so until this changes.
  need(isNeeded) {
    if (this.isNeeded === isNeeded) return;
    this.isNeeded = isNeeded;
    this.fit();
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
