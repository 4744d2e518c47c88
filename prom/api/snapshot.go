package api

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/prom/rules"
)

// snapshot is what is remembered of a server. It is kept as compressed JSON: hundreds of thousands of names are a few megabytes.
type snapshot struct {
	Version int                      `json:"version"`
	Server  string                   `json:"server"` // another server is seen for the first time
	At      time.Time                `json:"at"`
	Emptied time.Time                `json:"emptied,omitzero"` // since when the server has no rules, while those it had are kept
	Rules   rules.Memory             `json:"rules"`
	Names   map[string]activity.Date `json:"names"` // metrics ever seen, with the last day
}

const snapshotVersion = 1

func parseSnapshot(data []byte, server string) (*snapshot, error) {
	fresh := &snapshot{Version: snapshotVersion, Server: server, Names: map[string]activity.Date{}}
	if len(data) == 0 {
		return fresh, nil
	}
	s := &snapshot{}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err == nil {
		err = json.NewDecoder(z).Decode(s)
	}
	if err == nil && s.Version != snapshotVersion {
		err = errors.New("its version is another")
	}
	if err != nil {
		return nil, fmt.Errorf("the snapshot of rules and metrics can't be read: %w\nhint: was the store written by a newer version?", err)
	}
	if s.Server != server {
		return fresh, nil
	}
	if s.Names == nil {
		s.Names = map[string]activity.Date{}
	}
	return s, nil
}

func (s *snapshot) encode() ([]byte, error) {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	err := errors.Join(json.NewEncoder(z).Encode(s), z.Close())
	if err != nil {
		return nil, fmt.Errorf("snapshot of rules and metrics: %w", err)
	}
	return out.Bytes(), nil
}

// covers returns the days that a snapshot taken now covers: those since the last one, or today alone. Days are those of now's location.
func (s *snapshot) covers(now time.Time, baseline bool) (days []activity.CoveredDay) {
	today := activity.DateOf(now)
	from := today
	if !baseline {
		from = min(today, activity.DateOf(s.At.In(now.Location()))+1)
	}
	for d := from; d <= today; d++ {
		days = append(days, activity.CoveredDay{Class: activity.ClassAny, Date: d})
	}
	return days
}
