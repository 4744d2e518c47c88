package lines_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/metrics-maturity/metrics-maturity/collector/lines"
)

func TestWrapping(t *testing.T) {
	const at = "2026-11-22T17:31:00.000000000Z "
	for name, c := range map[string]struct {
		text string
		want []string
		bad  int
	}{
		"cri":                    {at + "stdout F one\n" + at + "stderr F two\n", []string{"one", "two"}, 0},
		"cri, zone":              {"2026-11-22T17:31:00.123+01:00 stdout F one\n", []string{"one"}, 0},
		"cri, no fraction":       {"2026-11-22T17:31:00Z stdout F one\n", []string{"one"}, 0},
		"cri, empty":             {at + "stdout F \n" + at + "stdout F\n", []string{"", ""}, 0},
		"cri, spaces kept":       {at + "stdout F   indented \n", []string{"  indented "}, 0},
		"cri, more tags":         {at + "stdout P:x a\n" + at + "stdout F:x b\n", []string{"ab"}, 0},
		"cri, pieces":            {at + "stdout P a\n" + at + "stdout P b\n" + at + "stdout F c\n", []string{"abc"}, 0},
		"cri, interleaved":       {at + "stdout P a\n" + at + "stderr P 1\n" + at + "stderr F 2\n" + at + "stdout F b\n", []string{"12", "ab"}, 0},
		"cri, windows":           {at + "stdout P a\r\n" + at + "stdout F b\r\n", []string{"a\rb"}, 0},
		"cri, unfinished waits":  {at + "stdout F a\n" + at + "stdout P b\n", []string{"a"}, 0},
		"not cri: no tag":        {at + "stdout X a\n", []string{at + "stdout X a"}, 0},
		"not cri: no stream":     {at + "level=info\n", []string{at + "level=info"}, 0},
		"docker":                 {`{"log":"one\n","stream":"stdout","time":"2026-11-22T17:31:00Z"}` + "\n", []string{"one"}, 0},
		"docker, attrs":          {`{"log":"one\n","stream":"stderr","attrs":{"a":"b"},"time":"2026-11-22T17:31:00Z"}` + "\n", []string{"one"}, 0},
		"docker, escapes":        {`{"log":"msg=\"a\\b\" \u003c\u00e9\ud83d\ude00\u003e\t\r\n","stream":"stdout","time":"t"}` + "\n", []string{"msg=\"a\\b\" <é😀>\t"}, 0},
		"docker, pieces":         {`{"log":"a","stream":"stdout"}` + "\n" + `{"log":"1\n","stream":"stderr"}` + "\n" + `{"log":"b\n","stream":"stdout"}` + "\n", []string{"1", "ab"}, 0},
		"docker, json inside":    {`{"log":"{\"log\":\"x\",\"stream\":\"stdout\"}\n","stream":"stdout"}` + "\n", []string{`{"log":"x","stream":"stdout"}`}, 0},
		"docker, spaces":         {`{"log": "one\n", "stream": "stdout"}` + "\n", []string{"one"}, 0},
		"docker, other order":    {`{"stream":"stdout","log":"one\n"}` + "\n", []string{"one"}, 0},
		"docker, wrong escape":   {`{"log":"\x","stream":"stdout"}` + "\n", nil, 1},
		"docker, cut off":        {`{"log":"one\n","stream":"stdout","ti` + "\n", nil, 1},
		"docker, two lines":      {`{"log":"a\nb\n","stream":"stdout"}` + "\n", nil, 1},
		"docker, nul":            {`{"log":"a\u0000\n","stream":"stdout"}` + "\n", nil, 1},
		"not docker: no stream":  {`{"log":"x","logger":"context"}` + "\n", []string{`{"log":"x","logger":"context"}`}, 0},
		"not docker: own stream": {`{"log":"x","stream":"orders"}` + "\n", []string{`{"log":"x","stream":"orders"}`}, 0},
		"windows":                {"a\r\nb\r\n\r\n", []string{"a", "b", ""}, 0},
		"byte order mark":        {"\xef\xbb\xbfa\n\xef\xbb\xbfb\n", []string{"a", "\xef\xbb\xbfb"}, 0},
		"nul":                    {"a\nb\x00c\nd\n", []string{"a", "d"}, 1},
		"digits":                 {"1\n12\n2026-11-22T17:31:00.0 x\n", []string{"1", "12", "2026-11-22T17:31:00.0 x"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFolder(t)
			f.write("a.log", c.text)
			if got := f.collect(-1); !slices.Equal(got, c.want) || len(f.malformed) != c.bad {
				t.Fatalf("got %q, malformed %v", got, f.malformed)
			}
			// One line a run gives the same.
			f.saved = map[string]lines.Position{}
			var got []string
			bad := 0
			for range len(c.want) + c.bad + 1 {
				got = append(got, f.collect(1)...)
				bad += len(f.malformed)
			}
			if !slices.Equal(got, c.want) || bad != c.bad {
				t.Fatalf("one by one: got %q, malformed %d", got, bad)
			}
		})
	}
}

