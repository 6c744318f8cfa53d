// Asks forkcast once a second how it is, and shows the answer.

import { askForDestination } from "./add.js";
import { Refusal, get } from "./api.js";
import { Configuration } from "./configuration.js";
import { Icon, SHAPES, announce, arrange, byId, catchFocus, make, setTone, show, write } from "./dom.js";
import { EventFeed } from "./events.js";
import { platforms } from "./platforms.js";
import { Setup } from "./setup.js";
import { Looks, onOnes, summary, troubles } from "./states.js";
import { StreamView } from "./stream.js";
import { token } from "./token.js";
import { duration, many, sentence } from "./words.js";

const EVERY = 1000;
const CERTIFICATE_DAYS = 30;
const TROUBLES_NAMED = 12;
// For so long it is said that an encoder was refused.
const REFUSAL_SECONDS = 60;

const REFUSED = / at (\S+) refused: (.*?)(?: \(and .* left out\))?$/;
const MARKS = { ok: "", off: "", warn: "⚠ ", bad: "✖ " };

class Head {
  constructor() {
    this.root = byId("summary");
    this.icon = new Icon(this.root.querySelector(".icon"));
    this.text = this.root.querySelector(".text");
  }

  update({ tone, text }) {
    setTone(this.root, tone);
    this.icon.update(tone);
    write(this.text, sentence(text));
    this.name(tone, text);
  }

  // The tab says it too, in words, with a mark and with a colour.
  name(tone, text) {
    const title = `${MARKS[tone]}${text} – forkcast`;
    if (document.title === title) return;
    document.title = title;
    const colour = { ok: "#2ea36a", warn: "#d99a1c", bad: "#d6453d", off: "#7b8591" }[tone];
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="${colour}" d="${(SHAPES[tone] || SHAPES.ok)[0]}"/></svg>`;
    byId("icon").href = `data:image/svg+xml,${encodeURIComponent(svg)}`;
  }
}

// Those that need somebody, by name: with many destinations they are far below.
class Troubles {
  constructor() {
    this.root = byId("troubles");
    this.said = "";
  }

  // `find` gives the heading of a destination's card.
  update(troubles, isOnly, find) {
    const lines = troubles.map(({ stream, name, look }) => [look.tone, stream, name]);
    const said = JSON.stringify([lines, isOnly]);
    show(this.root, lines.length > 0);
    if (this.said === said) return;
    this.said = said;
    const focused = this.root.contains(document.activeElement) ? document.activeElement.textContent : null;
    this.root.replaceChildren(...lines.slice(0, TROUBLES_NAMED).map(([tone, stream, name]) => {
      const icon = new Icon();
      icon.update(tone);
      const link = make("a", "", isOnly ? name : `${stream}/${name}`);
      link.href = `#${find(stream, name).id}`;
      link.addEventListener("click", (event) => {
        event.preventDefault();
        const title = find(stream, name);
        title.closest("li").scrollIntoView({ block: "center" });
        title.focus({ preventScroll: true });
      });
      const line = make("li", "", icon.root, link);
      setTone(line, tone);
      return line;
    }));
    if (lines.length > TROUBLES_NAMED) this.root.append(make("li", "", `and ${lines.length - TROUBLES_NAMED} more`));
    // Who is on one of them stays there.
    if (focused) [...this.root.querySelectorAll("a")].find((link) => link.textContent === focused)?.focus();
  }
}

class Page {
  constructor() {
    this.head = new Head();
    this.troubles = new Troubles();
    this.setup = new Setup();
    this.configuration = new Configuration();
    this.events = null;
    this.looks = new Looks();
    this.streams = new Map();
    this.states = null;
    this.uptime = 0;
    this.heard = null;
    this.version = null;
    this.first = null;
    this.isFirst = false;
    byId("first-step").querySelector("button").addEventListener("click", () => askForDestination(this.first));
  }

  // What cannot be shown must not leave an old picture standing as if it were true.
  take(status) {
    try {
      this.update(status);
    } catch (error) {
      console.error(error);
      this.lose("its answer is not understood, load this page again");
    }
  }

  update(status) {
    // Another version may have another page.
    if (this.version && this.version !== status.version) location.reload();
    this.version = status.version;
    // Another process counts anew.
    if (status.uptime_seconds < this.uptime) this.forget();
    const now = status.uptime_seconds;
    this.uptime = now;
    this.heard = new Date();
    show(byId("lost"), false);
    document.body.classList.remove("lost");

    this.looks.give(status.streams, now);
    this.head.update(summary(status.streams));
    this.setup.update(status);
    const isLeft = byId("first-step").contains(document.activeElement);
    this.begin(status);
    this.list(status.streams, now);
    if (isLeft && !this.isFirst) {
      // The browser would find out only later.
      document.activeElement.blur();
      catchFocus();
    }
    this.troubles.update(troubles(status.streams), status.streams.length === 1, (stream, name) => this.streams.get(stream).titleOf(name));
    this.refuse(status.streams);
    this.warn(status.certificates);
    write(byId("version"), `forkcast ${status.version}, running for ${duration(now)}`);
    this.tell(status.streams);
    // A link shows no token.
    show(byId("plain"), token() === null);
    this.configuration.look(status.streams.flatMap(onOnes));
    if (!this.events) {
      this.events = new EventFeed();
      // So that a dialog need not wait for them.
      platforms().catch(() => {});
    }
  }

