import type { z } from "zod";
import { ms, type PollGroup } from "../../src/adapter-kit/index.ts";
import type { CameraDevice, CameraTagMapping } from "./mapping.ts";
import { cameraSchema } from "./schema.ts";

type TagEntry = z.input<typeof cameraSchema.tag> & { readonly write?: Readonly<Record<string, unknown>> };

/** Fast, so that tests are. */
const group: PollGroup = { name: "fast", interval: ms(20) };

/** A camera as its mapping would give it. */
export function cameraOf(
  tags: Readonly<Record<string, TagEntry>>,
  connection: Readonly<Record<string, unknown>>,
  options: Readonly<Record<string, unknown>> = {},
): CameraDevice {
  const checked = cameraSchema.connection.parse(connection);
  return {
    device: "camera-1",
    adapter: "camera",
    connection: checked,
    options: cameraSchema.options.parse(options),
    tags: Object.entries(tags).map(([name, { write, ...own }]): CameraTagMapping => {
      const entry = cameraSchema.tag.parse(own) as unknown as CameraTagMapping["options"];
      return {
        name,
        options: entry,
        value: cameraSchema.value(entry, {}),
        scale: 1,
        offset: 0,
        ...(cameraSchema.polls?.(entry, checked, {}) === true ? { poll: group } : {}),
        ...(write === undefined ? {} : { write: { options: cameraSchema.write.parse(write) } }),
      };
    }),
  };
}

/** The tags of an inspection camera, but for its image. */
export const inspectionTags = {
  "inspection/part": { pointer: "/part", type: "string" },
  "inspection/ok": { pointer: "/result/ok", type: "bool" },
  "inspection/score": { pointer: "/result/score", timestamp: { pointer: "/at", unit: "ms" } },
} as const;

/** Such a camera's result. */
export function inspection(part: string, score = 0.97, at = Date.UTC(2026, 10, 22, 12)) {
  return { part, at, result: { ok: score > 0.8, score } };
}
