package lines

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// DefaultMaxLine is the length of the longest line that is read, if Files does not say otherwise.
const DefaultMaxLine = 1 << 20

// Files finds and reads log files.
type Files struct {
	Patterns []string     // globs with **, as absolute paths or relative to the working directory
	Logger   *slog.Logger // nil: nothing is logged
	MaxLine  int          // bytes; 0: DefaultMaxLine
}

// Opened is what Open found.
type Opened struct {
	// Streams have something unread. They are in the order of their paths.
	Streams []*Stream
	// Notices are about files and patterns, in the order of their paths.
	Notices []Notice
	// Positions of contents without a stream that changed since they were saved: moved, edited in place, known in one
	// more compressed form. Save them together with the notices. Those with a stream are in Stream.Position.
	Positions []Position
	// Bytes is how much the streams will read from disk: what Stream.Read sums up to.
	Bytes int64
}

// Open gives a stream for each content that has unread bytes, given the saved positions (any order, any age; those
// that match nothing are left alone). An error is a wrong pattern or an ended context; trouble with single files is
// in the notices.
func (f *Files) Open(ctx context.Context, saved []Position) (*Opened, error) {
	o := &opening{ctx: ctx, maxLine: f.MaxLine, log: f.Logger, taken: make(map[string]bool)}
	if o.maxLine <= 0 {
		o.maxLine = DefaultMaxLine
	}
	if o.log == nil {
		o.log = slog.New(slog.DiscardHandler)
	}
	paths, err := o.list(f.Patterns)
	if err != nil {
		return nil, err
	}
	o.load(saved)
	var found []*content
	for _, path := range paths {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c, notice := inspect(path)
		if notice != nil {
			o.notices = append(o.notices, *notice)
		} else if c != nil {
			found = append(found, c)
		}
	}
	markRotated(found)
	unsettled := o.settle(found)
	if unsettled, err = o.distinct(unsettled); err != nil {
		return nil, err
	}
	if err := o.assign(unsettled); err != nil {
		return nil, err
	}
	return o.result(unsettled), nil
}

// list expands the patterns to paths of files, each once, in order.
func (o *opening) list(patterns []string) ([]string, error) {
	seen := make(map[string]bool)
	var paths []string
	for _, pattern := range patterns {
		matches, err := doublestar.FilepathGlob(pattern)
		if err != nil {
			return nil, fmt.Errorf("file pattern %q: %w\nhint: patterns are globs such as logs/grafana*.log* or /var/log/**/*.log; put a backslash before a [ or { that is part of a name", pattern, err)
		}
		files := 0
		for _, m := range matches {
			m = filepath.Clean(m)
			// A wildcard may well match folders, that is no news. A folder that was named is.
			if m != filepath.Clean(pattern) {
				if info, err := os.Stat(m); err == nil && info.IsDir() {
					continue
				}
			}
			files++
			if !seen[m] {
				seen[m] = true
				paths = append(paths, m)
			}
		}
		if files == 0 {
			o.notices = append(o.notices, Notice{Kind: NoticeNoMatch, Path: pattern,
				Why: "matches no file\nhint: paths are relative to the configuration file; check the pattern, and that its folders can be listed"})
		}
	}
	slices.Sort(paths)
	return paths, nil
}

// result makes streams of the contents that have something unread.
func (o *opening) result(found []*content) *Opened {
	out := &Opened{}
	for _, c := range found {
		if c.skip {
			continue
		}
		p := o.update(c)
		if p.Offset == 0 && !c.named() {
			continue // its first line is still being written: it is not known yet what it is called
		}
		// Two things may be left to tell at the end: an unfinished wrapped line, if nothing will follow, and that the file
		// breaks off.
		if c.end == p.Offset && !(c.final && p.Behind > 0) && (!c.cut || p.Broken) {
			if c.changed {
				out.Positions = append(out.Positions, *p)
			}
			continue
		}
		s := &Stream{content: c, saved: *p, maxLine: o.maxLine}
		out.Streams = append(out.Streams, s)
		out.Bytes += s.Expected()
		o.log.Debug("file to read", "path", c.path, "from", p.Offset, "rotated", c.final)
	}
	for _, k := range o.saved {
		if k.changed && !k.claimed {
			out.Positions = append(out.Positions, k.Position)
		}
	}
	slices.SortStableFunc(o.notices, func(a, b Notice) int { return strings.Compare(a.Path, b.Path) })
	out.Notices = o.notices
	return out
}

// update gives the content's position as it is now known.
func (o *opening) update(c *content) *Position {
	p := c.position
	if p == nil {
		p = &Position{ID: o.newID(c)}
	}
	if p.Path != c.path {
		p.Path, c.changed = c.path, true
	}
	if c.form != plain && c.end == p.Offset && (!c.cut || p.Broken) {
		c.also = append(c.also, c.whole())
	}
	for _, w := range c.also {
		if !slices.Contains(p.Whole, w) {
			p.remember(w)
			c.changed = true
		}
	}
	return p
}
