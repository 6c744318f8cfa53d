// Stream keys, which an encoder shows to publish. They are made here, shown once, and never come back from forkcast.

import { order, path } from "./api.js";
import { copy, copyButton, select } from "./copy.js";
import { Dialog, present } from "./dialog.js";
import { make, write } from "./dom.js";
import { Field } from "./form.js";

// No characters that look like others, for whoever types it over.
const LETTERS = "abcdefghjkmnpqrstuvwxyz23456789";
const LENGTH = 32;

function makeKey() {
  let key = "";
  while (key.length < LENGTH) {
    for (const byte of crypto.getRandomValues(new Uint8Array(LENGTH))) {
      // Each letter is as likely as any other: what is left over of the numbers is not used.
      if (byte < 256 - (256 % LETTERS.length) && key.length < LENGTH) key += LETTERS[byte % LETTERS.length];
    }
  }
  return key;
}

function shown(key) {
  const text = make("code", "key", key);
  return make("div", "shown-once", text, copyButton("Copy", "Copy: the new stream key", key, text));
}

// What a newcomer needs: a key in the clipboard, and one more look at it.
export async function firstStreamKey(stream) {
  const dialog = new Dialog("Your stream key", { cancel: "Close" });
  const status = make("p", "", "Makes one …");
  status.setAttribute("role", "status");
  dialog.add(status);
  dialog.open();
  const key = makeKey();
  try {
    await order("POST", path(stream, "rotate-key"), { key });
  } catch (refusal) {
    status.remove();
    dialog.refuse(refusal);
    return;
  }
  const parts = shown(key);
  present(dialog, "Your stream key", status, parts,
    make("p", "hint", "It is shown only now. Lost? Make another one: an encoder that has this one can go on with it for 10 minutes."));
  const isCopied = await copy(key, dialog.cancel);
  if (!isCopied) select(parts.querySelector("code"));
  write(status, isCopied ? "It is copied. Paste it into your encoder, in the field Stream Key:" : "Copy it, and paste it into your encoder, in the field Stream Key:");
}

export function newStreamKey(stream, isLive) {
  const dialog = new Dialog("A new stream key", { verb: "Make a new key" });
  dialog.add(
    make("p", "", "Whoever has the stream key can go live on all your destinations. Make a new one when somebody else may know it."),
    make("p", "", `The old key works for 10 more minutes, so that you can change over.${isLive ? " Whoever is live stays live." : ""}`),
  );
  dialog.act = async () => {
    const key = makeKey();
    await order("POST", path(stream, "rotate-key"), { key });
    present(dialog, "Your new stream key",
      make("p", "", "Put it into your encoder. It is shown only now:"), shown(key),
      make("p", "", "The old key works for 10 more minutes."));
    return dialog.stay;
  };
  dialog.open();
}

export function createStream() {
  const dialog = new Dialog("Another stream", { verb: "Create it" });
  const name = new Field("Name", { isRequired: true });
  name.explain("Letters, digits, - _ and . It has a key and destinations of its own.");
  dialog.add(make("p", "", "For a second encoder with another programme, beside the first."));
  dialog.addField("name", name);
  dialog.act = async () => {
    const key = makeKey();
    await order("POST", "api/streams", { name: name.value(), key });
    present(dialog, `The stream key of ${name.value()}`,
      make("p", "", "Put it into the other encoder; the server is the same. It is shown only now:"), shown(key));
    return dialog.stay;
  };
  dialog.open();
}
