// The status page: loads /health every five seconds while it is visible, and /stats once, for the settings.

const EVERY = 5000;
const $ = (id) => document.getElementById(id);

const number = new Intl.NumberFormat(navigator.language, { maximumFractionDigits: 1 });
const seconds = (value) => {
  if (value == null) return "–";
  if (value < 1 && value > 0) return `${number.format(value * 1000)}\u00a0ms`;
  if (value < 120) return `${number.format(value)}\u00a0s`;
  if (value < 7200) return `${number.format(value / 60)}\u00a0min`;
  return value < 172800 ? `${number.format(value / 3600)}\u00a0h` : `${number.format(value / 86400)}\u00a0d`;
};
const watts = (value) => (value == null ? "–" : `${number.format(value)}\u00a0W`);
const clock = (ago) => (ago == null ? "–" : new Date(Date.now() - ago * 1000).toLocaleTimeString());
const without = (path, text) => text.replace(`${path}: `, "");

function node(name, content, properties) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...[content].flat());
  return made;
}

/** Fill a list with [name, value, quality?] entries; entries without a value are left out. */
function list(target, entries) {
  const shown = entries.filter(([, value]) => value !== undefined && value !== null && value !== "");
  target.replaceChildren(...shown.flatMap(([name, value, quality]) => [node("dt", name), node("dd", String(value), { className: quality ?? "" })]));
}

/** Fill a table. The roles are said because narrow screens lay rows out as boxes, which hides what they are. */
function table(target, rows, whenEmpty) {
  const empty = [node("td", whenEmpty, { colSpan: 6, className: "unknown" })];
  target.role = "table";
  target.tBodies[0].role = "rowgroup";
  target.tBodies[0].replaceChildren(
    ...(rows.length ? rows : [empty]).map((cells) => {
      for (const cell of cells) cell.role = cell.tagName === "TH" ? "rowheader" : "cell";
      return node("tr", cells, { role: "row" });
    }),
  );
}

const LINKS = { closed: ["connected", "good"], half_open: ["probing", "fair"], open: ["in cooldown", "bad"] };

const month = ({ reads, commands, budget, list_price_usd: usd }) =>
  `${number.format(reads + commands)}${budget ? ` of ${number.format(budget)}` : ""}, ${usd.toFixed(2)} USD at Tesla's list price`;
const pace = (it) =>
  it.interval_s === null ? "when the month's requests permit it" : `every ${seconds(it.interval_s)}${it.is_stretched ? ", so that the month's requests last" : ""}`;

function link(gateway, it) {
  const [word, quality] = LINKS[it.state] ?? [it.state, "unknown"];
  const logins = it.logins === undefined ? "" : `${it.logins_last_hour} in the last hour, ${it.logins} in all`;
  const entries = document.createElement("dl");
  list(entries, [
    ["State", `${word}, for ${seconds(it.state_seconds)}`, quality],
    ["Next attempt in", it.retry_in_seconds === null ? "" : seconds(it.retry_in_seconds)],
    ["Reason", it.reason],
    ["Failures in a row", it.failures_in_row || ""],
    ["Address", it.address],
    ["Firmware", gateway.firmware ?? it.firmware],
    ["Identity", gateway.identity],
    ["Last reply", it.last_success_seconds === null ? "never" : `${seconds(it.last_success_seconds)} ago`],
    ["Session", it.session_age_seconds == null ? "" : `${seconds(it.session_age_seconds)} old`],
    ["Logins", logins],
    ["Logins refused", it.logins_refused || "", "bad"],
    ["Sign-in", it.sign_in, it.sign_in === "required" ? "bad" : ""],
    ["Requests this month", it.requests && month(it.requests)],
    ["Powers are read", it.requests && pace(it), it.is_stretched ? "fair" : ""],
  ]);
  return node("article", [node("h3", `${gateway.id} · ${it.driver}`), entries]);
}

const rest = (it, path) => (it ? `${seconds(it.retry_in_seconds)}: ${without(path, it.reason)}` : "");

/** How old something is: to the middle while it is fresh, to the end while it may be served at all. */
function bar(age, ttl, usable) {
  const filled = document.createElement("i");
  const part = age === null ? 1 : age < ttl ? (0.5 * age) / ttl : 0.5 + (0.5 * (age - ttl)) / Math.max(usable - ttl, 1);
  filled.style.width = `${Math.min(100, 100 * part)}%`;
  return node("span", filled, { className: "bar", ariaHidden: "true" });
}

function source(it, resting) {
  const [word, quality] = !it.servable ? ["expired", it.outcome === "ok" ? "unknown" : "bad"] : it.age_seconds < it.ttl_seconds ? ["fresh", "good"] : ["stale", "fair"];
  return [
    node("th", it.path, { scope: "row" }),
    node("td", [node("span", bar(it.age_seconds, it.ttl_seconds, it.usable_seconds), { className: quality }), seconds(it.age_seconds)]),
    node("td", word, { className: quality }),
    node("td", it.outcome ?? "–", { className: it.outcome === "ok" ? "" : "fair" }),
    node("td", seconds(it.exchange_seconds)),
    node("td", rest(resting[it.path], it.path)),
  ];
}

const silent = (path, it) => [
  node("th", path, { scope: "row" }),
  node("td", "–"),
  node("td", "not available", { className: "unknown" }),
  node("td", ""),
  node("td", ""),
  node("td", rest(it, path)),
];

const error = (it) => [
  node("td", clock(it.last_seconds)),
  node("td", clock(it.first_seconds)),
  node("td", `${it.count} ×`),
  node("td", it.gateway),
  node("td", it.path),
  node("td", `${it.error}: ${without(it.path, it.message)}`),
];

