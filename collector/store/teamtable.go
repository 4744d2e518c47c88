package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// TeamSnapshot is all teams of one organisation of a Grafana on a day.
type TeamSnapshot struct {
	Scope string
	Date  activity.Date
	Teams []Team
}

// Team is a team with all who are in it.
type Team struct {
	ID, Name string
	Members  [][]activity.Digest // of each person; the first is of the login, those under former keys come last
	Unread   bool                // the members could not be read: they are taken to be who they were
}

// memberKey is what tells a membership that goes on from one that begins.
type memberKey struct {
	team   string
	person activity.Digest
}

// saveTeams adds a snapshot: who was there in the last one goes on, who was not begins. In the first everybody has been there
// for as long as anybody knows. A snapshot older than the last is too late to be told.
func saveTeams(ctx context.Context, tx *sql.Tx, source string, snapshot TeamSnapshot) error {
	var last activity.Date
	err := tx.QueryRowContext(ctx, "SELECT date FROM team_snapshot WHERE source = $1 AND scope = $2", source, snapshot.Scope).Scan(&last)
	begun := snapshot.Date
	switch {
	case errors.Is(err, sql.ErrNoRows):
		begun = 0
	case err != nil:
		return err
	case last > snapshot.Date:
		return nil
	}
	t, err := newTeamTable(ctx, tx, source, snapshot, last)
	if err != nil {
		return err
	}
	for _, team := range snapshot.Teams {
		if err := t.add(team, begun); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO team_snapshot (source, scope, date) VALUES ($1, $2, $3) ON CONFLICT (source, scope) DO UPDATE SET date = excluded.date",
		source, snapshot.Scope, snapshot.Date)
	return err
}

// teamTable writes memberships within one transaction.
type teamTable struct {
	ctx      context.Context
	tx       *sql.Tx
	source   string
	snapshot TeamSnapshot
	open     map[memberKey]activity.Date // the first day of those who were in the last snapshot
}

func newTeamTable(ctx context.Context, tx *sql.Tx, source string, snapshot TeamSnapshot, last activity.Date) (*teamTable, error) {
	t := &teamTable{ctx: ctx, tx: tx, source: source, snapshot: snapshot, open: map[memberKey]activity.Date{}}
	err := each(ctx, tx, func(r *sql.Rows) error {
		var k memberKey
		var person []byte
		var first activity.Date
		if err := r.Scan(&k.team, &person, &first); err != nil {
			return err
		}
		copy(k.person[:], person)
		t.open[k] = first
		return nil
	}, "SELECT team, person, first FROM team_member WHERE source = $1 AND scope = $2 AND last = $3", source, snapshot.Scope, last)
	return t, err
}

func (t *teamTable) add(team Team, begun activity.Date) error {
	if _, err := t.tx.ExecContext(t.ctx, "INSERT INTO team (source, scope, id, name) VALUES ($1, $2, $3, $4) ON CONFLICT (source, scope, id) DO UPDATE SET name = excluded.name",
		t.source, t.snapshot.Scope, team.ID, clean(team.Name)); err != nil {
		return err
	}
	if team.Unread {
		for k, first := range t.open {
			if k.team == team.ID {
				if err := t.stay(k, first); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for _, digests := range team.Members {
		var all []byte
		for _, d := range digests {
			all = append(all, d[:]...)
		}
		k := memberKey{team.ID, digests[0]}
		known, first, ok := t.known(team.ID, digests)
		if ok && known != k {
			if err := t.rekey(known, k, first, all); err != nil {
				return err
			}
		}
		if ok {
			if err := t.stay(k, first); err != nil {
				return err
			}
			continue
		}
		if _, err := t.tx.ExecContext(t.ctx, `INSERT INTO team_member (source, scope, team, person, first, last, digests) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (source, scope, team, person, first) DO UPDATE SET last = excluded.last`,
			t.source, t.snapshot.Scope, team.ID, k.person[:], begun, t.snapshot.Date, all); err != nil {
			return err
		}
	}
	return nil
}

// known finds who was in the last snapshot, under whatever key.
func (t *teamTable) known(team string, digests []activity.Digest) (k memberKey, first activity.Date, ok bool) {
	for _, d := range digests {
		k = memberKey{team, d}
		if first, ok = t.open[k]; ok {
			return k, first, true
		}
	}
	return k, 0, false
}

// rekey makes a membership that of the same person under today's key.
func (t *teamTable) rekey(was, is memberKey, first activity.Date, digests []byte) error {
	_, err := t.tx.ExecContext(t.ctx, "UPDATE team_member SET person = $1, digests = $2 WHERE source = $3 AND scope = $4 AND team = $5 AND person = $6 AND first = $7",
		is.person[:], digests, t.source, t.snapshot.Scope, was.team, was.person[:], first)
	return err
}

func (t *teamTable) stay(k memberKey, first activity.Date) error {
	_, err := t.tx.ExecContext(t.ctx, "UPDATE team_member SET last = $1 WHERE source = $2 AND scope = $3 AND team = $4 AND person = $5 AND first = $6",
		t.snapshot.Date, t.source, t.snapshot.Scope, k.team, k.person[:], first)
	return err
}

// Memberships returns who was seen in which team of a Grafana, by team.
func (s *Store) Memberships(ctx context.Context) ([]activity.Membership, error) {
	var out []activity.Membership
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		out = nil
		return each(ctx, tx, func(r *sql.Rows) error {
			var m activity.Membership
			var last, read activity.Date
			var digests []byte
			if err := r.Scan(&m.Scope, &m.Team, &m.From, &last, &read, &digests); err != nil {
				return err
			}
			if last < read {
				m.To = last + 1
			}
			for d := range slices.Chunk(digests, len(activity.Digest{})) {
				m.Digests = append(m.Digests, activity.Digest(d))
			}
			out = append(out, m)
			return nil
		}, `SELECT m.scope, t.name, m.first, m.last, s.date, m.digests FROM team_member m
			JOIN team t ON t.source = m.source AND t.scope = m.scope AND t.id = m.team
			JOIN team_snapshot s ON s.source = m.source AND s.scope = m.scope
			ORDER BY t.name, m.scope, m.person, m.first`)
	})
	return out, err
}
