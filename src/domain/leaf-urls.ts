const leafSchemes = ["nats-leaf:", "nats:", "tls:"];
const clientSchemes = ["nats:", "tls:"];

/** The addresses of `nats-leaf://a:7422,nats-leaf://b:7422`; undefined where one of them is no leaf node listener's. */
export function leafUrls(text: string): readonly URL[] | undefined {
  return urlsIn(text, leafSchemes);
}

/** The addresses of `nats://a:4222,nats://b:4222`; undefined where one of them is no listener for clients. */
export function clientUrls(text: string): readonly URL[] | undefined {
  return urlsIn(text, clientSchemes);
}

function urlsIn(text: string, schemes: readonly string[]): readonly URL[] | undefined {
  const parts = text.split(",").map((part) => part.trim());
  const urls = parts.flatMap((part) => (URL.canParse(part) ? [new URL(part)] : []));
  const sound = urls.filter(({ protocol, hostname }) => schemes.includes(protocol) && hostname !== "");
  return sound.length === parts.length ? sound : undefined;
}
