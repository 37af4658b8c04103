import fc from "fast-check";
import { expect, test } from "vitest";
import { ms } from "../../src/adapter-kit/index.ts";
import { perMillisecond } from "./bus-load.ts";
import { deviceOf, tagOf } from "./mapping-fixture.ts";
import { planModbus } from "./plan.ts";

const fast = { name: "fast", interval: ms(50) };
const normal = { name: "normal", interval: ms(1_000) };
const cost = { request: "4ms", register: "0.5ms" };

const press = deviceOf(
  [
    tagOf({ address: "holding:40", type: "float32" }, { name: "ram/pressure", poll: normal }),
    tagOf({ address: "holding:56", type: "float32" }, { name: "ram/stroke", poll: normal }),
    tagOf({ address: "discrete:0" }, { name: "cycle/done", poll: fast }),
  ],
  { options: { requests: { cost: { request: "5ms", register: "0.01ms" } } } },
);

test("a plan lists the requests of each poll group in words that can be checked against a manual", () => {
  const [bus] = planModbus([press]);
  expect(bus?.bus).toBe("tcp 127.0.0.1:502");
  expect(bus?.devices).toEqual([
    {
      device: "press-1",
      groups: [
        {
          group: "fast",
          intervalMs: 50,
          requests: [
            { text: "FC 2 read discrete inputs 0 (1)", tags: ["cycle/done"], costMs: expect.closeTo(5) },
          ],
        },
        {
          group: "normal",
          intervalMs: 1_000,
          requests: [
            {
              text: "FC 3 read holding registers 40..57 (18)",
              tags: ["ram/pressure", "ram/stroke"],
              costMs: expect.closeTo(5.18),
            },
          ],
        },
      ],
    },
  ]);
  expect(bus?.load).toBeCloseTo(5 / 50 + 5.18 / 1_000, 3);
  expect(bus?.cycleMs).toBeCloseTo(10.18, 2);
  expect(bus?.warnings).toEqual([]);
});

test("devices with the same host and port share a bus, whatever their unit id", () => {
  const second = deviceOf(press.tags, { device: "press-2", connection: { unitId: 2 } });
  const third = deviceOf(press.tags, { device: "press-3", connection: { port: 1_502 } });
  const buses = planModbus([press, second, third]);
  expect(buses.map(({ bus, devices }) => [bus, devices.map(({ device }) => device)])).toEqual([
    ["tcp 127.0.0.1:502", ["press-1", "press-2"]],
    ["tcp 127.0.0.1:1502", ["press-3"]],
  ]);
});

test("hosts that differ in case alone share a bus", () => {
  const named = (device: string, host: string) => deviceOf(press.tags, { device, connection: { host } });
  const buses = planModbus([named("press-1", "LOCALHOST"), named("press-2", "localhost")]);
  expect(buses.map(({ bus, devices }) => [bus, devices.length])).toEqual([["tcp localhost:502", 2]]);
});

test("what two groups share is paid for once where both are due", () => {
  const tags = [
    tagOf({ address: "holding:0" }, { name: "a", poll: { name: "fast", interval: ms(10) } }),
    tagOf({ address: "holding:1" }, { name: "b", poll: { name: "slow", interval: ms(20) } }),
  ];
  const [bus] = planModbus([deviceOf(tags, { options: { requests: { cost } } })]);
  // Every 20 ms: once one register (4.5 ms), once two (5 ms).
  expect(bus?.load).toBeCloseTo(9.5 / 20);
  expect(bus?.requestsPerSecond).toBeCloseTo(100);
});

test("the pause between requests is a part of each request's cost", () => {
  const tags = [tagOf({ address: "holding:0" }, { poll: normal })];
  const connection = { pauseBetweenRequests: "20ms" };
  const [bus] = planModbus([deviceOf(tags, { connection, options: { requests: { cost } } })]);
  expect(bus?.cycleMs).toBeCloseTo(24.5);
});

test("a group whose requests take longer than its interval is warned of, with the reason", () => {
  const spread = [0, 1_000, 2_000].map((offset) =>
    tagOf({ address: `holding:${offset}` }, { name: `t${offset}`, poll: { name: "fast", interval: ms(10) } }),
  );
  const long = tagOf(
    { address: "holding:0", type: "string(100)" },
    { poll: { name: "fast", interval: ms(10) } },
  );
  const requests = { cost };
  expect(planModbus([deviceOf(spread, { options: { requests } })])[0]?.warnings).toEqual([
    "press-1: fast (10ms) can't be met: its 3 requests take 13.5 ms.",
    "The bus is asked for 135 % of its time, so not all rates can be met: press-1: fast (10ms) asks for 135 %.",
  ]);
  expect(planModbus([deviceOf([long], { options: { requests } })])[0]?.warnings[0]).toBe(
    "press-1: fast (10ms) can't be met: one of its requests alone takes 29 ms.",
  );
});

