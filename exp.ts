import { connect, headers } from "@nats-io/transport-node";
const hub = await connect({ servers: "127.0.0.1:14222", user: "eng", pass: "eng" });
const r = await hub.request(
  "$JS.API.STREAM.CREATE.PUSH",
  JSON.stringify({
    name: "PUSH",
    subjects: ["push.*.wanted", "push.*.result", "push.*.blob.>"],
    storage: "file",
    retention: "limits",
    discard: "new",
    max_msgs_per_subject: 1,
    max_bytes: 10_000_000,
    allow_direct: true,
    num_replicas: 1,
  }),
);
console.log(r.string().slice(0, 200));
console.log((await hub.request("push.gw1.wanted", "hello")).string());
console.log((await hub.request("push.gw2.wanted", "other")).string());
const leaf = await connect({ servers: "127.0.0.1:14223" });
leaf.subscribe("push.gw1.wanted", { callback: (_, m) => console.log("live", m.string()) });
let got: (m: any) => void = () => {};
leaf.subscribe("_INBOX.gw1.>", { callback: (_, m) => got(m) });
await leaf.flush();
await new Promise((r) => setTimeout(r, 500));
const ask = (s: string, p = "") =>
  new Promise((res) => {
    const t = setTimeout(() => res("timeout"), 2000);
    got = (m) => {
      clearTimeout(t);
      res([m.headers?.code, m.string(), [...(m.headers ?? [])].join("|")]);
    };
    leaf.publish(s, p, { reply: "_INBOX.gw1.1" });
  });
console.log("own", await ask("$JS.hub.API.DIRECT.GET.PUSH.push.gw1.wanted"));
console.log("none", await ask("$JS.hub.API.DIRECT.GET.PUSH.push.gw1.blob.x"));
console.log("foreign", await ask("$JS.hub.API.DIRECT.GET.PUSH.push.gw2.wanted"));
console.log("result", await ask("push.gw1.result", "res"));
console.log("wanted forged", await ask("push.gw1.wanted", "forged"));
await hub.request("push.gw1.wanted", "hello2");
await new Promise((r) => setTimeout(r, 300));
const h = headers();
h.set("Nats-Expected-Last-Subject-Sequence", "1");
console.log((await hub.request("push.gw1.wanted", "x", { headers: h, timeout: 1000 })).string());
const g = await hub.request("$JS.API.DIRECT.GET.PUSH.push.gw1.wanted");
console.log(g.headers?.get("Nats-Sequence"), g.string());
await hub.close();
await leaf.close();
