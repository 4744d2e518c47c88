package lines_test

import (
	"bytes"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/metrics-maturity/metrics-maturity/collector/lines"
)

// zeros compresses a line without an end, and then one that has one.
func zeros(t *testing.T, w io.WriteCloser) {
	t.Helper()
	chunk := bytes.Repeat([]byte("0"), 1<<20)
	for range 256 {
		if _, err := w.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.WriteString(w, "\nafter\n"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestDecompressionBomb(t *testing.T) {
	var gz, zst bytes.Buffer
	zeros(t, gzip.NewWriter(&gz))
	z, err := zstd.NewWriter(&zst, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	zeros(t, z)
	for name, bomb := range map[string][]byte{"a.gz": gz.Bytes(), "a.zst": zst.Bytes()} {
		t.Run(name, func(t *testing.T) {
			f := newFolder(t)
			f.check(os.WriteFile(f.path(name), bomb, 0o644))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			f.want("after")
			runtime.ReadMemStats(&after)
			if len(f.malformed) != 1 {
				t.Fatal(f.malformed)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 {
				t.Errorf("%d MiB allocated for a file of %d KiB", used>>20, len(bomb)>>10)
			}
		})
	}
}

// A header alone must not make us reserve memory; what the zstd command refuses is refused.
func TestWindowIsBounded(t *testing.T) {
	// Magic number, no checksum, window descriptor of 2 GiB, then an empty last block.
	f := newFolder(t)
	f.write("a.log.zst", "\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00")
	f.want()
	f.wantKinds(lines.NoticeBroken)
	if !strings.Contains(f.notices[0].Why, "window") {
		t.Error(f.notices[0])
	}
}

// Very many members, frames or escapes take no longer than their number.
func TestManySmallThings(t *testing.T) {
	empty := compressed(t, ".gz", "")
	f := newFolder(t)
	f.write("a.log.gz", string(append(bytes.Repeat(empty, 50_000), compressed(t, ".gz", "end\n")...)))
	frames := bytes.Repeat(compressed(t, ".zst", "x"), 50_000)
	f.write("b.log.zst", string(append(frames, compressed(t, ".zst", "\nend\n")...)))
	f.write("c.log", `{"log":"`+strings.Repeat(`\\`, 400_000)+`\n","stream":"stdout"}`+"\n")
	f.write("d.log", `{"log":"`+strings.Repeat(`\\`, 400_000)+"\n")
	got := f.collect(-1)
	var size []int
	for _, line := range got {
		size = append(size, len(line))
	}
	if len(size) != 5 || size[0] != 3 || size[1] != 50_000 || size[2] != 3 || size[3] != 400_000 || size[4] != 800_008 {
		t.Fatal(size)
	}
}
