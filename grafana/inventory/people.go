package inventory

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/grafana-tools/sdk"
	"golang.org/x/sync/errgroup"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/grafana"
)

// pageSize is how many things are asked for at once where Grafana gives pages.
const pageSize = 1000

// users translates what Grafana calls people to logins. It is safe for concurrent use.
type users struct {
	mu     sync.Mutex
	logins map[string]string // by uid
}

func (u *users) login(uid string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.logins[uid]
}

func (u *users) learn(uid, login string) {
	if uid == "" || login == "" {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.logins[uid] = login
}

// readUsers learns who is behind the ids of users and service accounts. Grafana before 11 has no such ids.
func (o *orgRun) readUsers(ctx context.Context) error {
	var all []struct {
		UID   string `json:"uid"`
		Login string `json:"login"`
	}
	if err := o.get(ctx, callUsers, "/api/org/users", nil, &all); err != nil && !refused(err) {
		return err
	}
	for _, u := range all {
		o.users.learn(u.UID, u.Login)
	}
	for page, seen := 1, 0; ; page++ {
		var found struct {
			Total    int `json:"totalCount"`
			Accounts []struct {
				UID   string `json:"uid"`
				Login string `json:"login"`
			} `json:"serviceAccounts"`
		}
		query := url.Values{"perpage": {strconv.Itoa(pageSize)}, "page": {strconv.Itoa(page)}}
		err := o.get(ctx, callAccounts, "/api/serviceaccounts/search", query, &found)
		if absent(err) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, a := range found.Accounts {
			o.users.learn(a.UID, a.Login)
		}
		if seen += len(found.Accounts); len(found.Accounts) == 0 || seen >= found.Total {
			return nil
		}
	}
}

// anonymous is what Grafana writes where nobody was logged in.
const anonymous = "Anonymous"

// author is who did something, and why it was no person if it was none.
func author(login string) (who activity.Identity, robot string) {
	switch login = strings.ToLower(login); {
	case login == "" || login == strings.ToLower(anonymous):
		return activity.Identity{}, ""
	case grafana.IsServiceAccount([]byte(login)):
		return activity.Identity{Login: login}, activity.RobotServiceAccount
	}
	return activity.Identity{Login: login}, ""
}

// subject reads how the newer APIs write an author, "user:<uid>".
func (o *orgRun) subject(text string) (who activity.Identity, robot string) {
	kind, uid, _ := strings.Cut(text, ":")
	switch kind {
	case "service-account":
		return activity.Identity{}, activity.RobotServiceAccount
	case "provisioning", "access-policy":
		return activity.Identity{}, activity.RobotProvisioning
	}
	return author(o.users.login(uid))
}

// readTeams saves a snapshot of all teams and who is in them.
func (o *orgRun) readTeams(ctx context.Context) error {
	const path = "/api/teams/search"
	var teams []sdk.Team
	for page := uint(1); ; page++ {
		found, err := o.sdk.SearchTeams(ctx, sdk.WithPagesize(pageSize), sdk.WithPage(page))
		if err != nil {
			return o.failed(callTeams, path, err)
		}
		teams = append(teams, found.Teams...)
		if len(found.Teams) == 0 || len(teams) >= found.TotalCount {
			break
		}
	}
	snapshot := activity.TeamSnapshot{Seen: o.now, Scope: o.scope, Teams: make([]activity.GrafanaTeam, len(teams))}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(o.limit())
	for i, team := range teams {
		g.Go(func() error {
			known := &snapshot.Teams[i]
			known.ID, known.Name = strconv.FormatUint(uint64(team.ID), 10), team.Name
			members, err := o.sdk.GetTeamMembers(ctx, team.ID)
			err = o.failed(callMembers, "/api/teams/"+known.ID+"/members", err)
			if refused(err) || absent(err) {
				known.Unread = true
				return nil
			}
			for _, m := range members {
				if m.Login != "" {
					known.Members = append(known.Members, activity.Identity{Login: m.Login, Email: m.Email})
				}
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return o.keep(activity.Batch{Teams: []activity.TeamSnapshot{snapshot}})
}
