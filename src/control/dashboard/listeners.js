// Which of this browser's windows listens to events for all of them. A browser has six connections to a server for all its
// windows, and one that listens keeps one of them: seven docks would wait for each other for ever.

const CHANNEL = "forkcast-events";
// How often the one that listens says so, and how long the others believe it.
const LEADS_EVERY = 2000;
const BELIEVED_FOR = 6000;
// How long whoever comes asks whether there is one, and the most that two who find out at once wait apart.
const ASKED_FOR = 200;
const APART = 300;

export class Listeners {
  // `lead` begins to listen, `stop` ends that, `follow` is told of another that does, and `take` gets what that has heard.
  constructor(does) {
    this.me = Math.random();
    this.does = does;
    this.leader = null;
    this.heard = -Infinity;
    this.channel = new BroadcastChannel(CHANNEL);
    this.channel.addEventListener("message", ({ data }) => this.hear(data));
    window.addEventListener("pagehide", () => this.leave());
    setInterval(() => this.look(), LEADS_EVERY);
  }

  isLeading() {
    return this.leader === this.me;
  }

  // Somebody looks at this window.
  join() {
    this.send("who");
    setTimeout(() => this.look(), ASKED_FOR + Math.random() * APART);
  }

  // Nobody does any more, or it closes.
  leave() {
    if (!this.isLeading()) return;
    this.leader = null;
    this.does.stop();
    this.send("leaves");
  }

  share(events) {
    if (this.isLeading() && events.length) this.send("heard", events);
  }

  send(word, events = []) {
    this.channel.postMessage({ from: this.me, word, events });
  }

  look() {
    if (this.isLeading()) this.send("leads");
    else if (!document.hidden && (this.leader === null || performance.now() - this.heard > BELIEVED_FOR)) this.begin();
  }

  begin() {
    this.leader = this.me;
    this.send("leads");
    this.does.lead();
  }

  hear({ from, word, events }) {
    if (word === "who" && this.isLeading()) this.send("leads");
    if (word === "heard") this.does.take(events);
    if (word === "leaves" && from === this.leader) {
      this.leader = null;
      setTimeout(() => this.look(), Math.random() * APART);
    }
    if (word === "leads") this.obey(from);
  }

  // Of two the one with the smaller number stays.
  obey(from) {
    if (this.isLeading() && this.me < from) {
      this.send("leads");
      return;
    }
    if (this.isLeading()) this.does.stop();
    const isOther = this.leader !== from;
    this.leader = from;
    this.heard = performance.now();
    if (isOther) this.does.follow();
  }
}
