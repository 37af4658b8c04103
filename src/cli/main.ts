import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { GatewayError, isAbort, toGatewayError } from "../domain/errors.ts";
import { installation } from "../installation.ts";
import { nearestName } from "../domain/nearest.ts";

/** A command's file: it prints for itself and gives the exit code. */
interface Command {
  run(args: readonly string[]): Promise<number>;
}

interface CommandEntry {
  readonly usage: string;
  readonly does: string;
  /** Loaded only when called: a command costs nothing to the others. */
  load(): Promise<Command>;
}

const commands: Readonly<Record<string, CommandEntry>> = {
  run: {
    usage: "run DIR",
    does: "the gateway on a site folder, until SIGTERM or SIGINT",
    load: () => import("./run.ts"),
  },
  check: {
    usage: "check DIR [--json]",
    does: "every mistake of a site folder; exit 1 where there is one",
    load: () => import("./check.ts"),
  },
  plan: {
    usage: "plan DIR [--json]",
    does: "per bus: the requests that will be sent, bus load, cycle time, which poll rates can't be met",
    load: () => import("./plan.ts"),
  },
  alerts: {
    usage: "alerts export|import DIR [FILE.csv]",
    does: "the alerts of a site folder as CSV, to be edited in a spreadsheet; checks and takes them back",
    load: () => import("./alerts.ts"),
  },
  audit: {
    usage: "audit verify|list DIR [--since T] [--json]",
    does: "checks that no line of the audit was changed or removed; lists what was written",
    load: () => import("./audit.ts"),
  },
  service: {
    usage: "service NAME DIR [--nats URL] [--user NAME]",
    does: "a service of the line, such as scheduling, as a process of its own",
    load: () => import("./service.ts"),
  },
  hub: {
    usage: "hub apply FLEET.yaml | push GATEWAY DIR|FILE | roll-back GATEWAY | status [GATEWAY]",
    does: "the hub's streams; what is put there for gateways, mappings and files, and what they said to it",
    load: () => import("./hub.ts"),
  },
  verify: {
    usage: "verify --hub URL [--json]",
    does: "what the hub holds of each gateway: batches, gaps, duplicates, reorderings; exit 1 where there are any",
    load: () => import("./verify.ts"),
  },
  demo: {
    usage: "demo [--seconds N] [--json]",
    does: "simulators for the factory site, the gateway on them, a live view in the terminal",
    load: () => import("./demo.ts"),
  },
  simulate: {
    usage: "simulate DIR | --replay FILE",
    does: "a simulated device for every device of a folder, or a recorded one again",
    load: () => import("./simulate.ts"),
  },
  browse: {
    usage: "browse DEVICE [--from --to --depth] [--write-mapping FILE]",
    does: "what there is in a device: addresses that answer, topics, nodes; makes a mapping of it",
    load: () => import("./browse.ts"),
  },
  read: {
    usage: "read DEVICE [TAG | ADDRESS]...",
    does: "tags now, scaled and raw, and what is probably wrong with bad ones",
    load: () => import("./read.ts"),
  },
  write: {
    usage: "write DEVICE TAG VALUE [--yes]",
    does: "one value, guarded as in the gateway, and read back",
    load: () => import("./write.ts"),
  },
  monitor: {
    usage: "monitor DEVICE... | DIR",
    does: "the values of devices as they change, live in the terminal",
    load: () => import("./monitor.ts"),
  },
  decode: {
    usage: "decode REGISTER... | DEVICE ADDRESS [--shows VALUE]",
    does: "registers in every type and order; finds the one that the panel shows",
    load: () => import("./decode.ts"),
  },
  record: {
    usage: "record DEVICE [--for TIME] [--out FILE]",
    does: "raw requests and responses with their times, for simulate --replay",
    load: () => import("./record.ts"),
  },
  unpack: {
    usage: "unpack FILE|- [--format ndjson|csv|json]",
    does: "the readings and windows of an upload batch",
    load: () => import("./unpack.ts"),
  },
  passwd: {
    usage: "passwd [NAME]",
    does: "asks for a password and prints the lines for gateway.yaml",
    load: () => import("./passwd.ts"),
  },
};

function help(): string {
  const width = Math.max(...Object.values(commands).map(({ usage }) => usage.length));
  const rows = Object.values(commands).map(({ usage, does }) => `  ${usage.padEnd(width)}  ${does}`);
  return [
    "usage: linegate COMMAND",
    "",
    ...rows,
    "",
    "  --help, --version; COMMAND --help tells more, with examples",
  ].join("\n");
}

async function version(): Promise<string> {
  const text = await readFile(join(installation, "package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

async function dispatch([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    console.log(help());
    return name === undefined ? 2 : 0;
  }
  if (name === "--version" || name === "-v") {
    console.log(await version());
    return 0;
  }
  if (name === "--warm-up") {
    const { warmUp } = await import("./warm-up.ts");
    await warmUp(Object.values(commands));
    return 0;
  }
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined) {
    const meant = nearestName(name, Object.keys(commands));
    const hint = meant === undefined ? "" : ` Did you mean ${meant}?`;
    console.error(`There is no command ${name}.${hint} linegate --help lists them all.`);
    return 2;
  }
  const command = await entry.load();
  return command.run(args);
}

/** Wrong arguments are the caller's mistake, told in a line; what is wrong inside comes with its stack. */
function tell(caught: unknown): number {
  const isUsage =
    caught instanceof TypeError &&
    String((caught as NodeJS.ErrnoException).code).startsWith("ERR_PARSE_ARGS");
  if (isUsage) {
    console.error(`${caught.message} linegate --help tells more.`);
    return 2;
  }
  // Ctrl+C: whoever pressed it knows.
  if (isAbort(caught)) return 130;
  const error = toGatewayError(caught);
  console.error(error.message);
  if (!(caught instanceof GatewayError) || error.code === "INTERNAL") console.error(error.stack);
  return 1;
}

/** Runs the command that the process was called with. */
export async function main(): Promise<void> {
  // Whoever reads the output has seen enough, as `head` has.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    process.exit(error.code === "EPIPE" ? 0 : 1);
  });
  process.exitCode = await dispatch(process.argv.slice(2)).catch(tell);
}
