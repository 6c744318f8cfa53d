// The token of a forkcast that others can reach. It is kept as long as this tab, and nowhere else.

import { make } from "./dom.js";
import { Dialog } from "./dialog.js";
import { Field } from "./form.js";

const KEPT = "forkcast-token";
// What a header can carry.
const POSSIBLE = /^[\x21-\x7e]+$/;

let asking = null;

export const token = () => sessionStorage.getItem(KEPT);

// Until there is another one than what was refused. Many requests may be refused at the same time: one question is for all.
export function askForToken(refused) {
  if (token() !== refused) return Promise.resolve();
  asking ||= question(refused !== null).finally(() => {
    asking = null;
  });
  return asking;
}

function question(wasRefused) {
  return new Promise((resolve) => {
    const field = new Field("Token", { type: "password", isRequired: true });
    const where = "It is in the file http-token of forkcast's state folder, or in FORKCAST_HTTP_TOKEN; forkcast says at its start where.";
    // Without it there is nothing to see: the dialog has no way out but this one.
    const dialog = new Dialog("This forkcast asks for its token", { verb: "Open", cancel: null, isInsistent: true });
    dialog.add(make("p", "", "Only whoever has it may look, and change something."), field);
    field.explain(where);
    dialog.act = async () => {
      const text = field.value();
      if (!POSSIBLE.test(text)) {
        field.refuse("This cannot be a token: it has letters and digits only.");
        return dialog.stay;
      }
      sessionStorage.setItem(KEPT, text);
      resolve();
      return null;
    };
    dialog.open();
    if (wasRefused) field.refuse("That is not the token: forkcast refuses it.");
  });
}
