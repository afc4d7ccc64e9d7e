// /history: one day, week, month or year of the past, as charts and as a table of the same numbers.

import { chart, gaps, legend, make, table } from "./charts.js";
import { kilowattHours, plain, share, word, writer } from "./wording.js";
import { drawPowers, hourTicks, keyed, layers, read, readPowers } from "./past.js";

const $ = (id) => document.getElementById(id);
const RANGES = ["day", "week", "month", "year"];
const NAMES = ["one", "two", "three", "four", "five", "six"];
const DAY_S = 86400;
const state = { range: "day", from: null };
let shown = null; // what the charts show: redrawn when the window changes
let requests = 0;

const days = {};
const isNarrow = () => innerWidth < 560;

/** A day (2026-11-29) of the site. */
const dayOf = (at, zone) => (days[zone] ??= new Intl.DateTimeFormat("sv-SE", { timeZone: zone })).format(new Date(at * 1000));

function title(past) {
  const options = { day: { weekday: "short", day: "numeric", month: isNarrow() ? "short" : "long", year: "numeric" }, month: { month: "long", year: "numeric" }, year: { year: "numeric" } }[state.range];
  if (options) return writer(past.zone, options)(past.from + DAY_S / 2);
  const text = writer(past.zone, { day: "numeric", month: "short", year: "numeric" });
  return `${text(past.from)} – ${text(past.to - DAY_S / 2)}`;
}

async function load() {
  const mine = (requests += 1);
  const when = { range: state.range, ...(state.from && { from: state.from }) };
  for (const each of $("ranges").children) each.setAttribute("aria-pressed", each.value === state.range);
  try {
    const energies = read({ ...when, series: "none", step: state.range === "year" ? "month" : "day" });
    const powers = state.range === "day" ? readPowers({ ...when, step: 300 }) : read({ ...when, series: "charge,reserve", step: state.range === "week" ? 900 : state.range === "month" ? 3600 : "day" });
    const next = { energies: await energies, powers: await powers };
    if (mine !== requests) return;
    shown = next;
    $("trouble").hidden = shown.powers.at.length > 0 || shown.energies.energies.length > 0;
    $("trouble").textContent = word("none");
    show();
  } catch (error) {
    if (mine !== requests) return;
    $("trouble").hidden = false;
    $("trouble").textContent = word("failed", error.message);
  }
}

function show() {
  const { energies: { energies }, powers: past } = shown;
  $("span").textContent = title(past);
  document.title = `${word("history")} – ${$("span").textContent}`;
  $("simulated").hidden = !past.simulated;
  $("back").disabled = past.first === null || past.from <= past.first;
  $("on").disabled = past.to > past.now;
  $("csv").href = `history.csv?${new URLSearchParams({ range: state.range, from: dayOf(past.from + DAY_S / 2, past.zone), step: state.range === "day" ? 300 : "day" })}`;
  tiles(energies);
  const isDay = state.range === "day";
  const times = isDay ? null : starts(past);
  const ticks = isDay ? hourTicks(past) : spanTicks(times, past);
  if (isDay) drawPowers($("powers"), past);
  else drawBars(energies, past, times, ticks);
  keys($("powers"), isDay ? keyed(past) : ["battery", "grid", "solar", "stored", "sold"].map((name) => [name, word(name)]));
  drawLevel(past, ticks);
  numbers(energies, past);
  for (const id of ["devices", "ageing"]) if ($(id).open) devices(id);
}

/** Fill a folded table when it is opened, and now if it is open. */
function fold(details, heads, rows) {
  details.ontoggle = () => details.open && details.querySelector(".scroll").replaceChildren(table(heads, rows()));
  details.ontoggle();
}

const numbersOf = (host) => host.parentElement.querySelector(`#${host.id} ~ .numbers`);

const keys = (host, entries) => host.parentElement.querySelector(`#${host.id} ~ .keys`)?.replaceChildren(legend(entries));

/** The energies of the whole span. */
function tiles(energies) {
  const total = (name) => (energies.some((each) => each[name] != null) ? energies.reduce((sum, each) => sum + (each[name] ?? 0), 0) : null);
  const isSoft = energies.some((each) => each.basis && each.basis !== "counters");
  const flow = (edge) => energies.reduce((sum, each) => sum + (each.flows[edge] ?? 0), 0);
  const home = flow("s2h") + flow("b2h") + flow("g2h") + flow("n2h");
  const tile = (name, text, more = "") => make("div", { class: `tile ${name}` }, make("span", {}, word(name)), make("b", {}, text), make("small", {}, more));
  const kwh = (name, sign) => kilowattHours(total(name), isSoft, sign);
  $("tiles").replaceChildren(
    tile("solar", kwh("solar")),
    tile("home", kwh("home")),
    tile("battery", kwh("battery_in", "+"), `${word("used")} ${kwh("battery_out")}`),
    tile("grid", kwh("grid_in"), `${word("sold")} ${kwh("grid_out")}`),
    tile("self", home > 0 ? share(100 * (1 - flow("g2h") / home)) : "–", isSoft ? `≈ ${word("measured")}` : ""),
  );
}

