package lines

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"time"
)

const (
	// podDisorder is how much earlier than the line before it a line may be dated: stdout and stderr are written side by side.
	podDisorder = time.Second
	// podHeld is how many lines are kept while the last one that was read is looked for.
	podHeld = 1 << 14
)

// podLine is a line of a log.
type podLine struct {
	at   time.Time
	text []byte
	sum  uint64
	nth  int    // of the lines with that time and digest
	life string // that wrote it
}

// podLog reads an opened log behind the cursor.
type podLog struct {
	tail   *podTail
	life   life
	body   io.ReadCloser
	cancel context.CancelFunc
	in     *reader

	seeking    bool      // the last line that was read has not been found
	held       []podLine // lines behind it, if it isn't found
	any        bool      // a line was returned
	unreadable bool      // the kubelet complains in the place of a log
	broken     error     // why the log can't be read on
	bad        int       // lines behind the cursor that can't be read, and were told of

	at   time.Time      // of the lines that are counted in same
	same map[uint64]int // lines by digest
}

func newPodLog(t *podTail, l life, body io.ReadCloser, cancel context.CancelFunc) *podLog {
	const stamp = 64 // the time and a space before each line
	return &podLog{tail: t, life: l, body: body, cancel: cancel, in: newReader(body, 0, t.maxLine+stamp, 0, nil, nil), seeking: t.cursor.Nth > 0, bad: t.cursor.Bad, same: map[uint64]int{}}
}

func (p *podLog) close() {
	p.cancel()
	_ = p.body.Close() // it was only read
}

// next returns the next new line. The error is io.EOF at the end of the log.
func (p *podLog) next() (podLine, error) {
	for {
		if !p.seeking && len(p.held) > 0 {
			l := p.held[0]
			p.held = p.held[1:]
			p.first(l.at)
			p.any = true
			return l, nil
		}
		if p.broken != nil {
			return podLine{}, p.broken
		}
		l, err := p.line()
		var bad *Malformed
		switch {
		case errors.As(err, &bad):
			if p.seeking || !p.any && !p.tail.cursor.Time.IsZero() {
				continue // of what was read before
			}
			if p.bad > 0 {
				p.bad--
				continue
			}
			return podLine{}, bad
		case err != nil:
			p.broken = err
			if p.seeking && errors.Is(err, io.EOF) {
				p.lost()
			}
			continue
		}
		if p.seeking {
			p.seek(l)
			continue
		}
		if p.tail.cursor.Nth == 0 && !l.at.After(p.tail.cursor.Time) && !p.any {
			continue // behind the cursor's time is all that is known
		}
		p.first(l.at)
		p.any = true
		return l, nil
	}
}

// line reads a line with its time.
func (p *podLog) line() (podLine, error) {
	text, found := p.in.next()
	switch found {
	case tooLong, cutLong:
		return podLine{}, p.malformed("longer than the longest line that is read")
	case theEnd:
		if !p.in.ended() {
			return podLine{}, p.in.err
		}
		if p.life.Ended.IsZero() && !p.tail.following(p.life) || len(p.in.rest()) == 0 {
			return podLine{}, io.EOF // the container may still end its last line
		}
		text = p.in.rest()
		p.in.take(len(text))
	}
	stamp, rest, _ := bytes.Cut(text, []byte(" "))
	at, err := time.Parse(time.RFC3339Nano, string(stamp))
	if err != nil {
		if unreadable(text) {
			p.unreadable = true
			return podLine{}, io.ErrUnexpectedEOF
		}
		return podLine{}, p.malformed("a line of a pod's log without a time")
	}
	text = bytes.TrimSuffix(rest, []byte("\r"))
	if !at.Equal(p.at) {
		clear(p.same)
		p.at = at
	}
	sum := p.tail.digest(text)
	p.same[sum]++
	return podLine{at: at, text: text, sum: sum, nth: p.same[sum], life: p.life.ID}, nil
}

// seek looks for the line that was read last. Lines before it were read, whatever their time.
func (p *podLog) seek(l podLine) {
	c := &p.tail.cursor
	switch {
	case l.at.Equal(c.Time) && l.sum == c.Sum && l.nth == c.Nth:
		p.seeking, p.held, p.any = false, nil, true
	case l.at.After(c.Time):
		l.text = slices.Clone(l.text)
		p.held = append(p.held, l)
		if l.at.Sub(c.Time) > podDisorder || len(p.held) > podHeld {
			p.lost()
		}
	}
}

// lost is for a last line that is not there: all that is behind its time is new. In another life that is as it should be; in the
// same one the kubelet has rotated the log.
func (p *podLog) lost() {
	p.seeking, p.bad = false, 0
	if p.life.ID != p.tail.cursor.Life {
		return
	}
	to := p.tail.now
	if len(p.held) > 0 {
		to = p.held[0].at
	}
	p.tail.cursor.Nth = 0
	p.tail.lose(p.tail.cursor.reached(p.tail.now), to, "the kubelet rotated the log: lines between the last one that was read and the first one that is there are lost\nhint: collect more often, raise containerLogMaxSize, or read from Loki")
}

// first notes the time of the first line of a life: one that is much younger than the life says that earlier lines were rotated away.
func (p *podLog) first(at time.Time) {
	if p.any || p.life.ID == p.tail.cursor.Life || !p.tail.isNew(p.life.Started) || at.Sub(p.life.Started) <= podSilence {
		return
	}
	p.tail.lose(p.life.Started, at, "the container began earlier than its log does: the kubelet rotated lines away\nhint: collect more often, raise containerLogMaxSize, or read from Loki")
}

func (p *podLog) malformed(why string) *Malformed {
	return &Malformed{Path: p.tail.Name(), Why: why}
}
