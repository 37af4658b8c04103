import type { TagValue } from "../../src/domain/reading.ts";
import { agvCapacity } from "./agv.ts";
import { reported } from "./agv-message.ts";
import { defaultInput, type LineInput, type LineState } from "./line.ts";
import { donePulse, type PressPhase } from "./press.ts";

/** What the line says of one device: values by tag name, in the tag's unit. */
export type StationValues = Readonly<Record<string, TagValue>>;

export type StationKind = "press" | "welder" | "inspection" | "agv" | "meter" | "tester" | "compressor";

/** The tags by which a device of a site is known to be a station of this line. */
const signatures: Readonly<Record<StationKind, readonly string[]>> = {
  press: ["cycle/done", "ram/pressure"],
  welder: ["weld/current", "weld/count"],
  inspection: ["inspection/result", "inspection/score"],
  agv: ["battery/charge", "position/x"],
  meter: ["energy/total", "power/total"],
  tester: ["leak/rate", "parts/tested"],
  compressor: ["air/pressure", "motor/load"],
};

/** Which station of the line a device with these tags is; undefined where it is none. */
export function stationOf(tags: readonly string[]): StationKind | undefined {
  const kinds = Object.keys(signatures) as StationKind[];
  return kinds.find((kind) => signatures[kind].every((tag) => tags.includes(tag)));
}

const phaseNumbers: Readonly<Record<PressPhase, number>> = { idle: 0, closing: 1, pressing: 2, opening: 3 };

function pressValues({ press }: LineState): StationValues {
  const oilHot = press.oilTemperature > 58;
  const oilLow = press.oilLevel < 65;
  const dieHot = press.dieTemperature > 110;
  return {
    "cycle/done": press.sinceDone < donePulse,
    "cycle/running": press.phase !== "idle",
    "cycle/phase": phaseNumbers[press.phase],
    "cycle/time": press.cycleTime,
    "guard/closed": true,
    "ram/position": press.position,
    "ram/pressure": press.pressure,
    "ram/top": press.phase === "idle",
    "oil/temperature": press.oilTemperature,
    "oil/level": press.oilLevel,
    "die/temperature": press.dieTemperature,
    "motor/speed": press.motorSpeed,
    "motor/current": press.motorCurrent,
    "strokes/total": press.strokes,
    "alarm/word": Number(oilHot) | (Number(oilLow) << 1) | (Number(dieHot) << 2),
    "alarm/oil-hot": oilHot,
    "alarm/oil-low": oilLow,
    "alarm/die-hot": dieHot,
    "lamp/green": !oilHot && !dieHot,
  };
}

function welderValues({ welder, beforeWelder }: LineState): StationValues {
  return {
    "weld/active": welder.phase === "welding",
    "weld/current": welder.current,
    "weld/voltage": welder.voltage,
    "weld/count": welder.welds,
    "clamp/closed": welder.phase === "clamping" || welder.phase === "welding",
    "clamp/force": welder.force,
    "electrode/wear": welder.wear,
    "electrode/worn": welder.wear > 90,
    "cooling/flow": welder.coolingFlow,
    "cooling/temperature": welder.coolingTemperature,
    "part/id": welder.partId,
    "part/total": welder.parts,
    "part/waiting": beforeWelder.length,
  };
}

function inspectionValues({ inspection }: LineState): StationValues {
  const { partId, score, passed, inspected, rejected } = inspection;
  return {
    "inspection/part": partId,
    "inspection/result": passed ? "OK" : "NOK",
    "inspection/score": score,
    "inspection/total": inspected,
    "rejected/total": rejected,
  };
}

function agvValues({ agv }: LineState): StationValues {
  const { x, y, theta, speed, charge, voltage, weight, odometer } = reported(agv);
  return {
    "battery/charge": charge,
    "battery/voltage": voltage,
    "battery/charging": agv.task === "charging",
    "position/x": x,
    "position/y": y,
    "position/theta": theta,
    speed,
    driving: agv.task === "driving" && !agv.paused,
    "load/weight": weight,
    "load/parts": agv.load,
    "load/full": agv.load >= agvCapacity,
    "node/last": agv.lastStop,
    mode: "AUTOMATIC",
    odometer,
    "delivered/total": agv.delivered,
  };
}

function meterValues({ meters }: LineState, index: number): StationValues {
  const meter = meters[index % meters.length];
  if (meter === undefined) return {};
  return {
    "voltage/l1": meter.voltage[0],
    "voltage/l2": meter.voltage[1],
    "voltage/l3": meter.voltage[2],
    "current/l1": meter.current[0],
    "current/l2": meter.current[1],
    "current/l3": meter.current[2],
    "power/total": meter.power,
    "power/factor": meter.powerFactor,
    frequency: meter.frequency,
    "energy/total": meter.energy / 1_000,
  };
}

/** mbar·l/s that a good part loses at most, where nobody set another limit. */
const leakLimit = 0.2;

/** A leak tester behind the welder: it tests each part that the welder finished, one in fifty leaks. */
function testerValues({ welder }: LineState): StationValues {
  const part = Number(welder.parts);
  // The same part leaks alike whenever it is asked.
  const chance = ((Math.imul(part, 2_654_435_761) >>> 0) % 1_000) / 1_000;
  const leaks = part > 0 && chance < 0.02;
  const rate = leaks ? leakLimit * (1.5 + chance * 20) : leakLimit * (0.1 + chance * 0.6);
  return {
    "leak/rate": Number(rate.toFixed(4)),
    "leak/passed": !leaks,
    "chamber/pressure": welder.phase === "welding" ? 3.2 : 0,
    "part/tested": welder.partId,
    "parts/tested": part,
    "leak/curve": [1, 0.62, 0.4, 0.31].map((share) => Number((rate * share).toFixed(4))),
  };
}

/** The compressed air of the line: the clamps and the press's knock-out draw on it. */
function compressorValues({ press, welder }: LineState): StationValues {
  const draws = Number(press.phase === "opening") + Number(welder.phase === "clamping");
  return {
    "air/pressure": Number((7.4 - draws * 0.35).toFixed(2)),
    "motor/load": 35 + draws * 30,
    "motor/running": true,
    "oil/temperature": Number((press.oilTemperature + 12).toFixed(1)),
  };
}

/** The values of one station's tags. `index` counts the stations of the same kind from 0: the meter of the press, of the welder. */
export function valuesOf(line: LineState, kind: StationKind, index: number): StationValues {
  switch (kind) {
    case "press":
      return pressValues(line);
    case "welder":
      return welderValues(line);
    case "inspection":
      return inspectionValues(line);
    case "agv":
      return agvValues(line);
    case "meter":
      return meterValues(line, index);
    case "tester":
      return testerValues(line);
    case "compressor":
      return compressorValues(line);
  }
}

/** The tags that the line itself takes in: their values before anybody wrote to them. */
export const commandedTags: StationValues = {
  "motor/setpoint": defaultInput.motorSetpoint,
  "line/enable": defaultInput.enabled,
  "weld/setpoint": defaultInput.weldCurrent,
};

/** What the tags in `commandedTags` ask of the line, from the values that the devices hold. */
export function inputFrom(held: (tag: string) => TagValue | undefined): LineInput {
  const setpoint = held("motor/setpoint");
  const enabled = held("line/enable");
  const current = held("weld/setpoint");
  return {
    motorSetpoint: typeof setpoint === "number" ? setpoint : defaultInput.motorSetpoint,
    enabled: typeof enabled === "boolean" ? enabled : defaultInput.enabled,
    weldCurrent: typeof current === "number" ? current : defaultInput.weldCurrent,
  };
}
