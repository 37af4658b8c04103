import { freePort, testConformance, type SimulatedFault } from "../../src/adapter-kit/testing.ts";
import { CameraSimulator, type CameraFault } from "../../simulators/camera/camera.ts";
import { postResult } from "../../simulators/camera/push.ts";
import { cameraAdapter } from "./adapter.ts";
import { cameraOf, inspection, inspectionTags } from "./mapping-fixture.ts";

const missing = { missing: { pointer: "/noSuchThing" } };
const written = {
  "inspection/score": { ...inspectionTags["inspection/score"], write: { url: "/exposure" } },
};

async function start() {
  let taken = 0;
  return CameraSimulator.start({
    slowMs: 500,
    result: (path) => (path === "/results" ? inspection(`P-${(taken += 1)}`) : undefined),
    onWrite: () => undefined,
  });
}

function faultOf(camera: CameraSimulator, fault: CameraFault): SimulatedFault {
  return {
    name: fault,
    begin: () => camera.suffer(fault),
    bites: () => camera.bitten >= 2,
    end: () => camera.heal(),
  };
}

function restart(camera: CameraSimulator): SimulatedFault {
  let before = 0;
  return {
    name: "all connections broken",
    begin: () => {
      before = camera.contacts;
      camera.disconnect();
    },
    bites: () => camera.contacts > before,
    end: () => undefined,
  };
}

testConformance({
  module: { ...cameraAdapter, name: "camera over http-poll" },
  start: async () => {
    const camera = await start();
    const connection = {
      transport: "http-poll",
      url: `${camera.origin}/results`,
      timeout: "200ms",
      maxBytes: "1MB",
    };
    const tags = { ...inspectionTags, ...written };
    return {
      device: cameraOf(tags, connection),
      flawed: { device: cameraOf({ ...tags, ...missing }, connection), badTag: "missing" },
      writable: { tag: "inspection/score", value: 7 },
      faults: [
        ...(
          [
            "status-500",
            "slow",
            "half-body",
            "reset",
            "wrong-length",
            "garbage",
            "huge",
            "silent",
            "not-http",
          ] as const
        ).map((fault) => faultOf(camera, fault)),
        restart(camera),
      ],
      contacts: () => camera.contacts,
      stop: () => camera.stop(),
    };
  },
});

testConformance({
  module: { ...cameraAdapter, name: "camera over websocket" },
  start: async () => {
    const camera = await start();
    const timer = setInterval(() => camera.stream(inspection("P-1")), 10);
    const connection = {
      transport: "websocket",
      url: `${camera.origin.replace("http", "ws")}/results`,
      timeout: "300ms",
      ping: "100ms",
      maxBytes: "1MB",
    };
    let before = 0;
    const silent: SimulatedFault = {
      ...faultOf(camera, "silent"),
      begin: () => {
        before = camera.contacts;
        camera.suffer("silent");
      },
      // It gave the silent connection up and tries a new one.
      bites: () => camera.contacts > before,
    };
    return {
      device: cameraOf(inspectionTags, connection),
      flawed: { device: cameraOf({ ...inspectionTags, ...missing }, connection), badTag: "missing" },
      faults: [faultOf(camera, "garbage"), faultOf(camera, "huge"), restart(camera), silent],
      contacts: () => camera.contacts,
      stop: async () => {
        clearInterval(timer);
        await camera.stop();
      },
    };
  },
});

testConformance({
  module: { ...cameraAdapter, name: "camera over http-push" },
  start: async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}/camera/camera-1`;
    let posts = 0;
    let refused = 0;
    let result: unknown = inspection("P-1");
    let path = url;
    let posting: Promise<unknown> = Promise.resolve();
    const timer = setInterval(() => {
      posting = postResult({ url: path, headers: { connection: "close" } }, result).then(
        (status) => {
          posts += 1;
          if (status !== 200) refused += 1;
        },
        () => undefined,
      );
    }, 20);
    const talk = (name: string, begin: () => void): SimulatedFault => {
      let before = 0;
      return {
        name,
        begin: () => {
          before = posts;
          begin();
        },
        bites: () => posts > before + 2,
        end: () => {
          result = inspection("P-1");
          path = url;
        },
      };
    };
    const connection = { transport: "http-push", listen: `127.0.0.1:${port}`, maxBytes: "100KB" };
    return {
      device: cameraOf(inspectionTags, connection),
      flawed: { device: cameraOf({ ...inspectionTags, ...missing }, connection), badTag: "missing" },
      faults: [
        talk("results without the fields", () => (result = {})),
        talk("posts far too large", () => (result = "x".repeat(200_000))),
        talk("posts to another path", () => (path = `${url}-2`)),
      ],
      contacts: () => posts - refused,
      stop: async () => {
        clearInterval(timer);
        await posting;
      },
    };
  },
});
