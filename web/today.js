// Today on the power-flow page: energies, and the chart of the day. Loaded after the first view, where there is room.

import { legend, make, zoom } from "./charts.js";
import { kilowattHours, share, word } from "./wording.js";
import { drawPowers, keyed, read, readPowers } from "./past.js";

const EVERY_MS = 60000;
const ROOM = matchMedia("(min-width: 600px) and (min-height: 620px), (orientation: portrait) and (min-height: 620px)");

const height = () => (innerWidth < 600 ? 120 : Math.max(190, Math.round((0.24 * innerHeight) / zoom())));

const box = make("section", { id: "past", "aria-label": word("today") });
const section = make("div", { id: "today" }, make("h2", { id: "h-today" }, word("today"), " ", make("small")), make("div", { id: "day-chart" }));

/** A tile that leads to the history; the name of its energy colours its edge. */
function tile(name, title, ...figures) {
  const [figure, more] = figures;
  return make("a", { class: `tile ${name}`, href: "history" }, make("span", {}, title), make("b", {}, figure), make("small", {}, more ?? ""));
}

function tiles(energies, label) {
  const day = energies.find((each) => each.day === label);
  const before = energies.find((each) => each.day !== label);
  const isSoft = day && day.basis !== "counters";
  const kwh = (name, sign) => kilowattHours(day?.[name], isSoft, sign);
  const found = [
    tile("solar", word("solar"), kwh("solar")),
    tile("home", word("home"), kwh("home")),
    tile("battery", word("battery"), kwh("battery_in", "+"), `${word("used")} ${kwh("battery_out")}`),
    tile("grid", word("grid"), kwh("grid_in"), `${word("sold")} ${kwh("grid_out")}`),
    tile("self", word("self"), share(day?.self_powered), before?.self_powered == null ? "" : word("yesterday", share(before.self_powered))),
  ];
  return found.filter((each) => !(each.classList.contains("solar") && day?.solar == null) && !(each.classList.contains("battery") && day?.battery_in == null));
}

let latest = null;

function drawDay() {
  const host = section.querySelector("#day-chart");
  host.dataset.height = height();
  drawPowers(host, latest);
}

async function renew() {
  if (!ROOM.matches || document.hidden) return;
  try {
    const past = await readPowers({ range: "day", step: 300 });
    const begin = past.from - 40000;
    const { energies } = await read({ series: "none", step: "day", from: begin });
    const label = new Intl.DateTimeFormat("sv-SE", { timeZone: past.zone }).format(new Date((past.from + 43200) * 1000));
    latest = past;
    box.replaceChildren(make("div", { id: "tiles" }, ...tiles(energies, label)), section);
    section.querySelector("small").textContent = past.simulated ? word("simulated") : word("power");
    if (!section.querySelector(".legend")) section.append(legend(keyed(past)));
    drawDay();
  } catch {
    box.replaceChildren(); // the flow above says how things are; the next minute may bring the past
  }
}

document.head.append(make("link", { rel: "stylesheet", href: document.documentElement.dataset.past }));
document.body.append(box);
new ResizeObserver(() => latest && section.isConnected && drawDay()).observe(section);
ROOM.addEventListener("change", renew);
document.addEventListener("visibilitychange", renew);
setInterval(renew, EVERY_MS);
renew().then(() => performance.mark("today"));
