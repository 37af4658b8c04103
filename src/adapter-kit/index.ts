/** All that an adapter may import while it runs; its schema adds `schema.ts`, its tests `testing.ts`. */
export type {
  Adapter,
  AdapterContext,
  AdapterModule,
  DeviceMetrics,
  FrameDirection,
  TagWrite,
  WatchedReading,
} from "./adapter.ts";
export type {
  BrowsedTag,
  BrowseOptions,
  DecodeQuestion,
  Decoding,
  Diagnosis,
  RegisterDecoder,
} from "./browse.ts";
export type { Bus, BusLease } from "./bus.ts";
export type { Clock } from "./clock.ts";
export type { DeviceEvent } from "./device-event.ts";
export type { ImageReference, ImageStore } from "./images.ts";
export type { BrokerMessage, LocalBroker } from "./local-broker.ts";
export { parseJson, plainJson } from "./json-document.ts";
export { documentWith, isPointer, pointerPath, valueAt, type PointerPath } from "./json-pointer.ts";
export {
  badStatuses,
  fromJson,
  jsonValueSpec,
  jsonValueTypes,
  type BadStatus,
  type Decoded,
  type JsonValueType,
} from "./json-value.ts";
export type { Log } from "./log.ts";
export { isLoopback } from "./loopback.ts";
export type {
  Deadband,
  DeviceMapping,
  DurableTopic,
  PollGroup,
  TagMapping,
  ValueSpec,
  WriteRule,
} from "./mapping.ts";
export { groupsOf, PollGrid } from "./poll-grid.ts";
export { http, httpFor } from "./node-http.ts";
export type { SiteFiles } from "./site-files.ts";
export { sourceTimestamp, timestampUnits, type TimestampUnit } from "./source-timestamp.ts";
export type { BusPlan, DevicePlan, GroupPlan, PlannedRequest } from "./plan.ts";
export { formatDuration, ms, parseDuration, type Duration } from "../domain/duration.ts";
export { GatewayError, isAbort, toGatewayError, type ErrorCode } from "../domain/errors.ts";
export type { ListenAddress } from "../domain/listen-address.ts";
export { nearestName } from "../domain/nearest.ts";
export {
  plainText,
  type JsonValue,
  type Quality,
  type Sample,
  type StructuredValue,
  type TagValue,
} from "../domain/reading.ts";
export { isPath, isPrefix, isSegment, prefixes, segmentForm } from "../domain/tag-path.ts";
export {
  captures,
  filledName,
  isTopicFilter,
  isTopicName,
  wildcardsOf,
  type Wildcard,
} from "../domain/topic-filter.ts";