func TestUnfinishedPiecesAtTheEnd(t *testing.T) {
	const at = "2026-11-22T17:31:00.000000000Z "
	text := at + "stdout P a\n" + at + "stderr P 1\n" + at + "stdout P b\n"
	f := newFolder(t)
	f.write("a.log", text)
	f.want()
	f.append("a.log", at+"stderr F 2\n")
	f.want("12")
	f.want()
	f.append("a.log", at+"stderr P 3\n"+at+"stdout P c")
	f.want()
	f.compress("a.log", ".gz")
	for _, want := range [][]string{{"abc"}, {"3"}, nil, nil} {
		if got := f.collect(1); !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
}

// An unfinished piece must not make every run look at all that came after it.
func TestPieceThatIsNeverFinished(t *testing.T) {
	const at = "2026-11-22T17:31:00.000000000Z "
	f := newFolder(t)
	f.max = 100
	f.write("a.log", at+"stdout P a\n")
	f.want()
	var all []string
	for n := range 100 {
		all = append(all, fmt.Sprint("line ", n))
	}
	f.append("a.log", at+"stderr F "+strings.Join(all, "\n"+at+"stderr F ")+"\n")
	f.want(all...)
	if len(f.malformed) != 1 || f.malformed[0].Offset != 0 {
		t.Fatal(f.malformed)
	}
	for _, p := range f.saved {
		if p.Behind != 0 {
			t.Fatalf("%+v", p)
		}
	}
}

func TestCapturedLinesWrapped(t *testing.T) {
	for _, name := range []string{"grafana.text.log", "grafana.json.log", "prometheus-3.query.log"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
		var cri, docker strings.Builder
		for i, line := range want {
			stream := []string{"stdout", "stderr"}[i%2]
			half := len(line) / 2
			fmt.Fprintf(&cri, "2026-11-22T17:31:00.000000001Z %s P %s\n2026-11-22T17:31:00.000000001Z %s F %s\n", stream, line[:half], stream, line[half:])
			for _, piece := range []string{line[:half], line[half:] + "\n"} {
				j, err := json.Marshal(piece)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&docker, `{"log":%s,"stream":"%s","time":"2026-11-22T17:31:00.000000001Z"}`+"\n", j, stream)
			}
		}
		for kind, text := range map[string]string{"plain": string(b), "cri": cri.String(), "docker": docker.String()} {
			f := newFolder(t)
			f.write(name, text)
			if got := f.collect(-1); !slices.Equal(got, want) || len(f.malformed) > 0 {
				t.Errorf("%s, %s: got %d lines, want %d; malformed %v", name, kind, len(got), len(want), f.malformed)
			}
		}
	}
}

