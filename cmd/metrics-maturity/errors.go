package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Exit codes.
const (
	exitFailed = 1 // a source failed, check found a problem, eval missed a goal
	exitUsage  = 2 // configuration or arguments
)

// exitError is an error that knows which exit code it deserves.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// usageErrorf is an error in the configuration or the arguments. Hints are further lines of the text that start
// with "hint: ".
func usageErrorf(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// withHint adds a hint to an error that has none.
func withHint(err error, hint string) error {
	if err == nil || strings.Contains(err.Error(), "\nhint: ") {
		return err
	}
	return &exitError{exitCode(err), fmt.Errorf("%w\nhint: %s", err, hint)}
}

// asUsage marks err as one of configuration or arguments.
func asUsage(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{exitUsage, err}
}

// exitCode is what the process ends with after err.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.code
	}
	return exitFailed
}

// printError writes err for a person: each line with the program's name before it, except hints.
func printError(w io.Writer, err error) {
	for line := range strings.SplitSeq(printable(strings.TrimSpace(err.Error())), "\n") {
		if strings.HasPrefix(line, "hint: ") {
			_, _ = fmt.Fprintln(w, line)
			continue
		}
		_, _ = fmt.Fprintln(w, "metrics-maturity: "+line)
	}
}