/** When the days of a span begin, those of a year's months, by their name in the energies: each hour says which one it is in. */
function starts(past) {
  const times = new Map();
  for (let at = past.from; at < past.to; at += DAY_S / 24) {
    const day = dayOf(at, past.zone);
    const name = state.range === "year" ? day.slice(0, 7) : day;
    if (!times.has(name)) times.set(name, at);
  }
  return times;
}

/** Names of the days or months below a chart, in their middle. */
function spanTicks(times, past) {
  const options = { year: { month: isNarrow() ? "narrow" : "short" }, month: { day: "numeric" }, week: { weekday: "short" } }[state.range];
  const text = writer(past.zone, options);
  const every = state.range === "month" ? 5 : 1;
  const half = (state.range === "year" ? 15 : 0.5) * DAY_S;
  return [...times.values()].map((time, i) => [time + half, i % every ? "" : text(time)]);
}

function drawBars(energies, past, times, ticks) {
  const at = energies.map((each) => times.get(each.day));
  const flow = (edge, i) => energies[i].flows[edge];
  const { above, rest, below } = layers(flow, (i) => energies[i].home, energies.length);
  const long = writer(past.zone, state.range === "year" ? { month: "long", year: "numeric" } : { weekday: "short", day: "numeric", month: "short" });
  const step = state.range === "year" ? 31 * DAY_S : DAY_S + 3600;
  chart($("powers"), {
    bars: true, from: past.from, to: past.to, at, step, above: [...above, rest], below, unit: "kWh", scale: 1000, label: word("power"),
    ticks,
    gaps: gaps(at, step, Math.max(past.from, past.first ?? past.from), Math.min(past.to, past.now)),
    describe: (i) => {
      const day = energies[i];
      const isSoft = day.basis !== "counters";
      const parts = above.filter((layer) => layer.values[i] >= 50).map((layer) => `${word(layer.name)} ${kilowattHours(layer.values[i])}`);
      const others = below.filter((layer) => layer.values[i] >= 50).map((layer) => `${word(layer.name)} ${kilowattHours(layer.values[i])}`);
      return [long(at[i] + DAY_S / 2), `${word("home")} ${kilowattHours(day.home, isSoft)}${parts.length ? `: ${parts.join(", ")}` : ""}`, ...others, `${word("self")} ${share(day.self_powered)}`].join(" · ");
    },
  });
}

