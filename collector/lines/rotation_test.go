package lines_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/metrics-maturity/metrics-maturity/collector/lines"
)

// sizes: what is read below 1 KiB, and above.
var sizes = map[string]int{"short": 3, "long": 200}

func TestRotation(t *testing.T) {
	for name, n := range sizes {
		first, firstText := logLines(0, n)
		second, secondText := logLines(1000, 1000+n)
		for what, change := range map[string]func(f *folder){
			"append": func(f *folder) { f.append("a.log", secondText) },
			"rename": func(f *folder) { f.rename("a.log", "a.log.1"); f.write("a.log", secondText) },
			"rename after more": func(f *folder) {
				f.append("a.log", secondText)
				f.rename("a.log", "a.log.1")
			},
			"copytruncate":            func(f *folder) { f.copytruncate("a.log", "a.log.1"); f.append("a.log", secondText) },
			"copytruncate after more": func(f *folder) { f.append("a.log", secondText); f.copytruncate("a.log", "a.log.1") },
			"gzip": func(f *folder) {
				f.append("a.log", secondText)
				f.rename("a.log", "a.log.1")
				f.compress("a.log.1", ".gz")
			},
			"zstd": func(f *folder) {
				f.append("a.log", secondText)
				f.rename("a.log", "a.log.1")
				f.compress("a.log.1", ".zst")
			},
			"both .1 and .1.gz": func(f *folder) {
				f.append("a.log", secondText)
				f.write("a.log.1.gz", string(compressed(f.t, ".gz", f.read("a.log"))))
				f.rename("a.log", "a.log.1")
			},
			"an older copy beside": func(f *folder) {
				f.write("a.log.bak", f.read("a.log"))
				f.append("a.log", secondText)
			},
			"multi-member gzip": func(f *folder) {
				f.write("a.log.1.gz", string(compressed(f.t, ".gz", f.read("a.log"), secondText)))
				f.remove("a.log")
			},
			"concatenated zstd frames": func(f *folder) {
				f.write("a.log.1.zst", string(compressed(f.t, ".zst", f.read("a.log"), secondText)))
				f.remove("a.log")
			},
			"twice": func(f *folder) {
				f.append("a.log", secondText[:strings.IndexByte(secondText, '\n')+1])
				f.rename("a.log", "a.log.1")
				f.write("a.log", secondText[strings.IndexByte(secondText, '\n')+1:])
				f.rename("a.log.1", "a.log.2")
				f.rename("a.log", "a.log.1")
				f.compress("a.log.2", ".gz")
				f.write("a.log", "")
			},
			"no end of line, then gzip": func(f *folder) {
				f.append("a.log", strings.TrimSuffix(secondText, "\n"))
				f.compress("a.log", ".gz")
			},
			"no end of line, rotated": func(f *folder) {
				f.append("a.log", secondText[:len(secondText)-len(second[n-1])-2])
				f.rename("a.log", "a.log.1")
				f.write("a.log", second[n-1]+"\n")
			},
		} {
			t.Run(what+", "+name, func(t *testing.T) {
				f := newFolder(t)
				f.write("a.log", firstText)
				f.want(first...)
				f.want()
				change(f)
				f.want(second...)
				f.want()
				if len(f.notices)+len(f.malformed) > 0 {
					t.Fatal(f.notices, f.malformed)
				}
			})
		}
	}
}

func TestEditedInPlace(t *testing.T) {
	for name, n := range sizes {
		all, text := logLines(0, n)
		appended, appendedText := logLines(2000, 2001)
		for what, c := range map[string]struct {
			change func(f *folder)
			kind   lines.NoticeKind
		}{
			"changed": {func(f *folder) {
				f.write("a.log", strings.Replace(text, all[n-1], strings.ToUpper(all[n-1]), 1))
			}, lines.NoticeEdited},
			"shorter": {func(f *folder) { f.write("a.log", text[:len(text)-len(all[n-1])-1]) }, lines.NoticeShorter},
			"a line":  {func(f *folder) { f.write("a.log", all[0]+"\n") }, lines.NoticeShorter},
			"longer": {func(f *folder) {
				// The first KiB stays, or nobody could know what file it was.
				f.write("a.log", text[:1024]+strings.ReplaceAll(text[1024:], "level=info", "level=information"))
			}, lines.NoticeEdited},
		} {
			if what == "longer" && name == "short" {
				continue
			}
			t.Run(what+", "+name, func(t *testing.T) {
				f := newFolder(t)
				f.write("a.log", text)
				f.want(all...)
				c.change(f)
				f.want()
				f.wantKinds(c.kind)
				f.want()
				f.wantKinds()
				f.append("a.log", appendedText)
				f.want(appended...)
				f.wantKinds()
			})
		}
	}
}

