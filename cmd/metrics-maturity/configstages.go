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
func resolveStages(path string, files map[string]ruleFile) (stage.Criteria, error) {
	c := stage.DefaultCriteria()
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
				return c, usageErrorf("%s:%d: stages.%s.%s: %q is not a whole number", path, n.word.Line, name, n.key, n.word.Text)
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
	}
	if err := c.Validate(); err != nil {
		return c, usageErrorf("%s: %w", path, err)
	}
	return c, nil
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
