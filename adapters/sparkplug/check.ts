import type { MappingIssue } from "../../src/adapter-kit/schema.ts";
import { isWritable, typeNames } from "./datatype.ts";
import type { SparkplugDeviceMapping } from "./mapping.ts";

/** What can be written is encoded before anything is known of the node: the mapping must say as what. */
export function checkDevice({ tags }: SparkplugDeviceMapping): MappingIssue[] {
  return tags.flatMap(({ name, options: { type }, write }) => {
    if (write === undefined) return [];
    const path = ["tags", name, "write"];
    const allowed = `a type: ${typeNames.filter(isWritable).join(", ")}`;
    if (type === undefined) return [{ path, message: "a tag without a type can't be written to", allowed }];
    return isWritable(type) ? [] : [{ path, message: `a tag of type ${type} can't be written to`, allowed }];
  });
}
