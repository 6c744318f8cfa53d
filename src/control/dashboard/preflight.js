// Before air: every server is asked, side by side, whether a broadcast could begin there. Nothing is published.

import { order } from "./api.js";
import { Dialog } from "./dialog.js";
import { Icon, make, setTone, show, write } from "./dom.js";
import { problemLine } from "./configuration.js";
import { many, milliseconds, plain, withoutCipher } from "./words.js";

const COLUMNS = ["Destination", "Result", "Encryption", "Certificate", "Round trip"];

export function rehearse(stream) {
  const dialog = new Dialog("Check before air", { verb: "Check again", cancel: "Close", isLarge: true });
  const status = make("p");
  status.setAttribute("role", "status");
  const body = make("tbody");
  const head = make("tr", "", ...COLUMNS.map((column) => make("th", "", column)));
  for (const cell of head.children) cell.scope = "col";
  const table = make("table", "", make("thead", "", head), body);
  const problems = make("ul", "problems");
  dialog.add(status, table, problems);
  dialog.act = async () => {
    write(status, "Connects to every server, without going live; this takes ten seconds at the most …");
    body.replaceChildren();
    problems.replaceChildren();
    show(table, false);
    try {
      const found = await order("POST", "api/preflight", { stream });
      body.replaceChildren(...byUrgency(found.servers).map(row));
      problems.replaceChildren(...found.problems.map(problemLine));
      show(table, found.servers.length > 0);
      write(status, verdict(found.servers));
    } catch (refusal) {
      write(status, "");
      throw refusal;
    }
    return dialog.stay;
  };
  dialog.open();
  dialog.send();
}

function verdict(servers) {
  const failed = servers.filter((server) => !server.is_ready).length;
  if (!servers.length) return "No destination is on: there is nothing to check.";
  if (!failed) return `All is well: ${many(servers.length, "server is", "servers are")} ready.`;
  return `${failed} of ${many(servers.length, "server", "servers")} would not take your stream.`;
}

// What needs somebody first.
function byUrgency(servers) {
  const urgency = (server) => (!server.is_ready ? 0 : isDoubtful(server) ? 1 : 2);
  return [...servers].sort((a, b) => urgency(a) - urgency(b));
}

const isDoubtful = (server) => server.is_ready && server.text !== "ready";

// What was found, and below it what to do.
function result(icon, text) {
  const [found, ...remedy] = text.split(": ");
  const parts = make("div", "", make("p", "found", plain(found)));
  if (remedy.length) parts.append(make("p", "remedy", plain(remedy.join(": "))));
  return make("div", "result", icon.root, parts);
}

function row(server) {
  const icon = new Icon();
  const tone = !server.is_ready ? "bad" : isDoubtful(server) ? "warn" : "ok";
  icon.update(tone);
  const days = server.certificate_days_left;
  const cells = [
    make("td", "", make("b", "", server.destination), make("span", "server", `${server.url}${server.is_backup ? ", the backup" : ""}`)),
    make("td", "", result(icon, server.text)),
    make("td", "", server.tls ? withoutCipher(server.tls) : server.is_ready ? "none" : "–"),
    make("td", "", days === null ? "–" : `${many(days, "day", "days")} left`),
    make("td", "", server.round_trip_ms === null ? "–" : milliseconds(server.round_trip_ms)),
  ];
  cells.forEach((cell, index) => cell.setAttribute("data-label", COLUMNS[index]));
  const line = make("tr", "", ...cells);
  setTone(line, tone);
  return line;
}
