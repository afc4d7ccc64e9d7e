// Supplies a page with snapshots: one event stream per browser, polling where streams do not pass.
// A browser opens six connections per origin at HTTP/1.1, so pages of one origin elect a leader over
// a BroadcastChannel; it alone holds the stream and forwards what it hears. Times in milliseconds.

const ASK = 150; // for a leader's answer
const BEAT = 3000; // of the leader
const SILENCE = 7000; // then a follower takes over
const QUIET = 35000; // two heartbeats of the server: the stream is dead
const FIRST = 9000; // a stream silent until then is held back by a proxy
const POLL = 5000;
const RETRY = 30000; // while polling, try the stream again
const RESTART = 3000;

/**
 * Call `receive(snapshot, since)` for every snapshot, `since` being the milliseconds it has been on
 * the way, and `contact(isUp)` when the server is lost or found. Pages with the same query share.
 */
export function follow(query, receive, contact) {
  const id = Math.random();
  const timers = {};
  let role = "off", errors = 0, heard = 0, isUp = null, channel, source, last, seen;

  const after = (name, delay, action) => {
    clearTimeout(timers[name]);
    if (action) timers[name] = setTimeout(action, delay);
  };
  const say = (kind, more) => channel?.postMessage({ kind, id, ...more });
  const tell = () => say("here", { isUp, last, heard, since: performance.now() - heard });
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
    errors = 0;
    stream();
    beat();
  }
  function beat() {
    tell();
    after("beat", BEAT, beat);
  }
  function stream() {
    source?.close();
    source = new EventSource(`events${query}`);
    after("guard", FIRST, poll);
    source.onmessage = (event) => {
      alive();
      take(JSON.parse(event.data));
      tell();
    };
    source.addEventListener("alive", alive);
    source.addEventListener("gone", () => restart(RESTART / 3));
    source.onerror = () => {
      errors += 1;
      if (errors >= 3) return poll();
      ask();
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
    const again = () => {
      ask();
      after("poll", POLL, again);
    };
    again();
  }
  async function ask() {
    try {
      const answer = await fetch(`flow.json${query}`, { cache: "no-store" });
      const snapshot = await answer.json();
      if (role === "leader" && answer.ok) take(snapshot);
      else reach(answer.ok);
    } catch {
      reach(false);
    }
    if (role === "leader") tell();
  }

  function elect() {
    role = "asking";
    say("who");
    after("elect", channel ? ASK : 0, lead);
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
      if (role === "leader") tell();
    } else if (data.kind === "bye") {
      if (role === "follower") obey(0);
    } else if (role === "leader" && id < data.id) {
      tell(); // of two leaders the smaller id stays
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
      channel = null; // a frame without access to storage: a stream of its own
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
  addEventListener("online", () => role === "leader" && stream());
  start();
}