/** Say how things are; aloud only when that is another thing than before, not when a reading is a second older. */
function headline(sentence, quality) {
  const line = $("headline");
  line.ariaLive = line.className === quality ? "off" : "polite";
  line.textContent = sentence;
  line.className = quality;
}

function draw(health) {
  const links = health.gateways.flatMap((gateway) => gateway.links.map((each) => [gateway, each]));
  const hasNone = health.age_seconds === null;
  headline(health.message, hasNone ? (health.errors.length ? "bad" : "unknown") : health.status === "ok" ? "good" : "fair");
  $("gateways").lastElementChild.replaceChildren(
    ...health.gateways.filter((gateway) => gateway.notice).map((gateway) => node("p", gateway.notice)),
    ...(links.length ? links.map(([gateway, each]) => link(gateway, each)) : [node("p", "No gateway is configured: set PW_HOST.")]),
  );
  const resting = Object.assign({}, ...links.map(([, each]) => each.resting));
  const known = health.sources.map((it) => it.path);
  const others = Object.entries(resting).filter(([path]) => !known.includes(path));
  table($("sources"), [...health.sources.map((it) => source(it, resting)), ...others.map((it) => silent(...it))], "No source has been requested yet.");
  table($("errors"), health.errors.map(error), "None.");
  readings(health.readings);
  commands(health);
  traffic(health.traffic);
  list($("process"), [
    ["Version", health.version],
    ["Uptime", seconds(health.uptime_seconds)],
    ["Memory", health.memory_bytes ? `${number.format(health.memory_bytes / 1048576)}\u00a0MiB` : ""],
  ]);
}

function readings(it) {
  const skew = it.skew_seconds === null ? "–" : Math.abs(it.skew_seconds) < 10 ? "right" : `${seconds(Math.abs(it.skew_seconds))} off`;
  list($("readings"), [
    ["Sources and sinks differ by", watts(it.unbalanced_watts), it.is_unusual ? "fair" : ""],
    ["Outflow exceeds inflow by", watts(it.unserved_watts), it.unserved_watts > 50 ? "fair" : ""],
    ["Home consumption", it.load_watts < 0 ? `${watts(it.load_watts)}, below zero` : watts(it.load_watts), it.load_watts < 0 ? "fair" : ""],
    ["Clock of the gateway", skew, Math.abs(it.skew_seconds) < 10 ? "" : "fair"],
  ]);
}

function commands({ control, writes }) {
  const words = !control ? "Control is off: PW_CONTROL_SECRET is not set." : writes.length ? "Control is on." : "Control is on. No command since the start.";
  const rows = writes.map((it) => node("li", `${clock(it.seconds)} ${it.settings.join(", ")}: ${it.outcome}`, { className: ["ok", "accepted"].includes(it.outcome) ? "" : "bad" }));
  $("commands").replaceChildren(node("p", words), ...(rows.length ? [node("ul", rows)] : []));
}

/** One bar for every five seconds of the last five minutes. */
function bars(counts) {
  const most = Math.max(1, ...counts);
  return counts.map((count, i) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const height = (46 * count) / most;
    const width = 300 / counts.length;
    for (const [key, value] of Object.entries({ x: width * i, y: 48 - height, width: width - 1, height })) made.setAttribute(key, value);
    return made;
  });
}

function traffic(it) {
  const { fresh = 0, revalidate = 0, stale = 0, miss = 0, error: failed = 0 } = it.results;
  const kinds = [
    ["Served fresh", fresh, "good"],
    ["Served stale", stale + revalidate, "fair"],
    ["Waited for the gateway", miss, "wait"],
    ["Failed", failed, "bad"],
  ];
  const total = kinds.reduce((sum, [, count]) => sum + count, 0);
  const figures = [
    ["requests/s now", number.format(it.requests_per_second)],
    ["in 5 minutes", number.format(it.requests_per_second_5_minutes)],
    ["half within", seconds(it.p50_seconds)],
    ["95 % within", seconds(it.p95_seconds)],
  ];
  $("figures").replaceChildren(...figures.map(([name, value]) => node("div", [node("dt", name), node("dd", value)])));
  $("rate").replaceChildren($("rate").firstElementChild, ...bars(it.requests_by_slot));
  $("shares").replaceChildren(
    ...kinds.filter(([, count]) => count).map(([, count, quality]) => {
      const part = node("i", "", { className: quality });
      part.style.flexGrow = count;
      return part;
    }),
  );
  list($("traffic"), [
    ...kinds.map(([name, count, quality]) => [name, total ? `${number.format((100 * count) / total)}\u00a0%` : "–", count && quality !== "wait" ? quality : ""]),
    ["Requests", number.format(it.requests)],
    ["In progress", it.in_flight],
    ["Waiting for the gateway", it.waiting],
    ["Coalesced", number.format(it.coalesced)],
    ["Event streams", it.streams],
  ]);
}

async function settings({ origins, warnings }) {
  const answer = await fetch("stats");
  if (!answer.ok) return table($("settings"), [], "Shown only under a host name of this machine (PW_ALLOWED_HOSTS).");
  const { config } = await answer.json();
  table($("settings"), Object.entries(config).map(([name, value]) => [node("th", name, { scope: "row" }), node("td", value), node("td", origins[name] ?? "default")]), "");
  $("warnings").replaceChildren(...warnings.map((warning) => node("li", warning)));
}

async function look() {
  clearTimeout(look.timer);
  if (document.hidden) return;
  try {
    const health = await (await fetch("health", { cache: "no-store" })).json();
    draw(health);
    if (!$("settings").tBodies[0].rows.length) await settings(health.settings);
  } catch {
    headline("The proxy cannot be reached. The data below is outdated.", "bad");
  }
  look.timer = setTimeout(look, EVERY);
}

document.addEventListener("visibilitychange", look);
look();