test("devices that together ask for more than a shared bus has are named, the greediest first", () => {
  const devices = [20, 10, 5].map((interval, index) =>
    deviceOf([tagOf({ address: "holding:0" }, { poll: { name: "fast", interval: ms(interval) } })], {
      device: `meter-${index + 1}`,
      connection: { unitId: index + 1 },
      options: { requests: { cost } },
    }),
  );
  const [bus] = planModbus(devices);
  expect(bus?.load).toBeCloseTo(4.5 / 20 + 4.5 / 10 + 4.5 / 5);
  expect(bus?.warnings).toEqual([
    "The bus is asked for 158 % of its time, so not all rates can be met: meter-3: fast (5ms) asks for 90 %, " +
      "meter-2: fast (10ms) asks for 45 %, meter-1: fast (20ms) asks for 23 %.",
  ]);
});

test("a rate that holds on average but not when all is due at once is warned of", () => {
  const tags = [
    tagOf({ address: "holding:0" }, { name: "a", poll: { name: "fast", interval: ms(10) } }),
    tagOf({ address: "holding:1000", type: "string(100)" }, { name: "b", poll: normal }),
  ];
  const [bus] = planModbus([deviceOf(tags, { options: { requests: { cost } } })]);
  expect(bus?.load).toBeLessThan(1);
  expect(bus?.warnings).toEqual([
    "press-1: fast (10ms) may be late at times: a round of the whole bus takes 33.5 ms.",
  ]);
});

const character = 10 / 9.6;
const drive = (keys: object = {}, device = "drive-1") =>
  deviceOf(
    [
      tagOf({ address: "holding:0", event: true }, { name: "fault/tripped", poll: fast }),
      tagOf({ address: "holding:10", type: "string(200)" }, { name: "name", poll: normal }),
    ],
    {
      device,
      connection: { transport: "rtu", port: "/dev/ttyUSB0", baud: 9_600, parity: "none", ...keys },
      options: { requests: { cost: { request: "2ms", register: "0ms" } } },
    },
  );

test("on a serial line a request costs its characters, the device's own time and the silence", () => {
  const [bus] = planModbus([drive()]);
  expect(bus?.bus).toBe("rtu /dev/ttyUSB0 9600 8N1");
  const costs = bus?.devices[0]?.groups.map(({ requests }) => requests.map(({ costMs }) => costMs));
  expect(costs).toEqual([
    [expect.closeTo(15 * character + 2 + 3.5 * character)],
    [expect.closeTo(213 * character + 2 + 3.5 * character)],
  ]);
});

test("an ASCII line takes twice the characters and no silence", () => {
  const [bus] = planModbus([drive({ transport: "ascii", dataBits: 8 })]);
  expect(bus?.devices[0]?.groups[0]?.requests[0]?.costMs).toBeCloseTo((32 * 10) / 9.6 + 2);
});

test("the worst wait of a write or an event tag is the longest request of the bus, and the change of unit", () => {
  const [bus] = planModbus([drive(), drive({ unitId: 2, turnaround: "5ms" }, "drive-2")]);
  const longest = (216.5 * 10) / 9.6 + 2;
  expect(bus?.worstWait?.answeredMs).toBeCloseTo(longest + 5);
  expect(bus?.worstWait?.unansweredMs).toBeCloseTo(500 + (8 * 10) / 9.6 + 20 + 5);
  expect(bus?.cycleMs).toBeCloseTo(2 * (longest + (18.5 * 10) / 9.6 + 2) + 5);
});

/** Units on one line, each with one tag, polled at these intervals with these turnarounds; ms. */
function unitsOn(...units: readonly (readonly [interval: number, turnaround: number])[]) {
  const devices = units.map(([interval, turnaround], index) =>
    deviceOf([tagOf({ address: "holding:0" }, { poll: { name: "fast", interval: ms(interval) } })], {
      device: `unit-${index + 1}`,
      connection: { ...line, unitId: index + 1, turnaround: `${turnaround}ms` },
      options: { requests: { cost: { request: "2ms", register: "0ms" } } },
    }),
  );
  const [bus] = planModbus(devices);
  return bus;
}

test("a unit is turned to no more often than others are asked in between", () => {
  const request = (15 + 3.5) * character + 2;
  const bus = unitsOn([50, 50], [10_000, 50]);
  expect(bus?.load).toBeCloseTo(request / 50 + (request + 100) / 10_000);
  expect(bus?.warnings.filter((text) => text.includes("of its time"))).toEqual([]);
});

test("where units take turns all the time, what that takes is said", () => {
  const bus = unitsOn([50, 30], [50, 30]);
  expect(bus?.warnings.at(-1)).toMatch(
    /^The bus is asked for \d+ % of its time.*; the changes of unit take 120 %\.$/,
  );
});

test("the load that turnarounds add is at least none, and at most one at each tick and two a request of others", () => {
  const interval = fc.integer({ min: 10, max: 10_000 });
  const turnaround = fc.integer({ min: 0, max: 100 });
  fc.assert(
    fc.property(interval, interval, turnaround, (one, other, pause) => {
      const turned = unitsOn([one, pause], [other, pause])?.load ?? 0;
      const straight = unitsOn([one, 0], [other, 0])?.load ?? 0;
      const changes = Math.min(1 / one + 1 / other, 2 / one, 2 / other);
      expect(turned - straight).toBeGreaterThan(-1e-9);
      expect(turned - straight).toBeLessThan(pause * changes + 1e-9);
    }),
  );
});

