package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// serving runs the command, looking at its configuration every few milliseconds, until stop is called.
func serving(t *testing.T, path string) (address string, log *watch, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	log = &watch{}
	a := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: log, now: time.Now, watchEvery: 5 * time.Millisecond}
	ended := make(chan error, 1)
	go func() { ended <- a.run(ctx, []string{"serve", "--config", path}) }()
	stop = func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("a clean stop ends with %v", err)
		}
	}
	address = log.wait(t, `msg="Listening on" address=(\S+)`)
	log.wait(t, `msg=assessed teams=1`)
	return address, log, stop
}

// rewriteConfig changes a file as editors and Kubernetes do: whole.
func rewriteConfig(t *testing.T, path, old, text string) {
	t.Helper()
	was, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	now := strings.Replace(string(was), old, text, 1)
	if now == string(was) {
		t.Fatalf("no %q in %s", old, was)
	}
	if err := replaceFile(path, writing(now)); err != nil {
		t.Fatal(err)
	}
}

// TestReload: a changed file is used at once; one with a mistake is refused and shown, and the old one stays in use.
func TestReload(t *testing.T) {
	_, path := serveFiles(t, "serve: {listen: \"127.0.0.1:0\"}\n")
	address, log, stop := serving(t, path)
	metrics := func() string {
		_, _, body := get(t, request(t, address, "/metrics"))
		return body
	}
	expect := func(when string, lines ...string) {
		t.Helper()
		got := metrics()
		for _, line := range lines {
			if !strings.Contains(got, line+"\n") {
				t.Errorf("%s: no %s in\n%s", when, line, got)
			}
		}
	}
	const teams = `{name: payments, members: [alice]}`
	expect("at first", "metrics_maturity_config_last_reload_successful 1", `metrics_maturity_team_assessable{team="payments"} 0`)

	rewriteConfig(t, path, teams, `{name: checkout, members: [alice]}, {name: shipping}`)
	log.wait(t, `msg=assessed teams=2`)
	expect("changed", "metrics_maturity_config_last_reload_successful 1", `metrics_maturity_team_assessable{team="checkout"} 0`)
	if strings.Contains(metrics(), "payments") {
		t.Error("a renamed team lives on")
	}

	rewriteConfig(t, path, "name: checkout", "nom: checkout")
	log.wait(t, `configuration is refused.*unknown key`)
	expect("refused", "metrics_maturity_config_last_reload_successful 0", `metrics_maturity_team_assessable{team="checkout"} 0`)

	rewriteConfig(t, path, "nom: checkout", "name: search")
	log.wait(t, `(?s)msg=assessed teams=2.*msg=assessed teams=2.*msg=assessed teams=2`) // adopted, its cycle, and one more
	expect("mended", "metrics_maturity_config_last_reload_successful 1", `metrics_maturity_team_assessable{team="search"} 0`)

	// What a signal asks for is done though the file is the same.
	t.Setenv(envHashKey, "another key, that tests know too")
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	log.wait(t, `privacy.hash_key_file can't change while serve runs`)
	t.Setenv(envHashKey, "a key that only tests know")
	if status, _, _ := get(t, request(t, address, "/-/healthy")); status != http.StatusOK {
		t.Errorf("healthy: %d", status)
	}
	stop()
}

// TestFixedSettings: what a server can't change while it runs is refused by name.
func TestFixedSettings(t *testing.T) {
	_, path := serveFiles(t, "serve: {listen: \"127.0.0.1:0\"}\n")
	c, err := loadConfig(path, overrides{})
	if err != nil {
		t.Fatal(err)
	}
	key, err := c.hashKey()
	if err != nil {
		t.Fatal(err)
	}
	r := &reloader{fixed: *c, keyID: key.ID()}
	if err := r.fits(c); err != nil {
		t.Errorf("nothing changed: %v", err)
	}
	for setting, change := range map[string]func(*config){
		"store.url":        func(c *config) { c.StoreURL = "sqlite:elsewhere.db" },
		"timezone":         func(c *config) { c.Owner.Location = time.FixedZone("elsewhere", 3600) },
		"serve.listen":     func(c *config) { c.Serve.Listen = ":1" },
		"serve.web_config": func(c *config) { c.Serve.WebConfig = "web.yaml" },
	} {
		changed := *c
		change(&changed)
		if err := r.fits(&changed); err == nil || !strings.Contains(err.Error(), ": "+setting+" can't change") {
			t.Errorf("%s: %v", setting, err)
		}
	}
}
