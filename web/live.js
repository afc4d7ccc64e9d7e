// Supplies a page with snapshots: one event stream per browser, else polling.
// Browsers open six connections per origin at HTTP/1.1: pages elect a leader, which holds the stream.

const ELECTION = 150; // ms for a leader's answer
const BEAT = 3000;
const SILENCE = 7000; // a follower takes over
const QUIET = 35000; // two heartbeats: dead
const FIRST = 9000; // a silent stream is held back
const POLL = 5000;
const RETRY = 30000;
const RESTART = 3000;

/** Call `receive(snapshot, delay)`, `contact(isUp)` on a change; return what renews a stream. */
export function follow(query, receive, contact) {
  const id = Math.random();
  const timers = {};
  let role = "off", errors = 0, heard = 0, isUp = null, channel, source, last, seen;

  const after = (name, delay, action) => {
    clearTimeout(timers[name]);
    if (action) timers[name] = setTimeout(action, delay);
  };
  const say = (kind, more) => channel?.postMessage({ kind, id, ...more });
  const announce = () => say("here", { isUp, last, heard, since: performance.now() - heard });
  const reach = (up) => {
    if (up !== isUp) contact((isUp = up));
  };
  const take = (snapshot, since = 0) => {
    last = snapshot;
    heard = performance.now() - since;
    reach(true);
    receive(snapshot, since);
  };

  function lead() {
    role = "leader";
    stream();
    beat();
  }
  function beat() {
    announce();
    after("beat", BEAT, beat);
  }
  function stream() {
    source?.close();
    source = new EventSource(`events${query}`);
    after("guard", FIRST, poll);
    source.onmessage = (event) => {
      alive();
      take(JSON.parse(event.data));
      announce();
    };
    source.addEventListener("alive", alive);
    source.addEventListener("gone", () => restart(RESTART / 3));
    source.onerror = () => {
      errors += 1;
      if (errors >= 3) return poll();
      request();
      restart(RESTART);
    };
  }
  function alive() {
    errors = 0;
    after("poll");
    after("guard", QUIET, stream);
  }
  function restart(delay) {
    source.close();
    after("guard", delay + Math.random() * 300, stream);
  }
  function poll() {
    restart(RETRY);
    (function again() {
      request();
      after("poll", POLL, again);
    })();
  }
  async function request() {
    try {
      const answer = await fetch(`flow.json${query}`, { cache: "no-store" });
      const snapshot = await answer.json();
      if (role === "leader" && answer.ok) take(snapshot);
      else reach(answer.ok);
    } catch {
      reach(false);
    }
    if (role === "leader") announce();
  }

  function elect() {
    role = "candidate";
    say("who");
    after("elect", channel ? ELECTION : 0, lead);
  }
  function obey(wait = SILENCE) {
    if (role === "leader") halt();
    role = "follower";
    after("elect", wait + Math.random() * 300, elect);
  }
  function halt() {
    source?.close();
    for (const name in timers) after(name);
  }
  function listen({ data }) {
    if (data.kind === "who") {
      if (role === "leader") announce();
    } else if (data.kind === "bye") {
      if (role === "follower") obey(0);
    } else if (role === "leader" && id < data.id) {
      announce(); // smaller id stays
    } else {
      obey();
      const mark = `${data.id} ${data.heard}`;
      if (data.last && mark !== seen) take(data.last, data.since);
      seen = mark;
      if (data.isUp !== null) reach(data.isUp);
    }
  }

  function start() {
    if (role !== "off" || document.hidden) return;
    try {
      channel = new BroadcastChannel(new URL(`events${query}`, document.baseURI));
      channel.onmessage = listen;
    } catch {
      channel = null; // own stream
    }
    elect();
  }
  function stop() {
    if (role === "leader") say("bye");
    role = "off";
    halt();
    channel?.close();
  }
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : start()));
  addEventListener("pagehide", stop);
  addEventListener("pageshow", start);
  const renew = () => role === "leader" && stream();
  addEventListener("online", renew);
  start();
  return renew;
}
