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
	d, err := openDesk(ctx, c, false, a.log)
	if err != nil {
		return err
	}
	defer d.close(&err)
	err = do(d)
	if stopped(ctx, err) {
		a.log.Info("stopped; the next run goes on from here")
		return nil
	}
	return err
}
