// DuckDB behind two pipes: a statement a line in; "ok N" and N rows out, or "error MESSAGE". Cells stand between tabs, with
// their type in front (n: number, t: timestamp, b: condition, s: text); NULL is \N; tab, newline and backslash are escaped.
import { createInterface } from "node:readline";
import { writeSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { join } from "node:path";

const require = createRequire(join(process.argv[2], "package.json"));
const { DuckDBInstance } = await import(pathToFileURL(require.resolve("@duckdb/node-api")).href);
const connection = await (await DuckDBInstance.create(":memory:")).connect();
await connection.run("SET threads = 1");
await connection.run("SET enable_progress_bar = false");

const escape = (text) =>
  text.replace(/\\/g, "\\\\").replace(/\t/g, "\\t").replace(/\n/g, "\\n").replace(/\r/g, "\\r");

function kind(type) {
  const name = String(type);
  if (/^(DECIMAL|HUGEINT|UHUGEINT|U?BIGINT|U?INTEGER|U?SMALLINT|U?TINYINT|DOUBLE|FLOAT)/.test(name)) return "n";
  if (/^(TIMESTAMP|DATE)/.test(name)) return "t";
  return name === "BOOLEAN" ? "b" : "s";
}

function plain(value) {
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  return String(value);
}

async function answer(sql) {
  const reader = await connection.runAndReadAll(sql);
  const kinds = reader.columnTypes().map(kind);
  const rows = reader.getRows();
  let out = `ok ${rows.length}\n`;
  for (const row of rows) {
    out += row.map((cell, i) => (cell === null ? "\\N" : `${kinds[i]}:${escape(plain(cell))}`)).join("\t") + "\n";
  }
  return out;
}

function send(text) {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  let text;
  try {
    text = await answer(line);
  } catch (error) {
    text = `error ${String(error.message).split("\n")[0]}\n`;
  }
  send(text);
}
