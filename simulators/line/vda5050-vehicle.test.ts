import { expect, test } from "vitest";
import { newAgv } from "./agv.ts";
import { agvMessage } from "./agv-message.ts";
import { defaultInput, newLine, stepLine, type LineState } from "./line.ts";
import { seededRandom } from "./random.ts";
import { Vda5050Vehicle } from "./vda5050-vehicle.ts";

const order = (orderId: string, nodeId: string, orderUpdateId = 0) => ({
  orderId,
  orderUpdateId,
  nodes: [
    {
      nodeId,
      sequenceId: 0,
      released: true,
      actions: [{ actionId: "drop-1", actionType: "drop", blockingType: "HARD" }],
    },
  ],
  edges: [],
});
const instant = (actionType: string) => ({ actions: [{ actionId: actionType, actionType }] });

/** The line for `seconds`, its AGV told what the vehicle was told. */
function drive(line: LineState, vehicle: Vda5050Vehicle, seconds: number): LineState {
  const random = seededRandom(3);
  let next = line;
  for (let elapsed = 0; elapsed < seconds; elapsed += 0.05) {
    const input = { ...defaultInput, agvPaused: vehicle.paused, agvGoal: vehicle.goal };
    next = stepLine(next, input, 0.05, random);
    vehicle.follow(next.agv);
  }
  return next;
}

test("an order sends it to its last node, where the actions are done", () => {
  const vehicle = new Vda5050Vehicle();
  vehicle.receive("x/order", order("7", "charger"));
  expect(vehicle.actionStates).toMatchObject([{ actionId: "drop-1", actionStatus: "WAITING" }]);
  expect(agvMessage(newAgv, vehicle, "x/state", 1)).toMatchObject({
    orderId: "7",
    nodeStates: [{ nodeId: "charger" }],
  });
  const line = drive({ ...newLine, agv: { ...newAgv, charge: 30 } }, vehicle, 30);
  expect(line.agv).toMatchObject({ task: "charging", stop: "charger" });
  expect(vehicle.actionStates).toMatchObject([{ actionStatus: "FINISHED" }]);
  expect(agvMessage(line.agv, vehicle, "x/state", 2)).toMatchObject({ orderId: "7", nodeStates: [] });
});

test.each<[string, unknown, string]>([
  ["no object", "go", "validationError"],
  ["an order without nodes", { orderId: "1", orderUpdateId: 0, nodes: [] }, "validationError"],
  ["a node without an id", { orderId: "1", orderUpdateId: 0, nodes: [{}] }, "validationError"],
  ["a node that is not there", order("1", "moon"), "noRouteError"],
])("%s is an error and no order", (_what, message, errorType) => {
  const vehicle = new Vda5050Vehicle();
  vehicle.receive("x/order", message);
  expect(vehicle.errors).toMatchObject([{ errorType, errorLevel: "WARNING" }]);
  expect(vehicle.order).toBeUndefined();
});

test("a new order waits for the old one's end, an update does not", () => {
  const vehicle = new Vda5050Vehicle();
  vehicle.receive("x/order", order("1", "store"));
  vehicle.receive("x/order", order("2", "charger"));
  expect(vehicle.errors).toMatchObject([{ errorType: "orderUpdateError" }]);
  vehicle.receive("x/order", order("1", "charger", 1));
  expect([vehicle.order?.orderUpdateId, vehicle.goal, vehicle.errors]).toEqual([1, "charger", []]);
  vehicle.receive("x/order", order("1", "store", 0));
  expect(vehicle.goal).toBe("charger");
});

test("instant actions pause it, let it go on, cancel its order and ask for its factsheet", () => {
  const vehicle = new Vda5050Vehicle();
  vehicle.receive("x/instantActions", instant("startPause"));
  const paused = drive(newLine, vehicle, 5);
  expect([paused.agv.x, paused.agv.speed]).toEqual([newAgv.x, 0]);
  vehicle.receive("x/instantActions", instant("stopPause"));
  expect(drive(paused, vehicle, 5).agv.x).not.toBe(newAgv.x);
  expect(agvMessage(newAgv, vehicle, "x/factsheet", 1)).toBeUndefined();
  vehicle.receive("x/instantActions", instant("factsheetRequest"));
  expect(agvMessage(newAgv, vehicle, "x/factsheet", 1)).toHaveProperty("typeSpecification");
  expect(agvMessage(newAgv, vehicle, "x/factsheet", 1)).toBeUndefined();
  vehicle.receive("x/order", order("1", "store"));
  vehicle.receive("x/instantActions", instant("cancelOrder"));
  expect(vehicle.goal).toBeUndefined();
  vehicle.receive("x/instantActions", instant("cancelOrder"));
  vehicle.receive("x/instantActions", instant("dance"));
  expect(vehicle.errors.map(({ errorType }) => errorType)).toEqual(["noOrderToCancel", "instantActionError"]);
  expect(vehicle.actionStates.find(({ actionType }) => actionType === "dance")?.actionStatus).toBe("FAILED");
});

test("it remembers the last actions and errors, not all there ever were", () => {
  const vehicle = new Vda5050Vehicle();
  for (let number = 0; number < 50; number += 1)
    vehicle.receive("x/instantActions", instant(`odd-${number}`));
  expect([vehicle.actionStates.length, vehicle.errors.length]).toEqual([10, 10]);
});
