// Command load shows what collecting costs an organisation of 10,000 people in 600 teams with 8,000 dashboards, whose Prometheus
// servers write 100 million lines of queries a day and whose Grafana 5 million requests. It writes the logs of some days as rotation
// leaves them, reads them with one and with several collectors into one store, some of them killed and started again, and prints
// what that took as tables, which deploy/SCALE.md quotes. All totals must be equal, else it fails. run.sh runs it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// A day's lines of the whole organisation.
const (
	queryLines   = 100_000_000
	requestLines = 5_000_000
)

// options are what the command line says.
type options struct {
	binary, dir, store   string
	share                float64
	seed                 uint64
	days, servers        int
	shards, history      []int
	kills                int
	make, kinds, verbose bool
	limits               limits
}

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "metrics-maturity", "the command to measure")
	flag.StringVar(&o.dir, "dir", "", "folder for logs and stores, kept; a temporary one if left out")
	flag.StringVar(&o.store, "store", "postgres", "sqlite, or postgres, which is started here")
	flag.Float64Var(&o.share, "share", 0.01, "of the organisation's lines; all of its people, teams and dashboards are there anyhow")
	flag.Uint64Var(&o.seed, "seed", 7, "of all that is random in the logs")
	flag.IntVar(&o.days, "days", 2, "how many days of logs are written and read, one after the other")
	flag.IntVar(&o.servers, "servers", 24, "Prometheus servers, each with a file an hour")
	shards := flag.String("shards", "1,2,4", "how many collectors read the first day, each number into a store of its own")
	history := flag.String("history", "", "how many days the store reaches back when report is measured, as 10,20: its weekdays are copies of the last day")
	flag.IntVar(&o.kills, "kills", 0, "how often two of the most collectors are killed in one more run of theirs")
	flag.BoolVar(&o.kinds, "kinds", false, "tell what each kind of line costs, on logs of that kind alone")
	flag.BoolVar(&o.make, "make", false, "only write the logs")
	flag.BoolVar(&o.verbose, "v", false, "show what collectors log")
	flag.Float64Var(&o.limits.perCollector, "collector-cores", 0, "hold each collector to that part of a core")
	flag.Float64Var(&o.limits.perDatabase, "database-cores", 0, "hold PostgreSQL to that part of a core")
	flag.Parse()
	err := errors.Join(numbers(*shards, &o.shards), numbers(*history, &o.history))
	if err == nil {
		err = o.run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func numbers(text string, to *[]int) error {
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' }) {
		n, err := strconv.Atoi(part)
		if err != nil {
			return err
		}
		*to = append(*to, n)
	}
	return nil
}

func (o *options) run() (err error) {
	if o.store != "sqlite" && o.store != "postgres" {
		return fmt.Errorf("no store %q\nhint: sqlite or postgres", o.store)
	}
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "metrics-maturity-load-"); err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(o.dir) }()
	}
	if o.dir, err = filepath.Abs(o.dir); err != nil {
		return err
	}
	if o.make {
		return o.write()
	}
	// Another process, as Linux takes the peak of a process for that of those which it starts.
	writer := exec.Command(os.Args[0], append(os.Args[1:], "-make", "-dir", o.dir)...)
	writer.Stdout, writer.Stderr = os.Stdout, os.Stderr
	if err := writer.Run(); err != nil {
		return fmt.Errorf("logs were not written: %w", err)
	}
	s := session{options: o, bench: &bench{dir: o.dir, binary: o.binary, verbose: o.verbose, limits: &o.limits}}
	defer func() {
		s.server.stop()
		o.limits.remove()
	}()
	if err := s.begin(); err != nil {
		return err
	}
	if err := s.rounds(); err != nil {
		return err
	}
	if err := s.later(); err != nil {
		return err
	}
	if o.kinds {
		return s.eachKind()
	}
	return nil
}

// lastDay is the newest of which logs are written: yesterday, so that all of them are complete and none is old enough to be forgotten.
func lastDay() time.Time { return time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -1) }

// dates are the days of which there are logs.
func (o *options) dates() (all []time.Time) {
	for i := range o.days {
		all = append(all, lastDay().AddDate(0, 0, i+1-o.days))
	}
	return all
}

// write writes all logs, and tells what they hold.
func (o *options) write() error {
	m := maker{dir: o.dir, seed: o.seed, org: newOrganisation(o.seed), mix: usual, servers: o.servers,
		queries: int64(queryLines * o.share), visits: int64(requestLines * o.share)}
	fmt.Printf("%d people, %d teams, %d dashboards; %.4g of the lines of a day, seed %d; %d cores, load %s\n\n", people, teams, boards, o.share, o.seed, runtime.NumCPU(), load())
	fmt.Println("| day | files | lines | of Grafana | new texts | GB | GB compressed |\n|---|---|---|---|---|---|---|")
	for i, date := range o.dates() {
		v, err := m.day(date)
		if err != nil {
			return err
		}
		fmt.Printf("| %d | %d | %d | %d | %d | %.3f | %.3f |\n", i+1, v.Files, v.Lines, v.Requests, v.NewTexts, float64(v.Bytes)/1e9, float64(v.Stored)/1e9)
	}
	if !o.kinds {
		return nil
	}
	for _, k := range kinds(o.share) {
		of := k.maker(m)
		for _, date := range kindDates() {
			if _, err := of.day(date); err != nil {
				return err
			}
		}
	}
	return nil
}
