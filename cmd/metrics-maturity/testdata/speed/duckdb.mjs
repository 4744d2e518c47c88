// Counts rule evaluations of a Prometheus query log with DuckDB, in memory and on one thread. Needs npm's @duckdb/node-api.
import {createRequire} from 'node:module';
import path from 'node:path';

const base = process.env.NODE_PATH ?? path.join(process.cwd(), 'node_modules');
const {DuckDBInstance} = createRequire(path.join(base, 'x.js'))('@duckdb/node-api');
const db = await DuckDBInstance.create(':memory:', {threads: '1'});
const connection = await db.connect();
const result = await connection.runAndReadAll(`
  WITH lines AS (
    SELECT params.query AS query, httpRequest.clientIP AS client, substr(coalesce(time, ts), 1, 10) AS day, min(coalesce(time, ts)) AS first,
      max(coalesce(time, ts)) AS last, count(*) AS n, count(ruleGroup) AS rules
    FROM read_json('${process.argv[2]}', format = 'newline_delimited', columns = {time: 'VARCHAR', ts: 'VARCHAR', params: 'STRUCT(query VARCHAR)',
      httpRequest: 'STRUCT(clientIP VARCHAR)', ruleGroup: 'JSON'})
    GROUP BY ALL)
  SELECT sum(rules)::INTEGER AS n FROM lines`);
console.log(String(result.getRows()[0][0]));
