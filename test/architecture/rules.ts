import type { Import } from "./imports.ts";

/** One rule of who may import what; `forbids` says why not, or nothing. */
interface Rule {
  readonly name: string;
  forbids(entry: Import): boolean;
}

const isTest = (path: string) =>
  /(\.test\.ts|\/testing\.ts|\/conformance\.ts|\/documented-keys\.ts|^test\/)/.test(path);
const adapterOf = (path: string) => /^adapters\/([^/]+)\//.exec(path)?.[1];
const isSource = (path: string) => /^(src|adapters|simulators|test|bench)\//.test(path);
const kit = "src/adapter-kit/";

/** Only what runs apart from the gateway's steady state may load these: they cost 25 MB. */
const configurationPackages = new Set(["zod", "yaml", "csv-parse", "csv-parse/sync"]);
const mayLoadConfigurationPackages =
  /^(src\/config\/|src\/adapter-kit\/schema\.ts$|adapters\/[^/]+\/schema(-[a-z-]+)?\.ts$)/;

/** A site that does not use a protocol must not load its package. */
const protocolPackages: readonly (readonly [packages: RegExp, home: RegExp])[] = [
  [/^modbus-serial$/, /^adapters\/modbus\//],
  [/^serialport$/, /^adapters\/modbus\//],
  [/^node-opcua(-.+)?$/, /^(adapters|simulators)\/opcua\//],
  [/^aedes$/, /^src\/broker\//],
];

export const rules: readonly Rule[] = [
  {
    name: "an adapter imports no other adapter",
    forbids: ({ from, to }) => {
      const own = adapterOf(from);
      const other = adapterOf(to);
      return own !== undefined && other !== undefined && own !== other;
    },
  },
  {
    name: "an adapter imports nothing of src but src/adapter-kit",
    forbids: ({ from, to }) =>
      adapterOf(from) !== undefined && !isTest(from) && to.startsWith("src/") && !to.startsWith(kit),
  },
  {
    name: "the domain imports nothing but itself",
    forbids: ({ from, to }) =>
      from.startsWith("src/domain/") && !isTest(from) && !to.startsWith("src/domain/"),
  },
  {
    name: "the adapter kit knows nothing of the gateway behind it",
    forbids: ({ from, to }) =>
      from.startsWith(kit) &&
      !isTest(from) &&
      to.startsWith("src/") &&
      !to.startsWith(kit) &&
      !to.startsWith("src/domain/"),
  },
  {
    name: "only the adapter registry reaches into adapters, and only when asked",
    forbids: ({ from, to, dynamic }) =>
      from.startsWith("src/") &&
      !isTest(from) &&
      to.startsWith("adapters/") &&
      !(from === "src/adapter-registry.ts" && dynamic),
  },
  {
    name: "the program does not import its simulators, tests or benchmarks, but for the commands that run simulators",
    forbids: ({ from, to }) =>
      /^(src|adapters)\//.test(from) &&
      !isTest(from) &&
      /^(simulators|test|bench)\//.test(to) &&
      !/^src\/cli\/(demo|simulate)/.test(from),
  },
  {
    name: "zod, yaml and csv-parse stay out of the running gateway",
    forbids: ({ from, to, typeOnly }) =>
      configurationPackages.has(to) &&
      !typeOnly &&
      !isTest(from) &&
      isSource(from) &&
      !mayLoadConfigurationPackages.test(from),
  },
  {
    name: "what needs zod or yaml is loaded by the gateway only apart",
    forbids: ({ from, to, typeOnly }) =>
      !typeOnly &&
      !isTest(from) &&
      from.startsWith("src/") &&
      !/^src\/(config|cli)\//.test(from) &&
      from !== "src/adapter-kit/schema.ts" &&
      (to === "src/adapter-kit/schema.ts" ||
        to === "src/config/gateway-schema.ts" ||
        to === "src/config/load-site.ts"),
  },
  {
    name: "node:http is taken from src/adapter-kit/node-http.ts: an import of it costs 14 MB",
    forbids: ({ from, to, typeOnly }) =>
      to === "node:http" && !typeOnly && !isTest(from) && /^(src|adapters)\//.test(from),
  },
  {
    name: "a protocol's package is imported by its own folder alone",
    forbids: ({ from, to, typeOnly }) => {
      const home = protocolPackages.find(([packages]) => packages.test(to))?.[1];
      return home !== undefined && !typeOnly && !isTest(from) && !home.test(from);
    },
  },
];

/** Every breach, as `rule: from → to`. */
export function breaches(imports: readonly Import[]): string[] {
  return imports.flatMap((entry) =>
    rules.filter((rule) => rule.forbids(entry)).map((rule) => `${rule.name}: ${entry.from} → ${entry.to}`),
  );
}
