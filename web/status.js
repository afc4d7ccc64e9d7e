// The status page: asks /health and /stats every five seconds while somebody looks.

const EVERY = 5000;
const BARS = 60; // five minutes
const $ = (id) => document.getElementById(id);
const rates = [];
let before = null;

const number = new Intl.NumberFormat(navigator.language, { maximumFractionDigits: 1 });
const seconds = (value) => {
  if (value == null) return "–";
  if (value < 120) return `${number.format(value)} s`;
  if (value < 7200) return `${number.format(value / 60)} min`;
  return value < 172800 ? `${number.format(value / 3600)} h` : `${number.format(value / 86400)} d`;
};
const clock = (ago) => (ago == null ? "–" : new Date(Date.now() - ago * 1000).toLocaleTimeString());

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

function table(target, rows, whenEmpty) {
  const body = target.tBodies[0];
  const empty = node("tr", node("td", whenEmpty, { colSpan: 4, className: "unknown" }));
  body.replaceChildren(...(rows.length ? rows.map((cells) => node("tr", cells)) : [empty]));
}

const LINKS = { closed: ["connected", "good"], half_open: ["being tried", "fair"], open: ["resting", "bad"] };

function link(gateway, it) {
  const [word, quality] = LINKS[it.state] ?? [it.state, "unknown"];
  const entries = document.createElement("dl");
  list(entries, [
    ["State", `${word}, for ${seconds(it.state_seconds)}`, quality],
    ["Next try in", it.retry_in_seconds === null ? "" : seconds(it.retry_in_seconds)],
    ["Reason", it.reason],
    ["Failures in a row", it.failures_in_row || ""],
    ["Address", it.address],
    ["Firmware", gateway.firmware ?? it.firmware],
    ["Identity", gateway.identity],
    ["Last answer", it.last_success_seconds === null ? "never" : `${seconds(it.last_success_seconds)} ago`],
    ["Session", it.session_age_seconds == null ? "" : `${seconds(it.session_age_seconds)} old`],
    ["Logins", it.logins],
    ["Logins refused", it.logins_refused || ""],
  ]);
  return node("article", [node("h3", `${gateway.id} · ${it.driver}`), entries]);
}

const rest = (it, path) => (it ? `${seconds(it.retry_in_seconds)}: ${it.reason.replace(`${path}: `, "")}` : "");

function source(it, resting) {
  const [word, quality] = !it.servable ? ["expired", "bad"] : it.age_seconds < it.ttl_seconds ? ["fresh", "good"] : ["stale", "fair"];
  const bar = node("meter", "", { min: 0, max: it.usable_seconds, high: it.ttl_seconds, optimum: 0, value: Math.min(it.age_seconds ?? it.usable_seconds, it.usable_seconds), ariaLabel: "age" });
  return [
    node("th", it.path, { scope: "row" }),
    node("td", [bar, seconds(it.age_seconds)]),
    node("td", word, { className: quality }),
    node("td", rest(resting[it.path], it.path)),
  ];
}

function draw(health) {
  const links = health.gateways.flatMap((gateway) => gateway.links.map((each) => [gateway, each]));
  const hasNone = health.age_seconds === null;
  $("headline").textContent = health.message;
  $("headline").className = hasNone ? (health.errors.length ? "bad" : "unknown") : health.status === "ok" ? "good" : "fair";
  $("version").textContent = `${health.version}, up ${seconds(health.uptime_seconds)}${health.memory_bytes ? `, ${number.format(health.memory_bytes / 1048576)} MiB` : ""}`;
  $("gateways").lastElementChild.replaceChildren(...(links.length ? links.map(([gateway, each]) => link(gateway, each)) : [node("p", "None is configured: set PW_HOST.")]));
  const resting = Object.assign({}, ...links.map(([, each]) => each.resting));
  const known = health.sources.map((it) => it.path);
  const silent = Object.keys(resting).filter((path) => !known.includes(path));
  table(
    $("sources"),
    [
      ...health.sources.map((it) => source(it, resting)),
      ...silent.map((path) => [node("th", path, { scope: "row" }), node("td", "–"), node("td", "not to be had", { className: "unknown" }), node("td", rest(resting[path], path))]),
    ],
    "Nothing has been asked for yet.",
  );
  table(
    $("errors"),
    health.errors.map((it) => [node("td", clock(it.last_seconds)), node("td", String(it.count)), node("td", it.path), node("td", `${it.error}: ${it.message.replace(`${it.path}: `, "")}`)]),
    "None.",
  );
  readings(health.readings);
  commands(health);
  traffic(health.traffic);
}

