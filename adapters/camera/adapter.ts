import type { AdapterModule } from "../../src/adapter-kit/index.ts";
import { HttpPollCamera } from "./http-poll.ts";
import { HttpPushCamera } from "./http-push.ts";
import type { CameraConnection, CameraOptions, CameraTagOptions } from "./mapping.ts";
import { planCameras } from "./plan.ts";
import { WebSocketCamera } from "./websocket.ts";

export const cameraAdapter: AdapterModule<CameraConnection, CameraOptions, CameraTagOptions> = {
  name: "camera",
  dialsIn: ({ connection }) => connection.transport === "http-push",
  plan: planCameras,
  create: (device, context) => {
    const { connection } = device;
    switch (connection.transport) {
      case "http-poll":
        return new HttpPollCamera({ ...device, connection }, context);
      case "http-push":
        return new HttpPushCamera({ ...device, connection }, context);
      case "websocket":
        return new WebSocketCamera({ ...device, connection }, context);
    }
  },
};
