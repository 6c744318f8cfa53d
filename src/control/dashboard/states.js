// What a state looks like, and what it is in words: of a destination, of a stream, of all together.

import { clock, count, countdown, duration, many, soon } from "./words.js";

// From here on a silent encoder is worth a look.
const SILENCE_NOTED_MS = 2000;
// For so long after something was left out a destination is too slow.
const SLOW_SECONDS = 60;
const TONES = ["off", "ok", "warn", "bad"];

const STATES = {
  delivering: ["ok", "delivering"],
  connecting: ["warn", "connecting"],
  stalling: ["bad", "its server takes nothing"],
  held: ["warn", "held: waits for the encoder"],
  waiting: ["warn", "not connected"],
  parked: ["bad", "stopped trying: it needs you"],
  wrong: ["bad", "its file has a mistake"],
  unsuitable: ["bad", "it does not take this codec"],
  idle: ["off", "ready: starts with the encoder"],
  off: ["off", "off"],
};

// Gives each destination its `look`: a tone, a label that stays while it is the same, and words that may count.
export class Looks {
  constructor() {
    // When each was last seen to deliver.
    this.delivered = new Map();
  }

  give(streams, now) {
    for (const stream of streams) {
      for (const destination of stream.destinations) {
        const id = JSON.stringify([stream.name, destination.name]);
        if (destination.state === "delivering") this.delivered.set(id, now);
        destination.look = this.of(destination, stream, now - (this.delivered.get(id) ?? -Infinity));
      }
      // What all of them lack is one line's, and not the platforms'.
      const delivering = stream.destinations.filter(({ state }) => state === "delivering");
      const areAllSlow = delivering.length > 1 && delivering.every(({ look }) => look.isSlow);
      for (const { look } of delivering) look.areAllSlow = areAllSlow;
    }
  }

  of(destination, stream, sinceDelivered) {
    const { state, last_error: error, retry_in_ms: retry, live_seconds: live, last_dropped_seconds_ago: dropped } = destination;
    const [tone, label] = STATES[state] || ["warn", state];
    if (destination.is_over) return { tone, label: "over for this broadcast", words: "over for this broadcast" };
    if (state === "delivering" && live !== null) {
      const isSlow = dropped !== null && dropped < SLOW_SECONDS;
      if (!isSlow) return { tone, label, words: `live for ${clock(live)}` };
      return { tone: "warn", label: "too slow", words: `live for ${clock(live)}, but pictures are left out`, isSlow };
    }
    // Between two tries, and while it tries again, it fails: to whoever watches there it is gone.
    const hasFailed = error && stream.state === "live" && error.seconds_ago <= sinceDelivered;
    const since = stream.on_air_seconds ?? 0;
    if (state === "connecting" && hasFailed && error.seconds_ago <= since) {
      return { tone: "bad", label: "not connected", words: "not connected: trying again now" };
    }
    if (state === "waiting") {
      const next = retry === null ? "when the encoder is back" : soon(retry);
      return { tone: hasFailed ? "bad" : tone, label, words: `${label}: next try ${next}` };
    }
    if (state === "idle" && stream.state === "live") {
      const words = destination.sessions ? "over for this broadcast: starts with the next one" : "ready: starts with the first picture";
      return { tone, label: words, words };
    }
    if (state === "idle" && stream.state === "held") {
      const words = "ready: starts when the encoder is back";
      return { tone, label: words, words };
    }
    return { tone, label, words: label };
  }
}

export function streamLook(stream) {
  const { state, publisher, hold_left_ms: left, shut_for_ms: shut, on_air_seconds: onAir } = stream;
  if (state === "held") {
    const rest = left === null ? "" : `: ends ${soon(left)} if it does not return`;
    return { tone: "warn", words: `the encoder is gone${rest}` };
  }
  if (!publisher) {
    if (shut !== null) return { tone: "warn", words: `you ended the broadcast: encoders are kept out for ${countdown(shut)}` };
    return { tone: "off", words: "waits for an encoder" };
  }
  const live = `live for ${clock(onAir === null ? publisher.seconds : onAir)}`;
  if (publisher.silent_ms <= SILENCE_NOTED_MS) return { tone: "ok", words: live };
  return { tone: "warn", words: `${live}, but nothing has come for ${duration(publisher.silent_ms / 1000)}` };
}

// Those that are meant to send, also where a person has ended this broadcast.
export const isOn = ({ state, is_over: isOver }) => state !== "off" || isOver;
export const onOnes = ({ destinations }) => destinations.filter(isOn);

// Those that need somebody, the worst first.
export function troubles(streams) {
  const all = streams.flatMap((stream) => stream.destinations.map((destination) => ({ stream: stream.name, ...destination })));
  const bad = all.filter(({ look }) => look.tone === "bad");
  return [...bad, ...all.filter(({ look }) => look.isSlow)];
}

// All in a sentence.
export function summary(streams) {
  const on = streams.flatMap(onOnes);
  const tones = on.map(({ look }) => look.tone);
  const worst = tones.reduce((worst, tone) => (TONES.indexOf(tone) > TONES.indexOf(worst) ? tone : worst), "off");
  const of = (wanted) => streams.filter(({ state }) => state === wanted);
  const [live, held] = [of("live"), of("held")];
  if (held.length && !live.length) return { tone: worst === "bad" ? "bad" : "warn", text: "the encoder is gone" };
  if (live.length) {
    const shows = [...live, ...held].flatMap(onOnes);
    const inShow = shows.filter(({ is_over: isOver }) => !isOver);
    const delivering = inShow.filter(({ state }) => state === "delivering").length;
    const slow = inShow.filter(({ look }) => look.isSlow).length;
    const none = shows.length ? "live, but you ended it on every destination" : "live, but no destination is on";
    const parts = [
      inShow.length ? `${count(delivering)} of ${count(inShow.length)} delivering` : none,
      slow && `${count(slow)} too slow`,
      held.length && "an encoder is gone",
    ];
    return { tone: worst === "off" ? "warn" : worst, text: parts.filter(Boolean).join(", ") };
  }
  const cannot = on.filter(({ state }) => state === "wrong" || state === "parked").length;
  if (cannot) return { tone: "bad", text: `${count(cannot)} of ${count(on.length)} cannot start` };
  return { tone: "off", text: on.length ? `ready: ${many(on.length, "destination", "destinations")}` : "no destination is on" };
}
