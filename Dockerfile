# The gateway with a nats-server of its own: the program's bundle on Node.js 24, with the packages that have native parts.
ARG NATS_VERSION=2
FROM nats:${NATS_VERSION}-alpine AS nats

FROM node:24-bookworm-slim AS made
WORKDIR /opt/linegate
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY bin bin
COPY src src
COPY adapters adapters
COPY simulators simulators
RUN node bin/bundle.mjs && npm prune --omit=dev --no-audit --no-fund && rm -r src adapters simulators

FROM node:24-bookworm-slim
WORKDIR /opt/linegate
COPY --from=nats /usr/local/bin/nats-server /usr/local/bin/nats-server
COPY --from=made --chown=node:node /opt/linegate .
RUN mkdir /data && chown node:node /data . && ln -s /opt/linegate/bin/linegate /usr/local/bin/linegate
USER node
# Compiles all modules once, for every start of a container.
RUN linegate --warm-up
VOLUME /data
ENTRYPOINT ["linegate"]
CMD ["run", "/site"]
