import type { AddressSpace, Namespace, UAObject, UAVariable } from "node-opcua-address-space";
import { DataType, Variant, VariantArrayType } from "node-opcua-variant";
import { StatusCodes } from "node-opcua-status-code";
import { parseNodeAddress } from "../../adapters/opcua/node-address.ts";
import { variantOf } from "../../adapters/opcua/variant-of.ts";
import { valueOf } from "../../adapters/opcua/variant-value.ts";
import type { TagValue } from "../../src/domain/reading.ts";
import { GatewayError } from "../../src/domain/errors.ts";

/** One variable of a simulated server. */
export interface VariableSpec {
  /** With its namespace URI: `nsu=http://example.com/oven;s=Oven.Temperature`. */
  readonly node: string;
  readonly name: string;
  /** An OPC UA built-in type, such as `Double`. */
  readonly builtIn: string;
  readonly value: TagValue;
  readonly writable: boolean;
}

/** Sets a variable, and gets what it holds, as last set or written by a client. */
export interface SimulatedVariable {
  set(value: TagValue): void;
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
    const address = parseNodeAddress(spec.node);
    if (address === undefined) throw new GatewayError("CONFIG_INVALID", `${spec.node} is no node id`);
    const namespace =
      "uri" in address.namespace ? space.registerNamespace(address.namespace.uri) : namespaceAt(space, address.namespace.index);
    const folder = folders.get(namespace.namespaceUri) ?? folderOf(space, namespace);
    folders.set(namespace.namespaceUri, folder);
    const node = namespace.addVariable({
      organizedBy: folder,
      nodeId: `${address.kind}=${address.value}`,
      browseName: spec.name,
      dataType: spec.builtIn,
      accessLevel: spec.writable ? "CurrentRead | CurrentWrite" : "CurrentRead",
      userAccessLevel: spec.writable ? "CurrentRead | CurrentWrite" : "CurrentRead",
    });
    const variable = simulated(node, spec.builtIn);
    variable.set(spec.value);
    variables.set(spec.node, variable);
  }
  return variables;
}

/** A bound variable whose value is kept in the server. */
export function simulated(node: UAVariable, builtIn: string): SimulatedVariable {
  return {
    set: (value) => {
      node.setValueFromSource(variantOf(value, builtIn, node.browseName.toString()), StatusCodes.Good, new Date());
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

function namespaceAt(space: AddressSpace, index: number): Namespace {
  // A mapping that names an index gets namespaces up to it.
  while (space.getNamespaceArray().length <= index) {
    space.registerNamespace(`urn:linegate:simulator:${space.getNamespaceArray().length}`);
  }
  return space.getNamespace(index) as Namespace;
}
