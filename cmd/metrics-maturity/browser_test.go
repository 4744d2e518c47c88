package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"github.com/metrics-maturity/metrics-maturity/collector/testserver"
)

var updateScreenshots = flag.Bool("update", false, "write the screenshots of the web page that README.md shows")

// browser is one tab of a headless Chromium, with what it complained of and where it went.
type browser struct {
	ctx context.Context //nolint:containedctx // chromedp keeps the tab in it
	url string

	mu         sync.Mutex
	complaints []string
	requests   []string
}

// newBrowser opens a tab on pages that are served until the test ends.
func newBrowser(t *testing.T, s *site) *browser {
	t.Helper()
	path := testserver.Installed(t, "chromium", "chromium")
	server := httptest.NewServer(serveSite(s))
	t.Cleanup(server.Close)
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.UserDataDir(profile(t)),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("hide-scrollbars", true), chromedp.WindowSize(1200, 900),
	}
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, stopTab := chromedp.NewContext(ctx)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil { // lets it end by itself
			t.Error(err)
		}
		stopTab()
	})
	b := &browser{ctx: ctx, url: server.URL}
	chromedp.ListenTarget(ctx, b.listen)
	b.run(t, network.Enable(), log.Enable(), runtime.Enable())
	return b
}

// profile is an empty folder for a browser, whose processes may write to it for a moment after it has ended.
func profile(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "chromium-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 50 {
			if err = os.RemoveAll(dir); err == nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Error(err)
	})
	return dir
}

func (b *browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		b.complaints = append(b.complaints, fmt.Sprintf("console.%s", e.Type))
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, e.ExceptionDetails.Error())
	case *log.EventEntryAdded: // violations of the policy are told here
		if !strings.HasSuffix(e.Entry.URL, missingPage) {
			b.complaints = append(b.complaints, e.Entry.Text+" "+e.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	}
}

// run does things in the tab; what takes more than a while fails.
func (b *browser) run(t *testing.T, actions ...chromedp.Action) {
	t.Helper()
	timer := time.AfterFunc(30*time.Second, func() { t.Errorf("the browser does not answer: %v", actions) })
	defer timer.Stop()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		t.Fatal(err)
	}
}

func (b *browser) open(t *testing.T, path string) {
	t.Helper()
	b.run(t, chromedp.Navigate(b.url+path))
}

// eval returns what an expression gives in the page.
func eval[T any](t *testing.T, b *browser, expression string) T {
	t.Helper()
	var v T
	b.run(t, chromedp.Evaluate(expression, &v))
	return v
}

// shownTeams are the teams in the table that are to be seen, from the top.
const shownTeams = `[...document.querySelectorAll(".list tbody tr")].filter(r => r.offsetParent !== null).map(r => r.dataset.name)`

func (b *browser) resize(t *testing.T, width, height int64) {
	t.Helper()
	b.run(t, emulation.SetDeviceMetricsOverride(width, height, 1, width < 600))
}

func (b *browser) colours(t *testing.T, scheme string) {
	t.Helper()
	b.run(t, emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}))
}

// testBrowser does what readers do, in a real browser.
func testBrowser(t *testing.T, o organisation) {
	s, err := o.desk.newSite(o.picture)
	if err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t, s)
	t.Run("sort", func(t *testing.T) { b.sorts(t, s) })
	t.Run("filter", func(t *testing.T) { b.filters(t) })
	t.Run("open a team", func(t *testing.T) { b.opensTeam(t) })
	t.Run("dashboards", func(t *testing.T) { b.filtersDashboards(t, s) })
	t.Run("dark", func(t *testing.T) { b.turnsDark(t) })
	t.Run("phone", func(t *testing.T) { b.fitsPhones(t) })
	t.Run("keyboard", func(t *testing.T) { b.obeysKeys(t) })
	t.Run("accessible", func(t *testing.T) { b.accessible(t) })
	t.Run("one file", func(t *testing.T) { b.opensMail(t, s) })
	t.Run("screenshots", func(t *testing.T) { b.screenshots(t) })
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.complaints {
		t.Errorf("the browser complains: %s", c)
	}
	for _, r := range b.requests {
		if !strings.HasPrefix(r, b.url+"/") && !strings.HasPrefix(r, "file:") {
			t.Errorf("something was asked from elsewhere: %s", r)
		}
	}
	if len(b.requests) < 10 {
		t.Errorf("only %d requests were seen", len(b.requests))
	}
}

