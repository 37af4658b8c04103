import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { parseDuration } from "../../src/domain/duration.ts";
import { GatewayError, toGatewayError } from "../../src/domain/errors.ts";
import { seededRandom } from "../line/random.ts";
import { chaos, faultNames, suffer } from "./chaos.ts";
import { OpcuaSimulator } from "./server.ts";

const usage = `Usage: node simulators/opcua/main.ts [options]

An OPC UA server with a press: fast, bad and uncertain nodes, arrays, structures, a method, an alarm, below
nsu=http://example.com/line;s=Press. Type a fault and Enter to make it suffer: ${faultNames.join(", ")}. Ctrl+C ends it.

  --host ADDRESS     where to listen (127.0.0.1)
  --port N           port to listen on; 0 takes a free one (4840)
  --security WHICH   none, both or required (none)
  --user NAME:WORD   only this user is let in
  --chaos DURATION   one fault after the other, so far apart, such as 30s
  --seed N           the same seed gives the same faults (1)
  --help             this text
`;

function readArguments(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        host: { type: "string", default: "127.0.0.1" },
        port: { type: "string", default: "4840" },
        security: { type: "string", default: "none" },
        user: { type: "string" },
        chaos: { type: "string" },
        seed: { type: "string", default: "1" },
        help: { type: "boolean", short: "h" },
      },
    });
    return values;
  } catch (cause) {
    throw new GatewayError("CONFIG_INVALID", cause instanceof Error ? cause.message : String(cause), {
      cause,
    });
  }
}

async function serve(values: ReturnType<typeof readArguments>): Promise<void> {
  const { security } = values;
  if (security !== "none" && security !== "both" && security !== "required") {
    throw new GatewayError(
      "CONFIG_INVALID",
      `--security: expected none, both or required, found "${security}"`,
    );
  }
  const everyMs = values.chaos === undefined ? undefined : parseDuration(values.chaos);
  if (values.chaos !== undefined && everyMs === undefined) {
    throw new GatewayError(
      "CONFIG_INVALID",
      `--chaos: expected a duration such as 30s, found "${values.chaos}"`,
    );
  }
  const [name, ...word] = (values.user ?? "").split(":");
  const users = values.user === undefined || name === undefined ? {} : { users: { [name]: word.join(":") } };
  const { host } = values;
  const simulator = await OpcuaSimulator.start({
    host,
    port: Number(values.port),
    security,
    line: true,
    ...users,
  });
  console.log(`OPC UA on ${simulator.endpoint}`);
  const stopping = new AbortController();
  const commands = createInterface({ input: process.stdin });
  const stop = () => {
    stopping.abort();
    commands.close();
    void simulator.stop();
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  commands.on("line", (line) => {
    const fault = faultNames.find((one) => one === line.trim());
    if (fault === undefined) console.log(`There is no fault "${line.trim()}": ${faultNames.join(", ")}`);
    else void suffer(simulator, fault, stopping.signal).then(() => console.log(`${fault} is over`));
  });
  if (everyMs === undefined) return;
  const random = seededRandom(Number(values.seed));
  await chaos(simulator, { everyMs, random, onFault: (fault) => console.log(fault) }, stopping.signal);
}

try {
  const values = readArguments(process.argv.slice(2));
  if (values.help === true) console.log(usage);
  else await serve(values);
} catch (caught) {
  console.error(toGatewayError(caught).message);
  process.exitCode = 1;
}
