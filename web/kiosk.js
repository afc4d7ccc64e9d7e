// A wall display (?kiosk=1): the screen stays on, dims at night, and no pixel shows the same for ever.

const NIGHT = [22, 6]; // hours between which it dims
const SHIFT = [[0, 0], [1, 0], [1, 1], [0, 1]]; // pixels, one step a minute

async function stayOn() {
  try {
    if (!document.hidden) await navigator.wakeLock?.request("screen");
  } catch {
    // refused, as on a low battery: the device decides
  }
}

function step() {
  const now = new Date();
  const [from, to] = NIGHT;
  const isNight = now.getHours() >= from || now.getHours() < to;
  const [x, y] = SHIFT[now.getMinutes() % SHIFT.length];
  Object.assign(document.querySelector("main").style, { opacity: isNight ? 0.55 : 1, transform: `translate(${x}px, ${y}px)` });
}

document.addEventListener("visibilitychange", stayOn);
stayOn();
step();
setInterval(step, 60000);
