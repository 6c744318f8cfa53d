// One labelled field of a form.

import { identify, make, show, write, writeOrHide } from "./dom.js";

export class Field {
  constructor(label, { type = "text", isRequired = false, options = null } = {}) {
    this.isRequired = isRequired;
    this.input = options ? make("select", "", ...options) : make("input");
    if (!options) this.input.type = type;
    this.input.autocomplete = "off";
    this.input.spellcheck = false;
    this.input.required = isRequired;
    this.name = make("label", "", label);
    this.name.htmlFor = identify(this.input);
    this.hint = make("p", "hint");
    this.refusal = make("p", "refusal");
    this.refusal.setAttribute("role", "alert");
    this.told = make("p", "told");
    this.told.setAttribute("role", "status");
    this.root = make("div", "field", this.name, this.input, this.refusal, this.told, this.hint);
    show(this.hint, false);
    show(this.told, false);
    show(this.refusal, false);
    this.input.setAttribute("aria-describedby", `${identify(this.refusal)} ${identify(this.hint)}`);
    this.input.addEventListener("input", () => this.accept());
  }

  // What was typed or pasted, without the spaces around it, which come with many a copy.
  value() {
    return this.input.value.trim();
  }

  explain(text) {
    writeOrHide(this.hint, text);
  }

  // What was done with what was typed; with buttons that do something about it.
  say(text, ...buttons) {
    show(this.told, Boolean(text));
    this.told.replaceChildren(text, ...buttons.flatMap((one) => [" ", one]));
  }

  relabel(label) {
    write(this.name, label);
  }

  isShown() {
    return !this.root.hidden;
  }

  refuse(text) {
    writeOrHide(this.refusal, text);
    this.input.setAttribute("aria-invalid", "true");
    this.input.focus();
  }

  accept() {
    show(this.refusal, false);
    this.input.removeAttribute("aria-invalid");
  }

  // Whether something can be sent.
  check() {
    this.accept();
    const isMissing = this.isShown() && this.isRequired && !this.value();
    if (isMissing) this.refuse("Fill this in.");
    return !isMissing;
  }
}
