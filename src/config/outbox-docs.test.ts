import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { documentedKeys, schemaKeys } from "../adapter-kit/testing.ts";
import { gatewaySchema } from "./gateway-schema.ts";

test("docs/store-and-forward.md lists the keys of `outbox` and `offline` with their defaults, and no others", () => {
  const guide = readFileSync(new URL("../../docs/store-and-forward.md", import.meta.url), "utf8");
  const { outbox } = gatewaySchema.shape;
  expect(documentedKeys(guide, "Settings")).toEqual(schemaKeys(outbox.unwrap()));
  expect(documentedKeys(guide, "Keys of offline")).toEqual(schemaKeys(gatewaySchema.shape.offline.unwrap()));
});
