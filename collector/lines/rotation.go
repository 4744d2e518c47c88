package lines

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// markRotated decides which of the files are finished: compressed ones, and plain ones that the writer has left for
// another file of the same family. See the package's documentation for why doubt means not rotated.
func markRotated(found []*content) {
	type member struct {
		path string
		mod  time.Time
	}
	families := make(map[string][]member)
	for _, c := range found {
		if live := liveName(c.path); live != "" && c.info.Size() > 0 {
			families[live] = append(families[live], member{c.path, c.info.ModTime()})
		}
	}
	for _, c := range found {
		if c.form != plain {
			c.final = true
			continue
		}
		live := liveName(c.path)
		if live == "" {
			continue
		}
		mod := c.info.ModTime()
		// The live file need not match the pattern. It has moved on as soon as it holds something not older; clocks of
		// file systems are coarse, so it may be of the same moment.
		if info, err := os.Stat(live); err == nil && info.Mode().IsRegular() && info.Size() > 0 && !info.ModTime().Before(mod) {
			c.final = true
			continue
		}
		c.final = slices.ContainsFunc(families[live], func(m member) bool { return m.path != c.path && m.mod.After(mod) })
	}
}

// liveName is the path that a rotated file had while it was written, or "" if its name is not that of a rotated file:
//
//	grafana.log.1  grafana.log-20261122  grafana.log.2026-11-22.001  grafana.log.old  grafana.log~  ->  grafana.log
//	query-20261122.log  query-2026-11-22T17-31-00.000.log                                           ->  query.log
//
// worker-1.log and prometheus-0 are names of their own: what is inserted before the extension, or follows a name
// without one, has to look like a date.
func liveName(path string) string {
	dir, name := filepath.Split(path)
	if base, ok := strings.CutSuffix(name, "~"); ok && base != "" {
		return dir + base
	}
	for i := 1; i < len(name)-1; i++ {
		if separator(name[i]) && isStamp(name[i+1:], strings.Contains(name[:i], ".")) {
			return dir + name[:i]
		}
	}
	ext := filepath.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	for i := 1; i < len(stem)-1; i++ {
		if separator(stem[i]) && isStamp(stem[i+1:], false) {
			return dir + stem[:i] + ext
		}
	}
	return ""
}

func separator(c byte) bool { return c == '.' || c == '-' || c == '_' }

// isStamp tells whether s is what rotation adds to a name; a mere number and words only if they are allowed.
func isStamp(s string, short bool) bool {
	if short {
		switch s {
		case "old", "bak", "prev", "save":
			return true
		}
	}
	digits := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digits++
		case i > 0 && strings.IndexByte("TZ.:_+-", c) >= 0:
		default:
			return false
		}
	}
	return digits >= 8 || short && digits > 0
}
