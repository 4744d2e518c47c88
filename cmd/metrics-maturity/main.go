// Command metrics-maturity tells, for each team, how far its use of metrics has become behaviour: it reads what people
// already do in Grafana and Prometheus, and shows the stage of each team with its evidence and next step.
//
// This package wires the others together and talks with people: commands, configuration, output. What things mean is
// decided in the packages that it imports.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"
	_ "time/tzdata" // containers made from scratch have no timezones

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		printError(os.Stderr, err)
		os.Exit(exitCode(err))
	}
}

// Run executes one command. Its error knows the exit code that it deserves.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, now: time.Now, watchEvery: watchEvery}
	return a.run(ctx, args)
}

// watchEvery is how often a running server looks whether its configuration changed: much shorter than Kubernetes takes to bring a
// change to a pod.
const watchEvery = 5 * time.Second

// app is what commands share: the streams, the clock, and the flags that every command has.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	now            func() time.Time
	watchEvery     time.Duration
	leaseDuration  time.Duration // 0: the default

	configPath string
	logLevel   string
	logFormat  string
	maxMemory  memory // of commands that collect
	log        *slog.Logger
	started    bool // the arguments were understood, and a command is running
}

func (a *app) run(ctx context.Context, args []string) error {
	a.stdout = &plainWriter{w: a.stdout}
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	err := root.ExecuteContext(ctx)
	if err != nil && !a.started { // cobra found fault with the arguments
		var known *exitError
		if !errors.As(err, &known) {
			err = usageErrorf("%w\nhint: metrics-maturity --help lists commands and flags", err)
		}
	}
	return err
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "metrics-maturity",
		Short: "How far has each team's use of its metrics become behaviour?",
		Long: "metrics-maturity reads what people already do in Grafana and Prometheus and tells, for each team,\n" +
			"the stage of its metrics maturity, how sure that is, the evidence, and what would take it further.",
		Args:              cobra.ArbitraryArgs,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		PersistentPreRunE: func(*cobra.Command, []string) error {
			a.started = true
			return a.setLogger()
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			var names []string
			for _, c := range cmd.Commands() {
				if !c.Hidden {
					names = append(names, c.Name())
				}
			}
			return usageErrorf("unknown command %q\nhint: %s", args[0], suggest(args[0], names))
		},
		Version: readBuild().Version,
	}
	root.SetVersionTemplate("metrics-maturity {{.Version}}\n")
	flags := root.PersistentFlags()
	flags.StringVar(&a.configPath, "config", "", "configuration `file` (environment: "+envConfig+")")
	flags.StringVar(&a.logLevel, "log-level", "info", "least level of the log: debug, info, warn or error")
	flags.StringVar(&a.logFormat, "log-format", "text", "format of the log: text or json")
	root.AddCommand(
		a.demoCommand(), a.collectCommand(), a.reportCommand(), a.explainCommand(), a.runCommand(),
		a.serveCommand(), a.daysCommand(), a.backfillCommand(), a.checkCommand(), a.evalCommand(), a.forgetCommand(), a.heldCommand(),
	)
	return root
}

// setLogger makes the log that goes to stderr.
func (a *app) setLogger() error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(a.logLevel)); err != nil {
		return usageErrorf("--log-level: unknown level %q\nhint: %s", a.logLevel, suggest(a.logLevel, []string{"debug", "info", "warn", "error"}))
	}
	options := &slog.HandlerOptions{Level: level}
	switch a.logFormat {
	case "text":
		a.log = slog.New(slog.NewTextHandler(&plainWriter{w: a.stderr}, options))
	case "json":
		a.log = slog.New(slog.NewJSONHandler(&plainWriter{w: a.stderr}, options))
	default:
		return usageErrorf("--log-format: unknown format %q\nhint: known are json, text", a.logFormat)
	}
	return nil
}

// config reads the configuration; flags maps keys of settings to the flags that override them.
func (a *app) config(flags map[string]*pflag.Flag) (*config, error) {
	c, err := loadConfig(a.configPath, overrides{flags: flags})
	if err == nil {
		c.Memory = a.maxMemory.bound()
	}
	return c, err
}

// noArgs refuses arguments that a command would silently ignore.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageErrorf("%s takes no argument, got %q\nhint: metrics-maturity %s --help", cmd.Name(), args[0], cmd.Name())
	}
	return nil
}

// formatFlag checks a --format.
func formatFlag(got string, known ...string) error {
	for _, k := range known {
		if got == k {
			return nil
		}
	}
	return usageErrorf("--format: unknown format %q\nhint: %s", got, suggest(got, known))
}

// print writes data to stdout. A reader that went away, such as head, is no failure.
func (a *app) print(format string, args ...any) error {
	_, err := fmt.Fprintf(a.stdout, format, args...)
	return ignoreClosed(err)
}

func ignoreClosed(err error) error {
	if errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return err
}