const line = { transport: "rtu", port: "/dev/ttyUSB0", baud: 9_600, parity: "none" };
const ownTime = { requests: { cost: { request: "2ms", register: "1ms" } } };

/** The worst wait on a line of one device with a short poll and one tag that is written. */
function waitBehind(
  written: { address: string; type?: string },
  writes: object = {},
  connection: object = {},
) {
  const tags = [
    tagOf({ address: "holding:0", event: true }, { name: "fault/tripped", poll: fast }),
    tagOf(written, { name: "run", poll: fast, write: { options: {} } }),
  ];
  const device = deviceOf(tags, { connection: { ...line, ...connection }, options: { ...ownTime, writes } });
  const [bus] = planModbus([device]);
  return bus?.worstWait;
}

test("the worst wait counts both requests of a bit that is written by read-modify-write", () => {
  const read = 15 * character + 2 + 1 + 3.5 * character;
  const write = 16 * character + 2 + 1 + 3.5 * character;
  const wait = waitBehind({ address: "holding:1.3" });
  expect(wait?.answeredMs).toBeCloseTo(read + write);
  // The read is answered, and the unit falls silent at the write.
  expect(wait?.unansweredMs).toBeCloseTo(read + 8 * character + 500 + 20);
  const multiple = waitBehind({ address: "holding:1.3" }, { single: "multiple" });
  expect(multiple?.answeredMs).toBeCloseTo(read + write + 3 * character);
});

test.each([
  ["holding:1.3", undefined, { bits: "mask-write" }, 20 + 3.5, 3],
  ["coil:1", undefined, {}, 16 + 3.5, 2],
  ["coil:1", undefined, { single: "multiple" }, 18 + 3.5, 2],
  ["holding:1", "uint16", {}, 16 + 3.5, 3],
  ["holding:1", "float32", {}, 13 + 8 + 3.5, 4],
])(
  "a write of %s as %s (%j) keeps the line for one request",
  (address, type, writes, characters, deviceMs) => {
    const wait = waitBehind(type === undefined ? { address } : { address, type }, writes);
    expect(wait?.answeredMs).toBeCloseTo(characters * character + deviceMs);
  },
);

test("in ASCII a read-modify-write takes its own characters, on TCP the device's time alone", () => {
  const ascii = waitBehind({ address: "holding:1.3" }, {}, { transport: "ascii", dataBits: 8 });
  expect(ascii?.answeredMs).toBeCloseTo((32 + 34) * character + 2 * 3);
  const tcp = deviceOf([tagOf({ address: "holding:1.3" }, { write: { options: {} } })], { options: ownTime });
  expect(planModbus([tcp])[0]?.worstWait?.answeredMs).toBeCloseTo(2 * 3);
});

test("a rate that the baud rate forbids is said with both", () => {
  const tags = [tagOf({ address: "holding:0", type: "string(200)" }, { poll: fast })];
  const connection = { transport: "rtu", port: "/dev/ttyUSB0", baud: 9_600 };
  const [bus] = planModbus([deviceOf(tags, { connection })]);
  expect(bus?.warnings[0]).toBe(
    "press-1: fast (50ms) can't be met: one of its requests alone takes 254 ms at 9600 baud.",
  );
});

test("an event tag shares no request with others, however near", () => {
  const tags = [
    tagOf({ address: "holding:0", event: true }, { name: "a", poll: fast }),
    tagOf({ address: "holding:1" }, { name: "b", poll: fast }),
    tagOf({ address: "holding:2", event: true }, { name: "c", poll: fast }),
  ];
  const groups = planModbus([deviceOf(tags)])[0]?.devices[0]?.groups;
  expect(groups?.[0]?.requests.map((request) => request.tags)).toEqual([["a", "c"], ["b"]]);
});

test("a device without polled tags asks for nothing", () => {
  expect(planModbus([deviceOf([])])).toEqual([
    {
      bus: "tcp 127.0.0.1:502",
      devices: [{ device: "press-1", groups: [] }],
      load: 0,
      requestsPerSecond: 0,
      cycleMs: 0,
      warnings: [],
    },
  ]);
});

test("intervals with fractions meet where they should, whatever their sums are rounded to", () => {
  const groups = [1.1, 3.3].map((interval, index) => ({ name: `g${index}`, interval: ms(interval) }));
  expect(perMillisecond(groups, () => 1)).toBeCloseTo(1 / 1.1);
});

test("the load of intervals that hardly ever meet, or have fractions, is still reckoned", () => {
  const groups = [7.001, 11.003, 13.1].map((interval, index) => ({
    name: `g${index}`,
    interval: ms(interval),
  }));
  const apart = groups.reduce((total, { interval }) => total + 1 / interval, 0);
  expect(perMillisecond(groups, (due) => due.length)).toBeCloseTo(apart, 2);
});
