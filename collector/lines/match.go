package lines

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
)

// opening finds out which saved position belongs to which of the files that are there now.
type opening struct {
	ctx     context.Context
	maxLine int
	log     *slog.Logger

	saved   []*known
	byHead  map[int]map[string][]*known // by HeadLen and Head
	taken   map[string]bool             // ids in use
	notices []Notice
}

// known is a saved position, and what became of its content.
type known struct {
	Position
	present bool // some file holds what was read
	claimed bool // some file goes on from it
	changed bool // has to be saved again
}

// match is a content whose beginning, and bytes before the cursor, are those of a position.
type match struct {
	c *content
	k *known
}

func (o *opening) load(saved []Position) {
	o.byHead = make(map[int]map[string][]*known)
	for _, p := range saved {
		o.taken[p.ID] = true
		if !p.Valid() {
			if p.Offset != 0 {
				o.log.Warn("saved position can't be used", "path", p.Path, "id", p.ID, "offset", p.Offset)
			}
			continue
		}
		k := &known{Position: p}
		o.saved = append(o.saved, k)
		if o.byHead[p.HeadLen] == nil {
			o.byHead[p.HeadLen] = make(map[string][]*known)
		}
		o.byHead[p.HeadLen][p.Head] = append(o.byHead[p.HeadLen][p.Head], k)
	}
}

// candidates are the positions whose head is the beginning of c.
func (o *opening) candidates(c *content) []*known {
	var ks []*known
	for n, heads := range o.byHead {
		if n <= len(c.head) {
			ks = append(ks, heads[sum(c.head[:n])]...)
		}
	}
	slices.SortFunc(ks, bestFirst)
	return ks
}

// bestFirst: the longest head says most; of equal heads the one that was read furthest.
func bestFirst(a, b *known) int {
	return cmp.Or(cmp.Compare(b.HeadLen, a.HeadLen), cmp.Compare(b.Offset, a.Offset), cmp.Compare(a.ID, b.ID))
}

// settle leaves out the compressed files that were decompressed before and hold nothing unread.
func (o *opening) settle(found []*content) []*content {
	var rest []*content
	moved := make(map[*known]string)
	for _, c := range found {
		var owner *known
		if c.form != plain {
			for _, k := range o.candidates(c) {
				// An unfinished wrapped line is left to hand out, if the file did not break off there.
				if k.knows(c.info.Size(), c.info.ModTime().UnixNano()) && (k.Behind == 0 || k.Broken) {
					owner = k
					break
				}
			}
		}
		if owner == nil {
			rest = append(rest, c)
			continue
		}
		owner.present = true
		if at, ok := moved[owner]; !ok || c.path == owner.Path && at != c.path {
			moved[owner] = c.path
		}
	}
	for k, path := range moved {
		if path != k.Path {
			k.Path, k.changed = path, true
		}
	}
	return rest
}

// distinct leaves out the files that hold only a beginning of another one. Of equal ones the plain one stays.
func (o *opening) distinct(found []*content) ([]*content, error) {
	var short []*content
	full := make(map[string][]*content)
	for _, c := range found {
		if len(c.head) < headMax {
			short = append(short, c)
		} else {
			full[string(c.head)] = append(full[string(c.head)], c)
		}
	}
	var kept []*content
	for _, c := range found {
		// The groups in the order of their first members, each once.
		if group := full[string(c.head)]; len(group) > 0 && group[0] == c {
			k, err := o.longest(group)
			if err != nil {
				return nil, err
			}
			kept = append(kept, k...)
		}
	}
	slices.SortStableFunc(short, mostFirst)
	for _, c := range short {
		i := slices.IndexFunc(kept, func(k *content) bool { return bytes.HasPrefix(k.head, c.head) })
		if i < 0 {
			kept = append(kept, c)
			continue
		}
		o.absorb(kept[i], c)
	}
	slices.SortFunc(kept, func(a, b *content) int { return cmp.Compare(a.path, b.path) })
	return kept, nil
}

