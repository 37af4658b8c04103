/** A state message in the manner of VDA 5050 V2.0.0 §6.10, cut to what the tests map. */
export function stateMessage(charge: number, timestamp = new Date().toISOString()) {
  return {
    headerId: 1,
    timestamp,
    version: "2.0.0",
    manufacturer: "acme",
    serialNumber: "1",
    lastNodeId: "dock",
    driving: true,
    operatingMode: "AUTOMATIC",
    agvPosition: { x: 12.5, y: -3.25, theta: 0.1, mapId: "hall-1" },
    batteryState: { batteryCharge: charge, charging: false },
    errors: [],
  };
}

const address = "agv/1/state";
const timestamp = { pointer: "/timestamp" };

/** The tags of such a vehicle. */
export const vehicleTags = {
  "battery/charge": { address, pointer: "/batteryState/batteryCharge", timestamp },
  "position/x": { address, pointer: "/agvPosition/x", timestamp },
  driving: { address, pointer: "/driving", type: "bool" as const },
  mode: { address, pointer: "/operatingMode", type: "string" as const },
};
