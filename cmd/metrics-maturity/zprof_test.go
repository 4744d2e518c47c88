package main

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"fmt"
	"io"
)

func TestZProf(t *testing.T) {
	c := os.Getenv("ZCONF")
	if c == "" {
		t.Skip()
	}
	if os.Getenv("ZKEEP") == "" {
		for _, x := range []string{"", "-wal", "-shm"} {
			os.Remove(strings.TrimSuffix(c, ".yaml") + ".db" + x)
		}
	}
	if err := Run(t.Context(), []string{"collect", "--config", c}, strings.NewReader(""), io.Discard, os.Stderr); err != nil {
		t.Fatal(err)
	}
	var ru syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &ru)
	fmt.Fprintf(os.Stderr, "cpu %.2f rss %d MiB\n", float64(ru.Utime.Sec+ru.Stime.Sec)+float64(ru.Utime.Usec+ru.Stime.Usec)/1e6, ru.Maxrss>>10)
}
