package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

// login is the actor of a login, under a key and its former ones.
func login(k activity.Key, name string) store.Actor {
	who := activity.Identity{Login: name}
	whole, digests := k.Actor(who)
	return store.Actor{Whole: whole, Digests: digests, Former: k.FormerOf(who)}
}

func actorIDs(t *testing.T, s *store.Store, actors ...store.Actor) []activity.ActorID {
	t.Helper()
	ids, err := s.ActorIDs(t.Context(), actors)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// attributed gives every day to one team.
func attributed(days []activity.Day, _ func(activity.ActorID) bool) ([]activity.Act, []store.TeamWeekPeople) {
	var acts []activity.Act
	for _, d := range days {
		acts = append(acts, activity.Act{Day: d, Team: "payments", Outcome: activity.Counted, Reason: "member"})
	}
	return acts, []store.TeamWeekPeople{{Team: "payments", Monday: days[0].Date, People: 2}}
}

// contents is all that a database holds, as its files or its server give it.
func contents(t *testing.T, target string) []byte {
	t.Helper()
	var all bytes.Buffer
	if path, ok := strings.CutPrefix(target, "sqlite:"); ok {
		for _, name := range []string{path, path + "-wal"} {
			data, err := os.ReadFile(name)
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			all.WriteString(hex.EncodeToString(data))
		}
		return all.Bytes()
	}
	db, err := sql.Open("pgx", target)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(t.Context(), "SELECT query_to_xml('SELECT * FROM ' || quote_ident(tablename), true, false, '')::text FROM pg_tables WHERE schemaname = 'public'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		all.WriteString(text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all.Bytes()
}

// holds reports whether a database holds a digest: PostgreSQL gives bytes in base64, whose form depends on where they begin.
func holds(t *testing.T, target string, all []byte, d activity.Digest) bool {
	t.Helper()
	if strings.HasPrefix(target, "sqlite:") {
		return bytes.Contains(all, []byte(d.String()))
	}
	text := strings.NewReplacer("\n", "", " ", "").Replace(string(all))
	for skip := range 3 {
		padded := append(make([]byte, skip), d[:]...)
		padded = padded[:len(padded)/3*3]
		if strings.Contains(text, base64Of(padded)[(skip*8+5)/6:]) {
			return true
		}
	}
	return false
}

func TestErasedIsNowhere(t *testing.T) { onEach(t, erasedIsNowhere) }

func erasedIsNowhere(t *testing.T, empty func(*testing.T) string) {
	target := empty(t)
	s := open(t, target)
	ids := actorIDs(t, s, login(key, "alice"), login(key, "bob"))
	alice, bob := ids[0], ids[1]
	theirs, others := day("2026-01-05", activity.KindView, "d", alice, 2), day("2026-01-05", activity.KindView, "d", bob, 5)
	later := day("2026-05-04", activity.KindView, "d", bob, 1)
	open, stays := day("2026-05-05", activity.KindQuery, "q", alice, 3), day("2026-05-05", activity.KindQuery, "q", bob, 1)
	held := fmt.Sprintf(`{"parts":[{"time":"2026-05-05T09:00:00Z","step":"x","actor":%d},{"time":"2026-05-05T09:00:00Z","step":"y","actor":%d}],"stretches":{}}`, alice, bob)
	save(t, s, store.Commit{
		Source: "grafana", Days: store.Fold("grafana", []activity.Day{theirs, others, later}), Held: []byte(held), HeldDay: store.Fold("grafana", []activity.Day{open, stays}),
		HeldTotals: []store.EventTotal{{Source: "grafana", Kind: activity.KindQuery, Outcome: activity.Counted, Count: 4}},
		Teams: []store.TeamSnapshot{{Scope: "org:1", Date: later.Date, Teams: []store.Team{{ID: "1", Name: "Payments", Members: [][]activity.Digest{
			key.Member("alice", "a@corp.example"), key.Member("bob", ""),
		}}}}},
	})
	if !holds(t, target, contents(t, target), key.Login("alice")) {
		t.Fatal("what is looked for can't be found at all")
	}
	before, err := s.Totals(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	done, err := s.Erase(t.Context(), key.Member("alice", ""), attributed)
	if diff := cmp.Diff(store.Erased{Actors: 1, Rows: 2, Parts: 1, Memberships: 1}, done); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
	if err := s.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := s.Days(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	gone := func(d activity.Day) activity.Day {
		d.Actor, d.Retired, d.Team, d.TeamReason = 0, true, "payments", "member"
		return d
	}
	want := []activity.Day{gone(theirs), others, later, gone(open), stays}
	byActor := cmp.Transformer("sum", func(days []activity.Day) map[string]activity.Day {
		m := map[string]activity.Day{}
		for _, d := range days {
			m[fmt.Sprint(d.Date, d.Actor, d.Retired)] = d
		}
		return m
	})
	if diff := cmp.Diff(want, got, byActor); diff != "" {
		t.Error(diff)
	}
	after, err := s.Totals(t.Context())
	if diff := cmp.Diff(before, after); err != nil || diff != "" {
		t.Errorf("counters changed: %v %s", err, diff)
	}
	p, err := s.Progress(t.Context(), "grafana")
	if err != nil || p.Forgotten != 1 || strings.Contains(string(p.Held), fmt.Sprintf(`"actor":%d}`, alice)) || !strings.Contains(string(p.Held), fmt.Sprintf(`"actor":%d}`, bob)) {
		t.Errorf("%v %+v %s", err, p.Forgotten, p.Held)
	}
	all := contents(t, target)
	for _, d := range key.Member("alice", "a@corp.example") {
		if holds(t, target, all, d) {
			t.Errorf("a hash of the forgotten person is still there: %s", d)
		}
	}
	if !holds(t, target, all, key.Login("bob")) {
		t.Error("somebody else was forgotten too")
	}
	if people, err := s.RetiredPeople(t.Context()); err != nil || len(people) != 1 || people[0].People != 2 {
		t.Errorf("%v %v", people, err)
	}

	if done, err = s.Erase(t.Context(), key.Member("alice", ""), attributed); err != nil || done != (store.Erased{}) {
		t.Errorf("the second time: %+v %v", done, err)
	}
	// A collector that knew them by their ids is refused, and looks them up again.
	if _, err := s.Save(t.Context(), store.Commit{Source: "grafana", Fence: p.Fence, Days: store.Fold("grafana", []activity.Day{theirs})}); err == nil {
		t.Error("a commit brought the forgotten person back")
	}
}

// personOrClient is a person, or every third time an address, which has more hashes.
func personOrClient(i int) store.Actor {
	if i%3 != 0 {
		return login(key, fmt.Sprint("person", i))
	}
	return actorOf(activity.Identity{Addr: netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})})
}

func actorOf(who activity.Identity) store.Actor {
	whole, digests := key.Actor(who)
	return store.Actor{Whole: whole, Digests: digests}
}

// TestRetiredAreNowhere: what retention deletes is not in the database's files either.
func TestRetiredAreNowhere(t *testing.T) { onEach(t, retiredAreNowhere) }

func retiredAreNowhere(t *testing.T, empty func(*testing.T) string) {
	target := empty(t)
	s := open(t, target)
	const people = 700
	var actors []store.Actor
	for i := range people {
		actors = append(actors, personOrClient(i))
	}
	ids := actorIDs(t, s, actors...)
	var days []activity.Day
	for i, id := range ids {
		date := "2026-01-05"
		if i%7 == 0 {
			date = "2026-05-04"
		}
		days = append(days, day(date, activity.KindView, "d", id, 1))
	}
	save(t, s, store.Commit{Source: "grafana", Days: store.Fold("grafana", days)})
	fresh, err := activity.ParseDate("2026-05-04")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Retire(t.Context(), fresh, func(days []activity.Day) ([]activity.Act, []store.TeamWeekPeople) {
		return attributed(days, nil)
	}); err != nil {
		t.Fatal(err)
	}
	all := contents(t, target)
	left := 0
	for i := range people {
		digests := personOrClient(i).Digests
		if found := holds(t, target, all, digests[len(digests)-1]); found && i%7 != 0 {
			left++
		} else if !found && i%7 == 0 {
			t.Fatalf("person %d is gone too soon", i)
		}
	}
	if left > 0 {
		t.Errorf("the hashes of %d of %d are still there", left, people)
	}
}

func TestKeyIsRotated(t *testing.T) { onEach(t, keyIsRotated) }

func keyIsRotated(t *testing.T, empty func(*testing.T) string) {
	target, ctx := empty(t), context.Background()
	with := func(k activity.Key, readOnly bool) (*store.Store, error) {
		return store.Open(ctx, target, store.Options{Key: k, Timezone: "UTC", ReadOnly: readOnly})
	}
	s, err := with(key, false)
	if err != nil {
		t.Fatal(err)
	}
	ids := actorIDs(t, s, login(key, "alice"), login(key, "bob"))
	save(t, s, store.Commit{Source: "grafana", Days: store.Fold("grafana", []activity.Day{day("2026-01-05", activity.KindView, "d", ids[0], 1)}), Teams: []store.TeamSnapshot{
		{Scope: "org:1", Date: 20000, Teams: []store.Team{{ID: "1", Name: "Payments", Members: [][]activity.Digest{key.Member("alice", "")}}}},
	}})
	text := s.Key().Text("up")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	second := activity.NewKey([]byte("a second key"))
	if _, err := with(second, false); err == nil || !strings.Contains(err.Error(), "old_hash_key_files") {
		t.Fatalf("another key was taken: %v", err)
	}
	rotated := second.After(key, second, key)
	reader, err := with(rotated, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = with(rotated, false); err != nil {
		t.Fatal(err)
	}
	if s.Key().Text("up") != text {
		t.Error("texts are hashed in another way: lines and queries would be read once more")
	}
	now := actorIDs(t, s, login(rotated, "alice"), login(rotated, "carol"), login(rotated, "alice"))
	if now[0] != ids[0] || now[2] != ids[0] || now[1] == ids[1] {
		t.Errorf("who was known under the former key is %v now, and was %v", now, ids)
	}
	f, err := s.Facts(ctx, rotated.Member("alice", ""))
	if err != nil || len(f.Actors[second.Login("alice")]) != 1 || len(f.Actors[key.Login("alice")]) != 0 {
		t.Errorf("%v %v", err, f.Actors)
	}
	if f, err = s.Facts(ctx, rotated.Member("bob", "")); err != nil || len(f.Actors[key.Login("bob")]) != 1 {
		t.Errorf("who was not seen since is not found under the former key: %v %v", err, f.Actors)
	}
	// The members of a team go on, and are still found under both keys.
	save(t, s, store.Commit{Source: "grafana", Fence: store.Fence{store.Whole: 1}, Teams: []store.TeamSnapshot{
		{Scope: "org:1", Date: 20007, Teams: []store.Team{{ID: "1", Name: "Payments", Members: [][]activity.Digest{rotated.Member("alice", "")}}}},
	}})
	m, err := s.Memberships(ctx)
	if err != nil || len(m) != 1 || m[0].From != 0 || m[0].To != 0 || m[0].Digests[0] != second.Login("alice") {
		t.Errorf("%v %+v", err, m)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	// The former key is needed as long as there is somebody under it, and the one before the last is as good as none.
	for name, k := range map[string]activity.Key{"without the former key": second, "back to the former key alone": key} {
		if _, err := with(k, false); err == nil || !strings.Contains(err.Error(), "hint: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s, err = with(rotated, false); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Erase(ctx, rotated.Member("bob", ""), attributed); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	third := activity.NewKey([]byte("a third key")).After(second)
	if s, err = with(third, false); err != nil {
		t.Fatal(err)
	}
	if s.Key().Text("up") != text {
		t.Error("texts are hashed in another way after a second rotation")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