func TestLongLines(t *testing.T) {
	for _, limit := range []int{10, 300 << 10, 1 << 20} {
		f := newFolder(t)
		f.max = limit
		fits := strings.Repeat("y", limit)
		f.write("a.log", "a\n"+fits+"\n"+fits+"\r\n"+fits+"z\nb\n"+strings.Repeat("x", 3*limit)+"\nc\n"+strings.Repeat("x", 2*limit))
		f.want("a", fits, fits, "b", "c")
		var at []int64
		for _, m := range f.malformed {
			at = append(at, m.Offset)
		}
		first := int64(2 + limit + 1 + limit + 2)
		second := first + int64(limit) + 2 + 2
		if !slices.Equal(at, []int64{first, second, second + 3*int64(limit) + 3}) {
			t.Fatalf("limit %d: %v", limit, at)
		}
		// The half line was reported: its rest is nothing new.
		f.append("a.log", "more")
		f.want()
		f.append("a.log", "\nd\n")
		f.want("d")
		if len(f.malformed) > 0 {
			t.Fatal(f.malformed)
		}
	}
}

func TestTroubleWithFiles(t *testing.T) {
	f := newFolder(t)
	f.write("a.log", "one\n")
	f.write("b.log.xz", "\xfd7zXZ\x00...")
	f.write("c.log.gz", "\x1f\x8b")
	f.check(os.Mkdir(f.path("d.log"), 0o755))
	f.check(syscall.Mkfifo(f.path("e.log"), 0o644))
	f.check(os.Symlink(f.path("nowhere"), f.path("f.log")))
	f.write("g.log", "secret\n")
	f.check(os.Chmod(f.path("g.log"), 0))
	kinds := []lines.NoticeKind{lines.NoticeUnsupported, lines.NoticeBroken, lines.NoticeNotAFile}
	want := []string{"one", "secret"}
	if os.Getuid() != 0 {
		want = want[:1]
	}
	var got []lines.NoticeKind
	gotLines := f.collect(-1)
	slices.Sort(gotLines)
	for _, n := range f.notices {
		if n.Kind != lines.NoticeVanished && n.Kind != lines.NoticeUnreadable {
			got = append(got, n.Kind)
		}
		if n.Kind == lines.NoticeUnreadable && !strings.Contains(n.Why, "hint: ") {
			t.Errorf("no hint: %s", n)
		}
	}
	if !slices.Equal(got, kinds) || !slices.Equal(gotLines, want) {
		t.Fatalf("%v %q", f.notices, gotLines)
	}
	f.glob = "nothing*"
	f.want()
	f.wantKinds(lines.NoticeNoMatch)
	f.glob = "d.log"
	f.want()
	f.wantKinds(lines.NoticeNotAFile)
	if f.notices[0].LosesLines() {
		t.Error("a folder loses no lines")
	}

	if _, err := (&lines.Files{Patterns: []string{"logs/[a"}}).Open(context.Background(), nil); err == nil || !strings.Contains(err.Error(), "hint: ") {
		t.Errorf("wrong pattern: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := (&lines.Files{Patterns: []string{f.path("*")}}).Open(ctx, nil); err == nil {
		t.Error("an ended context does not end Open")
	}
}

func TestFoldersAreSearched(t *testing.T) {
	f := newFolder(t)
	f.check(os.MkdirAll(f.path("x/y"), 0o755))
	f.write("x/y/b.log", "b\n")
	f.write("x/a.log", "a\n")
	f.write("x/y/other.txt", "no\n")
	f.glob = "**/*.log"
	if got := f.collect(-1); !slices.Equal(got, []string{"a", "b"}) {
		t.Fatalf("%q", got)
	}
	f.wantKinds()
}

// What happens to a file between Open and the end of reading costs nothing but time.
func TestChangesWhileReading(t *testing.T) {
	all, text := logLines(0, 10000)
	for name, change := range map[string]func(f *folder){
		"renamed":   func(f *folder) { f.rename("a.log", "a.log.1"); f.write("a.log", "new\n") },
		"truncated": func(f *folder) { f.copytruncate("a.log", "a.log.1"); f.append("a.log", "new\n") },
		"replaced":  func(f *folder) { f.compress("a.log", ".gz"); f.write("a.log", strings.Repeat("new\n", 1)) },
	} {
		for _, before := range []int{0, 1, 5} {
			t.Run(fmt.Sprint(name, " after ", before), func(t *testing.T) {
				f := newFolder(t)
				f.write("a.log", text)
				o := f.open()
				s := o.Streams[0]
				var got []string
				next := func() bool {
					line, err := s.Next()
					if err != nil {
						return false
					}
					got = append(got, string(line))
					return true
				}
				for range before {
					next()
				}
				change(f)
				for next() {
				}
				if p := s.Position(); p.Offset > 0 {
					f.save(p)
				}
				f.check(s.Close())
				got = append(got, f.collect(-1)...)
				slices.Sort(got)
				want := append(slices.Clone(all), "new")
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Fatalf("%d lines, want %d", len(got), len(want))
				}
			})
		}
	}
}

