// TimescaleDB in WebAssembly behind a PostgreSQL socket, for tests: one connection at a time,
// nothing on disk, no background workers. COPY over the socket is not among what it can do.
import { PGlite } from "@electric-sql/pglite";
import { timescaledb } from "@electric-sql/pglite/timescaledb";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";

const port = Number(process.argv[2]);
const db = await PGlite.create({ extensions: { timescaledb } });
const server = new PGLiteSocketServer({ db, host: "127.0.0.1", port });
await server.start();
console.log(`ready ${port}`);

