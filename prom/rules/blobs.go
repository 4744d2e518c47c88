package rules

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
)

// objects reads blobs through one git cat-file.
type objects struct {
	ctx  context.Context
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	errs *tail
}

func (r runner) objects(ctx context.Context) (*objects, error) {
	o := &objects{ctx: ctx, cmd: r.command(ctx, readObjects, "cat-file", "--batch"), errs: &tail{}}
	o.cmd.Stderr = o.errs
	out, err := o.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	o.out = bufio.NewReaderSize(out, 64<<10)
	if o.in, err = o.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := o.cmd.Start(); err != nil {
		return nil, fmt.Errorf("git: %w", err)
	}
	return o, nil
}

// errTooLarge is what blob returns of a file that no person wrote.
var errTooLarge = fmt.Errorf("the file is larger than %d MiB", maxBlob>>20)

const maxBlob = 8 << 20

// blob returns the content of the blob id.
func (o *objects) blob(id string) ([]byte, error) {
	if _, err := io.WriteString(o.in, id+"\n"); err != nil {
		return nil, o.failed(err)
	}
	head, err := o.out.ReadString('\n')
	if err != nil {
		return nil, o.failed(err)
	}
	f := strings.Fields(head) // id, type, size
	if len(f) != 3 {
		return nil, fmt.Errorf("git: object %s: %s\nhint: the clone is incomplete; clone it without --filter, or run git fsck", id, strings.Join(f[min(1, len(f)):], " "))
	}
	size, err := strconv.ParseInt(f[2], 10, 64)
	if err != nil || f[1] != "blob" {
		return nil, fmt.Errorf("git: object %s is a %s of size %s, not a file", id, f[1], f[2])
	}
	if size > maxBlob {
		if _, err := io.CopyN(io.Discard, o.out, size+1); err != nil {
			return nil, o.failed(err)
		}
		return nil, errTooLarge
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(o.out, data); err != nil {
		return nil, o.failed(err)
	}
	if _, err := o.out.Discard(1); err != nil { // the newline after it
		return nil, o.failed(err)
	}
	return data, nil
}

func (o *objects) failed(err error) error {
	if cause := context.Cause(o.ctx); cause != nil {
		return cause
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("it ended before its answer")
	}
	return fmt.Errorf("git cat-file: %w %s", err, strings.TrimSpace(o.errs.String()))
}

func (o *objects) close() error {
	err := o.in.Close()
	if ended := o.cmd.Wait(); ended != nil && o.ctx.Err() == nil {
		err = errors.Join(err, explain(o.ctx, ended, o.errs))
	}
	return err
}
