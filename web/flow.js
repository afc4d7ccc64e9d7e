// The power-flow page: receives snapshots, judges how old they are, draws and says them.

import { $, badge, caption, charge, drawn, label, note, place, power, present, table, text } from "./drawing.js";
import { ISLANDED, flows } from "./flows.js";
import { NODES } from "./layout.js";
import { follow } from "./live.js";
import { ago, clock, duration, inside, knows, meter, percent, phrase, say } from "./words.js";

const root = document.documentElement;
const options = root.dataset; // what the server read from the address and PW_STYLE
const reduced = matchMedia("(prefers-reduced-motion: reduce)");
if (window === top) options.alone = options.past ? "past" : "";
const meters = Object.fromEntries([...NODES, "edge"].map((name) => [name, meter(options.units)]));
const watts = (name, value) => meters[name](value).join("\u00a0");
const join = (parts, by = " · ") => parts.filter(Boolean).join(by);
const GRACE = 10; // seconds without data before the page reports a lost contact
const NAP = 5; // seconds that the clocks come apart when a laptop sleeps
const NOISE = 50; // watts at the grid that are none
const UNUSUAL = [...ISLANDED, "transition"];

let snapshot = null; // the latest one that has readings
let measuredAt = 0; // when they were measured, and when the link had this state: seconds of the page's clock
let link = null;
let linkAt = 0;
let isUp = null; // whether the server answers
let differing = 0; // snapshots in a row whose meters disagree
let condition; // the last one that was announced
let version;

const now = () => performance.now() / 1000;
const age = () => now() - measuredAt;
const time = () => clock(Date.now() - 1000 * age()); // of the readings

// ---- how things are --------------------------------------------------------------------------------

function freshness() {
  if (!snapshot) return "starting";
  const limit = 3 * Math.max(5, snapshot.ttl);
  if (snapshot.state === "expired" || age() > Math.max(limit, snapshot.limit)) return "expired";
  return age() > limit ? "stale" : "fresh";
}

/** The most urgent trouble, by its name in words.json; "" if all is well. */
function trouble(state) {
  const isLate = now() > GRACE;
  if (isUp === false || (isLate && isUp === null && !snapshot)) return "server";
  if (state === "fresh") return "";
  if (link && link.state !== "closed") return knows(link.cause) ? link.cause : "gateway";
  if (state === "stale" || (state === "starting" && !isLate)) return state;
  return "gateway";
}

/** What is old, and since when: at the head of all that is read aloud. */
const oldness = (state, reason) => (snapshot && (reason || state !== "fresh") ? say("as_of", time()) : "");

/** Write note and sentence, announce what changed, and stop all motion unless the readings are fresh. */
function judge() {
  const state = freshness();
  const reason = trouble(state);
  const grid = (state !== "expired" && snapshot?.grid_state) || "unknown";
  const isUnusual = UNUSUAL.includes(grid);
  Object.assign(options, { state: reason === "server" && state !== "expired" ? "lost" : state, grid });
  options.charge = (state !== "expired" && snapshot?.urgency) || "";
  options.still = options.motion === "off" || reduced.matches || document.hidden || options.state !== "fresh";

  const cause = reason === "stale" ? "" : reason && say(reason);
  const isGone = snapshot && state === "expired";
  const lasting = isGone ? say("since", cause, time()) : cause;
  const left = link?.state === "open" && link.retry_in !== null && state !== "fresh" ? link.retry_in - now() + linkAt : 0;
  const isOld = snapshot && reason && !isGone;
  const old = isOld && say("old", duration(age()));
  const phrases = isGone || !snapshot ? [] : isOld ? [ago(snapshot.phrases, age())] : snapshot.phrases.map(phrase);
  const retry = left > 0 && say("retry", duration(Math.max(1, left)));
  if (options.size === "compact" && snapshot && reason) note(isGone ? time() : old);
  else note(join([lasting, !isUnusual && old, retry, ...(isUnusual ? phrases : [])]) || snapshot?.name || "");
  text($("sentence"), join([join([lasting, retry], ", "), ...phrases], ". ").replace(/[^.]$/, "$&."));

  const current = `${reason === "starting" ? "" : reason} ${isUnusual ? grid : ""}`; // a start is no news, nor is its end
  if (condition !== undefined && condition !== current) {
    text($("news"), lasting || oldness(state, reason) || (isUnusual ? say(grid) : say("restored")));
  }
  condition = current;
  return { state, reason };
}

