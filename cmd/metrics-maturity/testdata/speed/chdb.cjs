// Counts rule evaluations of a Prometheus query log with the ClickHouse engine, on one thread. Needs npm's chdb.
const path = require('node:path');
const base = process.env.NODE_PATH ?? path.join(process.cwd(), 'node_modules');
const {query} = require(require.resolve('chdb', {paths: [base]}));
const file = process.argv[2].replaceAll("'", "\\'");
console.log(query(`
  SELECT sum(rules) FROM (
    SELECT JSONExtractString(line, 'params', 'query') AS query, JSONExtractString(line, 'httpRequest', 'clientIP') AS client,
      substring(if(JSONHas(line, 'time'), JSONExtractString(line, 'time'), JSONExtractString(line, 'ts')), 1, 10) AS day, count() AS n, countIf(JSONHas(line, 'ruleGroup')) AS rules
    FROM file('${file}', 'LineAsString') GROUP BY ALL)
  SETTINGS max_threads = 1`, 'CSV').trim());
