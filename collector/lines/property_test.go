package lines_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

// history is a log that is written, rotated, compressed and collected in random order.
type history struct {
	*folder
	rnd     *rand.Rand
	lines   int
	wrap    bool     // by a container runtime
	half    string   // written without its newline
	files   []string // rotated ones, the latest first
	want    []string
	got     []string
	journal []string
}

func (h *history) note(format string, args ...any) {
	h.journal = append(h.journal, fmt.Sprintf(format, args...))
}

// grow appends some lines; the last one may stay without its newline.
func (h *history) grow() {
	n := 1 + h.rnd.IntN(4)
	if h.rnd.IntN(4) == 0 {
		n = 40 + h.rnd.IntN(100)
	}
	var b strings.Builder
	if h.half != "" {
		b.WriteString("-finished\n")
		h.want = append(h.want, h.half+"-finished")
		h.half = ""
	}
	for range n {
		b.WriteString(h.next())
	}
	if h.rnd.IntN(4) == 0 {
		h.lines++
		h.half = logLine(h.lines) + "-half"
		if h.wrap {
			b.WriteString(h.time() + "stdout F ")
		}
		b.WriteString(h.half)
	}
	h.append("a.log", b.String())
	h.note("append %d, half %v", n, h.half != "")
}

// time is what a runtime puts before a line: no two are equal.
func (h *history) time() string { return fmt.Sprintf("2026-11-22T17:31:00.%09dZ ", h.lines) }

// next gives the text of one more line; if lines are wrapped, of two in pieces, one in the middle of the other.
func (h *history) next() string {
	h.lines++
	line := logLine(h.lines)
	h.want = append(h.want, line)
	if !h.wrap {
		return line + []string{"\n", "\r\n"}[h.rnd.IntN(2)]
	}
	h.lines++
	inner := logLine(h.lines)
	h.want = append(h.want, inner)
	at := h.time()
	i, j := h.rnd.IntN(len(line)), h.rnd.IntN(len(inner))
	switch h.rnd.IntN(3) {
	case 0:
		return at + "stdout F " + line + "\n" + at + "stderr F " + inner + "\n"
	case 1:
		return at + "stdout P " + line[:i] + "\n" + at + "stderr F " + inner + "\n" + at + "stdout F " + line[i:] + "\n"
	default:
		return at + "stdout P " + line[:i] + "\n" + at + "stderr P " + inner[:j] + "\n" +
			at + "stdout F " + line[i:] + "\n" + at + "stderr F " + inner[j:] + "\n"
	}
}

// shift makes room for a new .1.
func (h *history) shift() {
	for i := len(h.files) - 1; i >= 0; i-- {
		_, ext, _ := strings.Cut(h.files[i], "a.log.")
		_, ext, _ = strings.Cut(ext, ".")
		to := fmt.Sprintf("a.log.%d", i+2)
		if ext != "" {
			to += "." + ext
		}
		h.rename(h.files[i], to)
		h.files[i] = to
	}
	h.files = append([]string{"a.log.1"}, h.files...)
}

func (h *history) step() {
	info, err := os.Stat(h.path("a.log"))
	live := err == nil && info.Size() > 0
	switch op := h.rnd.IntN(10); {
	case op < 3:
		h.grow()
	case op == 3 && live:
		h.shift()
		h.rename("a.log", "a.log.1")
		if h.half != "" { // the writer begins its next line in the new file
			h.want = append(h.want, h.half)
			h.half = ""
		}
		if h.rnd.IntN(2) == 0 {
			h.write("a.log", "")
		}
		h.note("rename")
	case op == 4 && live && h.half == "":
		h.shift()
		h.copytruncate("a.log", "a.log.1")
		h.note("copytruncate")
	case op == 5 && len(h.files) > 0:
		i := h.rnd.IntN(len(h.files))
		if strings.Count(h.files[i], ".") > 2 {
			return
		}
		ext := []string{".gz", ".zst"}[h.rnd.IntN(2)]
		h.compress(h.files[i], ext)
		h.files[i] += ext
		h.note("compress to %s", h.files[i])
	case op == 6 && len(h.files) > 0:
		h.write("copy", h.read(h.files[h.rnd.IntN(len(h.files))]))
		h.note("a copy beside")
	case op == 7 && len(h.files) > 1:
		h.grow()
		h.collectAll()
		last := len(h.files) - 1
		h.remove(h.files[last])
		h.files = h.files[:last]
		h.note("remove the oldest")
	default:
		k := h.rnd.IntN(8)
		got := h.collect(k)
		h.got = append(h.got, got...)
		h.note("collect up to %d: %d", k, len(got))
		h.clean()
	}
}

func (h *history) collectAll() {
	got := h.collect(-1)
	h.got = append(h.got, got...)
	h.note("collect: %d", len(got))
	h.clean()
}

func (h *history) clean() {
	h.t.Helper()
	if len(h.malformed)+len(h.notices) > 0 {
		h.t.Fatalf("%v %v\n%s", h.malformed, h.notices, strings.Join(h.journal, "\n"))
	}
}

// Whatever happens to a log, and wherever a run stops: each line is delivered once.
func TestEveryLineOnce(t *testing.T) {
	histories := 60
	if testing.Short() {
		histories = 20
	}
	for seed := range histories {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			h := &history{folder: newFolder(t), wrap: seed%2 == 1, rnd: rand.New(rand.NewPCG(uint64(seed), 7))}
			h.grow()
			for range 60 {
				h.step()
			}
			h.grow()
			if h.half != "" {
				h.append("a.log", "\n")
				h.want = append(h.want, h.half)
			}
			h.collectAll()
			slices.Sort(h.got)
			slices.Sort(h.want)
			if !slices.Equal(h.got, h.want) {
				t.Fatalf("%d lines, %d were written; %s\n%s", len(h.got), len(h.want), firstDifference(h.got, h.want), strings.Join(h.journal, "\n"))
			}
			h.collectAll()
			if len(h.got) != len(h.want) {
				t.Fatal("lines came again")
			}
		})
	}
}

func firstDifference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("first difference: got %q, want %q", a[i], b[i])
		}
	}
	return "one has more than the other"
}
