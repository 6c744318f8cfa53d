// Buttons that belong to something: those that are needed often at hand, the others behind one more.

import { button, identify, make, show } from "./dom.js";

export class Actions {
  // `offers` are [text, what it does, whether it ends something], by their names.
  constructor(about, offers) {
    this.buttons = new Map();
    this.isOpen = false;
    // The page itself has opened them.
    this.isOwnWill = false;
    this.isNeeded = false;
    this.row = make("div", "actions");
    this.row.setAttribute("role", "group");
    this.row.setAttribute("aria-label", `What can be done with ${about}`);
    for (const [name, [text, act, isDangerous]] of Object.entries(offers)) {
      const one = button(text, isDangerous ? "danger" : "", act);
      one.append(make("span", "unseen", `: ${about}`));
      this.buttons.set(name, one);
      this.row.append(one);
    }
    this.toggle = button("", "more", () => {
      this.isOwnWill = false;
      this.open(!this.isOpen);
    });
    const dots = make("span", "dots", "•••");
    dots.setAttribute("aria-hidden", "true");
    this.toggle.append(dots, make("span", "unseen", `Actions of ${about}`));
    this.toggle.setAttribute("aria-controls", identify(this.row));
    this.row.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      this.open(false);
      this.toggle.focus();
    });
    this.open(false);
  }

  open(isOpen) {
    this.isOpen = isOpen;
    show(this.row, isOpen);
    this.toggle.setAttribute("aria-expanded", isOpen);
  }

  // Opens by itself where something fails, and closes again when that is over: unless a person has opened it, or is on it.
  need(tone) {
    const isNeeded = tone === "bad" || (tone === "warn" && this.isNeeded);
    if (isNeeded && !this.isNeeded && !this.isOpen) {
      this.isOwnWill = true;
      this.open(true);
    }
    this.isNeeded = isNeeded;
    const isFocused = this.row.contains(document.activeElement) || this.toggle === document.activeElement;
    if (!isNeeded && this.isOwnWill && this.isOpen && !isFocused) {
      this.isOwnWill = false;
      this.open(false);
    }
  }

  // Those that make sense now.
  offer(names) {
    const offered = names.filter(Boolean);
    // Whoever is on one that makes no sense any more is not thrown back to the top of the page.
    if (this.row.contains(document.activeElement) && !offered.some((name) => this.buttons.get(name) === document.activeElement)) {
      this.toggle.focus();
    }
    for (const [name, one] of this.buttons) show(one, offered.includes(name));
    show(this.toggle, offered.length > 0);
  }
}