// An editor's backup makes both: the old content goes on being known, the edited file too.
func TestEditedWithBackup(t *testing.T) {
	all, text := logLines(0, 200)
	f := newFolder(t)
	f.write("a.log", text)
	f.want(all...)
	f.rename("a.log", "a.log~")
	f.write("a.log", text[:2000]+strings.ToUpper(text[2000:]))
	f.want()
	f.wantKinds(lines.NoticeEdited)
	f.append("a.log", "one more\n")
	f.want("one more")
	f.wantKinds()
}

func TestShorterCopyDoesNotMoveTheCursorBack(t *testing.T) {
	all, text := logLines(0, 200)
	f := newFolder(t)
	f.write("a.log", text)
	f.want(all...)
	f.write("a.log.bak", text[:4000])
	f.rename("a.log", "away")
	f.glob = "a*.bak"
	f.want()
	f.wantKinds(lines.NoticeShorter)
	f.glob = "*"
	f.append("away", "one more\n")
	f.want("one more")
}

func TestSameBeginnings(t *testing.T) {
	f := newFolder(t)
	f.write("a.log", "starting\n")
	f.write("b.log", "starting\n")
	f.want("starting") // the same content under two names, as far as anybody can know
	f.append("a.log", "a\n")
	f.append("b.log", "b\n")
	f.want("a", "starting", "b") // and here it turns out that there were two
	f.append("a.log", "a2\n")
	f.append("b.log", "b2\n")
	f.want("a2", "b2")

	f.copytruncate("b.log", "b.log.1")
	f.append("b.log", "starting\n") // again the beginning of another one
	f.append("b.log.1", "b3\n")
	f.want("b3")
	f.append("b.log", "c\n")
	f.want("starting", "c")
	if len(f.notices) > 0 {
		t.Fatal(f.notices)
	}
}

// A file that starts again with a line that others have too is a new one, if nothing speaks for an edit.
func TestNewFileWithTheSameFirstLine(t *testing.T) {
	f := newFolder(t)
	f.write("a.log", "starting\none\ntwo\n")
	f.want("starting", "one", "two")
	f.write("a.log", "starting\nthree\n")
	f.want("starting", "three")
}

func TestEmptyFileHasNoIdentity(t *testing.T) {
	f := newFolder(t)
	f.write("a.log", "")
	f.write("b.log.gz", string(compressed(t, ".gz", "")))
	f.want()
	if len(f.saved) > 0 || len(f.notices) > 0 {
		t.Fatal(f.saved, f.notices)
	}
	f.append("a.log", "x\n")
	f.want("x")
}

func TestHalfLineWaits(t *testing.T) {
	f := newFolder(t)
	f.write("a.log", "one\ntwo")
	f.want("one")
	f.want()
	f.append("a.log", "-and-a-half\nthree")
	f.want("two-and-a-half")
	f.rename("a.log", "a.log.1")
	f.want() // nobody writes to a.log yet: .1 may still be written to
	f.write("a.log", "")
	f.want()
	f.append("a.log", "four\n")
	f.want("three", "four")
	f.want()
}

