import type { Request, Response } from "node-opcua-secure-channel";
import type { OPCUAServer } from "node-opcua-server";
import { ServiceFault } from "node-opcua-types";
import { statusCodeOf } from "../../adapters/opcua/status.ts";

/** The name of the status that a request is answered with, such as `BadTooManyOperations`; undefined: as usual. */
export type Judge = (request: Request) => string | undefined;

interface Message {
  readonly request: Request;
}

/** What of the server its package does not declare. */
interface Receiving {
  on_request(message: Message, channel: Channel): void;
}

interface Channel {
  send_response(kind: "MSG", response: Response, message: Message): void;
}

/** Has a server's requests judged before it works on them. */
export function judgeRequests(server: OPCUAServer, judge: Judge): void {
  const receiving = server as unknown as Receiving;
  const usual = receiving.on_request.bind(server);
  receiving.on_request = (message, channel) => {
    const status = judge(message.request);
    if (status === undefined) return usual(message, channel);
    const responseHeader = {
      serviceResult: statusCodeOf(status),
      requestHandle: message.request.requestHeader.requestHandle,
    };
    channel.send_response("MSG", new ServiceFault({ responseHeader }), message);
  };
}
