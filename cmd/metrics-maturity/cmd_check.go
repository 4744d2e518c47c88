package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/spf13/cobra"

	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

func (a *app) checkCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "check --config FILE [--format table|json]",
		Short: "Validate the configuration, reach every source, and show what a sample would be attributed to",
		Long: "check reads a sample of every source and changes nothing. Its table says what could be reached and read, of which time there is data, and\n" +
			"which share of the sample the owner rules claim; below it stands what is wrong, with the setting that mends it. It ends with 1 if\n" +
			"there is a problem; a warning may be meant.",
		Args: noArgs,
	}
	cmd.Flags().StringVar(&format, "format", "table", "`format`: table or json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := formatFlag(format, "table", "json"); err != nil {
			return err
		}
		c, err := a.config(nil)
		if err != nil {
			return err
		}
		k := &check{app: a, config: c}
		err = k.run(cmd.Context(), format)
		if stopped(cmd.Context(), err) {
			return nil
		}
		return err
	}
	return cmd
}

// check looks for what would go wrong, and for what would silently go unseen.
type check struct {
	*app
	config *config
	found  checkReport
}

func (k *check) run(ctx context.Context, format string) error {
	key, err := k.config.hashKey()
	if err != nil {
		return err
	}
	k.found = checkReport{Config: k.config.Path, Teams: len(k.config.Owner.Teams), Sources: []sourceCheck{}, Findings: []finding{}, Attribution: []ownerCheck{}}
	k.owners()
	k.sharedFiles()
	k.keyFile()
	k.storeFile(ctx)
	if err := k.sample(ctx, key); err != nil {
		return err
	}
	if format == "json" {
		err = k.printJSON(k.found)
	} else {
		err = ignoreClosed(k.found.writeTable(k.stdout))
	}
	if err != nil {
		return err
	}
	switch n := k.found.problems(); n {
	case 0:
		return nil
	case 1:
		return errors.New("check found a problem")
	default:
		return fmt.Errorf("check found %d problems", n)
	}
}

// problem is what must be mended; warning is what may be meant. Both may end with hints.
func (k *check) problem(source, format string, args ...any) {
	k.add("problem", source, format, args...)
}

func (k *check) warning(source, format string, args ...any) {
	k.add("warning", source, format, args...)
}

func (k *check) add(level, source, format string, args ...any) {
	k.found.Findings = append(k.found.Findings, newFinding(level, source, fmt.Sprintf(format, args...)))
}

func (k *check) owners() {
	for _, w := range k.config.Owner.Warnings() {
		hint := ""
		if strings.Contains(w, "is also member") {
			hint = "\nhint: give the memberships dates (from:, to:), or keep the person in one team"
		}
		k.warning("", "%s%s", w, hint)
	}
	inventory := slices.ContainsFunc(k.config.Sources, func(s sourceConfig) bool { return s.Type == typeGrafanaAPI })
	for _, t := range k.config.Owner.Teams {
		if len(t.GrafanaTeams) > 0 && !inventory {
			k.warning("", "team %q: no source tells who is in its grafana_teams\nhint: add one of type %s, or list the logins under members:", t.Name, typeGrafanaAPI)
		}
	}
	if k.config.Privacy.ActorRetention < wholeRetention {
		k.warning("", "privacy.actor_retention is less than 9 weeks: different people are counted over 8 weeks, and some will be missed\nhint: 9w or more")
	}
	if len(k.config.Owner.Teams)+len(k.config.TeamsFrom.RuleLabels) == 0 && !k.config.TeamsFrom.FromGrafana && !k.config.TeamsFrom.FromCodeowners {
		k.problem("", "no team is configured, so nothing can be attributed\nhint: add teams under teams:")
	}
}

// sharedFiles warns of a file that two sources of one type read: each would count what is in it.
func (k *check) sharedFiles() {
	readers := map[string]string{}       // by type and file: the source
	warned := map[[2]string]bool{}       // of two sources, once
	for _, s := range k.config.Sources { // other types find none of theirs in it
		for _, pattern := range s.Files {
			files, _ := doublestar.FilepathGlob(pattern) // reading a sample tells of a bad one
			for _, file := range files {
				place, err := filepath.EvalSymlinks(file)
				if err != nil {
					continue
				}
				first, read := readers[s.Type+" "+place]
				if !read {
					readers[s.Type+" "+place] = s.Name
					continue
				}
				if both := [2]string{first, s.Name}; first != s.Name && !warned[both] {
					warned[both] = true
					k.warning(s.Name, "source %s reads %s too: what is in it counts twice\nhint: leave it to one of the two sources", first, file)
				}
			}
		}
	}
}

// keyFile warns if others can read the key: with it, and the store, logins can be guessed.
func (k *check) keyFile() {
	file := k.config.Privacy.HashKeyFile
	info, err := os.Stat(file)
	if k.config.Privacy.HashKey != "" || err != nil {
		return
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		k.warning("", "hash key file %s can be read by others (mode %04o)\nhint: chmod 600 %s", file, mode, file)
	}
}

// storeFile opens a store that is there already; a missing one is made by collect.
func (k *check) storeFile(ctx context.Context) {
	if path, ok := strings.CutPrefix(k.config.StoreURL, "sqlite:"); ok {
		if _, err := os.Stat(path); err != nil {
			if _, err := os.Stat(filepath.Dir(path)); err != nil {
				k.warning("", "store: folder %s does not exist yet\nhint: collect makes it", filepath.Dir(path))
			}
			return
		}
	}
	d, err := openDesk(ctx, k.config, true, slog.New(slog.DiscardHandler))
	switch {
	case errors.Is(err, store.ErrMissing):
		return
	case err == nil:
		d.close(&err)
	}
	if err != nil {
		k.problem("", "%v", err)
	}
}