func TestProgress(t *testing.T) {
	_, text := logLines(0, 5000)
	f := newFolder(t)
	f.write("a.log", text)
	f.write("b.log.gz", string(compressed(t, ".gz", strings.ToUpper(text))))
	o := f.open()
	var read int64
	for _, s := range o.Streams {
		for {
			if _, err := s.Next(); err != nil {
				break
			}
		}
		read += s.Read()
	}
	if read != o.Bytes {
		t.Fatalf("read %d, announced %d", read, o.Bytes)
	}
}

func TestSavedPositionsThatMakeNoSense(t *testing.T) {
	f := newFolder(t)
	f.write("a.log", "one\n")
	f.saved = map[string]lines.Position{
		"a": {ID: "a", Offset: -5},
		"b": {ID: "b", Offset: 4, HeadLen: 9000, TailLen: 4},
		"c": {ID: "c", Offset: 4, HeadLen: 4, TailLen: 400, Behind: 50},
		"d": {},
	}
	f.want("one")
}

func TestLongLineInPieces(t *testing.T) {
	const at = "2026-11-22T17:31:00.000000000Z "
	piece := strings.Repeat("x", 60)
	f := newFolder(t)
	f.max = 100
	f.write("a.log", at+"stdout P "+piece+"\n"+at+"stdout P "+piece+"\n"+at+"stderr F between\n"+at+"stdout P more\n"+at+"stdout F end\n"+
		at+"stdout F after\n"+at+"stdout P "+piece+"\n"+at+"stdout P "+piece)
	f.want("between", "after")
	if len(f.malformed) != 1 || f.malformed[0].Offset != 0 || f.malformed[0].Error() != f.path("a.log")+": offset 0: longer than 100 bytes" {
		t.Fatal(f.malformed)
	}
	f.compress("a.log", ".zst")
	f.want()
	if len(f.malformed) != 1 {
		t.Fatal(f.malformed)
	}
}

// The end of a rotated file ended a line while another one was unfinished, and then the file was written to.
func TestWrittenToAfterRotationInPieces(t *testing.T) {
	const at = "2026-11-22T17:31:00.000000000Z "
	f := newFolder(t)
	f.write("a.log.1", at+"stdout P a\n"+at+"stderr F whole")
	f.write("a.log", "live\n")
	f.glob = "a.log.1"
	if got := f.collect(1); !slices.Equal(got, []string{"whole"}) {
		t.Fatalf("%q", got)
	}
	f.append("a.log.1", " not\n"+at+"stdout F b\n")
	f.want("ab")
	if len(f.malformed) != 1 {
		t.Fatal(f.malformed)
	}
	f.want()
}

// TestNamedByFirstLine: collectors that share the files of a folder agree about their names, however much each sees of them.
func TestNamedByFirstLine(t *testing.T) {
	f := newFolder(t)
	f.write("a.log", "half")
	if o := f.open(); len(o.Streams) > 0 {
		t.Fatal("a content has a name before its first line is whole")
	}
	f.append("a.log", " a line\n")
	id := func() string {
		t.Helper()
		o := f.open()
		if len(o.Streams) != 1 {
			t.Fatalf("%d streams", len(o.Streams))
		}
		f.check(o.Streams[0].Close())
		return o.Streams[0].ID()
	}
	early := id()
	f.append("a.log", strings.Repeat("more\n", 1000))
	if late := id(); late != early {
		t.Errorf("named %s, and later %s", early, late)
	}
}
