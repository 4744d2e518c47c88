package rules

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// gitlabCodeowners is where only GitLab looks: a path in it that does not begin with a slash may be anywhere.
const gitlabCodeowners = ".gitlab/CODEOWNERS"

// codeownersPaths are the places of the file in the order in which GitHub looks for it, then GitLab's own.
func codeownersPaths() []string {
	return []string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", gitlabCodeowners}
}

// maxCodeownersLine bounds a line: longer ones name nothing that a person wrote.
const maxCodeownersLine = 4 << 10

// codeowners reads the CODEOWNERS file of the commit read up to, and counts the lines of it that can't be read, once for each version.
// What it says holds for all of the history, as rule paths of the configuration do.
func (g *Git) codeowners(ctx context.Context, repo *repository, cur *cursor) (c activity.Codeowners, malformed int64, err error) {
	c = activity.Codeowners{Seen: g.now().UTC(), Scope: repo.name}
	file, blob, err := repo.findCodeowners(ctx)
	if err != nil || blob == "" {
		return c, 0, err
	}
	text, err := repo.run.read(ctx, blob)
	bad := []int{1}
	switch {
	case err == nil:
		c.Entries, bad = parseCodeowners(string(text), file == gitlabCodeowners, g.Teams)
	case !errors.Is(err, errTooLarge):
		return c, 0, fmt.Errorf("%s: %w", file, err)
	}
	if len(bad) == 0 || cur.Owners == blob {
		return c, 0, nil
	}
	cur.Owners = blob
	g.logger().Warn("lines of CODEOWNERS can't be read", "source", g.Source, "file", file, "lines", len(bad), "line", bad[0])
	return c, int64(len(bad)), nil
}

// findCodeowners returns the path and the blob of the CODEOWNERS file at the tip, both empty if there is none.
func (r *repository) findCodeowners(ctx context.Context) (file, blob string, err error) {
	out, err := r.run.output(ctx, append([]string{"ls-tree", "-z", "--full-tree", r.tip, "--"}, codeownersPaths()...)...)
	if err != nil {
		return "", "", err
	}
	blobs := map[string]string{}
	for entry := range strings.SplitSeq(out, "\x00") {
		head, name, _ := strings.Cut(entry, "\t")
		if f := strings.Fields(head); len(f) == 3 { // mode, type, blob
			blobs[name] = regular(f[0], f[2])
		}
	}
	for _, name := range codeownersPaths() {
		if blobs[name] != "" {
			return name, blobs[name], nil
		}
	}
	return "", "", nil
}

// read returns the content of a blob.
func (r runner) read(ctx context.Context, blob string) (data []byte, err error) {
	o, err := r.objects(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	return o.blob(blob)
}

// parseCodeowners reads lines of a path and its owners; bad are the numbers of lines that it can't read. Anywhere says that a path
// without a slash in front may be in any folder. Teams are names known to be no person's.
func parseCodeowners(text string, anywhere bool, teams []string) (entries []activity.CodeownersLine, bad []int) {
	sections, section := map[string]int{"": 0}, 0
	var inherited []string // by the lines of the section that name nobody
	number := 0
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		number++
		if len(line) > maxCodeownersLine {
			bad = append(bad, number)
			continue
		}
		words := codeownersWords(line)
		if len(words) == 0 {
			continue
		}
		if name, owners, ok := sectionHead(line); ok {
			if _, again := sections[name]; !again {
				sections[name] = len(sections)
			}
			section, inherited = sections[name], codeownersTeams(owners, teams)
			continue
		}
		glob := codeownersGlob(words[0], anywhere)
		if glob == "" {
			bad = append(bad, number)
			continue
		}
		entry := activity.CodeownersLine{Section: section, Glob: glob, Teams: codeownersTeams(words[1:], teams)}
		if len(words) == 1 {
			entry.Teams = slices.Clone(inherited)
		}
		entries = append(entries, entry)
	}
	return entries, bad
}

// codeownersWords splits a line at white space that no backslash precedes, up to a comment.
func codeownersWords(line string) []string {
	var words []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			words = append(words, word.String())
			word.Reset()
		}
	}
	for i := 0; i < len(line); i++ {
		switch b := line[i]; {
		case b == '\\' && i+1 < len(line) && (line[i+1] == ' ' || line[i+1] == '#'):
			i++
			word.WriteByte(line[i])
		case b == '#' && word.Len() == 0:
			i = len(line)
		case b == ' ' || b == '\t' || b == '\r' || b == '\n':
			end()
		default:
			word.WriteByte(b)
		}
	}
	end()
	return words
}

// sectionHead reads the head of one of GitLab's sections, "^[Name][2] @owners": the section's name, whose case does not matter, and the
// owners of its lines that name none.
func sectionHead(line string) (name string, owners []string, ok bool) {
	rest, ok := strings.CutPrefix(strings.TrimPrefix(strings.TrimSpace(line), "^"), "[")
	if !ok {
		return "", nil, false
	}
	name, rest, closed := strings.Cut(rest, "]")
	if !closed || name == "" || rest != "" && !strings.ContainsAny(rest[:1], " \t[") {
		return "", nil, false // a class of characters in a path
	}
	if strings.HasPrefix(rest, "[") {
		_, rest, _ = strings.Cut(rest, "]")
	}
	return strings.ToLower(name), codeownersWords(rest), true
}

// codeownersTeams keeps of owners the teams: "@organisation/team", of which the last part is the name. An e-mail or "@name" may be a
// person's, who must not be stored; "@name" is a team's if that name is known as one.
func codeownersTeams(owners, known []string) []string {
	var teams []string
	for _, o := range owners {
		o, ok := strings.CutPrefix(o, "@")
		if !ok || strings.Contains(o, "@") {
			continue
		}
		slash := strings.LastIndexByte(o, '/')
		name := o[slash+1:]
		if slash == 0 || slash > 0 && !isTeamName(name) || slash < 0 && !slices.Contains(known, name) {
			continue
		}
		if !slices.Contains(teams, name) {
			teams = append(teams, name)
		}
	}
	return teams
}

// isTeamName reports whether a server may call a team or group so.
func isTeamName(name string) bool {
	other := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-", r)
	}
	return !strings.ContainsFunc(name, other) && strings.Trim(name, "._-") != ""
}

// codeownersGlob turns a pattern, as in .gitignore, into a glob of files; empty if it is none.
func codeownersGlob(pattern string, anywhere bool) string {
	anchored := strings.HasPrefix(pattern, "/") || !anywhere && strings.Contains(strings.TrimSuffix(pattern, "/"), "/")
	glob := strings.NewReplacer("{", `\{`, "}", `\}`).Replace(strings.Trim(pattern, "/"))
	switch {
	case pattern == "/" || pattern == "*":
		glob = "**"
	case pattern == "/*":
	case glob == "" || strings.HasPrefix(pattern, "!"):
		return ""
	case strings.HasSuffix(glob, "/*") && !strings.HasSuffix(pattern, "/"): // what is in the folder itself
	case !strings.HasSuffix(glob, "**"):
		glob += "/**" // the file of that name, or all that is in the folder
	}
	if !anchored && !strings.HasPrefix(glob, "**") {
		glob = "**/" + glob
	}
	if !doublestar.ValidatePattern(glob) {
		return ""
	}
	return glob
}
