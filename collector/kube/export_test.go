package kube

import (
	"context"
	"time"
)

// Pauses lets a test see how long the client would wait, without waiting.
func (c *Client) Pauses(see func(time.Duration)) {
	c.pause = func(ctx context.Context, d time.Duration) error {
		see(d)
		return ctx.Err()
	}
}
