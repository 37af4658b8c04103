import { spawn } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { faultKinds } from "./plan.ts";
import { ways } from "./settings.ts";

const usage = `npm run chaos -- [--rounds N] [--seed S] [--first N] [--nodes 1|3] [--way leaf|forwarder] [--kinds "link cut,disk full"]

Random faults on a gateway, its nats-server, the hub and the line between them; after each round everything that was committed
must be at the hub, once and in order. Exit 1 where it is not; the seed and the round repeat it. Faults: ${faultKinds.join(", ")}.
`;

const root = join(import.meta.dirname, "..", "..");

/** Wrong arguments are told; undefined then. */
function settings(): object | undefined {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "10" },
      seed: { type: "string", default: String(Date.now() % 100_000) },
      first: { type: "string", default: "1" },
      nodes: { type: "string", default: "1" },
      way: { type: "string", default: "leaf" },
      kinds: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  const [rounds, seed, first, nodes] = [values.rounds, values.seed, values.first, values.nodes].map(Number);
  const kinds = values.kinds?.split(",").map((kind) => kind.trim());
  const known = kinds?.every((kind) => faultKinds.some((one) => one === kind)) ?? true;
  const whole = [rounds, seed, first].every((number) => Number.isInteger(number) && Number(number) > 0);
  const isTopology = (nodes === 1 || nodes === 3) && ways.some((way) => way === values.way);
  if (values.help === true || !known || !whole || !isTopology) return undefined;
  return { rounds, seed, first, nodes, way: values.way, ...(kinds === undefined ? {} : { kinds }) };
}

const chosen = settings();
if (chosen === undefined) {
  process.stderr.write(usage);
  process.exitCode = 2;
} else {
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const args = [
    vitest,
    "--config",
    "test/vitest.config.ts",
    "--root",
    ".",
    "run",
    "test/chaos/chaos.test.ts",
  ];
  const env = { ...process.env, LINEGATE_CHAOS: JSON.stringify(chosen) };
  const child = spawn(process.execPath, args, { cwd: root, stdio: "inherit", env });
  child.once("exit", (code) => (process.exitCode = code ?? 1));
}