// longest tells which of the files with the same first KiB are different contents.
func (o *opening) longest(group []*content) ([]*content, error) {
	if len(group) == 1 {
		return group, nil
	}
	group = slices.Clone(group)
	for _, c := range group {
		if c.end < 0 {
			if _, err := c.tails(o.ctx, []int64{toEnd}); err != nil {
				if o.ctx.Err() != nil {
					return nil, o.ctx.Err()
				}
				o.notices = append(o.notices, *pathNotice(c.path, err))
			}
		}
	}
	group = slices.DeleteFunc(group, func(c *content) bool { return c.end < 0 })
	slices.SortStableFunc(group, mostFirst)
	var kept []*content
	for len(group) > 0 {
		first, rest := group[0], group[1:]
		var ends []int64
		for _, c := range rest {
			ends = append(ends, c.end)
		}
		end, endTail, cut := first.end, first.endTail, first.cut
		tails, err := first.tails(o.ctx, ends)
		first.end, first.endTail, first.cut = end, endTail, cut
		if err != nil {
			if o.ctx.Err() != nil {
				return nil, o.ctx.Err()
			}
			o.notices = append(o.notices, *pathNotice(first.path, err))
			group = rest
			continue
		}
		kept, group = append(kept, first), nil
		for _, c := range rest {
			own := c.endTail
			if c.form == plain {
				// An error leaves nothing to compare: the file is then treated as a content of its own.
				if t, err := c.tails(o.ctx, []int64{c.end}); err == nil {
					own = t[c.end]
				}
			}
			if own != nil && bytes.Equal(own, tails[c.end]) {
				o.absorb(first, c)
			} else {
				group = append(group, c)
			}
		}
	}
	return kept, nil
}

func mostFirst(a, b *content) int {
	return cmp.Or(cmp.Compare(b.end, a.end), cmp.Compare(a.form, b.form), cmp.Compare(a.path, b.path))
}

// absorb notes that c holds nothing that by does not hold.
func (o *opening) absorb(by, c *content) {
	// A copy of a rotated file is as finished as that. But a live file is not because of a snapshot of it.
	if live := liveName(strings.TrimSuffix(strings.TrimSuffix(c.path, ".gz"), ".zst")); c.final && !c.cut && c.end == by.end && live != "" && live != by.path {
		by.final = true
	}
	if c.form != plain {
		by.also = append(by.also, c.whole())
	}
	o.log.Debug("file holds the beginning of another one", "path", c.path, "of", by.path)
}

