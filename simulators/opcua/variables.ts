import type { AddressSpace, Namespace, UAObject, UAVariable } from "node-opcua-address-space";
import { DataType, Variant, VariantArrayType } from "node-opcua-variant";
import { type StatusCode, StatusCodes } from "node-opcua-status-code";
import {
  parseBrowsePath,
  parseNodeAddress,
  type Namespace as Address,
} from "../../adapters/opcua/node-address.ts";
import { variantOf } from "../../adapters/opcua/variant-of.ts";
import { valueOf } from "../../adapters/opcua/variant-value.ts";
import type { TagValue } from "../../src/domain/reading.ts";
import { GatewayError } from "../../src/domain/errors.ts";

/** One variable of a simulated server. */
export interface VariableSpec {
  /** With its namespace URI: `nsu=http://example.com/oven;s=Oven.Temperature`; or a browse path. */
  readonly node: string;
  readonly name: string;
  /** An OPC UA built-in type, such as `Double`. */
  readonly builtIn: string;
  /** Before the first `set`; absent: none, with the status BadWaitingForInitialData. */
  readonly value?: TagValue;
  /** An array's dimensions, 0 for a length that changes; absent: one value. */
  readonly dimensions?: readonly number[];
  readonly writable: boolean;
}

/** Sets a variable, and gets what it holds, as last set or written by a client. */
export interface SimulatedVariable {
  set(value: TagValue): void;
  /** As a device would: a value with its status and its own time, or no value. */
  put(value: Variant | undefined, status: StatusCode, sourceTime: Date): void;
  get(): TagValue | null;
}

/** Adds the variables below the Objects folder. */
export function addVariables(
  space: AddressSpace,
  specs: readonly VariableSpec[],
): ReadonlyMap<string, SimulatedVariable> {
  const variables = new Map<string, SimulatedVariable>();
  const folders = new Map<string, UAObject>();
  for (const spec of specs) {
    const node = spec.node.startsWith("/") ? addByPath(space, spec, folders) : addById(space, spec, folders);
    const variable = simulated(node, spec.builtIn);
    if (spec.value !== undefined) variable.set(spec.value);
    variables.set(spec.node, variable);
  }
  return variables;
}

function addById(space: AddressSpace, spec: VariableSpec, folders: Map<string, UAObject>): UAVariable {
  const address = parseNodeAddress(spec.node);
  if (address === undefined) throw new GatewayError("CONFIG_INVALID", `${spec.node} is no node id`);
  const namespace = namespaceOf(space, address.namespace);
  const folder = folders.get(namespace.namespaceUri) ?? folderOf(space, namespace);
  folders.set(namespace.namespaceUri, folder);
  const nodeId = `${address.kind}=${address.value}`;
  return namespace.addVariable({ organizedBy: folder, nodeId, browseName: spec.name, ...shapeOf(spec) });
}

/** Below the Objects folder, with an object for each step on the way. */
function addByPath(space: AddressSpace, spec: VariableSpec, folders: Map<string, UAObject>): UAVariable {
  const steps = parseBrowsePath(spec.node) ?? [];
  const last = steps.at(-1);
  if (last === undefined || steps.length < 2 || steps[0]?.name !== "Objects") {
    throw new GatewayError("CONFIG_INVALID", `${spec.node} does not lead into the Objects folder`);
  }
  let parent: UAObject = space.rootFolder.objects;
  let way = "";
  for (const { namespace, name } of steps.slice(1, -1)) {
    way += `/${JSON.stringify(namespace)}${name}`;
    const known = folders.get(way);
    parent = known ?? namespaceOf(space, namespace).addObject({ organizedBy: parent, browseName: name });
    folders.set(way, parent);
  }
  const owner = namespaceOf(space, last.namespace);
  return owner.addVariable({ organizedBy: parent, browseName: last.name, ...shapeOf(spec) });
}

function shapeOf({ builtIn, writable, dimensions }: VariableSpec) {
  const accessLevel = writable ? "CurrentRead | CurrentWrite" : "CurrentRead";
  const shape = { dataType: builtIn, accessLevel, userAccessLevel: accessLevel };
  if (dimensions === undefined) return shape;
  return { ...shape, valueRank: dimensions.length, arrayDimensions: [...dimensions] };
}

/** A bound variable whose value is kept in the server. */
export function simulated(node: UAVariable, builtIn: string): SimulatedVariable {
  return {
    set: (value) => {
      node.setValueFromSource(
        variantOf(value, builtIn, node.browseName.toString()),
        StatusCodes.Good,
        new Date(),
      );
    },
    put: (value, status, sourceTime) => {
      node.setValueFromSource(value ?? new Variant({ dataType: DataType.Null }), status, sourceTime);
    },
    get: () => valueOf(node.readValue().value),
  };
}

/** A list as a variant of the type's array. */
export function arrayOf(dataType: DataType, value: readonly unknown[]): Variant {
  return new Variant({ dataType, arrayType: VariantArrayType.Array, value: [...value] });
}

function folderOf(space: AddressSpace, namespace: Namespace): UAObject {
  const name = namespace.namespaceUri.split(/[/:]/).findLast((part) => part !== "") ?? "Device";
  return namespace.addObject({ organizedBy: space.rootFolder.objects, browseName: name });
}

function namespaceOf(space: AddressSpace, namespace: Address): Namespace {
  return "uri" in namespace ? space.registerNamespace(namespace.uri) : namespaceAt(space, namespace.index);
}

function namespaceAt(space: AddressSpace, index: number): Namespace {
  // A mapping that names an index gets namespaces up to it.
  while (space.getNamespaceArray().length <= index) {
    space.registerNamespace(`urn:linegate:simulator:${space.getNamespaceArray().length}`);
  }
  return space.getNamespace(index) as Namespace;
}