function drawLevel(past, ticks) {
  const step = typeof past.step === "number" ? past.step : DAY_S + 3600;
  const { charge, reserve } = past.series;
  const clock = writer(past.zone, state.range === "year" ? { day: "numeric", month: "short" } : { weekday: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
  $("charge").hidden = !charge.mean.some((value) => value != null);
  chart($("level"), {
    ...past, step, unit: "", label: word("level"),
    lines: [{ name: "charge", values: charge.mean, right: true }, { name: "reserve", values: reserve.mean, right: true }],
    ticks,
    gaps: gaps(past.at, step, Math.max(past.from, past.first ?? past.from), Math.min(past.to, past.now)),
    bands: past.outages.map((outage) => [Math.max(outage.start, past.from), Math.min(outage.end ?? past.now, past.to)]),
    describe: (i) => `${clock(past.at[i])} · ${word("charge")} ${share(charge.mean[i])}${reserve.mean[i] == null ? "" : ` · ${word("reserve")} ${share(reserve.mean[i])}`}`,
  });
  keys($("level"), ["charge", "reserve", ...(past.outages.length ? ["outage"] : [])].map((name) => [name, word(name)]));
  fold(numbersOf($("level")), ["time", "charge", "reserve"].map(word), () => past.at.map((at, i) => [clock(at), share(charge.mean[i]), share(reserve.mean[i])]));
  $("outages").replaceChildren(...past.outages.map((outage) => make("li", {}, `${word("outage")}: ${word("lasted", clock(outage.start), plain(outage.duration_s / 60, 0), share(outage.charge_min))}`)));
}

/** Charts of single devices, read when their part of the page is opened. */
async function devices(id) {
  const { from, to, zone, now } = shown.powers;
  const parts = id === "devices" ? [["strings", "string_power", "W"], ["temperatures", "temperature", "°C"]] : [["packs", "energy_capacity", "kWh"]];
  const past = await read({ series: "none", from, to, devices: parts.map(([, metric]) => metric).join(","), step: state.range === "day" ? 300 : state.range === "week" ? 3600 : "day" });
  const clock = writer(zone, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  $(id).querySelector(".empty").hidden = past.devices.length > 0;
  for (const [host, metric, unit] of parts) {
    const found = past.devices.filter((each) => each.metric === metric);
    const at = [...new Set(found.flatMap((each) => each.at))].sort((one, other) => one - other);
    const step = Math.max(300, ...(at.length > 1 ? [Math.min(...at.slice(1).map((time, i) => time - at[i]))] : []));
    const lines = found.map((each, i) => {
      const values = new Map(each.at.map((time, place) => [time, each.mean[place] / (unit === "kWh" ? 1000 : 1)]));
      return { name: NAMES[i % NAMES.length], text: each.device, values: at.map((time) => values.get(time) ?? null) };
    });
    const number = (line, i) => plain(line.values[i], { W: 0, "°C": 1, kWh: 2 }[unit]);
    for (const part of [$(host), $(`h-${host}`), numbersOf($(host))]) if (part) part.hidden = !lines.length;
    chart($(host), {
      from, to, at, step, lines, now, unit, label: word(metric === "energy_capacity" ? "packs" : metric), ticks: state.range === "day" ? hourTicks(shown.powers) : spanTicks(starts(shown.powers), shown.powers),
      describe: (i) => [clock(at[i]), ...lines.map((line) => `${line.text} ${number(line, i)} ${unit}`)].join(" · "),
    });
    keys($(host), lines.map((line) => [line.name, line.text, true]));
    fold(numbersOf($(host)), [word("time"), ...lines.map((line) => `${line.text} (${unit})`)], () => at.map((time, i) => [clock(time), ...lines.map((line) => number(line, i))]));
  }
}

/** The numbers of the first chart. */
function numbers(energies, past) {
  if (state.range !== "day") {
    const soft = (each, name) => kilowattHours(each[name], each.basis !== "counters");
    return fold(
      $("numbers"),
      [word("time"), ...["solar", "home", "battery", "grid", "used", "sold", "self"].map(word)],
      () => energies.map((each) => [each.day, ...["solar", "home", "battery_in", "grid_in", "battery_out", "grid_out"].map((name) => soft(each, name)), share(each.self_powered)]),
    );
  }
  const clock = writer(past.zone, { hour: "2-digit", minute: "2-digit" });
  const mean = (name, i) => past.series[name]?.mean[i];
  /** The sum of flows in kW; null where none is known. */
  const power = (edges, i) => {
    const known = edges.map((edge) => mean(`flow_${edge}`, i)).filter((value) => value != null);
    return known.length ? known.reduce((sum, value) => sum + value / 1000, 0) : null;
  };
  return fold(
    $("numbers"),
    [word("time"), ...["battery", "grid", "solar", "stored", "sold"].map((name) => `${word(name)} (kW)`), word("charge")],
    () => past.at.map((at, i) => [clock(at), ...[["b2h"], ["g2h"], ["s2h"], ["s2b", "g2b"], ["s2g", "b2g"]].map((edges) => plain(power(edges, i), 2)), share(mean("charge", i))]),
  );
}

// ---- moving ----------------------------------------------------------------------------------------

function go(range, from, isReplaced) {
  Object.assign(state, { range, from });
  const address = `?${new URLSearchParams({ range, ...(from && { from }) })}`;
  if (isReplaced) history.replaceState({ range, from }, "", address);
  else history.pushState({ range, from }, "", address);
  load();
}

const move = (way) => {
  if (!shown) return;
  const { from, to, zone } = shown.powers;
  if ($(way < 0 ? "back" : "on").disabled) return;
  go(state.range, dayOf(way < 0 ? from - DAY_S / 2 : to + DAY_S / 2, zone));
};

$("ranges").addEventListener("click", ({ target }) => RANGES.includes(target.value) && go(target.value, shown ? dayOf(Math.min(shown.powers.from + DAY_S / 2, shown.powers.now), shown.powers.zone) : null));
$("back").addEventListener("click", () => move(-1));
$("on").addEventListener("click", () => move(1));
$("today").addEventListener("click", () => go(state.range, null));
document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest(".scroll")) return; // there they scroll
  if (event.key === "ArrowLeft") move(-1);
  if (event.key === "ArrowRight") move(1);
});
for (const id of ["devices", "ageing"]) $(id).addEventListener("toggle", () => shown && show());
addEventListener("popstate", ({ state: before }) => {
  Object.assign(state, before ?? start());
  load();
});
let width = innerWidth;
addEventListener("resize", () => {
  if (shown && innerWidth !== width) show();
  width = innerWidth;
});
setInterval(() => state.from === null && !document.hidden && load(), 60000);

function start() {
  const query = new URLSearchParams(location.search);
  return { range: RANGES.includes(query.get("range")) ? query.get("range") : "day", from: query.get("from") };
}
Object.assign(state, start());
load().then(() => performance.mark("history"));
