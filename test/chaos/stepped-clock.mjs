// Preloaded into the gateway (NODE_OPTIONS): its wall clock is off by what the file in CLOCK_STEP_FILE says, in ms. Looked at
// every 50 ms, so that the clock can be stepped while the gateway runs. The monotonic clock goes on, as it does on Linux.
import { readFileSync } from "node:fs";

const file = process.env.CLOCK_STEP_FILE;
const real = Date.now;
let offset = 0;

function look() {
  try {
    offset = Number(readFileSync(file, "utf8"));
  } catch {
    offset = 0;
  }
}

if (file !== undefined) {
  look();
  setInterval(look, 50).unref();
  Date.now = () => real() + offset;
}
