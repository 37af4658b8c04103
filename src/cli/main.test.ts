import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const main = fileURLToPath(new URL("../../bin/linegate.mjs", import.meta.url));

function linegate(args: readonly string[], input = ""): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [main, ...args], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
    child.stdin?.end(input);
  });
}

test("help lists every command, the version is the package's", async () => {
  const [help, version] = await Promise.all([linegate(["--help"]), linegate(["--version"])]);
  expect(help).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/run DIR[\s\S]*check DIR[\s\S]*passwd/),
  });
  expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test("a misspelt command is answered with the nearest", async () => {
  expect(await linegate(["chekc"])).toMatchObject({
    code: 2,
    stdout: "",
    stderr: expect.stringContaining("Did you mean check?"),
  });
});

test("a wrong option is told in one line, without a stack", async () => {
  const { code, stderr } = await linegate(["check", "--jsn"]);
  expect(code).toBe(2);
  expect(stderr.trim().split("\n")).toHaveLength(1);
});

test("check ends with 1 where there are mistakes", async () => {
  const folder = fileURLToPath(new URL("../config/cases/twenty-mistakes", import.meta.url));
  const { code, stdout } = await linegate(["check", folder]);
  expect(code).toBe(1);
  expect(stdout).toContain("20 mistakes in 6 files");
});

test("passwd reads a pipe and prints a user with a bcrypt hash that gateway.yaml takes", async () => {
  const { code, stdout, stderr } = await linegate(["passwd", "anna"], "a long secret\nnot this\n");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const hash = /^users:\n {2}anna:\n {4}passwordHash: "(\$2b\$10\$.{53})"\n$/.exec(stdout)?.[1] ?? "";
  const { compare } = await import("bcrypt");
  expect(await compare("a long secret", hash)).toBe(true);
});

test("passwd takes no password that bcrypt would cut off", async () => {
  expect(await linegate(["passwd"], "x".repeat(73))).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringContaining("1 to 72 bytes"),
  });
});
