// A destination: how it fares, and what can be done about it.

import { Actions } from "./actions.js";
import { problemLine, problemsOf } from "./configuration.js";
import { Icon, button, identify, isRoomy, make, setTone, show, write, writeOrHide } from "./dom.js";
import { Facts, MINUTE, Rate } from "./figures.js";
import { orders } from "./orders.js";
import { count, duration, many, milliseconds, plain, quoted, sentence, size, withoutCipher } from "./words.js";

// From here on a figure is worth a look.
const LAG_NOTED_MS = 2000;
// Over less than this a share of what is left out says little: it comes in bursts.
const SHARE_OVER = 20;

// What is to be done about a state, where that is not said by the failure itself.
const REMEDIES = {
  parked: "It is tried again as soon as it changes, and when the next broadcast begins.",
  wrong: "Mend the file: it counts as soon as it is saved.",
};
const STALLING = {
  what: "Its server has stopped taking what is sent to it.",
  remedy: "Nothing to do if it stays the only time: after eight seconds forkcast connects anew. If it comes again, that server is overloaded, or your line is too slow for all destinations together.",
};
const SLOW = {
  one: "The line to it takes less than you send",
  all: "Your line takes less than all destinations together need",
  remedy: "Lower the bitrate in your encoder. More is in docs/troubleshooting.md, “It is connected and too slow”.",
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
// What a person can mend with other words in the same field.
const FILLED_IN_HERE = ["key", "url"];

export class DestinationCard {
  constructor(stream, name) {
    this.rate = new Rate(`bitrate to ${name}`);
    this.icon = new Icon();
    this.bits = make("span", "rate");
    this.state = make("p", "state");
    this.title = make("h3", "", name);
    // The list of those that need somebody leads here.
    this.title.tabIndex = -1;
    identify(this.title);
    this.reason = make("p", "reason");
    this.what = make("p", "what");
    this.remedy = make("p", "remedy");
    this.when = make("p", "when");
    this.failure = make("div", "failure", this.what, this.remedy, this.when);
    this.slow = make("div", "noted-box");
    this.file = make("p", "noted-box");
    this.problems = make("ul", "problems");
    this.problems.setAttribute("aria-label", `What is wrong with the file of ${name}`);
    this.limits = make("ul", "limits noted-box");
    this.limits.setAttribute("aria-label", `Limits of ${name} that the stream exceeds`);
    this.facts = new Facts(name, isRoomy);
    const can = orders(stream, name, () => HAS_CONNECTION.includes(this.now.state));
    this.again = button("Send again", "", can.restart);
    this.again.append(make("span", "unseen", `: ${name}`));
    this.actions = new Actions(name, {
      restart: ["Reconnect", can.restart],
      key: ["New key", () => can.newKey(this.now.platform)],
      stop: ["Stop", can.stop, true],
      end: ["End broadcast", can.end, true],
      leave: ["Leave it off", can.stop],
      remove: ["Remove", can.remove, true],
    });
    this.root = make("li", "card",
      make("div", "top", this.icon.root, this.title, this.bits, this.actions.toggle, this.state),
      this.failure, this.slow, this.reason, this.file, this.problems, this.limits,
      make("div", "actions at-hand", this.again), this.actions.row, this.rate.svg, this.facts.root);
    this.dropped = { total: 0, rose: -Infinity };
    // What was sent and left out so far, at each look of the last minute.
    this.counted = [];
  }

  update(destination, now) {
    this.now = destination;
    const { state, look } = destination;
    const isConnected = HAS_CONNECTION.includes(state);
    setTone(this.root, look.tone);
    this.icon.update(look.tone);
    write(this.state, sentence(look.words));
    this.rate.update(now, destination.sent_bytes, destination.minute);
    this.rate.draw();
    writeOrHide(this.bits, isConnected && state !== "held" ? this.rate.text() : "");
    show(this.rate.svg, isConnected || this.rate.isMoving());
    const problems = problemsOf(destination.file);
    writeOrHide(this.reason, [ownReason(destination, problems), REMEDIES[state]].filter(Boolean).join(" "));
    this.explainFile(destination, problems);
    this.fail(destination, isConnected);
    this.slowDown(look, now);
    this.exceed(destination.limits_exceeded);
    this.act(destination, problems);
    this.figure(destination, isConnected, now);
  }

  // What helps is at hand where something fails.
  act(destination, problems) {
    const { state, look, is_over: isOver } = destination;
    const isRunning = state !== "wrong";
    // In a file that is wrong elsewhere too, no key could be written.
    const mistakes = problems.filter((problem) => problem.is_mistake);
    const hasMistake = state === "wrong" || Boolean(destination.file_problem);
    const isKeyOfUse = !hasMistake || (mistakes.length > 0 && mistakes.every(({ field }) => FILLED_IN_HERE.includes(field)));
    show(this.again.parentElement, isOver);
    this.actions.offer([
      isRunning && !isOver && "restart",
      isKeyOfUse && "key",
      HAS_CONNECTION.includes(state) && "end",
      isRunning ? "stop" : "leave",
      "remove",
    ]);
    this.actions.need(look.tone);
    this.facts.need(!["ok", "off"].includes(look.tone));
  }

  fail({ state, look, last_error: error }, isConnected) {
    const isStalling = state === "stalling";
    show(this.failure, isStalling || Boolean(error));
    if (isStalling) {
      this.failure.classList.remove("past");
      write(this.what, STALLING.what);
      writeOrHide(this.remedy, STALLING.remedy);
    } else if (error) {
      // A session that is there has left it behind, also while the encoder is away.
      const isTryingFirst = state === "connecting" && look.tone !== "bad";
      const isPast = isConnected || isTryingFirst || look.tone === "ok" || look.tone === "off";
      this.failure.classList.toggle("past", isPast);
      write(this.what, isPast ? `earlier: ${quoted(error.message)}` : plain(error.message));
      writeOrHide(this.remedy, isPast ? "" : plain(error.hint));
    }
    writeOrHide(this.when, isStalling || !error ? "" : `${duration(error.seconds_ago)} ago, ${STAGES[error.stage] || error.stage}`);
  }

  // How much of the stream those who watch do not get.
  slowDown({ isSlow, areAllSlow }, now) {
    const { sent_messages: sent, dropped_messages: dropped } = this.now;
    // A counter that has gone back began anew.
    if (this.counted.length && sent < this.counted.at(-1).sent) this.counted = [];
    this.counted.push({ now, sent, dropped });
    while (this.counted[0].now < now - MINUTE) this.counted.shift();
    show(this.slow, Boolean(isSlow));
    if (!isSlow) return;
    const [first] = this.counted;
    const [passed, lost] = [sent - first.sent, dropped - first.dropped];
    const share = Math.ceil((100 * lost) / (passed + lost || 1));
    const left = now - first.now >= SHARE_OVER && lost ? `: ${share} % was left out in the last minute` : "";
    const text = `${areAllSlow ? SLOW.all : SLOW.one}${left}.`;
    if (this.slow.children.length === 0) this.slow.append(make("p"), make("p", "remedy", SLOW.remedy));
    write(this.slow.firstChild, text);
  }

  // With the line, where that is known already.
  explainFile({ file_problem: problem }, problems) {
    const shown = problem ? `Its file has a mistake, so it goes on as before${problems.length ? "." : `: ${quoted(problem)}`}` : "";
    writeOrHide(this.file, shown);
    show(this.problems, problems.length > 0);
    const said = JSON.stringify(problems);
    if (this.said === said) return;
    this.said = said;
    // Which file it is is said by the card, and a warning is short.
    this.problems.replaceChildren(...problems.map((one) => problemLine({ ...one, place: "its file", excerpt: one.is_mistake && one.excerpt })));
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
    this.facts.update("Dropped", total ? why || count(total) : destination.sessions ? "none" : "", { isNoted: Boolean(destination.look.isSlow), isWide: true });
    this.facts.update("Takes", destination.takes && sentence(destination.takes), { isWide: true });
    this.facts.update("Server", server && `${server}${connection && connection.is_backup ? ", the backup" : ""}`, { isWide: true });
    this.facts.finish();
  }
}

// A reason may repeat the failure, which is shown in full below it: then only what it adds.
function ownReason({ state, reason, is_over: isOver, last_error: error }, problems) {
  if (isOver) return "You ended it here. Your next broadcast is sent there again.";
  // What begins with a file's name is no sentence.
  if (state === "wrong") return problems.length ? "" : `${quoted(reason)}.`;
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
