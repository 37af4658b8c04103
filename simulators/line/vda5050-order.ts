/** The parts of an order that this vehicle acts on. VDA 5050 V2.0.0 §6.6. */
export interface Order {
  readonly orderId: string;
  readonly orderUpdateId: number;
  readonly nodes: readonly OrderNode[];
}

interface OrderNode {
  readonly nodeId: string;
  readonly sequenceId: number;
  readonly actions: readonly Action[];
}

/** An action of a node, or an instant action (§6.8). */
export interface Action {
  readonly actionId: string;
  readonly actionType: string;
}

/** An order out of a message; a text that says what is wrong where it is none. */
export function orderOf(message: unknown): Order | string {
  if (!isObject(message)) return "an order is an object";
  const { orderId, orderUpdateId, nodes } = message;
  if (typeof orderId !== "string" || orderId === "") return "orderId is missing";
  if (typeof orderUpdateId !== "number") return "orderUpdateId is missing";
  if (!Array.isArray(nodes) || nodes.length === 0) return "nodes are missing";
  const read: OrderNode[] = [];
  for (const node of nodes as unknown[]) {
    if (!isObject(node) || typeof node["nodeId"] !== "string" || typeof node["sequenceId"] !== "number")
      return "a node has no nodeId or no sequenceId";
    read.push({
      nodeId: node["nodeId"],
      sequenceId: node["sequenceId"],
      actions: actionsOf(node["actions"]),
    });
  }
  return { orderId, orderUpdateId, nodes: read };
}

/** The actions of a node, or of an `instantActions` message: its `actions`, or `instantActions` before V2. */
export function actionsOf(list: unknown): Action[] {
  if (!Array.isArray(list)) return [];
  return (list as unknown[]).flatMap((action) => {
    if (!isObject(action)) return [];
    const { actionId, actionType } = action;
    return typeof actionId === "string" && typeof actionType === "string" ? [{ actionId, actionType }] : [];
  });
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
