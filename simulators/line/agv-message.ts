import { agvCapacity, type AgvState } from "./agv.ts";
import type { Vda5050Vehicle } from "./vda5050-vehicle.ts";

/** kg of one finished part. */
const partWeight = 18.4;

/** To the decimals that a vehicle reports. */
function rounded(value: number, decimals: number): number {
  return Number(value.toFixed(decimals));
}

/** The figures of an AGV as it reports them: mm, mrad, tenths of a percent. */
export function reported({ x, y, theta, speed, charge, load, odometer }: AgvState) {
  return {
    x: rounded(x, 3),
    y: rounded(y, 3),
    theta: rounded(theta, 3),
    speed: rounded(speed, 3),
    charge: rounded(charge, 1),
    voltage: rounded(44 + charge * 0.08, 2),
    weight: rounded(load * partWeight, 1),
    odometer: rounded(odometer, 1),
  };
}

/** The header of every message. VDA 5050 V2.0.0 §6.5. */
interface Header {
  readonly headerId: number;
  readonly timestamp: string;
  readonly version: string;
  readonly manufacturer: string;
  readonly serialNumber: string;
}

/** Who a vehicle is, where its mapping does not say. */
const unnamed = { version: "2.0.0", manufacturer: "Linegate", serialNumber: "SIM-1" };

/**
 * What a vehicle says on one of its topics beside the mapped tags, as a real vehicle's messages do (VDA 5050 V2.0.0 §6.10
 * and following). `timestamp` and the tags' own values are put over it. Undefined on a topic that has nothing to say now.
 */
export function agvMessage(
  agv: AgvState,
  vehicle: Vda5050Vehicle,
  topic: string,
  headerId: number,
  identity: Omit<Header, "headerId" | "timestamp"> = unnamed,
): object | undefined {
  const { version, manufacturer, serialNumber } = identity;
  const header = {
    headerId,
    timestamp: "",
    version,
    manufacturer,
    serialNumber,
  };
  if (topic.endsWith("/connection")) return header;
  if (topic.endsWith("/visualization")) return { ...header, ...placeOf(agv) };
  if (!topic.endsWith("/factsheet")) return { ...header, ...stateOf(agv, vehicle) };
  if (!vehicle.factsheetWanted) return undefined;
  vehicle.factsheetWanted = false;
  return { ...header, ...factsheet };
}

function placeOf(agv: AgvState) {
  const { x, y, theta, speed } = reported(agv);
  return {
    agvPosition: { x, y, theta, mapId: "hall-1", positionInitialized: true },
    velocity: { vx: speed, vy: 0, omega: 0 },
  };
}

function stateOf(agv: AgvState, vehicle: Vda5050Vehicle): object {
  const { charge, voltage, weight } = reported(agv);
  const { order, goal } = vehicle;
  const driving = agv.task === "driving" && !agv.paused;
  const left = goal === undefined ? [] : (order?.nodes ?? []);
  const rounds = driving && order === undefined ? [{ nodeId: agv.stop, sequenceId: 2, released: true }] : [];
  return {
    orderId: order?.orderId ?? `round-${Math.floor(agv.delivered / agvCapacity) + 1}`,
    orderUpdateId: order?.orderUpdateId ?? 0,
    lastNodeId: agv.lastStop,
    lastNodeSequenceId: agv.task === "driving" ? 0 : 2,
    driving,
    paused: vehicle.paused,
    nodeStates:
      order === undefined
        ? rounds
        : left.map(({ nodeId, sequenceId }) => ({ nodeId, sequenceId, released: true })),
    edgeStates: [],
    actionStates: vehicle.actionStates,
    ...placeOf(agv),
    loads: [{ loadId: "rack-1", loadType: "parts", weight }],
    batteryState: { batteryCharge: charge, batteryVoltage: voltage, charging: agv.task === "charging" },
    operatingMode: "AUTOMATIC",
    errors: vehicle.errors,
    information: [],
    safetyState: { eStop: "NONE", fieldViolation: false },
  };
}

/** V2.0.0 §6.15, cut to what says what kind of vehicle it is. */
const factsheet = {
  typeSpecification: {
    seriesName: "SIM",
    agvKinematic: "DIFF",
    agvClass: "CARRIER",
    maxLoadMass: 500,
    localizationTypes: ["NATURAL"],
    navigationTypes: ["AUTONOMOUS"],
  },
  physicalParameters: { speedMin: 0.05, speedMax: 1.6, accelerationMax: 0.6, decelerationMax: 0.8 },
};
