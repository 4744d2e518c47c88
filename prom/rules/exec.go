package rules

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// runner runs git in one repository so that nothing in the repository, and little around it, can make git do
// more than read: no hooks, no prompts, no helpers, no transports but those allowed.
type runner struct {
	bin  string
	dir  string   // top folder of a clone, or a bare repository; empty before there is one
	safe []string // folders that may belong to another user
}

// access is how far a command may reach.
type access int

const (
	readObjects access = iota // the repository alone: git's system and user configuration are not read either
	useNetwork                // the operator's own configuration holds: proxies, certificates, credential helpers
)

// command prepares git with arguments that the caller has made safe (no name begins with a dash).
func (r runner) command(ctx context.Context, a access, args ...string) *exec.Cmd {
	config := []string{
		"core.hooksPath=" + os.DevNull, "core.fsmonitor=false", "core.askPass=", "core.quotePath=false",
		"protocol.allow=never", "log.showSignature=false", "submodule.recurse=false",
		"gc.pruneExpire=never", "gc.autoDetach=false", // what a force-push left behind stays readable
	}
	if a == useNetwork {
		config = append(config, "protocol.https.allow=always", "protocol.ssh.allow=always", "protocol.file.allow=always",
			"http.lowSpeedLimit=100", "http.lowSpeedTime=120")
	}
	for _, dir := range r.safe {
		config = append(config, "safe.directory="+dir)
	}
	full := []string{"--no-pager", "--literal-pathspecs", "--no-replace-objects"}
	for _, c := range config {
		full = append(full, "-c", c)
	}
	if r.dir != "" {
		full = append(full, "-C", r.dir)
	}
	cmd := exec.CommandContext(ctx, r.bin, append(full, args...)...)
	cmd.Env = r.environ(a)
	cmd.WaitDelay = 5 * time.Second
	stopGroup(cmd)
	return cmd
}

func (r runner) environ(a access) []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		network := a == useNetwork && (strings.HasPrefix(name, "GIT_SSL_") || strings.HasPrefix(name, "GIT_CONFIG_") || strings.HasPrefix(name, "GIT_SSH") || strings.HasPrefix(name, "GIT_HTTP_LOW_SPEED_") || name == "GIT_PROXY_COMMAND")
		if !strings.HasPrefix(name, "GIT_") && !strings.HasPrefix(name, "LC_") && name != "LANG" && name != "LANGUAGE" && name != "SSH_ASKPASS" || network {
			env = append(env, kv)
		}
	}
	env = append(env, "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "SSH_ASKPASS_REQUIRE=never", "GIT_OPTIONAL_LOCKS=0",
		"GIT_NO_LAZY_FETCH=1", "GIT_ATTR_NOSYSTEM=1", "GIT_PROTOCOL_FROM_USER=0")
	if a == readObjects {
		env = append(env, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull)
	}
	if r.dir != "" { // a folder inside somebody else's repository is not that repository
		env = append(env, "GIT_CEILING_DIRECTORIES="+filepath.Dir(r.dir))
	}
	return env
}

// output runs git on the repository alone and returns what it printed.
func (r runner) output(ctx context.Context, args ...string) (string, error) {
	return finished(ctx, r.command(ctx, readObjects, args...))
}

// finished runs cmd to its end. Its error holds what git said.
func finished(ctx context.Context, cmd *exec.Cmd) (string, error) {
	var out bytes.Buffer
	errs := &tail{}
	cmd.Stdout, cmd.Stderr = &out, errs
	if err := cmd.Run(); err != nil {
		return "", explain(ctx, err, errs)
	}
	return out.String(), nil
}

// explain joins why a command ended with what git said, without the credentials that a URL may hold.
func explain(ctx context.Context, err error, errs *tail) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if said := withoutRemote(errs.String()); said != "" {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return &gitError{code: exit.ExitCode(), said: withoutUserinfo(strings.Join(strings.Fields(said), " "))}
		}
	}
	return fmt.Errorf("git: %w", err)
}

// withoutRemote leaves out what git quotes of a server's answers, which may name people or hold what the server was sent.
func withoutRemote(said string) string {
	var own []string
	for line := range strings.FieldsFuncSeq(said, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if strings.HasPrefix(line, "remote:") {
			continue
		}
		before, _, quoted := strings.Cut(line, "remote error: ")
		if quoted {
			line = before + "the server refuses"
		}
		own = append(own, line)
	}
	return strings.TrimSpace(strings.Join(own, " "))
}

// gitError is git's own explanation.
type gitError struct {
	code int
	said string
}

func (e *gitError) Error() string { return "git: " + e.said }

// tail keeps the last few thousand bytes written to it.
type tail struct {
	b   []byte
	cut bool // something was written before
}

const tailBytes = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if len(t.b) > tailBytes {
		t.b, t.cut = append(t.b[:0], t.b[len(t.b)-tailBytes:]...), true
	}
	return len(p), nil
}

// String returns the whole lines that are kept.
func (t *tail) String() string {
	b := t.b
	if t.cut {
		_, b, _ = bytes.Cut(b, []byte("\n"))
	}
	return strings.ToValidUTF8(string(b), "?")
}
