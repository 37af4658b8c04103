import { expect, test } from "vitest";
import { deviceFile, FakeHub, push, pushFile } from "../../services/push-down/testing.ts";
import { parseWanted, resultSubject, wantedSubject } from "../../services/push-down/order.ts";

const standing = async (hub: FakeHub) => {
  const found = await hub.get(wantedSubject("line1-gw"));
  return found === undefined ? [] : parseWanted(found.data).orders.map(({ name }) => name);
};

const tile = (hub: FakeHub, n: number) => pushFile(hub, `files/tile-${n}`, `${n}`);

test("where 64 orders wait that nobody has answered the next is refused, and none that waits is pushed out", async () => {
  const hub = new FakeHub();
  for (let n = 0; n < 64; n += 1) await tile(hub, n);
  const before = await hub.subjects("push.line1-gw.>");
  await expect(tile(hub, 64)).rejects.toMatchObject({
    code: "WRITE_REFUSED",
    message: expect.stringContaining("64 orders wait for line1-gw already"),
  });
  expect(await standing(hub)).toEqual(Array.from({ length: 64 }, (_, n) => `files/tile-${n}`));
  expect(await hub.subjects("push.line1-gw.>")).toEqual(before);
  await pushFile(hub, "files/tile-5", "newer");
  expect(await standing(hub)).toHaveLength(64);
});

test("what the gateway has answered gives way, the oldest first", async () => {
  const hub = new FakeHub();
  const orders = [];
  for (let n = 0; n < 64; n += 1) orders.push(await tile(hub, n));
  const outcomes = [orders[7], orders[3]].map((order) => ({ id: order?.id, outcome: "applied" }));
  await hub.put(resultSubject("line1-gw"), JSON.stringify({ at: 1, orders: outcomes }));
  await tile(hub, 64);
  const names = await standing(hub);
  expect(names).toHaveLength(64);
  expect(names).not.toContain("files/tile-3");
  expect(names).toContain("files/tile-7");
  expect(names.at(-1)).toBe("files/tile-64");
});

test("a push that the hub refuses halfway leaves none of its bytes there, and those of others", async () => {
  const hub = new FakeHub();
  await push(hub, { "devices/press-1.yaml": deviceFile("press-1") });
  const before = await hub.subjects("push.line1-gw.blob.>");
  const put = hub.put.bind(hub);
  let pieces = 0;
  hub.put = async (subject, payload, after) => {
    if (subject.includes(".blob.") && (pieces += 1) > 2) throw new Error("maximum bytes exceeded");
    return put(subject, payload, after);
  };
  await expect(pushFile(hub, "files/map", "x".repeat(2_000_000))).rejects.toThrow("maximum bytes exceeded");
  expect(pieces).toBe(3);
  expect(await hub.subjects("push.line1-gw.blob.>")).toEqual(before);
});
