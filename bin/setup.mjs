/**
 * Makes a checkout ready to run: packages, Node.js 24, and on request nats-server and the programs the tests talk to.
 * Runs on any Node.js from 20 with nothing installed, says each step in one line on stderr, and does nothing when all is there.
 *
 * node bin/setup.mjs [--nats] [--test-peers]
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, rmSync, statSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Debian's package for each program that the tests use as a peer nobody here wrote. */
const testPeers = {
  mosquitto_pub: "mosquitto-clients",
  mbpoll: "mbpoll",
  openssl: "openssl",
  socat: "socat",
};
/** The same for each Python module of Debian's own interpreter. */
const pythonPeers = {
  pymodbus: "python3-pymodbus",
  serial: "python3-serial",
  serial_asyncio: "python3-serial-asyncio",
};

class SetupFailure extends Error {}

function say(text) {
  process.stderr.write(`setup: ${text}\n`);
}

/** Where a program is, on PATH or in the places Debian puts servers; undefined where it is nowhere. */
function findProgram(name) {
  const folders = [
    ...(process.env.PATH ?? "").split(delimiter),
    "/usr/sbin",
    "/usr/local/bin",
    "/usr/local/sbin",
  ];
  return folders
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return statSync(path).isFile();
      } catch {
        return false;
      }
    });
}

/** Runs a step; its output goes to stderr, so that stdout stays the command's own. */
function step(command, args, environment = {}) {
  const ended = spawnSync(command, args, {
    cwd: root,
    stdio: ["ignore", 2, 2],
    env: { ...process.env, ...environment },
  });
  return ended.status === 0;
}

function modified(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0;
}

function installPackages() {
  const lock = join(root, "package-lock.json");
  const installed = join(root, "node_modules", ".package-lock.json");
  const node = join(root, "node_modules", "node", "bin", "node");
  if (modified(installed) < modified(lock)) {
    say("installing the npm packages (npm ci)");
    if (!step("npm", ["ci", "--loglevel=error"])) {
      throw new SetupFailure(
        "npm ci failed. Check that the npm registry can be reached, then run the command again.",
      );
    }
  }
  if (!existsSync(node)) {
    say("fetching Node.js 24 (npm package `node`)");
    if (!step("npm", ["rebuild", "node", "--loglevel=error"]) || !existsSync(node)) {
      throw new SetupFailure(
        "Node.js 24 could not be installed by the npm package `node`. Its install script must be allowed to run (npm config ignore-scripts).",
      );
    }
  }
}

/** Without it the program runs from its sources, and compiles them itself at its first start: slower and larger, but sound. */
function makeBundle() {
  if (step(join(root, "bin", "bundle-is-fresh"), [])) return;
  say("bundling the program");
  if (!step(join(root, "node_modules", ".bin", "node"), [join(root, "bin", "bundle.mjs")]))
    say("the program could not be bundled; it runs from its sources.");
  rmSync(join(root, "node_modules", ".cache", "linegate"), { recursive: true, force: true });
  step(join(root, "bin", "linegate"), ["--warm-up"]);
}

function canInstallByApt() {
  return process.getuid?.() === 0 && findProgram("apt-get") !== undefined;
}

function aptInstall(packages) {
  say(`installing ${packages.join(", ")} (apt-get install)`);
  const quiet = { DEBIAN_FRONTEND: "noninteractive" };
  const install = ["install", "-y", "-qq", "--no-install-recommends", ...packages];
  return (
    step("apt-get", install, quiet) ||
    (step("apt-get", ["update", "-qq"], quiet) && step("apt-get", install, quiet))
  );
}

function requireNatsServer() {
  if (findProgram("nats-server") !== undefined) return;
  if (canInstallByApt() && aptInstall(["nats-server"]) && findProgram("nats-server") !== undefined) return;
  throw new SetupFailure(
    "nats-server is not on this machine. On Debian: `sudo apt-get install nats-server`. " +
      "Elsewhere: put a nats-server 2.9 or newer from nats.io on PATH.",
  );
}

function hasPythonModule(name) {
  const python = "/usr/bin/python3";
  return existsSync(python) && spawnSync(python, ["-c", `import ${name}`]).status === 0;
}

function offerTestPeers() {
  const missing = Object.entries(testPeers).filter(([program]) => findProgram(program) === undefined);
  const packages = missing.map(([, debian]) => debian);
  for (const [module, debian] of Object.entries(pythonPeers)) {
    if (!hasPythonModule(module)) packages.push(debian);
  }
  if (packages.length === 0) return;
  if (canInstallByApt() && aptInstall(packages)) return;
  say(`not here: ${packages.join(", ")}. The tests that need them will be skipped, and say so.`);
}

try {
  installPackages();
  makeBundle();
  if (process.argv.includes("--nats")) requireNatsServer();
  if (process.argv.includes("--test-peers")) offerTestPeers();
} catch (failure) {
  if (!(failure instanceof SetupFailure)) throw failure;
  say(failure.message);
  process.exitCode = 1;
}
