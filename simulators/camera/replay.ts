import type { Replayer } from "../site/replayer.ts";
import { recordedConnection } from "./recorded-message.ts";
import { ReplayedPollCamera } from "./replay-poll.ts";
import { ReplayedPushCamera } from "./replay-push.ts";
import { ReplayedStreamCamera } from "./replay-stream.ts";

/** A recorded camera: asked, posting or streaming as it was. */
export const cameraReplayer: Replayer = {
  start: async (recording, options) => {
    const connection = recordedConnection(recording.header.mapping);
    switch (connection.transport) {
      case "http-poll":
        return ReplayedPollCamera.start(recording, connection, options);
      case "http-push":
        return ReplayedPushCamera.start(recording, connection, options);
      case "websocket":
        return ReplayedStreamCamera.start(recording, connection, options);
    }
  },
};
