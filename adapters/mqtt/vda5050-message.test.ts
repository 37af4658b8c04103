import fc from "fast-check";
import { expect, test } from "vitest";
import { headerFlaw, messageFlaw } from "./vda5050-message.ts";

const action = { actionType: "pick", actionId: "a-1", blockingType: "HARD" };
const node = { nodeId: "dock", sequenceId: 0, released: true, actions: [action] };
const edge = {
  edgeId: "e-1",
  sequenceId: 1,
  released: true,
  startNodeId: "dock",
  endNodeId: "press",
  actions: [],
};
const order = { orderId: "7", orderUpdateId: 0, nodes: [node], edges: [edge] };
const vehicle = { manufacturer: "KUKA", serialNumber: "0001" };

test("a sound order, sound instant actions and what is neither are let through", () => {
  expect(messageFlaw("order", { ...order, zoneSetId: "z" })).toBeUndefined();
  expect(messageFlaw("instantActions", { actions: [action] })).toBeUndefined();
  expect(messageFlaw("visualization", {})).toBeUndefined();
  expect(messageFlaw("constructor", {})).toBeUndefined();
});

test.each<[string, object, string]>([
  ["order", {}, "orderId is missing: expected a text"],
  ["order", { ...order, orderId: 7 }, "orderId is not a text"],
  ["order", { ...order, orderUpdateId: -1 }, "orderUpdateId is not a whole number of 0 to 4294967295"],
  ["order", { ...order, orderUpdateId: "0" }, "orderUpdateId is not a whole number"],
  ["order", { ...order, nodes: [] }, "nodes is not a list with something in it"],
  ["order", { ...order, nodes: {} }, "nodes is not a list"],
  ["order", { ...order, nodes: [node, null] }, "nodes/1 is no object"],
  ["order", { ...order, nodes: [{ ...node, released: "yes" }] }, "nodes/0/released is not true or false"],
  ["order", { ...order, edges: [{ ...edge, endNodeId: undefined }] }, "edges/0/endNodeId is missing"],
  ["instantActions", {}, "actions is missing"],
  [
    "instantActions",
    { actions: [{ ...action, blockingType: "hard" }] },
    "actions/0/blockingType is not NONE, SOFT, HARD",
  ],
])("%s %j: %s", (name, message, flaw) => {
  expect(messageFlaw(name, message as Record<string, unknown>)).toContain(flaw);
});

test("an order without any one of its required fields is refused by that field's name", () => {
  fc.assert(
    fc.property(fc.constantFrom("orderId", "orderUpdateId", "nodes", "edges"), (key) => {
      expect(messageFlaw("order", { ...order, [key]: undefined })).toMatch(`${key} is missing`);
    }),
  );
});

test.each<[object, string | undefined]>([
  [{}, undefined],
  [{ version: "2.1.0", timestamp: "2026-11-23T16:00:00Z", ...vehicle }, undefined],
  [{ headerId: 1 }, "headerId is counted by the gateway: leave it out"],
  [{ serialNumber: "0002" }, "serialNumber is another vehicle's: this one's is 0001"],
  [{ manufacturer: 5 }, "manufacturer is another vehicle's: this one's is KUKA"],
  [{ version: 2 }, "version is not a text such as 2.0.0"],
  [{ version: ["2.0.0"] }, "version is not a text such as 2.0.0"],
  [{ timestamp: "soon" }, "timestamp is not a time such as 2026-11-23T16:00:00.000Z"],
])("of the header %j: %s", (message, flaw) => {
  expect(headerFlaw(message as Record<string, unknown>, vehicle)).toBe(flaw);
});
