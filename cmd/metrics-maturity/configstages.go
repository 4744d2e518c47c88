package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/metrics-maturity/metrics-maturity/stage"
)

const week = 7 * 24 * time.Hour

// resolveStages puts the numbers of stages: over the defaults.
func resolveStages(s *settings, written map[string]ruleFile) (stage.Criteria, error) {
	c := stage.DefaultCriteria()
	path, files := s.path, s.stages(written, slices.Sorted(maps.Keys(c.ByName)))
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f := files[name]
		k, ok := c.ByName[name]
		if !ok {
			line := max(f.Enter.Line, f.Leave.Line, f.Window.Line)
			return c, usageErrorf("%s:%d: stages: unknown criterion %q\nhint: %s", path, line, name, suggest(name, slices.Collect(maps.Keys(c.ByName))))
		}
		for _, n := range []struct {
			key  string
			word word
			to   *int
		}{{"enter", f.Enter, &k.Enter}, {"leave", f.Leave, &k.Leave}} {
			if n.word.Text == "" {
				continue
			}
			v, err := strconv.Atoi(n.word.Text)
			if err != nil {
				return c, usageErrorf("%s:%d: stages.%s.%s: %q is not a whole number\nhint: a count, such as 6", path, n.word.Line, name, n.key, n.word.Text)
			}
			*n.to = v
		}
		if f.Window.Text != "" {
			weeks, err := wholeWeeks(f.Window.Text)
			if err != nil {
				return c, usageErrorf("%s:%d: stages.%s.window: %w", path, f.Window.Line, name, err)
			}
			k.Window = weeks
		}
		c.ByName[name] = k
		if err := c.Validate(); err != nil { // as of this criterion: the defaults are valid
			where := path
			if line := max(f.Enter.Line, f.Leave.Line, f.Window.Line); line > 0 {
				where = fmt.Sprintf("%s:%d", path, line)
			}
			return c, withHint(usageErrorf("%s: %w", where, err), "enter is a count of at least leave, and at most what the window can hold")
		}
	}
	return c, nil
}

// stages puts what the environment says of criteria over what the file says.
func (s *settings) stages(written map[string]ruleFile, names []string) map[string]ruleFile {
	out := maps.Clone(written)
	if out == nil {
		out = map[string]ruleFile{}
	}
	for _, name := range names {
		f := out[name]
		for _, n := range []struct {
			key string
			to  *word
		}{{"enter", &f.Enter}, {"leave", &f.Leave}, {"window", &f.Window}} {
			if v := s.env(envName("stages." + name + "." + n.key)); v != "" {
				*n.to = word{Text: v}
				out[name] = f
			}
		}
	}
	return out
}

func wholeWeeks(text string) (int, error) {
	d, err := parseDuration(text)
	if err != nil {
		return 0, err
	}
	if d%week != 0 {
		return 0, fmt.Errorf("%s is not a whole number of weeks\nhint: write it as 8w", text)
	}
	return int(d / week), nil
}
