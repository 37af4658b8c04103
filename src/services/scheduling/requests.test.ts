import { expect, test } from "vitest";
import { lineEndpoints } from "./requests.ts";
import { pressAndWelder, testLine } from "./testing.ts";

function asked() {
  const line = testLine(pressAndWelder({ ready: [{ tag: "welder-1/worn", is: false }] }));
  const audit: object[] = [];
  const endpoints = lineEndpoints({
    gateway: "line1-gw",
    service: line.service,
    audit: async (entry) => {
      audit.push(entry);
    },
  });
  const ask = async (name: string, request: unknown): Promise<unknown> => {
    const endpoint = endpoints.find((one) => one.name === name);
    const payload = Buffer.from(typeof request === "string" ? request : JSON.stringify(request));
    return JSON.parse(String(await endpoint?.handle(payload, endpoint.subject)));
  };
  return { ...line, audit, endpoints, ask };
}

test("the state of the line tells each station's phase, part, what waits before it and what it is not ready for", async () => {
  const { read, ask } = asked();
  await read("press-1/done", false);
  await read("press-1/done", true);
  expect(await ask("state", {})).toEqual({
    stations: [
      expect.objectContaining({ name: "press", phase: "idle", notReady: [], waiting: {}, sequence: 1 }),
      {
        name: "weld",
        phase: "idle",
        part: null,
        cycle: null,
        held: null,
        notReady: ["welder-1/worn"],
        waiting: { press: ["press-1"] },
        blockedBy: [],
        sequence: 0,
      },
    ],
  });
});

test("a station is held, resumed and triggered by somebody, and every request is in the audit", async () => {
  const { ask, audit } = asked();
  const hold = { station: "weld", by: "anna", why: "electrodes" };
  expect(await ask("hold", hold)).toMatchObject({
    ok: true,
    name: "weld",
    held: { by: "anna", why: "electrodes" },
  });
  await expect(ask("trigger", { station: "weld", by: "bert" })).rejects.toMatchObject({
    code: "WRITE_REFUSED",
    message: "weld is held by anna; resume it first.",
  });
  expect(await ask("resume", { station: "weld", by: "bert" })).toMatchObject({ held: null });
  expect(await ask("trigger", { station: "weld", by: "bert", part: "P-7" })).toMatchObject({
    phase: "preparing",
    part: "P-7",
  });
  expect(audit).toEqual([
    { action: "hold", ...hold, ok: true },
    expect.objectContaining({
      action: "trigger",
      by: "bert",
      ok: false,
      message: expect.stringContaining("held"),
    }),
    expect.objectContaining({ action: "resume", ok: true }),
    expect.objectContaining({ action: "trigger", part: "P-7", ok: true }),
  ]);
});

test.each([
  ["", "is not JSON"],
  ["[]", "is not an object"],
  ["{}", '"station" is no text'],
  ['{"station":"weld"}', '"by" is no text'],
  ['{"station":"weld","by":""}', '"by" is blank'],
  ['{"station":"weld","by":" \\t "}', '"by" is blank'],
  ['{"station":7,"by":"anna"}', '"station" is no text'],
  ['{"station":"weld","by":{"name":"anna"}}', '"by" is no text'],
  [`{"station":"weld","by":"${"a".repeat(201)}"}`, '"by" is longer than 200 characters'],
  ['{"station":"weld","by":"anna","why":" "}', '"why" is blank'],
  ['{"station":"weld","by":"anna","part":12}', '"part" is no text'],
])(
  "the request %j is refused with what is wrong and what is expected, and audited",
  async (request, wrong) => {
    for (const name of ["hold", "resume", "trigger"]) {
      const { ask, audit } = asked();
      await expect(ask(name, request)).rejects.toMatchObject({
        code: "WRITE_REFUSED",
        message: expect.stringContaining(wrong),
      });
      await expect(ask(name, request)).rejects.toThrow('{"station":"weld","by":"anna"}');
      expect(audit).toMatchObject([
        { action: name, ok: false },
        { action: name, ok: false },
      ]);
    }
  },
);

test.each(["garbage", "[]", '{"by":" "}', '{"by":7}'])(
  "the question %j is refused with what is expected",
  async (question) => {
    await expect(asked().ask("state", question)).rejects.toMatchObject({
      code: "WRITE_REFUSED",
      message: expect.stringContaining("expected nothing, or a JSON object"),
    });
  },
);

test("the state is asked for with nothing, or with whoever asks", async () => {
  for (const question of ["", "{}", '{"by":"anna"}'])
    expect(await asked().ask("state", question)).toMatchObject({ stations: [{}, {}] });
});
