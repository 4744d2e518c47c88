package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// writeRules replays every commit into a bare repository, through one git fast-import.
func (w *world) writeRules(dir string) error {
	repo := filepath.Join(dir, RulesRepo)
	if err := git("", nil, "init", "--quiet", "--bare", "--initial-branch=main", repo); err != nil {
		return err
	}
	return git(repo, w.fastImport(), "fast-import", "--quiet", "--date-format=raw")
}

// fastImport writes the history as git fast-import reads it. Only files that a commit changes are in it; a commit
// that changes nothing is left out.
func (w *world) fastImport() []byte {
	var b bytes.Buffer
	tree := &rulesTree{files: map[string]*ruleFile{}}
	seen := map[string]string{}
	for _, c := range w.commits {
		c.change(tree)
		var files bytes.Buffer
		for _, path := range tree.paths() {
			text := tree.render(tree.files[path])
			if seen[path] == text {
				continue
			}
			seen[path] = text
			fmt.Fprintf(&files, "M 100644 inline %s\ndata %d\n%s\n", path, len(text), text)
		}
		if files.Len() == 0 {
			continue
		}
		who := fmt.Sprintf("%s <%s> %d %s", c.author.name, c.author.email, c.at.Unix(), c.at.Format("-0700"))
		fmt.Fprintf(&b, "commit refs/heads/main\nauthor %s\ncommitter %s\ndata %d\n%s\n", who, who, len(c.message), c.message)
		b.Write(files.Bytes())
		b.WriteByte('\n')
	}
	b.WriteString("done\n")
	return b.Bytes()
}

// git runs git in repo, untouched by whatever configuration the machine has.
func git(repo string, stdin []byte, args ...string) error {
	cmd := exec.CommandContext(context.Background(), "git", args...)
	cmd.Dir = repo
	cmd.Stdin = bytes.NewReader(stdin)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GIT_") }),
		"GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return errors.New("write the simulated rules: git is not installed\nhint: install git and put it on the PATH")
	case err != nil:
		return fmt.Errorf("write the simulated rules: git %s: %w\n%s", args[0], err, bytes.TrimSpace(out))
	}
	return nil
}
