/** What the tests of an adapter may import beside the contract itself. */
export { documentedKeys, schemaKeys } from "./documented-keys.ts";
export { testConformance, type SimulatedFault } from "./conformance.ts";
export { freePort } from "./free-port.ts";
export { RecordingContext, type RecordingOptions } from "./recording-context.ts";
