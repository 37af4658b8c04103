import { agvStops, isAgvStop, type AgvState, type AgvStop } from "./agv.ts";
import { actionsOf, isObject, orderOf, type Action, type Order } from "./vda5050-order.ts";

type ActionStatus = "WAITING" | "RUNNING" | "FINISHED" | "FAILED";

/** VDA 5050 V2.0.0 §6.10, `actionStates`. */
interface ActionState {
  readonly actionId: string;
  readonly actionType: string;
  actionStatus: ActionStatus;
  resultDescription?: string;
}

/** §6.10, `errors`. */
interface VehicleError {
  readonly errorType: string;
  readonly errorDescription: string;
  readonly errorLevel: "WARNING" | "FATAL";
  readonly errorReferences: readonly { readonly referenceKey: string; readonly referenceValue: string }[];
}

/** So many actions and errors are remembered. */
const mostKept = 10;

/**
 * What an AGV of the line knows of VDA 5050 beside its driving: the order it was given, the actions it is asked for, what
 * it found wrong with them.
 */
export class Vda5050Vehicle {
  paused = false;
  /** True until the factsheet that was asked for is sent. */
  factsheetWanted = false;
  #order: Order | undefined;
  /** Where the order leads to, until the vehicle is there. */
  #goal: AgvStop | undefined;
  #actions: ActionState[] = [];
  #errors: VehicleError[] = [];

  get order(): Order | undefined {
    return this.#order;
  }

  get goal(): AgvStop | undefined {
    return this.#goal;
  }

  get actionStates(): readonly ActionState[] {
    return this.#actions;
  }

  get errors(): readonly VehicleError[] {
    return this.#errors;
  }

  /** A message on `…/order` or `…/instantActions`; others are passed over. */
  receive(topic: string, message: unknown): void {
    if (topic.endsWith("/order")) this.#takeOrder(message);
    else if (topic.endsWith("/instantActions") && isObject(message)) {
      for (const action of actionsOf(message["actions"] ?? message["instantActions"])) this.#act(action);
    }
  }

  /** Looks where the vehicle is: an order whose last node is reached is done. */
  follow({ task, stop }: AgvState): void {
    if (this.#goal === undefined || stop !== this.#goal || task === "driving") return;
    this.#goal = undefined;
    for (const action of this.#actions)
      if (action.actionStatus === "WAITING") action.actionStatus = "FINISHED";
  }

  #takeOrder(message: unknown): void {
    const order = orderOf(message);
    if (typeof order === "string") {
      this.#complain("validationError", order, []);
      return;
    }
    const references = [
      ["orderId", order.orderId],
      ["orderUpdateId", String(order.orderUpdateId)],
    ] as const;
    const unknown = order.nodes.find(({ nodeId }) => !isAgvStop(nodeId));
    const goal = order.nodes.at(-1)?.nodeId;
    if (unknown !== undefined || goal === undefined || !isAgvStop(goal)) {
      const description = `there is no node ${unknown?.nodeId}, only ${agvStops.join(", ")}`;
      this.#complain("noRouteError", description, references);
      return;
    }
    const current = this.#order;
    const update = current?.orderId === order.orderId;
    if (update && order.orderUpdateId <= current.orderUpdateId) {
      // §6.6.4: the same update again is no mistake, and changes nothing.
      if (order.orderUpdateId < current.orderUpdateId)
        this.#complain("orderUpdateError", "an older update than the one in force", references);
      return;
    }
    if (!update && this.#goal !== undefined) {
      this.#complain("orderUpdateError", `order ${current?.orderId} is still under way`, references);
      return;
    }
    this.#order = order;
    this.#goal = goal;
    this.#errors = [];
    for (const action of order.nodes.flatMap(({ actions }) => actions)) this.#remember(action, "WAITING");
  }

  #act(action: Action): void {
    switch (action.actionType) {
      case "startPause":
      case "stopPause":
        this.paused = action.actionType === "startPause";
        this.#remember(action, "FINISHED");
        break;
      case "cancelOrder":
        this.#cancel(action);
        break;
      case "factsheetRequest":
        this.factsheetWanted = true;
        this.#remember(action, "FINISHED");
        break;
      case "stateRequest":
        // The state is sent all the time.
        this.#remember(action, "FINISHED");
        break;
      default:
        this.#remember(action, "FAILED", `there is no action ${action.actionType}`);
        this.#complain("instantActionError", `there is no action ${action.actionType}`, [
          ["actionId", action.actionId],
        ]);
    }
  }

  #cancel(action: Action): void {
    if (this.#goal === undefined) {
      this.#remember(action, "FAILED", "there is no order to be cancelled");
      this.#complain("noOrderToCancel", "there is no order under way", [["actionId", action.actionId]]);
      return;
    }
    this.#goal = undefined;
    for (const state of this.#actions) if (state.actionStatus === "WAITING") state.actionStatus = "FAILED";
    this.#remember(action, "FINISHED");
  }

  #remember({ actionId, actionType }: Action, actionStatus: ActionStatus, result?: string): void {
    const state: ActionState = { actionId, actionType, actionStatus };
    if (result !== undefined) state.resultDescription = result;
    const others = this.#actions.filter((one) => one.actionId !== actionId);
    this.#actions = [...others, state].slice(-mostKept);
  }

  #complain(
    errorType: string,
    errorDescription: string,
    references: readonly (readonly [key: string, value: string])[],
  ): void {
    const errorReferences = references.map(([referenceKey, referenceValue]) => ({
      referenceKey,
      referenceValue,
    }));
    const error: VehicleError = { errorType, errorDescription, errorLevel: "WARNING", errorReferences };
    this.#errors = [...this.#errors, error].slice(-mostKept);
  }
}
