package main

import (
	"context"

	"github.com/spf13/pflag"
)

// work opens the store of the configuration for writing, calls do, and closes it. flags maps keys of settings to the flags that
// override them. To be stopped is no failure: what was read is kept.
func (a *app) work(ctx context.Context, flags map[string]*pflag.Flag, do func(*desk) error) (err error) {
	c, err := a.config(flags)
	if err != nil {
		return err
	}
	err = a.withDesk(ctx, c, false, do)
	if stopped(ctx, err) {
		a.log.Info("stopped; the next run goes on from here")
		return nil
	}
	return err
}

// look opens the store of the configuration for reading, calls do, and closes it.
func (a *app) look(ctx context.Context, c *config, do func(*desk) error) error {
	return a.withDesk(ctx, c, true, do)
}

// withDesk opens the store of c, calls do, and closes it.
func (a *app) withDesk(ctx context.Context, c *config, readOnly bool, do func(*desk) error) (err error) {
	d, err := openDesk(ctx, c, readOnly, a.log)
	if err != nil {
		return err
	}
	defer d.close(&err)
	return do(d)
}
