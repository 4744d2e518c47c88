package main

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/metrics-maturity/metrics-maturity/collector"
)

// newProgress returns a callback that draws a bar on a terminal, and what to call when all is read. Elsewhere there is
// no bar, and both do nothing.
func newProgress(w io.Writer) (update func(collector.Progress), done func()) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil, func() {}
	}
	bar := progressbar.NewOptions64(-1,
		progressbar.OptionSetWriter(f), progressbar.OptionSetDescription("reading"), progressbar.OptionShowBytes(true),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionFullWidth())
	var mu sync.Mutex
	bySource := map[string]collector.Progress{}
	update = func(p collector.Progress) {
		mu.Lock()
		defer mu.Unlock()
		bySource[p.Source] = p
		var read, total int64
		for _, p := range bySource {
			read += p.Read
			total += p.Total
		}
		if total == 0 {
			return
		}
		bar.ChangeMax64(total)
		_ = bar.Set64(min(read, total-1)) // a full bar is finished, and another source may still begin
	}
	return update, func() { _ = bar.Finish() }
}
