package stage

import (
	"math/bits"
	"slices"
)

// outcome is how a week was read.
type outcome struct {
	week  int
	what  weekKind
	burst bool // so many looks that something else must have been the reason
}

type weekKind int

const (
	weekNone  weekKind = iota // nobody looked
	weekOther                 // people looked, though not at the usual time
	weekAlone                 // only the one looked who always does
	weekOwn                   // only the one looked who always does, at the usual time
	weekUsual                 // others looked at the usual time
)

// looked is in how many of the last n covered weeks anybody looked, but for bursts.
func (r *ritual) looked(n int) int {
	k := 0
	for _, o := range r.outcomes[max(0, len(r.outcomes)-n):] {
		if o.what != weekNone && !o.burst {
			k++
		}
	}
	return k
}

// others says whether others looked than the one who always does.
func (k weekKind) others() bool { return k == weekOther || k == weekUsual }

// one says whether at most one person looked in weeks.
func (r *ritual) one(weeks []int) bool {
	var who int32
	for _, w := range weeks {
		for i := range r.byWeek[w] {
			c := &r.byWeek[w][i]
			if c.unknown {
				return false
			}
			for _, p := range c.who {
				if who == 0 {
					who = p
				}
				if p != who {
					return false
				}
			}
		}
	}
	return true
}

// shares returns how many times others than the one who looks most took part in looking.
func (r *ritual) shares(now []cluster) int {
	k := 0
	for i := range now {
		if r.others(&now[i]) {
			k++
		}
	}
	return k
}

// burst says whether people looked so often in a week that trouble must have been the reason.
func (r *ritual) burst(now []cluster) bool { return r.shares(now) >= r.rhythm.Burst }

// others says whether somebody else than the one who looks most took part.
func (r *ritual) others(c *cluster) bool {
	for _, p := range c.who {
		if p != r.top {
			return true
		}
	}
	return c.unknown
}

// days returns on how many days of the week p looked.
func (r *ritual) days(now []cluster, p int32) int {
	var days uint8
	for i := range now {
		if slices.Contains(now[i].who, p) {
			days |= 1 << now[i].weekday
		}
	}
	return bits.OnesCount8(days)
}

// punctual says whether the one who looks most does so at the same minute in nearly all of the weeks before.
func (r *ritual) punctual(now []cluster) bool {
	minute := int32(-1)
	for i := range now {
		if r.slot.at.has(&now[i], r.rhythm.Minutes) && slices.Contains(now[i].who, r.top) {
			minute = now[i].minute
		}
	}
	if minute < 0 {
		return false
	}
	same, hits := 0, 0
	for _, w := range r.seen[max(0, len(r.seen)-r.rhythm.Memory-1) : len(r.seen)-1] {
		for i := range r.byWeek[w] {
			c := &r.byWeek[w][i]
			if !r.slot.at.has(c, r.rhythm.Minutes) || !slices.Contains(c.who, r.top) {
				continue
			}
			hits++
			if apart(int(c.minute), int(minute)) <= clockworkMinutes {
				same++
			}
		}
	}
	return same >= 2 && 4*same >= 3*hits
}

// took says whether p looked.
func (r *ritual) took(now []cluster, p int32) bool {
	return slices.ContainsFunc(now, func(c cluster) bool { return slices.Contains(c.who, p) })
}

// several says whether different people looked in a week.
func (r *ritual) several(now []cluster) bool {
	var who int32
	for i := range now {
		for _, p := range now[i].who {
			if who != 0 && p != who {
				return true
			}
			who = p
		}
	}
	return false
}

// together says whether different people looked at the same time.
func together(now []cluster) bool {
	for i := range now {
		if len(now[i].who) >= 2 {
			return true
		}
	}
	return false
}

// kind reads a week.
func (r *ritual) kind(now []cluster) weekKind {
	others, own := false, false
	for i := range now {
		c := &now[i]
		other := r.others(c)
		others = others || other
		if !r.slot.found || !r.slot.at.has(c, r.rhythm.Minutes) {
			continue
		}
		if !other {
			own = true
		} else if r.slot.different(c) {
			return weekUsual
		}
	}
	switch {
	case len(now) == 0:
		return weekNone
	case others:
		return weekOther
	case own:
		return weekOwn
	}
	return weekAlone
}

// most returns who looked in most of the weeks in which anybody did, in at least two and more than anybody else, or 0.
func (r *ritual) most(weeks []int) int32 {
	by, looked := map[int32]int{}, 0
	for _, w := range weeks {
		in := map[int32]bool{}
		for i := range r.byWeek[w] {
			for _, p := range r.byWeek[w][i].who {
				if !in[p] {
					in[p] = true
					by[p]++
				}
			}
		}
		if len(r.byWeek[w]) > 0 {
			looked++
		}
	}
	top, second := int32(0), 0
	for p, n := range by {
		if n > by[top] {
			top, second = p, by[top]
		} else {
			second = max(second, n)
		}
	}
	if by[top] < 2 || by[top] == second || 3*by[top] < 2*looked {
		return 0
	}
	return top
}
