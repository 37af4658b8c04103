import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { inflateSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { readArguments } from "./arguments.ts";
import { CameraSimulator, cameraFaults, type CameraOptions } from "./camera.ts";
import { pictureOf } from "./picture.ts";

const run = promisify(execFile);

async function camera(options: Partial<CameraOptions> = {}) {
  const simulator = await CameraSimulator.start({
    result: (path) => (path === "/r" ? { score: 1 } : undefined),
    ...options,
  });
  onTestFinished(() => simulator.stop());
  return simulator;
}

test("a result has an ETag, and is not sent again to who has it", async () => {
  const simulator = await camera();
  const first = await fetch(`${simulator.origin}/r`);
  expect(await first.json()).toEqual({ score: 1 });
  const headers = { "if-none-match": first.headers.get("etag") ?? "" };
  expect((await fetch(`${simulator.origin}/r`, { headers })).status).toBe(304);
  expect((await fetch(`${simulator.origin}/x`)).status).toBe(404);
});

test("curl gets in with digest authentication, and not with a wrong password", async (ctx) => {
  const curl = await run("curl", ["--version"]).catch(() => undefined);
  ctx.skip(curl === undefined, "there is no curl on this machine");
  for (const algorithm of ["MD5", "SHA-256"] as const) {
    const gate = { scheme: "digest", user: "u", password: "let me in", algorithm } as const;
    const { origin } = await camera({ gate });
    const status = async (password: string) => {
      const to = ["-s", "-o", "/dev/null", "-w", "%{http_code}"];
      return (await run("curl", [...to, "--digest", "-u", `u:${password}`, `${origin}/r`])).stdout;
    };
    expect([algorithm, await status("let me in"), await status("wrong")]).toEqual([algorithm, "200", "401"]);
  }
});

test("pictures are valid PNGs, the same for the same part alone", () => {
  const picture = pictureOf("P-1");
  expect(picture.subarray(0, 8).toString("hex")).toBe("89504e470d0a1a0a");
  const at = picture.indexOf("IDAT");
  const pixels = inflateSync(picture.subarray(at + 4, at + 4 + picture.readUInt32BE(at - 4)));
  expect(pixels).toHaveLength(64 * 97);
  expect(pictureOf("P-1")).toEqual(picture);
  expect(pictureOf("P-2")).not.toEqual(picture);
});

test("the command line takes what it knows and refuses the rest", () => {
  expect(readArguments(["--port", "0", "--auth", "bearer", "--fault", "slow"])).toMatchObject({
    port: 0,
    auth: "bearer",
    fault: "slow",
  });
  for (const wrong of [["--port", "x"], ["--auth", "ntlm"], ["--fault", "fire"], ["--colour"]]) {
    expect(() => readArguments(wrong)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }) as Error);
  }
  expect(cameraFaults).toContain("half-body");
});
