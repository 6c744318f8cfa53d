// A destination: how it fares, and what can be done about it.

import { Actions } from "./actions.js";
import { Icon, button, make, setTone, show, write, writeOrHide } from "./dom.js";
import { Facts, MINUTE, Rate } from "./figures.js";
import { orders } from "./orders.js";
import { bitrate, count, duration, many, milliseconds, plain, quoted, sentence, size, withoutCipher } from "./words.js";

// From here on a figure is worth a look.
const LAG_NOTED_MS = 2000;

// What is to be done about a state, where that is not said by the failure itself.
const REMEDIES = {
  parked: "It is tried again as soon as it changes, and when the next broadcast begins.",
  wrong: "Mend the file: it counts as soon as it is saved.",
};
// How far a connection came before it failed.
const STAGES = {
  resolve: "while its name was looked up",
  connect: "while connecting",
  tls: "in the TLS handshake",
  handshake: "in the RTMP handshake",
  rtmp_connect: "at RTMP's connect",
  publish: "at publish",
  sending: "while sending",
  ended_by_peer: "by its server",
};
const HAS_CONNECTION = ["delivering", "stalling", "held"];

export class DestinationCard {
  constructor(stream, name) {
    this.rate = new Rate(`bitrate to ${name}`);
    this.icon = new Icon();
    this.bits = make("span", "rate");
    this.state = make("p", "state");
    this.reason = make("p", "reason");
    this.what = make("p", "what");
    this.remedy = make("p", "remedy");
    this.when = make("p", "when");
    this.failure = make("div", "failure", this.what, this.remedy, this.when);
    this.file = make("p", "noted-box");
    this.limits = make("ul", "limits noted-box");
    this.limits.setAttribute("aria-label", `Limits of ${name} that the stream exceeds`);
    this.facts = new Facts(name);
    const can = orders(stream, name, () => HAS_CONNECTION.includes(this.now.state));
    this.actions = new Actions(name, {
      restart: ["Reconnect", can.restart],
      key: ["New key", () => can.newKey(this.now.platform)],
      stop: ["Stop", can.stop, true],
      end: ["End broadcast", can.end, true],
      remove: ["Remove", can.remove, true],
    });
    this.root = make("li", "card",
      make("div", "top", this.icon.root, make("h3", "", name), this.bits, this.actions.toggle),
      this.state, this.failure, this.reason, this.file, this.limits, this.actions.row, this.rate.svg, this.facts.root);
    this.dropped = { total: 0, rose: -Infinity };
  }

  update(destination, now) {
    this.now = destination;
    const { state, look, last_error: error } = destination;
    const isConnected = HAS_CONNECTION.includes(state);
    setTone(this.root, look.tone);
    this.icon.update(look.tone);
    write(this.state, sentence(look.words));
    this.rate.update(now, destination.sent_bytes);
    this.rate.draw();
    writeOrHide(this.bits, isConnected ? bitrate(this.rate.now()) : "");
    show(this.rate.svg, isConnected || this.rate.isMoving());
    writeOrHide(this.reason, [ownReason(destination), REMEDIES[state]].filter(Boolean).join(" "));
    const problem = destination.file_problem;
    writeOrHide(this.file, problem && `Its file has a mistake, so it goes on as before: ${quoted(problem)}`);
    this.fail(error, look.tone);
    this.exceed(destination.limits_exceeded);
    this.act(state, look.tone);
    this.figure(destination, isConnected, now);
  }

  // What helps is at hand where something fails.
  act(state, tone) {
    const isRunning = state !== "wrong";
    this.actions.offer([isRunning && "restart", "key", HAS_CONNECTION.includes(state) && "end", "stop", "remove"]);
    if (tone === this.tone) return;
    this.tone = tone;
    if (tone === "bad") this.actions.open(true);
  }

