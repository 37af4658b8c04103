import { randomUUID } from "node:crypto";
import { userInfo } from "node:os";
import { parseArgs } from "node:util";
import { GatewayError } from "../domain/errors.ts";
import { putRollBack } from "../hub/push/put-order.ts";
import { pushStoreAt } from "../hub/push/push-store.ts";
import { answerTo, tellAnswer, waitArgument } from "./hub-push-wait.ts";
import { hubOptions, hubUsage, openHub, usualUrl } from "./hub-session.ts";

const usage = `linegate hub roll-back GATEWAY [--hub nats://HUB:4222] [options]

Has a gateway go back to what was before the last change that it took from the hub: the files that this change touched.
Checked and kept on trial as any other change. Exit 1 where the gateway refuses it.

  --hub URL          the hub's servers, commas between; without it nats://127.0.0.1:4222
  --wait TIME        how long the answer is waited for: 30s
  --by NAME          who asks for it, for the gateway's audit
${hubUsage}`;

/** `linegate hub roll-back GATEWAY`. */
export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      ...hubOptions,
      hub: { type: "string", default: usualUrl },
      by: { type: "string" },
      wait: { type: "string", default: "30s" },
    },
  });
  if (values.help === true) {
    console.log(usage);
    return 0;
  }
  const [gateway, ...more] = positionals;
  if (gateway === undefined || more.length > 0)
    throw new GatewayError("CONFIG_INVALID", `linegate hub roll-back takes a gateway.\n\n${usage}`);
  const waitMs = waitArgument(values.wait);
  const connection = await openHub(values.hub, values);
  try {
    const store = pushStoreAt(connection);
    const by = values.by ?? values.user ?? userInfo().username;
    const order = await putRollBack(store, { gateway, id: randomUUID(), by, at: Date.now() });
    return tellAnswer(gateway, await answerTo(store, gateway, order, waitMs), values.json);
  } finally {
    await connection.close();
  }
}
