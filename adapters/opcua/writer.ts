import { WriteRequest, type WriteResponse } from "node-opcua-types";
import { GatewayError, type AdapterContext, type TagWrite } from "../../src/adapter-kit/index.ts";
import { isMethod, type OpcuaDevice, type OpcuaTag } from "./mapping.ts";
import type { Methods } from "./methods.ts";
import type { Session } from "./session.ts";
import { qualityOf, statusName } from "./status.ts";
import type { TagNodes } from "./tag-nodes.ts";
import { tracedName, traceValues } from "./trace.ts";
import { builtInOf } from "./value-type.ts";
import { variantOf } from "./variant-of.ts";
import type { WrittenForms } from "./written-forms.ts";

export interface WriterOptions {
  readonly device: OpcuaDevice;
  readonly context: AdapterContext;
  readonly session: Session;
  readonly nodes: TagNodes;
  readonly methods: Methods;
  readonly written: WrittenForms;
}

/** Writes values and calls methods, in the order given, one after the other: the first that is refused ends it. */
export async function writeTags(
  writes: readonly TagWrite[],
  { device, context, session, nodes, methods, written }: WriterOptions,
  signal: AbortSignal,
): Promise<void> {
  for (const write of writes) {
    const tag = device.tags.find(({ name }) => name === write.tag);
    if (tag?.write === undefined) {
      throw new GatewayError("WRITE_REFUSED", `${device.device}/${write.tag} has no \`write\` entry.`);
    }
    const service = isMethod(tag.options) ? "Call" : "Write";
    traceValues(context, "sent", service, [{ node: tracedName(tag), value: write.value }]);
    if (isMethod(tag.options)) await methods.call(tag, write.value, signal);
    else await writeValue(tag, write, device, { session, nodes }, signal);
    written.keep(tag, write.value);
  }
}

async function writeValue(
  tag: OpcuaTag,
  { value }: TagWrite,
  { device }: OpcuaDevice,
  { session, nodes }: Pick<WriterOptions, "session" | "nodes">,
  signal: AbortSignal,
): Promise<void> {
  const resolved = nodes.get(tag.name);
  if ("bad" in resolved) throw refused(device, tag.name, resolved.bad);
  const variant = variantOf(value, builtInOf(tag.options.type) ?? "Variant", `${device}/${tag.name}`);
  // No status and no time with it: many servers refuse to have them written (BadWriteNotSupported).
  const request = new WriteRequest({
    nodesToWrite: [{ nodeId: resolved.id, attributeId: 13, value: { value: variant } }],
  });
  const { results } = await session.request<WriteResponse>(request, { signal });
  const status = results?.[0];
  if (status !== undefined && qualityOf(status) !== "bad") return;
  throw refused(device, tag.name, status === undefined ? "BadUnexpectedError" : statusName(status));
}

const hints: Readonly<Record<string, string>> = {
  BadTypeMismatch: "Its `type` in the mapping is not the variable's.",
  BadNotWritable: "The server does not let anybody write it.",
  BadUserAccessDenied: "The gateway's user may not write it.",
  BadOutOfRange: "The value is outside what the server takes.",
  BadNodeIdUnknown: "The server does not know the node.",
};

function refused(device: string, tag: string, status: string): GatewayError {
  const hint = hints[status];
  const message = `${device}/${tag} was not written: the server answered ${status}.`;
  return new GatewayError("DEVICE_REJECTED", hint === undefined ? message : `${message} ${hint}`, {
    context: { status },
  });
}