// ---- drawing ---------------------------------------------------------------------------------------

function draw() {
  const { state, reason } = judge();
  const shown = state === "expired" ? { soc: snapshot.soc, soc_app: snapshot.soc_app, has: {} } : snapshot;
  const flow = shown && flows(shown);
  if (shown?.edges) flow.edges = shown.edges; // several gateways, already added up
  const has = snapshot?.has ?? { solar: true, battery: true };
  const cars = shown?.ev ?? [];
  place({
    solar: has.solar, grid: true, home: true, battery: has.battery && options.style !== "solar",
    generator: shown?.generator > 50, vehicle: cars.length > 0,
  });
  power(flow?.edges ?? {}, options.still === "false");

  const readings = flow ?? shown ?? {};
  const values = {};
  const show = (node, value, reading, directions) => {
    const way = value > NOISE ? directions?.[0] : value < -NOISE ? directions?.[1] : "";
    const size = directions && value != null ? Math.abs(value) : value;
    values[node] = value == null ? (snapshot ? "–" : "…") : (flow?.derived === reading ? "≈" : "") + watts(node, size);
    label(node, values[node]);
    caption(node, join([say(node), way && say(way)]));
    if (way) values[node] += `, ${say(way)}`;
  };
  const isNoise = ISLANDED.includes(shown?.grid) || Math.abs(readings.site ?? NOISE) < NOISE;
  show("solar", readings.solar, "solar");
  show("grid", isNoise ? 0 : readings.site, "site", ["buying", "selling"]);
  show("home", readings.load, "load");
  show("battery", readings.battery, "battery", ["discharging", "charging"]);
  show("generator", shown?.generator);
  show("vehicle", cars.reduce((sum, each) => sum + each, 0));

  const battery = store(shown ?? {});
  const level = battery.charge === null ? "" : percent(battery.charge);
  const dated = level && state === "expired" && options.size !== "compact" ? say("at", level, time()) : level;
  charge(battery.levels, battery.reserve, dated);
  text($("packs"), battery.units.map((unit) => `${unit.name} ${percent(unit.level)}`).join("\n")); // shown under the pointer
  badge("services", shown?.grid_services);
  badge("alerts", shown?.attention, String(shown?.attention));
  if (!snapshot) return;
  const old = oldness(state, reason);
  describe(flow, values, battery, old);
  table(rows(shown, values, battery, state === "expired" ? say("at", level, time()) : level), join([old, say("flow")]));
  document.title = join([old, level, values.home !== "–" && values.home, snapshot.name]) || say("flow");
  text($("site"), snapshot.name || say("flow"));
  text($("mode"), snapshot.mode ? say(snapshot.mode) : "");
  const count = shown.alert_list?.length ?? 0;
  $("list").toggleAttribute("hidden", !count);
  text($("list").firstElementChild, `${say("alerts")}: ${shown.attention || count}`);
  if (!performance.getEntriesByName("first-flow").length) performance.mark("first-flow");
}

/** Charge, reserve and the levels of the units, in percent of the chosen scale. */
function store({ soc = null, soc_app = null, reserve_app: reserve = null, units: packs = [] }) {
  const isRaw = options.soc === "raw";
  const fromRaw = (raw) => (isRaw ? raw : Math.max(0, Math.min(100, (raw - 5) / 0.95)));
  const total = isRaw ? soc : soc_app;
  // The units are read less often than the charge: they show how it is spread.
  const mean = packs.reduce((sum, unit) => sum + unit.soc, 0) / packs.length;
  const scale = mean && soc !== null ? soc / mean : 1;
  const units = packs.map((unit) => ({ ...unit, level: fromRaw(unit.soc * scale) }));
  return {
    charge: total,
    reserve: isRaw && reserve !== null ? reserve * 0.95 + 5 : reserve,
    units,
    levels: units.length > 1 ? units.map((unit) => unit.level) : total === null ? [] : [total],
  };
}

