package lines_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/httpclient"
	"github.com/metrics-maturity/metrics-maturity/collector/lines"
	"github.com/metrics-maturity/metrics-maturity/collector/testserver"
)

// once checks that lines came at most once each, and counts them.
func once(t *testing.T, text []string) int {
	t.Helper()
	seen := map[string]bool{}
	for _, l := range text {
		if seen[l] {
			t.Errorf("%q came twice", l)
		}
		seen[l] = true
	}
	return len(seen)
}

// refusedCursor reports whether a transport refused a position, which it must do with a hint.
func refusedCursor(t *testing.T, err error) bool {
	t.Helper()
	if err != nil && !strings.Contains(err.Error(), "\nhint: ") {
		t.Errorf("no hint: %v", err)
	}
	return err != nil
}

// drain reads a tail to its end, which comes soon, and saves its position.
func drain(t *testing.T, tail lines.Tail, cursors map[string][]byte) (text []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		item, err := tail.Next(ctx)
		var bad *lines.Malformed
		switch {
		case errors.Is(err, io.EOF):
			c, err := tail.Cursor()
			if err != nil {
				t.Fatal(err)
			}
			cursors[tail.Name()] = c
			return text
		case err != nil && !errors.As(err, &bad):
			t.Fatalf("does not end: %v", err)
		case err == nil && item.Gap == nil:
			text = append(text, string(item.Text))
		}
	}
}

// FuzzLokiCursor: of any bytes in the place of a position a query is refused, or read to its end, each line once and none in the next run.
func FuzzLokiCursor(f *testing.F) {
	loki := testserver.NewScriptedLoki(f)
	requests := 0
	loki.Before = func(http.ResponseWriter, *http.Request) bool { requests++; return false }
	var sent []testserver.LokiLine
	for i := range 30 {
		sent = append(sent, testserver.LokiLine{At: noon.Add(-time.Duration(i) * time.Hour).UnixNano(), Line: fmt.Sprint("line ", i)})
	}
	loki.Push(map[string]string{"app": "a"}, sent)
	open := func(ctx context.Context, cursors map[string][]byte) ([]lines.Tail, error) {
		l := &lines.Loki{HTTP: httpclient.Config{URL: loki.URL, Retries: -1}, Query: `{app="a"}`, Lookback: 3 * 24 * time.Hour}
		return l.Open(ctx, lines.Resume{Now: noon, Cursors: cursors, Digest: digest})
	}
	tails, err := open(context.Background(), nil)
	if err != nil {
		f.Fatal(err)
	}
	name := tails[0].Name()
	for _, err := tails[0].Next(context.Background()); err == nil; _, err = tails[0].Next(context.Background()) {
		c, err := tails[0].Cursor()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(c)
	}
	for _, text := range []string{
		"", "null", "{}", `{"days":{"20000":null}}`, `{"reached":-9223372036854775808,"verified":-9223372036854775808}`, `{"reached":9223372036854775807,"since":1}`,
		`{"reached":1795000000000000000,"seen":"AA=="}`, `{"reached":1,"since":1,"tallied":{"1":-1}}`, `{"reached":1795000000000000000,"since":5,"verified":1}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, cursor []byte) {
		requests = 0
		cursors := map[string][]byte{name: cursor}
		tails, err := open(t.Context(), cursors)
		if refusedCursor(t, err) {
			return
		}
		once(t, drain(t, tails[0], cursors))
		if tails, err = open(t.Context(), cursors); err != nil {
			t.Fatalf("what it saved is refused: %v\n%s", err, cursors[name])
		}
		if again := drain(t, tails[0], cursors); len(again) > 0 {
			t.Errorf("came again: %q", again)
		}
		if requests > 20_000 {
			t.Errorf("%d requests", requests)
		}
	})
}

// FuzzPodCursor: the same of a container's log.
func FuzzPodCursor(f *testing.F) {
	var log strings.Builder
	for i := range 20 {
		fmt.Fprintf(&log, "%s line %d\n", noon.Add(time.Duration(i)*time.Second).Format(time.RFC3339Nano), i)
	}
	pod := &onePod{[]byte(log.String())}
	const name = "pod/n/a/c/uid"
	open := func(ctx context.Context, cursors map[string][]byte) ([]lines.Tail, error) {
		return (&lines.Pods{API: pod, Namespace: "n"}).Open(ctx, lines.Resume{Now: noon.Add(time.Hour), Cursors: cursors, Digest: digest})
	}
	tails, err := open(context.Background(), nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, err := tails[0].Next(context.Background()); err == nil; _, err = tails[0].Next(context.Background()) {
		c, err := tails[0].Cursor()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(c)
	}
	const who = `{"namespace":"n","pod":"a","uid":"uid","container":"c"`
	for _, text := range []string{"", "null", "{}", who + "}", who + `,"life":"life","time":"9999-01-01T00:00:00Z","nth":-5}`, who + `,"life":"another","seen":"2026-11-20T12:00:05Z","bad":-1}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, cursor []byte) {
		cursors := map[string][]byte{name: cursor}
		tails, err := open(t.Context(), cursors)
		if refusedCursor(t, err) {
			return
		}
		once(t, drain(t, tails[0], cursors))
		if tails, err = open(t.Context(), cursors); err != nil {
			t.Fatalf("what it saved is refused: %v\n%s", err, cursors[name])
		}
		if again := drain(t, tails[0], cursors); len(again) > 0 {
			t.Errorf("came again: %q", again)
		}
	})
}

// FuzzPosition: the same of files, one of which is compressed. A position that is no position is told.
func FuzzPosition(f *testing.F) {
	var text strings.Builder
	for i := range 40 {
		fmt.Fprintf(&text, "line %d\n", i)
	}
	write := func(t testing.TB) string {
		dir := t.TempDir()
		for name, data := range map[string][]byte{"a.log": []byte(text.String()[:200]), "b.log.1": []byte("other\n" + text.String()[200:])} {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return filepath.Join(dir, "*")
	}
	o, err := (&lines.Files{Patterns: []string{write(f)}}).Open(context.Background(), nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range o.Streams {
		for _, err := s.Next(); err == nil; _, err = s.Next() {
			p, err := json.Marshal(s.Position())
			if err != nil {
				f.Fatal(err)
			}
			f.Add(p)
		}
		if err := s.Close(); err != nil {
			f.Fatal(err)
		}
	}
	f.Add([]byte(`{"id":"x","offset":9223372036854775807,"head_len":1,"tail_len":1,"behind":9223372036854775807}`))
	f.Fuzz(func(t *testing.T, position []byte) {
		var p lines.Position
		if json.Unmarshal(position, &p) != nil || !p.Valid() {
			return // the collector refuses it
		}
		pattern := write(t)
		read, at := readSome(t, pattern, []lines.Position{p}, 1<<30)
		once(t, read)
		if again, _ := readSome(t, pattern, at, 1<<30); len(again) > 0 {
			t.Errorf("came again: %q", again)
		}
	})
}
