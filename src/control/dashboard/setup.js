// Connecting an encoder: the two fields that it asks for.

import { copyButton } from "./copy.js";
import { button, byId, make, show } from "./dom.js";
import { createStream, newStreamKey } from "./streamkey.js";

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
    if (this.wasLive !== isLive) this.turn(isLive, status);
    const servers = status.servers.map((server) => withHost(server, status.certificates));
    const keys = status.streams.map((stream) => [stream.name, stream.key]);
    const said = JSON.stringify([servers, keys]);
    if (said === this.said) return;
    this.said = said;
    const fields = servers.map((server) => field("Server", server.url, server.url, server.note));
    if (!servers.length) fields.push(field("Server", "no listener is on: nobody can publish (see --rtmp and --rtmps)", null, ""));
    for (const [name, key] of keys) {
      const title = keys.length === 1 ? "Stream Key" : `Stream Key of ${name}`;
      if (!key) continue;
      const line = field(title, key.text, key.file, "", "Copy its path");
      line.lastChild.append(button("Make a new one", "", () => newStreamKey(name, this.wasLive)));
      fields.push(line);
    }
    this.fields.replaceChildren(...fields);
    show(this.root, true);
  }

  // Before the first publish it is the first thing to be read; later it is there for those who look for it.
  turn(isLive, status) {
    const isFirst = this.wasLive === null;
    const isNew = !isLive && status.streams.every((stream) => Object.keys(stream.transports).length === 0);
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

function field(title, text, toCopy, note, verb = "Copy") {
  const value = make("dd", "", make("code", "", text));
  if (toCopy) value.append(copyButton(verb, `${verb}: ${title}, ${toCopy}`, toCopy));
  if (note) value.append(make("span", "note", note));
  return make("div", "", make("dt", "", title), value);
}
