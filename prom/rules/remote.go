package rules

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var (
	scpLike  = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._-]*@)?([A-Za-z0-9][A-Za-z0-9._-]*):([^:].*)$`)
	helper   = regexp.MustCompile(`^[A-Za-z0-9+.-]+::`)
	userinfo = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^/\s@]*@`)
)

// withoutUserinfo takes user names, passwords and tokens out of the URLs in a message.
func withoutUserinfo(s string) string { return userinfo.ReplaceAllString(s, "$1") }

// parseRemote tells a URL from a path, and refuses the transports that run commands or send passwords in the clear.
func parseRemote(repository string) (at string, isURL bool, err error) {
	const hint = "\nhint: give a folder, or a URL that begins with https:// or ssh://"
	if helper.MatchString(repository) {
		return "", false, fmt.Errorf("repository %q: a transport helper is not allowed%s", withoutUserinfo(repository), hint)
	}
	if strings.Contains(repository, "://") {
		u, err := url.Parse(repository)
		if err != nil {
			return "", false, fmt.Errorf("repository %q is not a URL%s", withoutUserinfo(repository), hint)
		}
		switch {
		case u.Scheme != "https" && u.Scheme != "ssh" && u.Scheme != "file":
			return "", false, fmt.Errorf("repository %s: transport %s is not allowed%s", withoutUserinfo(repository), u.Scheme, hint)
		case u.Scheme != "file" && u.Hostname() == "", strings.HasPrefix(u.Hostname(), "-"):
			return "", false, fmt.Errorf("repository %s: there is no host in it%s", withoutUserinfo(repository), hint)
		}
		return repository, true, nil
	}
	if _, err := os.Stat(repository); err != nil && scpLike.MatchString(repository) {
		return repository, true, nil
	}
	return repository, false, nil
}

// fetchedRef holds the commit last fetched: it keeps what was read reachable in the clone.
const fetchedRef = "refs/metrics-maturity/fetched"

// fetch brings the clone of a URL or bundle up to date. It sets the repository's folder and tip.
func (g *Git) fetch(ctx context.Context, repo *repository, from string) error {
	shown := withoutUserinfo(from)
	if g.CacheDir == "" {
		return fmt.Errorf("repository %s: there is no folder to clone it to\nhint: set a cache folder that survives restarts", shown)
	}
	sum := sha256.Sum256([]byte(shown))
	dir, err := filepath.Abs(filepath.Join(g.CacheDir, repo.name+"-"+hex.EncodeToString(sum[:6])+".git"))
	if err != nil {
		return fmt.Errorf("cache folder: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cache folder: %w\nhint: the user that runs this must be able to write there", err)
	}
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		dir = resolved
	}
	repo.run.dir, repo.run.safe = dir, []string{dir}
	// Also after an init that was interrupted, so always: it leaves what is there alone.
	if _, err := repo.run.output(ctx, "init", "--quiet", "--bare", "--template="); err != nil {
		return fmt.Errorf("cache folder %s: %w\nhint: remove it, and it is cloned anew", dir, err)
	}
	ref, err := g.remoteRef(ctx, repo.run, from)
	if err != nil {
		return fmt.Errorf("repository %s: %w", shown, err)
	}
	_, err = g.network(ctx, repo.run, "fetch", "--quiet", "--force", "--no-tags", "--no-write-fetch-head",
		"--no-recurse-submodules", "--", from, "+"+ref+":"+fetchedRef)
	if err != nil {
		return fmt.Errorf("repository %s can't be fetched: %w\nhint: try git ls-remote with this URL as the user that runs this", shown, err)
	}
	if repo.tip, err = repo.resolve(ctx, fetchedRef); err != nil {
		return err
	}
	if repo.tip == "" {
		return fmt.Errorf("repository %s: %s is not a commit\nhint: set ref: to a branch", shown, ref)
	}
	return repo.findShallow(ctx)
}

// remoteRef returns the full name of the configured ref, or of the default branch.
func (g *Git) remoteRef(ctx context.Context, run runner, from string) (string, error) {
	names := []string{"HEAD"}
	if g.Ref != "" {
		names = []string{"refs/heads/" + g.Ref, "refs/tags/" + g.Ref, g.Ref}
	}
	out, err := g.network(ctx, run, append([]string{"ls-remote", "--quiet", "--", from}, names...)...)
	if err != nil {
		return "", fmt.Errorf("can't be reached: %w\nhint: check the address, the network and the credentials", err)
	}
	refs := parseRefs(out)
	for _, name := range names {
		for _, r := range refs {
			if r.name == name {
				return name, nil
			}
		}
	}
	out, err = g.network(ctx, run, "ls-remote", "--quiet", "--heads", "--", from)
	if err != nil {
		return "", fmt.Errorf("can't be reached: %w\nhint: check the address, the network and the credentials", err)
	}
	refs = parseRefs(out)
	if g.Ref == "" {
		if _, name := defaultBranch(refs); name != "" {
			return name, nil
		}
	}
	return "", missingRef(g.Ref, refs)
}

// network runs git with the credentials that are configured.
func (g *Git) network(ctx context.Context, run runner, args ...string) (string, error) {
	var config []string
	if g.CredentialsFile != "" {
		if _, err := os.Stat(g.CredentialsFile); err != nil {
			return "", fmt.Errorf("credentials file: %w", err)
		}
		file, err := filepath.Abs(g.CredentialsFile)
		if err != nil {
			return "", fmt.Errorf("credentials file: %w", err)
		}
		// Only asked: git would take credentials that a server refused once out of the file.
		ask := "!f() { test \"$1\" != get || git credential-store --file=" + shellQuote(file) + " get; }; f"
		config = []string{"-c", "credential.helper=", "-c", "credential.helper=" + ask}
	}
	cmd := run.command(ctx, useNetwork, append(config, args...)...)
	if g.SSHKeyFile != "" {
		file, err := filepath.Abs(g.SSHKeyFile)
		if err != nil {
			return "", fmt.Errorf("ssh key file: %w", err)
		}
		cmd.Env = append(cmd.Env, "GIT_SSH_COMMAND=ssh -o BatchMode=yes -o IdentitiesOnly=yes -i "+shellQuote(file))
	}
	return finished(ctx, cmd)
}

// shellQuote quotes s for the shell that git starts helpers with.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
