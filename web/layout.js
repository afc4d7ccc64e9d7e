// Where things are, in drawing units: the cross, and a row for very flat frames.

export const NODES = ["solar", "grid", "home", "battery", "generator", "vehicle"];
// An edge is named after its ends: s2h leads from solar to home.
export const ENDS = { s: "solar", g: "grid", h: "home", b: "battery", n: "generator", e: "vehicle" };

const CROSS = {
  nodes: { solar: [200, 64], grid: [66, 160], home: [334, 160], battery: [200, 254], generator: [66, 254], vehicle: [334, 254] },
  labels: { solar: -36, grid: -36, home: -36, generator: 39, vehicle: 39 },
  paths: {
    s2b: "M200 96V206", s2h: "M206 96V148Q206 154 212 154H302", s2g: "M194 96V148Q194 154 188 154H98",
    g2h: "M98 160H302", g2b: "M98 166H188Q194 166 194 172V206", b2g: "M194 206V172Q194 166 188 166H98",
    b2h: "M206 206V172Q206 166 212 166H302", n2h: "M92 248H112Q118 248 118 242V178Q118 172 124 172H302",
    n2b: "M92 258H150", h2e: "M334 192V228",
  },
  tracks: { solar: "M200 96V160", grid: "M98 160H200", home: "M200 160H302", battery: "M200 160V206", generator: "M92 258H150", vehicle: "M334 192V228" },
};

const ROW = {
  nodes: { solar: [240, 84], grid: [80, 84], home: [560, 84], battery: [400, 84], generator: [-50, 84], vehicle: [690, 84] },
  labels: { solar: 47, grid: 47, home: 47, generator: 41, vehicle: 41 },
  paths: {
    s2b: "M272 84H350", s2h: "M250 52C282 20 500 20 548 54", s2g: "M208 84H112",
    g2h: "M78 52C100-2 540-2 562 52", g2b: "M90 54C140 20 350 10 390 34", b2g: "M390 34C350 10 140 20 90 54",
    b2h: "M450 84H528", n2h: "M-52 58C-30-18 560-10 566 52", n2b: "M-42 60C0 6 340 0 394 34", h2e: "M592 84H664",
  },
  tracks: { solar: "M272 84H350", grid: "M112 84H208", home: "M450 84H528", battery: "", generator: "", vehicle: "M592 84H664" },
};

/**
 * Choose the plan and the visible part [x, y, width, height] for a frame of this size in pixels.
 * `isThere` says for every node whether it is drawn; what is absent leaves no hole.
 */
export function layout(width, height, isThere) {
  const size = width <= 260 ? "compact" : width <= 600 ? "small" : width < 1600 ? "medium" : "large";
  if (height <= 200 && width > 3 * height) {
    const left = isThere.generator ? -100 : 0;
    return { plan: ROW, size, box: [left, 0, (isThere.vehicle ? 740 : 640) - left, 160], isNamed: false };
  }
  const isNamed = width >= 300 && height >= 240;
  const top = (isThere.solar ? 0 : 88) - (isNamed ? 6 : 0);
  const bottom = isThere.battery || isThere.generator || isThere.vehicle ? (isNamed ? 336 : 320) : 218;
  return { plan: CROSS, size, box: [0, top, 400, bottom - top], isNamed };
}