func (b *browser) sorts(t *testing.T, s *site) {
	b.open(t, "/")
	b.run(t, chromedp.Click(`//thead//a[text()="Team"]`), chromedp.WaitVisible(`th[aria-sort="ascending"]`))
	got := eval[[]string](t, b, shownTeams)
	if !slices.IsSorted(got) || len(got) != len(s.Teams) {
		t.Errorf("sorted by team: %v", got)
	}
	b.run(t, chromedp.Click(`//thead//a[text()="Team"]`), chromedp.WaitVisible(`//th[@aria-sort="descending"]/a[text()="Team"]`))
	slices.Reverse(got)
	if diff := cmp.Diff(got, eval[[]string](t, b, shownTeams)); diff != "" {
		t.Error("turned round: want -, got +\n" + diff)
	}
}

func (b *browser) filters(t *testing.T) {
	b.open(t, "/")
	b.run(t, chromedp.SendKeys(`input[name=q]`, "pay"))
	if got := eval[[]string](t, b, shownTeams); !slices.Equal(got, []string{"payments"}) {
		t.Errorf("filtered by name: %v", got)
	}
	if got := eval[string](t, b, `document.querySelector("[role=status]").textContent.trim()`); got != "1 of 12 teams" {
		t.Errorf("it says %q", got)
	}
	choose := `(v => { const s = document.querySelector("select[name=stage]"); s.value = v; s.dispatchEvent(new Event("change", {bubbles: true})) })`
	b.run(t, chromedp.SendKeys(`input[name=q]`, "\b\b\b"), chromedp.Evaluate(choose+`("6")`, nil))
	want := []string{"checkout", "payments"}
	if got := eval[[]string](t, b, shownTeams); !slices.Equal(got, want) {
		t.Errorf("filtered by stage: %v", got)
	}
	b.run(t, chromedp.Reload()) // now by the server
	if got := eval[[]string](t, b, shownTeams); !slices.Equal(got, want) {
		t.Errorf("reloaded: %v", got)
	}
	b.run(t, chromedp.Click(`//thead//a[text()="Team"]`), chromedp.WaitVisible(`//th[@aria-sort="ascending"]/a[text()="Team"]`))
	if got := eval[[]string](t, b, shownTeams); !slices.Equal(got, want) {
		t.Errorf("filtered, then sorted: %v", got)
	}
	b.run(t, emulation.SetScriptExecutionDisabled(true), chromedp.Navigate(b.url+"/"), chromedp.SendKeys(`input[name=q]`, "pay"), chromedp.Click(`.filter button`),
		chromedp.WaitVisible(`//*[@role="status"]/*[text()="1"]`), emulation.SetScriptExecutionDisabled(false))
	if got := eval[[]string](t, b, shownTeams); !slices.Equal(got, []string{"payments"}) {
		t.Errorf("without scripts: %v", got)
	}
}

func (b *browser) opensTeam(t *testing.T) {
	b.open(t, "/")
	b.run(t, chromedp.Click(`//tbody//th/a/bdi[text()="search"]`), chromedp.WaitVisible(`svg.chart`))
	if got := eval[string](t, b, `document.querySelector("h1").textContent`); got != "search" {
		t.Errorf("the page of %q", got)
	}
	for _, part := range []string{"Next step", "Evidence", "What did not count", "Its dashboards"} {
		if !eval[bool](t, b, fmt.Sprintf(`[...document.querySelectorAll("h3")].some(h => h.textContent === %q)`, part)) {
			t.Errorf("there is no part %q", part)
		}
	}
	if got := eval[string](t, b, `document.querySelector("svg.chart title").textContent`); got != "Stage by week" {
		t.Errorf("the drawing is called %q", got)
	}
}

