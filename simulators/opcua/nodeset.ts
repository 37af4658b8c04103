import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { nodesets } from "node-opcua-nodesets";

/** `mini`, with the Server object and little more, starts in a fifth of the time of the standard nodeset. */
export function nodesetFile(name: "standard" | "mini"): string {
  if (name === "standard") return nodesets.standard;
  const package_ = createRequire(import.meta.url).resolve("node-opcua-address-space/package.json");
  return join(dirname(package_), "nodesets", "mini.Nodeset2.xml");
}

/** Built-in types that the mini nodeset does not know: a variable of such a type needs the standard one. */
export const lackedByMini: ReadonlySet<string> = new Set(["Guid", "DataValue", "DiagnosticInfo"]);
