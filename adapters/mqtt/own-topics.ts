import type { MqttConnection, MqttDeviceMapping, MqttTagMapping, MqttWriteOptions } from "./mapping.ts";

/** How a topic of the device's own begins, so that a profile can name it for every device of its type. */
const own = "./";

export function isOwnTopic(topic: string): boolean {
  return topic.startsWith(own);
}

/** What stands for `./`: the device's `base`, or a vehicle's topics as VDA 5050 V2.0.0 §6.4 lays them out. */
export function baseOf({ base, vda5050 }: MqttConnection): string | undefined {
  if (vda5050 === undefined) return base;
  const { interfaceName, version, manufacturer, serialNumber } = vda5050;
  return `${interfaceName}/v${version.split(".")[0] ?? ""}/${manufacturer}/${serialNumber}`;
}

/** A topic of the device's own written out. */
export function fullTopic(topic: string, base: string | undefined): string {
  return base !== undefined && isOwnTopic(topic) ? `${base}/${topic.slice(own.length)}` : topic;
}

/** The device with all its topics written out. */
export function withOwnTopics(device: MqttDeviceMapping): MqttDeviceMapping {
  const { connection } = device;
  const base = baseOf(connection);
  if (base === undefined) return device;
  const full = (topic: string) => fullTopic(topic, base);
  const { will } = connection;
  return {
    ...device,
    connection:
      will === undefined ? connection : { ...connection, will: { ...will, topic: full(will.topic) } },
    tags: device.tags.map((tag) => withFullTopics(tag, full)),
  };
}

function withFullTopics(tag: MqttTagMapping, full: (topic: string) => string): MqttTagMapping {
  const options = { ...tag.options, address: full(tag.options.address) };
  if (tag.write === undefined) return { ...tag, options };
  const write = tag.write.options as MqttWriteOptions;
  return { ...tag, options, write: { ...tag.write, options: { ...write, topic: full(write.topic) } } };
}
