// What is wrong with the files, and where.

import { get } from "./api.js";
import { Icon, byId, make, marked, setTone, show, write } from "./dom.js";
import { many, plain, sentence } from "./words.js";

const EVERY = 3000;

// What was last read of the files.
let known = [];

// What is wrong with one file.
export const problemsOf = (file) => known.filter(({ place }) => place === file);

export class Configuration {
  constructor() {
    this.root = byId("configuration");
    this.title = this.root.querySelector("h2");
    this.notes = this.root.querySelector(".notes");
    this.list = this.root.querySelector(".problems");
    this.said = "";
    this.asked = -Infinity;
    document.addEventListener("done", () => {
      this.asked = -Infinity;
    });
  }

  // As often as is enough for what a person edits, and at once where a file is wrong that was not. What is wrong with the file
  // of a destination is told there, too.
  async look(destinations) {
    this.files = new Set(destinations.map(({ file }) => file));
    const isNew = destinations.some(({ state, file, file_problem: problem }) => (state === "wrong" || problem) && !problemsOf(file).length);
    if (!isNew && performance.now() - this.asked < EVERY) return;
    this.asked = performance.now();
    try {
      this.update(await get("api/configuration"));
    } catch {
      // That nobody answers is said elsewhere.
    }
  }

  update({ problems, kept, needs_restart: restart }) {
    known = problems;
    const said = JSON.stringify([problems, kept, restart]);
    if (said === this.said) return;
    this.said = said;
    const mistakes = problems.filter((problem) => problem.is_mistake).length;
    const warnings = problems.length - mistakes;
    const isBad = mistakes > 0 || kept !== null;
    show(this.root, problems.length > 0 || kept !== null || restart.length > 0);
    setTone(this.root, isBad ? "bad" : "warn");
    const counts = [mistakes && many(mistakes, "mistake", "mistakes"), warnings && many(warnings, "warning", "warnings")].filter(Boolean);
    write(this.title, counts.length ? `Your files: ${counts.join(" and ")}` : "Your files");
    const notes = [];
    if (kept) notes.push(note("bad", plain(kept)));
    if (restart.length) notes.push(note("warn", plain(`${restart.join(", ")} in forkcast.toml ${restart.length === 1 ? "has" : "have"} changed: start forkcast again, and it counts.`)));
    this.notes.replaceChildren(...notes);
    const sorted = [...problems].sort((a, b) => b.is_mistake - a.is_mistake);
    this.list.replaceChildren(...sorted.map(problemLine));
    const isElsewhere = problems.some(({ is_mistake: isMistake, place }) => isMistake && !this.files.has(place));
    if (isElsewhere || kept !== null) this.root.open = true;
  }
}

function note(tone, text) {
  const line = make("p", "notice", text);
  setTone(line, tone);
  return line;
}

export function problemLine({ is_mistake: isMistake, place, line, column, message, excerpt, hint }) {
  const icon = new Icon();
  const tone = isMistake ? "bad" : "warn";
  icon.update(tone);
  const where = [place, line && `line ${line}`, line && `column ${column}`].filter(Boolean).join(", ");
  const item = make("li", "", icon.root, make("p", "where", where), make("p", "message", ...marked(isMistake ? sentence(message) : `Warning: ${message}`)));
  if (excerpt) item.append(make("pre", "", excerpt));
  item.append(make("p", "hint", ...marked(sentence(hint))));
  setTone(item, tone);
  return item;
}
