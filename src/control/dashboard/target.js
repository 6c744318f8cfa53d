// Where a destination sends, as a form asks for it: the server's URL and the stream key.

import { button, show } from "./dom.js";
import { Field } from "./form.js";

const ADDRESS = /^\w+:\/\//;
// Server, app and what goes on behind it.
const WHOLE = /^(rtmps?:\/\/[^/?#]+(?:\/[^/?#]+)+)\/([^/?#]+\/?(?:\?[^#]*)?)$/i;

export class Target {
  constructor(dialog) {
    this.dialog = dialog;
    this.url = new Field("Server URL");
    this.key = new Field("Stream key", { type: "password" });
    // A URL that goes on behind the app, and is meant so.
    this.asItIs = null;
    this.putBack = button("No, put it back", "link", () => this.join());
    this.key.input.addEventListener("input", () => this.key.say(""));
    dialog.addField("url", this.url);
    dialog.addField("key", this.key);
  }

  // Another platform, or the fields of one that is there already.
  fit(platform, { hasUrl, isUrlRequired, isKeyRequired }) {
    show(this.url.root, hasUrl);
    this.url.isRequired = isUrlRequired;
    this.key.isRequired = isKeyRequired;
    this.url.explain(platform && platform.url_from ? `You find it at ${platform.url_from}.` : "It begins with rtmp:// or rtmps://");
    this.key.explain(platform && platform.key_from ? `You find it at ${platform.key_from}.` : "");
  }

  // What was filled in; nothing where a person has to look at it once more, and the field says why.
  fields() {
    const [url, key] = [this.url.isShown() ? this.url.value() : "", this.key.value()];
    if (ADDRESS.test(key)) {
      this.key.refuse(this.url.isShown() ? "This is an address: it belongs into the field above." : "This is an address, and no key. Copy the field that is called “Stream key”.");
      return null;
    }
    if (url && !key && url !== this.asItIs && this.split(url)) return null;
    return { ...(url && { url }), ...(key && { key }) };
  }

  // Other programs show both in one line, and servers want them apart: done before the eyes of whoever pasted it.
  split(url) {
    const [, server, key] = WHOLE.exec(url) || [];
    if (!key) return false;
    this.whole = url;
    this.url.input.value = server;
    this.key.input.value = key;
    this.key.say(`The end of your URL stands here now, since it looks like the key. Is that right? Then press “${this.dialog.submit.textContent}” again.`, this.putBack);
    this.key.input.focus();
    return true;
  }

  join() {
    this.asItIs = this.whole;
    this.url.input.value = this.whole;
    this.key.input.value = "";
    this.key.say("");
    this.url.input.focus();
  }
}
