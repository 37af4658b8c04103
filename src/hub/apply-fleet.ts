import type { Fleet } from "../config/fleet-schema.ts";
import { GatewayError, toGatewayError } from "../domain/errors.ts";
import { JetStreamApi, type Ask } from "../nats/jetstream-api.ts";
import { intakeName } from "../nats/hub-place.ts";
import { roomProblem } from "./account-room.ts";
import { planIntake } from "./plan-intake.ts";
import { hubStreams, planStream, type GatewayStreams, type StreamPlan } from "./plan-streams.ts";
import { planPushStream } from "./push/plan-push-stream.ts";
import { pushStream } from "./push/push-store.ts";

/** What became of a fleet file at the hub. */
export interface Applied {
  readonly streams: readonly AppliedStream[];
  /** Those that did not answer: they are added all the same. */
  readonly away: readonly string[];
}

/** One stream: what was, or with a dry run would be, done. */
export interface AppliedStream extends Pick<StreamPlan, "stream" | "changes" | "problem"> {
  readonly action: StreamPlan["action"] | "failed";
}

/**
 * Brings the hub's streams to what the fleet file says; removes neither data nor sources. Rejects with CONFIG_INVALID
 * where a gateway has the name of the hub's own domain, or the streams don't fit the hub's account, and with UPLINK_UNAVAILABLE where the hub does not answer.
 */
export async function applyFleet(fleet: Fleet, ask: Ask, now: number, dryRun: boolean): Promise<Applied> {
  const hub = new JetStreamApi(ask);
  const { domain, limits } = await hub.accountInfo();
  if (domain !== undefined && fleet.gateways.includes(domain)) {
    throw new GatewayError(
      "CONFIG_INVALID",
      `${domain} is the JetStream domain of the hub itself: no gateway may have that name.`,
    );
  }
  const problem = roomProblem(fleet, limits?.max_storage);
  if (problem !== undefined) throw new GatewayError("CONFIG_INVALID", problem);
  const gateways = await askGateways(fleet.gateways, ask);
  const streams: AppliedStream[] = [];
  for (const forwarder of fleet.forwarders) {
    for (const stream of hubStreams) {
      // Before the streams that take from them.
      const found = await hub.streamInfo(intakeName(stream.name, forwarder.gateway));
      const plan = planIntake(stream, forwarder, fleet, found);
      streams.push(dryRun ? told(plan) : await perform(plan, hub));
    }
  }
  for (const stream of hubStreams) {
    // One after the other: a hub that is short of room says so for the first that has none.
    const plan = planStream(stream, fleet, gateways, await hub.streamInfo(stream.name), now);
    streams.push(dryRun ? told(plan) : await perform(plan, hub));
  }
  const push = planPushStream(fleet, await hub.streamInfo(pushStream));
  if (push !== undefined) streams.push(dryRun ? told(push) : await perform(push, hub));
  const away = [...gateways].filter(([, found]) => found === undefined).map(([gateway]) => gateway);
  return { streams, away };
}

/** What streams each gateway has; undefined for one that does not answer. */
async function askGateways(names: readonly string[], ask: Ask): Promise<GatewayStreams> {
  const found = names.map(async (gateway) => {
    const there = new JetStreamApi((subject, payload, headers) =>
      ask(subject.replace("$JS.API.", `$JS.${gateway}.API.`), payload, headers),
    );
    const streams = await there.streamNames().catch(() => undefined);
    return [gateway, streams] as const;
  });
  return new Map(await Promise.all(found));
}

async function perform(plan: StreamPlan, hub: JetStreamApi): Promise<AppliedStream> {
  try {
    if (plan.action === "create") await hub.createStream(plan.config);
    if (plan.action === "update") await hub.updateStream(plan.config);
    return told(plan);
  } catch (caught) {
    return { ...told(plan), action: "failed", problem: toGatewayError(caught).message };
  }
}

function told({ stream, action, changes, problem }: StreamPlan): AppliedStream {
  return { stream, action, changes, ...(problem === undefined ? {} : { problem }) };
}
