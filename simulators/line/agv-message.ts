import { agvCapacity, type AgvState } from "./agv.ts";

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

/**
 * An AGV's state in the manner of VDA 5050 V2.0.0 §6.10: what the message carries beside the mapped tags, as a real
 * vehicle's does. `timestamp` and the tags' own values are put over it.
 */
export function agvStateMessage(agv: AgvState, headerId: number): object {
  const { x, y, theta, speed, charge, voltage, weight } = reported(agv);
  return {
    headerId,
    timestamp: "",
    version: "2.0.0",
    manufacturer: "Linegate",
    serialNumber: "SIM-1",
    orderId: `round-${Math.floor(agv.delivered / agvCapacity) + 1}`,
    orderUpdateId: 0,
    lastNodeId: agv.lastStop,
    lastNodeSequenceId: agv.task === "driving" ? 0 : 2,
    driving: agv.task === "driving",
    nodeStates: agv.task === "driving" ? [{ nodeId: agv.stop, sequenceId: 2, released: true }] : [],
    edgeStates: [],
    actionStates: [],
    agvPosition: { x, y, theta, mapId: "hall-1", positionInitialized: true },
    velocity: { vx: speed, vy: 0, omega: 0 },
    loads: [{ loadId: "rack-1", loadType: "parts", weight }],
    batteryState: { batteryCharge: charge, batteryVoltage: voltage, charging: agv.task === "charging" },
    operatingMode: "AUTOMATIC",
    errors: [],
    safetyState: { eStop: "NONE", fieldViolation: false },
  };
}
