// What has happened, the newest first: forkcast sends it as it happens, and is asked where it cannot.

import { send } from "./api.js";
import { Icon, arrange, byId, isWide, make, marked, setTone, show } from "./dom.js";
import { Listeners } from "./listeners.js";
import { many, plain, sentence } from "./words.js";

// How many are shown at first, and how many more with each press of the button; and the most that are kept on the page.
const EVENTS_AT_ONCE = 10;
const EVENTS_KEPT = 500;
// How often forkcast is asked while it cannot send, and how often it is tried whether it can.
const EVENTS_EVERY = 5000;
const STREAM_TRIED_EVERY = 30_000;
const COME_BACK = 1000;

const SEVERITIES = { info: ["off", "info"], warning: ["warn", "warning"], error: ["bad", "error"] };
const CAME_IN = ["publish_started", "publisher_returned"];
// What is good news has its own colour.
const GOOD = ["destination_live", "destination_recovered", ...CAME_IN];
const REFUSED = "publish_refused";
const FILES_READ = "configuration_read";
// What happens within this time is of one piece.
const ONE_MOMENT = 2000;

class EventList {
  constructor() {
    this.root = byId("events");
    this.list = this.root.querySelector("ol");
    this.more = this.root.querySelector("button");
    this.shown = EVENTS_AT_ONCE;
    // The newest first.
    this.events = [];
    // By the numbers of the events that stand in them.
    this.lines = new Map();
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
    return this.events.length ? this.events[0].id : 0;
  }

  // In any order, and again: each is there once. Gives those that are new.
  add(events) {
    const known = new Set(this.events.map(({ id }) => id));
    const added = events.filter(({ id }) => !known.has(id));
    if (!added.length) return added;
    this.events = [...added, ...this.events].sort((a, b) => b.id - a.id).slice(0, EVENTS_KEPT);
    this.draw();
    return added;
  }

  // The newest of these kinds.
  last(kinds) {
    return this.events.find(({ kind }) => kinds.includes(kind));
  }

  draw() {
    const groups = folded(this.events).map((group) => [String(group.map(({ id }) => id)), group]);
    this.lines = new Map(groups.map(([ids, group]) => [ids, this.lines.get(ids) || eventLine(group)]));
    const lines = [...this.lines.values()];
    arrange(this.list, lines);
    lines.forEach((line, index) => show(line, index < this.shown));
    show(this.root, lines.length > 0);
    show(this.more, lines.length > this.shown);
  }
}

// What comes of one thing that was done is told in several steps: the last one stands for all of them.
function folded(events) {
  const groups = [];
  for (const event of events) {
    if (event.kind === FILES_READ && event.message.endsWith("nothing has changed")) continue;
    const group = groups.at(-1);
    if (group && belong(group, event)) group.push(event);
    else groups.push([event]);
  }
  // That files were read says less than what was in them.
  return groups.map((group) => [...group.filter(({ kind }) => kind !== FILES_READ), ...group.filter(({ kind }) => kind === FILES_READ)]);
}

function belong(group, event) {
  const about = group.find(({ kind }) => kind !== FILES_READ) || event;
  const isSame = event.kind === FILES_READ || about.kind === FILES_READ
    || (event.destination && event.destination === about.destination && event.stream === about.stream);
  const isOneMoment = Date.parse(group[0].time) - Date.parse(event.time) < ONE_MOMENT;
  return isSame && isOneMoment && [...group, event].every(({ severity }) => severity === "info");
}

function eventLine([{ time, severity, kind, message, hint }, ...steps]) {
  const [tone, word] = SEVERITIES[severity] || ["warn", severity];
  const icon = new Icon();
  const line = make("li", "", icon.root);
  const shownTone = GOOD.includes(kind) ? "ok" : tone;
  icon.update(shownTone);
  setTone(line, shownTone);
  line.append(make("p", "about", momentOf(time), " ", make("span", "severity", word)), make("p", "message", plain(message)));
  if (hint) line.append(make("p", "hint", ...marked(sentence(hint))));
  if (steps.length) {
    const told = steps.map((step) => make("p", "", momentOf(step.time), " ", plain(step.message)));
    line.append(make("details", "steps", make("summary", "", `and ${many(steps.length, "step", "steps")} before`), ...told));
  }
  return line;
}

function momentOf(time) {
  const moment = make("time", "", eventTime(new Date(time)));
  moment.dateTime = time;
  return moment;
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
    // By how much the relay's clock is ahead of the browser's.
    this.ahead = 0;
    this.listeners = new Listeners({
      lead: () => this.listen(),
      stop: () => this.stop(),
      // Before the other one began something may have happened.
      follow: () => this.ask(),
      take: (events) => this.list.add(events),
    });
    // A browser has few connections for all its windows: one that nobody looks at leaves its own to others.
    document.addEventListener("visibilitychange", () => this.look());
    this.look();
  }

  async look() {
    if (document.hidden) {
      this.listeners.leave();
      return;
    }
    await this.ask();
    this.listeners.join();
  }

  stop() {
    if (this.listening) this.listening.abort();
    this.listening = null;
    clearTimeout(this.asking);
  }

  add(events) {
    this.listeners.share(this.list.add(events));
  }

  // The last encoder that was refused, where none has come in since: how long ago, and the event.
  refusal() {
    const last = this.list.last([REFUSED, ...CAME_IN]);
    if (!last || last.kind !== REFUSED) return null;
    return { event: last, secondsAgo: (Date.now() + this.ahead - Date.parse(last.time)) / 1000 };
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
    else if (fields.has("data")) this.add([JSON.parse(fields.get("data"))]);
  }

  poll() {
    this.stop();
    this.asking = setTimeout(async () => {
      await this.ask();
      if (!this.listeners.isLeading()) return;
      if (performance.now() - this.tried > STREAM_TRIED_EVERY) this.listen();
      else this.poll();
    }, EVENTS_EVERY);
  }

  async ask() {
    try {
      const answer = await send("api/events?limit=100");
      if (!answer.ok) return;
      this.ahead = Date.parse(answer.headers.get("date")) - Date.now() || 0;
      this.add((await answer.json()).events);
    } catch {
      // The page says already that nobody answers, and it is asked again.
    }
  }
}
