package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/owner"
)

func (a *app) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check --config FILE",
		Short: "Validate the configuration, reach every source, and show what a sample would be attributed to",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.config(nil)
			if err != nil {
				return err
			}
			k := &check{app: a, config: c}
			err = k.run(cmd.Context())
			if stopped(cmd.Context(), err) {
				return nil
			}
			return err
		},
	}
}

// check looks for what would go wrong, and for what would silently go unseen.
type check struct {
	*app
	config   *config
	problems int
	copies   []string // of sampled files: the copy, then what it stands for
}

func (k *check) run(ctx context.Context) error {
	key, err := k.config.hashKey()
	if err != nil {
		return err
	}
	c := k.config
	if err := k.print("configuration %s: %d sources, %d teams\n", c.Path, len(c.Sources), len(c.Owner.Teams)); err != nil {
		return err
	}
	k.owners()
	k.keyFile()
	k.storeFile(ctx)
	if err := k.sample(ctx, key); err != nil {
		return err
	}
	switch k.problems {
	case 0:
		return k.print("no problem found\n")
	case 1:
		return errors.New("check found a problem")
	}
	return fmt.Errorf("check found %d problems", k.problems)
}

// problem is what must be mended; warning is what may be meant.
func (k *check) problem(format string, args ...any) {
	k.problems++
	k.say("problem", format, args...)
}

func (k *check) warning(format string, args ...any) { k.say("warning", format, args...) }

func (k *check) say(kind, format string, args ...any) {
	for i, line := range strings.Split(strings.TrimSpace(fmt.Sprintf(format, args...)), "\n") {
		if i == 0 {
			line = kind + ": " + line
		}
		_, _ = fmt.Fprintln(k.stdout, line)
	}
}

func (k *check) owners() {
	for _, w := range k.config.Owner.Warnings() {
		hint := ""
		if strings.Contains(w, "is also member") {
			hint = "\nhint: give the memberships dates (from:, to:), or keep the person in one team"
		}
		k.warning("%s%s", w, hint)
	}
	inventory := slices.ContainsFunc(k.config.Sources, func(s sourceConfig) bool { return s.Type == typeGrafanaAPI })
	for _, t := range k.config.Owner.Teams {
		if len(t.GrafanaTeams) > 0 && !inventory {
			k.warning("team %q: no source tells who is in its grafana_teams\nhint: add one of type %s, or list the logins under members:", t.Name, typeGrafanaAPI)
		}
	}
	if k.config.Privacy.ActorRetention < wholeRetention {
		k.warning("privacy.actor_retention is less than 9 weeks: different people are counted over 8 weeks, and some will be missed\nhint: 9w or more")
	}
	if len(k.config.Owner.Teams)+len(k.config.RuleLabels) == 0 && !k.config.FromGrafana {
		k.problem("no team is configured, so nothing can be attributed\nhint: add teams under teams:")
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
		k.warning("hash key file %s can be read by others (mode %04o)\nhint: chmod 600 %s", file, mode, file)
	}
}

// storeFile opens a store that is there already; a missing one is made by collect.
func (k *check) storeFile(ctx context.Context) {
	path := strings.TrimPrefix(k.config.StoreURL, "sqlite:")
	if _, err := os.Stat(path); err != nil {
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			k.warning("store: folder %s does not exist yet\nhint: collect makes it", filepath.Dir(path))
		}
		return
	}
	d, err := openDesk(ctx, k.config, true, slog.New(slog.DiscardHandler))
	if err != nil {
		k.problem("%v", err)
		return
	}
	d.close(&err)
	if err != nil {
		k.problem("%v", err)
	}
}

// attribution writes to whom the acts of the sample belong, and why.
func (k *check) attribution(acts []activity.Act) error {
	type line struct {
		owner   string
		count   int64
		reasons map[string]int64
	}
	lines := map[string]*line{}
	for _, c := range owner.Summary(acts) {
		name := c.Team
		switch c.Outcome {
		case activity.Automated:
			name = "(automated)"
		case activity.Unattributed:
			name = "(no team)"
		}
		if lines[name] == nil {
			lines[name] = &line{owner: name, reasons: map[string]int64{}}
		}
		lines[name].count += c.Acts
		lines[name].reasons[c.Reason] += c.Acts
	}
	for _, t := range k.config.Owner.Teams {
		if lines[t.Name] == nil {
			lines[t.Name] = &line{owner: t.Name}
		}
	}
	sorted := slices.SortedFunc(maps.Values(lines), func(x, y *line) int { return strings.Compare(sortName(x.owner), sortName(y.owner)) })
	w := tabwriter.NewWriter(k.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "TEAM\tACTS\tWHY")
	for _, l := range sorted {
		why := strings.Join(reasonWords(eventsReport{Reasons: l.reasons}), ", ")
		if why == "" {
			why = "-"
		}
		_, _ = fmt.Fprintf(w, "%s\t%d\t%s\n", l.owner, l.count, why)
	}
	return ignoreClosed(w.Flush())
}

// sortName puts what belongs to no team last.
func sortName(owner string) string {
	if strings.HasPrefix(owner, "(") {
		return "\xff" + owner
	}
	return owner
}