// The verdict that a file is rotated was wrong: the rest of the line is reported, what follows is read.
func TestWrittenToAfterRotation(t *testing.T) {
	for _, c := range []struct {
		more      string
		want      []string
		malformed int
	}{
		{"\n", nil, 0},
		{"\r\nnext\n", []string{"next"}, 0},
		{"rest\nnext\n", []string{"next"}, 1},
	} {
		f := newFolder(t)
		f.write("a.log.1", "one\ntwo")
		f.write("a.log", "live\n")
		f.want("one", "two", "live")
		f.append("a.log.1", c.more)
		f.want(c.want...)
		if len(f.malformed) != c.malformed {
			t.Errorf("%q: malformed %v", c.more, f.malformed)
		}
		f.want()
		if len(f.malformed) != 0 {
			t.Errorf("%q: malformed again %v", c.more, f.malformed)
		}
	}
}

func TestBrokenCompressedFile(t *testing.T) {
	all, text := logLines(0, 20000)
	for _, ext := range []string{".gz", ".zst"} {
		t.Run(ext, func(t *testing.T) {
			f := newFolder(t)
			whole := compressed(t, ext, text)
			f.write("a.log.1"+ext, string(whole[:len(whole)/2]))
			got := f.collect(-1)
			if len(got) == 0 || len(got) == len(all) || !slices.Equal(got, all[:len(got)]) {
				t.Fatalf("%d lines of a cut off file with %d", len(got), len(all))
			}
			f.wantKinds(lines.NoticeBroken)
			if len(f.malformed) != 1 {
				t.Fatal(f.malformed)
			}
			f.want()
			if len(f.malformed)+len(f.notices) > 0 {
				t.Fatal("reported twice", f.malformed, f.notices)
			}
			f.write("a.log.1"+ext, string(whole[:len(whole)*3/4]))
			got = append(got, f.collect(-1)...)
			if len(f.malformed) > 0 {
				t.Fatal("reported twice", f.malformed)
			}
			f.write("a.log.1"+ext, string(whole))
			got = append(got, f.collect(-1)...)
			if !slices.Equal(got, all) {
				t.Fatalf("%d lines in the end, want %d", len(got), len(all))
			}
			f.want()

			// While it is compressed again, it is shorter than what was read: that is no edit.
			f.write("a.log.1"+ext, string(whole[:len(whole)/2]))
			f.want()
			f.wantKinds(lines.NoticeBroken)
			f.write("a.log.1"+ext, string(whole))
			f.want()
			f.wantKinds()
		})
	}
}

// A compressed file that was read is not decompressed again, under whatever name.
func TestCompressedFileIsRemembered(t *testing.T) {
	all, text := logLines(0, 20000)
	f := newFolder(t)
	f.write("a.log.1.gz", string(compressed(t, ".gz", text)))
	f.want(all...)
	f.rename("a.log.1.gz", "a.log.2.gz")
	o := f.open()
	if len(o.Streams) != 0 || len(o.Positions) != 1 || o.Positions[0].Path != f.path("a.log.2.gz") || o.Bytes != 0 {
		t.Fatalf("%+v", o)
	}
	// Even if it can't be decompressed any more: only its beginning is looked at.
	info, err := os.Stat(f.path("a.log.2.gz"))
	f.check(err)
	w, err := os.OpenFile(f.path("a.log.2.gz"), os.O_WRONLY, 0)
	f.check(err)
	_, err = w.WriteAt(make([]byte, 1000), info.Size()-1000)
	f.check(err)
	f.check(w.Close())
	f.check(os.Chtimes(f.path("a.log.2.gz"), info.ModTime(), info.ModTime()))
	f.want()
	f.wantKinds()
}

// A pause at any line changes nothing but the work.
func TestPause(t *testing.T) {
	all, text := logLines(0, 500)
	for _, ext := range []string{"", ".gz", ".zst"} {
		f := newFolder(t)
		f.write("a.log", text)
		if ext != "" {
			f.compress("a.log", ext)
		}
		s := f.open().Streams[0]
		var got []string
		for {
			s.Pause()
			before := s.Position()
			line, err := s.Next()
			if err != nil {
				break
			}
			got = append(got, string(line))
			if p := s.Position(); p.Offset <= before.Offset {
				t.Fatalf("%d after %d", p.Offset, before.Offset)
			}
		}
		if !slices.Equal(got, all) {
			t.Fatalf("%q: %d lines, want %d", ext, len(got), len(all))
		}
		f.save(s.Position())
		f.check(s.Close())
		f.want()
	}
}
