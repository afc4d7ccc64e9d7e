// The edges of the drawing: lines whose width, and dots whose speed, show the power.
//
// Each dot is a circle with one transform animation over sampled key frames: that runs off the main
// thread, where SMIL, dash offsets and frame callbacks cost ten times as much. A change of power changes
// the playback rate only, so no dot ever jumps.

const SVG = "http://www.w3.org/2000/svg";
const PACE = 60; // drawing units per second at playback rate 1
const SAMPLES = 24;
// One to three evenly spaced dots. A dot keeps its place when the number changes.
const PLACES = [0, 1 / 2, 1 / 3, 2 / 3];
const SHOWN = [[], [0], [0, 1], [0, 2, 3]];
const LIMITS = [1000, 4000]; // watts that call for a second and a third dot

export function element(name, attributes, parent) {
  const node = document.createElementNS(SVG, name);
  for (const key in attributes) node.setAttribute(key, attributes[key]);
  parent?.append(node);
  return node;
}

const strength = (watts) => Math.sqrt(Math.min(watts, 10000) / 10000);

export class Edge {
  /** `source` names the node that colours the edge. */
  constructor(name, source, layer) {
    this.source = source;
    this.name = name;
    this.group = element("g", { class: `edge ${source}`, "data-edge": name }, layer);
    this.line = element("path", {}, this.group);
    this.chevron = element("path", { class: "chevron", d: "M-3-5 3 0-3 5" }, this.group);
    this.dots = [];
    this.count = 0;
    this.isOn = false;
  }

  /** Follow another path; null removes the edge from the drawing. */
  route(path) {
    if (path === this.path) return;
    this.path = path;
    for (const dot of this.dots) dot.circle.remove();
    this.dots = [];
    if (!path) return this.show(0);
    this.line.setAttribute("d", path);
    const length = this.line.getTotalLength();
    const [middle, ahead] = [0.5, 0.51].map((part) => this.line.getPointAtLength(part * length));
    const angle = (Math.atan2(ahead.y - middle.y, ahead.x - middle.x) * 180) / Math.PI;
    this.chevron.setAttribute("transform", `translate(${middle.x} ${middle.y}) rotate(${angle})`);
  }

  /** Draw this power. 50 W make an edge appear, 30 W keep it: no flicker. */
  show(watts, isMoving) {
    this.isOn = Boolean(this.path) && watts >= (this.isOn ? 30 : 50);
    this.group.classList.toggle("on", this.isOn);
    if (this.isOn) {
      this.line.style.setProperty("--width", (1.5 + 2.5 * strength(watts)).toFixed(2));
      const dots = (factor) => 1 + LIMITS.filter((limit) => watts * factor > limit).length;
      this.count = Math.min(Math.max(this.count || dots(1), dots(0.85)), dots(1.15)); // 15 % hysteresis
    } else this.count = 0;
    this.move(isMoving ? SHOWN[this.count] : [], (16 + 104 * strength(watts)) / PACE);
  }

  move(shown, rate) {
    if (shown.length && !this.dots.length) this.dots = this.sample();
    this.dots.forEach((dot, i) => {
      const isOn = shown.includes(i);
      if (isOn) dot.run.updatePlaybackRate(rate);
      if (isOn === dot.isOn) return;
      dot.isOn = isOn;
      dot.circle.setAttribute("visibility", isOn ? "visible" : "hidden");
      if (!isOn) return dot.run.pause(); // a dot that is only invisible still costs
      if (i > 0) dot.run.currentTime = this.dots[0].run.currentTime + dot.offset;
      dot.run.play();
    });
  }

  sample() {
    const length = this.line.getTotalLength();
    const frames = Array.from({ length: SAMPLES }, (_, i) => {
      const { x, y } = this.line.getPointAtLength((length * i) / (SAMPLES - 1));
      const size = i === 0 || i === SAMPLES - 1 ? 0 : 1; // dots grow out of a node and sink into the next
      return { transform: `translate(${x.toFixed(2)}px,${y.toFixed(2)}px) scale(${size})` };
    });
    const duration = (length / PACE) * 1000;
    return PLACES.map((part) => {
      const circle = element("circle", { r: 3.2, visibility: "hidden" }, this.group);
      const run = circle.animate(frames, { duration, iterations: Infinity });
      run.pause();
      return { circle, run, offset: part * duration, isOn: false };
    });
  }
}
