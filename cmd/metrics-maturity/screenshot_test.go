package main

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

// maxScreenshot is how large a picture in the repository may be, in bytes.
const maxScreenshot = 150 << 10

// screenshots makes the pictures that README.md shows, and writes them with -update. Fonts differ between machines, so what is there
// is not compared but for its size.
func (b *browser) screenshots(t *testing.T) {
	for name, shot := range map[string]struct {
		path   string
		height int64
	}{"organisation": {"/", 1110}, "team": {"/teams/search", 1190}} {
		b.resize(t, 1120, shot.height)
		b.open(t, shot.path)
		var picture []byte
		b.run(t, chromedp.CaptureScreenshot(&picture))
		picture = fewColours(t, picture)
		if len(picture) > maxScreenshot || len(picture) < 10<<10 {
			t.Errorf("%s: the picture has %d bytes", name, len(picture))
		}
		path := filepath.Join("testdata", "page", name+".png")
		if *updateScreenshots {
			if err := os.WriteFile(path, picture, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		kept, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		have, err := png.DecodeConfig(kept)
		if err != nil || have.Width != 1120 || have.Height != int(shot.height) {
			t.Errorf("%s is %d by %d: %v: run this test with -update", path, have.Width, have.Height, err)
		}
		if err := kept.Close(); err != nil {
			t.Error(err)
		}
	}
	b.resize(t, 1200, 900)
}

// fewColours writes a picture with its 256 most frequent colours, which takes a third of the room.
func fewColours(t *testing.T, picture []byte) []byte {
	t.Helper()
	full, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	count := map[color.Color]int{}
	bounds := full.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			count[full.At(x, y)]++
		}
	}
	colours := slices.SortedFunc(maps.Keys(count), func(x, y color.Color) int { return cmp.Compare(count[y], count[x]) })
	few := image.NewPaletted(bounds, colours[:min(256, len(colours))])
	nearest := map[color.Color]uint8{}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			c := full.At(x, y)
			if _, known := nearest[c]; !known {
				nearest[c] = uint8(few.Palette.Index(c))
			}
			few.SetColorIndex(x, y, nearest[c])
		}
	}
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, few); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
