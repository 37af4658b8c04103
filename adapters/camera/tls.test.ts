import { expect, test } from "vitest";
import { Authority } from "../../simulators/camera/authority.ts";
import { cameraOf, inspection, inspectionTags } from "./mapping-fixture.ts";
import { camera, keptImages, refusal, running, untilValue } from "./testing.ts";

const plant = new Authority("Plant CA");
const day = 86_400_000;
const good = { names: ["127.0.0.1"] };

/** A camera behind TLS and the mapping of either kind that reads it; its files are those of a site folder. */
async function behindTls(certificate = plant.issue(good)) {
  const { simulator, shown } = await camera({ tls: certificate });
  const device = (transport: string, tls: object | undefined) => {
    const url =
      transport === "websocket"
        ? `${simulator.origin.replace("https", "wss")}/stream`
        : `${simulator.origin}/results`;
    const image = { image: true, ...(transport === "websocket" ? {} : { url: "/image" }) };
    const event = { name: "inspected", image: true };
    return cameraOf({ ...inspectionTags, image }, { transport, url, tls }, { event });
  };
  return { simulator, shown, device };
}

const authorities = new Map([["plant-ca.pem", plant.cert]]);
const files = {
  text: async (name: string) => {
    const found = authorities.get(name) ?? "";
    expect(found).not.toBe("");
    return found;
  },
};
const trusting = { ca: "plant-ca.pem" };

test("a polled camera behind TLS is read with the authority that the mapping names, images too", async () => {
  const { device, shown } = await behindTls();
  const { images, kept } = keptImages();
  const { context } = await running(device("http-poll", trusting), { files, images });
  await untilValue(context, "inspection/part", "P-1");
  shown.result = inspection("P-2");
  await expect.poll(() => kept.size).toBe(1);
});

test("a streaming camera behind TLS likewise", async () => {
  const { device, simulator } = await behindTls();
  const { context } = await running(device("websocket", trusting), { files });
  simulator.stream(inspection("P-3"));
  await untilValue(context, "inspection/part", "P-3");
  expect(context.faults).toEqual(new Map());
});

test.each(["http-poll", "websocket"])(
  "over %s a certificate that nobody vouches for is refused, unless the mapping takes any",
  async (transport) => {
    const { device, simulator } = await behindTls(new Authority("Somebody").issue(good));
    const unknown = { code: "DEVICE_REJECTED", message: expect.stringContaining("is not trusted") as string };
    expect(await refusal(device(transport, undefined), { files })).toMatchObject(unknown);
    expect(await refusal(device(transport, trusting), { files })).toMatchObject(unknown);
    const { context } = await running(device(transport, { insecure: true }), { files });
    simulator.stream(inspection("P-1"));
    await untilValue(context, "inspection/part", "P-1");
  },
);

test.each([
  ["http-poll", "another name", { names: ["camera.example"] }, "ERR_TLS_CERT_ALTNAME_INVALID"],
  ["websocket", "another name", { names: ["camera.example"] }, "ERR_TLS_CERT_ALTNAME_INVALID"],
  ["http-poll", "expired", { ...good, from: Date.now() - 9 * day, to: Date.now() - day }, "CERT_HAS_EXPIRED"],
  ["websocket", "expired", { ...good, from: Date.now() - 9 * day, to: Date.now() - day }, "CERT_HAS_EXPIRED"],
  ["http-poll", "not yet valid", { ...good, from: Date.now() + day }, "CERT_NOT_YET_VALID"],
])(
  "over %s a certificate that is %s is refused, and says which it is",
  async (transport, _, options, code) => {
    const { device } = await behindTls(plant.issue(options));
    expect(await refusal(device(transport, trusting), { files })).toMatchObject({
      code: "DEVICE_REJECTED",
      message: expect.stringContaining(code) as string,
    });
  },
);

test("a camera that signed its own certificate is trusted where the mapping names that one", async () => {
  const camera = new Authority("Camera 4711", good.names);
  authorities.set("own.pem", camera.cert);
  const { device } = await behindTls(camera.own);
  expect(await refusal(device("http-poll", undefined), { files })).toMatchObject({ code: "DEVICE_REJECTED" });
  const { context } = await running(device("http-poll", { ca: "own.pem" }), { files });
  await untilValue(context, "inspection/part", "P-1");
});
