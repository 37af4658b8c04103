import { expect, test } from "vitest";
import { encodeTagValue } from "../../src/domain/reading.ts";
import { cameraOf } from "./mapping-fixture.ts";
import { contentOf, eventOf, resultTags, samplesOf } from "./result.ts";

const judging = { now: 0, onBadTimestamp: () => undefined };

test("whole numbers beyond 2^53 keep their digits in tags and events", () => {
  const content = contentOf(Buffer.from('{"id":123456789012345678,"seen":[18446744073709551615,7]}'));
  const { tags } = cameraOf(
    {
      id: { pointer: "/id", type: "int64" },
      rough: { pointer: "/id" },
      int: { pointer: "/id", type: "int" },
      all: { type: "json" },
    },
    { transport: "http-poll", url: "http://camera-1/" },
  );
  const samples = samplesOf(resultTags(tags), content, judging);
  expect(samples.map(({ value, status }) => status ?? encodeTagValue(value))).toEqual([
    '"123456789012345678"',
    "123456789012345680",
    "NotAnInteger",
    '{"id":"123456789012345678","seen":["18446744073709551615",7]}',
  ]);
  const whole = { name: "inspected", image: false };
  expect(eventOf(whole, { content }, judging).data).toEqual({
    result: { id: "123456789012345678", seen: ["18446744073709551615", 7] },
  });
  expect(eventOf({ ...whole, fields: { id: "/id" } }, { content }, judging).data).toEqual({
    id: "123456789012345678",
  });
});
