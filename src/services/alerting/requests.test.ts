import { expect, test } from "vitest";
import { alertEndpoints } from "./requests.ts";
import { alertsOf, rule, testAlerts } from "./testing.ts";

async function desk() {
  const trip = rule({
    name: "trip",
    priority: "low",
    when: { kind: "is", tag: "press-1/trip", value: true },
  });
  const line = testAlerts(alertsOf(rule(), trip));
  const audited: object[] = [];
  const endpoints = alertEndpoints({
    gateway: "line1-gw",
    service: line.service,
    audit: async (entry) => {
      audited.push(entry);
      return Promise.resolve();
    },
  });
  const ask = async (name: string, request?: unknown): Promise<Record<string, unknown>> => {
    const endpoint = endpoints.find((one) => one.name === name);
    const payload = Buffer.from(request === undefined ? "" : JSON.stringify(request));
    return JSON.parse(String(await endpoint?.handle(payload, endpoint.subject))) as Record<string, unknown>;
  };
  await line.read(210);
  return { line, ask, audited, endpoints };
}

test("requests stand below the gateway's name", async () => {
  const { endpoints } = await desk();
  expect(endpoints.map(({ subject }) => subject)).toEqual(
    ["list", "report", "acknowledge", "reset", "shelve", "unshelve", "out-of-service", "in-service"].map(
      (name) => `alerting.line1-gw.${name}`,
    ),
  );
});

test("the list is filtered by state, priority and group", async () => {
  const { ask } = await desk();
  expect(await ask("list")).toMatchObject({ alerts: [{ alert: "overpressure" }, { alert: "trip" }] });
  expect(await ask("list", { state: "unacknowledged" })).toMatchObject({
    alerts: [{ alert: "overpressure" }],
  });
  expect(await ask("list", { priority: "low" })).toMatchObject({ alerts: [{ alert: "trip" }] });
});

test("a filter that nothing can be meant by is refused with what is allowed", async () => {
  const { ask } = await desk();
  await expect(ask("list", { state: "unacknowleged" })).rejects.toThrow(
    'there is no state "unacknowleged". Allowed: normal, unacknowledged, acknowledged, returned-unacknowledged, latched-unacknowledged, latched-acknowledged, shelved, suppressed, out-of-service. Did you mean unacknowledged?',
  );
  await expect(ask("list", { prio: "low" })).rejects.toThrow(
    'no filter is called "prio". Allowed: state, priority, group.',
  );
  await expect(ask("list", { priority: 1 })).rejects.toThrow("Allowed: critical, high, medium, low.");
  await expect(ask("list", { group: "press-1" })).rejects.toThrow(
    'there is no group "press-1". Allowed: none.',
  );
  for (const request of [{}, { by: "anna" }])
    expect(await ask("list", request)).toMatchObject({ alerts: [{}, {}] });
});

test("of several alerts none is acknowledged where there is no alert of one of the names", async () => {
  const { ask, line, audited } = await desk();
  const asked = ask("acknowledge", { alert: ["overpressure", "tripp"], by: "anna" });
  await expect(asked).rejects.toThrow('There is no alert "tripp". Did you mean trip? Nothing was done.');
  expect(line.stateOf()).toBe("unacknowledged");
  expect(audited).toMatchObject([{ alert: ["overpressure", "tripp"], by: "anna", ok: false }]);
});

test("who asks has a name", async () => {
  const { ask } = await desk();
  await expect(ask("acknowledge", { alert: "overpressure", by: " " })).rejects.toThrow(
    'The request\'s "by" is blank',
  );
});

test("who acknowledged is in the reply and in the audit trail", async () => {
  const { ask, audited } = await desk();
  const request = { alert: "overpressure", by: "anna", why: "seen" };
  expect(await ask("acknowledge", request)).toMatchObject({
    ok: true,
    alerts: [{ alert: "overpressure", state: "acknowledged", by: "anna", why: "seen" }],
  });
  expect(audited).toMatchObject([
    { action: "acknowledge", alert: "overpressure", by: "anna", why: "seen", ok: true },
  ]);
});

test("several are acknowledged at once, and those that can't be are named", async () => {
  const { ask, line, audited } = await desk();
  const asked = ask("acknowledge", { alert: ["overpressure", "trip"], by: "anna" });
  await expect(asked).rejects.toThrow("trip has nothing to acknowledge.");
  expect(line.stateOf()).toBe("acknowledged");
  expect(audited).toMatchObject([{ ok: true }, { ok: false, message: "trip has nothing to acknowledge." }]);
});

test("shelving needs an end", async () => {
  const { ask, line } = await desk();
  const asked = (span: unknown) => ask("shelve", { alert: "overpressure", by: "anna", for: span });
  for (const span of [undefined, "8", "8d", -1, "0s"])
    await expect(asked(span)).rejects.toThrow('Shelving needs an end: expected "for" with a duration');
  await asked("8h");
  expect(line.stateOf()).toBe("shelved");
  expect(line.service.list()[0]?.["shelvedUntil"]).toBe(line.clock.now() + 8 * 3_600_000);
  await line.clock.pass(8 * 3_600_000);
  expect(line.stateOf()).toBe("unacknowledged");
});

test("a request that is not understood says what is expected, and is audited", async () => {
  const { ask, audited } = await desk();
  await expect(ask("acknowledge", { alert: "overpressure" })).rejects.toThrow(
    'The request\'s "by" is no text',
  );
  await expect(ask("acknowledge", ["overpressure"])).rejects.toThrow("The request is not an object");
  await expect(ask("acknowledge", { alert: "nosuch", by: "anna" })).rejects.toThrow(
    'There is no alert "nosuch".',
  );
  await expect(ask("acknowledge", { alert: [], by: "anna" })).rejects.toThrow("No alert is named");
  expect(audited).toMatchObject([{ ok: false }, { ok: false }, { ok: false }, { ok: false }]);
});

test("the report names what stands, chatters and comes most", async () => {
  const { ask, line } = await desk();
  for (const value of [150, 210, 150, 210]) await line.read(value);
  expect(await ask("report")).toMatchObject({
    flood: { active: false },
    chattering: ["overpressure"],
    standing: [],
    mostFrequent: [{ alert: "overpressure", count: 3 }],
    unacknowledged: ["overpressure"],
  });
  await line.clock.pass(86_400_001);
  expect(await ask("report")).toMatchObject({ chattering: [], standing: [{ alert: "overpressure" }] });
});
