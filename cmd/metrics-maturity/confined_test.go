package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/testserver"
)

// container runs the program as the image and the chart's pod do: alone in a root that can't be written, as user and group 65532,
// with no capability and no way to gain one. Configuration and key can be read; the volume and /tmp can be written.
type container struct {
	t    *testing.T
	root string
}

func newContainer(t *testing.T, config string, logs map[string]string) *container {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root may mount a read-only root: run this test as root, in a container of its own")
	}
	for _, tool := range []string{"unshare", "setpriv", "mount"} {
		testserver.Installed(t, tool, "util-linux")
	}
	c := &container{t, t.TempDir()}
	for dir, mode := range map[string]os.FileMode{"etc/metrics-maturity/config": 0o755, "etc/metrics-maturity/key": 0o755, "var/lib/metrics-maturity": 0o770, "tmp": 0o777, "logs": 0o755, "dev": 0o755} {
		path := filepath.Join(c.root, dir)
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(filepath.Join(c.root, "var/lib/metrics-maturity"), 0, 65532); err != nil { // fsGroup
		t.Fatal(err)
	}
	c.write("etc/metrics-maturity/config/metrics-maturity.yaml", config, 0o644)
	c.write("etc/metrics-maturity/key/key", "a key that only tests know", 0o440)
	for name, text := range logs {
		c.write("logs/"+name, text, 0o644)
	}
	if err := os.Rename(buildBinary(t), filepath.Join(c.root, "metrics-maturity")); err != nil {
		t.Fatal(err)
	}
	if out, err := c.command(t.Context(), "--version").CombinedOutput(); err != nil && bytes.Contains(out, []byte("unshare: ")) {
		t.Skipf("no mount namespace can be made here: %s", out)
	}
	return c
}

func (c *container) write(name, text string, mode os.FileMode) {
	c.t.Helper()
	path := filepath.Join(c.root, name)
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Chown(path, 0, 65532); err != nil {
		c.t.Fatal(err)
	}
}

// command is the program with arguments, inside.
func (c *container) command(ctx context.Context, args ...string) *exec.Cmd {
	const inside = `set -e
mount --bind "$0" "$0"
for writable in var/lib/metrics-maturity tmp; do mount --bind "$0/$writable" "$0/$writable"; done
mount -o remount,ro,bind "$0"
exec setpriv --no-new-privs chroot --userspec=65532:65532 --groups= "$0" /metrics-maturity "$@"`
	cmd := exec.CommandContext(ctx, "unshare", append([]string{"--mount", "--propagation", "private", "sh", "-c", inside, c.root}, args...)...)
	cmd.Env = []string{"HOME=/tmp", "PATH=" + os.Getenv("PATH")}
	return cmd
}

// run runs the program to its end.
func (c *container) run(args ...string) (out string, code int) {
	c.t.Helper()
	cmd := c.command(c.t.Context(), args...)
	text, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		c.t.Fatal(err)
	}
	return string(text), cmd.ProcessState.ExitCode()
}

// TestReadOnlyRoot: the program does all its work where the image and the chart let it write, and says so where it may not.
func TestReadOnlyRoot(t *testing.T) {
	const line = `logger=context userId=2 orgId=1 uname=alice t=2026-11-16T09:00:00Z level=info msg="Request Completed" method=GET ` +
		`path=/apis/dashboard.grafana.app/v1beta1/namespaces/default/dashboards/abc/dto status=200 remote_addr=127.0.0.1 time_ms=17 duration=17ms size=5130 ` +
		`referer="http://127.0.0.1:3000/d/abc/checkout?orgId=1" handler=/apis/* status_source=server` + "\n"
	const config = `timezone: Europe/Stockholm
store: {url: "sqlite:/var/lib/metrics-maturity/maturity.db"}
sources: [{name: grafana, type: grafana-log, files: ["/logs/*.log"]}]
teams: [{name: payments, members: [alice]}]
privacy: {hash_key_file: /etc/metrics-maturity/key/key}
`
	c := newContainer(t, config, map[string]string{"grafana.log": line, "large.log": strings.Repeat(line, 20_000)})
	c.write("etc/metrics-maturity/config/elsewhere.yaml", strings.Replace(config, "/var/lib/metrics-maturity/", "/srv/", 1), 0o644)
	c.write("etc/metrics-maturity/config/textfile.yaml", config+"export: {textfile: /logs/out.prom}\n", 0o644)
	at := func(file string) string { return "/etc/metrics-maturity/config/" + file }
	for _, args := range [][]string{
		{"check"}, {"run"}, {"run"}, {"collect", "--max-memory", "64MiB"}, {"report", "--format", "html"}, {"days"}, {"explain", "payments"},
		{"held", "--login", "alice"}, {"backfill", "--from", "2026-11-01", "--to", "2026-11-20"}, {"forget", "--login", "alice"},
	} {
		if out, code := c.run(append(args, "--config", at("metrics-maturity.yaml"))...); code != 0 {
			t.Errorf("%v: exit %d\n%s", args, code, out)
		}
	}
	for file, want := range map[string]string{"elsewhere.yaml": "read-only file system", "textfile.yaml": "export.textfile: "} {
		if out, code := c.run("run", "--config", at(file)); code != exitFailed || !strings.Contains(out, want) || !strings.Contains(out, "\nhint: ") {
			t.Errorf("%s: exit %d\n%s", file, code, out)
		}
	}
	c.serves(at("metrics-maturity.yaml"))
}

// serves starts the server, asks it, looks at what it may do, and stops it.
func (c *container) serves(config string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	address := testserver.Addr(c.t)
	cmd := c.command(ctx, "serve", "--config", config, "--listen", address)
	log, err := cmd.StderrPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	for lines := bufio.NewScanner(log); lines.Scan() && !strings.Contains(lines.Text(), "msg=assessed"); {
	}
	if status, _, body := get(c.t, request(c.t, address, "/metrics")); status != http.StatusOK || !strings.Contains(body, `metrics_maturity_source_up{source="grafana"} 1`) {
		c.t.Errorf("/metrics: %d %s", status, body)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err != nil {
		c.t.Fatal(err)
	}
	for _, want := range []string{`Uid:\t65532\t65532\t65532\t65532`, `Gid:\t65532\t65532\t65532\t65532`, `CapPrm:\t0+\n`, `CapEff:\t0+\n`, `NoNewPrivs:\t1`} {
		if !regexp.MustCompile(want).Match(status) {
			c.t.Errorf("no %s in\n%s", want, status)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		c.t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, log); err != nil {
		c.t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		c.t.Errorf("stopped: %v", err)
	}
}
