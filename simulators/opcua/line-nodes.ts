import type { AddressSpace, Namespace, UAMethod, UAObject, UAVariable } from "node-opcua-address-space";
import { coerceStatusCode, type StatusCode, StatusCodes } from "node-opcua-status-code";
import { Range } from "node-opcua-types";
import { DataType, Variant } from "node-opcua-variant";
import type { TagValue } from "../../src/domain/reading.ts";
import { arrayOf, simulated, type SimulatedVariable } from "./variables.ts";

export const lineUri = "http://example.com/line";
const otherUri = "http://example.com/other";

/** A press as an OPC UA server shows it, and what can be made of it. */
export interface LineNodes {
  readonly setpoint: SimulatedVariable;
  /** Sets any of the press's variables, such as `Pressure`. */
  set(name: string, value: TagValue): void;
  /** Raises or clears an alarm: `Overheat` with severity 700, `LowOil` with 300. */
  alarm(active: boolean, name?: AlarmName): void;
  /** Asks clients to have their conditions refreshed. */
  requireRefresh(): void;
  /** Fast nodes stand still. */
  pause(paused: boolean): void;
  stop(): void;
}

export interface LineOptions {
  /** What node ids begin with. */
  readonly prefix: string;
  /** The namespaces stand in another order. */
  readonly reversed: boolean;
  /** The server takes no ConditionRefresh. */
  readonly refusesRefresh: boolean;
}

/** The alarms of the press with their severities. */
const severities = { Overheat: 700, LowOil: 300 } as const;
type AlarmName = keyof typeof severities;

const stepMs = 20;
/** InfoType DataValue with the overflow bit: OPC UA Part 4 §7.39.1. */
const overflow = 0x0000_0480;

/** Adds the press: fast, bad and uncertain nodes, arrays, structures, a method and an alarm. */
export function addLine(space: AddressSpace, { prefix, reversed, refusesRefresh }: LineOptions): LineNodes {
  for (const uri of reversed ? [lineUri, otherUri] : [otherUri, lineUri]) space.registerNamespace(uri);
  const namespace = space.getNamespace(lineUri) as Namespace;
  const press = namespace.addObject({
    organizedBy: space.rootFolder.objects,
    browseName: "Press",
    nodeId: `s=${prefix}`,
    eventSourceOf: space.rootFolder.objects.server,
    eventNotifier: 1,
  });
  const variables = new Map<string, UAVariable>();
  const add = (name: string, builtIn: string, value: TagValue, writable = false): UAVariable => {
    const access = writable ? "CurrentRead | CurrentWrite" : "CurrentRead";
    const node = namespace.addVariable({
      componentOf: press,
      browseName: name,
      nodeId: `s=${prefix}.${name}`,
      dataType: builtIn,
      accessLevel: access,
      userAccessLevel: access,
    });
    simulated(node, builtIn).set(value);
    variables.set(name, node);
    return node;
  };
  const counter = add("Counter", "UInt32", 0);
  add("Pressure", "Double", 182.5);
  const setpoint = add("Setpoint", "UInt16", 1_200, true);
  add("Running", "Boolean", true, true);
  add("Name", "String", "Press 1", true);
  add("Total", "Int64", 9_007_199_254_740_993n, true);
  add("Started", "DateTime", "2026-11-22T10:00:00.000Z");
  add("Locked", "Double", 5);
  addOdd(add);
  addShaped(namespace, press, prefix);
  addDouble(namespace, press, prefix);
  const alarms = {
    Overheat: addAlarm(namespace, press, "Overheat", add("Hot", "Boolean", false)),
    LowOil: addAlarm(namespace, press, "LowOil", add("OilLow", "Boolean", false)),
  };
  space.installAlarmsAndConditionsService();
  if (refusesRefresh) refuseRefresh(space);
  let count = 0;
  let paused = false;
  const timer = setInterval(() => {
    if (paused) return;
    count += 1;
    counter.setValueFromSource({ dataType: DataType.UInt32, value: count });
  }, stepMs);
  return {
    setpoint: simulated(setpoint, "UInt16"),
    set: (name, value) => {
      const node = variables.get(name);
      if (node !== undefined) simulated(node, DataType[node.dataType.value as number] ?? "Double").set(value);
    },
    alarm: (active, name = "Overheat") => alarms[name](active),
    requireRefresh: () => space.rootFolder.objects.server.raiseEvent("RefreshRequiredEventType", {}),
    pause: (still) => {
      paused = still;
    },
    stop: () => clearInterval(timer),
  };
}

