// Which source feeds which sink, in watts, as in proxy/views/flows.py.
// Site + imports, battery + discharges.

const { max, min } = Math;
export const ISLANDED = ["outage", "off_grid", "islanded"];

/** Fill in the one reading that may be missing; null if more are, or nothing is known. */
function complete({ solar, site, battery, load, generator, grid, has }) {
  if ([solar, site, battery, load].every((power) => power == null)) return null;
  const known = {
    solar: has?.solar === false ? 0 : solar,
    site: ISLANDED.includes(grid) ? 0 : site, // off grid, meters still say a few watts
    battery: has?.battery === false ? 0 : battery,
    load,
  };
  const gaps = Object.keys(known).filter((name) => known[name] == null);
  if (gaps.length > 1) return null;
  const sum = known.solar + known.site + known.battery + (generator ?? 0);
  if (gaps.length) known[gaps[0]] = gaps[0] === "load" ? sum : load - sum;
  return { ...known, generator: generator ?? 0, derived: gaps[0] ?? null };
}

/** Split a snapshot into edges, or null. */
export function flows(snapshot) {
  const known = complete(snapshot);
  if (!known) return null;
  const { solar, site, battery, load } = known;
  const S = max(solar, 0), Gi = max(site, 0), Ge = max(-site, 0);
  const Bd = max(battery, 0), Bc = max(-battery, 0);
  const N = Ge ? 0 : max(known.generator, 0);
  const L = Gi + N;
  const H = max(0, S + L + Bd - Ge - Bc);
  const q = min(max(L - H, 0), Bc);
  const s2b = min(S, Bc - q);
  const s2g = min(S - s2b, Ge);
  const b2g = min(Bd, Ge - s2g);
  const l2b = q + min(L - q, Bc - q - s2b);
  const s2h = min(H, S - s2b - s2g);
  const b2h = min(H - s2h, Bd - b2g);
  const l2h = min(H - s2h - b2h, L - l2b);
  const k = L && N / L;
  const cars = (snapshot.ev ?? []).reduce((sum, power) => sum + max(power, 0), 0);
  const edges = {
    s2h, s2b, s2g, b2h, b2g,
    g2h: (1 - k) * l2h, g2b: (1 - k) * l2b, n2h: k * l2h, n2b: k * l2b,
    h2e: min(cars, H),
  };
  return { ...known, edges, home: H, unserved: max(0, Ge + Bc - S - L - Bd), in: S + L + Bd, out: load + Ge + Bc };
}
