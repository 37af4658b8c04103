import { expect, onTestFinished, test, vi } from "vitest";
import { loadSite } from "../../src/config/load-site.ts";
import { SiteWatch } from "../../src/config/watch-site.ts";
import { SiteReload } from "../../src/site-reload.ts";
import { ModbusSimulator } from "../../simulators/modbus/server.ts";
import { natsClient } from "../fixture/nats-client.ts";
import { runGateway, tagOf } from "../fixture/running-gateway.ts";
import { pressFile, SiteFolder } from "../fixture/site-folder.ts";

/** Two presses, their folder watched as `linegate run` watches it. */
async function watchedLine() {
  const [first, second] = [await ModbusSimulator.start(), await ModbusSimulator.start()];
  onTestFinished(async () => {
    await first.refuse();
    await second.refuse();
  });
  first.unit().holding.put(40, "float32", 100, "CDAB");
  const folder = new SiteFolder({
    "devices/press-1.yaml": pressFile("press-1", first.port),
    "devices/press-2.yaml": pressFile("press-2", second.port),
  });
  const running = await runGateway(folder);
  const log = {
    debug: () => {},
    info: () => {},
    warn: () => {},
    error: (_: object, text: string) => void refusals.push(text),
  };
  const refusals: string[] = [];
  const reload = new SiteReload({
    gateway: running.gateway,
    log,
    load: () => loadSite(folder.dir),
    follow: (files, since) => watch.follow(files, since),
  });
  const watch = new SiteWatch({ dir: folder.dir, files: [], log, onChange: () => void reload.reload() });
  watch.start();
  onTestFinished(async () => {
    watch.close();
    await reload.stop();
  });
  await running.reading((next) => tagOf(next, "press-1") === "ram/pressure" && next.value === 10);
  await running.reading((next) => tagOf(next, "press-2") !== undefined && next.quality === "good");
  return { first, second, folder, refusals, ...running };
}

test("an edited device runs on its new mapping, and the others keep their connection and miss no poll", async () => {
  const { first, second, folder, reading, readings } = await watchedLine();
  const edited = reading((next) => tagOf(next, "press-1") === "ram/pressure" && next.value === 50);
  folder.write("devices/press-1.yaml", pressFile("press-1", first.port, 0.5));
  await edited;
  expect(second.acceptedCount).toBe(1);
  const others = readings.filter((r) => tagOf(r, "press-2") === "cycle/count");
  expect(others.filter((r) => r.quality !== "good")).toEqual([]);
  expect(others.map((r) => r.sequence)).toEqual(others.map((_, index) => index + 1));
});

test("a bad edit changes nothing, says why, and the good edit after it is taken", async () => {
  const { first, folder, reading, refusals } = await watchedLine();
  folder.write("devices/press-1.yaml", pressFile("press-1", first.port).replace("CDAB", "CDBA"));
  await vi.waitFor(() =>
    expect(refusals).toEqual(["the edited mapping has 1 mistakes; the one before stays in force"]),
  );
  expect(first.acceptedCount).toBe(1);
  const edited = reading((next) => tagOf(next, "press-1") === "ram/pressure" && next.value === 200);
  folder.write("devices/press-1.yaml", pressFile("press-1", first.port, 2));
  await edited;
});

test("a new device file starts a device; a deleted one stops it and takes its topics out of LATEST", async () => {
  const { second, folder, gateway, reading } = await watchedLine();
  const nats = await natsClient(gateway.addresses.nats);
  const third = await ModbusSimulator.start();
  onTestFinished(() => third.refuse());
  const added = reading((next) => tagOf(next, "press-3") !== undefined && next.quality === "good");
  folder.write("devices/press-3.yaml", pressFile("press-3", third.port));
  await added;
  folder.remove("devices/press-2.yaml");
  await vi.waitFor(() =>
    expect(Object.keys(gateway.health().devices).sort()).toEqual(["press-1", "press-3"]),
  );
  await vi.waitFor(() => expect(second.connectionCount).toBe(0));
  const subjects = async () => {
    const answer = await nats.request(
      "$JS.API.STREAM.INFO.LATEST",
      JSON.stringify({ subjects_filter: "data.>" }),
      { timeout: 1_000 },
    );
    return Object.keys(answer.json<{ state: { subjects?: Record<string, number> } }>().state.subjects ?? {});
  };
  await vi.waitFor(async () =>
    expect((await subjects()).filter((subject) => subject.includes("press-2"))).toEqual([]),
  );
});
