#   docker build -t memory-import .
#   docker run --rm -e CALLERS_API_KEY -v memory-import:/data -v "$PWD/notes.csv:/in/notes.csv:ro" memory-import import /in/notes.csv
#
# Ledger and reports land in the volume /data, under .memory-import, because that is the working directory. The user is 1000;
# with a folder of the host as /data, add --user "$(id -u):$(id -g)".
ARG NODE_IMAGE=node:20-bookworm-slim

FROM ${NODE_IMAGE} AS build
# Behind a proxy that opens TLS: --build-arg NODE_EXTRA_CA_CERTS=<its certificates, mounted into the build>.
ARG NODE_EXTRA_CA_CERTS
WORKDIR /app
COPY package.json package-lock.json ./
# No install script is needed: the SQLite driver brings its binaries along.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY src src
# What --version says: --build-arg COMMIT="$(git rev-parse --short HEAD)". There is no repository in here.
ARG COMMIT
RUN npm run build \
 && npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
 # The driver's binaries for other systems, and the C sources that it would be compiled from.
 && cd node_modules/@photostructure/sqlite \
 && find prebuilds -mindepth 1 -maxdepth 1 ! -name "linux-$(node -p process.arch)" -exec rm -r {} + \
 && rm -rf src \
 # Of the charts one file is ever loaded, which has everything in it: 66 MB less.
 && cd ../../echarts \
 && find . ../zrender -type f ! -name 'LICENSE*' ! -name NOTICE ! -path ./package.json ! -path ./dist/echarts.esm.min.mjs -delete \
 && find . ../zrender -type d -empty -delete

FROM ${NODE_IMAGE}
# What runs here is installed already.
RUN rm -rf /usr/local/lib/node_modules /usr/lib/node_modules /opt/yarn-* \
 && rm -f /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn* /usr/bin/npm /usr/bin/npx /usr/bin/corepack \
 && install -d -o 1000 -g 1000 -m 0700 /data
WORKDIR /app
COPY LICENSE package.json ./
COPY samples samples
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
ENV NODE_ENV=production
WORKDIR /data
VOLUME /data
USER 1000:1000
# The command itself is process 1, so SIGTERM reaches it: it finishes and settles what is under way before it exits.
ENTRYPOINT ["node", "/app/dist/cli/main.js"]
CMD ["--help"]
