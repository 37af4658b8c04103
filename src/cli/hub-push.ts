import { randomUUID } from "node:crypto";
import { userInfo } from "node:os";
import { parseArgs } from "node:util";
import { GatewayError } from "../domain/errors.ts";
import { isFolder, readFolder, readSingle } from "../hub/push/bundle.ts";
import { putBundle } from "../hub/push/put-order.ts";
import { pushStoreAt } from "../hub/push/push-store.ts";
import { answerTo, tellAnswer, waitArgument } from "./hub-push-wait.ts";
import { hubOptions, hubUsage, openHub, usualUrl } from "./hub-session.ts";

const usage = `linegate hub push GATEWAY DIR|FILE [--hub nats://HUB:4222] [options]

Puts a site folder's mappings (devices/, profiles/, alerts.yaml, line.yaml) and its files/ for a gateway, or one file. The
gateway takes it as soon as it is connected: checked, whole or not at all, rolled back by itself where it then can't reach
the hub. Of a folder's mappings, and of files/ where it has one, nothing else stays. Exit 1 where the gateway refuses it;
0 where it is away: it is put, and linegate hub status tells later.

  --hub URL          the hub's servers, commas between; without it nats://127.0.0.1:4222
  --as PATH          where one file goes, such as devices/press-1.yaml; without it files/NAME
  --with-gateway     gateway.yaml too, with its users and its hub: only where the gateway accepts that
  --wait TIME        how long the answer is waited for: 30s
  --by NAME          who puts it, for the gateway's audit: without it the user of this machine
${hubUsage}

With --json: {"gateway","id","name","version","by","at","files","outcome":{"outcome","message","issues","devices"}|null}`;

/** `linegate hub push GATEWAY DIR|FILE`. */
export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      ...hubOptions,
      hub: { type: "string", default: usualUrl },
      as: { type: "string" },
      by: { type: "string" },
      wait: { type: "string", default: "30s" },
      "with-gateway": { type: "boolean", default: false },
    },
  });
  if (values.help === true) {
    console.log(usage);
    return 0;
  }
  const [gateway, path, ...more] = positionals;
  if (gateway === undefined || path === undefined || more.length > 0)
    throw new GatewayError(
      "CONFIG_INVALID",
      `linegate hub push takes a gateway and a folder or file.\n\n${usage}`,
    );
  const waitMs = waitArgument(values.wait);
  const folder = await isFolder(path);
  const bundle = folder ? await readFolder(path, values["with-gateway"]) : await readSingle(path, values.as);
  const connection = await openHub(values.hub, values);
  try {
    const store = pushStoreAt(connection);
    const by = values.by ?? values.user ?? userInfo().username;
    const order = await putBundle(store, bundle, { gateway, id: randomUUID(), by, at: Date.now() });
    return tellAnswer(gateway, await answerTo(store, gateway, order, waitMs), values.json);
  } finally {
    await connection.close();
  }
}
