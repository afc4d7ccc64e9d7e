// Pieces of pages: elements, lists of facts, tables.

export const $ = (id) => document.getElementById(id);

export function node(name, content = "", properties = {}) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...[content].flat());
  return made;
}

/** Fill a list with [name, value, quality?] entries; entries without a value are left out. */
export function list(target, entries) {
  const shown = entries.filter(([, value]) => value !== undefined && value !== null && value !== "");
  target.replaceChildren(...shown.flatMap(([name, value, quality]) => [node("dt", name), node("dd", value instanceof Node ? value : String(value), { className: quality ?? "" })]));
}

/** Fill a table. The roles are said because narrow screens lay rows out as boxes, which hides what they are. */
export function table(target, rows, whenEmpty) {
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

const number = new Intl.NumberFormat(navigator.language, { maximumFractionDigits: 1 });
export const plain = (value) => number.format(value);
export const seconds = (value) => {
  if (value == null) return "–";
  if (value < 1 && value > 0) return `${plain(value * 1000)}\u00a0ms`;
  if (value < 120) return `${plain(value)}\u00a0s`;
  if (value < 7200) return `${plain(value / 60)}\u00a0min`;
  return value < 172800 ? `${plain(value / 3600)}\u00a0h` : `${plain(value / 86400)}\u00a0d`;
};