func (b *browser) filtersDashboards(t *testing.T, s *site) {
	b.open(t, "/dashboards?state=not_viewed")
	if got, want := eval[int](t, b, shownTeams+`.length`), s.Usage.counts()[boardNotViewed]; got != want || want == 0 {
		t.Errorf("%d dashboards not looked at, want %d", got, want)
	}
}

func (b *browser) turnsDark(t *testing.T) {
	background := `getComputedStyle(document.body).backgroundColor`
	b.open(t, "/")
	for scheme, want := range map[string]string{"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 28)"} {
		b.colours(t, scheme)
		if got := eval[string](t, b, background); got != want {
			t.Errorf("%s: the background is %s, want %s", scheme, got, want)
		}
	}
	b.colours(t, "light")
}

// missingPage is a page that is not there, which the browser's console tells of.
const missingPage = "/teams/nobody"

// allPaths are a page of each sort.
func allPaths() []string {
	return []string{"/", "/?q=none", "/teams/search", "/teams/legacy", "/dashboards", "/sources", missingPage}
}

func (b *browser) fitsPhones(t *testing.T) {
	b.resize(t, 360, 740)
	for _, path := range allPaths() {
		b.open(t, path)
		if wide := eval[int](t, b, `document.documentElement.scrollWidth`); wide > 360 {
			t.Errorf("%s is %d wide on a phone of 360", path, wide)
		}
	}
	b.resize(t, 1200, 900)
}

func (b *browser) obeysKeys(t *testing.T) {
	b.open(t, "/")
	b.run(t, chromedp.KeyEvent("\t"))
	if got := eval[string](t, b, `document.activeElement.textContent`); got != "Skip to the content" {
		t.Errorf("the first tab stops at %q", got)
	}
	b.run(t, chromedp.KeyEvent("\r"))
	if got := eval[string](t, b, `document.activeElement.id`); got != "main" {
		t.Errorf("it leads to %q", got)
	}
}

// accessible runs axe-core on every page, light and wide, dark and narrow.
func (b *browser) accessible(t *testing.T) {
	for scheme, width := range map[string]int64{"light": 1200, "dark": 360} {
		b.colours(t, scheme)
		b.resize(t, width, 900)
		for _, path := range allPaths() {
			b.open(t, path)
			b.axe(t, path+", "+scheme)
		}
	}
	b.colours(t, "light")
	b.resize(t, 1200, 900)
}

// axe looks for what keeps people from using the page that is open. The script comes by the debugger: the policy of the page stays.
func (b *browser) axe(t *testing.T, what string) {
	t.Helper()
	axe, err := os.ReadFile(testserver.Built(t, "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	wait := func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
	var text string
	b.run(t, chromedp.Evaluate(string(axe)+";0", nil),
		chromedp.Evaluate(`axe.run().then(r => JSON.stringify({violations: r.violations, passes: r.passes.length}))`, &text, wait))
	var result struct {
		Violations []struct {
			ID, Impact, Help string
			Nodes            []struct{ HTML string }
		}
		Passes int
	}
	if err := json.Unmarshal([]byte(text), &result); err != nil {
		t.Fatal(err)
	}
	for _, v := range result.Violations {
		t.Errorf("%s: %s (%s): %s: %s", what, v.ID, v.Impact, v.Help, v.Nodes[0].HTML)
	}
	if result.Passes < 10 {
		t.Errorf("%s: axe checked only %d rules", what, result.Passes)
	}
}

// opensMail opens the file to mail from the disk, and follows a link within it.
func (b *browser) opensMail(t *testing.T, s *site) {
	path := filepath.Join(t.TempDir(), "report.html")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.writeMail(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	b.run(t, chromedp.Navigate("file://"+path), chromedp.Click(`//tbody//th/a/bdi[text()="search"]`))
	if got := eval[string](t, b, `document.querySelector(":target h2").textContent`); got != "search" {
		t.Errorf("the link leads to %q", got)
	}
	if got := eval[string](t, b, `getComputedStyle(document.querySelector(".chip.st6")).backgroundColor`); got != "rgb(18, 77, 128)" {
		t.Errorf("its style is not applied: %s", got)
	}
	b.axe(t, "the file to mail")
}