type Add = (name: string, builtIn: string, value: TagValue) => UAVariable;

/** Values with a status of their own. */
function addOdd(add: Add): void {
  const odd = (name: string, status: StatusCode) => {
    add(name, "Double", 7).setValueFromSource({ dataType: DataType.Double, value: 7 }, status, new Date());
  };
  odd("Bad", StatusCodes.BadSensorFailure);
  odd("Uncertain", StatusCodes.UncertainLastUsableValue);
  odd("Overflow", coerceStatusCode(overflow));
}

function addShaped(namespace: Namespace, press: UAObject, prefix: string): void {
  const shaped = (name: string, dataType: string, value: Variant, valueRank = -1) => {
    const node = namespace.addVariable({
      componentOf: press,
      browseName: name,
      nodeId: `s=${prefix}.${name}`,
      dataType,
      valueRank,
    });
    node.setValueFromSource(value);
  };
  shaped("Profile", "Double", arrayOf(DataType.Double, [1.5, 2.5, 3.5]), 1);
  shaped(
    "Totals",
    "Int64",
    arrayOf(DataType.Int64, [
      [0, 1],
      [0x20_0000, 1],
    ]),
    1,
  );
  shaped(
    "Limits",
    "Range",
    new Variant({ dataType: DataType.ExtensionObject, value: new Range({ low: 1, high: 9 }) }),
  );
}

function addDouble(namespace: Namespace, press: UAObject, prefix: string): void {
  const value = { name: "value", dataType: DataType.Int32 };
  const method = namespace.addMethod(press, {
    browseName: "Double",
    nodeId: `s=${prefix}.Double`,
    inputArguments: [value],
    outputArguments: [{ ...value, name: "doubled" }],
  });
  method.bindMethod(async ([input]: Variant[], _context: unknown) => {
    const given = Number(input?.value);
    if (given > 1_000) return { statusCode: StatusCodes.BadOutOfRange };
    return {
      statusCode: StatusCodes.Good,
      outputArguments: [new Variant({ dataType: DataType.Int32, value: given * 2 })],
    };
  });
}

function refuseRefresh(space: AddressSpace): void {
  const refresh = space.findNode("i=3875") as UAMethod | null;
  refresh?.bindMethod(async (_inputs: Variant[], _context: unknown) => ({
    statusCode: StatusCodes.BadMethodInvalid,
  }));
}

function addAlarm(
  namespace: Namespace,
  press: UAObject,
  name: AlarmName,
  input: UAVariable,
): (active: boolean) => void {
  const normal = namespace.addVariable({
    componentOf: press,
    browseName: `${input.browseName.name}Normal`,
    dataType: "Boolean",
  });
  normal.setValueFromSource({ dataType: DataType.Boolean, value: false });
  const alarm = namespace.instantiateOffNormalAlarm({
    browseName: name,
    conditionName: name,
    componentOf: press,
    conditionSource: press,
    inputNode: input,
    normalState: normal,
  });
  return (active) => {
    const state = active ? "active" : "inactive";
    alarm.activeState.setValue(active);
    alarm.raiseNewCondition({
      message: `${name} is ${state}`,
      retain: active,
      severity: severities[name],
      quality: StatusCodes.Good,
    });
  };
}