// assign gives the contents their positions.
func (o *opening) assign(found []*content) error {
	var matches []match
	for _, c := range found {
		ks := o.candidates(c)
		tails, err := o.tailsAt(c, ks)
		if err != nil {
			if o.ctx.Err() != nil {
				return o.ctx.Err()
			}
			o.skip(c, *pathNotice(c.path, err))
			continue
		}
		for _, k := range ks {
			if k.tailIs(tails[k.Offset]) {
				k.present = true
				matches = append(matches, match{c, k})
			}
		}
	}
	slices.SortStableFunc(matches, func(a, b match) int {
		// Of several files that could go on from a position, the one under its old name does.
		return cmp.Or(bestFirst(a.k, b.k), -compareBool(a.c.path == a.k.Path, b.c.path == b.k.Path))
	})
	for _, m := range matches {
		// Two files can begin alike while they are short; see the package's documentation.
		if m.c.position != nil || m.k.claimed && m.k.HeadLen < headMax {
			continue
		}
		p := m.k.Position
		if m.k.claimed {
			p.ID, m.c.changed = o.newID(m.c), true
		}
		m.k.claimed, m.c.position = true, &p
	}
	for _, c := range found {
		if c.position == nil && !c.skip {
			if err := o.edited(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// tailsAt reads the bytes before the cursors of ks in c.
func (o *opening) tailsAt(c *content, ks []*known) (map[int64][]byte, error) {
	tails := make(map[int64][]byte)
	var offsets []int64
	for _, k := range ks {
		if k.Offset <= int64(len(c.head)) {
			tails[k.Offset] = c.head[max(0, k.Offset-tailMax):k.Offset]
		} else if c.end < 0 || k.Offset <= c.end {
			offsets = append(offsets, k.Offset)
		}
	}
	if len(offsets) == 0 {
		return tails, nil
	}
	more, err := c.tails(o.ctx, offsets)
	for off, t := range more {
		tails[off] = t
	}
	return tails, err
}

// edited looks for what c was before it was changed in place. If that is found, c goes on at its present end.
func (o *opening) edited(c *content) error {
	k := o.before(c)
	if k == nil {
		return nil
	}
	stop := toEnd
	if c.form == plain {
		stop = c.end
	}
	tails, err := c.tails(o.ctx, []int64{stop})
	if err != nil {
		if o.ctx.Err() != nil {
			return o.ctx.Err()
		}
		o.skip(c, *pathNotice(c.path, err))
		return nil
	}
	tail := c.endTail
	if c.form == plain {
		tail = tails[stop]
	}
	if len(tail) == 0 { // truncated this very moment
		c.skip = true
		return nil
	}
	if c.cut && c.end < k.Offset {
		// Not edited: being written, or copied in part. What is missing is read when it is there.
		o.skip(c, Notice{Kind: NoticeBroken, Path: c.path, From: c.end,
			Why: fmt.Sprintf("breaks off at %d, before the %d bytes that were read of it; it is read on when it is whole", c.end, k.Offset)})
		k.remember(c.whole())
		k.changed = true
		return nil
	}
	n := Notice{Kind: NoticeEdited, Path: c.path, From: min(k.Offset, c.end),
		Why: fmt.Sprintf("was edited in place: the bytes before %d are not those that were read; going on at its end, %d", k.Offset, c.end)}
	if c.end < k.Offset {
		n.Kind = NoticeShorter
		n.Why = fmt.Sprintf("is shorter than before: %d bytes, %d were read; going on at its end", c.end, k.Offset)
	}
	o.notices = append(o.notices, n)
	// A position of its own: should the old content come back under another name, its cursor is still there.
	c.position, c.changed = &Position{ID: o.newID(c), Path: c.path}, true
	c.position.at(c.end, c.head, tail)
	return nil
}

// skip leaves a content for a later run.
func (o *opening) skip(c *content, n Notice) {
	c.skip = true
	o.notices = append(o.notices, n)
}

// before finds the position of what c was, by a full head, or by a first line that no other file could have.
func (o *opening) before(c *content) *known {
	for _, k := range o.candidates(c) {
		if k.HeadLen == headMax {
			return k
		}
	}
	first := c.head[:bytes.IndexByte(c.head, '\n')+1]
	if !holdsTime(first) {
		return nil
	}
	id := sum(first)
	var best *known
	for _, k := range o.saved {
		if !k.present && k.FirstLen == len(first) && k.First == id && (best == nil || bestFirst(k, best) < 0) {
			best = k
		}
	}
	return best
}

// holdsTime tells whether a line is likely to hold a time of day: then it is the only one of its kind. Seconds since
// 1970 have ten digits, dates with a time have more.
func holdsTime(line []byte) bool {
	digits := 0
	for _, c := range line {
		if c >= '0' && c <= '9' {
			digits++
		}
	}
	return digits >= 10
}

// newID names a content when it is first seen: the same content gets the same name, if it is free. It is named after its first line,
// which is the same however much of the content is there by then: several collectors share the files by their names.
func (o *opening) newID(c *content) string {
	first := c.head
	if end := bytes.IndexByte(first, '\n'); end >= 0 {
		first = first[:end+1]
	}
	base := sum(first)[:nameLen]
	id := base
	for n := 2; o.taken[id]; n++ {
		id = base + "-" + strconv.Itoa(n)
	}
	o.taken[id] = true
	return id
}

// nameLen is the length of a content's name, before a number that tells apart what begins alike.
const nameLen = 16

// SharedName is the part of a Position's ID that does not depend on what else was there when the content was first seen.
func SharedName(id string) string {
	if len(id) > nameLen && id[nameLen] == '-' {
		return id[:nameLen]
	}
	return id
}

// named tells whether the first line, or as much of it as counts, is there.
func (c *content) named() bool {
	return c.final || len(c.head) >= headMax || bytes.IndexByte(c.head, '\n') >= 0
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}
