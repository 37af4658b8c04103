import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as z from "zod";
import { documentedKeys, schemaKeys } from "../adapter-kit/testing.ts";
import { commonWrite } from "./write-schema.ts";

test("docs/writes.md lists the keys of a write entry with their defaults, and no others", () => {
  const guide = readFileSync(new URL("../../docs/writes.md", import.meta.url), "utf8");
  expect(documentedKeys(guide, "The write entry")).toEqual(schemaKeys(z.strictObject(commonWrite)));
});
