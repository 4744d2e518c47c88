// Command speed measures `metrics-maturity collect` against the tools that somebody would use instead, on logs that it writes
// itself. run.sh runs it. It prints tables; README quotes them.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

func main() {
	size := flag.Int64("size", 1024, "size of each log in MiB")
	pairs := flag.Int("pairs", 7, "how often each command runs")
	dir := flag.String("dir", "", "folder for logs and stores; a temporary one if left out")
	binary := flag.String("binary", "metrics-maturity", "the command to measure")
	folding := flag.String("folding", "", "test binary of ./collector, whose BenchmarkScanAndFold is measured too; left out if empty")
	only := flag.String("only", "", "cases to run, as q2,q3,daily,four,gz,zst,graf; all if left out")
	slow := flag.Bool("slow", false, "run the slow rivals too: jq, DuckDB and ClickHouse by node (set NODE_PATH to where they are installed)")
	flag.Parse()
	b := bench{size: *size << 20, pairs: *pairs, dir: *dir, binary: *binary, folding: *folding, slow: *slow}
	if err := b.run(*only); err != nil {
		fmt.Fprintln(os.Stderr, "speed:", err)
		os.Exit(1)
	}
}

type bench struct {
	size                 int64
	pairs                int
	dir, binary, folding string
	slow                 bool
}

func (b *bench) run(only string) (err error) {
	if b.dir == "" {
		if b.dir, err = os.MkdirTemp("", "speed"); err != nil {
			return err
		}
		defer os.RemoveAll(b.dir)
	}
	if err := os.WriteFile(filepath.Join(b.dir, "key"), []byte("only to measure with, never for people\n"), 0o600); err != nil {
		return err
	}
	for _, c := range []struct {
		name string
		run  func() error
	}{{"q2", func() error { return b.queries("q2") }}, {"q3", func() error { return b.queries("q3") }}, {"daily", b.daily}, {"four", b.four},
		{"gz", func() error { return b.compressed("gz", "pigz", "-p1", "-dc") }}, {"zst", func() error { return b.compressed("zst", "zstd", "-dc") }}, {"graf", b.requests}} {
		if only == "" || strings.Contains(","+only+",", ","+c.name+",") {
			if err := c.run(); err != nil {
				return err
			}
		}
	}
	return nil
}

// log makes a log, if it is not there yet.
func (b *bench) log(name, kind string, shift int) (string, error) {
	path := filepath.Join(b.dir, name)
	if info, err := os.Stat(path); err == nil && info.Size() >= b.size {
		return path, nil
	}
	return path, generate(path, kind, b.size, shift)
}

// collect is the command under test. It reads files into a store that is removed before each run.
func (b *bench) collect(name, source, files, kind, reason string) (command, error) {
	store, config := filepath.Join(b.dir, name+".db"), filepath.Join(b.dir, name+".yaml")
	text := fmt.Sprintf("timezone: UTC\nstore: {url: %q}\nsources: [{name: s, type: %s, files: [%q]}]\nteams: [{name: a, members: [user0025], clients: [10.1.0.0/16]}]\nprivacy: {hash_key_file: key}\n",
		"sqlite:"+store, source, files)
	c := command{name: "collect (" + name + ")", args: []string{b.binary, "collect", "--config", config}}
	c.before = func() error {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if err := os.RemoveAll(store + suffix); err != nil {
				return err
			}
		}
		return nil
	}
	c.answer = func(string) (int, error) { return b.count(config, kind, reason) }
	return c, os.WriteFile(config, []byte(text), 0o600)
}

// count adds up the stored rows of a kind; a reason picks those of machines.
func (b *bench) count(config, kind, reason string) (total int, err error) {
	cmd := exec.Command(b.binary, "days", "--config", config)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var day struct {
			Kind, Reason string
			Count        int
		}
		if err := json.Unmarshal(lines.Bytes(), &day); err != nil {
			return 0, err
		}
		if day.Kind == kind && (reason == "" || day.Reason == reason) {
			total += day.Count
		}
	}
	return total, cmd.Wait()
}

func number(out string) (int, error) { return strconv.Atoi(strings.Fields(out + " ")[0]) }

// queries compares over a Prometheus query log: all count its rule evaluations, collect all else as well.
func (b *bench) queries(kind string) error {
	path, err := b.log(kind+".log", kind, 0)
	if err != nil {
		return err
	}
	collect, err := b.collect(kind, "prometheus-query-log", path, "query", "rule_evaluation")
	if err != nil {
		return err
	}
	rivals := []command{
		{name: "grep -c", args: []string{"grep", "-c", "ruleGroup", path}, answer: number},
		collect,
		{
			name: "scan and fold alone, no PromQL, nothing judged or saved", args: []string{b.folding, "-test.run", "^$", "-test.bench", "ScanAndFold", "-test.benchtime", "1x"},
			env: []string{"MATURITY_BENCH_LOG=" + path, "GOMAXPROCS=1"}, optional: true,
		},
		{name: "wc -l", args: []string{"wc", "-l", path}},
		{name: "rg -c", args: []string{"rg", "-c", "ruleGroup", path}, answer: number, optional: true},
		{name: "mawk", args: []string{"mawk", `/ruleGroup/ {n++} END {print n}`, path}, answer: number, optional: true},
	}
	if b.slow {
		rivals = append(rivals,
			command{name: "jq", args: []string{"sh", "-c", "jq -c 'select(.ruleGroup) | 1' " + path + " | wc -l"}, answer: number, optional: true},
			b.node("DuckDB", "@duckdb/node-api", "duckdb.mjs", path), b.node("ClickHouse engine", "chdb", "chdb.cjs", path))
	}
	return compare("Prometheus query log "+kind, b.pairs, rivals...)
}

