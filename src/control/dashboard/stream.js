// A stream: what arrives, where it goes, and what can be done about it.

import { Actions } from "./actions.js";
import { askForDestination } from "./add.js";
import { order, path } from "./api.js";
import { DestinationCard, OffLine } from "./destination.js";
import { confirm } from "./dialog.js";
import { Icon, arrange, button, make, setTone, show, write, writeOrHide } from "./dom.js";
import { Facts, Rate } from "./figures.js";
import { perform } from "./orders.js";
import { rehearse } from "./preflight.js";
import { isOn, onOnes, streamLook } from "./states.js";
import { newStreamKey } from "./streamkey.js";
import { bitrate, count, decimal, duration, listed, many, quoted, sentence, size, withoutCipher } from "./words.js";

const CHANNELS = { 1: "mono", 2: "stereo", 6: "5.1", 8: "7.1" };

export class StreamView {
  constructor(name) {
    this.rate = new Rate(`bitrate of ${name}`);
    this.title = make("h2", "", name);
    this.title.tabIndex = -1;
    this.icon = new Icon();
    this.words = make("span");
    this.state = make("p", "state", this.icon.root, this.words);
    this.bits = make("span", "rate");
    this.facts = new Facts(`stream ${name}`);
    this.actions = new Actions(`stream ${name}`, this.orders(name));
    this.reopen = button("Let encoders in now", "primary", () => perform("POST", path(name, "reopen")));
    this.add = button("Add a destination", "", () => askForDestination(this.now));
    this.check = button("Check before air", "", () => rehearse(name));
    this.refused = make("p");
    this.another = button("Make a new stream key", "", () => newStreamKey(name, this.now.state !== "idle"));
    this.refusal = make("div", "noted-box", this.refused, this.another);
    show(this.refusal, false);
    const buttons = make("div", "actions", this.reopen, this.add, this.check);
    this.box = make("div", "stream", make("div", "top", this.title, this.bits, this.actions.toggle, this.state), this.refusal, this.rate.svg, this.facts.root, buttons, this.actions.row);
    this.cards = make("ul", "cards");
    this.cards.setAttribute("aria-label", `Destinations of ${name}`);
    this.offTitle = make("summary");
    this.offList = make("ul");
    this.off = make("details", "off-ones", this.offTitle, this.offList);
    this.root = make("section", "stream-and-more", this.box, this.cards, this.off);
    this.root.setAttribute("aria-label", `Stream ${name}`);
    this.destinations = new Map();
  }

  orders(name) {
    const have = (act) => async () => (await order("POST", path(name, act))).done;
    return {
      end: ["End the broadcast", () => confirm(
        "End the broadcast everywhere?",
        "Every destination is told that it is over. Your encoder is cut off, and kept out until it has not tried for a minute: stop it, too.",
        "End it now",
        have("end"),
      ), true],
      kick: ["Cut off the encoder", () => confirm(
        "Cut off the encoder?",
        "As if its connection had been lost: the destinations wait, and it may come back at once.",
        "Cut it off",
        have("kick"),
      ), true],
      key: ["New stream key", () => newStreamKey(name, this.now.state !== "idle")],
    };
  }

  // `isFirst` while nothing is set up, and the page says above how to begin.
  update(stream, now, isOnly, isFirst) {
    this.now = stream;
    const { publisher, state } = stream;
    // A name tells streams apart: where there is one, it says nothing.
    write(this.title, isOnly ? "Stream" : stream.name);
    const { tone, words } = streamLook(stream);
    setTone(this.box, tone);
    this.icon.update(tone);
    write(this.words, sentence(words));
    this.rate.update(now, stream.received_bytes, stream.minute);
    this.rate.draw();
    writeOrHide(this.bits, publisher ? this.rate.text() : "");
    show(this.rate.svg, Boolean(publisher) || this.rate.isMoving());
    show(this.reopen, stream.shut_for_ms !== null);
    show(this.add, !isFirst);
    show(this.check, onOnes(stream).length > 0);
    this.actions.offer([state !== "idle" && "end", publisher && "kick", "key"]);
    this.figure(stream);
    this.list(stream, now);
  }

