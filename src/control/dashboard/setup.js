// Connecting an encoder: the two fields that it asks for.

import { copyButton } from "./copy.js";
import { button, byId, make, marked, show } from "./dom.js";
import { createStream, firstStreamKey, newStreamKey } from "./streamkey.js";
import { sentence } from "./words.js";

export class Setup {
  constructor() {
    this.root = byId("setup");
    this.fields = this.root.querySelector(".fields");
    this.said = "";
    this.wasLive = null;
    this.root.append(button("Create another stream, for a second encoder", "", createStream));
  }

  update(status) {
    const isLive = status.streams.some((stream) => stream.state !== "idle");
    const isNew = !isLive && status.streams.every((stream) => Object.keys(stream.transports).length === 0);
    if (this.wasLive !== isLive) this.turn(isLive, isNew);
    const servers = status.servers.map((server) => withHost(server, status.certificates));
    const keys = status.streams.map((stream) => [stream.name, stream.key]);
    const said = JSON.stringify([servers, keys, isNew]);
    if (said === this.said) return;
    this.said = said;
    const fields = servers.map((server) => field("Server", server.url, server.url, server.note));
    if (!servers.length) fields.push(field("Server", "no listener is on: nobody can publish (see --rtmp and --rtmps)", null, ""));
    for (const [name, key] of keys) {
      if (key) fields.push(this.keyField(name, keys.length === 1 ? "Stream Key" : `Stream Key of ${name}`, key, isNew));
    }
    const isLeft = this.fields.contains(document.activeElement);
    this.fields.replaceChildren(...fields);
    if (isLeft) this.root.querySelector("summary").focus();
    show(this.root, true);
  }

  // Where a key is kept is of no use to an encoder: before the first publish somebody needs one to paste.
  keyField(name, title, key, isNew) {
    const isMade = Boolean(key.file);
    const place = isMade
      ? make("span", "note", "The one that works now is in the file ", make("code", "", key.file), ", to be opened with an editor.")
      : make("span", "note", ...marked(`${sentence(key.text)}.`));
    const act = isNew && isMade
      ? button("Make a key and copy it", "primary", () => firstStreamKey(name))
      : button("Make a new one", "", () => newStreamKey(name, this.wasLive));
    act.append(make("span", "unseen", `: ${title}`));
    return make("div", "", make("dt", "", title), make("dd", "", act, place));
  }

  // Before the first publish it is the first thing to be read; later it is there for those who look for it.
  turn(isLive, isNew) {
    const isFirst = this.wasLive === null;
    this.wasLive = isLive;
    if (this.root.contains(document.activeElement)) return;
    if (isFirst || isLive) this.root.open = isNew;
    const streams = byId("streams");
    if (isNew) streams.before(this.root);
    else streams.after(this.root);
  }
}

// `HOST` is a name that the browser knows: for rtmp the one by which it came here, for rtmps the certificate's.
function withHost(server, certificates) {
  if (!server.includes("HOST")) return { url: server, note: "" };
  if (!server.startsWith("rtmps:")) {
    const here = location.hostname;
    const note = ["localhost", "127.0.0.1", "[::1]"].includes(here) ? "from another machine: this machine's name or address" : "";
    return { url: server.replace("HOST", here), note };
  }
  const name = certificates.flatMap((certificate) => certificate.names).find((name) => !name.includes("*"));
  return name ? { url: server.replace("HOST", name), note: "encrypted" } : { url: server, note: "encrypted; HOST is the name in your certificate" };
}

function field(title, text, toCopy, note) {
  const shown = make("code", "", text);
  const value = make("dd", "", shown);
  if (toCopy) value.append(copyButton("Copy", `Copy: ${title}, ${toCopy}`, toCopy, shown));
  if (note) value.append(make("span", "note", note));
  return make("div", "", make("dt", "", title), value);
}
