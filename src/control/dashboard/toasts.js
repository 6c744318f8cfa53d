// What came of something, for a moment; what went wrong, until it was read.

import { Icon, button, byId, make, setTone } from "./dom.js";
import { plain } from "./words.js";

const SHOWN_FOR = 6000;

export function say(text, tone = "ok") {
  const icon = new Icon();
  icon.update(tone);
  // Which file it was is in the list of what has happened.
  const toast = make("div", "toast", icon.root, make("p", "", plain(text.replace(/: \S+\.toml$/, ""))));
  setTone(toast, tone);
  // The last good news is enough.
  for (const other of byId("toasts").querySelectorAll('[data-tone="ok"]')) other.remove();
  if (tone === "bad") {
    const close = button("Close", "", () => toast.remove());
    toast.append(close);
  } else {
    setTimeout(() => toast.remove(), SHOWN_FOR);
  }
  byId("toasts").append(toast);
}