  // An encoder that was not let in: its own words of that are often unclear, or nobody reads them.
  refuse(refusal) {
    show(this.refusal, Boolean(refusal));
    if (!refusal) return;
    const { address, reason, secondsAgo, isKeyWrong } = refusal;
    write(this.refused, `An encoder at ${address} was refused ${duration(Math.max(secondsAgo, 1))} ago: ${quoted(reason)}.`);
    show(this.another, isKeyWrong);
  }

  figure(stream) {
    const { publisher, video, audio } = stream;
    const codecs = [withProfile(stream.video_codec, video), withProfile(stream.audio_codec, audio)].filter(Boolean).join(" + ");
    this.facts.update("Codecs", publisher ? codecs || "not known yet" : "");
    this.facts.update("Picture", video && listed([
      video.width && `${video.width}×${video.height}`,
      video.frames_per_second && `${decimal(video.frames_per_second)} fps`,
      video.bits_per_second && bitrate(video.bits_per_second),
    ]));
    this.facts.update("Keyframes", video && keyframes(video));
    this.facts.update("Sound", audio && (audio.bits_per_second === 0 ? "none arrives" : listed([
      audio.sample_rate && `${decimal(audio.sample_rate / 1000)} kHz`,
      audio.channels && (CHANNELS[audio.channels] || `${audio.channels} channels`),
      audio.bits_per_second && bitrate(audio.bits_per_second),
    ])));
    this.facts.update("Received", publisher ? size(stream.received_bytes) : "");
    this.facts.update("Messages", publisher ? count(stream.received_messages) : "");
    this.facts.update("Key", publisher && publisher.name);
    this.facts.update("Encoder", publisher && publisher.address);
    this.facts.update("Transport", publisher && `${publisher.transport}, ${withoutCipher(publisher.tls || "not encrypted")}`);
    this.facts.finish();
  }

  // The heading of a destination's card.
  titleOf(name) {
    return this.destinations.get(name).title;
  }

  list(stream, now) {
    const views = new Map();
    for (const destination of stream.destinations) {
      const { name } = destination;
      const Kind = isOn(destination) ? DestinationCard : OffLine;
      const known = this.destinations.get(name);
      const view = known instanceof Kind ? known : new Kind(stream.name, name);
      view.update(destination, now);
      views.set(name, view);
    }
    const isLeft = [...this.destinations].some(([name, { root }]) => views.get(name)?.root !== root && root.contains(document.activeElement));
    this.destinations = views;
    const all = [...views.values()];
    const cards = all.filter((view) => view instanceof DestinationCard);
    const off = all.filter((view) => view instanceof OffLine);
    arrange(this.cards, cards.map(({ root }) => root));
    arrange(this.offList, off.map(({ root }) => root));
    // What had the focus is gone: it is not thrown back to the top of the page.
    if (isLeft) this.title.focus();
    show(this.cards, cards.length > 0);
    show(this.off, off.length > 0);
    write(this.offTitle, `${many(off.length, "destination is", "destinations are")} off`);
    // Where nothing else is there, there is nothing to be kept short.
    if (this.hadCards !== cards.length > 0) this.off.open = cards.length === 0;
    this.hadCards = cards.length > 0;
  }
}

function withProfile(codec, track) {
  return codec && [codec, track && track.profile, track && track.level].filter(Boolean).join(" ");
}

function keyframes({ keyframe_interval_seconds: last, longest_keyframe_interval_seconds: longest }) {
  if (longest === null) return "";
  if (last === null) return `none for ${decimal(longest)} s`;
  const isEven = decimal(longest) === decimal(last);
  return `every ${decimal(last)} s${isEven ? "" : `, up to ${decimal(longest)} s`}`;
}
