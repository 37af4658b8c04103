import fc from "fast-check";
import { expect, test } from "vitest";
import { boundaryOf, partsOf } from "./multipart.ts";

function bodyOf(
  parts: readonly (readonly [header: string, body: Uint8Array])[],
  boundary: string,
  eol = "\r\n",
) {
  const pieces = parts.flatMap(([header, body]) => [
    Buffer.from(`--${boundary}${eol}${header}${header === "" ? "" : eol}${eol}`),
    Buffer.from(body),
    Buffer.from(eol),
  ]);
  return Buffer.concat([Buffer.from(`preamble${eol}`), ...pieces, Buffer.from(`--${boundary}--${eol}`)]);
}

test("gives every part back byte for byte, whatever bytes they hold", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }),
      fc.constantFrom("\r\n", "\n"),
      (bodies, eol) => {
        const boundary = "b-0123456789-abcdef";
        const header = `Content-Disposition: form-data; name="x"${eol}Content-Type: Image/PNG; a=b`;
        const parts = partsOf(
          bodyOf(
            bodies.map((body) => [header, body]),
            boundary,
            eol,
          ),
          boundary,
        );
        expect(parts?.map(({ body }) => [...body])).toEqual(bodies.map((body) => [...body]));
        expect(parts?.every(({ contentType }) => contentType === "image/png")).toBe(true);
      },
    ),
  );
});

test("a body that is cut off anywhere is none", () => {
  const whole = bodyOf(
    [
      ["Content-Type: text/plain", Buffer.from("hello")],
      ["", Buffer.from("x")],
    ],
    "b1",
  );
  expect(partsOf(whole, "b1")).toHaveLength(2);
  for (let length = 0; length < whole.length - 4; length += 1) {
    expect(partsOf(whole.subarray(0, length), "b1")).toBeUndefined();
  }
});

test("garbage never throws, and many parts are refused", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("--b", "--", "\r\n", "\n", "x", ": "), { maxLength: 30 }),
      (pieces) => {
        partsOf(Buffer.from(pieces.join("")), "b");
      },
    ),
  );
  const many = bodyOf(
    Array.from({ length: 40 }, () => ["", Buffer.from("x")] as const),
    "b",
  );
  expect(partsOf(many, "b")).toBeUndefined();
});

test.each([
  ["multipart/form-data; boundary=abc", "abc"],
  ['multipart/mixed; charset=utf-8; Boundary="a b;c"', "a b;c"],
  ["multipart/form-data", undefined],
])("the boundary of %s", (header, boundary) => {
  expect(boundaryOf(header)).toBe(boundary);
});
