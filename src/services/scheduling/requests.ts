import { GatewayError } from "../../domain/errors.ts";
import type { Endpoint } from "../../nats/service-endpoint.ts";
import { optionalText, readFields, textField } from "../request-fields.ts";
import { holds } from "./condition.ts";
import type { Request } from "./decide.ts";
import type { SchedulingService } from "./scheduling-service.ts";

export interface RequestOptions {
  readonly gateway: string;
  readonly service: Pick<SchedulingService, "plan" | "state" | "request">;
  /** Takes each request and what became of it. */
  readonly audit: (entry: object) => Promise<void>;
}

const actions = ["trigger", "hold", "resume"] as const;
const expected = 'expected a JSON object such as {"station":"weld","by":"anna"}';

const expectedOfState = "expected nothing, or a JSON object";

/** What people and line services may ask of the line, on `scheduling.<gateway>.…`. */
export function lineEndpoints(options: RequestOptions): readonly Endpoint[] {
  const subject = (name: string) => `scheduling.${options.gateway}.${name}`;
  const state: Endpoint = {
    name: "state",
    subject: subject("state"),
    metadata: { reply: '{"stations":[{"name","phase","part","held","waiting",…}]}' },
    handle: (payload) => {
      checkQuestion(payload);
      return JSON.stringify({ stations: describeLine(options.service) });
    },
  };
  const acting = actions.map((name): Endpoint => ({
    name,
    subject: subject(name),
    metadata: { request: '{"station":…,"by":…,"why":…,"part":…}' },
    handle: (payload) => act(options, name, payload),
  }));
  return [state, ...acting];
}

async function act(
  { service, audit }: RequestOptions,
  kind: (typeof actions)[number],
  payload: Uint8Array,
): Promise<string> {
  const asked = { action: kind };
  let fields: ReturnType<typeof readRequest>;
  try {
    fields = readRequest(payload);
  } catch (caught) {
    await audit({ ...asked, ok: false, message: caught instanceof Error ? caught.message : String(caught) });
    throw caught;
  }
  const refused = await service.request({ kind, ...fields } satisfies Request);
  await audit({
    ...asked,
    ...fields,
    ok: refused === undefined,
    ...(refused === undefined ? {} : { message: refused }),
  });
  if (refused !== undefined) throw new GatewayError("WRITE_REFUSED", refused);
  return JSON.stringify({ ok: true, ...describeLine(service).find(({ name }) => name === fields.station) });
}

/** Nothing, or an object: nothing in it is needed, but a `by` that is there says who asks. Throws WRITE_REFUSED. */
function checkQuestion(payload: Uint8Array): void {
  if (payload.length > 0) optionalText(readFields(payload, expectedOfState).get("by"), "by", expectedOfState);
}

/** Throws WRITE_REFUSED with what is expected. */
function readRequest(payload: Uint8Array) {
  const given = readFields(payload, expected);
  return {
    station: textField(given.get("station"), "station", expected),
    by: textField(given.get("by"), "by", expected),
    ...optionalText(given.get("why"), "why", expected),
    ...optionalText(given.get("part"), "part", expected),
  };
}

interface DescribedStation {
  readonly name: string;
  readonly [field: string]: unknown;
}

/** Every station as an operator wants to know it. */
export function describeLine({ plan, state }: RequestOptions["service"]): readonly DescribedStation[] {
  return [...plan.stations.values()].map(({ name, ready }) => {
    const station = state.stations.get(name);
    const waiting = Object.entries(station?.waiting ?? {}).map(([from, tokens]): [string, string[]] => [
      from,
      tokens.map(({ part }) => part),
    ]);
    return {
      name,
      phase: station?.phase ?? "idle",
      part: station?.cycle?.part ?? null,
      cycle: station?.cycle?.number ?? null,
      held: station?.held ?? null,
      notReady: [
        ...ready.filter((condition) => !holds(condition, state.facts)).map(({ tag }) => tag),
        ...(plan.writesTo.get(name) ?? []).filter((device) => !state.online.has(device)),
      ],
      waiting: Object.fromEntries(waiting),
      blockedBy: station?.blockedBy ?? [],
      sequence: station?.sequence ?? 0,
    };
  });
}
