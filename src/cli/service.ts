import { parseArgs } from "node:util";
import { resolve } from "node:path";
import { systemClock } from "../adapter-kit/clock.ts";
import { listenField } from "../adapter-kit/schema.ts";
import { loadSiteApart } from "../config/load-site-apart.ts";
import type { Site } from "../config/site.ts";
import { SiteWatch } from "../config/watch-site.ts";
import type { ListenAddress } from "../domain/listen-address.ts";
import { GatewayError, toGatewayError } from "../domain/errors.ts";
import type { LinkTarget } from "../nats/dial.ts";
import { externalTarget } from "../nats/external-target.ts";
import { ownTls, ownUrl } from "../nats/own-access.ts";
import { createLog } from "../observability/log.ts";
import { readSecret } from "../security/read-secret.ts";
import type { OutsideService } from "../services/outside/bridge-subjects.ts";
import { ServiceProcess } from "../services/outside/service-process.ts";
import { SiteReload } from "../site-reload.ts";
import { printIssues } from "./issue-text.ts";
import { stopSignal, whenAborted } from "./until-aborted.ts";

const usage = `linegate service NAME DIR [--nats URL] [--user NAME] [--password SECRET] [--http ADDRESS]

Runs one service of a site folder as a process of its own, until SIGTERM or SIGINT. NAME: scheduling or alerting. The gateway is
told in gateway.yaml, with services: { scheduling: outside }. Edits of the folder are taken while it runs.

  linegate service scheduling mappings/factory --user scheduler --password env:SCHEDULER_PASSWORD

  --nats URL         the gateway's nats-server (the one of gateway.yaml)
  --user NAME        a user of gateway.yaml with service: NAME, where there are users
  --password SECRET  its password: env:NAME or file:PATH
  --http ADDRESS     serves /healthz and /metrics there, such as 127.0.0.1:9465 (nowhere)
  --help             this text
`;

function isOutsideService(name: string | undefined): name is OutsideService {
  return name === "scheduling" || name === "alerting";
}

interface Login {
  readonly nats?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

/** Throws CONFIG_INVALID where it is no address. */
function addressOf(http: string | undefined): ListenAddress | undefined {
  if (http === undefined) return undefined;
  const read = listenField.safeParse(http);
  if (read.success) return read.data;
  const why = read.error.issues.map(({ message }) => message).join("; ");
  throw new GatewayError("CONFIG_INVALID", `--http ${http}: ${why}`);
}

/** Resolves with the exit code when it is ended. */
export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      nats: { type: "string" },
      user: { type: "string" },
      password: { type: "string" },
      http: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  const [name, dir, ...more] = positionals;
  if (values.help === true || !isOutsideService(name) || dir === undefined || more.length > 0) {
    process.stderr.write(usage);
    return values.help === true ? 0 : 2;
  }
  using stop = stopSignal();
  const log = createLog("info");
  let reload: SiteReload | undefined;
  let changedEarly = false;
  const onChange = () => {
    if (reload === undefined) changedEarly = true;
    else void reload.reload();
  };
  const watch = new SiteWatch({ dir, files: [], log, onChange });
  watch.start();
  const since = Date.now();
  const loaded = await loadSiteApart(dir);
  if (!loaded.ok) {
    watch.close();
    printIssues(dir, loaded.issues);
    return 1;
  }
  const { site } = loaded;
  try {
    if (site.gateway.services[name] !== "outside")
      throw new GatewayError(
        "CONFIG_INVALID",
        `The gateway runs ${name} itself. Write services: { ${name}: outside } in gateway.yaml, and restart it.`,
      );
    const target = await targetOf(site, values);
    const service = new ServiceProcess(site, name, {
      log,
      clock: systemClock,
      random: Math.random,
      environment: process.env,
      target,
      http: addressOf(values.http),
    });
    try {
      await service.start();
      reload = new SiteReload({
        gateway: { apply: (edited) => service.apply(edited), refuseReload: () => undefined },
        log,
        load: () => loadSiteApart(dir),
        follow: (files, from) => watch.follow(files, from),
      });
      watch.follow(site.files, since);
      if (changedEarly) onChange();
      log.info({ service: name, nats: target.url, http: service.http }, "waiting for the gateway");
      await whenAborted(stop);
      log.info({}, "stopping");
      return 0;
    } finally {
      await reload?.stop();
      await service.stop();
    }
  } catch (caught) {
    const { code, message, context } = toGatewayError(caught);
    log.error({ code, ...context }, message);
    return 1;
  } finally {
    watch.close();
  }
}

/** As gateway.yaml says it, unless the command line says it otherwise. */
async function targetOf({ dir, gateway: { nats } }: Site, login: Login): Promise<LinkTarget> {
  const { embedded } = nats;
  const reference = login.password ?? (nats.url === undefined ? undefined : nats.password);
  const password =
    reference === undefined
      ? undefined
      : await readSecret(reference, { siteDir: dir, environment: process.env });
  const url = login.nats ?? nats.url ?? ownUrl(embedded.listen, embedded.listen.port);
  const own = nats.url === undefined;
  const config = { ...(own ? {} : nats), ...(login.user === undefined ? {} : { user: login.user }) };
  const target = await externalTarget(url, config, password, dir);
  if (!own || embedded.tls === undefined) return target;
  const { cert, key, ca } = embedded.tls;
  const tls = await ownTls({ cert: resolve(dir, cert), key: resolve(dir, key), ca: ca && resolve(dir, ca) });
  return { ...target, tls };
}