// node runs a script with a package of npm, if it is installed.
func (b *bench) node(name, modules, script, path string) command {
	node := "node"
	if _, err := os.Stat(filepath.Join(os.Getenv("NODE_PATH"), modules)); err != nil {
		node = "node with " + modules // which is not found, and left out
	}
	return command{name: name, args: []string{node, filepath.Join("cmd", "metrics-maturity", "testdata", "speed", script), path}, answer: number, optional: true}
}

// daily is the second file of the same texts, whose queries are known.
func (b *bench) daily() error {
	one, err := b.log("q3.log", "q3", 0)
	if err != nil {
		return err
	}
	two, err := b.log("q3-later.log", "q3", logDays)
	if err != nil {
		return err
	}
	first := filepath.Join(b.dir, "first")
	warm, err := b.collect("first", "prometheus-query-log", one, "query", "")
	if err != nil {
		return err
	}
	second, err := b.collect("second", "prometheus-query-log", two, "query", "")
	if err != nil {
		return err
	}
	if err := warm.before(); err != nil {
		return err
	}
	if _, _, err := warm.run(); err != nil {
		return err
	}
	fresh := second.before
	second.before = func() error {
		if err := fresh(); err != nil {
			return err
		}
		store, err := os.ReadFile(first + ".db")
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(b.dir, "second.db"), store, 0o600)
	}
	second.answer = nil
	return compare("a second file of the same texts", b.pairs, command{name: "grep -c", args: []string{"grep", "-c", "ruleGroup", two}}, second)
}

// four reads a log in four pieces, on one core and on two.
func (b *bench) four() error {
	path, err := b.log("q3.log", "q3", 0)
	if err != nil {
		return err
	}
	if out, err := exec.Command("split", "-n", "l/4", "-d", path, filepath.Join(b.dir, "four.log.")).CombinedOutput(); err != nil {
		return fmt.Errorf("split: %w\n%s", err, out)
	}
	one, err := b.collect("four", "prometheus-query-log", filepath.Join(b.dir, "four.log.*"), "query", "")
	if err != nil {
		return err
	}
	two := one
	one.name, one.env = "four files, one core", []string{"GOMAXPROCS=1"}
	two.name, two.env = "four files, two cores", []string{"GOMAXPROCS=2"}
	return compare("four files", b.pairs, one, two)
}

// compressed compares with decompressing alone.
func (b *bench) compressed(suffix string, decompress ...string) error {
	path, err := b.log("q3.log", "q3", 0)
	if err != nil {
		return err
	}
	tool := map[string]string{"gz": "gzip -c", "zst": "zstd -q -c"}[suffix]
	if out, err := exec.Command("sh", "-c", tool+" "+path+" > "+path+"."+suffix).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", tool, err, out)
	}
	if _, err := exec.LookPath(decompress[0]); err != nil {
		decompress = []string{"gzip", "-dc"}
	}
	collect, err := b.collect(suffix, "prometheus-query-log", path+"."+suffix, "query", "")
	if err != nil {
		return err
	}
	discard := strings.Join(append(decompress, path+"."+suffix), " ")
	return compare("compressed: "+suffix, b.pairs, command{name: discard[:strings.LastIndexByte(discard, ' ')], args: []string{"sh", "-c", "exec " + discard + " > /dev/null"}}, collect)
}

// requests compares over a Grafana request log: all count the dashboards opened, collect all other acts as well.
func (b *bench) requests() error {
	path, err := b.log("graf.log", "graf", 0)
	if err != nil {
		return err
	}
	collect, err := b.collect("graf", "grafana-log", path, "view", "")
	if err != nil {
		return err
	}
	return compare("Grafana request log", b.pairs,
		command{name: "grep -c", args: []string{"grep", "-c", "path=/api/dashboards/uid/", path}, answer: number},
		collect,
		command{name: "wc -l", args: []string{"wc", "-l", path}},
		command{name: "rg -c", args: []string{"rg", "-c", "path=/api/dashboards/uid/", path}, answer: number, optional: true},
		command{name: "grep and mawk, by login, dashboard and day", args: []string{"sh", "-c", "grep -F path=/api/dashboards/uid/ " + path +
			` | mawk '{for (i = 1; i <= NF; i++) {if ($i ~ /^uname=/) u = $i; else if ($i ~ /^path=/) p = $i; else if ($i ~ /^t=/) t = substr($i, 3, 10)} n[u p t]++} END {for (k in n) s += n[k]; print s}'`}, answer: number},
	)
}
