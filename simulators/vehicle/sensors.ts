import { connectAsync, type MqttClient } from "mqtt";

const tyres = ["front-left", "front-right", "rear-left", "rear-right"] as const;

/** The vehicle's sensors and its drive unit, as they send by MQTT: what each says can be set. */
export class VehicleSensors {
  readonly battery = {
    voltage: 396.5,
    current: 41,
    charge: 78,
    temperature: { hottest: 31.4, coldest: 28.9 },
  };
  readonly pressures = new Map<string, number>(tyres.map((tyre) => [tyre, 2.4]));
  readonly drive = { speed: 0, steering: 0, odometer: 12_843.2, mode: "auto", setpoint: 0, limit: 130 };
  readonly #client: MqttClient;
  #timer: NodeJS.Timeout | undefined;

  private constructor(client: MqttClient) {
    this.#client = client;
  }

  /** Connects and listens for the drive unit's commands. @param broker such as `mqtt://127.0.0.1:1883` */
  static async connect(broker: string, username: string, password: string): Promise<VehicleSensors> {
    const client = await connectAsync(broker, {
      clientId: "car-sensors",
      username,
      password,
      reconnectPeriod: 500,
    });
    const sensors = new VehicleSensors(client);
    client.on("message", (topic, payload) => sensors.#obey(topic, Number(payload.toString())));
    await client.subscribeAsync("car/drive/cmd/#", { qos: 1 });
    return sensors;
  }

  /** Sends everything now and then, in ms. */
  start(periodMs: number): void {
    this.send();
    this.#timer = setInterval(() => this.send(), periodMs);
  }

  /** One message of each. The speed follows the setpoint, as far as its limit lets it. */
  send(): void {
    const { drive } = this;
    drive.speed += (Math.min(drive.setpoint, drive.limit) - drive.speed) / 4;
    drive.odometer += drive.speed / 36_000;
    this.#publish("car/drive/state", drive);
    this.#publish("car/battery/state", this.battery);
    for (const [tyre, pressure] of this.pressures)
      this.#publish(`car/tyre/${tyre}`, { pressure, temperature: 24.5 });
    for (const [what, value] of [
      ["motor", 64.2],
      ["inverter", 51.7],
      ["compute", 58.3],
    ] as const)
      this.#publish(`car/temperature/${what}`, value);
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#client.endAsync(true);
  }

  #publish(topic: string, payload: object | number): void {
    this.#client.publish(topic, JSON.stringify(payload), { qos: 0 });
  }

  #obey(topic: string, value: number): void {
    if (topic === "car/drive/cmd/setpoint") this.drive.setpoint = value;
    if (topic === "car/drive/cmd/limit") this.drive.limit = value;
    this.#publish("car/drive/state", this.drive);
  }
}
