import { join } from "node:path";
import { loadSite } from "../../src/config/load-site.ts";
import { GatewayError, toGatewayError } from "../../src/domain/errors.ts";
import { readArguments, usage, type Arguments, type FaultAt } from "./arguments.ts";
import { LineSimulator } from "./line-simulator.ts";

const factory = join(import.meta.dirname, "../../mappings/factory");
const faultMs = 5_000;

async function inject(line: LineSimulator, { fault }: FaultAt): Promise<void> {
  console.log(`fault: ${fault}`);
  switch (fault) {
    case "press-frozen":
      setTimeout(line.freezePress(), faultMs).unref();
      break;
    case "press-overpressure":
      line.raisePressure();
      break;
    case "welder-restart":
      await line.restartWelder();
      break;
    case "agv-radio-loss":
      line.loseRadio(faultMs);
      break;
  }
}

async function serve(options: Arguments): Promise<void> {
  const loaded = await loadSite(options.site ?? factory);
  if (!loaded.ok) {
    const first = loaded.issues[0];
    throw new GatewayError(
      "CONFIG_INVALID",
      `The site has ${loaded.issues.length} mistakes, the first in ${first?.file} line ${first?.line}: ${first?.message}. See \`linegate check\`.`,
    );
  }
  const { host, port } = loaded.site.gateway.broker.listen;
  const line = new LineSimulator(loaded.site, {
    ...options,
    broker: options.broker ?? `mqtt://${host}:${port}`,
  });
  await line.start();
  for (const { mapping, place, tags } of line.simulation.devices) {
    console.log(`${mapping.device}  ${mapping.adapter}  ${place}  ${tags.length} tags`);
  }
  const timers = options.faults.map((fault) => setTimeout(() => void inject(line, fault), fault.at));
  const stop = () => {
    for (const timer of timers) clearTimeout(timer);
    void line.stop();
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
}

try {
  const options = readArguments(process.argv.slice(2));
  if (options.help) console.log(usage);
  else await serve(options);
} catch (caught) {
  console.error(toGatewayError(caught).message);
  process.exitCode = 1;
}
