// What has happened, the newest first: forkcast sends it as it happens, and is asked where it cannot.

import { send } from "./api.js";
import { Icon, arrange, byId, isWide, make, marked, setTone, show } from "./dom.js";
import { plain, sentence } from "./words.js";

// How many are shown at first, and how many more with each press of the button; and the most that are kept on the page.
const EVENTS_AT_ONCE = 10;
const EVENTS_KEPT = 500;
// How often forkcast is asked while it cannot send, and how often it is tried whether it can.
const EVENTS_EVERY = 5000;
const STREAM_TRIED_EVERY = 30_000;
const COME_BACK = 1000;

const SEVERITIES = { info: ["off", "info"], warning: ["warn", "warning"], error: ["bad", "error"] };
// What is good news has its own colour.
const GOOD = ["destination_live", "destination_recovered", "publish_started", "publisher_returned"];

class EventList {
  constructor() {
    this.root = byId("events");
    this.list = this.root.querySelector("ol");
    this.more = this.root.querySelector("button");
    this.shown = EVENTS_AT_ONCE;
    // By number, the newest first.
    this.events = [];
    this.root.open = isWide.matches;
    this.more.addEventListener("click", () => {
      const first = this.list.children[this.shown];
      this.shown += EVENTS_AT_ONCE;
      this.draw();
      // Who reads on with the keyboard is at the first that has come to light.
      if (this.more.hidden && first) {
        first.tabIndex = -1;
        first.focus();
      }
    });
  }

  newest() {
    return this.events.length ? this.events[0].event.id : 0;
  }

  // In any order, and again: each is there once.
  add(events) {
    const known = new Set(this.events.map(({ event }) => event.id));
    const added = events.filter(({ id }) => !known.has(id)).map((event) => ({ event, line: eventLine(event) }));
    if (!added.length) return;
    this.events = [...added, ...this.events].sort((a, b) => b.event.id - a.event.id).slice(0, EVENTS_KEPT);
    this.draw();
  }

  draw() {
    const lines = this.events.map(({ line }) => line);
    arrange(this.list, lines);
    lines.forEach((line, index) => show(line, index < this.shown));
    show(this.root, lines.length > 0);
    show(this.more, lines.length > this.shown);
  }
}

function eventLine({ time, severity, kind, message, hint }) {
  const [tone, word] = SEVERITIES[severity] || ["warn", severity];
  const icon = new Icon();
  const line = make("li", "", icon.root);
  const shownTone = GOOD.includes(kind) ? "ok" : tone;
  icon.update(shownTone);
  setTone(line, shownTone);
  const moment = make("time", "", eventTime(new Date(time)));
  moment.dateTime = time;
  line.append(make("p", "about", moment, " ", make("span", "severity", word)), make("p", "message", plain(message)));
  if (hint) line.append(make("p", "hint", ...marked(sentence(hint))));
  return line;
}

function eventTime(moment) {
  const time = moment.toLocaleTimeString();
  return moment.toDateString() === new Date().toDateString() ? time : `${moment.toLocaleDateString()} ${time}`;
}

export class EventFeed {
  constructor() {
    this.list = new EventList();
    this.listening = null;
    this.asking = null;
    this.tried = -Infinity;
    // A browser has few connections for all its tabs: one that nobody looks at leaves its own to others.
    document.addEventListener("visibilitychange", () => this.look());
    this.look();
  }

  async look() {
    this.stop();
    if (document.hidden) return;
    await this.ask();
    if (!document.hidden && !this.listening) this.listen();
  }

  stop() {
    if (this.listening) this.listening.abort();
    this.listening = null;
    clearTimeout(this.asking);
  }

  // By hand, since a browser's own EventSource shows no token.
  async listen() {
    this.stop();
    this.tried = performance.now();
    const listening = new AbortController();
    this.listening = listening;
    let isHeard = false;
    try {
      const answer = await send(`api/events/stream?after=${this.list.newest()}`, { signal: listening.signal });
      isHeard = answer.ok;
      if (isHeard) await this.read(answer.body.pipeThrough(new TextDecoderStream()).getReader());
    } catch {
      // Below it is seen how it goes on, and the page says already where nobody answers.
    }
    if (this.listening !== listening) return;
    // One that was heard and has ended is gone for a moment; one that was refused may only ask.
    if (isHeard) this.asking = setTimeout(() => this.listen(), COME_BACK);
    else this.poll();
  }

  async read(reader) {
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      text += value;
      const records = text.split("\n\n");
      text = records.pop();
      records.forEach((record) => this.take(record));
    }
  }

  // One record of server-sent events: lines of fields.
  take(record) {
    const fields = new Map(record.split("\n").map((line) => {
      const [name, ...rest] = line.split(": ");
      return [name, rest.join(": ")];
    }));
    if (fields.get("event") === "missed") this.ask();
    else if (fields.has("data")) this.list.add([JSON.parse(fields.get("data"))]);
  }

  poll() {
    this.stop();
    this.asking = setTimeout(async () => {
      await this.ask();
      if (document.hidden) return;
      if (performance.now() - this.tried > STREAM_TRIED_EVERY) this.listen();
      else this.poll();
    }, EVENTS_EVERY);
  }

  async ask() {
    try {
      const answer = await send("api/events?limit=100");
      if (answer.ok) this.list.add((await answer.json()).events);
    } catch {
      // The page says already that nobody answers, and it is asked again.
    }
  }
}
