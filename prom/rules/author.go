package rules

import (
	"strings"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// isAutomation reports whether a commit's author is a known bot: "*[bot]", or one of globs.
func isAutomation(who activity.Identity, globs []string) bool {
	local, _, _ := strings.Cut(who.Email, "@")
	names := []string{who.Name, who.Email, local, who.Name + " <" + who.Email + ">"}
	for _, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		if matchAuthor("*[bot]", name) {
			return true
		}
		for _, g := range globs {
			if matchAuthor(strings.ToLower(strings.TrimSpace(g)), name) {
				return true
			}
		}
	}
	return false
}

// matchAuthor matches a glob in which only * is special: brackets are part of bots' names.
func matchAuthor(glob, name string) bool {
	parts := strings.Split(glob, "*")
	if len(parts) == 1 {
		return glob == name && glob != ""
	}
	if !strings.HasPrefix(name, parts[0]) {
		return false
	}
	name = name[len(parts[0]):]
	last := len(parts) - 1
	for _, p := range parts[1:last] {
		i := strings.Index(name, p)
		if i < 0 {
			return false
		}
		name = name[i+len(p):]
	}
	return strings.HasSuffix(name, parts[last])
}