/** Say the picture in sentences, and in its title if the meters contradict each other. */
function describe(flow, values, battery, old) {
  const apart = flow ? Math.abs(flow.in - flow.out) : 0;
  differing = flow && apart > Math.max(100, flow.in / 10, flow.out / 10) ? differing + 1 : 0;
  const gap = flow?.unserved > 50 ? flow.unserved : differing > 2 ? apart : 0;
  text($("title"), join([old, say("flow") + (gap ? ` – ${say("differ", watts("edge", gap))}` : "")]));

  const on = drawn();
  const sentences = present().map((node) => {
    const parts = on
      .filter(([, from]) => from === node)
      .sort(([one], [other]) => flow.edges[other] - flow.edges[one])
      .map(([edge, , to]) => `${watts("edge", flow.edges[edge])} ${say("to", inside(to))}`);
    return `${say(node)} ${values[node]}${parts.length ? ": " : ""}${parts.join(", ")}.`;
  });
  if (battery.charge !== null) sentences.push(`${say("charge")} ${percent(battery.charge)}.`);
  text($("desc"), join([old && `${old}.`, $("sentence").textContent, ...sentences], " "));
}

function rows({ mode, attention: alerts, grid_services: services, strings = [] }, values, battery, level) {
  const all = present().map((node) => [say(node), values[node]]);
  if (battery.charge !== null) all.push([say("charge"), level]);
  if (battery.reserve !== null) all.push([say("reserve"), percent(battery.reserve)]);
  if (mode) all.push([say("mode"), say(mode)]);
  if (services) all.push([say("services"), "✓"]);
  if (alerts) all.push([say("alerts"), String(alerts)]);
  if (!options.detail) return all;
  for (const node of present()) $(node).setAttribute("aria-label", `${say(node)} ${values[node]}`);
  for (const { name, level, power: value } of battery.units) {
    all.push([name, percent(level) + (value == null ? "" : `, ${watts("edge", value)}`)]);
  }
  for (const { name, power: value } of strings) all.push([`${say("string")} ${name}`, watts("edge", value)]);
  return all;
}

// ---- start -----------------------------------------------------------------------------------------

/** Take a snapshot that has been on its way for `waited` milliseconds. */
function receive(next, waited = 0) {
  if (version && next.version && next.version !== version) return location.reload(); // the proxy was updated
  version = next.version;
  link = next.link;
  linkAt = now() - waited / 1000;
  if (snapshot && ["none", "expired"].includes(next.state)) snapshot.state = "expired";
  else if (next.state !== "none") {
    snapshot = next;
    measuredAt = linkAt - next.age;
  }
  draw();
}

if (options.detail) {
  $("flow").setAttribute("role", "group");
  for (const name of NODES) for (const [key, value] of [["tabindex", 0], ["role", "img"]]) $(name).setAttribute(key, value);
}
const initial = JSON.parse($("snapshot").textContent);
if (initial) receive(initial);
else draw();
$("list").addEventListener("toggle", async () => (await import("./alerts.js")).fill($("list"), snapshot));
for (const [target, event] of [[reduced, "change"], [document, "visibilitychange"]]) target.addEventListener(event, draw);
new ResizeObserver(() => {
  draw();
  judge(); // the size is known now
}).observe($("flow"));
if (options.past && options.alone !== undefined) addEventListener("load", () => import("./today.js"));
if (options.kiosk) import("./kiosk.js");
const query = options.gateway ? `?gateway=${encodeURIComponent(options.gateway)}` : "";
const renew = follow(query, receive, (up) => {
  isUp = up;
  draw();
});
/** While a laptop sleeps the page's clock may stand still, and the stream dies unheard. The time of day goes on. */
const ahead = () => Date.now() / 1000 - now();
let gone = ahead();
setInterval(() => {
  const slept = ahead() - gone;
  gone += slept;
  if (slept > NAP) {
    measuredAt -= slept;
    linkAt -= slept;
    renew();
  }
  const before = options.state + options.still;
  judge();
  if (options.state + options.still !== before) draw();
}, 1000);