function readings(it) {
  list($("readings"), [
    ["Sources and sinks differ by", it.unbalanced_watts === null ? "–" : `${number.format(it.unbalanced_watts)} W`, it.is_unusual ? "fair" : ""],
    ["More goes out than comes in by", it.unserved_watts > 50 ? `${number.format(it.unserved_watts)} W` : "", "fair"],
    ["Home", it.load_watts < 0 ? `${number.format(it.load_watts)} W, below zero` : "", "fair"],
    ["Gateway's clock is off by", it.skew_seconds === null || Math.abs(it.skew_seconds) < 10 ? "" : seconds(Math.abs(it.skew_seconds)), "fair"],
  ]);
}

function commands({ control, commands: last = [] }) {
  const words = control ? (last.length ? "" : "Control is on. The last commands are shown to holders of the secret.") : "Control is off: PW_CONTROL_SECRET is not set.";
  $("commands").replaceChildren(words ? node("p", words) : node("ul", last.map((it) => node("li", `${clock(it.seconds)} ${it.what}: ${it.outcome} (${it.address})`))));
}

function traffic(it) {
  const total = Object.values(it.results).reduce((sum, count) => sum + count, 0);
  const share = (name) => (total ? `${Math.round((100 * (it.results[name] ?? 0)) / total)} %` : "");
  const now = performance.now() / 1000;
  if (before && it.requests >= before.requests) rates.push((it.requests - before.requests) / (now - before.now));
  before = { requests: it.requests, now };
  rates.splice(0, rates.length - BARS);
  const most = Math.max(1, ...rates);
  $("rate").replaceChildren(
    $("rate").firstElementChild,
    ...rates.map((rate, i) => {
      const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      const height = (38 * rate) / most;
      for (const [key, value] of Object.entries({ x: 5 * (i + BARS - rates.length), y: 40 - height, width: 4, height })) bar.setAttribute(key, value);
      return bar;
    }),
  );
  list($("traffic"), [
    ["Requests per second", rates.length ? number.format(rates.at(-1)) : "–"],
    ["Requests", number.format(it.requests)],
    ["Served fresh", share("fresh")],
    ["Served stale", share("stale")],
    ["Waited for the gateway", share("miss")],
    ["Failed", share("error")],
    ["Shared an exchange", number.format(it.coalesced)],
    ["Half are answered within", it.p50_seconds === null ? "" : `${number.format(it.p50_seconds * 1000)} ms`],
    ["95 of 100 within", it.p95_seconds === null ? "" : `${number.format(it.p95_seconds * 1000)} ms`],
    ["Under way", it.in_flight],
    ["Pages that listen", it.streams],
  ]);
}

async function settings({ origins, warnings }) {
  const answer = await fetch("stats");
  if (!answer.ok) return table($("settings"), [], "Shown only under a name that is known to be this machine's (PW_ALLOWED_HOSTS).");
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
    if (!$("settings").rows.length) await settings(health.settings);
  } catch {
    $("headline").textContent = "No contact with the proxy. What stands below is from before.";
    $("headline").className = "bad";
  }
  look.timer = setTimeout(look, EVERY);
}

document.addEventListener("visibilitychange", look);
look();