  forget() {
    this.streams.clear();
    this.looks = new Looks();
  }

  // What a newcomer does first.
  begin({ first_step: step, streams }) {
    this.first = streams[0];
    this.isFirst = Boolean(step) && streams.flatMap(onOnes).every(({ state }) => state === "wrong");
    show(byId("first-step"), this.isFirst);
    write(byId("first-step").querySelector(".as-written"), sentence(step || ""));
  }

  list(streams, now) {
    const views = new Map(streams.map((stream) => [stream.name, this.streams.get(stream.name) || new StreamView(stream.name)]));
    for (const stream of streams) views.get(stream.name).update(stream, now, streams.length === 1, this.isFirst);
    this.streams = views;
    arrange(byId("streams"), [...views.values()].map(({ root }) => root));
  }

  // Which stream a refused encoder has meant is not known, unless it is said: one that waits for an encoder, most likely.
  refuse(streams) {
    const found = this.events && this.events.refusal();
    const isNew = found && found.secondsAgo < REFUSAL_SECONDS;
    const [, address, reason] = (isNew && REFUSED.exec(found.event.message)) || [];
    const waiting = streams.filter(({ state }) => state !== "live").map(({ name }) => name);
    for (const { name } of streams) {
      const named = reason && /stream `([^`]*)`/.exec(reason);
      const isMeant = reason && (named ? named[1] === name : waiting.includes(name) || !waiting.length);
      const refusal = isMeant ? { address, reason, secondsAgo: found.secondsAgo, isKeyWrong: /wrong stream key/.test(reason) } : null;
      this.streams.get(name).refuse(refusal);
    }
  }

  warn(certificates) {
    const soon = certificates.filter(({ days_left: days }) => days !== null && days <= CERTIFICATE_DAYS);
    const lines = soon.map(({ file, names, until, days_left: days }) => {
      const when = days < 0 ? `has run out on ${until}` : `runs out in ${many(days, "day", "days")}, on ${until}`;
      return [days < 0 ? "bad" : "warn", `certificate ${file} (${names.join(", ")}) ${when}: renew it`];
    });
    show(byId("certificates"), lines.length > 0);
    const said = JSON.stringify(lines);
    if (this.said === said) return;
    this.said = said;
    byId("certificates").replaceChildren(...lines.map(([tone, text]) => {
      const line = make("li", "notice", text);
      setTone(line, tone);
      return line;
    }));
  }

  // Spoken is what has changed, not what ticks.
  tell(streams) {
    const states = new Map();
    for (const { name: stream, destinations } of streams) {
      for (const { name, look } of destinations) states.set(`${stream} ${name}`, [name, look.label]);
    }
    const before = this.states;
    this.states = states;
    if (!before) return;
    const changed = [...states].filter(([id, [, label]]) => before.has(id) && before.get(id)[1] !== label);
    if (changed.length > 3) announce(`${changed.length} destinations changed`);
    else if (changed.length) announce(changed.map(([, [name, label]]) => `${name}: ${label}`).join(". "));
  }

  lose(why) {
    const lost = byId("lost");
    const since = this.heard ? ` What is shown is of ${this.heard.toLocaleTimeString()}.` : "";
    write(lost, `No connection to forkcast: ${why}. Is it running? This page tries again every second.${since}`);
    show(lost, true);
    document.body.classList.add("lost");
    this.head.update({ tone: "bad", text: "no connection" });
  }
}

// The status, or a text that says why there is none.
async function ask(path) {
  try {
    return await get(path);
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    return error.name === "TimeoutError" ? "it does not answer in time" : "nobody answers";
  }
}

// Until it is time, or something was done whose effect is to be seen.
let wake = () => {};
document.addEventListener("done", () => wake());

function pause(rest) {
  return new Promise((resolve) => {
    wake = resolve;
    setTimeout(resolve, Math.max(rest, 0));
  });
}

async function run() {
  const page = new Page();
  for (;;) {
    const begun = performance.now();
    // What was before is asked for once.
    const status = await ask(page.streams.size ? "api/status" : "api/status?minute=true");
    if (typeof status === "string") page.lose(status);
    else page.take(status);
    await pause(EVERY - (performance.now() - begun));
  }
}

run();
