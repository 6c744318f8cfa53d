// What has happened, the newest first: forkcast sends it as it happens, and is asked where it cannot. Uses what dashboard.js has.
"use strict";

// How many are shown at first, and how many more with each press of the button; and the most that are kept on the page.
const EVENTS_AT_ONCE = 10;
const EVENTS_KEPT = 500;
// How often forkcast is asked while it cannot send, and how often it is tried whether it can.
const EVENTS_EVERY = 5000;
const STREAM_TRIED_EVERY = 30_000;

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
    for (const line of [...this.list.children]) if (!lines.includes(line)) line.remove();
    // What is in its place stays there: a selection or the focus in it too.
    lines.forEach((line, index) => {
      if (this.list.children[index] !== line) this.list.insertBefore(line, this.list.children[index] || null);
      show(line, index < this.shown);
    });
    show(this.root, lines.length > 0);
    show(this.more, lines.length > this.shown);
  }
}

function eventLine({ time, severity, kind, message, hint }) {
  const [tone, word] = SEVERITIES[severity] || ["warn", severity];
  const icon = new Icon(make("span", "icon"));
  const line = make("li", "", icon.root);
  const shownTone = GOOD.includes(kind) ? "ok" : tone;
  icon.update(shownTone);
  setTone(line, shownTone);
  const moment = make("time", "", eventTime(new Date(time)));
  moment.dateTime = time;
  line.append(make("p", "about", moment, " ", make("span", "severity", word)), make("p", "message", sentence(message)));
  if (hint) line.append(make("p", "hint", hint));
  return line;
}

function eventTime(moment) {
  const time = moment.toLocaleTimeString();
  return moment.toDateString() === new Date().toDateString() ? time : `${moment.toLocaleDateString()} ${time}`;
}

class EventFeed {
  constructor() {
    this.list = new EventList();
    this.source = null;
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
    if (!document.hidden && !this.source) this.listen();
  }

  stop() {
    if (this.source) this.source.close();
    this.source = null;
    clearTimeout(this.asking);
  }

  listen() {
    this.stop();
    this.tried = performance.now();
    this.source = new EventSource(`api/events/stream?after=${this.list.newest()}`);
    this.source.onmessage = ({ data }) => this.list.add([JSON.parse(data)]);
    this.source.addEventListener("missed", () => this.ask());
    this.source.onerror = () => {
      // While it tries again by itself it is left alone; where it was refused, it has given up.
      if (this.source.readyState === EventSource.CLOSED) this.poll();
    };
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
      const answer = await fetch("api/events?limit=100", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
      if (answer.ok) this.list.add((await answer.json()).events);
    } catch {
      // The page says already that nobody answers, and it is asked again.
    }
  }
}

new EventFeed();
