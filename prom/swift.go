package prom

// A line is read member by member. What stands here reads the members that Prometheus writes as it writes them: without white
// space, their keys in its order. That saves most of the time, and decides nothing: whatever looks otherwise is read as
// any JSON is (record), and every byte is checked either way.

// swift reads the member whose key's quote is at i, and returns the position after its value, or -1 if it is none that it knows.
func (s scanner) swift(i int, r *record) int {
	if i+12 > len(s) {
		return -1
	}
	switch s[i+1] {
	case 't':
		if at := s.lit(i, `"time":`); at > 0 {
			return s.text(at, &r.time)
		}
		if at := s.lit(i, `"ts":`); at > 0 {
			return s.text(at, &r.ts)
		}
		return s.str(s.lit(i, `"traceID":`))
	case 'p':
		return s.params(i, r)
	case 's':
		if at := s.lit(i, `"stats":`); at > 0 {
			return s.stats(at)
		}
		if at := s.lit(i, `"spanID":`); at > 0 {
			return s.str(at)
		}
		return s.str(s.lit(i, `"source":`))
	case 'l':
		return s.str(s.lit(i, `"level":`))
	case 'm':
		if at := s.lit(i, `"msg":"`+queryMessage+`"`); at > 0 {
			r.message = s[at-len(queryMessage)-2 : at]
			return at
		}
	case 'e':
		return s.str(s.lit(i, `"error":`))
	case 'r':
		at := s.lit(i, `"ruleGroup":`)
		end := s.lit(s.str(s.lit(s.str(s.lit(at, `{"file":`)), `,"name":`)), `}`)
		if end > 0 {
			r.origin, r.rule, r.client = s[at:end], true, nil
		}
		return end
	case 'h':
		at := s.lit(i, `"httpRequest":`)
		name := s.lit(at, `{"clientIP":`)
		after := s.str(name)
		end := s.lit(s.str(s.lit(s.str(s.lit(after, `,"method":`)), `,"path":`)), `}`)
		if end > 0 {
			r.origin, r.rule, r.client = s[at:end], false, s[name:after]
		}
		return end
	}
	return -1
}

// params reads `"params":{"end":"...","query":"...","start":"...","step":0}`.
func (s scanner) params(i int, r *record) int {
	at := s.lit(i, `"params":`)
	text := s.lit(s.str(s.lit(at, `{"end":`)), `,"query":`)
	after := s.str(text)
	step := s.lit(s.str(s.lit(after, `,"start":`)), `,"step":`)
	if step < 0 {
		return -1
	}
	end := s.lit(s.number(step), `}`)
	if end > 0 {
		r.params, r.query = s[at:end], s[text:after]
	}
	return end
}

// timings are the numbers of stats, with what stands before each.
var timings = [...]string{
	`{"timings":{"evalTotalTime":`, `,"resultSortTime":`, `,"queryPreparationTime":`, `,"innerEvalTime":`, `,"execQueueTime":`, `,"execTotalTime":`,
	`},"samples":{"totalQueryableSamples":`,
}

// stats reads the object of numbers that is half of a line.
func (s scanner) stats(i int) int {
	start := i
	for _, name := range timings {
		if i = s.lit(i, name); i < 0 {
			return s.value(start, 1)
		}
		if i = s.number(i); i < 0 {
			return s.value(start, 1)
		}
	}
	for _, name := range [...]string{`,"samplesRead":`, `,"seriesTouched":`, `,"peakSamples":`} {
		if at := s.lit(i, name); at > 0 {
			if i = s.number(at); i < 0 {
				return s.value(start, 1)
			}
		}
	}
	if i = s.lit(i, `}}`); i < 0 {
		return s.value(start, 1)
	}
	return i
}

// text reads a string and keeps it.
func (s scanner) text(i int, to *[]byte) int {
	end := s.str(i)
	if end > 0 {
		*to = s[i:end]
	}
	return end
}

// lit returns the position after want, if that stands at i, or -1. i may be -1.
func (s scanner) lit(i int, want string) int {
	if i < 0 || len(s)-i < len(want) || string(s[i:i+len(want)]) != want {
		return -1
	}
	return i + len(want)
}
