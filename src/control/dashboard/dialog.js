// Questions, and what comes of the answer.

import { button, catchFocus, identify, make, show, write, writeOrHide } from "./dom.js";
import { say } from "./toasts.js";
import { plain } from "./words.js";

export class Dialog {
  // `verb` is what the button says that does it; without one there is only something to be read.
  constructor(title, { verb = null, cancel = "Cancel", isDangerous = false, isLarge = false, isInsistent = false } = {}) {
    this.fields = new Map();
    // Does it: gives a sentence that says what was done, or `stay` where the dialog stays; throws a Refusal.
    this.act = async () => null;
    this.stay = Symbol("stay");
    this.isInsistent = isInsistent;
    this.heading = make("h2", "", title);
    this.body = make("div", "body");
    this.refusal = make("p", "refusal");
    this.refusal.setAttribute("role", "alert");
    show(this.refusal, false);
    this.buttons = make("div", "buttons");
    this.cancel = cancel && button(cancel, "", () => this.close());
    if (this.cancel) this.buttons.append(this.cancel);
    if (verb) {
      this.submit = make("button", isDangerous ? "danger" : "primary", verb);
      this.buttons.append(this.submit);
    }
    const form = make("form", "", this.heading, this.body, this.refusal, this.buttons);
    form.noValidate = true;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.root = make("dialog", isLarge ? "large" : "", form);
    this.root.setAttribute("aria-labelledby", identify(this.heading));
    this.root.addEventListener("close", () => this.end());
    // What is not read twice has no way back: Enter does nothing that cannot be mended.
    if (isDangerous && this.cancel) this.cancel.autofocus = true;
  }

  add(...parts) {
    for (const part of parts) this.body.append(part.root || part);
  }

  // A field that the API knows by this name.
  addField(name, field) {
    this.fields.set(name, field);
    this.add(field);
  }

  open() {
    document.body.append(this.root);
    this.root.showModal();
  }

  close() {
    this.isDone = true;
    this.root.close();
  }

  end() {
    if (this.isInsistent && !this.isDone) this.root.showModal();
    else this.root.remove();
    // The button that has opened it may be gone meanwhile.
    catchFocus();
  }

  async send() {
    const isComplete = [...this.fields.values()].reverse().map((field) => field.check()).every(Boolean);
    if (!this.submit || this.isBusy || !isComplete) return;
    this.setBusy(true);
    show(this.refusal, false);
    try {
      const done = await this.act();
      if (done === this.stay) return;
      this.close();
      if (done) say(done);
    } catch (refusal) {
      this.refuse(refusal);
    } finally {
      this.setBusy(false);
    }
  }

  setBusy(isBusy) {
    this.isBusy = isBusy;
    if (this.submit) this.submit.setAttribute("aria-disabled", isBusy);
    this.root.setAttribute("aria-busy", isBusy);
  }

  // What is wrong stands beside its field; what is about none of them, above the buttons.
  refuse({ message, field, problems = [] }) {
    const rest = [];
    const told = problems.length ? problems : [{ field, message }];
    for (const problem of [...told].reverse()) {
      const text = plain([problem.message, problem.hint].filter(Boolean).join(": "));
      const about = this.fields.get(problem.field);
      if (about && about.isShown()) about.refuse(text);
      else rest.unshift(text);
    }
    writeOrHide(this.refusal, rest.join(" "));
  }
}

// Asks before something is done that cannot be undone. `act` does it, and gives a sentence.
export function confirm(title, text, verb, act) {
  const dialog = new Dialog(title, { verb, isDangerous: true });
  dialog.add(make("p", "", text));
  dialog.act = act;
  dialog.open();
}

// Something that is shown once.
export function present(dialog, title, ...parts) {
  write(dialog.heading, title);
  dialog.body.replaceChildren();
  dialog.add(...parts);
  dialog.fields.clear();
  if (dialog.submit) dialog.submit.remove();
  dialog.submit = null;
  write(dialog.cancel, "Close");
  dialog.cancel.focus();
}