  fail(error, tone) {
    show(this.failure, Boolean(error));
    if (!error) return;
    const isPast = tone === "ok" || tone === "off";
    this.failure.classList.toggle("past", isPast);
    write(this.what, isPast ? `earlier: ${error.message}` : plain(error.message));
    writeOrHide(this.remedy, isPast ? "" : plain(error.hint));
    write(this.when, `${duration(error.seconds_ago)} ago, ${STAGES[error.stage] || error.stage}`);
  }

  // What a codec has to do with it is the reason why the destination is off.
  exceed(exceeded) {
    const lines = exceeded.filter(({ limit }) => limit !== "codec").map(({ message }) => sentence(message));
    show(this.limits, lines.length > 0);
    while (this.limits.children.length > lines.length) this.limits.lastChild.remove();
    while (this.limits.children.length < lines.length) this.limits.append(make("li"));
    lines.forEach((line, index) => write(this.limits.children[index], line));
  }

  figure(destination, isConnected, now) {
    const { dropped, connection } = destination;
    const tcp = isConnected && connection ? connection.tcp : null;
    const total = destination.dropped_messages;
    if (total > this.dropped.total) this.dropped = { total, rose: now };
    const reasons = [[dropped.skipped, "to reach a keyframe"], [dropped.picture, "of the picture"], [dropped.disposable, "disposable"]];
    const why = reasons.filter(([number]) => number).map(([number, reason]) => `${count(number)} ${reason}`).join(", ");
    const server = connection ? connection.server : destination.url;
    this.facts.update("Behind", isConnected ? milliseconds(destination.lag_ms) : "", { isNoted: destination.lag_ms > LAG_NOTED_MS });
    this.facts.update("Round trip", tcp ? milliseconds(tcp.round_trip_ms) : "");
    this.facts.update("Sent again", tcp ? many(tcp.retransmits, "packet", "packets") : "");
    this.facts.update("Sent", destination.sent_bytes ? size(destination.sent_bytes) : "");
    this.facts.update("Connected", destination.sessions ? many(destination.sessions, "time", "times") : "");
    this.facts.update("Encryption", connection && withoutCipher(connection.tls || "none"));
    this.facts.update("Dropped", total ? why || count(total) : destination.sessions ? "none" : "", { isNoted: now - this.dropped.rose < MINUTE, isWide: true });
    this.facts.update("Takes", destination.takes && sentence(destination.takes), { isWide: true });
    this.facts.update("Server", server && `${server}${connection && connection.is_backup ? ", the backup" : ""}`, { isWide: true });
    this.facts.finish();
  }
}

// A reason may repeat the failure, which is shown in full below it: then only what it adds.
function ownReason({ state, reason, last_error: error }) {
  // What begins with a file's name is no sentence.
  if (state === "wrong") return `${quoted(reason)}.`;
  if (!reason || !error) return reason && plain(reason);
  const rest = reason.replace(error.message, "").replace(error.hint, "").replace(/[;:\s]+$/, "");
  return rest && `${plain(rest)}.`;
}

function offReason({ reason, lacks }) {
  if (lacks.length) return `waits for its ${lacks.includes("url") ? "URL and key" : "key"}`;
  return reason === "`enabled = false`" ? "stopped" : plain(reason || "");
}

// One that is off: a line.
export class OffLine {
  constructor(stream, name) {
    const can = orders(stream, name, () => false);
    this.reason = make("span", "reason");
    this.start = button("Start", "", can.start);
    this.fill = button("Add its key", "", () => can.newKey(this.now.platform || name, this.now.lacks));
    this.key = button("New key", "", () => can.newKey(this.now.platform || name));
    const buttons = [this.fill, this.start, this.key, button("Remove", "danger", can.remove)];
    for (const one of buttons) one.append(make("span", "unseen", `: ${name}`));
    this.root = make("li", "", make("p", "", make("b", "", name), " ", this.reason), make("div", "actions", ...buttons));
  }

  update(destination) {
    this.now = destination;
    const isUnfinished = destination.lacks.length > 0;
    write(this.reason, offReason(destination));
    show(this.fill, isUnfinished);
    show(this.start, !isUnfinished);
    show(this.key, !isUnfinished);
  }
}
