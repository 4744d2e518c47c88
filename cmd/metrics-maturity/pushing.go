package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/metrics-maturity/metrics-maturity/collector/httpclient"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
	"github.com/metrics-maturity/metrics-maturity/prom/export"
)

// push replaces the group of the Pushgateway, if there is one.
func (d *desk) push(ctx context.Context, families []*dto.MetricFamily) error {
	c := d.Export.Pushgateway
	if c == nil {
		return nil
	}
	settings := c.Client
	settings.Logger = d.log
	client, err := httpclient.New(settings)
	if err != nil {
		return err
	}
	gateway := export.Pushgateway{URL: c.Client.URL, Group: c.Group, Client: client}
	return exportError("pushgateway", gateway.Push(ctx, families, exportMemory{d.store, "pushgateway"}))
}

// writeRemote sends what is known as of a time to the remote-write receiver, if there is one.
func (d *desk) writeRemote(ctx context.Context, families []*dto.MetricFamily, at time.Time) error {
	if d.Export.RemoteWrite == nil {
		return nil
	}
	w, err := d.remoteWriter()
	if err != nil {
		return err
	}
	return exportError("remote_write", w.Write(ctx, families, at, exportMemory{d.store, "remote_write"}))
}

// remoteWriter returns a writer to the configured receiver.
func (d *desk) remoteWriter() (*export.RemoteWriter, error) {
	c := d.Export.RemoteWrite
	settings := c.Client
	settings.Logger = d.log
	client, err := httpclient.New(settings)
	if err != nil {
		return nil, err
	}
	return export.NewRemoteWriter(settings.URL, client, c.Labels)
}

// exportError says which export failed.
func exportError(name string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("export.%s: %w", name, err)
}

// exportMemory keeps what an export remembers in the store.
type exportMemory struct {
	store *store.Store
	name  string
}

// Load implements export.Memory.
func (m exportMemory) Load(ctx context.Context) ([]byte, error) {
	return m.store.Remembered(ctx, m.name)
}

// Save implements export.Memory.
func (m exportMemory) Save(ctx context.Context, state []byte) error {
	return m.store.Remember(ctx, m.name, state)
}
